#include "rules/ledger.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "rules/event.h"
#include "rules/judge.h"
#include "rules/ledger_int.h"

#define AGAIN_ARENA (1u << 20) /* bytes that judging one session again may take */
#define AHEAD_US    (INT64_C(3600) * 1000000) /* how far a sensor's clock may be ahead of the keeper's before what it says counts for less */

/* What the judge asks of a kept ledger: the memory, save for records, which the sessions hold. */

static const struct mxt_policy *find_policy(void *store, const char *domain, int64_t time_us)
{
    const struct mxt_ledger *ledger = store;
    return ledger->memory.policy(ledger->memory.store, domain, time_us);
}

static size_t find_policies_of_mx(void *store, const char *mx, int64_t time_us, const struct mxt_policy **out, size_t max)
{
    const struct mxt_ledger *ledger = store;
    return ledger->memory.policies_of_mx(ledger->memory.store, mx, time_us, out, max);
}

static const struct mxt_baseline *find_baseline(void *store, const struct mxt_subject *subject)
{
    const struct mxt_ledger *ledger = store;
    return ledger->memory.baseline(ledger->memory.store, subject);
}

static const struct mxt_record *find_record(void *store, uint64_t session_id)
{
    struct mxt_ledger *ledger = store;
    const struct ledger_session *session = mxt_ledger_find(ledger, session_id);
    return session == NULL || !session->may_change ? NULL : mxt_ledger_join(session, NULL, &ledger->asked);
}

static struct mxt_knowledge knowledge_of(struct mxt_ledger *ledger)
{
    if (!ledger->config.is_kept)
        return ledger->memory;
    return (struct mxt_knowledge){
        .store = ledger, .policy = find_policy, .policies_of_mx = find_policies_of_mx, .baseline = find_baseline, .record = find_record};
}

struct mxt_ledger *mxt_ledger_new(const struct mxt_ledger_config *config)
{
    struct mxt_ledger *ledger = calloc(1, sizeof *ledger);
    if (ledger == NULL)
        return NULL;
    ledger->config = *config;
    ledger->config.session_bytes = config->session_bytes != 0 ? config->session_bytes : MXT_LEDGER_SESSION_BYTES;
    ledger->memory = mxt_memory_knowledge(config->memory);
    ledger->knowledge = knowledge_of(ledger);
    ledger->newest_us = INT64_MIN;
    ledger->clock_us = ledger->looked_us = ledger->listening_us = INT64_MIN;
    ledger->is_sorted = true;
    struct mxt_alerts_limits limits = config->alerts_limits;
    if (config->is_kept)
        limits.sessions = UINT32_MAX; /* it is the ledger that forgets them, so that what is kept agrees */
    ledger->alerts = mxt_alerts_new(&limits, config->judge, &config->teller);
    if (ledger->alerts == NULL) {
        free(ledger);
        return NULL;
    }
    if (config->is_kept) {
        mxt_alerts_keep_changes(ledger->alerts);
        mxt_memory_keep_changes(config->memory);
    }
    return ledger;
}

void mxt_ledger_free(struct mxt_ledger *ledger)
{
    if (ledger == NULL)
        return;
    mxt_ledger_sessions_free(ledger);
    mxt_ledger_sensors_free(ledger);
    mxt_ledger_clocks_free(ledger);
    mxt_alerts_free(ledger->alerts);
    free(ledger);
}

static void note(struct mxt_ledger *ledger, enum mxt_status status)
{
    ledger->refused += status != MXT_OK;
}

static void tell_judged(const struct mxt_ledger *ledger, const struct mxt_record *record, const struct mxt_finding *findings, enum mxt_severity previous,
                        bool is_again)
{
    const struct mxt_judged judged = {
        .severity = mxt_alerts_session_severity(ledger->alerts, record->session_id),
        .previous = previous,
        .is_leading = mxt_alerts_is_leading(ledger->alerts, record->session_id),
        .is_again = is_again,
        .findings = findings,
    };
    ledger->config.judged(ledger->config.context, record, &judged);
}

/* The findings alone, in the form of a record. */
static enum mxt_status encode_findings(struct mxt_json *writer, const struct mxt_record *record, struct mxt_finding *findings)
{
    const struct mxt_record bare = {.timestamp_us = record->timestamp_us,
                                    .version = record->version,
                                    .session_id = record->session_id,
                                    .snapshot = record->snapshot,
                                    .start_us = record->start_us,
                                    .src_ip = record->src_ip,
                                    .dest_ip = record->dest_ip,
                                    .findings = findings};
    mxt_json_reset(writer);
    enum mxt_status status = mxt_event_encode_record(writer, &bare);
    return status == MXT_OK && mxt_json_end(writer) == NULL ? MXT_ENOMEM : status;
}

enum mxt_status mxt_ledger_set_judged(struct mxt_ledger *ledger, struct ledger_session *session, const struct mxt_record *record, struct mxt_finding *findings)
{
    uint64_t digest = 0;
    free(session->judged);
    session->judged = NULL;
    if (findings != NULL) {
        if (encode_findings(&ledger->writer, record, findings) != MXT_OK || (session->judged = malloc(ledger->writer.length)) == NULL)
            return MXT_ENOMEM;
        memcpy(session->judged, ledger->writer.text, ledger->writer.length);
        session->judged_length = ledger->writer.length;
        digest = XXH3_64bits(session->judged, session->judged_length) | 1;
    }
    session->judged_digest = digest;
    return MXT_OK;
}

/* Remembers what was found, for the session's text; what stays as it was is not written again. */
static enum mxt_status keep_findings(struct mxt_ledger *ledger, struct ledger_session *session, const struct mxt_record *record, struct mxt_finding *findings)
{
    uint64_t before = session->judged_digest;
    enum mxt_status status = mxt_ledger_set_judged(ledger, session, record, findings);
    if (session->judged_digest != before)
        mxt_ledger_note_change(ledger, session);
    if (!session->is_listed)
        mxt_ledger_drop_judged(session);
    return status;
}

/* Judges a record and hands what was found to the alerts. */
static void judge(struct mxt_ledger *ledger, struct ledger_session *session, const struct mxt_record *record, bool is_again, struct mxt_arena *arena,
                  struct mxt_judgement *out)
{
    enum mxt_severity previous = mxt_alerts_session_severity(ledger->alerts, record->session_id);
    note(ledger, mxt_judge_network(record, &ledger->knowledge, ledger->config.judge, ledger->newest_us, arena, out));
    note(ledger, mxt_alerts_take(ledger->alerts, record, out->findings));
    if (session != NULL)
        note(ledger, keep_findings(ledger, session, record, out->findings));
    if (ledger->config.judged != NULL)
        tell_judged(ledger, record, out->findings, previous, is_again);
}

static void judge_again(struct mxt_ledger *ledger, uint64_t session_id)
{
    const struct mxt_record *record = ledger->knowledge.record(ledger->knowledge.store, session_id);
    if (record == NULL)
        return;
    struct mxt_arena arena;
    struct mxt_judgement judgement = {.findings = NULL};
    mxt_arena_init(&arena, AGAIN_ARENA);
    judge(ledger, ledger->config.is_kept ? mxt_ledger_find(ledger, session_id) : NULL, record, true, &arena, &judgement);
    mxt_arena_free(&arena);
}

/* The sessions hold the records: all that is to be done for one that is to be kept is to know it. */
static void take_kept(struct ledger_session *session, struct mxt_changes *changes)
{
    for (struct mxt_change **at = &changes->first; *at != NULL;) {
        if ((*at)->kind == MXT_CHANGE_KEEP_RECORD) {
            session->may_change = true;
            *at = (*at)->next;
        } else {
            at = &(*at)->next;
        }
    }
}

/* The newest of the records decides which are late: one sensor whose clock is years ahead must not make all others late. */
static void note_time(struct mxt_ledger *ledger, int64_t time_us)
{
    if (ledger->clock_us != INT64_MIN && time_us - AHEAD_US > ledger->clock_us)
        time_us = ledger->clock_us + AHEAD_US;
    ledger->newest_us = time_us > ledger->newest_us ? time_us : ledger->newest_us;
}

static void take(struct mxt_ledger *ledger, struct ledger_session *session, const struct mxt_record *record, struct mxt_arena *arena)
{
    struct mxt_judgement judgement = {.findings = NULL};
    note_time(ledger, record->timestamp_us);
    judge(ledger, session, record, false, arena, &judgement);
    if (session != NULL)
        take_kept(session, &judgement.changes);
    note(ledger, mxt_memory_apply(ledger->config.memory, &judgement.changes));
    for (size_t i = 0; i < judgement.again_count; i++)
        judge_again(ledger, judgement.again[i]);
}

/* Puts the record among the sessions. NULL: memory is refused. */
static struct ledger_session *remember(struct mxt_ledger *ledger, struct ledger_session *session, const struct mxt_record *record, const char *json, size_t n)
{
    if (json == NULL) {
        mxt_json_reset(&ledger->writer);
        if (mxt_event_encode_record(&ledger->writer, record) != MXT_OK || mxt_json_end(&ledger->writer) == NULL)
            return NULL;
        json = ledger->writer.text;
        n = ledger->writer.length;
    }
    session = mxt_ledger_put(ledger, session, record->session_id, record, json, n);
    if (session == NULL)
        return NULL;
    mxt_ledger_touch(ledger, session);
    mxt_ledger_clocks_learn(ledger, session);
    mxt_ledger_note_change(ledger, session);
    mxt_ledger_keep_bounds(ledger);
    return session;
}

static enum mxt_status take_view(struct mxt_ledger *ledger, const struct mxt_record *record, const char *json, size_t n, struct mxt_arena *arena)
{
    mxt_ledger_sort(ledger);
    struct ledger_session *session = mxt_ledger_session_of(ledger, record);
    if (session != NULL && !mxt_ledger_is_news(session, record))
        return MXT_DONE;
    session = remember(ledger, session, record, json, n);
    const struct mxt_record *joined = session == NULL ? NULL : mxt_ledger_join(session, record, &ledger->asked);
    if (joined != NULL)
        take(ledger, session, joined, arena);
    else
        ledger->refused++;
    mxt_arena_free(&ledger->asked);
    return MXT_OK;
}

enum mxt_status mxt_ledger_take(struct mxt_ledger *ledger, const struct mxt_record *record, const char *json, size_t n, struct mxt_arena *arena)
{
    uint64_t refused = ledger->refused;
    enum mxt_status status = MXT_OK;
    if (ledger->config.is_kept)
        status = take_view(ledger, record, json, n, arena);
    else
        take(ledger, NULL, record, arena);
    return ledger->refused == refused ? status : MXT_ENOMEM;
}

void mxt_ledger_take_watched(struct mxt_ledger *ledger, const struct mxt_record *record)
{
    struct ledger_session *session = NULL;
    if (ledger->config.is_kept) {
        mxt_ledger_sort(ledger);
        session = remember(ledger, mxt_ledger_find(ledger, record->session_id), record, NULL, 0);
        ledger->refused += session == NULL;
    }
    note(ledger, mxt_alerts_take(ledger->alerts, record, record->findings));
    if (session != NULL)
        note(ledger, keep_findings(ledger, session, record, record->findings));
}

enum mxt_status mxt_ledger_close_alert(struct mxt_ledger *ledger, uint64_t alert_id)
{
    return mxt_alerts_close(ledger->alerts, alert_id);
}

enum mxt_status mxt_ledger_alerts(struct mxt_ledger *ledger, void (*each)(void *context, const struct mxt_alert *alert), void *context)
{
    enum mxt_status status = mxt_alerts_each(ledger->alerts, each, context);
    note(ledger, status);
    return status;
}

enum mxt_status mxt_ledger_clock(struct mxt_ledger *ledger, int64_t now_us)
{
    uint64_t refused = ledger->refused;
    int64_t before_us = ledger->clock_us;
    mxt_ledger_sort(ledger);
    now_us = now_us < MXT_JSON_TIME_MAX_US ? now_us : MXT_JSON_TIME_MAX_US; /* beyond it no time can be kept */
    ledger->clock_us = now_us > before_us ? now_us : before_us;
    mxt_ledger_look(ledger, before_us, ledger->clock_us);
    while (ledger->oldest != NULL && ledger->clock_us - MXT_LEDGER_KEPT_US > ledger->oldest->touched_us)
        mxt_ledger_forget(ledger, ledger->oldest);
    return ledger->refused == refused ? MXT_OK : MXT_ENOMEM;
}

uint64_t mxt_ledger_suppressed(const struct mxt_ledger *ledger)
{
    return mxt_alerts_counters(ledger->alerts).suppressed;
}

uint64_t mxt_ledger_refused(const struct mxt_ledger *ledger)
{
    return ledger->refused + mxt_alerts_counters(ledger->alerts).refused;
}
