#include "decoders/ip.h"

#include <string.h>

#include "decoders/fragment.h"

#define IP_HOP_BY_HOP     0
#define IP_IPV4           4
#define IP_IPV6           41
#define IP_ROUTING        43
#define IP_FRAGMENT       44
#define IP_GRE            47
#define IP_AUTHENTICATION 51
#define IP_DESTINATION    60
#define IP_MOBILITY       135
#define IP_HIP            139
#define IP_SHIM6          140
#define FRAGMENT_HEADER   8
#define IPV4_MORE         0x2000
#define IPV4_OFFSET       0x1fff
#define OFFLOAD_MAX       (512u << 10) /* bytes of the largest packet that offload makes (Linux BIG TCP: 512 KiB) */

/* Whether TCP can be inside what an IP protocol number announces. */
static bool is_passage(uint8_t protocol, bool is_ipv6)
{
    switch (protocol) {
    case MXT_IP_TCP:
    case MXT_IP_UDP:
    case IP_IPV4:
    case IP_IPV6:
    case IP_GRE:
    case IP_AUTHENTICATION: return true;
    case IP_HOP_BY_HOP:
    case IP_ROUTING:
    case IP_FRAGMENT:
    case IP_DESTINATION:
    case IP_MOBILITY:
    case IP_HIP:
    case IP_SHIM6: return is_ipv6;
    default: return false;
    }
}

/* Whether what is looked for can be in a datagram whose first fragment is at the walk's place. */
static enum mxt_fact is_wanted(const struct mxt_walk *walk, uint8_t protocol)
{
    if (!is_passage(protocol, walk->is_ipv6))
        return MXT_NO;
    if (protocol != MXT_IP_TCP && protocol != MXT_IP_UDP)
        return MXT_YES;
    if (walk->left < 4)
        return MXT_UNKNOWN;
    uint16_t src = mxt_be16(walk->p), dst = mxt_be16(walk->p + 2);
    if (protocol == MXT_IP_UDP)
        return mxt_is_vxlan_port(dst) ? MXT_YES : MXT_NO;
    return mxt_port_set_has(walk->ports, src) || mxt_port_set_has(walk->ports, dst) ? MXT_YES : MXT_NO;
}

/* Hands the fragment at the walk's place to the table. `offset` in bytes. */
static enum mxt_layer fragment(struct mxt_walk *walk, uint32_t id, uint32_t offset, bool has_more)
{
    uint8_t protocol = (uint8_t)walk->type;
    enum mxt_fact wanted = offset == 0 ? is_wanted(walk, protocol) : MXT_UNKNOWN;
    struct mxt_fragment_key key;
    memset(&key, 0, sizeof key);
    key.src = walk->src;
    key.dst = walk->dst;
    key.id = id;
    key.vlan_count = walk->vlan_count;
    memcpy(key.vlan, walk->vlan, walk->vlan_count * sizeof walk->vlan[0]);
    key.protocol = walk->is_ipv6 ? 0 : protocol; /* RFC 8200 4.5 leaves it out, RFC 791 3.2 has it in */
    struct mxt_fragment piece = {.key = &key,
                                 .data = walk->p,
                                 .captured = walk->left,
                                 .length = walk->wire,
                                 .offset = offset,
                                 .has_more = has_more,
                                 .protocol = protocol,
                                 .is_wanted = wanted,
                                 .is_damaged = walk->is_ip_damaged,
                                 .is_good = walk->has_good_ip,
                                 .time_us = walk->time_us};
    struct mxt_datagram whole;
    switch (mxt_fragments_add(walk->fragments, &piece, &whole, walk->fragments_dropped)) {
    case MXT_FRAGMENT_HELD: return mxt_walk_end(walk, MXT_PACKET_FRAGMENT);
    case MXT_FRAGMENT_UNWANTED: return mxt_walk_end(walk, MXT_PACKET_OTHER);
    case MXT_FRAGMENT_MALFORMED: return mxt_walk_end(walk, MXT_PACKET_MALFORMED);
    case MXT_FRAGMENT_WHOLE: break;
    }
    if (++walk->depth > MXT_TUNNEL_DEPTH)
        return mxt_walk_end(walk, MXT_PACKET_UNSUPPORTED);
    walk->p = whole.data;
    walk->left = walk->wire = whole.length;
    walk->type = whole.protocol;
    walk->is_ip_damaged = walk->has_good_ip = false;
    return MXT_LAYER_IP_PAYLOAD;
}

static void map_ipv4(struct mxt_address *address, const uint8_t *p)
{
    static const uint8_t prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    memcpy(address->bytes, prefix, sizeof prefix);
    memcpy(address->bytes + sizeof prefix, p, 4);
}

static enum mxt_layer ipv4(struct mxt_walk *walk)
{
    if (walk->left < MXT_IPV4_HEADER)
        return mxt_walk_end(walk, MXT_PACKET_MALFORMED);
    const uint8_t *p = walk->p;
    uint32_t header = (p[0] & 0x0fu) * 4;
    uint32_t total = mxt_be16(p + 2);
    if (total == 0 && walk->wire <= OFFLOAD_MAX)
        total = walk->wire;
    if (header < MXT_IPV4_HEADER || total < header)
        return mxt_walk_end(walk, MXT_PACKET_MALFORMED);
    mxt_walk_limit(walk, total);
    uint16_t id = mxt_be16(p + 4), place = mxt_be16(p + 6);
    walk->has_good_ip = header <= walk->left && mxt_is_checksum_right(p, header);
    walk->is_ip_damaged = header <= walk->left && !walk->has_good_ip && mxt_be16(p + 10) != 0;
    walk->ttl = p[8];
    walk->type = p[9];
    walk->is_ipv6 = false;
    map_ipv4(&walk->src, p + 12);
    map_ipv4(&walk->dst, p + 16);
    if (!mxt_walk_skip(walk, header))
        return mxt_walk_end(walk, MXT_PACKET_MALFORMED);
    if ((place & (IPV4_MORE | IPV4_OFFSET)) == 0)
        return MXT_LAYER_IP_PAYLOAD;
    if (!is_passage(p[9], false))
        return mxt_walk_end(walk, MXT_PACKET_OTHER);
    return fragment(walk, id, (place & IPV4_OFFSET) * 8u, (place & IPV4_MORE) != 0);
}

static enum mxt_layer ipv6(struct mxt_walk *walk)
{
    if (walk->left < MXT_IPV6_HEADER)
        return mxt_walk_end(walk, MXT_PACKET_MALFORMED);
    const uint8_t *p = walk->p;
    uint32_t length = mxt_be16(p + 4);
    walk->type = p[6];
    walk->ttl = p[7];
    walk->is_ipv6 = true;
    walk->is_ip_damaged = walk->has_good_ip = false;
    memcpy(walk->src.bytes, p + 8, sizeof walk->src.bytes);
    memcpy(walk->dst.bytes, p + 24, sizeof walk->dst.bytes);
    mxt_walk_skip(walk, MXT_IPV6_HEADER);
    if (length == 0) /* a jumbogram (RFC 2675), or offload */
        length = walk->wire <= OFFLOAD_MAX ? walk->wire : 0;
    mxt_walk_limit(walk, length);
    return MXT_LAYER_IP_PAYLOAD;
}

enum mxt_layer mxt_ip_header(struct mxt_walk *walk)
{
    if (++walk->depth > MXT_TUNNEL_DEPTH)
        return mxt_walk_end(walk, MXT_PACKET_UNSUPPORTED);
    if (walk->left == 0)
        return mxt_walk_end(walk, MXT_PACKET_MALFORMED);
    switch (walk->p[0] >> 4) {
    case 4: return ipv4(walk);
    case 6: return ipv6(walk);
    default: return mxt_walk_end(walk, MXT_PACKET_MALFORMED);
    }
}

/* An extension header whose length field counts `unit` bytes beyond the first `base`. */
static enum mxt_layer extension(struct mxt_walk *walk, uint32_t base, uint32_t unit)
{
    if (walk->left < 2)
        return mxt_walk_end(walk, MXT_PACKET_MALFORMED);
    uint8_t next = walk->p[0];
    if (!mxt_walk_skip(walk, base + walk->p[1] * unit))
        return mxt_walk_end(walk, MXT_PACKET_MALFORMED);
    walk->type = next;
    return MXT_LAYER_IP_PAYLOAD;
}

static enum mxt_layer ipv6_fragment(struct mxt_walk *walk)
{
    if (walk->left < FRAGMENT_HEADER)
        return mxt_walk_end(walk, MXT_PACKET_MALFORMED);
    uint16_t place = mxt_be16(walk->p + 2);
    uint32_t id = mxt_be32(walk->p + 4);
    walk->type = walk->p[0];
    mxt_walk_skip(walk, FRAGMENT_HEADER);
    if ((place & 0xfff9) == 0) /* offset 0 and none to follow: an atomic fragment stands alone (RFC 6946 4) */
        return MXT_LAYER_IP_PAYLOAD;
    return fragment(walk, id, place & 0xfff8u, (place & 1) != 0);
}

enum mxt_layer mxt_ip_payload(struct mxt_walk *walk)
{
    switch (walk->type) {
    case MXT_IP_TCP: return MXT_LAYER_TCP;
    case MXT_IP_UDP: return MXT_LAYER_UDP;
    case IP_GRE: return MXT_LAYER_GRE;
    case IP_IPV4:
    case IP_IPV6: return MXT_LAYER_IP;
    case IP_AUTHENTICATION: return extension(walk, 8, 4); /* RFC 4302 2.2: counted in 4 bytes, without the first 8 */
    default: break;
    }
    if (!walk->is_ipv6)
        return mxt_walk_end(walk, MXT_PACKET_OTHER);
    switch (walk->type) {
    case IP_HOP_BY_HOP:
    case IP_ROUTING:
    case IP_DESTINATION:
    case IP_MOBILITY:
    case IP_HIP:
    case IP_SHIM6: return extension(walk, 8, 8);
    case IP_FRAGMENT: return ipv6_fragment(walk);
    default: return mxt_walk_end(walk, MXT_PACKET_OTHER);
    }
}
