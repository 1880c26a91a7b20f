/* The Internet checksum (RFC 1071) over a TCP segment and its pseudo header. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "decoders/packet.h"
#include "decoders/packet_int.h"
#include "decoders/wide.h"

#define IP_PROTOCOL_TCP 6u

/*
 * The one's complement sum of `n` bytes in the machine's byte order, not folded. Adding 32 bits at a time into 64 leaves room for the carries of 2^32
 * words, and the order of bytes comes out right when the folded sum is turned round (RFC 1071 2 B); a loop this plain the compiler vectorises.
 */
static inline __attribute__((always_inline)) uint64_t sum_bytes(const uint8_t *p, size_t n)
{
    uint64_t sum = 0;
    size_t words = n / 4;
    for (size_t i = 0; i < words; i++) {
        uint32_t word;
        memcpy(&word, p + i * 4, sizeof word);
        sum += word;
    }
    uint8_t rest[4] = {0};
    memcpy(rest, p + words * 4, n % 4);
    uint32_t last;
    memcpy(&last, rest, sizeof last);
    return sum + last;
}

MXT_WIDE static uint64_t sum_wide(const uint8_t *p, size_t n)
{
    return sum_bytes(p, n);
}

static uint64_t sum_segment(const uint8_t *p, size_t n)
{
    return mxt_is_wide() ? sum_wide(p, n) : sum_bytes(p, n);
}

static uint16_t fold(uint64_t sum)
{
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

/* The pseudo header: IPv4's (RFC 9293 3.1) and IPv6's (RFC 8200 8.1) hold the same sum but for the size of the addresses. */
static uint64_t sum_pseudo(const struct mxt_segment *segment, uint32_t length)
{
    size_t skip = mxt_address_is_ipv4(&segment->src) && mxt_address_is_ipv4(&segment->dst) ? 12 : 0;
    uint8_t rest[8] = {(uint8_t)(length >> 24), (uint8_t)(length >> 16), (uint8_t)(length >> 8), (uint8_t)length, 0, 0, 0, IP_PROTOCOL_TCP};
    return sum_bytes(segment->src.bytes + skip, sizeof segment->src.bytes - skip) + sum_bytes(segment->dst.bytes + skip, sizeof segment->dst.bytes - skip) +
           sum_bytes(rest, sizeof rest);
}

bool mxt_is_checksum_right(const uint8_t *p, uint32_t n)
{
    return fold(sum_bytes(p, n)) == 0xffff;
}

enum mxt_checksum mxt_segment_checksum(const struct mxt_segment *segment)
{
    uint32_t header = (segment->tcp[12] >> 4) * 4u;
    if (segment->payload_missing > 0 || segment->payload != segment->tcp + header)
        return MXT_CHECKSUM_UNKNOWN;
    uint32_t length = header + segment->payload_length;
    uint64_t pseudo = sum_pseudo(segment, length);
    if (fold(sum_segment(segment->tcp, length) + pseudo) == 0xffff)
        return MXT_CHECKSUM_GOOD;
    uint16_t field;
    memcpy(&field, segment->tcp + 16, sizeof field);
    return field == fold(pseudo) ? MXT_CHECKSUM_PARTIAL : MXT_CHECKSUM_BAD;
}
