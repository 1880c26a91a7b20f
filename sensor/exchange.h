/*
 * Where packet threads meet, and only here: segments whose connection another thread owns are handed on over a ring, one for each pair. Bounded: what finds no room
 * is counted and lost, so that no thread ever waits for another.
 */
#ifndef MXT_SENSOR_EXCHANGE_H
#define MXT_SENSOR_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sensor/fanout.h"
#include "sensor/ring.h"

#define MXT_EXCHANGE_WORKERS    64
#define MXT_EXCHANGE_RING_BYTES (4u << 20) /* of memory where it is used; 30 ms of 1 Gb/s, and some thousand segments while a thread is busy */

struct mxt_exchange;

/* An exchange among `workers` (at most MXT_EXCHANGE_WORKERS) threads; `fanout` (copied) says who owns what. NULL: out of memory. */
struct mxt_exchange *mxt_exchange_new(const struct mxt_fanout *fanout, size_t ring_bytes);

/* All threads have left. NULL is accepted. */
void mxt_exchange_free(struct mxt_exchange *exchange);

/* Before the threads start: the eventfd that wakes a thread; borrowed. */
void mxt_exchange_set_wake(struct mxt_exchange *exchange, uint32_t worker, int fd);

/* In thread `from`: whether another thread owns the segment's connection; then it was handed on, or is lost. */
bool mxt_exchange_hand_on(struct mxt_exchange *exchange, uint32_t from, const struct mxt_segment *segment);

/* In thread `from`, after a batch: wakes those that sleep over what was handed to them. */
void mxt_exchange_wake(struct mxt_exchange *exchange, uint32_t from);

/*
 * In thread `to`: gives what was handed to it at least `age_us` ago to `take`, in parts; each is valid during the call. What is younger is left for another time: the
 * thread's own ring may not have come so far yet. Whether there was any.
 */
bool mxt_exchange_take(struct mxt_exchange *exchange, uint32_t to, int64_t age_us,
                       void (*take)(void *context, const struct mxt_segment *segments, size_t count), void *context);

/* In thread `to`, before and after waiting: whether it may wait for its eventfd too; false: something has come, or waits for its time. */
bool mxt_exchange_may_sleep(struct mxt_exchange *exchange, uint32_t to);
void mxt_exchange_awake(struct mxt_exchange *exchange, uint32_t to);

/* In thread `from`: it will hand nothing more on. */
void mxt_exchange_leave(struct mxt_exchange *exchange, uint32_t from);

/* In thread `to`: whether nothing more can come. */
bool mxt_exchange_is_over(const struct mxt_exchange *exchange, uint32_t to);

/* In thread `from`: segments handed on, and those of them that were lost. */
struct mxt_exchange_counters {
    uint64_t handed, lost;
};
struct mxt_exchange_counters mxt_exchange_counters(const struct mxt_exchange *exchange, uint32_t from);

#endif
