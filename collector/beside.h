/* What runs beside the partitions: sinks, and metrics. They come and go with the collector's rounds and configuration. */
#ifndef MXT_COLLECTOR_BESIDE_H
#define MXT_COLLECTOR_BESIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/link.h"
#include "collector/meter.h"
#include "collector/options.h"
#include "collector/worker.h"
#include "rules/faults.h"

struct mxt_beside;

/*
 * Opens and starts what the options name; they outlive it, or are replaced by mxt_beside_reload. To be called with signals blocked and before other threads are
 * started (commands' helpers are forked). NULL: told.
 */
struct mxt_beside *mxt_beside_open(const struct mxt_collector_options *options, const struct mxt_faults *faults);

/* Gives the sinks at most `drain_ms` to deliver what the streams hold, stops everything and frees. False: a sink had not delivered all. NULL is accepted. */
bool mxt_beside_close(struct mxt_beside *beside, int drain_ms);

/* New options: sinks are opened by them, and those before are stopped. Files are opened anew. False: told, and all stays as it was. */
bool mxt_beside_reload(struct mxt_beside *beside, const struct mxt_collector_options *options);

/* Where workers count the time to an alert. */
struct mxt_histogram *mxt_beside_latency(struct mxt_beside *beside);

/* What a worker that has ended had counted. */
void mxt_beside_left(struct mxt_beside *beside, const struct mxt_worker_counters *counters);

/* A round of the collector: which partitions are held now (`prefix` and `is_held` are filled in), what the running workers counted. `link` NULL: Redis is away. */
void mxt_beside_round(struct mxt_beside *beside, struct mxt_link *link, struct mxt_meter_partition *partitions, uint32_t count, struct mxt_meter_round *round);

/* Adds a worker's counters to *sum. */
void mxt_beside_add(struct mxt_worker_counters *sum, const struct mxt_worker_counters *part);

#endif
