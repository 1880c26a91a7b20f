/*
 * One direction of a TCP connection: where its stream stands, what came early, and the last bytes delivered. Private to tcp.c.
 *
 * Positions are stream offsets of 64 bits: 0 is the first byte behind the SYN, or the first byte seen where there was no SYN. A FIN takes one offset, as it
 * takes a sequence number (RFC 9293 3.4).
 */
#ifndef MXT_SENSOR_TCP_HALF_H
#define MXT_SENSOR_TCP_HALF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decoders/packet.h"
#include "decoders/status.h"
#include "sensor/sequence.h"

enum mxt_tcp_mark { MXT_TCP_MARK_NONE, MXT_TCP_MARK_FIN, MXT_TCP_MARK_RST };

#define MXT_TCP_NEEDS_NOTHING INT64_MIN

/* A run of early bytes; or, without bytes, a mark: bytes that the capture cut off, or the end of the stream. */
struct mxt_tcp_held {
    struct mxt_tcp_held *next; /* in stream order; runs do not overlap */
    int64_t start;
    int64_t needs; /* offset that the other direction must have reached first */
    uint32_t length, capacity;
    uint32_t missing; /* bytes cut off by the snap length that follow */
    enum mxt_tcp_mark mark;
    uint8_t bytes[];
};

/* The last bytes delivered: [data end - length, data end). */
struct mxt_tcp_history {
    uint16_t capacity, length; /* the capacity is a power of two */
    uint8_t ring[];            /* indexed by offset */
};

struct mxt_tcp_half {
    int64_t next;  /* offset of the next byte to deliver */
    int64_t seen;  /* behind the last byte seen; where has_end, the end of the stream */
    int64_t acked; /* the highest offset that the receiver acknowledged */
    struct mxt_tcp_held *held;
    struct mxt_tcp_history *history; /* or NULL */
    uint32_t base;    /* sequence number of offset 0; before is_started a hint: the last acknowledgement */
    uint32_t stamp;   /* timestamp option of the last new segment, else its time: tells a mirror's duplicate from a retransmission */
    uint32_t held_bytes;
    union {
        struct {
            unsigned window_bits : 5; /* the largest window that this side has advertised is below 2 to this power; 0: not known, for want of a SYN */
            unsigned scale : 4;       /* of its windows, where has_scale */
            bool has_scale : 1;
            bool has_good_ip : 1; /* IP headers with a right checksum were seen */
            bool is_started : 1; /* `base` is known */
            bool is_hinted : 1;
            bool is_seen : 1; /* a segment of this direction was captured */
            bool has_isn : 1; /* `base` comes from a SYN, or from the acknowledgement in a SYN-ACK */
            bool has_syn : 1; /* the SYN itself was captured */
            bool has_sent_ack : 1;
            bool has_good_checksum : 1;
            bool has_end : 1;         /* FIN or RST seen: nothing counts behind `seen` */
            bool has_reset : 1;       /* an acceptable RST seen */
            bool is_closed : 1;       /* FIN told */
            bool is_reset : 1;        /* RST told */
            bool is_fin_presumed : 1; /* one number behind the last byte was acknowledged: a FIN that was not captured, most likely */
            bool is_history_off : 1;
            unsigned history_bits : 5; /* of the history's capacity, so that memory is counted without looking there; 0: no history */
        };
        uint32_t traits; /* all of them, to be copied as one */
    };
};

static inline uint32_t mxt_tcp_half_sequence(const struct mxt_tcp_half *half)
{
    return half->base + (uint32_t)half->next;
}

static inline int64_t mxt_tcp_half_offset(const struct mxt_tcp_half *half, uint32_t sequence)
{
    return mxt_sequence_offset(sequence, half->next, mxt_tcp_half_sequence(half));
}

/* Whether the stream has got to where a segment of the other direction says that it is. */
static inline bool mxt_tcp_half_has_reached(const struct mxt_tcp_half *half, int64_t needs)
{
    return needs <= half->next + (half->is_fin_presumed ? 1 : 0);
}

/* Both sides closed, or one reset. */
static inline bool mxt_tcp_half_are_closed(const struct mxt_tcp_half *one, const struct mxt_tcp_half *other)
{
    return one->is_reset || other->is_reset || (one->is_closed && other->is_closed);
}

/* Whether nothing of the stream is here yet. */
static inline bool mxt_tcp_half_has_nothing(const struct mxt_tcp_half *half)
{
    return half->next == 0 && half->seen == 0 && half->acked == 0 && half->held == NULL;
}

/* Bytes that its history takes. */
static inline uint32_t mxt_tcp_half_history(const struct mxt_tcp_half *half)
{
    return half->history_bits == 0 ? 0 : (uint32_t)sizeof *half->history + (UINT32_C(1) << (half->history_bits - 1));
}

/* ---- what a segment says of its sender ---- */

/* `sequence` is that of the first byte. */
static inline void mxt_tcp_half_start(struct mxt_tcp_half *half, uint32_t sequence)
{
    half->base = sequence;
    half->is_started = true;
}

static inline void mxt_tcp_half_stamp(struct mxt_tcp_half *half, const struct mxt_segment *segment)
{
    half->stamp = segment->has_timestamp ? segment->timestamp_value : (uint32_t)segment->time_us;
}

/* Of a half that is started. */
static inline void mxt_tcp_half_take_syn(struct mxt_tcp_half *sender, const struct mxt_segment *segment)
{
    sender->has_isn = true;
    sender->has_syn = true;
    sender->has_scale = segment->has_window_scale;
    sender->scale = segment->window_scale & 15u;
}

/* The largest window counts: an older one may have been lost, and who is asked to believe less is never misled by it. Without both SYNs the scale is not known. */
static inline void mxt_tcp_half_take_window(struct mxt_tcp_half *sender, const struct mxt_tcp_half *receiver, const struct mxt_segment *segment)
{
    if (!sender->has_syn || !receiver->has_syn)
        return;
    bool is_scaled = sender->has_scale && receiver->has_scale && (segment->flags & MXT_SYN) == 0;
    uint32_t window = (uint32_t)segment->window << (is_scaled ? sender->scale : 0);
    while (window >> sender->window_bits != 0)
        sender->window_bits = (sender->window_bits + 1) & 31u; /* at most 30: 16 bits, shifted by 14 */
}

/* Whether the segment goes on where its sender is, acknowledges nothing that was not seen, and begins and ends nothing: what nearly all do. */
static inline bool mxt_tcp_half_is_next(const struct mxt_tcp_half *sender, const struct mxt_tcp_half *receiver, const struct mxt_segment *segment)
{
    return (segment->flags & (MXT_FIN | MXT_SYN | MXT_RST | MXT_ACK | MXT_URG)) == MXT_ACK && segment->seq == mxt_tcp_half_sequence(sender) &&
           mxt_sequence_distance(segment->ack, mxt_tcp_half_sequence(receiver)) <= 0 && sender->is_started && receiver->is_started && !sender->has_end &&
           segment->payload_missing == 0;
}

/* Takes such a segment, but for its payload. */
static inline void mxt_tcp_half_take_next(struct mxt_tcp_half *sender, struct mxt_tcp_half *receiver, const struct mxt_segment *segment)
{
    int64_t acked = mxt_tcp_half_offset(receiver, segment->ack);
    if (acked > receiver->acked)
        receiver->acked = acked;
    sender->has_sent_ack = true;
    mxt_tcp_half_take_window(sender, receiver, segment);
}

struct mxt_tcp_hold_result {
    int64_t conflict;   /* offset of the first byte that differs from what is held, or -1 */
    bool is_news;       /* some byte was not held before */
    bool is_repeat;     /* some byte was */
    bool is_incomplete; /* out of memory: some of it is not held */
};

/* Holds a copy of the `n` bytes at `start` (not below `next`) that are not held yet, until the other direction has reached `needs`. The first copy of a byte
 * stays. */
struct mxt_tcp_hold_result mxt_tcp_half_hold(struct mxt_tcp_half *half, int64_t start, const uint8_t *p, size_t n, int64_t needs);

/* Holds a mark at `at`: `missing` bytes cut off, or the end of the stream. Nothing where `at` is held already. MXT_ENOMEM: not held. */
enum mxt_status mxt_tcp_half_mark(struct mxt_tcp_half *half, int64_t at, uint32_t missing, enum mxt_tcp_mark mark, int64_t needs) MXT_MUST_CHECK;

/* Takes the first run out of the list; the caller frees it. There must be one. */
struct mxt_tcp_held *mxt_tcp_half_pop(struct mxt_tcp_half *half);

/* Drops held bytes; marks of the stream's end stay and become due at once. The stream goes on behind what was seen. */
void mxt_tcp_half_drop(struct mxt_tcp_half *half);

/* Remembers the last bytes before the data end, which `p` and `n` are; at most `limit`, and none where memory is short. */
void mxt_tcp_half_remember(struct mxt_tcp_half *half, const uint8_t *p, size_t n, uint16_t limit);

/* The offset of the first of the `n` bytes at `start` that differs from what was delivered, or -1; bytes not remembered count as equal. */
int64_t mxt_tcp_half_compare(const struct mxt_tcp_half *half, int64_t start, const uint8_t *p, size_t n);

/* Empties the history: what follows does not join on to it. */
void mxt_tcp_half_break(struct mxt_tcp_half *half);

/* Frees the history. */
void mxt_tcp_half_forget(struct mxt_tcp_half *half);

/* Frees all. */
void mxt_tcp_half_clear(struct mxt_tcp_half *half);

#endif
