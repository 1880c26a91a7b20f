#include "decoders/packet.h"

#include <stddef.h>
#include <stdlib.h>

#include "decoders/fragment.h"
#include "decoders/ip.h"
#include "decoders/link.h"
#include "decoders/packet_int.h"
#include "decoders/tunnel.h"

#define TCP_HEADER              20   /* bytes, without options */
#define TCP_FLAGS               0x3f /* those of enum mxt_tcp_flag */
#define OPTION_END              0
#define OPTION_NOP              1
#define OPTION_WINDOW_SCALE     3
#define OPTION_SCALE_LENGTH     3
#define SCALE_MAX               14 /* RFC 7323 2.3 */
#define OPTION_TIMESTAMP        8
#define OPTION_TIMESTAMP_LENGTH 10
#define TIMESTAMP_USUAL         0x0101080au             /* two NOPs and a timestamp: the options of nearly every segment (RFC 7323 appendix A) */
#define LAYERS_MAX              (MXT_TUNNEL_DEPTH * 64) /* steps of one walk; tags and extension headers that go on for longer are no traffic */

struct mxt_packet_decoder {
    struct mxt_packet_counters counters;
    struct mxt_fragments *fragments;
    struct mxt_port_set ports;
};

struct mxt_packet_decoder *mxt_packet_decoder_new(const struct mxt_port_set *ports, const struct mxt_packet_limits *limits)
{
    struct mxt_packet_decoder *decoder = calloc(1, sizeof *decoder);
    if (decoder == NULL)
        return NULL;
    decoder->ports = *ports;
    decoder->fragments = mxt_fragments_new(limits);
    if (decoder->fragments == NULL) {
        free(decoder);
        return NULL;
    }
    return decoder;
}

void mxt_packet_decoder_free(struct mxt_packet_decoder *decoder)
{
    if (decoder == NULL)
        return;
    mxt_fragments_free(decoder->fragments);
    free(decoder);
}

const struct mxt_packet_counters *mxt_packet_decoder_counters(const struct mxt_packet_decoder *decoder)
{
    return &decoder->counters;
}

/* Whether what begins at `p` with ports, of a protocol told by `protocol`, is certainly none of ours. */
static inline bool is_foreign(const struct mxt_port_set *ports, uint8_t protocol, const uint8_t *p)
{
    if (protocol == MXT_IP_TCP)
        return !mxt_port_set_has(ports, mxt_be16(p)) && !mxt_port_set_has(ports, mxt_be16(p + 2));
    return protocol == MXT_IP_UDP && !mxt_is_vxlan_port(mxt_be16(p + 2));
}

/*
 * The short way for nearly all frames of a mirrored port: Ethernet, perhaps a VLAN tag, a plain IP header, ports that are not looked for. True is
 * certain; false says only that the walk must look. Reads the type, one or two fields of the IP header, and the ports.
 */
static inline bool is_plainly_other(const struct mxt_port_set *ports, const struct mxt_frame *frame)
{
    const uint8_t *p = frame->data;
    if (frame->link_type != MXT_LINKTYPE_ETHERNET || frame->captured < MXT_ETHERNET_HEADER + MXT_VLAN_TAG + MXT_IPV4_HEADER + 4)
        return false;
    uint16_t type = mxt_be16(p + 12);
    const uint8_t *ip = p + MXT_ETHERNET_HEADER;
    if (type == MXT_ETHERTYPE_VLAN) {
        type = mxt_be16(ip + 2);
        ip += MXT_VLAN_TAG;
    }
    if (type == MXT_ETHERTYPE_IPV4)
        return ip[0] == 0x45 && (mxt_be16(ip + 6) & 0x3fff) == 0 && is_foreign(ports, ip[9], ip + MXT_IPV4_HEADER);
    if (type == MXT_ETHERTYPE_IPV6 && frame->captured >= MXT_ETHERNET_HEADER + MXT_VLAN_TAG + MXT_IPV6_HEADER + 4)
        return ip[0] >> 4 == 6 && is_foreign(ports, ip[6], ip + MXT_IPV6_HEADER);
    return false;
}

/* Looks for the timestamp, and for the window scale before it, in `n` bytes of options. Options that contradict themselves end the search, as they do in TCP stacks. */
static void read_options(const uint8_t *p, uint32_t n, struct mxt_segment *out)
{
    out->has_timestamp = false;
    out->timestamp_value = 0;
    out->has_window_scale = false;
    out->window_scale = 0;
    bool is_syn = (out->flags & MXT_SYN) != 0; /* the others are done when they have their timestamp */
    while (n > 0 && p[0] != OPTION_END) {
        if (n >= 2 + OPTION_TIMESTAMP_LENGTH && mxt_be32(p) == TIMESTAMP_USUAL) {
            p += 2;
            n -= 2;
        }
        uint32_t size = p[0] == OPTION_NOP ? 1 : n >= 2 ? p[1] : 0;
        if (size == 0 || size > n || (p[0] != OPTION_NOP && size < 2))
            return;
        if (p[0] == OPTION_TIMESTAMP && size == OPTION_TIMESTAMP_LENGTH) {
            out->has_timestamp = true;
            out->timestamp_value = mxt_be32(p + 2);
            if (!is_syn)
                return;
        }
        if (p[0] == OPTION_WINDOW_SCALE && size == OPTION_SCALE_LENGTH) {
            out->has_window_scale = true;
            out->window_scale = p[2] < SCALE_MAX ? p[2] : SCALE_MAX;
        }
        p += size;
        n -= size;
    }
}

/*
 * The TCP header (RFC 9293 3.1) ends the walk. A segment cut within its options still has its ports, numbers and flags: it is told, without
 * payload, so that a capture of headers alone knows its connections.
 */
static enum mxt_layer tcp(struct mxt_walk *walk, struct mxt_segment *out)
{
    const uint8_t *p = walk->p;
    if (walk->left < TCP_HEADER)
        return mxt_walk_end(walk, MXT_PACKET_MALFORMED);
    uint16_t src_port = mxt_be16(p), dst_port = mxt_be16(p + 2);
    if (!mxt_port_set_has(walk->ports, src_port) && !mxt_port_set_has(walk->ports, dst_port))
        return mxt_walk_end(walk, MXT_PACKET_OTHER);
    uint32_t header = (p[12] >> 4) * 4u;
    if (header < TCP_HEADER || header > walk->wire)
        return mxt_walk_end(walk, MXT_PACKET_MALFORMED);
    uint32_t header_captured = header < walk->left ? header : walk->left;
    out->time_us = walk->time_us;
    out->src = walk->src;
    out->dst = walk->dst;
    out->src_port = src_port;
    out->dst_port = dst_port;
    out->seq = mxt_be32(p + 4);
    out->ack = mxt_be32(p + 8);
    out->window = mxt_be16(p + 14);
    out->flags = p[13] & TCP_FLAGS;
    out->urgent = mxt_be16(p + 18);
    out->is_ip_damaged = walk->is_ip_damaged;
    out->has_good_ip = walk->has_good_ip;
    out->ttl = walk->ttl;
    out->vlan_count = walk->vlan_count;
    for (unsigned i = 0; i < MXT_VLAN_MAX; i++)
        out->vlan[i] = i < walk->vlan_count ? walk->vlan[i] : 0;
    read_options(p + TCP_HEADER, header_captured - TCP_HEADER, out);
    out->payload = p + header_captured;
    out->payload_length = walk->left - header_captured;
    out->payload_missing = walk->wire - header - out->payload_length;
    out->tcp = p;
    out->frame_bytes = walk->frame_bytes;
    return mxt_walk_end(walk, MXT_PACKET_SEGMENT);
}

static enum mxt_layer step(struct mxt_walk *walk, enum mxt_layer layer, struct mxt_segment *out)
{
    switch (layer) {
    case MXT_LAYER_ETHERNET: return mxt_link_ethernet(walk);
    case MXT_LAYER_ETHERTYPE: return mxt_link_ethertype(walk);
    case MXT_LAYER_PPP: return mxt_link_ppp(walk);
    case MXT_LAYER_PPPOE: return mxt_tunnel_pppoe(walk);
    case MXT_LAYER_MPLS: return mxt_tunnel_mpls(walk);
    case MXT_LAYER_IP: return mxt_ip_header(walk);
    case MXT_LAYER_IP_PAYLOAD: return mxt_ip_payload(walk);
    case MXT_LAYER_GRE: return mxt_tunnel_gre(walk);
    case MXT_LAYER_UDP: return mxt_tunnel_udp(walk);
    case MXT_LAYER_TCP: return tcp(walk, out);
    case MXT_LAYER_END: break;
    }
    return MXT_LAYER_END;
}

static enum mxt_packet_verdict walk_frame(struct mxt_packet_decoder *decoder, const struct mxt_frame *frame, struct mxt_segment *out)
{
    struct mxt_walk walk;
    walk.p = frame->data;
    walk.left = frame->captured;
    walk.wire = frame->wire > frame->captured ? frame->wire : frame->captured;
    walk.type = 0;
    walk.depth = 0;
    walk.is_ipv6 = false;
    walk.is_ip_damaged = walk.has_good_ip = false;
    walk.vlan_count = 0;
    walk.verdict = MXT_PACKET_UNSUPPORTED;
    walk.time_us = frame->time_us;
    walk.frame_bytes = walk.wire;
    walk.ports = &decoder->ports;
    walk.fragments = decoder->fragments;
    walk.fragments_dropped = &decoder->counters.fragments_dropped;
    enum mxt_layer layer = mxt_link_start(&walk, frame->link_type);
    for (unsigned steps = 0; layer != MXT_LAYER_END && steps < LAYERS_MAX; steps++)
        layer = step(&walk, layer, out);
    if (walk.verdict == MXT_PACKET_SEGMENT) {
        out->interface = frame->interface;
        out->frame = frame;
    }
    return walk.verdict;
}

enum mxt_packet_verdict mxt_packet_decode(struct mxt_packet_decoder *decoder, const struct mxt_frame *frame, struct mxt_segment *out)
{
    decoder->counters.snapped += frame->captured < frame->wire;
    enum mxt_packet_verdict verdict = MXT_PACKET_OTHER;
    if (!is_plainly_other(&decoder->ports, frame))
        verdict = walk_frame(decoder, frame, out);
    decoder->counters.verdicts[verdict]++;
    return verdict;
}
