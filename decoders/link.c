#include "decoders/link.h"

#include <stddef.h>
#include <string.h>

#define SLL_HEADER          16
#define SLL_PROTOCOL        14
#define SLL2_HEADER         20
#define LOOPBACK_HEADER     4
#define ETHERTYPE_MIN       0x0600 /* below, the field is the length of an 802.3 frame */
#define SNAP_HEADER         8
#define PPP_ADDRESS_CONTROL 0xff03 /* RFC 1662 3.1; may be left out */
#define PPP_IPV4            0x0021
#define PPP_IPV6            0x0057
#define PPP_MPLS            0x0281

/*
 * The address family in front of a packet of BSD loopback: in the byte order of the machine that captured (NULL) or big-endian (LOOP). It is
 * always small, which tells the order. IPv6 has another number on each system: Linux 10, NetBSD and OpenBSD 24, FreeBSD 28, macOS 30.
 */
static enum mxt_layer loopback(struct mxt_walk *walk)
{
    if (walk->left < LOOPBACK_HEADER)
        return mxt_walk_end(walk, MXT_PACKET_MALFORMED);
    uint32_t family = mxt_be32(walk->p);
    if (family > 0xffff)
        family = __builtin_bswap32(family);
    mxt_walk_skip(walk, LOOPBACK_HEADER);
    switch (family) {
    case 2:
    case 10:
    case 24:
    case 28:
    case 30: return MXT_LAYER_IP;
    default: return mxt_walk_end(walk, MXT_PACKET_OTHER);
    }
}

/* Linux cooked capture; the Ethertype is the last field of version 1 and the first of version 2. */
static enum mxt_layer cooked(struct mxt_walk *walk, uint32_t header, uint32_t protocol)
{
    if (walk->left < header)
        return mxt_walk_end(walk, MXT_PACKET_MALFORMED);
    walk->type = mxt_be16(walk->p + protocol);
    mxt_walk_skip(walk, header);
    return MXT_LAYER_ETHERTYPE;
}

static enum mxt_layer ppp_link(struct mxt_walk *walk)
{
    if (walk->left >= 2 && mxt_be16(walk->p) == PPP_ADDRESS_CONTROL)
        mxt_walk_skip(walk, 2);
    return MXT_LAYER_PPP;
}

enum mxt_layer mxt_link_start(struct mxt_walk *walk, int link_type)
{
    switch (link_type) {
    case MXT_LINKTYPE_ETHERNET: return MXT_LAYER_ETHERNET;
    case MXT_LINKTYPE_LINUX_SLL: return cooked(walk, SLL_HEADER, SLL_PROTOCOL);
    case MXT_LINKTYPE_LINUX_SLL2: return cooked(walk, SLL2_HEADER, 0);
    case MXT_DLT_RAW:
    case MXT_DLT_RAW_OPENBSD:
    case MXT_LINKTYPE_RAW:
    case MXT_LINKTYPE_IPV4:
    case MXT_LINKTYPE_IPV6: return MXT_LAYER_IP;
    case MXT_LINKTYPE_NULL:
    case MXT_LINKTYPE_LOOP: return loopback(walk);
    case MXT_LINKTYPE_PPP:
    case MXT_LINKTYPE_PPP_HDLC: return ppp_link(walk);
    case MXT_LINKTYPE_PPP_ETHER: return MXT_LAYER_PPPOE;
    default: return mxt_walk_end(walk, MXT_PACKET_UNSUPPORTED);
    }
}

enum mxt_layer mxt_link_ethernet(struct mxt_walk *walk)
{
    walk->vlan_count = 0;
    if (walk->left < MXT_ETHERNET_HEADER)
        return mxt_walk_end(walk, MXT_PACKET_MALFORMED);
    walk->type = mxt_be16(walk->p + 12);
    mxt_walk_skip(walk, MXT_ETHERNET_HEADER);
    return MXT_LAYER_ETHERTYPE;
}

/* A tag is kept where there is room for it; priority and the drop bit are not part of the number. */
static enum mxt_layer vlan(struct mxt_walk *walk)
{
    if (walk->left < MXT_VLAN_TAG)
        return mxt_walk_end(walk, MXT_PACKET_MALFORMED);
    if (walk->vlan_count < MXT_VLAN_MAX)
        walk->vlan[walk->vlan_count++] = mxt_be16(walk->p) & 0x0fff;
    walk->type = mxt_be16(walk->p + 2);
    mxt_walk_skip(walk, MXT_VLAN_TAG);
    return MXT_LAYER_ETHERTYPE;
}

/* The type field is a length: only LLC with SNAP and a zero organisation code has an Ethertype inside (RFC 1042). */
static enum mxt_layer llc(struct mxt_walk *walk)
{
    static const uint8_t snap[6] = {0xaa, 0xaa, 0x03, 0, 0, 0};
    mxt_walk_limit(walk, walk->type);
    if (walk->left < SNAP_HEADER)
        return mxt_walk_end(walk, walk->wire < SNAP_HEADER ? MXT_PACKET_OTHER : MXT_PACKET_MALFORMED);
    if (memcmp(walk->p, snap, sizeof snap) != 0)
        return mxt_walk_end(walk, MXT_PACKET_OTHER);
    walk->type = mxt_be16(walk->p + 6);
    mxt_walk_skip(walk, SNAP_HEADER);
    return walk->type < ETHERTYPE_MIN ? mxt_walk_end(walk, MXT_PACKET_OTHER) : MXT_LAYER_ETHERTYPE;
}

enum mxt_layer mxt_link_ethertype(struct mxt_walk *walk)
{
    switch (walk->type) {
    case MXT_ETHERTYPE_IPV4:
    case MXT_ETHERTYPE_IPV6: return MXT_LAYER_IP;
    case MXT_ETHERTYPE_VLAN:
    case 0x88a8: /* 802.1ad */
    case 0x9100: /* QinQ of older switches */
    case 0x9200: return vlan(walk);
    case 0x8847: /* MPLS, RFC 3032 5 */
    case 0x8848: return MXT_LAYER_MPLS;
    case 0x8864: return MXT_LAYER_PPPOE;
    case 0x6558: return MXT_LAYER_ETHERNET;                         /* transparent Ethernet bridging, RFC 1701 */
    case 0x88e5:                                                    /* MACsec */
    case 0x88e7:                                                    /* provider backbone bridge, 802.1ah */
    case 0x894f: return mxt_walk_end(walk, MXT_PACKET_UNSUPPORTED); /* NSH, RFC 8300 */
    default: return walk->type < ETHERTYPE_MIN ? llc(walk) : mxt_walk_end(walk, MXT_PACKET_OTHER);
    }
}

enum mxt_layer mxt_link_ppp(struct mxt_walk *walk)
{
    if (walk->left < 2)
        return mxt_walk_end(walk, MXT_PACKET_MALFORMED);
    uint16_t protocol = mxt_be16(walk->p);
    uint32_t size = 2;
    if ((walk->p[0] & 1) != 0) { /* the last byte of a number is odd and the others even: this is the short form */
        protocol = walk->p[0];
        size = 1;
    }
    mxt_walk_skip(walk, size);
    switch (protocol) {
    case PPP_IPV4:
    case PPP_IPV6: return MXT_LAYER_IP;
    case PPP_MPLS: return MXT_LAYER_MPLS;
    default: return mxt_walk_end(walk, MXT_PACKET_OTHER);
    }
}
