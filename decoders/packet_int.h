/* What the files of the packet decoder share: the walk through the layers of one frame. */
#ifndef MXT_DECODERS_PACKET_INT_H
#define MXT_DECODERS_PACKET_INT_H

#include <stdbool.h>
#include <stdint.h>

#include "decoders/packet.h"

struct mxt_fragments;

/* What stands at the walk's place. A step takes one layer off and names the next, so that no nesting in a frame nests calls. */
enum mxt_layer {
    MXT_LAYER_ETHERNET,
    MXT_LAYER_ETHERTYPE, /* `type` is an Ethertype */
    MXT_LAYER_PPP,       /* a PPP protocol number follows (RFC 1661 2) */
    MXT_LAYER_PPPOE,
    MXT_LAYER_MPLS,
    MXT_LAYER_IP,         /* IPv4 or IPv6, by its version field */
    MXT_LAYER_IP_PAYLOAD, /* `type` is an IP protocol number */
    MXT_LAYER_GRE,
    MXT_LAYER_UDP,
    MXT_LAYER_TCP,
    MXT_LAYER_END /* `verdict` says how it ended */
};

struct mxt_walk {
    const uint8_t *p; /* the layer looked at next */
    uint32_t left;    /* captured bytes at `p` */
    uint32_t wire;    /* bytes from `p` on the wire; never less than `left` */
    uint16_t type;    /* what is at `p`, in the numbers of the layer before */
    uint8_t depth;    /* IP headers and reassemblies passed so far */
    bool is_ipv6;     /* the innermost IP header */
    uint8_t ttl;      /* of the innermost IP header, like the addresses */
    uint8_t vlan_count;
    uint16_t vlan[MXT_VLAN_MAX];
    bool is_ip_damaged, has_good_ip; /* the innermost IP header's checksum */
    struct mxt_address src, dst;
    enum mxt_packet_verdict verdict;
    int64_t time_us;
    uint32_t frame_bytes;
    const struct mxt_port_set *ports;
    struct mxt_fragments *fragments;
    uint64_t *fragments_dropped;
};

#define MXT_VXLAN_PORT       4789 /* RFC 7348 8 */
#define MXT_VXLAN_PORT_LINUX 8472 /* Linux' default from before the assignment; Flannel and others keep it */

/* Whether the Internet checksum (RFC 1071) over the `n` bytes, the field included, is right. */
bool mxt_is_checksum_right(const uint8_t *p, uint32_t n);

static inline uint16_t mxt_be16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t mxt_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline enum mxt_layer mxt_walk_end(struct mxt_walk *walk, enum mxt_packet_verdict verdict)
{
    walk->verdict = verdict;
    return MXT_LAYER_END;
}

/* Steps over `n` bytes; false, and no step, where fewer were captured. */
static inline bool mxt_walk_skip(struct mxt_walk *walk, uint32_t n)
{
    if (n > walk->left)
        return false;
    walk->p += n;
    walk->left -= n;
    walk->wire -= n;
    return true;
}

/* A header says that its layer has `n` bytes from here. What is behind is padding; what is not there stays missing: the smaller wins. */
static inline void mxt_walk_limit(struct mxt_walk *walk, uint32_t n)
{
    if (walk->wire > n)
        walk->wire = n;
    if (walk->left > walk->wire)
        walk->left = walk->wire;
}

static inline bool mxt_is_vxlan_port(uint16_t port)
{
    return port == MXT_VXLAN_PORT || port == MXT_VXLAN_PORT_LINUX;
}

#endif
