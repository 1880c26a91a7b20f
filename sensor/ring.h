/*
 * Segments from one thread to one other, without a lock: a ring of bytes in C11 atomics. The segment's frame travels with it; where it was put together from fragments,
 * its own bytes instead, and a frame without any.
 *
 *        read                      written
 *   |....|=====|======|===|=======|..................|      an item: its size, the segment, its frame and the bytes;
 *        ^ tail                   ^ head                    one that would not fit before the end begins at the start
 */
#ifndef MXT_SENSOR_RING_H
#define MXT_SENSOR_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decoders/packet.h"

struct mxt_ring;

/* A ring of `bytes` (rounded up to a power of two). NULL: out of memory. */
struct mxt_ring *mxt_ring_new(size_t bytes);

/* Both threads have left it. NULL is accepted. */
void mxt_ring_free(struct mxt_ring *ring);

/* The producer: copies a segment, put in at `now_us` of any clock that does not go back. False: there is no room. */
bool mxt_ring_put(struct mxt_ring *ring, const struct mxt_segment *segment, int64_t now_us);

/* The consumer: up to `max` segments put in no later than `until_us`, valid until mxt_ring_release. How many. */
size_t mxt_ring_take(struct mxt_ring *ring, struct mxt_segment *out, size_t max, int64_t until_us);

/* The consumer: gives back the room of what was taken. */
void mxt_ring_release(struct mxt_ring *ring);

/* Whether all was taken. The consumer's answer is certain. */
bool mxt_ring_is_empty(const struct mxt_ring *ring);

#endif
