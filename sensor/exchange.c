#include "sensor/exchange.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>

#define CACHE_LINE 64u
#define TAKE_MAX   32 /* segments at once */

/* What belongs to one thread. */
struct place {
    alignas(CACHE_LINE) atomic_uint is_asleep; /* read by those who hand something to it */
    int wake_fd;
    struct mxt_exchange_counters counters;
    bool has_handed[MXT_EXCHANGE_WORKERS]; /* since it last woke others */
};

/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): what a thread writes lies in cache lines of its own */
struct mxt_exchange {
    struct mxt_fanout fanout;
    struct mxt_ring *rings[MXT_EXCHANGE_WORKERS][MXT_EXCHANGE_WORKERS]; /* from, to */
    struct place places[MXT_EXCHANGE_WORKERS];
    atomic_uint present; /* threads that may still hand something on */
};

struct mxt_exchange *mxt_exchange_new(const struct mxt_fanout *fanout, size_t ring_bytes)
{
    struct mxt_exchange *exchange = aligned_alloc(CACHE_LINE, sizeof *exchange);
    if (exchange == NULL)
        return NULL;
    *exchange = (struct mxt_exchange){.fanout = *fanout};
    atomic_init(&exchange->present, fanout->workers);
    for (uint32_t from = 0; from < fanout->workers; from++) {
        exchange->places[from].wake_fd = -1;
        for (uint32_t to = 0; to < fanout->workers; to++) {
            if (from != to && (exchange->rings[from][to] = mxt_ring_new(ring_bytes)) == NULL) {
                mxt_exchange_free(exchange);
                return NULL;
            }
        }
    }
    return exchange;
}

void mxt_exchange_free(struct mxt_exchange *exchange)
{
    if (exchange == NULL)
        return;
    for (uint32_t from = 0; from < exchange->fanout.workers; from++)
        for (uint32_t to = 0; to < exchange->fanout.workers; to++)
            mxt_ring_free(exchange->rings[from][to]);
    free(exchange);
}

void mxt_exchange_set_wake(struct mxt_exchange *exchange, uint32_t worker, int fd)
{
    exchange->places[worker].wake_fd = fd;
}

static int64_t monotonic_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

bool mxt_exchange_hand_on(struct mxt_exchange *exchange, uint32_t from, const struct mxt_segment *segment)
{
    uint32_t to = mxt_fanout_owner(&exchange->fanout, segment);
    struct place *place = &exchange->places[from];
    if (to == from)
        return false;
    place->counters.handed++;
    if (mxt_ring_put(exchange->rings[from][to], segment, monotonic_us()))
        place->has_handed[to] = true;
    else
        place->counters.lost++;
    return true;
}

static void wake(const struct place *place)
{
    if (place->wake_fd >= 0 && eventfd_write(place->wake_fd, 1) != 0)
        return; /* its count is full: it is awake */
}

/*
 * Both sides read, modify and write the mark: either this one finds the other asleep, or it comes first, and the other's step, which reads what this one wrote, sees
 * what was put before.
 */
void mxt_exchange_wake(struct mxt_exchange *exchange, uint32_t from)
{
    struct place *place = &exchange->places[from];
    for (uint32_t to = 0; to < exchange->fanout.workers; to++) {
        if (place->has_handed[to] && atomic_fetch_or(&exchange->places[to].is_asleep, 0) != 0)
            wake(&exchange->places[to]);
        place->has_handed[to] = false;
    }
}

bool mxt_exchange_take(struct mxt_exchange *exchange, uint32_t to, int64_t age_us,
                       void (*take)(void *context, const struct mxt_segment *segments, size_t count), void *context)
{
    bool has_any = false;
    int64_t until_us = monotonic_us() - age_us;
    for (uint32_t from = 0; from < exchange->fanout.workers; from++) {
        struct mxt_ring *ring = exchange->rings[from][to];
        struct mxt_segment segments[TAKE_MAX];
        size_t count = ring == NULL ? 0 : mxt_ring_take(ring, segments, TAKE_MAX, until_us);
        if (count == 0)
            continue;
        take(context, segments, count);
        mxt_ring_release(ring);
        has_any = true;
    }
    return has_any;
}

static bool has_any(const struct mxt_exchange *exchange, uint32_t to)
{
    for (uint32_t from = 0; from < exchange->fanout.workers; from++)
        if (from != to && !mxt_ring_is_empty(exchange->rings[from][to]))
            return true;
    return false;
}

bool mxt_exchange_may_sleep(struct mxt_exchange *exchange, uint32_t to)
{
    atomic_exchange(&exchange->places[to].is_asleep, 1);
    if (!has_any(exchange, to))
        return true;
    mxt_exchange_awake(exchange, to);
    return false;
}

void mxt_exchange_awake(struct mxt_exchange *exchange, uint32_t to)
{
    atomic_store(&exchange->places[to].is_asleep, 0);
}

void mxt_exchange_leave(struct mxt_exchange *exchange, uint32_t from)
{
    atomic_fetch_sub(&exchange->present, 1);
    for (uint32_t to = 0; to < exchange->fanout.workers; to++)
        if (to != from)
            wake(&exchange->places[to]);
}

bool mxt_exchange_is_over(const struct mxt_exchange *exchange, uint32_t to)
{
    return atomic_load(&exchange->present) == 0 && !has_any(exchange, to);
}

struct mxt_exchange_counters mxt_exchange_counters(const struct mxt_exchange *exchange, uint32_t from)
{
    return exchange->places[from].counters;
}
