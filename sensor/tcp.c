#include "sensor/tcp.h"

#include <stdlib.h>

#include "sensor/tcp_half.h"
#include "sensor/tcp_order.h"

#define WINDOW_MAX   ((int64_t)1 << 30)  /* the largest window (RFC 7323 2.3): data further ahead belongs to another connection */
#define ACK_AHEAD    ((int64_t)64 << 20) /* how far ahead of what was seen an acknowledgement is believed: more than windows in use, a 64th of all numbers */
#define RESET_AHEAD  65536 /* the same for a RST: the largest unscaled window. Receivers want the exact number (RFC 5961 3), but we may have lost data */
#define WINDOW_LEAST 1460  /* probes of a closed window are no attack */
#define LATE_SYN     65536 /* a SYN captured behind its connection's first data may lie this far before it */
#define DUPLICATE_US 2000u /* without timestamps: the same bytes again so soon were mirrored twice; retransmission takes a round trip or 200 ms */

size_t mxt_tcp_size(void)
{
    return sizeof(struct mxt_tcp);
}

void mxt_tcp_init(struct mxt_tcp *tcp)
{
    *tcp = (struct mxt_tcp){.stuck_us = MXT_TCP_NEVER};
}

void mxt_tcp_clear(struct mxt_tcp *tcp)
{
    mxt_tcp_half_clear(&tcp->half[MXT_TOSERVER]);
    mxt_tcp_half_clear(&tcp->half[MXT_TOCLIENT]);
    mxt_tcp_claims_drop(tcp, MXT_TOSERVER);
    mxt_tcp_claims_drop(tcp, MXT_TOCLIENT);
}

/* ---- one segment ---- */

static bool is_checksum_acceptable(struct mxt_tcp *tcp, struct mxt_tcp_half *half, const struct mxt_segment *segment)
{
    half->has_good_ip = half->has_good_ip || segment->has_good_ip;
    if (segment->is_ip_damaged && half->has_good_ip) {
        tcp->counters.bad_checksums_dropped++;
        return false;
    }
    enum mxt_checksum checksum = mxt_segment_checksum(segment);
    if (checksum == MXT_CHECKSUM_GOOD)
        half->has_good_checksum = true;
    if (checksum == MXT_CHECKSUM_GOOD || checksum == MXT_CHECKSUM_UNKNOWN)
        return true;
    /* A host that merges segments as it captures (GRO) shows partial checksums among good ones. */
    if (checksum == MXT_CHECKSUM_BAD && half->has_good_checksum) {
        tcp->counters.bad_checksums_dropped++;
        return false;
    }
    tcp->counters.bad_checksums_accepted++;
    return true;
}

static void count_repeat(struct mxt_tcp *tcp, const struct mxt_tcp_half *half, const struct mxt_segment *segment)
{
    bool is_duplicate = segment->has_timestamp ? segment->timestamp_value == half->stamp : (uint32_t)segment->time_us - half->stamp < DUPLICATE_US;
    if (is_duplicate)
        tcp->counters.duplicates++;
    else
        tcp->counters.retransmitted++;
}

/* False: the SYN belongs to another connection, and nothing in the segment counts. */
static bool take_syn(struct mxt_tcp *tcp, enum mxt_direction direction, const struct mxt_segment *segment)
{
    struct mxt_tcp_half *sender = &tcp->half[direction], *receiver = &tcp->half[mxt_direction_other(direction)];
    if (!sender->is_started)
        mxt_tcp_half_start(sender, segment->seq + 1);
    else if (sender->base != segment->seq + 1)
        return false;
    if (sender->has_syn)
        count_repeat(tcp, sender, segment);
    else
        mxt_tcp_half_stamp(sender, segment);
    mxt_tcp_half_take_syn(sender, segment);
    if ((segment->flags & MXT_ACK) != 0 && !receiver->is_started) {
        mxt_tcp_half_start(receiver, segment->ack);
        receiver->has_isn = true;
    }
    return true;
}

/* A SYN-ACK says of the bytes in the SYN whether they were taken; if not they come again. */
static void take_ack_of_claims(struct mxt_tcp *tcp, enum mxt_direction claimed, const struct mxt_segment *segment, int64_t acked)
{
    mxt_tcp_claims_acknowledged(tcp, claimed, acked);
    if ((segment->flags & MXT_SYN) != 0)
        mxt_tcp_claims_drop(tcp, claimed);
}

/* Whether `offset` of the sender's stream lies behind what the receiver has room for: it takes nothing there (RFC 9293 3.10.7.4). */
static bool is_behind_window(const struct mxt_tcp_half *sender, const struct mxt_tcp_half *receiver, int64_t offset)
{
    int64_t left = sender->acked > sender->next ? sender->acked : sender->next;
    int64_t window = (int64_t)1 << receiver->window_bits;
    return receiver->window_bits > 0 && offset >= left + (window > WINDOW_LEAST ? window : WINDOW_LEAST);
}

/* Takes note of the acknowledgement; returns the offset of the other direction that the segment has to wait for. */
static int64_t take_ack(struct mxt_tcp *tcp, enum mxt_direction direction, const struct mxt_segment *segment)
{
    struct mxt_tcp_half *sender = &tcp->half[direction], *receiver = &tcp->half[mxt_direction_other(direction)];
    if ((segment->flags & MXT_ACK) == 0)
        return MXT_TCP_NEEDS_NOTHING;
    sender->has_sent_ack = true;
    mxt_tcp_half_take_window(sender, receiver, segment);
    if (!receiver->is_started) {
        receiver->base = segment->ack;
        receiver->is_hinted = true;
        return MXT_TCP_NEEDS_NOTHING;
    }
    if (sender->is_started && llabs(mxt_sequence_distance(segment->seq, mxt_tcp_half_sequence(sender))) > ACK_AHEAD)
        return MXT_TCP_NEEDS_NOTHING;
    int64_t acked = mxt_tcp_half_offset(receiver, segment->ack);
    if (tcp->claims != NULL && (segment->flags & MXT_RST) == 0)
        take_ack_of_claims(tcp, mxt_direction_other(direction), segment, acked);
    if (acked > receiver->seen + (receiver->has_end ? 1 : ACK_AHEAD))
        return MXT_TCP_NEEDS_NOTHING;
    /* Some stacks and middleboxes reset with an acknowledgement of their own making: it may order, but proves no delivery. */
    if (acked > receiver->acked && (segment->flags & MXT_RST) == 0)
        receiver->acked = acked;
    return receiver->is_seen && !mxt_tcp_half_has_reached(receiver, acked) ? acked : MXT_TCP_NEEDS_NOTHING;
}

static bool is_reset_acceptable(const struct mxt_tcp *tcp, enum mxt_direction direction, const struct mxt_segment *segment)
{
    const struct mxt_tcp_half *sender = &tcp->half[direction], *receiver = &tcp->half[mxt_direction_other(direction)];
    if (sender->is_started) {
        /* Not before what the receiver has taken already, but for the byte of a keep-alive. */
        int64_t at = mxt_tcp_half_offset(sender, segment->seq);
        int64_t ahead = sender->seen > sender->acked ? sender->seen : sender->acked;
        return at >= sender->acked - 1 && at <= ahead + RESET_AHEAD;
    }
    if (sender->is_hinted)
        return llabs(mxt_sequence_distance(segment->seq, sender->base)) <= RESET_AHEAD;
    if ((segment->flags & MXT_ACK) != 0 && receiver->is_started) {
        /* The answer to a SYN has the sequence number 0 (RFC 9293 3.10.7.1); what it acknowledges proves it. */
        int64_t acked = mxt_tcp_half_offset(receiver, segment->ack);
        return acked >= 0 && acked <= receiver->seen + RESET_AHEAD;
    }
    return true;
}

static void take_reset(const struct mxt_tcp_run *run, enum mxt_direction direction, const struct mxt_segment *segment, int64_t needs)
{
    struct mxt_tcp_half *half = &run->tcp->half[direction];
    if (half->has_reset || !is_reset_acceptable(run->tcp, direction, segment))
        return;
    int64_t at = half->is_started ? mxt_tcp_half_offset(half, segment->seq) : 0;
    if (half->is_started && is_behind_window(half, &run->tcp->half[mxt_direction_other(direction)], at))
        return;
    for (const struct mxt_tcp_held *held = half->held; held != NULL; held = held->next)
        if (at < held->start + held->length + held->missing + (held->mark == MXT_TCP_MARK_FIN ? 1 : 0))
            at = held->start + held->length + held->missing + (held->mark == MXT_TCP_MARK_FIN ? 1 : 0);
    if (half->held == NULL && at < half->next)
        at = half->next;
    half->has_reset = true;
    if (!half->has_end) {
        half->has_end = true;
        half->seen = at;
    }
    bool is_next = half->held == NULL && at == half->next && needs == MXT_TCP_NEEDS_NOTHING;
    if (is_next || mxt_tcp_half_mark(half, at, 0, MXT_TCP_MARK_RST, needs) != MXT_OK)
        mxt_tcp_tell_close(run, direction, MXT_CLOSE_RST);
}

/* Payload on its way into the stream. */
struct piece {
    int64_t start;
    const uint8_t *p;
    uint32_t n;
    uint32_t missing; /* bytes behind it that the capture cut off */
    bool is_repeat;   /* some of it came before */
    int64_t conflict; /* offset of the first byte that differs from what came before, or -1 */
};

static int64_t piece_end(const struct piece *piece)
{
    return piece->start + piece->n + piece->missing;
}

/* Cuts off what lies behind `end`. */
static void piece_trim(struct piece *piece, int64_t end)
{
    if (piece_end(piece) <= end)
        return;
    int64_t keep = end > piece->start ? end - piece->start : 0;
    if (piece->n > keep)
        piece->n = (uint32_t)keep;
    piece->missing = (uint32_t)(keep - piece->n);
}

/* Cuts off what lies before `offset`. */
static void piece_advance(struct piece *piece, int64_t offset)
{
    if (offset <= piece->start)
        return;
    int64_t skip = offset - piece->start, skip_n = skip < piece->n ? skip : piece->n, skip_missing = skip - skip_n;
    piece->p += skip_n;
    piece->n -= (uint32_t)skip_n;
    piece->missing -= (uint32_t)(skip_missing < piece->missing ? skip_missing : piece->missing);
    piece->start = offset;
}

/* The part that was delivered before is compared and cut off. */
static void take_old(const struct mxt_tcp_half *half, struct piece *piece)
{
    if (piece->start >= half->next || piece->n + piece->missing == 0)
        return;
    piece->is_repeat = piece->start >= 0;
    piece->conflict = mxt_tcp_half_compare(half, piece->start, piece->p, piece->n);
    piece_advance(piece, half->next);
}

/* What is in order goes through at once, up to what is held. */
static void take_next(const struct mxt_tcp_run *run, enum mxt_direction direction, struct piece *piece)
{
    struct mxt_tcp_half *half = &run->tcp->half[direction];
    uint32_t n = (uint32_t)mxt_tcp_room(half, piece->n);
    bool is_whole = n == piece->n;
    if (n > 0)
        mxt_tcp_deliver(run, direction, piece->p, n);
    if (is_whole && !run->tcp->is_content_stopped)
        mxt_tcp_tell_gap(run, direction, mxt_tcp_room(half, piece->missing));
    piece_advance(piece, half->next);
}

static void take_early(const struct mxt_tcp_run *run, enum mxt_direction direction, const struct mxt_segment *segment, struct piece *piece, int64_t needs)
{
    struct mxt_tcp_half *half = &run->tcp->half[direction];
    struct mxt_tcp_hold_result result = mxt_tcp_half_hold(half, piece->start, piece->p, piece->n, needs);
    bool is_marked = piece->missing == 0 || mxt_tcp_half_mark(half, piece->start + piece->n, piece->missing, MXT_TCP_MARK_NONE, needs) == MXT_OK;
    if (result.is_incomplete || !is_marked)
        run->tcp->counters.allocation_failures++;
    if (result.is_news)
        mxt_tcp_half_stamp(half, segment);
    if (result.is_repeat)
        piece->is_repeat = true;
    if (piece->conflict < 0)
        piece->conflict = result.conflict;
    if (half->seen < piece_end(piece))
        half->seen = piece_end(piece);
}

static void take_payload(const struct mxt_tcp_run *run, enum mxt_direction direction, const struct mxt_segment *segment, struct piece *piece, int64_t needs)
{
    struct mxt_tcp_half *half = &run->tcp->half[direction];
    if (piece->n + piece->missing == 0)
        return;
    take_old(half, piece);
    if (piece->is_repeat)
        count_repeat(run->tcp, half, segment);
    bool is_counted = piece->is_repeat;
    mxt_tcp_tell_conflict(run, direction, piece->conflict);
    bool is_told = piece->conflict >= 0;
    if (piece->n + piece->missing > 0 && piece->start == half->next && needs == MXT_TCP_NEEDS_NOTHING) {
        mxt_tcp_half_stamp(half, segment);
        take_next(run, direction, piece);
    }
    if (run->tcp->is_content_stopped || piece->n + piece->missing == 0)
        return;
    take_early(run, direction, segment, piece, needs);
    if (piece->is_repeat && !is_counted)
        count_repeat(run->tcp, half, segment);
    if (!is_told)
        mxt_tcp_tell_conflict(run, direction, piece->conflict);
}

static void take_fin(const struct mxt_tcp_run *run, enum mxt_direction direction, const struct mxt_segment *segment, int64_t at, int64_t needs)
{
    struct mxt_tcp_half *half = &run->tcp->half[direction];
    /* A sender whose FIN lies before its RST has not sent that RST. */
    if (half->has_reset && !half->is_reset && at >= half->next && at < half->seen)
        mxt_tcp_revoke_end(run->tcp, direction);
    /* No FIN where more is known to follow. */
    if (half->has_end || at < half->seen || at + 1 < half->acked)
        return;
    half->has_end = true;
    half->seen = at;
    mxt_tcp_half_stamp(half, segment);
    if (half->held == NULL && at == half->next && needs == MXT_TCP_NEEDS_NOTHING)
        mxt_tcp_tell_close(run, direction, MXT_CLOSE_FIN);
    else if (mxt_tcp_half_mark(half, at, 0, MXT_TCP_MARK_FIN, needs) != MXT_OK) {
        half->has_end = false; /* its retransmission may fare better */
        run->tcp->counters.allocation_failures++;
    }
}

/* What lies behind the end is cut off. It counts if the receiver acknowledges it all the same: then the end was forged. A FIN that was acknowledged is certain. */
static void take_behind_end(const struct mxt_tcp_run *run, enum mxt_direction direction, struct piece *piece)
{
    const struct mxt_tcp_half *half = &run->tcp->half[direction];
    bool is_certain = (!half->has_reset && half->acked > half->seen) || !run->tcp->half[mxt_direction_other(direction)].is_seen;
    struct piece behind = *piece;
    piece_advance(&behind, half->seen);
    piece_trim(piece, half->seen);
    if (!is_certain && behind.n > 0)
        mxt_tcp_claim(run->tcp, direction, behind.start, behind.p, behind.n, run->limits->held_bytes);
}

/*
 * The byte before the urgent pointer leaves the stream, as nearly all stacks have it unless the program asks otherwise (RFC 6093 2 and 3). What is before it is
 * taken here. Only where the segment is in order: an early one waits with it.
 */
static void take_urgent(const struct mxt_tcp_run *run, enum mxt_direction direction, const struct mxt_segment *segment, struct piece *piece, int64_t needs)
{
    struct mxt_tcp_half *half = &run->tcp->half[direction];
    int64_t at = mxt_tcp_half_offset(half, segment->seq) + segment->urgent - 1;
    if (half->next > at || piece->start > half->next || at >= piece->start + piece->n || half->held != NULL || needs != MXT_TCP_NEEDS_NOTHING)
        return;
    struct piece before = *piece;
    piece_trim(&before, at);
    take_payload(run, direction, segment, &before, needs);
    half->next = at + 1;
    if (half->seen < half->next)
        half->seen = half->next;
    mxt_tcp_half_break(half);
    piece_advance(piece, half->next);
}

static void take_content(const struct mxt_tcp_run *run, enum mxt_direction direction, const struct mxt_segment *segment, int64_t needs)
{
    struct mxt_tcp_half *half = &run->tcp->half[direction];
    bool has_fin = (segment->flags & MXT_FIN) != 0;
    struct piece piece = {.p = segment->payload, .n = segment->payload_length, .missing = segment->payload_missing, .conflict = -1};
    if (piece.n + piece.missing == 0 && !has_fin)
        return;
    uint32_t sequence = segment->seq + ((segment->flags & MXT_SYN) != 0 ? 1 : 0);
    if (!half->is_started)
        mxt_tcp_half_start(half, sequence);
    piece.start = mxt_tcp_half_offset(half, sequence);
    if (is_behind_window(half, &run->tcp->half[mxt_direction_other(direction)], piece.start))
        return;
    if (piece.start > (half->seen > half->acked ? half->seen : half->acked) + WINDOW_MAX || piece.start < half->next - WINDOW_MAX)
        return;
    /* A keep-alive repeats the last number, with no byte or one that means nothing (RFC 9293 3.8.4). */
    if (piece.start == half->next - 1 && piece.n + piece.missing <= 1 && !has_fin)
        return;
    int64_t fin_at = piece_end(&piece);
    if ((segment->flags & MXT_SYN) != 0 && mxt_tcp_half_has_nothing(half)) {
        mxt_tcp_claim(run->tcp, direction, piece.start, piece.p, piece.n, run->limits->held_bytes);
        return;
    }
    if (half->has_end)
        take_behind_end(run, direction, &piece);
    if ((segment->flags & MXT_URG) != 0 && segment->urgent > 0)
        take_urgent(run, direction, segment, &piece, needs);
    take_payload(run, direction, segment, &piece, needs);
    if (!has_fin)
        return;
    if (run->tcp->is_content_stopped)
        mxt_tcp_tell_close(run, direction, MXT_CLOSE_FIN);
    else
        take_fin(run, direction, segment, fin_at, needs);
}

/* Content is not wanted any more: positions are followed so that a RST can be judged, and ends are told. */
static void take_quietly(const struct mxt_tcp_run *run, enum mxt_direction direction, const struct mxt_segment *segment)
{
    struct mxt_tcp_half *half = &run->tcp->half[direction];
    uint32_t length = segment->payload_length + segment->payload_missing;
    if (half->is_started && !half->is_closed && (segment->flags & MXT_RST) == 0) {
        int64_t end = mxt_tcp_half_offset(half, segment->seq) + length;
        bool is_ours = end >= half->next - WINDOW_MAX && end <= half->next + WINDOW_MAX;
        if (is_ours && length > 0 && end > half->next)
            half->next = half->seen = end;
        if (is_ours && (segment->flags & MXT_FIN) != 0)
            mxt_tcp_tell_close(run, direction, MXT_CLOSE_FIN);
    }
    if ((segment->flags & MXT_RST) != 0 && is_reset_acceptable(run->tcp, direction, segment))
        mxt_tcp_tell_close(run, direction, MXT_CLOSE_RST);
    struct mxt_tcp_half *receiver = &run->tcp->half[mxt_direction_other(direction)];
    bool is_last_ack = receiver->is_closed && (segment->flags & (MXT_ACK | MXT_RST)) == MXT_ACK && segment->ack == mxt_tcp_half_sequence(receiver);
    if (is_last_ack)
        receiver->acked = receiver->next;
}

/* Acknowledges what was never sent, by far: such a segment is dropped (RFC 9293 3.10.7.4). Only where the handshake told the numbers. */
static bool is_ack_impossible(const struct mxt_tcp *tcp, enum mxt_direction direction, const struct mxt_segment *segment)
{
    const struct mxt_tcp_half *receiver = &tcp->half[mxt_direction_other(direction)];
    if ((segment->flags & (MXT_ACK | MXT_RST)) != MXT_ACK || !receiver->has_syn)
        return false;
    return mxt_tcp_half_offset(receiver, segment->ack) > receiver->seen + ACK_AHEAD;
}

static void take_segment(const struct mxt_tcp_run *run, enum mxt_direction direction, const struct mxt_segment *segment)
{
    struct mxt_tcp *tcp = run->tcp;
    if (tcp->is_content_stopped && (segment->flags & (MXT_FIN | MXT_RST)) == 0) {
        take_quietly(run, direction, segment);
        return;
    }
    if (!is_checksum_acceptable(tcp, &tcp->half[direction], segment))
        return;
    if (tcp->is_content_stopped) {
        take_quietly(run, direction, segment);
        return;
    }
    if ((segment->flags & MXT_SYN) != 0 && (segment->flags & MXT_RST) == 0 && !take_syn(tcp, direction, segment))
        return;
    if ((segment->flags & (MXT_ACK | MXT_SYN | MXT_RST)) == 0 || is_ack_impossible(tcp, direction, segment))
        return;
    int64_t before = mxt_tcp_progress(tcp);
    int64_t needs = take_ack(tcp, direction, segment);
    if ((segment->flags & MXT_RST) != 0)
        take_reset(run, direction, segment, needs);
    else
        take_content(run, direction, segment, needs);
    mxt_tcp_settle(run, before);
}

/* In order, nothing held, nothing acknowledged that was not seen: the way of nearly all segments. */
static bool is_plain(const struct mxt_tcp *tcp, const struct mxt_tcp_half *sender, const struct mxt_tcp_half *receiver, const struct mxt_segment *segment)
{
    return mxt_tcp_half_is_next(sender, receiver, segment) && sender->held == NULL && receiver->held == NULL && tcp->stuck_us == MXT_TCP_NEVER &&
           !tcp->is_content_stopped;
}

static void count_packet(struct mxt_tcp *tcp, enum mxt_direction direction, uint32_t bytes)
{
    if (direction == MXT_TOSERVER) {
        tcp->counters.packets_toserver++;
        tcp->counters.bytes_toserver += bytes;
    } else {
        tcp->counters.packets_toclient++;
        tcp->counters.bytes_toclient += bytes;
    }
}

void mxt_tcp_segment(struct mxt_tcp *tcp, enum mxt_direction direction, const struct mxt_segment *segment, const struct mxt_tcp_limits *limits,
                     const struct mxt_tcp_sink *sink, void *context)
{
    const struct mxt_tcp_run run = {.tcp = tcp, .limits = limits, .sink = sink, .context = context, .now_us = segment->time_us};
    struct mxt_tcp_half *sender = &tcp->half[direction], *receiver = &tcp->half[mxt_direction_other(direction)];
    count_packet(tcp, direction, segment->frame_bytes);
    sender->is_seen = true;
    if (!is_plain(tcp, sender, receiver, segment)) {
        take_segment(&run, direction, segment);
        return;
    }
    if (segment->payload_length > 0 && !is_checksum_acceptable(tcp, sender, segment))
        return;
    mxt_tcp_half_take_next(sender, receiver, segment);
    if (segment->payload_length > 0) {
        mxt_tcp_half_stamp(sender, segment);
        mxt_tcp_deliver(&run, direction, segment->payload, segment->payload_length);
    }
}

/* ---- time, and the end ---- */

int64_t mxt_tcp_due(const struct mxt_tcp *tcp, const struct mxt_tcp_limits *limits)
{
    return tcp->stuck_us == MXT_TCP_NEVER ? MXT_TCP_NEVER : tcp->stuck_us + limits->gap_timeout_us;
}

void mxt_tcp_tick(struct mxt_tcp *tcp, int64_t now_us, const struct mxt_tcp_limits *limits, const struct mxt_tcp_sink *sink, void *context)
{
    if (mxt_tcp_due(tcp, limits) > now_us)
        return;
    const struct mxt_tcp_run run = {.tcp = tcp, .limits = limits, .sink = sink, .context = context, .now_us = now_us};
    mxt_tcp_settle(&run, mxt_tcp_progress(tcp));
}

void mxt_tcp_finish(struct mxt_tcp *tcp, int64_t now_us, const struct mxt_tcp_limits *limits, const struct mxt_tcp_sink *sink, void *context)
{
    const struct mxt_tcp_run run = {.tcp = tcp, .limits = limits, .sink = sink, .context = context, .now_us = now_us};
    mxt_tcp_flush(&run);
    mxt_tcp_claims_drop(tcp, MXT_TOSERVER);
    mxt_tcp_claims_drop(tcp, MXT_TOCLIENT);
}

void mxt_tcp_stop_content(struct mxt_tcp *tcp)
{
    if (tcp->is_content_stopped)
        return;
    tcp->is_content_stopped = true;
    tcp->stuck_us = MXT_TCP_NEVER;
    for (enum mxt_direction direction = MXT_TOSERVER; direction <= MXT_TOCLIENT; direction++) {
        mxt_tcp_claims_drop(tcp, direction);
        mxt_tcp_half_drop(&tcp->half[direction]);
        mxt_tcp_half_forget(&tcp->half[direction]);
    }
}

bool mxt_tcp_wants_content(const struct mxt_tcp *tcp)
{
    return !tcp->is_content_stopped;
}

void mxt_tcp_keep_history(struct mxt_tcp *tcp, enum mxt_direction direction, bool is_kept)
{
    tcp->half[direction].is_history_off = !is_kept;
    if (!is_kept)
        mxt_tcp_half_forget(&tcp->half[direction]);
}

void mxt_tcp_rest(struct mxt_tcp *tcp)
{
    mxt_tcp_half_forget(&tcp->half[MXT_TOSERVER]);
    mxt_tcp_half_forget(&tcp->half[MXT_TOCLIENT]);
}

/* ---- questions ---- */

uint32_t mxt_tcp_memory(const struct mxt_tcp *tcp)
{
    const struct mxt_tcp_half *client = &tcp->half[MXT_TOSERVER], *server = &tcp->half[MXT_TOCLIENT];
    uint32_t claims = tcp->claims == NULL ? 0 : (uint32_t)sizeof *tcp->claims + tcp->claims->half[0].held_bytes + tcp->claims->half[1].held_bytes;
    return client->held_bytes + server->held_bytes + claims + mxt_tcp_half_history(client) + mxt_tcp_half_history(server);
}

bool mxt_tcp_has_held(const struct mxt_tcp *tcp)
{
    return tcp->claims != NULL || tcp->half[MXT_TOSERVER].held_bytes + tcp->half[MXT_TOCLIENT].held_bytes > 0;
}

bool mxt_tcp_is_reuse(struct mxt_tcp *tcp, enum mxt_direction direction, const struct mxt_segment *segment)
{
    struct mxt_tcp_half *sender = &tcp->half[direction];
    const struct mxt_tcp_half *receiver = &tcp->half[mxt_direction_other(direction)];
    if (sender->is_started && sender->base == segment->seq + 1)
        return false;
    if (mxt_segment_checksum(segment) == MXT_CHECKSUM_BAD && sender->has_good_checksum)
        return false;
    if (mxt_tcp_is_closed(tcp))
        return true;
    /* Before the handshake is complete the SYN that the server answers is the one that counts. */
    bool is_answer = (segment->flags & MXT_ACK) != 0;
    bool is_handshake = sender->seen == 0 && receiver->seen == 0 && !(sender->has_sent_ack && receiver->has_sent_ack);
    if (is_handshake && is_answer) {
        int64_t acked = mxt_tcp_half_offset(receiver, segment->ack);
        return receiver->is_started && (acked < 0 || acked > mxt_tcp_claimed_end(tcp, mxt_direction_other(direction), 0));
    }
    if (!sender->is_started)
        return false;
    int64_t before = -(int64_t)mxt_sequence_distance(segment->seq + 1, sender->base);
    if (!sender->has_isn && before > 0 && before <= LATE_SYN)
        return false;
    if (!receiver->is_seen)
        return true;
    if (is_answer)
        return tcp->has_pending_isn && segment->ack == tcp->pending_isn + 1;
    tcp->has_pending_isn = true;
    tcp->pending_isn = segment->seq;
    return false;
}

const struct mxt_tcp_counters *mxt_tcp_counters(const struct mxt_tcp *tcp)
{
    return &tcp->counters;
}

bool mxt_tcp_is_midstream(const struct mxt_tcp *tcp)
{
    return !tcp->half[MXT_TOSERVER].has_isn && !tcp->half[MXT_TOCLIENT].has_isn;
}

bool mxt_tcp_is_one_sided(const struct mxt_tcp *tcp)
{
    const struct mxt_tcp_half *client = &tcp->half[MXT_TOSERVER], *server = &tcp->half[MXT_TOCLIENT];
    return client->is_seen != server->is_seen && (client->has_sent_ack || server->has_sent_ack);
}

bool mxt_tcp_is_closed(const struct mxt_tcp *tcp)
{
    return mxt_tcp_half_are_closed(&tcp->half[MXT_TOSERVER], &tcp->half[MXT_TOCLIENT]);
}

static bool is_half_settled(const struct mxt_tcp_half *half)
{
    return half->is_closed && !half->has_reset && !half->is_reset && half->is_seen && half->acked >= half->next && half->held == NULL;
}

bool mxt_tcp_is_settled(const struct mxt_tcp *tcp)
{
    return is_half_settled(&tcp->half[MXT_TOSERVER]) && is_half_settled(&tcp->half[MXT_TOCLIENT]) && tcp->claims == NULL;
}

const char *mxt_tcp_ended(const struct mxt_tcp *tcp)
{
    const struct mxt_tcp_half *client = &tcp->half[MXT_TOSERVER], *server = &tcp->half[MXT_TOCLIENT];
    if (client->is_closed && server->is_closed)
        return "fin";
    if (client->is_reset || server->is_reset)
        return "rst";
    return client->is_closed || server->is_closed ? "half_closed" : NULL;
}

bool mxt_tcp_offset(const struct mxt_tcp *tcp, enum mxt_direction direction, uint32_t sequence, int64_t *offset)
{
    const struct mxt_tcp_half *half = &tcp->half[direction];
    *offset = half->is_started ? mxt_tcp_half_offset(half, sequence) : 0;
    return half->is_started;
}

uint32_t mxt_tcp_client_isn(const struct mxt_tcp *tcp, enum mxt_fact *is_known)
{
    const struct mxt_tcp_half *client = &tcp->half[MXT_TOSERVER];
    *is_known = client->has_isn ? MXT_YES : MXT_NO;
    return client->has_isn ? client->base - 1 : 0;
}
