/* Telling: an alert when it is raised, when it grows graver and when its last finding is withdrawn. */
#include <stdlib.h>

#include "rules/alerts_int.h"

static void set_times(struct mxt_alerts *alerts, struct subject *subject, struct told *told, int64_t first_us, int64_t last_us)
{
    if (told->first_us != first_us || told->last_us != last_us)
        mxt_alerts_changed(alerts, subject, true);
    told->first_us = first_us;
    told->last_us = last_us;
}

/* Whether the claim only adds to what was told: the common case, which needs no runs. */
static bool is_nothing_new(struct mxt_alerts *alerts, struct subject *subject, const struct claim *claim)
{
    int64_t quiet_us = alerts->config->quiet_us;
    for (struct told *told = subject->told; told != NULL; told = told->next) {
        bool is_within = claim->first_us - told->last_us <= quiet_us && told->first_us - claim->last_us <= quiet_us;
        bool is_same = mxt_alerts_closes(subject, claim->first_us) == mxt_alerts_closes(subject, told->first_us);
        if (!is_within || !is_same || claim->severity > told->severity)
            continue;
        set_times(alerts, subject, told, claim->first_us < told->first_us ? claim->first_us : told->first_us,
                  claim->last_us > told->last_us ? claim->last_us : told->last_us);
        return true;
    }
    return false;
}

/* The incident that an alert of this session was told with, other than the subject's own. False: there is none. */
static bool has_incident_of(const struct session *session, const struct subject *subject, uint64_t *out)
{
    for (const struct claim *claim = session->claims; claim != NULL; claim = claim->sibling) {
        if (claim->subject == subject)
            continue;
        for (const struct told *told = claim->subject->told; told != NULL; told = told->next) {
            if (told->first_us <= claim->last_us && told->last_us >= claim->first_us) {
                *out = told->incident_id;
                return true;
            }
        }
    }
    return false;
}

/* The incident that a new alert of this session belongs to. False: one of its own. */
static bool has_incident(const struct mxt_alerts *alerts, const struct session *session, const struct subject *subject, uint64_t *out)
{
    if (has_incident_of(session, subject, out))
        return true;
    for (const struct claim *claim = session->claims; claim != NULL; claim = claim->sibling) {
        const struct session *earlier = claim->earlier_session == 0 ? NULL : mxt_alerts_session_find(alerts, claim->earlier_session);
        if (earlier != NULL && has_incident_of(earlier, subject, out))
            return true;
    }
    return false;
}

static struct told *note(const struct mxt_alerts *alerts, const struct run *run, const struct session *session)
{
    struct told *told = calloc(1, sizeof *told);
    if (told == NULL)
        return NULL;
    told->alert_id = run->alert_id;
    if (!has_incident(alerts, session, run->subject, &told->incident_id))
        told->incident_id = mxt_alert_incident_id(run->first_session);
    told->next = run->subject->told;
    run->subject->told = told;
    return told;
}

void mxt_alerts_told_free(struct told *told)
{
    free(told->facts);
    free(told);
}

static enum mxt_status tell(struct mxt_alerts *alerts, const struct run *run, struct told *told)
{
    struct mxt_arena arena = {0};
    struct mxt_alert alert;
    enum mxt_status status = mxt_alerts_make(alerts, run, &arena, &alert);
    if (status == MXT_OK) {
        alert.alert_id = told->alert_id;
        alert.incident_id = told->incident_id;
        alerts->teller.tell(alerts->teller.context, &alert);
        mxt_alerts_changed(alerts, run->subject, true);
        free(told->facts);
        told->facts = mxt_alert_pack(&alert);
        told->severity = run->severity;
    }
    mxt_arena_free(&arena);
    return told->facts != NULL ? status : MXT_ENOMEM;
}

/* Brings what was told of a run up to date, and tells it where it is new or graver. */
static enum mxt_status tell_run(struct mxt_alerts *alerts, const struct run *run, const struct session *session)
{
    struct told *told = mxt_alerts_told_of(run);
    bool is_new = told == NULL || told->is_matched;
    if (is_new)
        told = note(alerts, run, session);
    if (told == NULL)
        return MXT_ENOMEM;
    bool is_due = is_new || run->fresh_severity > told->severity;
    told->is_matched = true;
    set_times(alerts, run->subject, told, run->first_us, run->last_us);
    return is_due ? tell(alerts, run, told) : MXT_OK;
}

static enum mxt_status take_back(struct mxt_alerts *alerts, const struct told *told)
{
    struct mxt_arena arena = {0};
    struct mxt_alert alert;
    enum mxt_status status = told->facts == NULL ? MXT_ENOMEM : mxt_alert_unpack(&arena, told->facts, &alert);
    if (status == MXT_OK)
        status = mxt_alert_speak(&arena, &alert);
    if (status == MXT_OK) {
        alert.alert_id = told->alert_id;
        alert.incident_id = told->incident_id;
        alert.severity = told->severity;
        alert.first_seen_us = told->first_us;
        alert.last_seen_us = told->last_us;
        alerts->teller.tell(alerts->teller.context, &alert);
    }
    mxt_arena_free(&arena);
    return status;
}

/* Takes back what no run bears any more, and readies the marks for the next time. */
static enum mxt_status take_back_rest(struct mxt_alerts *alerts, struct subject *subject)
{
    enum mxt_status status = MXT_OK;
    struct told **link = &subject->told;
    while (*link != NULL) {
        struct told *told = *link;
        if (told->is_matched) {
            told->is_matched = false;
            link = &told->next;
            continue;
        }
        *link = told->next;
        mxt_alerts_changed(alerts, subject, true);
        status = take_back(alerts, told) == MXT_OK ? status : MXT_ENOMEM;
        mxt_alerts_told_free(told);
    }
    return status;
}

enum mxt_status mxt_alerts_tell(struct mxt_alerts *alerts, struct subject *subject, const struct claim *claim, const struct session *session)
{
    if (alerts->teller.tell == NULL || alerts->is_restoring || (claim != NULL && is_nothing_new(alerts, subject, claim)))
        return MXT_OK;
    bool is_one_of_many = claim == NULL && subject->claim_count > 0 && subject->told != NULL && subject->told->next == NULL;
    if (is_one_of_many)
        return MXT_OK;
    struct runs runs;
    enum mxt_status status = mxt_alerts_runs(alerts, subject, &runs);
    if (status != MXT_OK)
        return status;
    for (size_t i = 0; i < runs.count; i++)
        status = tell_run(alerts, &runs.items[i], session) == MXT_OK ? status : MXT_ENOMEM;
    mxt_alerts_runs_free(&runs);
    enum mxt_status rest = take_back_rest(alerts, subject);
    return status == MXT_OK ? rest : status;
}
