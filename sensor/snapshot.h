/*
 * When a session that goes on is worth a record: when a finding is complete, at the first exposure, when TLS is established or has failed, and otherwise at most
 * once a second. It is looked at again only where something was said that could matter, never for each packet.
 */
#ifndef MXT_SENSOR_SNAPSHOT_H
#define MXT_SENSOR_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "rules/record.h"
#include "sensor/session.h"

#define MXT_SNAPSHOT_INTERVAL_US 1000000 /* between two that nothing asks for */

/* What was told of a session; zeroed at its beginning. */
struct mxt_snapshot {
    struct mxt_session_progress progress; /* at the last look */
    int64_t told_us;                      /* timestamp of the last one */
    uint64_t rules;                       /* of the findings told, one bit each */
    uint32_t count;                       /* told */
    bool is_urgent;                       /* a step was taken that is told at once */
};

/* Whether there is something new since the last look: then a record is made and judged, and mxt_snapshot_is_due asked. */
bool mxt_snapshot_has_news(struct mxt_snapshot *snapshot, const struct mxt_session_progress *progress);

/* Whether the record (with its session findings) is to be told; then it is taken as told. */
bool mxt_snapshot_is_due(struct mxt_snapshot *snapshot, const struct mxt_record *record);

#endif
