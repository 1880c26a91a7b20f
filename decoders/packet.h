/*
 * From a captured frame to a TCP segment: link layers, tunnels, IP, fragments, the TCP header (RFC 9293, 791, 8200).
 *
 * Neither the captured length nor a header's own length is trusted: the smaller wins. Nothing above this file sees a raw header.
 * A decoder has no clock and does no I/O; it owns the table of unfinished fragments (bounded in bytes and by capture time).
 */
#ifndef MXT_DECODERS_PACKET_H
#define MXT_DECODERS_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decoders/status.h"

#define MXT_VLAN_MAX 2      /* tags kept, outermost first; deeper ones are passed over */
#define MXT_TUNNEL_DEPTH 8  /* IP headers and reassemblies one inside the other, beyond which a frame is given up */

/* An address; IPv4 as IPv4-mapped IPv6 (RFC 4291 2.5.5.2). */
struct mxt_address {
    uint8_t bytes[16];
};

/* A set of TCP ports, one bit each. */
struct mxt_port_set {
    uint64_t bits[1024];
};

static inline void mxt_port_set_add(struct mxt_port_set *set, uint16_t port)
{
    set->bits[port >> 6] |= UINT64_C(1) << (port & 63);
}

static inline bool mxt_port_set_has(const struct mxt_port_set *set, uint16_t port)
{
    return (set->bits[port >> 6] >> (port & 63) & 1) != 0;
}

enum mxt_tcp_flag { MXT_FIN = 0x01, MXT_SYN = 0x02, MXT_RST = 0x04, MXT_PSH = 0x08, MXT_ACK = 0x10, MXT_URG = 0x20 };

/* A frame as the capture layer hands it up. `data` is valid until the next frame is asked for. */
struct mxt_frame {
    int64_t time_us;       /* microseconds since 1970, the capture's clock */
    const uint8_t *data;
    uint32_t captured;     /* bytes at `data` */
    uint32_t wire;         /* bytes the frame had on the wire; never less than `captured` */
    int link_type;         /* LINKTYPE_..., as in a pcap file's header (not DLT_...) */
    const char *interface; /* name of the interface (pcapng, live) or NULL; valid as long as the capture */
};

/* A TCP segment. Pointers lead into the frame, or into the decoder's reassembled datagram: valid until its next call. */
struct mxt_segment {
    int64_t time_us;
    struct mxt_address src, dst;
    uint16_t src_port, dst_port;
    uint32_t seq, ack;
    uint16_t window;          /* as sent, unscaled */
    uint8_t flags;            /* enum mxt_tcp_flag */
    uint8_t ttl;              /* or hop limit */
    uint8_t vlan_count;
    bool has_window_scale;    /* RFC 7323 option present; in a SYN */
    uint16_t vlan[MXT_VLAN_MAX];
    uint16_t urgent;          /* the urgent pointer; it counts with MXT_URG */
    uint8_t window_scale;     /* bits that later windows of this side are to be shifted by */
    bool is_ip_damaged;       /* the IP header's checksum is wrong, and not just left to the network card (0) */
    bool has_good_ip;         /* it is right; neither: IPv6, or cut */
    bool has_timestamp;       /* RFC 7323 option present */
    uint32_t timestamp_value; /* its TSval */
    const uint8_t *payload;
    uint32_t payload_length;  /* bytes at `payload` */
    uint32_t payload_missing; /* bytes that followed on the wire, cut by the snap length */
    const uint8_t *tcp;       /* the TCP header, for the checksum */
    const struct mxt_frame *frame; /* it came in; where fragments were put together, the last one's; NULL: not kept */
    const char *interface;    /* of the frame */
    uint32_t frame_bytes;     /* the frame's length on the wire, for accounting */
};

/* Whether the segment's bytes lie in its frame, and not in a datagram put together from fragments. */
static inline bool mxt_segment_is_in_frame(const struct mxt_segment *segment)
{
    const struct mxt_frame *frame = segment->frame;
    return frame != NULL && frame->captured > 0 && segment->tcp >= frame->data && segment->tcp < frame->data + frame->captured;
}

enum mxt_packet_verdict {
    MXT_PACKET_SEGMENT,     /* *out is filled */
    MXT_PACKET_OTHER,       /* well formed and not ours: not TCP, or neither port in the set */
    MXT_PACKET_FRAGMENT,    /* a fragment whose datagram is not complete yet */
    MXT_PACKET_MALFORMED,   /* a header contradicts itself or is cut */
    MXT_PACKET_UNSUPPORTED  /* link type or encapsulation unknown */
};
#define MXT_PACKET_VERDICTS 5

/* What the decoder met, by cause. */
struct mxt_packet_counters {
    uint64_t verdicts[MXT_PACKET_VERDICTS];
    uint64_t fragments_dropped; /* evicted, timed out, overlapping with a difference, or beyond the bound */
    uint64_t snapped;           /* frames cut by the snap length */
};

struct mxt_packet_limits {
    uint32_t fragment_bytes;      /* held for unfinished datagrams in all; default 4 MiB */
    uint32_t fragment_timeout_us; /* by capture time; default 30 s (RFC 8200 4.5 says 60 s) */
    uint64_t seed;                /* keys the hash of datagrams, so that nobody can aim collisions at it */
};
#define MXT_PACKET_LIMITS_DEFAULT ((struct mxt_packet_limits){.fragment_bytes = 4u << 20, .fragment_timeout_us = 30000000u})

struct mxt_packet_decoder;

/* A decoder that yields segments with a port in `ports` (copied) only. NULL: out of memory. Free with mxt_packet_decoder_free. */
struct mxt_packet_decoder *mxt_packet_decoder_new(const struct mxt_port_set *ports, const struct mxt_packet_limits *limits);

/* NULL is accepted. */
void mxt_packet_decoder_free(struct mxt_packet_decoder *decoder);

/*
 * Decodes one frame. Link types: Ethernet, Linux cooked v1 and v2, raw IP (IPv4, IPv6, either), BSD loopback (NULL, LOOP), PPP.
 * Passed through: 802.1Q/QinQ, MPLS, PPPoE, GRE (RFC 2784, 2890), ERSPAN II/III, VXLAN (RFC 7348), IP in IP, IPv6 extension headers and fragments;
 * at most MXT_TUNNEL_DEPTH layers. IP packets inside a fragment are decoded when it is whole. Frames larger than any MTU are normal (offload), also an IP total length of 0.
 */
enum mxt_packet_verdict mxt_packet_decode(struct mxt_packet_decoder *decoder, const struct mxt_frame *frame, struct mxt_segment *out);

const struct mxt_packet_counters *mxt_packet_decoder_counters(const struct mxt_packet_decoder *decoder);

enum mxt_checksum {
    MXT_CHECKSUM_UNKNOWN,
    MXT_CHECKSUM_GOOD,
    MXT_CHECKSUM_PARTIAL, /* of the pseudo header alone: the capturing host left the rest to its network card, or merged segments (GRO) */
    MXT_CHECKSUM_BAD
};

/* The TCP checksum of a segment (RFC 9293 3.1); unknown where the segment was cut. Costs one pass over the payload. */
enum mxt_checksum mxt_segment_checksum(const struct mxt_segment *segment);

/* Whether the address is IPv4(-mapped). */
bool mxt_address_is_ipv4(const struct mxt_address *address);

#define MXT_ADDRESS_TEXT 46 /* bytes that hold any address as text, NUL included */

/* Writes the usual text form (RFC 5952; IPv4 dotted) into `text` of MXT_ADDRESS_TEXT bytes. */
void mxt_address_format(const struct mxt_address *address, char *text);

/* Parses either form. MXT_OK, or MXT_EMALFORMED with *out unchanged. */
enum mxt_status mxt_address_parse(const char *text, struct mxt_address *out);

#endif
