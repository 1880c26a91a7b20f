/* Alerts kept elsewhere: what changed is drained as texts; texts are loaded; a person closes an alert. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/alerts_int.h"
#include "rules/event.h"
#include "rules/json.h"

void mxt_alerts_keep_changes(struct mxt_alerts *alerts)
{
    alerts->is_kept = true;
}

enum mxt_status mxt_alerts_restore(struct mxt_alerts *alerts, const struct mxt_record *record, const struct mxt_finding *findings)
{
    alerts->is_restoring = true;
    enum mxt_status status = mxt_alerts_take(alerts, record, findings);
    alerts->is_restoring = false;
    return status;
}

/* Closing. */

static void add_close(struct subject *subject, int64_t time_us)
{
    if (subject->close_count == CLOSES_MAX) {
        memmove(subject->closed_us, subject->closed_us + 1, (CLOSES_MAX - 1) * sizeof subject->closed_us[0]);
        subject->close_count--;
    }
    unsigned at = subject->close_count;
    for (; at > 0 && subject->closed_us[at - 1] > time_us; at--)
        subject->closed_us[at] = subject->closed_us[at - 1];
    subject->closed_us[at] = time_us;
    subject->close_count++;
}

static bool is_closed(const struct run *run)
{
    unsigned closes = mxt_alerts_closes(run->subject, run->first_us);
    return closes < run->subject->close_count && run->subject->closed_us[closes] >= run->last_us;
}

enum mxt_status mxt_alerts_close(struct mxt_alerts *alerts, uint64_t alert_id)
{
    struct runs runs;
    enum mxt_status status = mxt_alerts_runs(alerts, NULL, &runs);
    if (status != MXT_OK)
        return status;
    status = MXT_DONE;
    for (size_t i = 0; i < runs.count && status == MXT_DONE; i++) {
        const struct run *run = &runs.items[i];
        const struct told *told = mxt_alerts_told_of(run);
        if ((told != NULL ? told->alert_id : run->alert_id) != alert_id || is_closed(run))
            continue;
        mxt_alerts_summary_drop(run->subject);
        add_close(run->subject, run->last_us);
        mxt_alerts_changed(alerts, run->subject, true);
        status = MXT_OK;
    }
    mxt_alerts_runs_free(&runs);
    return status;
}

/* Writing. */

/* What was told, and what forgotten sessions said, both as alerts. */
static enum mxt_status write_alert(struct mxt_json *json, const struct mxt_alert_packed *facts, const struct mxt_alert *rest, uint64_t session)
{
    struct mxt_arena arena = {0};
    struct mxt_alert alert;
    enum mxt_status status = facts == NULL ? MXT_ENOMEM : mxt_alert_unpack(&arena, facts, &alert);
    if (status == MXT_OK && session != 0)
        status = mxt_alert_name_session(&arena, &alert, session, 1);
    if (status == MXT_OK) {
        alert.alert_id = rest->alert_id;
        alert.incident_id = rest->incident_id;
        alert.severity = rest->severity;
        alert.count = rest->count;
        alert.first_seen_us = rest->first_seen_us;
        alert.last_seen_us = rest->last_seen_us;
        status = mxt_event_encode_alert(json, &alert);
    }
    mxt_arena_free(&arena);
    return status;
}

static enum mxt_status write_told(struct mxt_json *json, const struct subject *subject)
{
    enum mxt_status status = MXT_OK;
    mxt_json_array_begin(json, "told");
    for (const struct told *told = subject->told; told != NULL && status == MXT_OK; told = told->next) {
        const struct mxt_alert rest = {.alert_id = told->alert_id,
                                       .incident_id = told->incident_id,
                                       .severity = told->severity,
                                       .first_seen_us = told->first_us,
                                       .last_seen_us = told->last_us};
        status = write_alert(json, told->facts, &rest, 0);
    }
    mxt_json_array_end(json);
    return status;
}

static enum mxt_status write_folded(struct mxt_json *json, const struct subject *subject, const char *key, bool is_lost)
{
    enum mxt_status status = MXT_OK;
    mxt_json_array_begin(json, key);
    for (const struct claim *claim = subject->folded; claim != NULL && status == MXT_OK; claim = claim->next) {
        const struct mxt_alert rest = {.severity = claim->severity, .count = claim->count, .first_seen_us = claim->first_us, .last_seen_us = claim->last_us};
        if (claim->is_lost == is_lost)
            status = write_alert(json, claim->facts, &rest, claim->session);
    }
    mxt_json_array_end(json);
    return status;
}

static enum mxt_status write_subject(struct mxt_json *json, const struct subject *subject)
{
    mxt_json_reset(json);
    mxt_json_object_begin(json, NULL);
    enum mxt_status status = write_told(json, subject);
    if (status == MXT_OK)
        status = write_folded(json, subject, "folded", false);
    if (status == MXT_OK)
        status = write_folded(json, subject, "folded_lost", true);
    mxt_json_array_begin(json, "closed_us");
    for (unsigned i = 0; i < subject->close_count; i++)
        mxt_json_number(json, NULL, subject->closed_us[i]);
    mxt_json_array_end(json);
    mxt_json_object_end(json);
    return status == MXT_OK && mxt_json_end(json) == NULL ? MXT_ENOMEM : status;
}

static const char *hex_of(const struct subject *subject, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < subject->key_length; i++) {
        *out++ = digits[(unsigned char)subject->key[i] >> 4];
        *out++ = digits[(unsigned char)subject->key[i] & 15];
    }
    *out = '\0';
    return out - 2 * subject->key_length;
}

static enum mxt_status drain_text(struct subject *subject, struct mxt_json *json, void (*each)(void *context, const char *key, const char *text, size_t n),
                                  void *context)
{
    char key[2 * sizeof((struct mxt_alert_subject *)NULL)->bytes + 1];
    bool has_text = subject->claim_count > 0 && (subject->told != NULL || subject->folded != NULL || subject->close_count > 0);
    if (!subject->is_text_changed || (!has_text && !subject->is_drained))
        return MXT_OK;
    enum mxt_status status = has_text ? write_subject(json, subject) : MXT_OK;
    if (status != MXT_OK)
        return status;
    each(context, hex_of(subject, key), has_text ? json->text : NULL, has_text ? json->length : 0);
    subject->is_drained = has_text;
    return MXT_OK;
}

static enum mxt_status drain_run(const struct mxt_alerts *alerts, const struct run *run, void (*alert)(void *context, const struct mxt_alert *alert),
                                 void *context)
{
    struct mxt_arena arena = {0};
    struct mxt_alert made;
    const struct told *told = mxt_alerts_told_of(run);
    enum mxt_status status = mxt_alerts_make(alerts, run, &arena, &made);
    if (status == MXT_OK) {
        made.incident_id = told != NULL ? told->incident_id : mxt_alert_incident_id(run->first_session);
        alert(context, &made);
    }
    mxt_arena_free(&arena);
    return status;
}

static enum mxt_status drain_alerts(const struct mxt_alerts *alerts, struct subject *subject, void (*alert)(void *context, const struct mxt_alert *alert),
                                    void *context)
{
    struct runs runs;
    struct mxt_arena arena = {0};
    const struct run *known = mxt_alerts_summary_run(subject, &arena);
    enum mxt_status status = known != NULL ? drain_run(alerts, known, alert, context) : MXT_OK;
    mxt_arena_free(&arena);
    if (known != NULL)
        return status;
    status = mxt_alerts_runs(alerts, subject, &runs);
    if (status == MXT_OK)
        mxt_alerts_summary_keep(alerts, subject, &runs);
    for (size_t i = 0; i < runs.count && status == MXT_OK; i++)
        status = drain_run(alerts, &runs.items[i], alert, context);
    mxt_alerts_runs_free(&runs);
    return status;
}

enum mxt_status mxt_alerts_drain(struct mxt_alerts *alerts, void (*each)(void *context, const char *key, const char *text, size_t n),
                                 void (*alert)(void *context, const struct mxt_alert *alert), void *context)
{
    struct mxt_json json = {0};
    enum mxt_status status = MXT_OK;
    for (struct subject *subject = alerts->changed; subject != NULL && status == MXT_OK; subject = subject->next_changed)
        status = drain_text(subject, &json, each, context);
    mxt_json_free(&json);
    while (alerts->changed != NULL) {
        struct subject *subject = alerts->changed;
        alerts->changed = subject->next_changed;
        if (subject->are_claims_changed && status == MXT_OK)
            status = drain_alerts(alerts, subject, alert, context);
        subject->is_listed = subject->are_claims_changed = subject->is_text_changed = false;
        if (subject->claim_count == 0)
            mxt_alerts_subject_free(alerts, subject);
    }
    return status;
}
