#include "rules/ledger.h"

#include <stdlib.h>

#include "rules/judge.h"

#define AGAIN_ARENA (1u << 20) /* bytes that judging one session again may take */

struct mxt_ledger {
    struct mxt_ledger_config config;
    struct mxt_knowledge knowledge;
    struct mxt_alerts *alerts;
    int64_t newest_us; /* of the records so far */
    uint64_t refused;
};

struct mxt_ledger *mxt_ledger_new(const struct mxt_ledger_config *config)
{
    struct mxt_ledger *ledger = calloc(1, sizeof *ledger);
    if (ledger == NULL)
        return NULL;
    ledger->config = *config;
    ledger->knowledge = mxt_memory_knowledge(config->memory);
    ledger->newest_us = INT64_MIN;
    ledger->alerts = mxt_alerts_new(&config->alerts_limits, config->judge, &config->teller);
    if (ledger->alerts == NULL) {
        free(ledger);
        return NULL;
    }
    return ledger;
}

void mxt_ledger_free(struct mxt_ledger *ledger)
{
    if (ledger == NULL)
        return;
    mxt_alerts_free(ledger->alerts);
    free(ledger);
}

static void note(struct mxt_ledger *ledger, enum mxt_status status)
{
    ledger->refused += status != MXT_OK;
}

static void tell_judged(const struct mxt_ledger *ledger, const struct mxt_record *record, enum mxt_severity previous, bool is_again)
{
    const struct mxt_judged judged = {
        .severity = mxt_alerts_session_severity(ledger->alerts, record->session_id),
        .previous = previous,
        .is_leading = mxt_alerts_is_leading(ledger->alerts, record->session_id),
        .is_again = is_again,
    };
    ledger->config.judged(ledger->config.context, record, &judged);
}

/* Judges a record and hands what was found to the alerts. */
static void judge(struct mxt_ledger *ledger, const struct mxt_record *record, bool is_again, struct mxt_arena *arena, struct mxt_judgement *out)
{
    enum mxt_severity previous = mxt_alerts_session_severity(ledger->alerts, record->session_id);
    note(ledger, mxt_judge_network(record, &ledger->knowledge, ledger->config.judge, ledger->newest_us, arena, out));
    note(ledger, mxt_alerts_take(ledger->alerts, record, out->findings));
    if (ledger->config.judged != NULL)
        tell_judged(ledger, record, previous, is_again);
}

static void judge_again(struct mxt_ledger *ledger, uint64_t session_id)
{
    const struct mxt_record *record = ledger->knowledge.record(ledger->knowledge.store, session_id);
    if (record == NULL)
        return;
    struct mxt_arena arena;
    struct mxt_judgement judgement = {.findings = NULL};
    mxt_arena_init(&arena, AGAIN_ARENA);
    judge(ledger, record, true, &arena, &judgement);
    mxt_arena_free(&arena);
}

enum mxt_status mxt_ledger_take(struct mxt_ledger *ledger, const struct mxt_record *record, const char *json, size_t n, struct mxt_arena *arena)
{
    (void)json, (void)n;
    uint64_t refused = ledger->refused;
    struct mxt_judgement judgement = {.findings = NULL};
    ledger->newest_us = record->timestamp_us > ledger->newest_us ? record->timestamp_us : ledger->newest_us;
    judge(ledger, record, false, arena, &judgement);
    note(ledger, mxt_memory_apply(ledger->config.memory, &judgement.changes));
    for (size_t i = 0; i < judgement.again_count; i++)
        judge_again(ledger, judgement.again[i]);
    return ledger->refused == refused ? MXT_OK : MXT_ENOMEM;
}

enum mxt_status mxt_ledger_alerts(struct mxt_ledger *ledger, void (*each)(void *context, const struct mxt_alert *alert), void *context)
{
    enum mxt_status status = mxt_alerts_each(ledger->alerts, each, context);
    note(ledger, status);
    return status;
}

uint64_t mxt_ledger_suppressed(const struct mxt_ledger *ledger)
{
    return mxt_alerts_counters(ledger->alerts).suppressed;
}

uint64_t mxt_ledger_refused(const struct mxt_ledger *ledger)
{
    return ledger->refused + mxt_alerts_counters(ledger->alerts).refused;
}
