/* What the files of the collector share; nobody else includes this. */
#ifndef MXT_COLLECTOR_COLLECTOR_INT_H
#define MXT_COLLECTOR_COLLECTOR_INT_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/beside.h"
#include "collector/collector.h"
#include "collector/script.h"
#include "collector/worker.h"

#define MXT_COLLECTOR_ROUND_MS 1000 /* between two looks at who is there and what is free */
#define MXT_COLLECTOR_HOLDER   100  /* bytes of what names this process in leases, NUL included */
#define MXT_COLLECTOR_SENTENCE 512

struct mxt_crew_partition {
    char prefix[MXT_WORKER_PREFIX];
    struct mxt_worker *worker; /* NULL: not ours */
    bool is_done;              /* --once: nothing is left in it */
    struct mxt_stream_id applied; /* the newest entry that we applied */
    unsigned failures;         /* in a row */
    int64_t retry_ms;          /* not before */
    char said[MXT_COLLECTOR_SENTENCE];       /* what was said of it last; "": all is well */
};

struct mxt_collector {
    const struct mxt_collector_config *config;
    char holder[MXT_COLLECTOR_HOLDER];
    struct mxt_link *link; /* NULL: not ready */
    struct mxt_beside *beside;
    struct mxt_scripts scripts;
    struct mxt_crew_partition *partitions;
    uint32_t partition_count;
    uint32_t agreed; /* partitions of records, as `meta` says */
    uint32_t share;
    int signal_fd, ended_fd;
    int64_t started_ms;
    char said[MXT_COLLECTOR_SENTENCE]; /* about Redis as a whole */
    bool is_stopping, has_failed;
};

/* Milliseconds of the monotonic clock. */
int64_t mxt_collector_now_ms(void);

/* Tells a sentence unless it is what was said last (`said` of the matter, MXT_COLLECTOR_SENTENCE bytes). */
void mxt_collector_say(const struct mxt_collector *collector, char *said, const char *sentence);

/* Tells that a matter is well again, where something was said of it. */
void mxt_collector_say_well(const struct mxt_collector *collector, char *said, const char *sentence);

/* It is over, and was not what was asked for. */
void mxt_collector_fail(struct mxt_collector *collector);

/* Takes leave of workers that have ended; says which work again. */
void mxt_crew_reap(struct mxt_collector *collector);

/* Takes as many partitions as are due to us and free, and gives up what is not due. */
void mxt_crew_balance(struct mxt_collector *collector);

/* Asks all workers to end, and waits until they have. */
void mxt_crew_stop(struct mxt_collector *collector);

#endif
