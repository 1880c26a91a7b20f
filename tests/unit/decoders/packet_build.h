/*
 * Builds frames for tests from a line such as "eth vlan=c ip4 gre=ks eth ip6 tcp": layers from the outside in, each with an argument where it takes one.
 * Every layer knows the numbers by which the one around it announces it, so that any nesting comes out right.
 *
 *   eth[=TYPE] snap sll[=TYPE] sll2[=TYPE] null[=FAMILY] loop[=FAMILY] bad  link layers; "null" little-endian, "loop" big-endian; hexadecimal numbers replace
 *   ppp[=NUMBER] hdlc pppshort                                              the right ones. hdlc has address and control, pppshort the one-byte number
 *   vlan=ID qinq=ID mpls=LABELS pw pppoe[=CODE]
 *   gre[=cksr1]                                                             checksum, key, sequence, routing, version 1
 *   erspan2 erspan3[=s] udp=PORT vxlan[=0]
 *   ip4[=o0s4] ip6[=0]                                                      o: options, 0: length 0, s: header too short, 4: claims version 5
 *   hbh route dest ah atomic
 *   tcp[=tT5f]                                                              t: timestamp, T: timestamp after other options, 5: header too short, f: too long
 */
#ifndef MXT_TESTS_PACKET_BUILD_H
#define MXT_TESTS_PACKET_BUILD_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "decoders/packet.h"

#define BUILD_MAX  4096
#define BUILD_SEQ  0x01020304u
#define BUILD_ACK  0x05060708u
#define BUILD_TIME 0x0a0b0c0du

struct build {
    uint8_t bytes[BUILD_MAX];
    size_t at; /* the frame is bytes[at..BUILD_MAX) */
    uint16_t ethertype, ppp;
    uint8_t protocol, family;
    bool is_bottom; /* the next MPLS label is the last of its stack */
};

static inline uint8_t *build_put(struct build *b, size_t n)
{
    assert_true(n <= b->at);
    b->at -= n;
    memset(b->bytes + b->at, 0, n);
    return b->bytes + b->at;
}

static inline size_t build_length(const struct build *b)
{
    return BUILD_MAX - b->at;
}

static inline void build_u16(uint8_t *p, unsigned value)
{
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}

static inline void build_u32(uint8_t *p, uint32_t value)
{
    build_u16(p, value >> 16);
    build_u16(p + 2, value & 0xffff);
}

static inline void build_tcp(struct build *b, const char *how)
{
    static const uint8_t usual[12] = {1, 1, 8, 10, 0x0a, 0x0b, 0x0c, 0x0d, 0, 0, 0, 1};
    static const uint8_t late[20] = {2, 4, 5, 0xb4, 4, 2, 8, 10, 0x0a, 0x0b, 0x0c, 0x0d, 0, 0, 0, 1, 3, 3, 7, 0};
    const uint8_t *options = strchr(how, 't') != NULL ? usual : late;
    size_t n = strchr(how, 't') != NULL ? sizeof usual : strchr(how, 'T') != NULL ? sizeof late : 0;
    memcpy(build_put(b, n), options, n);
    uint8_t *p = build_put(b, 20);
    build_u16(p, 40000);
    build_u16(p + 2, 25);
    build_u32(p + 4, BUILD_SEQ);
    build_u32(p + 8, BUILD_ACK);
    p[12] = (uint8_t)((20 + n) / 4 << 4);
    if (strchr(how, '5') != NULL)
        p[12] = 0x40;
    if (strchr(how, 'f') != NULL)
        p[12] = 0xf0;
    p[13] = MXT_PSH | MXT_ACK;
    build_u16(p + 14, 512);
    b->protocol = 6;
}

/* IPv4 10.0.0.1 to 10.0.0.2. `id`, and `place` as in the header's field of flags and offset. */
static inline void build_ip4(struct build *b, const char *how, unsigned id, unsigned place)
{
    bool has_options = strchr(how, 'o') != NULL;
    size_t length = build_length(b), header = has_options ? 24 : 20;
    uint8_t *p = build_put(b, header);
    p[0] = (uint8_t)((strchr(how, '4') != NULL ? 0x50 : 0x40) | (strchr(how, 's') != NULL ? 4 : header / 4));
    build_u16(p + 2, strchr(how, '0') != NULL ? 0 : (unsigned)(length + header));
    build_u16(p + 4, id);
    build_u16(p + 6, place);
    p[8] = 61;
    p[9] = b->protocol;
    memcpy(p + 12, "\x0a\x00\x00\x01\x0a\x00\x00\x02", 8);
    b->protocol = 4;
    b->ethertype = 0x0800;
    b->ppp = 0x0021;
    b->family = 2;
}

/* IPv6 2001:db8::1 to 2001:db8::2. */
static inline void build_ip6(struct build *b, const char *how)
{
    size_t length = build_length(b);
    uint8_t *p = build_put(b, 40);
    p[0] = 0x60;
    build_u16(p + 4, strchr(how, '0') != NULL ? 0 : (unsigned)length);
    p[6] = b->protocol;
    p[7] = 62;
    memcpy(p + 8, "\x20\x01\x0d\xb8", 4);
    p[23] = 1;
    memcpy(p + 24, "\x20\x01\x0d\xb8", 4);
    p[39] = 2;
    b->protocol = 41;
    b->ethertype = 0x86dd;
    b->ppp = 0x0057;
    b->family = 24;
}

/* An IPv6 extension header that is `size` bytes long, `number` its protocol number. */
static inline void build_extension(struct build *b, uint8_t number, size_t size)
{
    uint8_t *p = build_put(b, size);
    p[0] = b->protocol;
    p[1] = (uint8_t)(number == 51 ? size / 4 - 2 : size / 8 - 1);
    b->protocol = number;
}

/* An IPv6 fragment header; `place` as in its field of offset and flag. */
static inline void build_fragment6(struct build *b, uint32_t id, unsigned place)
{
    uint8_t *p = build_put(b, 8);
    p[0] = b->protocol;
    build_u16(p + 2, place);
    build_u32(p + 4, id);
    b->protocol = 44;
}

static inline void build_gre(struct build *b, const char *how)
{
    bool has_checksum = strchr(how, 'c') != NULL, has_key = strchr(how, 'k') != NULL, has_sequence = strchr(how, 's') != NULL;
    uint8_t *p = build_put(b, 4 + 4 * ((size_t)has_checksum + (size_t)has_key + (size_t)has_sequence));
    build_u16(p, (has_checksum ? 0x8000u : 0) | (has_key ? 0x2000u : 0) | (has_sequence ? 0x1000u : 0) | (strchr(how, 'r') != NULL ? 0x4000u : 0) |
                     (strchr(how, '1') != NULL ? 1u : 0));
    build_u16(p + 2, b->ethertype);
    b->protocol = 47;
}

static inline void build_tag(struct build *b, unsigned id, unsigned ethertype)
{
    uint8_t *p = build_put(b, 4);
    build_u16(p, id | 0xe000u); /* with a priority, which is no part of the number */
    build_u16(p + 2, b->ethertype);
    b->ethertype = (uint16_t)ethertype;
}

static inline void build_mpls(struct build *b, unsigned long labels)
{
    for (unsigned long i = 0; i < labels; i++)
        build_u32(build_put(b, 4), 0x00012040u | (i == 0 ? 0x100u : 0));
    b->ethertype = 0x8847;
    b->ppp = 0x0281;
}

static inline void build_link(struct build *b, const char *name, const char *how)
{
    unsigned given = how[0] == '\0' ? 0 : (unsigned)strtoul(how, NULL, 16);
    unsigned ethertype = how[0] == '\0' ? b->ethertype : given, family = how[0] == '\0' ? b->family : given;
    if (strcmp(name, "eth") == 0) {
        build_u16(build_put(b, 14) + 12, ethertype);
        b->ethertype = 0x6558;
    } else if (strcmp(name, "snap") == 0) {
        build_u16(build_put(b, 2), b->ethertype);
        memcpy(build_put(b, 6), "\xaa\xaa\x03\0\0\0", 6);
        b->ethertype = (uint16_t)build_length(b);
    } else if (strcmp(name, "sll") == 0) {
        build_u16(build_put(b, 16) + 14, ethertype);
    } else if (strcmp(name, "sll2") == 0) {
        build_u16(build_put(b, 20), ethertype);
    } else if (strcmp(name, "null") == 0) {
        build_put(b, 4)[0] = (uint8_t)family;
    } else {
        build_put(b, 4)[3] = (uint8_t)family;
    }
}

static inline void build_ppp(struct build *b, const char *name, const char *how)
{
    if (strcmp(name, "pppshort") == 0)
        build_put(b, 1)[0] = (uint8_t)b->ppp;
    else
        build_u16(build_put(b, 2), how[0] == '\0' ? b->ppp : (unsigned)strtoul(how, NULL, 16));
    if (strcmp(name, "hdlc") == 0)
        memcpy(build_put(b, 2), "\xff\x03", 2);
}

static inline void build_tunnel(struct build *b, const char *name, const char *how)
{
    size_t length = build_length(b);
    uint8_t *p;
    if (strcmp(name, "pppoe") == 0) {
        p = build_put(b, 6);
        p[0] = 0x11;
        p[1] = (uint8_t)strtoul(how, NULL, 16);
        build_u16(p + 4, (unsigned)length);
        b->ethertype = 0x8864;
    } else if (strcmp(name, "erspan2") == 0) {
        build_put(b, 8)[0] = 0x10;
        b->ethertype = 0x88be;
    } else if (strcmp(name, "erspan1") == 0) {
        b->ethertype = 0x88be;
    } else if (strcmp(name, "erspan3") == 0) {
        build_put(b, how[0] == 's' ? 8 : 0);
        p = build_put(b, 12);
        p[0] = 0x20;
        p[10] = how[0] == 'i' ? 2 << 2 : how[0] == 'x' ? 5 << 2 : 0;
        p[11] = how[0] == 's';
        b->ethertype = 0x22eb;
    } else if (strcmp(name, "udp") == 0) {
        p = build_put(b, 8);
        build_u16(p, 50000);
        build_u16(p + 2, (unsigned)strtoul(how, NULL, 10));
        build_u16(p + 4, (unsigned)length + 8);
        b->protocol = 17;
    } else {
        build_put(b, 8)[0] = how[0] == '0' ? 0 : 8;
    }
}

static inline void build_layer(struct build *b, const char *name, const char *how)
{
    static const struct {
        const char *name;
        uint8_t number, size;
    } extensions[] = {{"hbh", 0, 8}, {"route", 43, 24}, {"dest", 60, 16}, {"ah", 51, 24}};
    for (size_t i = 0; i < COUNT(extensions); i++)
        if (strcmp(name, extensions[i].name) == 0) {
            build_extension(b, extensions[i].number, extensions[i].size);
            return;
        }
    if (strcmp(name, "tcp") == 0)
        build_tcp(b, how);
    else if (strcmp(name, "ip4") == 0)
        build_ip4(b, how, 0, 0x4000);
    else if (strcmp(name, "ip6") == 0)
        build_ip6(b, how);
    else if (strcmp(name, "atomic") == 0)
        build_fragment6(b, 7, 0);
    else if (strcmp(name, "gre") == 0)
        build_gre(b, how);
    else if (strcmp(name, "vlan") == 0)
        build_tag(b, (unsigned)strtoul(how, NULL, 10), 0x8100);
    else if (strcmp(name, "qinq") == 0)
        build_tag(b, (unsigned)strtoul(how, NULL, 10), 0x88a8);
    else if (strcmp(name, "mpls") == 0)
        build_mpls(b, strtoul(how, NULL, 10));
    else if (strcmp(name, "pw") == 0)
        build_put(b, 4);
    else if (strcmp(name, "hdlc") == 0 || (strncmp(name, "ppp", 3) == 0 && strcmp(name, "pppoe") != 0))
        build_ppp(b, name, how);
    else if (strcmp(name, "eth") == 0 || strcmp(name, "snap") == 0 || strncmp(name, "sll", 3) == 0 || strcmp(name, "null") == 0 || strcmp(name, "loop") == 0)
        build_link(b, name, how);
    else
        build_tunnel(b, name, how);
}

/* Puts the layers of `line` around what is there already. */
static inline void build_around(struct build *b, const char *line)
{
    char text[256];
    snprintf(text, sizeof text, "%s", line);
    while (text[0] != '\0') {
        char *last = strrchr(text, ' ');
        char *name = last == NULL ? text : last + 1, *how = strchr(name, '=');
        if (how != NULL)
            *how++ = '\0';
        build_layer(b, name, how == NULL ? "" : how);
        *(last == NULL ? text : last) = '\0';
    }
}

/* A frame with `payload` inside the layers of `line`. */
static inline void build_frame(struct build *b, const char *line, const char *payload)
{
    b->at = BUILD_MAX;
    b->protocol = 0;
    b->ethertype = b->ppp = 0;
    b->family = 0;
    memcpy(build_put(b, strlen(payload)), payload, strlen(payload));
    build_around(b, line);
}

static inline struct mxt_packet_decoder *build_decoder(const struct mxt_packet_limits *limits)
{
    struct mxt_port_set ports = {{0}};
    mxt_port_set_add(&ports, 25);
    struct mxt_packet_limits usual = MXT_PACKET_LIMITS_DEFAULT;
    struct mxt_packet_decoder *decoder = mxt_packet_decoder_new(&ports, limits == NULL ? &usual : limits);
    assert_non_null(decoder);
    return decoder;
}

#endif
