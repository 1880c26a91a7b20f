/* Link layers: from a frame to the first layer that has a protocol number. Internal to the packet decoder. */
#ifndef MXT_DECODERS_LINK_H
#define MXT_DECODERS_LINK_H

#include "decoders/packet_int.h"

#define MXT_LINKTYPE_NULL       0
#define MXT_LINKTYPE_ETHERNET   1
#define MXT_LINKTYPE_PPP        9
#define MXT_LINKTYPE_PPP_HDLC   50
#define MXT_LINKTYPE_PPP_ETHER  51
#define MXT_LINKTYPE_RAW        101
#define MXT_LINKTYPE_LOOP       108
#define MXT_LINKTYPE_LINUX_SLL  113
#define MXT_LINKTYPE_IPV4       228
#define MXT_LINKTYPE_IPV6       229
#define MXT_LINKTYPE_LINUX_SLL2 276
/* DLT_RAW, which is no LINKTYPE; some writers put it into files all the same (12 most systems, 14 OpenBSD). */
#define MXT_DLT_RAW             12
#define MXT_DLT_RAW_OPENBSD     14

#define MXT_ETHERTYPE_IPV4 0x0800
#define MXT_ETHERTYPE_VLAN 0x8100
#define MXT_ETHERTYPE_IPV6 0x86dd

#define MXT_ETHERNET_HEADER 14 /* bytes: two addresses and the type */
#define MXT_VLAN_TAG        4  /* bytes: tag control and the type behind it */

/* Takes the link layer's header off. END with UNSUPPORTED for a link type unknown here, MALFORMED for a header that is cut. */
enum mxt_layer mxt_link_start(struct mxt_walk *walk, int link_type);

/* An Ethernet frame (IEEE 802.3; also LLC with SNAP, RFC 1042). VLAN tags seen before belong to the tunnel and are forgotten. */
enum mxt_layer mxt_link_ethernet(struct mxt_walk *walk);

/* What an Ethertype announces: VLAN tags (802.1Q, 802.1ad, and QinQ before it had a number), IP, MPLS, PPPoE, bridged Ethernet. Others end with OTHER. */
enum mxt_layer mxt_link_ethertype(struct mxt_walk *walk);

/* PPP from its protocol number on (RFC 1661 2, with the one-byte form of 6.5). */
enum mxt_layer mxt_link_ppp(struct mxt_walk *walk);

#endif
