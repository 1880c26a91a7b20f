/*
 * A connection of which nothing is held, folded into 44 bytes: as long as nobody wants its content that is most of its life. It is unfolded for each segment,
 * and what a folded connection was is what comes out.
 */
#ifndef MXT_SENSOR_TCP_FOLD_H
#define MXT_SENSOR_TCP_FOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decoders/status.h"
#include "sensor/tcp.h"

/* One direction. Where its stream was seen up to follows from where it stands. */
struct mxt_tcp_folded_half {
    uint32_t base, stamp, traits;
    uint16_t next, acked;
    uint16_t packets, bytes;
};

struct mxt_tcp_folded {
    struct mxt_tcp_folded_half half[2]; /* by enum mxt_direction */
    uint8_t retransmitted, duplicates, bad_checksums_accepted;
};

/* Folds it. False: something is held, went missing or is in dispute, or a count is too large; *out is undefined then. */
bool mxt_tcp_fold(const struct mxt_tcp *tcp, struct mxt_tcp_folded *out);

/* The connection as it was, in mxt_tcp_size() bytes; what they held before is not looked at. Delivered bytes are not kept for comparison. */
void mxt_tcp_unfold(const struct mxt_tcp_folded *folded, struct mxt_tcp *out);

enum mxt_tcp_folded_step {
    MXT_TCP_FOLDED_TAKEN, /* the segment said nothing, and is taken */
    MXT_TCP_FOLDED_WORDS, /* what it says is next: mxt_tcp_folded_skip takes it, where nobody wants it. So far only its checksum was looked at */
    MXT_TCP_FOLDED_UNFOLD /* the connection must be unfolded to take it. So far it was only looked at */
};

/* Takes a segment of a folded connection where it is the usual one: the handshake, its refusal, acknowledgements. Leads where unfolding would. */
enum mxt_tcp_folded_step mxt_tcp_folded_take(struct mxt_tcp_folded *folded, enum mxt_direction direction, const struct mxt_segment *segment);

/* Takes a segment that was WORDS. False: it must be unfolded, as counts grow too large. */
bool mxt_tcp_folded_skip(struct mxt_tcp_folded *folded, enum mxt_direction direction, const struct mxt_segment *segment);

/* As mxt_tcp_delivered, and as mxt_tcp_is_closed. */
uint64_t mxt_tcp_folded_delivered(const struct mxt_tcp_folded *folded, enum mxt_direction direction);
bool mxt_tcp_folded_is_closed(const struct mxt_tcp_folded *folded);

/* How many bytes of the direction's stream were delivered. */
uint64_t mxt_tcp_delivered(const struct mxt_tcp *tcp, enum mxt_direction direction);

/* The content is wanted: what is delivered is kept for comparison, as it is from the beginning where nothing was folded. */
void mxt_tcp_want(struct mxt_tcp *tcp);

/* From within the sink, right behind mxt_tcp_want: the `n` bytes at `p`, which were just delivered, are to be kept too. */
void mxt_tcp_remember(struct mxt_tcp *tcp, enum mxt_direction direction, const uint8_t *p, size_t n, const struct mxt_tcp_limits *limits);

#endif
