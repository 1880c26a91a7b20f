#include "sensor/tcp_order.h"

#include <stdlib.h>

/* ---- to the sink ---- */

void mxt_tcp_deliver(const struct mxt_tcp_run *run, enum mxt_direction direction, const uint8_t *p, size_t n)
{
    struct mxt_tcp_half *half = &run->tcp->half[direction];
    half->next += (int64_t)n;
    if (half->seen < half->next)
        half->seen = half->next;
    half->is_fin_presumed = false;
    mxt_tcp_half_remember(half, p, n, run->limits->history);
    run->sink->data(run->context, direction, p, n, run->now_us);
}

void mxt_tcp_tell_gap(const struct mxt_tcp_run *run, enum mxt_direction direction, int64_t missing)
{
    struct mxt_tcp_half *half = &run->tcp->half[direction];
    if (missing <= 0)
        return;
    half->next += missing;
    if (half->seen < half->next)
        half->seen = half->next;
    mxt_tcp_half_break(half);
    half->is_fin_presumed = false;
    if (direction == MXT_TOSERVER)
        run->tcp->counters.gap_bytes_toserver += (uint64_t)missing;
    else
        run->tcp->counters.gap_bytes_toclient += (uint64_t)missing;
    run->sink->gap(run->context, direction, (uint64_t)missing, run->now_us);
}

void mxt_tcp_tell_close(const struct mxt_tcp_run *run, enum mxt_direction direction, enum mxt_close how)
{
    struct mxt_tcp_half *half = &run->tcp->half[direction];
    if (how == MXT_CLOSE_FIN) {
        if (half->is_closed)
            return;
        half->is_closed = true;
        half->next++;
    } else {
        if (half->is_reset)
            return;
        half->is_reset = true;
    }
    run->sink->close(run->context, direction, how, run->now_us);
}

void mxt_tcp_tell_conflict(const struct mxt_tcp_run *run, enum mxt_direction direction, int64_t offset)
{
    if (offset < 0)
        return;
    run->tcp->counters.conflicting_overlaps++;
    run->sink->conflict(run->context, direction, (uint64_t)offset, run->now_us);
}

/* ---- what is held ---- */

int64_t mxt_tcp_room(const struct mxt_tcp_half *half, int64_t most)
{
    int64_t room = half->held == NULL ? most : half->held->start - half->next;
    return room < most ? room : most;
}

static bool deliver_held(const struct mxt_tcp_run *run, enum mxt_direction direction)
{
    struct mxt_tcp_half *half = &run->tcp->half[direction];
    const struct mxt_tcp_half *other = &run->tcp->half[mxt_direction_other(direction)];
    if (half->held == NULL || half->held->start > half->next || !mxt_tcp_half_has_reached(other, half->held->needs))
        return false;
    struct mxt_tcp_held *held = mxt_tcp_half_pop(half);
    if (held->length > 0)
        mxt_tcp_deliver(run, direction, held->bytes, held->length);
    if (held->missing > 0)
        mxt_tcp_tell_gap(run, direction, mxt_tcp_room(half, held->missing));
    if (held->mark != MXT_TCP_MARK_NONE)
        mxt_tcp_tell_close(run, direction, held->mark == MXT_TCP_MARK_FIN ? MXT_CLOSE_FIN : MXT_CLOSE_RST);
    free(held);
    return true;
}

static void deliver_all_held(const struct mxt_tcp_run *run)
{
    bool has_moved;
    do {
        has_moved = false;
        while (deliver_held(run, MXT_TOSERVER) || deliver_held(run, MXT_TOCLIENT))
            has_moved = true;
    } while (has_moved);
}

/* The end of the hole at the front of a stream that may be given up: everything that is held behind it, or what was acknowledged. `next`: none. */
static int64_t hole_end(const struct mxt_tcp *tcp, enum mxt_direction direction, bool is_forced)
{
    const struct mxt_tcp_half *half = &tcp->half[direction], *other = &tcp->half[mxt_direction_other(direction)];
    if (tcp->is_content_stopped)
        return half->next;
    bool is_acked = half->is_seen && half->acked > half->next + (half->is_fin_presumed ? 1 : 0);
    if (half->held == NULL)
        return is_acked ? half->acked : half->next;
    if (half->held->start <= half->next)
        return half->next;
    /* Nobody will acknowledge where the receiver is not seen, or the sender has reset the connection. */
    if (is_forced || half->held->start <= half->acked || !other->is_seen || half->has_reset)
        return half->held->start;
    return is_acked ? half->acked : half->next;
}

static void skip_hole(const struct mxt_tcp_run *run, enum mxt_direction direction, int64_t end)
{
    struct mxt_tcp_half *half = &run->tcp->half[direction];
    if (half->held == NULL && half->acked == half->next + 1) {
        half->is_fin_presumed = true;
        return;
    }
    /* The number in a RST proves no data before it. */
    if (half->held != NULL && half->held->mark == MXT_TCP_MARK_RST && half->held->start == end) {
        mxt_tcp_tell_gap(run, direction, (half->acked < end ? half->acked : end) - half->next);
        half->held->start = half->next;
        half->seen = half->next;
        return;
    }
    mxt_tcp_tell_gap(run, direction, end - half->next);
}

/* Gives up one thing that keeps a stream waiting, holes first; false: nothing does. */
static bool give_up(const struct mxt_tcp_run *run, enum mxt_direction first, bool is_forced)
{
    const enum mxt_direction order[2] = {first, mxt_direction_other(first)};
    for (size_t i = 0; i < 2; i++) {
        int64_t end = hole_end(run->tcp, order[i], is_forced);
        if (end > run->tcp->half[order[i]].next) {
            skip_hole(run, order[i], end);
            return true;
        }
    }
    /* No hole, and still something waits: for a reset's acknowledgement, or both directions for each other, which honest peers cannot bring about. */
    for (size_t i = 0; i < 2; i++) {
        struct mxt_tcp_held *held = run->tcp->half[order[i]].held;
        if (held != NULL && held->needs != MXT_TCP_NEEDS_NOTHING && held->start <= run->tcp->half[order[i]].next) {
            held->needs = MXT_TCP_NEEDS_NOTHING;
            return true;
        }
    }
    return false;
}

static bool is_stuck(const struct mxt_tcp *tcp)
{
    for (enum mxt_direction direction = MXT_TOSERVER; direction <= MXT_TOCLIENT; direction++) {
        const struct mxt_tcp_half *half = &tcp->half[direction];
        if (hole_end(tcp, direction, false) > half->next || (half->held != NULL && half->held->start <= half->next))
            return true;
    }
    return false;
}

int64_t mxt_tcp_progress(const struct mxt_tcp *tcp)
{
    return tcp->half[MXT_TOSERVER].next + tcp->half[MXT_TOCLIENT].next;
}

void mxt_tcp_settle(const struct mxt_tcp_run *run, int64_t before)
{
    struct mxt_tcp *tcp = run->tcp;
    deliver_all_held(run);
    for (enum mxt_direction direction = MXT_TOSERVER; direction <= MXT_TOCLIENT; direction++)
        while (tcp->half[direction].held_bytes > run->limits->held_bytes && give_up(run, direction, true))
            deliver_all_held(run);
    if (mxt_tcp_due(tcp, run->limits) <= run->now_us)
        while (is_stuck(tcp) && give_up(run, MXT_TOSERVER, false))
            deliver_all_held(run);
    if (!is_stuck(tcp))
        tcp->stuck_us = MXT_TCP_NEVER;
    else if (tcp->stuck_us == MXT_TCP_NEVER || mxt_tcp_progress(tcp) != before)
        tcp->stuck_us = run->now_us;
}

void mxt_tcp_flush(const struct mxt_tcp_run *run)
{
    deliver_all_held(run);
    while (give_up(run, MXT_TOSERVER, true))
        deliver_all_held(run);
    run->tcp->stuck_us = MXT_TCP_NEVER;
}
