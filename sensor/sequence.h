/* Sequence numbers, which wrap (RFC 9293 3.4). Nothing else in the sensor compares them. */
#ifndef MXT_SENSOR_SEQUENCE_H
#define MXT_SENSOR_SEQUENCE_H

#include <stdint.h>

/* How far `a` lies ahead of `b`, negative where it is behind. Right for distances below 2 GiB, twice the largest window (RFC 7323 2.3). */
static inline int32_t mxt_sequence_distance(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b);
}

/* The stream offset that `sequence` stands for, given an offset and its sequence number. Negative: before the stream's first byte. */
static inline int64_t mxt_sequence_offset(uint32_t sequence, int64_t known_offset, uint32_t known_sequence)
{
    return known_offset + mxt_sequence_distance(sequence, known_sequence);
}

#endif
