#include "sensor/embedded.h"

#include <stdlib.h>

#include "rules/judge.h"

#define AGAIN_ARENA (1u << 20) /* bytes that judging one session again may take */

struct mxt_embedded {
    struct mxt_embedded_config config;
    struct mxt_knowledge knowledge;
    struct mxt_alerts *alerts;
    int64_t newest_us; /* of the records so far */
    uint64_t refused;
};

struct mxt_embedded *mxt_embedded_new(const struct mxt_embedded_config *config)
{
    struct mxt_embedded *embedded = calloc(1, sizeof *embedded);
    if (embedded == NULL)
        return NULL;
    struct mxt_alerts_limits limits = MXT_ALERTS_LIMITS_DEFAULT;
    limits.seed = config->seed;
    embedded->config = *config;
    embedded->knowledge = mxt_memory_knowledge(config->memory);
    embedded->newest_us = INT64_MIN;
    embedded->alerts = mxt_alerts_new(&limits, config->judge, NULL);
    if (embedded->alerts == NULL) {
        free(embedded);
        return NULL;
    }
    return embedded;
}

void mxt_embedded_free(struct mxt_embedded *embedded)
{
    if (embedded == NULL)
        return;
    mxt_alerts_free(embedded->alerts);
    free(embedded);
}

static void note(struct mxt_embedded *embedded, enum mxt_status status)
{
    embedded->refused += status != MXT_OK;
}

/* Judges a record and hands what was found to the alerts. */
static void judge(struct mxt_embedded *embedded, const struct mxt_record *record, bool is_again, struct mxt_arena *arena, struct mxt_judgement *out)
{
    enum mxt_severity previous = mxt_alerts_session_severity(embedded->alerts, record->session_id);
    note(embedded, mxt_judge_network(record, &embedded->knowledge, embedded->config.judge, embedded->newest_us, arena, out));
    note(embedded, mxt_alerts_take(embedded->alerts, record, out->findings));
    const struct mxt_judged judged = {
        .severity = mxt_alerts_session_severity(embedded->alerts, record->session_id),
        .previous = previous,
        .is_leading = mxt_alerts_is_leading(embedded->alerts, record->session_id),
        .is_again = is_again,
    };
    embedded->config.judged(embedded->config.context, record, &judged);
}

static void judge_again(struct mxt_embedded *embedded, uint64_t session_id)
{
    const struct mxt_record *record = embedded->knowledge.record(embedded->knowledge.store, session_id);
    if (record == NULL)
        return;
    struct mxt_arena arena;
    struct mxt_judgement judgement = {.findings = NULL};
    mxt_arena_init(&arena, AGAIN_ARENA);
    judge(embedded, record, true, &arena, &judgement);
    mxt_arena_free(&arena);
}

void mxt_embedded_take(struct mxt_embedded *embedded, const struct mxt_record *record, struct mxt_arena *arena)
{
    struct mxt_judgement judgement = {.findings = NULL};
    embedded->newest_us = record->timestamp_us > embedded->newest_us ? record->timestamp_us : embedded->newest_us;
    judge(embedded, record, false, arena, &judgement);
    note(embedded, mxt_memory_apply(embedded->config.memory, &judgement.changes));
    for (size_t i = 0; i < judgement.again_count; i++)
        judge_again(embedded, judgement.again[i]);
}

void mxt_embedded_alerts(struct mxt_embedded *embedded, void (*each)(void *context, const struct mxt_alert *alert), void *context)
{
    note(embedded, mxt_alerts_each(embedded->alerts, each, context));
}

uint64_t mxt_embedded_suppressed(const struct mxt_embedded *embedded)
{
    return mxt_alerts_counters(embedded->alerts).suppressed;
}

uint64_t mxt_embedded_refused(const struct mxt_embedded *embedded)
{
    return embedded->refused + mxt_alerts_counters(embedded->alerts).refused;
}
