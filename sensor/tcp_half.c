#include "sensor/tcp_half.h"

#include <stdlib.h>
#include <string.h>

#define HISTORY_FIRST 128u /* bytes of the first history: a command or a short reply */
#define RUN_ROOM      256u /* room of a short run for those that follow, so that a stream of tiny segments does not become as many blocks */

static int64_t run_end(const struct mxt_tcp_held *run)
{
    return run->start + run->length;
}

static uint32_t run_cost(const struct mxt_tcp_held *run)
{
    return (uint32_t)sizeof *run + run->capacity;
}

static struct mxt_tcp_held *run_insert(struct mxt_tcp_half *half, struct mxt_tcp_held **link, int64_t start, int64_t needs, uint32_t capacity)
{
    struct mxt_tcp_held *run = malloc(sizeof *run + capacity);
    if (run == NULL)
        return NULL;
    *run = (struct mxt_tcp_held){.next = *link, .start = start, .needs = needs, .capacity = capacity};
    *link = run;
    half->held_bytes += run_cost(run);
    return run;
}

/* A run takes bytes right behind it if they need not wait for more than it does. */
static bool run_extend(struct mxt_tcp_held *run, int64_t start, const uint8_t *p, uint32_t n, int64_t needs)
{
    if (run == NULL || run_end(run) != start || run->capacity - run->length < n || run->mark != MXT_TCP_MARK_NONE || run->missing > 0 || needs > run->needs)
        return false;
    memcpy(run->bytes + run->length, p, n);
    run->length += n;
    return true;
}

static bool run_add(struct mxt_tcp_half *half, struct mxt_tcp_held *before, struct mxt_tcp_held **link, int64_t start, const uint8_t *p, uint32_t n,
                    int64_t needs)
{
    if (run_extend(before, start, p, n, needs))
        return true;
    struct mxt_tcp_held *run = run_insert(half, link, start, needs, n < RUN_ROOM ? RUN_ROOM : n);
    if (run == NULL)
        return false;
    memcpy(run->bytes, p, n);
    run->length = n;
    return true;
}

static int64_t first_difference(const uint8_t *a, const uint8_t *b, size_t n, int64_t offset)
{
    if (memcmp(a, b, n) == 0)
        return -1;
    size_t i = 0;
    while (a[i] == b[i])
        i++;
    return offset + (int64_t)i;
}

struct mxt_tcp_hold_result mxt_tcp_half_hold(struct mxt_tcp_half *half, int64_t start, const uint8_t *p, size_t n, int64_t needs)
{
    struct mxt_tcp_hold_result result = {.conflict = -1};
    struct mxt_tcp_held **link = &half->held, *before = NULL;
    int64_t end = start + (int64_t)n;
    while (start < end) {
        while (*link != NULL && run_end(*link) <= start) {
            before = *link;
            link = &before->next;
        }
        struct mxt_tcp_held *run = *link;
        int64_t stop = end;
        if (run != NULL && run->start <= start) {
            if (stop > run_end(run))
                stop = run_end(run);
            int64_t differs = first_difference(run->bytes + (start - run->start), p, (size_t)(stop - start), start);
            result.is_repeat = true;
            if (result.conflict < 0)
                result.conflict = differs;
        } else {
            if (run != NULL && stop > run->start)
                stop = run->start;
            if (run_add(half, before, link, start, p, (uint32_t)(stop - start), needs))
                result.is_news = true;
            else
                result.is_incomplete = true;
        }
        p += stop - start;
        start = stop;
    }
    return result;
}

enum mxt_status mxt_tcp_half_mark(struct mxt_tcp_half *half, int64_t at, uint32_t missing, enum mxt_tcp_mark mark, int64_t needs)
{
    struct mxt_tcp_held **link = &half->held;
    while (*link != NULL && run_end(*link) <= at)
        link = &(*link)->next;
    if (*link != NULL && (*link)->start <= at)
        return MXT_OK;
    struct mxt_tcp_held *run = run_insert(half, link, at, needs, 0);
    if (run == NULL)
        return MXT_ENOMEM;
    run->missing = missing;
    run->mark = mark;
    return MXT_OK;
}

struct mxt_tcp_held *mxt_tcp_half_pop(struct mxt_tcp_half *half)
{
    struct mxt_tcp_held *run = half->held;
    half->held = run->next;
    half->held_bytes -= run_cost(run);
    return run;
}

void mxt_tcp_half_drop(struct mxt_tcp_half *half)
{
    if (!half->is_closed && half->seen > half->next)
        half->next = half->seen;
    struct mxt_tcp_held **link = &half->held;
    while (*link != NULL) {
        struct mxt_tcp_held *run = *link;
        if (run->mark == MXT_TCP_MARK_NONE) {
            *link = run->next;
            half->held_bytes -= run_cost(run);
            free(run);
        } else {
            run->start = half->next;
            run->needs = MXT_TCP_NEEDS_NOTHING;
            link = &run->next;
        }
    }
}

/* The end of what was delivered: a FIN that was told is no byte. */
static int64_t data_end(const struct mxt_tcp_half *half)
{
    return half->next - (half->is_closed ? 1 : 0);
}

/* Writes the `n` bytes from `offset` on, at most as many as the ring (a power of two) holds. */
static void ring_write(uint8_t *ring, uint32_t capacity, int64_t offset, const uint8_t *p, size_t n)
{
    size_t at = (size_t)offset & (capacity - 1), first = capacity - at < n ? capacity - at : n;
    memcpy(ring + at, p, first);
    memcpy(ring, p + first, n - first);
}

static uint32_t power_of_two_below(uint32_t limit)
{
    uint32_t power = 1;
    while (power <= limit / 2)
        power *= 2;
    return power;
}

/* Room for `wanted` bytes if `limit` allows it; `old_end` is the offset behind the last byte. Short of memory, what there is goes on serving. */
static void history_grow(struct mxt_tcp_half *half, size_t wanted, uint32_t limit, int64_t old_end)
{
    struct mxt_tcp_history *old = half->history;
    uint32_t capacity = old == NULL ? HISTORY_FIRST : old->capacity;
    while (capacity < wanted && capacity < limit)
        capacity *= 2;
    if (capacity > limit)
        capacity = limit;
    struct mxt_tcp_history *history = malloc(sizeof *history + capacity);
    if (history == NULL)
        return;
    *history = (struct mxt_tcp_history){.capacity = (uint16_t)capacity};
    if (old != NULL) {
        history->length = old->length;
        for (int64_t i = old_end - old->length; i < old_end; i++)
            history->ring[(size_t)i & (capacity - 1)] = old->ring[(size_t)i & (old->capacity - 1u)];
    }
    free(old);
    half->history = history;
    half->history_bits = ((unsigned)__builtin_ctz(capacity) + 1) & 31u;
}

void mxt_tcp_half_remember(struct mxt_tcp_half *half, const uint8_t *p, size_t n, uint16_t limit)
{
    if (half->is_history_off || limit == 0) {
        mxt_tcp_half_break(half);
        return;
    }
    int64_t end = data_end(half);
    size_t wanted = (half->history == NULL ? 0 : half->history->length) + n;
    if (half->history == NULL || (wanted > half->history->capacity && half->history->capacity <= limit / 2))
        history_grow(half, wanted, power_of_two_below(limit), end - (int64_t)n);
    struct mxt_tcp_history *history = half->history;
    if (history == NULL)
        return;
    if (n > history->capacity) {
        p += n - history->capacity;
        n = history->capacity;
    }
    ring_write(history->ring, history->capacity, end - (int64_t)n, p, n);
    history->length = (uint16_t)(wanted < history->capacity ? wanted : history->capacity);
}

int64_t mxt_tcp_half_compare(const struct mxt_tcp_half *half, int64_t start, const uint8_t *p, size_t n)
{
    const struct mxt_tcp_history *history = half->history;
    if (history == NULL)
        return -1;
    int64_t end = start + (int64_t)n, last = data_end(half), first = last - history->length;
    if (end > last)
        end = last;
    for (int64_t i = start > first ? start : first; i < end; i++)
        if (history->ring[(size_t)i & (history->capacity - 1u)] != p[i - start])
            return i;
    return -1;
}

void mxt_tcp_half_break(struct mxt_tcp_half *half)
{
    if (half->history != NULL)
        half->history->length = 0;
}

void mxt_tcp_half_forget(struct mxt_tcp_half *half)
{
    free(half->history);
    half->history = NULL;
    half->history_bits = 0;
}

void mxt_tcp_half_clear(struct mxt_tcp_half *half)
{
    mxt_tcp_half_forget(half);
    while (half->held != NULL)
        free(mxt_tcp_half_pop(half));
}
