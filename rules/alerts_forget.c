/* The bounds: the oldest sessions are folded into their alerts, subjects that matter least are dropped. */
#include <stdlib.h>

#include "rules/alerts_int.h"

#define DROPPED_AT_ONCE 16u /* a sixteenth of the subjects: looking for the least is not cheap, and so not done for each */

static void unlink_session(struct mxt_alerts *alerts, struct session *session)
{
    if (session->older != NULL)
        session->older->newer = session->newer;
    else
        alerts->oldest = session->newer;
    if (session->newer != NULL)
        session->newer->older = session->older;
    else
        alerts->newest = session->older;
    mxt_hash_table_remove(&alerts->sessions, &session->node);
}

void mxt_alerts_session_free(struct mxt_alerts *alerts, struct session *session)
{
    unlink_session(alerts, session);
    free(session);
}

static void fold_session(struct mxt_alerts *alerts, struct session *session)
{
    while (session->claims != NULL) {
        struct claim *claim = session->claims;
        session->claims = claim->sibling;
        mxt_alerts_changed(alerts, claim->subject, true);
        mxt_alerts_fold(claim, alerts->config->quiet_us);
    }
    alerts->counters.folded++;
    mxt_alerts_session_free(alerts, session);
}

void mxt_alerts_forget(struct mxt_alerts *alerts, uint64_t session_id)
{
    struct session *session = mxt_alerts_session_find(alerts, session_id);
    if (session != NULL)
        fold_session(alerts, session);
}

/* A subject and how much it matters. */
struct weighed {
    struct subject *subject;
    int64_t last_us;
    enum mxt_severity severity;
    bool is_ended;
};

/* What matters least first: what has ended, the longest first; then the least grave; then what was silent longer. */
static int compare_weighed(const void *left, const void *right)
{
    const struct weighed *a = left, *b = right;
    if (a->is_ended != b->is_ended)
        return a->is_ended ? -1 : 1;
    if (!a->is_ended && a->severity != b->severity)
        return a->severity < b->severity ? -1 : 1;
    return a->last_us < b->last_us ? -1 : a->last_us > b->last_us;
}

static void weigh(const struct mxt_alerts *alerts, struct subject *subject, struct weighed *out)
{
    *out = (struct weighed){.subject = subject, .last_us = INT64_MIN};
    for (int i = 0; i < 2; i++) {
        for (const struct claim *claim = i == 0 ? subject->claims : subject->folded; claim != NULL; claim = claim->next) {
            out->last_us = claim->last_us > out->last_us ? claim->last_us : out->last_us;
            out->severity = claim->severity > out->severity ? claim->severity : out->severity;
        }
    }
    out->is_ended = alerts->now_us - out->last_us > alerts->config->quiet_us;
}

/* Takes a claim from its session, which goes too when it has nothing else. */
static void leave_session(struct mxt_alerts *alerts, struct claim *claim)
{
    struct session *session = mxt_alerts_session_find(alerts, claim->session);
    struct claim **link = &session->claims;
    while (*link != claim)
        link = &(*link)->sibling;
    *link = claim->sibling;
    if (session->claims == NULL && session->suppressed == 0)
        mxt_alerts_session_free(alerts, session);
}

static void drop_subject(struct mxt_alerts *alerts, struct subject *subject)
{
    for (struct claim *claim = subject->claims; claim != NULL; claim = claim->next)
        leave_session(alerts, claim);
    mxt_alerts_subject_clear(subject);
    mxt_alerts_changed(alerts, subject, true);
    mxt_alerts_subject_release(alerts, subject);
    alerts->counters.dropped++;
}

static void drop_subjects(struct mxt_alerts *alerts)
{
    size_t count = 0, excess = alerts->subjects.count - alerts->limits.subjects;
    struct weighed *weighed = calloc(alerts->subjects.count, sizeof *weighed);
    if (weighed == NULL) {
        alerts->counters.refused++;
        return;
    }
    for (struct mxt_hash_node *node = mxt_hash_table_next(&alerts->subjects, NULL); node != NULL; node = mxt_hash_table_next(&alerts->subjects, node))
        if (((struct subject *)node)->claim_count > 0) /* else it waits to be drained */
            weigh(alerts, (struct subject *)node, &weighed[count++]);
    qsort(weighed, count, sizeof *weighed, compare_weighed);
    for (size_t i = 0; i < count && i < excess + alerts->limits.subjects / DROPPED_AT_ONCE; i++)
        drop_subject(alerts, weighed[i].subject);
    free(weighed);
}

void mxt_alerts_make_room(struct mxt_alerts *alerts)
{
    while (alerts->sessions.count >= alerts->limits.sessions && alerts->oldest != NULL)
        fold_session(alerts, alerts->oldest);
    if (alerts->subjects.count > alerts->limits.subjects)
        drop_subjects(alerts);
}
