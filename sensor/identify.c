#include "sensor/identify.h"

#include <ctype.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <ndpi_api.h>

#define IP_HEADER   20
#define TCP_HEADER  20
#define HEADERS     (IP_HEADER + TCP_HEADER)
#define PAYLOAD_MAX 1460 /* bytes of one packet: nDPI counts in 16 bits, and looks at the beginning */
#define ZEROS       256  /* behind a packet; nDPI's text decoders compare words of up to some dozen bytes */
#define PIECE       32   /* bytes: a shorter packet may be a piece of a word, by which nDPI would judge */
#define GATHER_MAX  256  /* bytes of pieces that become one packet */
#define CLIENT_PORT 61111
#define SERVER_PORT 61112 /* no protocol's */
#define PROTOCOL_NAME 32  /* bytes of a name, as nDPI's own are */
#define PROTOCOLS   (NDPI_MAX_SUPPORTED_PROTOCOLS + NDPI_MAX_NUM_CUSTOM_PROTOCOLS)

/* nDPI's tables must not be made by two threads at once. */
static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;

struct mxt_identify {
    struct ndpi_detection_module_struct *module; /* NULL: not made yet */
    bool has_failed;                             /* it could not be made, and is not tried again */
    uint32_t open;
    uint32_t serial; /* of the next connection: its addresses, as nDPI remembers some */
    char (*names)[PROTOCOL_NAME];
    uint8_t packet[HEADERS + PAYLOAD_MAX + ZEROS];
};

struct mxt_identify_flow {
    struct ndpi_flow_struct *state;
    uint32_t serial, packets;
    uint32_t sent[2]; /* bytes, by direction */
    enum mxt_direction speaker; /* of what is gathered */
    uint32_t gathered;
    uint8_t pieces[GATHER_MAX];
};

struct mxt_identify *mxt_identify_new(void)
{
    return calloc(1, sizeof(struct mxt_identify));
}

void mxt_identify_free(struct mxt_identify *identify)
{
    if (identify == NULL)
        return;
    if (identify->module != NULL)
        ndpi_exit_detection_module(identify->module);
    free(identify->names);
    free(identify);
}

static void make_names(struct mxt_identify *identify)
{
    for (unsigned id = 0; id < PROTOCOLS; id++) {
        const char *name = ndpi_get_proto_name(identify->module, (uint16_t)id);
        for (size_t i = 0; i + 1 < PROTOCOL_NAME && name[i] != '\0'; i++)
            identify->names[id][i] = (char)tolower((unsigned char)name[i]);
    }
}

static void make(struct mxt_identify *identify)
{
    pthread_mutex_lock(&making);
    /* Neither lists of hosts nor decryption (QUIC's) are wanted. */
    identify->module = ndpi_init_detection_module(ndpi_dont_load_tor_hosts | ndpi_dont_init_libgcrypt);
    identify->names = calloc(PROTOCOLS, sizeof identify->names[0]);
    if (identify->module != NULL && identify->names != NULL) {
        NDPI_PROTOCOL_BITMASK all;
        NDPI_BITMASK_SET_ALL(all);
        ndpi_set_protocol_detection_bitmask2(identify->module, &all);
        ndpi_finalize_initialization(identify->module);
        make_names(identify);
    } else {
        identify->has_failed = true;
    }
    pthread_mutex_unlock(&making);
}

struct mxt_identify_flow *mxt_identify_open(struct mxt_identify *identify)
{
    if (identify->module == NULL && !identify->has_failed)
        make(identify);
    if (identify->has_failed || identify->open >= MXT_IDENTIFY_FLOWS)
        return NULL;
    struct mxt_identify_flow *flow = calloc(1, sizeof *flow);
    if (flow == NULL)
        return NULL;
    flow->state = ndpi_flow_malloc(ndpi_detection_get_sizeof_ndpi_flow_struct());
    if (flow->state == NULL) {
        free(flow);
        return NULL;
    }
    memset(flow->state, 0, ndpi_detection_get_sizeof_ndpi_flow_struct());
    flow->serial = identify->serial++;
    identify->open++;
    return flow;
}

static void put16(uint8_t *p, uint32_t value)
{
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}

static void put32(uint8_t *p, uint32_t value)
{
    put16(p, value >> 16);
    put16(p + 2, value);
}

/* Addresses in 10.0.0.0/8: nobody's. */
static void put_address(uint8_t *p, uint32_t serial, enum mxt_direction owner)
{
    put32(p, UINT32_C(0x0a000000) | (serial << 1 & UINT32_C(0xffffff)) | (owner == MXT_TOSERVER ? 0 : 1));
}

static uint16_t make_packet(uint8_t *packet, const struct mxt_identify_flow *flow, enum mxt_direction direction, const uint8_t *p, size_t n)
{
    enum mxt_direction other = mxt_direction_other(direction);
    uint8_t *tcp = packet + IP_HEADER;
    memset(packet, 0, HEADERS + PAYLOAD_MAX + ZEROS);
    packet[0] = 0x45;
    put16(packet + 2, (uint32_t)(HEADERS + n));
    packet[8] = 64;
    packet[9] = 6;
    put_address(packet + 12, flow->serial, direction);
    put_address(packet + 16, flow->serial, other);
    put16(tcp, direction == MXT_TOSERVER ? CLIENT_PORT : SERVER_PORT);
    put16(tcp + 2, direction == MXT_TOSERVER ? SERVER_PORT : CLIENT_PORT);
    put32(tcp + 4, 1 + flow->sent[direction]);
    put32(tcp + 8, 1 + flow->sent[other]);
    tcp[12] = TCP_HEADER / 4 << 4;
    tcp[13] = MXT_PSH | MXT_ACK;
    put16(tcp + 14, 65535);
    memcpy(packet + HEADERS, p, n);
    return (uint16_t)(HEADERS + n);
}

/* Gives nDPI one packet. */
static enum mxt_identified give(struct mxt_identify *identify, struct mxt_identify_flow *flow, enum mxt_direction direction, const uint8_t *p, size_t n,
                                int64_t time_us, const char **name)
{
    if (flow->packets >= MXT_IDENTIFY_PACKETS)
        return MXT_IDENTIFIED_NEVER;
    flow->packets++;
    if (n > PAYLOAD_MAX)
        n = PAYLOAD_MAX;
    uint16_t length = make_packet(identify->packet, flow, direction, p, n);
    flow->sent[direction] += (uint32_t)n;
    ndpi_protocol found = ndpi_detection_process_packet(identify->module, flow->state, identify->packet, length, (uint64_t)(time_us / 1000));
    uint16_t protocol = found.app_protocol != NDPI_PROTOCOL_UNKNOWN ? found.app_protocol : found.master_protocol;
    if (protocol == NDPI_PROTOCOL_UNKNOWN || protocol >= PROTOCOLS)
        return flow->packets < MXT_IDENTIFY_PACKETS ? MXT_IDENTIFIED_NOT_YET : MXT_IDENTIFIED_NEVER;
    if (protocol == NDPI_PROTOCOL_MAIL_SMTP || protocol == NDPI_PROTOCOL_MAIL_SMTPS)
        return MXT_IDENTIFIED_MAIL;
    *name = identify->names[protocol];
    return MXT_IDENTIFIED_OTHER;
}

static enum mxt_identified give_gathered(struct mxt_identify *identify, struct mxt_identify_flow *flow, int64_t time_us, const char **name)
{
    uint32_t n = flow->gathered;
    flow->gathered = 0;
    return n > 0 ? give(identify, flow, flow->speaker, flow->pieces, n, time_us, name) : MXT_IDENTIFIED_NOT_YET;
}

enum mxt_identified mxt_identify_feed(struct mxt_identify *identify, struct mxt_identify_flow *flow, enum mxt_direction direction, const uint8_t *p, size_t n,
                                      int64_t time_us, const char **name)
{
    if (flow->gathered > 0 && (flow->speaker != direction || n > GATHER_MAX - flow->gathered)) {
        enum mxt_identified answer = give_gathered(identify, flow, time_us, name);
        if (answer != MXT_IDENTIFIED_NOT_YET)
            return answer;
    }
    if (flow->gathered == 0 && (n >= PIECE || p[n - 1] == '\n'))
        return give(identify, flow, direction, p, n, time_us, name);
    memcpy(flow->pieces + flow->gathered, p, n); /* n is at most what is free: a longer one is no piece, or was made room for */
    flow->gathered += (uint32_t)n;
    flow->speaker = direction;
    bool is_whole = p[n - 1] == '\n' || flow->gathered == GATHER_MAX;
    return is_whole ? give_gathered(identify, flow, time_us, name) : MXT_IDENTIFIED_NOT_YET;
}

void mxt_identify_close(struct mxt_identify *identify, struct mxt_identify_flow *flow)
{
    if (flow == NULL)
        return;
    ndpi_flow_free(flow->state);
    free(flow);
    identify->open--;
}
