/* From claims to runs, and from a run to its alert. */
#include <stdlib.h>

#include "rules/alerts_int.h"

static int compare_claims(const void *left, const void *right)
{
    const struct claim *a = *(const struct claim *const *)left, *b = *(const struct claim *const *)right;
    if (a->first_us != b->first_us)
        return a->first_us < b->first_us ? -1 : 1;
    return a->session < b->session ? -1 : a->session > b->session;
}

static size_t list_claims(struct claim *claim, struct claim **out)
{
    size_t count = 0;
    for (; claim != NULL; claim = claim->next)
        out[count++] = claim;
    return count;
}

static struct run *add_run(struct runs *runs)
{
    if (runs->count == runs->capacity) {
        size_t capacity = runs->capacity == 0 ? 16 : runs->capacity * 2;
        struct run *items = realloc(runs->items, capacity * sizeof *items);
        if (items == NULL)
            return NULL;
        runs->items = items;
        runs->capacity = capacity;
    }
    struct run *run = &runs->items[runs->count];
    *run = (struct run){.parent = runs->count};
    runs->count++;
    return run;
}

static void extend(struct run *run, struct claim *claim)
{
    run->claim_count++;
    run->count += claim->count;
    run->last_us = run->claim_count == 1 || claim->last_us > run->last_us ? claim->last_us : run->last_us;
    run->severity = claim->severity > run->severity ? claim->severity : run->severity;
    if (!claim->is_lost && claim->severity > run->fresh_severity)
        run->fresh_severity = claim->severity;
    if (run->shown == NULL || mxt_alerts_is_better(claim, run->shown))
        run->shown = claim;
}

/* Cuts a subject's claims, in order of time, where it was quiet. */
static enum mxt_status cut(const struct mxt_alerts *alerts, struct subject *subject, struct claim **claims, size_t count, struct runs *runs)
{
    struct run *run = NULL;
    for (size_t i = 0; i < count; i++) {
        struct claim *claim = claims[i];
        bool is_closed = run != NULL && mxt_alerts_closes(subject, claim->first_us) != mxt_alerts_closes(subject, run->first_us);
        if (run == NULL || is_closed || (!claim->is_lost && claim->first_us - run->last_us > alerts->config->quiet_us)) {
            run = add_run(runs);
            if (run == NULL)
                return MXT_ENOMEM;
            run->subject = subject;
            run->claims = &claims[i];
            run->first_us = claim->first_us;
            run->first_session = claim->session;
            run->alert_id = mxt_alert_id(subject->key, subject->key_length, claim->session);
        }
        extend(run, claim);
        claim->run = (uint32_t)(runs->count - 1);
    }
    return MXT_OK;
}

static enum mxt_status add_subject(const struct mxt_alerts *alerts, struct subject *subject, struct claim **claims, struct runs *runs)
{
    size_t count = list_claims(subject->claims, claims);
    count += list_claims(subject->folded, claims + count);
    qsort(claims, count, sizeof(struct claim *), compare_claims);
    return cut(alerts, subject, claims, count, runs);
}

static size_t count_claims(const struct mxt_alerts *alerts)
{
    size_t count = 0;
    for (struct mxt_hash_node *node = mxt_hash_table_next(&alerts->subjects, NULL); node != NULL; node = mxt_hash_table_next(&alerts->subjects, node))
        count += ((const struct subject *)node)->claim_count;
    return count;
}

static enum mxt_status add_all(const struct mxt_alerts *alerts, struct runs *runs)
{
    struct claim **claims = runs->claims;
    for (struct mxt_hash_node *node = mxt_hash_table_next(&alerts->subjects, NULL); node != NULL; node = mxt_hash_table_next(&alerts->subjects, node)) {
        struct subject *subject = (struct subject *)node;
        if (add_subject(alerts, subject, claims, runs) != MXT_OK)
            return MXT_ENOMEM;
        claims += subject->claim_count;
    }
    return MXT_OK;
}

enum mxt_status mxt_alerts_runs(const struct mxt_alerts *alerts, struct subject *subject, struct runs *out)
{
    *out = (struct runs){0};
    size_t count = subject == NULL ? count_claims(alerts) : subject->claim_count;
    if (count == 0)
        return MXT_OK;
    out->claims = calloc(count, sizeof(struct claim *));
    enum mxt_status status = MXT_ENOMEM;
    if (out->claims != NULL)
        status = subject == NULL ? add_all(alerts, out) : add_subject(alerts, subject, out->claims, out);
    if (status != MXT_OK)
        mxt_alerts_runs_free(out);
    return status;
}

void mxt_alerts_runs_free(struct runs *runs)
{
    free(runs->items);
    free(runs->claims);
    *runs = (struct runs){0};
}

/* Ids of sessions: the gravest first, then the earliest. */
static enum mxt_status name_sessions(const struct mxt_alerts *alerts, const struct run *run, struct mxt_arena *arena, struct mxt_alert *alert)
{
    enum mxt_status status = MXT_OK;
    size_t shown = 0;
    for (enum mxt_severity severity = run->severity; severity > MXT_SEVERITY_NONE && status == MXT_OK; severity--) {
        for (size_t i = 0; i < run->claim_count && shown < alerts->limits.sessions_shown && status == MXT_OK; i++) {
            if (run->claims[i]->severity != severity)
                continue;
            status = mxt_alert_name_session(arena, alert, run->claims[i]->session, alerts->limits.sessions_shown);
            shown++;
        }
    }
    alert->sessions.total = (uint32_t)run->count;
    return status;
}

enum mxt_status mxt_alerts_make(const struct mxt_alerts *alerts, const struct run *run, struct mxt_arena *arena, struct mxt_alert *out)
{
    enum mxt_status status = run->shown->facts == NULL ? MXT_ENOMEM : mxt_alert_unpack(arena, run->shown->facts, out);
    if (status != MXT_OK)
        return status;
    const struct told *told = mxt_alerts_told_of(run);
    out->alert_id = told != NULL ? told->alert_id : run->alert_id;
    out->severity = run->severity;
    out->count = run->count;
    out->first_seen_us = run->first_us;
    out->last_seen_us = run->last_us;
    status = mxt_alert_speak(arena, out);
    return status == MXT_OK ? name_sessions(alerts, run, arena, out) : status;
}

struct told *mxt_alerts_told_of(const struct run *run)
{
    struct told *best = NULL;
    for (struct told *told = run->subject->told; told != NULL; told = told->next)
        if (told->first_us <= run->last_us && told->last_us >= run->first_us && (best == NULL || told->first_us < best->first_us) &&
            mxt_alerts_closes(run->subject, told->first_us) == mxt_alerts_closes(run->subject, run->first_us))
            best = told;
    return best;
}
