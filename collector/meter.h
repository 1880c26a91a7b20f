/* What mxtap-collector measures, and its answers at /metrics and /healthz. Its numbers are put here by the collector's rounds, once a second. */
#ifndef MXT_COLLECTOR_METER_H
#define MXT_COLLECTOR_METER_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/metrics.h"
#include "collector/metrics_keys.h"
#include "collector/partition.h"
#include "collector/sink.h"
#include "collector/worker.h"
#include "rules/faults.h"

/* A partition as a round of the collector sees it. */
struct mxt_meter_partition {
    char prefix[MXT_PARTITION_KEY];
    bool is_held;     /* its lease is ours and its knowledge loaded */
    bool has_lag;
    uint64_t lag;     /* entries of `events` behind the cursor, about */
};

/* A round's numbers. */
struct mxt_meter_round {
    bool is_redis_well;
    uint32_t held, due;                   /* partitions worked; those that are our share */
    struct mxt_worker_counters counters;  /* of all workers, those that have ended too */
};

struct mxt_meter;

/* Listens where `config` says (nowhere: only counts) and answers from then on. NULL: told. */
struct mxt_meter *mxt_meter_new(const struct mxt_metrics_config *config, const struct mxt_faults *faults);

/* NULL is accepted. */
void mxt_meter_free(struct mxt_meter *meter);

/* Where the time from a record's arrival in Redis to its alert is counted; any thread, as long as the meter. */
struct mxt_histogram *mxt_meter_latency(struct mxt_meter *meter);

/* The sinks that it tells about from now on; NULL: none. What was given before is not looked at any more once this returns. */
void mxt_meter_sinks(struct mxt_meter *meter, struct mxt_sinks *sinks);

/* A round's numbers; `partitions` is copied. Where memory is refused the old ones stay. */
void mxt_meter_note(struct mxt_meter *meter, const struct mxt_meter_round *round, const struct mxt_meter_partition *partitions, uint32_t count);

#endif
