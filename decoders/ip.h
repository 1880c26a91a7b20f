/* IPv4 (RFC 791) and IPv6 (RFC 8200). Internal to the packet decoder. */
#ifndef MXT_DECODERS_IP_H
#define MXT_DECODERS_IP_H

#include "decoders/packet_int.h"

#define MXT_IP_TCP      6
#define MXT_IP_UDP      17
#define MXT_IPV4_HEADER 20 /* bytes, without options */
#define MXT_IPV6_HEADER 40

/*
 * One IP header, of the version that it says itself: sets addresses, TTL and the protocol, trims padding. A length of 0 is what offload leaves
 * in captured frames larger than any packet: the frame's end counts then. Fragments go to the table; the walk goes on in the whole datagram.
 */
enum mxt_layer mxt_ip_header(struct mxt_walk *walk);

/* What an IP protocol number announces: TCP, UDP, GRE, IP in IP, the Authentication Header, IPv6 extension headers and fragments. Others end with OTHER. */
enum mxt_layer mxt_ip_payload(struct mxt_walk *walk);

#endif
