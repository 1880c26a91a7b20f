/* What a live sensor measures, and its answers at /metrics and /healthz. Its main thread puts a reading here every second. */
#ifndef MXT_SENSOR_GAUGES_H
#define MXT_SENSOR_GAUGES_H

#include <stdbool.h>
#include <stdint.h>

#include "decoders/status.h"
#include "rules/event.h"
#include "sensor/options.h"

/* Everything so far. */
struct mxt_gauges_reading {
    struct mxt_health health;
    uint64_t findings_of[MXT_RULES];      /* in sessions that have ended, by rule */
    uint64_t queue_records, queue_bytes;  /* on their way to the judge or the publisher */
    bool has_redis, is_redis_up;
};

struct mxt_gauges;

/* Listens where the options say (nowhere: readings go nowhere); before privileges drop. NULL: told on stderr. `options` outlives it. */
struct mxt_gauges *mxt_gauges_open(const struct mxt_options *options);

/* Answers from now on, in a thread of its own. MXT_OK; MXT_ENOMEM: told on stderr. */
enum mxt_status mxt_gauges_start(struct mxt_gauges *gauges) MXT_MUST_CHECK;

/* Whether anybody may ask: else there is no need for readings. */
bool mxt_gauges_is_asked(const struct mxt_gauges *gauges);

/* A new reading, copied. */
void mxt_gauges_note(struct mxt_gauges *gauges, const struct mxt_gauges_reading *reading);

/* NULL is accepted. */
void mxt_gauges_free(struct mxt_gauges *gauges);

#endif
