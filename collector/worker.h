/*
 * One partition worked: a thread that holds its lease, reads `events` behind the cursor, and has each batch applied by one script. It ends when it is told to,
 * when there is nothing left (--once), or at the first thing that is not as it should be: what it knew is dropped with it, and the next one loads it anew.
 */
#ifndef MXT_COLLECTOR_WORKER_H
#define MXT_COLLECTOR_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/keeper.h"
#include "collector/partition.h"

#define MXT_LEASE_MS       5000u /* a lease that is not renewed for so long is free: what a take-over takes at most */
#define MXT_WORKER_PREFIX  MXT_PARTITION_KEY /* bytes of a prefix of keys, NUL included */
#define MXT_WORKER_LEASE   160   /* bytes of a lease's value, likewise */

struct mxt_worker_config {
    const struct mxt_collector_options *options; /* outlives the worker */
    const struct mxt_faults *faults;             /* told from the worker's thread */
    struct mxt_histogram *latency;               /* as the keeper's */
    char prefix[MXT_WORKER_PREFIX];              /* of the partition's keys */
    char lease[MXT_WORKER_LEASE];                /* its value, which was just acquired */
    struct mxt_stream_id applied;                /* the newest entry that this process has applied; 0-0: none. Redis should know it */
    int ended_fd;                                /* an eventfd that is written to when the worker has ended */
};

enum mxt_worker_end {
    MXT_WORKER_STOPPED, /* it was told to, or all is done: the lease is given back */
    MXT_WORKER_LOST,    /* another has the lease, or has moved the cursor */
    MXT_WORKER_BROKEN   /* Redis is away, refuses, or memory is out */
};

/* What it is about, for metrics. */
struct mxt_worker_counters {
    struct mxt_keeper_counters keeper;
    uint64_t batches;
    struct mxt_stream_id applied; /* the newest entry that was; 0-0: none */
    bool is_loaded;               /* it works; else it is still loading */
};

struct mxt_worker;

/* Starts the thread; `config` is copied. NULL: out of memory, or no thread. */
struct mxt_worker *mxt_worker_start(const struct mxt_worker_config *config);

/* Asks it to finish what it has begun, give back the lease and end. */
void mxt_worker_stop(struct mxt_worker *worker);

bool mxt_worker_has_ended(const struct mxt_worker *worker);

/* Waits until it has ended, and frees it. *why (MXT_KEEPER_ERROR bytes) says what was wrong, "" where nothing was. */
enum mxt_worker_end mxt_worker_join(struct mxt_worker *worker, char *why);

/* Any thread. */
struct mxt_worker_counters mxt_worker_counters(struct mxt_worker *worker);

#endif
