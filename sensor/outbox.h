/*
 * Records on their way out of the packet threads: copied where they arise, or lent with what they rest on; taken and encoded by one consumer in a thread of its own (the
 * judge, or the publisher to Redis). Bounded. A replay waits for room; a live sensor never does: what finds no room is counted and lost.
 */
#ifndef MXT_SENSOR_OUTBOX_H
#define MXT_SENSOR_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rules/event.h"
#include "sensor/loan.h"

enum mxt_outbox_when_full { MXT_OUTBOX_WAIT, MXT_OUTBOX_DROP };

/* One event as it travels. */
struct mxt_parcel {
    enum { MXT_PARCEL_SESSION, MXT_PARCEL_HEALTH, MXT_PARCEL_DNS } type;
    uint64_t session_id;        /* SESSION */
    struct mxt_address server;  /* SESSION: decides the partition */
    int64_t arrived_us;         /* monotonic clock, when it was put: for latency */
    const struct mxt_record *record; /* SESSION: what `json` tells */
    const char *json;           /* one event without newline */
    size_t n;
};

struct mxt_outbox;

/* An outbox whose events take at most `bytes` of memory (one alone may take more). NULL: out of memory. */
struct mxt_outbox *mxt_outbox_new(size_t bytes, enum mxt_outbox_when_full when_full);

/* All threads have left it. NULL is accepted. */
void mxt_outbox_free(struct mxt_outbox *outbox);

/* Puts a copy of a record or a health event; any thread. MXT_OK; MXT_DONE: it is closed, or full and not waiting; MXT_ENOMEM. What is not put is counted as lost. */
enum mxt_status mxt_outbox_record(struct mxt_outbox *outbox, const struct mxt_record *record);
enum mxt_status mxt_outbox_health(struct mxt_outbox *outbox, const struct mxt_health *health);

/* Puts a record whose strings and lists are lent: they are given back when its parcel is done with, or at once where it is not put. As mxt_outbox_record. */
enum mxt_status mxt_outbox_lend(struct mxt_outbox *outbox, const struct mxt_record *record, const struct mxt_loan *loan);

/*
 * The consumer: waits at most `timeout_ms` (-1: until there is one or it is closed and empty) for the next parcel, which stays valid until the next call. Having
 * waited, it lingers for a moment (2 ms) for more to come with it, so that busy producers need not wake it for each. MXT_OK; MXT_MORE: none in time; MXT_DONE:
 * closed and empty.
 */
enum mxt_status mxt_outbox_next(struct mxt_outbox *outbox, int timeout_ms, struct mxt_parcel *out) MXT_MUST_CHECK;

/*
 * A descriptor for consumers that wait for other things too: readable from when there is something, or it is closed, until mxt_outbox_next answers MXT_MORE. Owned
 * by the outbox, made by the first call. -1: the system gives none.
 */
int mxt_outbox_fd(struct mxt_outbox *outbox);

/* From now on who finds it full waits: the end of a live sensor, when there are no packets any more that would not. */
void mxt_outbox_wait_when_full(struct mxt_outbox *outbox);

/* Nothing more will be put: the consumer takes what is left. */
void mxt_outbox_close(struct mxt_outbox *outbox);

/* Parcels inside and the memory they take (the one in the consumer's hands counts), and parcels that were not put, or could not be encoded. Any thread. */
struct mxt_outbox_counters {
    uint64_t parcels, bytes, lost;
};
struct mxt_outbox_counters mxt_outbox_counters(struct mxt_outbox *outbox);

#endif
