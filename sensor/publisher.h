/*
 * Records on their way to Redis, in a thread of its own: takes parcels from the outbox and adds them to the stream of their partition, many at a time; while Redis is
 * away it puts them into the spool. A record leaves memory and disk only when Redis has acknowledged it, so one may arrive twice (its session, sensor and snapshot
 * tell), and none is lost silently.
 *
 *     outbox -> [spool, while Redis is away or anything older waits there] -> window (sent, not acknowledged) -> Redis
 *
 * Order: what was unanswered when Redis went, then the spool, then new records. Where there is no spool, or it is full, records stay in the outbox, whose policy says
 * whether the sensor waits or loses them.
 */
#ifndef MXT_SENSOR_PUBLISHER_H
#define MXT_SENSOR_PUBLISHER_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/link.h"
#include "rules/faults.h"
#include "sensor/outbox.h"
#include "sensor/spool.h"

struct mxt_publisher_config {
    struct mxt_link_config link;
    const char *sensor;        /* its name in the entries; outlives the publisher */
    struct mxt_outbox *outbox; /* borrowed */
    struct mxt_spool *spool;   /* borrowed, used by the publisher's thread alone from its start to its end; NULL: none */
    const struct mxt_faults *faults; /* told in that thread, once a change of state; outlives the publisher */
    uint32_t patience_ms;      /* how long nothing may move while a replay waits for room, or the closed outbox is worked off; then it gives up. 0: room is waited for without end */
    bool (*began)(void *context); /* called first in the thread (it may give up rights); false ends it. NULL: nothing */
    void *context;
};

struct mxt_publisher;

/* NULL: what is wrong with the URL or its files was told. Nothing is connected yet. */
struct mxt_publisher *mxt_publisher_new(const struct mxt_publisher_config *config);

/* Starts its thread. MXT_OK; MXT_EIO: none could be made, told. */
enum mxt_status mxt_publisher_start(struct mxt_publisher *publisher) MXT_MUST_CHECK;

/*
 * Any thread. It has given up: the outbox is closed, what comes further is lost.
 */
bool mxt_publisher_has_failed(struct mxt_publisher *publisher);

/* From now it has `ms` left: then it closes the outbox, if nobody did, and leaves as at the end of its patience. Any thread. */
void mxt_publisher_hurry(struct mxt_publisher *publisher, uint32_t ms);

/*
 * The outbox was closed: waits until all is acknowledged, or patience or the time that it was given is over; then what is left goes to the spool, and the thread ends.
 * Returns how many records Redis has not acknowledged.
 */
uint64_t mxt_publisher_finish(struct mxt_publisher *publisher);

/* Its thread was not started or has ended by mxt_publisher_finish. NULL is accepted. */
void mxt_publisher_free(struct mxt_publisher *publisher);

/* Any thread. */
struct mxt_publisher_counters {
    bool is_connected;
    uint64_t published;   /* acknowledged by Redis */
    uint64_t spooled;     /* put to disk */
    uint64_t repeated;    /* sent again after the connection broke */
    uint64_t unanswered;  /* sent, or waiting in memory to be sent again */
    uint64_t spool_records, spool_bytes;
    uint64_t lost_queue;  /* no room in the queue, or no memory */
    uint64_t lost_spool;  /* damaged on disk, or nowhere to put at the end */
    uint64_t latency_us;  /* from the outbox to the acknowledgement: the longest of the last minute, spooled records aside */
};
struct mxt_publisher_counters mxt_publisher_counters(struct mxt_publisher *publisher);

#endif
