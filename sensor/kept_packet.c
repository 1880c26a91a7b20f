#include "sensor/kept_packet.h"

#include <stdlib.h>
#include <string.h>

#include "decoders/link.h"

#define CHECKSUM_AT      16 /* in a TCP header */
#define IP_CHECKSUM_AT   10
#define MAC_BYTES        12 /* both addresses of an Ethernet frame */
#define VLAN_BYTES       4
#define IPV4_HEADER      20
#define IPV6_HEADER      40
#define HEADERS_MAX      (MAC_BYTES + VLAN_BYTES * MXT_VLAN_MAX + 2 + IPV6_HEADER)
#define ETHERTYPE_VLAN   0x8100
#define ETHERTYPE_IPV4   0x0800
#define ETHERTYPE_IPV6   0x86dd
#define PROTOCOL_TCP     6
#define DAMAGE           0x0101 /* makes a checksum wrong, and leaves none at 0, which says that there is none */

static uint32_t fold(uint64_t sum)
{
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint32_t)sum;
}

/* The sum of 16-bit words. */
static uint32_t sum_of(const uint8_t *p, size_t n)
{
    uint64_t sum = 0;
    for (size_t i = 0; i + 1 < n; i += 2)
        sum += (uint32_t)p[i] << 8 | p[i + 1];
    if (n % 2 != 0)
        sum += (uint32_t)p[n - 1] << 8;
    return fold(sum);
}

/* ---- frames that never were ---- */

static uint8_t *put_u16(uint8_t *to, uint32_t value)
{
    to[0] = (uint8_t)(value >> 8);
    to[1] = (uint8_t)value;
    return to + 2;
}

static uint8_t *put_ipv4(uint8_t *to, const struct mxt_segment *segment, uint32_t length)
{
    uint8_t *head = to;
    memset(head, 0, IPV4_HEADER);
    head[0] = 0x45;
    put_u16(head + 2, length + IPV4_HEADER <= UINT16_MAX ? length + IPV4_HEADER : 0); /* 0: as segmentation offload leaves it */
    head[8] = segment->ttl;
    head[9] = PROTOCOL_TCP;
    memcpy(head + 12, segment->src.bytes + 12, 4);
    memcpy(head + 16, segment->dst.bytes + 12, 4);
    uint32_t checksum = ~sum_of(head, IPV4_HEADER) & 0xffff;
    put_u16(head + IP_CHECKSUM_AT, segment->is_ip_damaged ? checksum ^ DAMAGE : checksum);
    return to + IPV4_HEADER;
}

static uint8_t *put_ipv6(uint8_t *to, const struct mxt_segment *segment, uint32_t length)
{
    uint8_t *head = to;
    memset(head, 0, IPV6_HEADER);
    head[0] = 0x60;
    put_u16(head + 4, length <= UINT16_MAX ? length : 0);
    head[6] = PROTOCOL_TCP;
    head[7] = segment->ttl;
    memcpy(head + 8, segment->src.bytes, 16);
    memcpy(head + 24, segment->dst.bytes, 16);
    return to + IPV6_HEADER;
}

static bool is_raw_ip(int link_type)
{
    return link_type == MXT_LINKTYPE_RAW || link_type == MXT_LINKTYPE_IPV4 || link_type == MXT_LINKTYPE_IPV6;
}

/* Writes what stands in front of the TCP header into `to` of HEADERS_MAX bytes; `length` is that of the segment. Returns its bytes. */
static uint32_t put_headers(uint8_t *to, const struct mxt_segment *segment, uint32_t length)
{
    uint8_t *at = to;
    bool is_ipv4 = mxt_address_is_ipv4(&segment->src) && mxt_address_is_ipv4(&segment->dst);
    if (!is_raw_ip(segment->frame->link_type)) {
        memset(at, 0, MAC_BYTES);
        at += MAC_BYTES;
        for (size_t i = 0; i < segment->vlan_count; i++)
            at = put_u16(put_u16(at, ETHERTYPE_VLAN), segment->vlan[i]);
        at = put_u16(at, is_ipv4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
    }
    at = is_ipv4 ? put_ipv4(at, segment, length) : put_ipv6(at, segment, length);
    return (uint32_t)(at - to);
}

/* ---- the interface ---- */

static uint32_t segment_length(const struct mxt_segment *segment)
{
    return (uint32_t)(segment->payload - segment->tcp) + segment->payload_length;
}

size_t mxt_kept_packet_needs(const struct mxt_segment *segment)
{
    uint8_t headers[HEADERS_MAX];
    uint32_t length = segment_length(segment);
    return sizeof(struct mxt_kept_packet) + (mxt_segment_is_in_frame(segment) ? segment->frame->captured : put_headers(headers, segment, length + segment->payload_missing) + length);
}

/* Bytes behind the payload (padding, a frame check sequence) say nothing of mail and may hold anything. */
static void copy_frame(struct mxt_kept_packet *packet, const struct mxt_segment *segment)
{
    const struct mxt_frame *frame = segment->frame;
    packet->wire = frame->wire;
    packet->link_type = frame->link_type;
    packet->tcp_at = (uint32_t)(segment->tcp - frame->data);
    packet->payload_at = (uint32_t)(segment->payload - frame->data);
    uint32_t end = packet->payload_at + packet->payload_n;
    memcpy(packet->bytes, frame->data, end);
    memset(packet->bytes + end, 0, packet->captured - end);
}

static void make_frame(struct mxt_kept_packet *packet, const struct mxt_segment *segment)
{
    uint32_t length = segment_length(segment);
    packet->tcp_at = put_headers(packet->bytes, segment, length + segment->payload_missing);
    packet->payload_at = packet->tcp_at + length - packet->payload_n;
    packet->wire = packet->captured + segment->payload_missing;
    packet->link_type = is_raw_ip(segment->frame->link_type) ? MXT_LINKTYPE_RAW : MXT_LINKTYPE_ETHERNET;
    memcpy(packet->bytes + packet->tcp_at, segment->tcp, length);
}

struct mxt_kept_packet *mxt_kept_packet_new(const struct mxt_segment *segment)
{
    size_t size = mxt_kept_packet_needs(segment);
    struct mxt_kept_packet *packet = malloc(size);
    if (packet == NULL)
        return NULL;
    *packet = (struct mxt_kept_packet){.time_us = segment->frame->time_us, .captured = (uint32_t)(size - sizeof *packet), .payload_n = segment->payload_length};
    packet->is_partial = mxt_segment_checksum(segment) == MXT_CHECKSUM_PARTIAL;
    if (mxt_segment_is_in_frame(segment))
        copy_frame(packet, segment);
    else
        make_frame(packet, segment);
    return packet;
}

uint32_t mxt_kept_packet_sum(const struct mxt_kept_packet *packet)
{
    return sum_of(packet->bytes + packet->payload_at, packet->payload_n);
}

void mxt_kept_packet_mend(struct mxt_kept_packet *packet, uint32_t before)
{
    if (packet->is_partial || packet->tcp_at + CHECKSUM_AT + 2 > packet->payload_at)
        return;
    uint8_t *at = packet->bytes + packet->tcp_at + CHECKSUM_AT;
    put_u16(at, ~fold((~((uint32_t)at[0] << 8 | at[1]) & 0xffff) + (~before & 0xffff) + mxt_kept_packet_sum(packet)));
}
