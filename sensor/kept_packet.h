/*
 * A packet that is kept: the frame as it was captured; where its datagram came in fragments, one made of what they were put together to. Its payload may be overwritten, and the checksum
 * mended after it.
 */
#ifndef MXT_SENSOR_KEPT_PACKET_H
#define MXT_SENSOR_KEPT_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decoders/packet.h"

/* A frame, with what is known of its payload. */
struct mxt_kept_packet {
    struct mxt_kept_packet *next;
    int64_t time_us, offset; /* offset: of the payload in its stream */
    uint32_t captured, wire, payload_at, payload_n, tcp_at;
    int link_type;
    uint8_t direction; /* enum mxt_direction */
    bool is_unplaced;  /* nobody knows where in the stream it belongs */
    bool is_partial;   /* its checksum does not cover the payload (offload) */
    uint8_t bytes[];
};

/* Bytes of memory that a packet takes. */
static inline size_t mxt_kept_packet_size(const struct mxt_kept_packet *packet)
{
    return sizeof *packet + packet->captured;
}

/* Bytes that mxt_kept_packet_new will take for the segment. */
size_t mxt_kept_packet_needs(const struct mxt_segment *segment);

/*
 * A copy of the segment's frame, zeros behind its payload. Of a segment that does not lie in its frame (it was put together from fragments, RFC 791 3.2) a frame is made: raw IP where the
 * capture is raw IP, else Ethernet without addresses, with the segment's VLAN tags; tunnels are left out. Direction, offset and is_unplaced are the caller's. free() frees it. NULL: out of memory.
 */
struct mxt_kept_packet *mxt_kept_packet_new(const struct mxt_segment *segment);

/* The sum of the payload's 16-bit words, to be given to mxt_kept_packet_mend once the payload was overwritten: a right checksum stays right, a wrong one as wrong as it was (RFC 1624 3). */
uint32_t mxt_kept_packet_sum(const struct mxt_kept_packet *packet);
void mxt_kept_packet_mend(struct mxt_kept_packet *packet, uint32_t before);

#endif
