/*
 * The table of unfinished datagrams (RFC 791 3.2, RFC 8200 4.5). Internal to the packet decoder.
 *
 * Fragments come in any order. What overlaps with the same bytes is taken once; what overlaps with other bytes condemns the datagram until its time is
 * out (RFC 5722: also the fragments that are still to come). Bounded in bytes and by capture time; when full, the oldest datagram goes.
 */
#ifndef MXT_DECODERS_FRAGMENT_H
#define MXT_DECODERS_FRAGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "decoders/packet.h"

/* What names a datagram. Compared as bytes, so it has no padding of the compiler's: zero it before filling. */
struct mxt_fragment_key {
    struct mxt_address src, dst;
    uint32_t id;
    uint16_t vlan[MXT_VLAN_MAX];
    uint8_t vlan_count;
    uint8_t protocol; /* 0 for IPv6 */
    uint8_t zero[2];
};

struct mxt_fragment {
    const struct mxt_fragment_key *key;
    const uint8_t *data;
    uint32_t captured; /* bytes at `data` */
    uint32_t length;   /* bytes of the fragment on the wire; a fragment that was cut is of no use */
    uint32_t offset;   /* bytes */
    bool has_more;
    uint8_t protocol;        /* of the datagram, as this fragment says; the first one's counts */
    enum mxt_fact is_wanted; /* what the first fragment tells about the content; MXT_UNKNOWN for the others */
    bool is_damaged;         /* its IP header's checksum is wrong */
    bool is_good;            /* it is right */
    int64_t time_us;
};

/* A datagram's payload, in the table's memory: valid until the next call. */
struct mxt_datagram {
    const uint8_t *data;
    uint32_t length;
    uint8_t protocol;
};

enum mxt_fragment_result {
    MXT_FRAGMENT_HELD,     /* also: dropped and counted, since the datagram can never be whole */
    MXT_FRAGMENT_UNWANTED, /* of a datagram that does not matter; nothing of it is held */
    MXT_FRAGMENT_WHOLE,    /* *out is filled, the datagram is forgotten */
    MXT_FRAGMENT_MALFORMED /* its place and length are impossible */
};

struct mxt_fragments;

/* An empty table. NULL: out of memory. Free with mxt_fragments_free. */
struct mxt_fragments *mxt_fragments_new(const struct mxt_packet_limits *limits);

/* NULL is accepted. */
void mxt_fragments_free(struct mxt_fragments *table);

/* Takes a fragment; its bytes are copied. Fragments given up by this call are added to *dropped. */
enum mxt_fragment_result mxt_fragments_add(struct mxt_fragments *table, const struct mxt_fragment *fragment, struct mxt_datagram *out, uint64_t *dropped);

#endif
