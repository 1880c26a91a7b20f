#include "sensor/snapshot.h"

_Static_assert(MXT_RULES <= 64, "a bit for each rule");

bool mxt_snapshot_has_news(struct mxt_snapshot *snapshot, const struct mxt_session_progress *progress)
{
    struct mxt_session_progress *last = &snapshot->progress;
    if (last->said == progress->said && last->is_exposed == progress->is_exposed && last->outcome == progress->outcome)
        return false;
    snapshot->is_urgent = snapshot->is_urgent || last->is_exposed != progress->is_exposed || last->outcome != progress->outcome;
    *last = *progress;
    return true;
}

static uint64_t rules_of(const struct mxt_finding *finding)
{
    uint64_t rules = 0;
    for (; finding != NULL; finding = finding->next)
        rules |= UINT64_C(1) << finding->rule;
    return rules;
}

bool mxt_snapshot_is_due(struct mxt_snapshot *snapshot, const struct mxt_record *record)
{
    uint64_t rules = rules_of(record->findings);
    int64_t since_us = record->timestamp_us - (snapshot->count == 0 ? record->start_us : snapshot->told_us);
    if (!snapshot->is_urgent && (rules & ~snapshot->rules) == 0 && since_us < MXT_SNAPSHOT_INTERVAL_US)
        return false;
    snapshot->is_urgent = false;
    snapshot->rules = rules;
    snapshot->told_us = record->timestamp_us;
    snapshot->count++;
    return true;
}
