#include "decoders/tunnel.h"

#include <stdbool.h>

#define MPLS_LABEL         4
#define MPLS_BOTTOM        0x01 /* of the third byte: last label of the stack */
#define PPPOE_HEADER       6
#define GRE_CHECKSUM       0x8000
#define GRE_ROUTING        0x4000 /* RFC 1701 only */
#define GRE_KEY            0x2000
#define GRE_SEQUENCE       0x1000
#define GRE_VERSION        0x0007
#define GRE_ERSPAN         0x88be /* types I and II */
#define GRE_ERSPAN_3       0x22eb
#define ERSPAN_2_HEADER    8
#define ERSPAN_3_HEADER    12
#define ERSPAN_3_SUBHEADER 8
#define UDP_HEADER         8
#define VXLAN_HEADER       8
#define VXLAN_HAS_ID       0x08 /* a set I flag makes it VXLAN */

enum mxt_layer mxt_tunnel_mpls(struct mxt_walk *walk)
{
    bool is_bottom = false;
    while (!is_bottom) {
        if (walk->left < MPLS_LABEL)
            return mxt_walk_end(walk, MXT_PACKET_MALFORMED);
        is_bottom = (walk->p[2] & MPLS_BOTTOM) != 0;
        mxt_walk_skip(walk, MPLS_LABEL);
    }
    if (walk->left == 0)
        return mxt_walk_end(walk, MXT_PACKET_MALFORMED);
    /* Nothing names the payload: the first half byte is all that routers go by, too (RFC 4928 2). */
    switch (walk->p[0] >> 4) {
    case 4:
    case 6: return MXT_LAYER_IP;
    case 0: return mxt_walk_skip(walk, 4) ? MXT_LAYER_ETHERNET : mxt_walk_end(walk, MXT_PACKET_MALFORMED);
    default: return MXT_LAYER_ETHERNET;
    }
}

enum mxt_layer mxt_tunnel_pppoe(struct mxt_walk *walk)
{
    if (walk->left < PPPOE_HEADER)
        return mxt_walk_end(walk, MXT_PACKET_MALFORMED);
    if (walk->p[0] != 0x11)
        return mxt_walk_end(walk, MXT_PACKET_UNSUPPORTED);
    if (walk->p[1] != 0)
        return mxt_walk_end(walk, MXT_PACKET_OTHER);
    uint16_t length = mxt_be16(walk->p + 4);
    mxt_walk_skip(walk, PPPOE_HEADER);
    mxt_walk_limit(walk, length);
    return MXT_LAYER_PPP;
}

/* A mirrored frame. Type I has no header of its own and no GRE sequence number, which is how the two are told apart. */
static enum mxt_layer erspan(struct mxt_walk *walk, bool has_sequence)
{
    if (!has_sequence)
        return MXT_LAYER_ETHERNET;
    if (walk->left < ERSPAN_2_HEADER)
        return mxt_walk_end(walk, MXT_PACKET_MALFORMED);
    unsigned version = walk->p[0] >> 4;
    if (version == 1) {
        mxt_walk_skip(walk, ERSPAN_2_HEADER);
        return MXT_LAYER_ETHERNET;
    }
    if (version != 2)
        return mxt_walk_end(walk, MXT_PACKET_UNSUPPORTED);
    if (walk->left < ERSPAN_3_HEADER)
        return mxt_walk_end(walk, MXT_PACKET_MALFORMED);
    unsigned frame_type = walk->p[10] >> 2 & 0x1f;
    bool has_subheader = (walk->p[11] & 1) != 0;
    if (!mxt_walk_skip(walk, ERSPAN_3_HEADER + (has_subheader ? ERSPAN_3_SUBHEADER : 0u)))
        return mxt_walk_end(walk, MXT_PACKET_MALFORMED);
    switch (frame_type) {
    case 0: return MXT_LAYER_ETHERNET;
    case 2: return MXT_LAYER_IP;
    default: return mxt_walk_end(walk, MXT_PACKET_UNSUPPORTED);
    }
}

enum mxt_layer mxt_tunnel_gre(struct mxt_walk *walk)
{
    if (walk->left < 4)
        return mxt_walk_end(walk, MXT_PACKET_MALFORMED);
    uint16_t flags = mxt_be16(walk->p);
    if ((flags & (GRE_ROUTING | GRE_VERSION)) != 0)
        return mxt_walk_end(walk, MXT_PACKET_UNSUPPORTED);
    walk->type = mxt_be16(walk->p + 2);
    uint32_t size = 4;
    size += (flags & GRE_CHECKSUM) != 0 ? 4 : 0;
    size += (flags & GRE_KEY) != 0 ? 4 : 0;
    size += (flags & GRE_SEQUENCE) != 0 ? 4 : 0;
    if (!mxt_walk_skip(walk, size))
        return mxt_walk_end(walk, MXT_PACKET_MALFORMED);
    if (walk->type == GRE_ERSPAN)
        return erspan(walk, (flags & GRE_SEQUENCE) != 0);
    if (walk->type == GRE_ERSPAN_3)
        return erspan(walk, true);
    return MXT_LAYER_ETHERTYPE;
}

enum mxt_layer mxt_tunnel_udp(struct mxt_walk *walk)
{
    if (walk->left < UDP_HEADER)
        return mxt_walk_end(walk, MXT_PACKET_MALFORMED);
    if (!mxt_is_vxlan_port(mxt_be16(walk->p + 2)))
        return mxt_walk_end(walk, MXT_PACKET_OTHER);
    uint16_t length = mxt_be16(walk->p + 4);
    if (length != 0) { /* 0 stands for a datagram joined by offload, and for a jumbogram (RFC 2675 4) */
        if (length < UDP_HEADER)
            return mxt_walk_end(walk, MXT_PACKET_MALFORMED);
        mxt_walk_limit(walk, length);
    }
    mxt_walk_skip(walk, UDP_HEADER);
    if (walk->left < VXLAN_HEADER)
        return mxt_walk_end(walk, MXT_PACKET_MALFORMED);
    if ((walk->p[0] & VXLAN_HAS_ID) == 0)
        return mxt_walk_end(walk, MXT_PACKET_OTHER);
    mxt_walk_skip(walk, VXLAN_HEADER);
    return MXT_LAYER_ETHERNET;
}
