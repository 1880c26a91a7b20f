#include "rules/alerts.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "rules/alerts_int.h"

struct mxt_alerts *mxt_alerts_new(const struct mxt_alerts_limits *limits, const struct mxt_judge_config *config, const struct mxt_alerts_teller *teller)
{
    struct mxt_alerts *alerts = calloc(1, sizeof *alerts);
    if (alerts == NULL)
        return NULL;
    alerts->limits = *limits;
    alerts->config = config;
    if (teller != NULL)
        alerts->teller = *teller;
    alerts->now_us = INT64_MIN;
    return alerts;
}

void mxt_alerts_free(struct mxt_alerts *alerts)
{
    if (alerts == NULL)
        return;
    while (alerts->oldest != NULL)
        mxt_alerts_session_free(alerts, alerts->oldest);
    for (struct mxt_hash_node *node; (node = mxt_hash_table_next(&alerts->subjects, NULL)) != NULL;)
        mxt_alerts_subject_free(alerts, (struct subject *)node);
    mxt_hash_table_free(&alerts->sessions);
    mxt_hash_table_free(&alerts->subjects);
    free(alerts);
}

static uint64_t hash_session(const struct mxt_alerts *alerts, uint64_t id)
{
    return XXH3_64bits_withSeed(&id, sizeof id, alerts->limits.seed);
}

struct session *mxt_alerts_session_find(const struct mxt_alerts *alerts, uint64_t id)
{
    for (struct mxt_hash_node *node = mxt_hash_table_bucket(&alerts->sessions, hash_session(alerts, id)); node != NULL; node = node->next) {
        struct session *session = (struct session *)node;
        if (session->id == id)
            return session;
    }
    return NULL;
}

static struct session *add_session(struct mxt_alerts *alerts, uint64_t id)
{
    struct session *session = calloc(1, sizeof *session);
    if (session == NULL)
        return NULL;
    session->id = id;
    session->node.hash = hash_session(alerts, id);
    if (mxt_hash_table_add(&alerts->sessions, &session->node) != MXT_OK) {
        free(session);
        return NULL;
    }
    session->older = alerts->newest;
    if (alerts->newest != NULL)
        alerts->newest->newer = session;
    else
        alerts->oldest = session;
    alerts->newest = session;
    return session;
}

/* Evidence of this name; NULL: none. */
static const struct mxt_evidence *evidence_of(const struct mxt_finding *finding, const char *key)
{
    const struct mxt_evidence *evidence = finding->evidence;
    while (evidence != NULL && strcmp(evidence->key, key) != 0)
        evidence = evidence->next;
    return evidence;
}

static bool is_lost(const struct mxt_finding *finding)
{
    const struct mxt_evidence *evidence = evidence_of(finding, "lost");
    return evidence != NULL && evidence->number != 0;
}

static uint64_t earlier_session(const struct mxt_finding *finding)
{
    const struct mxt_evidence *evidence = evidence_of(finding, "failed_session");
    return evidence == NULL || evidence->text == NULL ? 0 : strtoull(evidence->text, NULL, 16);
}

/* The session's claim of the subject, made where there is none. NULL: out of memory. */
static struct claim *claim_of(struct session *session, struct subject *subject)
{
    struct claim **end = &session->claims;
    for (; *end != NULL; end = &(*end)->sibling)
        if ((*end)->subject == subject)
            return *end;
    *end = mxt_alerts_claim(subject, session->id);
    if (*end != NULL)
        (*end)->is_stale = true;
    return *end;
}

/* By arrival, not by time: it decides about stories only, not about alerts. */
static void note_leading(const struct mxt_alerts *alerts, struct claim *claim)
{
    struct subject *subject = claim->subject;
    bool is_quiet = subject->leading == MXT_SEVERITY_NONE || claim->first_us - subject->leading_until_us > alerts->config->quiet_us;
    claim->is_leading = claim->is_leading || is_quiet || claim->severity > subject->leading;
    subject->leading = is_quiet || claim->severity > subject->leading ? claim->severity : subject->leading;
    subject->leading_until_us = is_quiet || claim->last_us > subject->leading_until_us ? claim->last_us : subject->leading_until_us;
}

/* Sets a claim to what a finding says. Where the session says two things of one subject, the graver counts. */
static enum mxt_status set_claim(struct mxt_alerts *alerts, struct claim *claim, const struct mxt_record *record, const struct mxt_finding *finding,
                                 enum mxt_severity severity)
{
    if (!claim->is_stale && claim->severity >= severity)
        return MXT_OK;
    int64_t last_us = record->timestamp_us > record->start_us ? record->timestamp_us : record->start_us;
    bool is_grown = claim->first_us == record->start_us && claim->last_us <= last_us && claim->severity == severity && claim->is_lost == is_lost(finding);
    enum claim_change change = claim->severity == MXT_SEVERITY_NONE ? CLAIM_IS_NEW : is_grown ? CLAIM_HAS_GROWN : CLAIM_IS_ANOTHER;
    if (claim->first_us != record->start_us || claim->last_us != last_us || claim->severity != severity || claim->is_lost != is_lost(finding))
        mxt_alerts_changed(alerts, claim->subject, false);
    claim->is_stale = false;
    claim->first_us = record->start_us;
    claim->last_us = last_us;
    claim->severity = severity;
    claim->is_lost = is_lost(finding);
    claim->earlier_session = earlier_session(finding);
    note_leading(alerts, claim);
    mxt_alerts_summary_take(alerts, claim, change);
    const struct mxt_alert facts = mxt_alert_facts(record, finding);
    struct mxt_alert_packed *packed = mxt_alert_pack(&facts);
    if (packed == NULL)
        return MXT_ENOMEM;
    free(claim->facts);
    claim->facts = packed;
    return MXT_OK;
}

static enum mxt_status take_finding(struct mxt_alerts *alerts, struct session *session, const struct mxt_record *record, const struct mxt_finding *finding)
{
    enum mxt_severity severity = mxt_alerts_grade(alerts->config, record, finding);
    if (severity == MXT_SEVERITY_NONE) {
        session->suppressed++;
        alerts->counters.suppressed++;
        return MXT_OK;
    }
    struct mxt_alert_subject bytes;
    mxt_alert_subject_of(record, finding, &bytes);
    struct subject *subject = mxt_alerts_subject(alerts, &bytes);
    if (subject == NULL)
        return MXT_ENOMEM;
    struct claim *claim = claim_of(session, subject);
    if (claim != NULL)
        return set_claim(alerts, claim, record, finding, severity);
    if (subject->claim_count == 0)
        mxt_alerts_subject_release(alerts, subject);
    return MXT_ENOMEM;
}

/* Takes back what the session said before and does not say now. */
static enum mxt_status withdraw_stale(struct mxt_alerts *alerts, struct session *session)
{
    enum mxt_status status = MXT_OK;
    struct claim **link = &session->claims;
    while (*link != NULL) {
        struct claim *claim = *link;
        if (!claim->is_stale) {
            link = &claim->sibling;
            continue;
        }
        struct subject *subject = claim->subject;
        *link = claim->sibling;
        mxt_alerts_summary_drop(subject);
        mxt_alerts_claim_free(claim);
        mxt_alerts_changed(alerts, subject, false);
        status = mxt_alerts_tell(alerts, subject, NULL, session) == MXT_OK ? status : MXT_ENOMEM;
        if (subject->claim_count == 0)
            mxt_alerts_subject_release(alerts, subject);
    }
    return status;
}

static enum mxt_status take(struct mxt_alerts *alerts, struct session *session, const struct mxt_record *record, const struct mxt_finding *findings)
{
    enum mxt_status status = MXT_OK;
    alerts->counters.suppressed -= session->suppressed;
    session->suppressed = 0;
    for (struct claim *claim = session->claims; claim != NULL; claim = claim->sibling)
        claim->is_stale = true;
    for (const struct mxt_finding *finding = findings; finding != NULL; finding = finding->next)
        if (mxt_rule_info(finding->rule) != NULL)
            status = take_finding(alerts, session, record, finding) == MXT_OK ? status : MXT_ENOMEM;
    status = withdraw_stale(alerts, session) == MXT_OK ? status : MXT_ENOMEM;
    for (const struct claim *claim = session->claims; claim != NULL; claim = claim->sibling)
        status = mxt_alerts_tell(alerts, claim->subject, claim, session) == MXT_OK ? status : MXT_ENOMEM;
    if (session->claims == NULL && session->suppressed == 0)
        mxt_alerts_session_free(alerts, session);
    return status;
}

enum mxt_status mxt_alerts_take(struct mxt_alerts *alerts, const struct mxt_record *record, const struct mxt_finding *findings)
{
    alerts->now_us = record->timestamp_us > alerts->now_us ? record->timestamp_us : alerts->now_us;
    struct session *session = mxt_alerts_session_find(alerts, record->session_id);
    if (session == NULL && findings == NULL)
        return MXT_OK;
    if (session == NULL) {
        mxt_alerts_make_room(alerts);
        session = add_session(alerts, record->session_id);
    }
    enum mxt_status status = session == NULL ? MXT_ENOMEM : take(alerts, session, record, findings);
    alerts->counters.refused += status != MXT_OK;
    return status;
}

enum mxt_severity mxt_alerts_session_severity(const struct mxt_alerts *alerts, uint64_t session_id)
{
    const struct session *session = mxt_alerts_session_find(alerts, session_id);
    enum mxt_severity severity = MXT_SEVERITY_NONE;
    for (const struct claim *claim = session == NULL ? NULL : session->claims; claim != NULL; claim = claim->sibling)
        severity = claim->severity > severity ? claim->severity : severity;
    return severity;
}

bool mxt_alerts_is_leading(const struct mxt_alerts *alerts, uint64_t session_id)
{
    const struct session *session = mxt_alerts_session_find(alerts, session_id);
    for (const struct claim *claim = session == NULL ? NULL : session->claims; claim != NULL; claim = claim->sibling)
        if (claim->is_leading)
            return true;
    return false;
}

struct mxt_alerts_counters mxt_alerts_counters(const struct mxt_alerts *alerts)
{
    return alerts->counters;
}
