/* Encapsulations between the link layer and the IP packet that matters. Internal to the packet decoder. */
#ifndef MXT_DECODERS_TUNNEL_H
#define MXT_DECODERS_TUNNEL_H

#include "decoders/packet_int.h"

/* The MPLS label stack (RFC 3032), then IP or a pseudowire's Ethernet frame, with or without control word (RFC 4385 3). */
enum mxt_layer mxt_tunnel_mpls(struct mxt_walk *walk);

/* PPPoE (RFC 2516 4); discovery ends with OTHER. */
enum mxt_layer mxt_tunnel_pppoe(struct mxt_walk *walk);

/* GRE with checksum, key and sequence number (RFC 2784, 2890) around whatever has an Ethertype, or ERSPAN I, II or III around Ethernet. */
enum mxt_layer mxt_tunnel_gre(struct mxt_walk *walk);

/* UDP (RFC 768), of which only VXLAN is looked into (RFC 7348 5). */
enum mxt_layer mxt_tunnel_udp(struct mxt_walk *walk);

#endif
