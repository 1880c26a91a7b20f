/* What the publisher's files share; nobody else includes this. */
#ifndef MXT_SENSOR_PUBLISHER_INT_H
#define MXT_SENSOR_PUBLISHER_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "sensor/publisher.h"
#include "sensor/letters.h"

#define MXT_PUBLISHER_WINDOW_COUNT 2000u      /* letters sent and not acknowledged: enough to fill the time of a round trip */
#define MXT_PUBLISHER_WINDOW_BYTES (8u << 20) /* of their texts */
#define MXT_PUBLISHER_TICK_MS 250             /* longest wait, so that deadlines are seen */

struct mxt_publisher {
    struct mxt_publisher_config config;
    struct mxt_link *link;
    pthread_t thread;
    struct mxt_letters window; /* sent, in order, not acknowledged */
    struct mxt_letters held;   /* to be sent: newer than all of the spool, older than the outbox */
    uint32_t partitions;
    uint32_t retry_ms;
    int64_t retry_at_ms;
    int64_t moved_ms; /* when a record was last acknowledged or taken, or Redis went away */
    bool is_outbox_done, is_told_away, is_told_full;
    int64_t minute_ms;          /* when this minute of latencies began */
    uint64_t latency_before_us; /* longest of the minute before */
    atomic_bool has_failed;
    atomic_llong deadline_ms; /* 0: none */
    pthread_mutex_t lock;     /* over `shared` */
    struct mxt_publisher_counters counters, shared;
};

int64_t mxt_publisher_now_ms(void);

/* The connection is lost: what was unanswered will be sent again, in order. */
void mxt_publisher_lose(struct mxt_publisher *publisher, const char *sentence);

/* One round while Redis is there, or is not. */
void mxt_publisher_serve(struct mxt_publisher *publisher);
void mxt_publisher_stay_away(struct mxt_publisher *publisher);

/* Puts `held` into the spool, as far as it takes it. True: all of it. */
bool mxt_publisher_stow_held(struct mxt_publisher *publisher);

/* Takes parcels from the outbox into the spool, waiting at most `timeout_ms` for the first; `held` is empty before. False: the spool takes no more (the last is held). */
bool mxt_publisher_stow_new(struct mxt_publisher *publisher, int timeout_ms);

/* What is neither acknowledged nor spooled goes to the spool, or is lost. */
void mxt_publisher_put_away(struct mxt_publisher *publisher);

#endif
