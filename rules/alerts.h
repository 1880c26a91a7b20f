/*
 * The table of alerts: findings merged into one alert per rule and subject, counted once a session, told when they are raised and when they grow graver.
 *
 * A subject is the server (the MX name that the client asked for by SNI, else address and port) and the hop; with the domain where the finding has one, else
 * with the client (address and HELO name) where the rule is about the client (mxt_alert_has_client). Where a rule is about a sensor, the subject is that
 * sensor.
 *
 * A finding lasts from its session's start to its record's timestamp. The findings of a subject, in order of time, form a run as long as no gap between them
 * exceeds the quiet time (a day): each run is an alert. A finding that rests on a lost baseline (evidence `lost`) belongs to the run before it, however long
 * ago that was: such an alert stays open and counts, and is not told again.
 *
 * What a session says replaces what it said before (a later snapshot, or judged again after a late record): the alerts are a function of what was last said of
 * each session, whatever the order of arrival. An alert without findings left disappears; one that was told is told once more, with count 0. A session that
 * several sensors saw is one session: its findings are handed over together.
 *
 * Alerts that rest on the same session are one incident; so are a fallback and what is said of the earlier session whose failure it names.
 *
 * The exceptions, all counted: beyond the bounds the oldest sessions are folded into their alerts (they still count, and can no longer be withdrawn or link
 * incidents), and the subjects that are longest quiet and least grave are dropped.
 */
#ifndef MXT_RULES_ALERTS_H
#define MXT_RULES_ALERTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rules/alert.h"
#include "rules/judge_config.h"
#include "rules/record.h"

struct mxt_alerts;

struct mxt_alerts_limits {
    uint32_t subjects;       /* kept at once; beyond, those longest quiet and least grave are dropped */
    uint32_t sessions;       /* remembered, for replacing and for incidents (some 500 bytes each); beyond, the oldest are folded */
    uint32_t sessions_shown; /* ids named in an alert, the gravest first, then the earliest */
    uint64_t seed;           /* of the hash tables, so that nobody can aim collisions at them; 0 in tests */
};
#define MXT_ALERTS_LIMITS_DEFAULT ((struct mxt_alerts_limits){.subjects = 100000, .sessions = 250000, .sessions_shown = 20})

/* Told of an alert that is new, graver than when it was told, or withdrawn (count 0). Valid during the call. */
struct mxt_alerts_teller {
    void (*tell)(void *context, const struct mxt_alert *alert);
    void *context;
};

/* What the table did beside keeping alerts. */
struct mxt_alerts_counters {
    uint64_t suppressed; /* findings (one a session and rule) that raise nothing: switched off or suppressed */
    uint64_t folded;     /* sessions no longer remembered, for the bound */
    uint64_t dropped;    /* subjects dropped, for the bound */
    uint64_t refused;    /* allocations: something is missing */
};

/* An empty table; `config` outlives it. `teller` (copied) may be NULL: a replay asks for all at its end. NULL: out of memory. */
struct mxt_alerts *mxt_alerts_new(const struct mxt_alerts_limits *limits, const struct mxt_judge_config *config, const struct mxt_alerts_teller *teller);

/* NULL is accepted. */
void mxt_alerts_free(struct mxt_alerts *alerts);

/*
 * Takes what a session's record gave, all of it: findings that it no longer gives are withdrawn. Switched-off, suppressed and re-graded rules are seen to here.
 * MXT_OK; MXT_ENOMEM: something is missing (counted).
 */
enum mxt_status mxt_alerts_take(struct mxt_alerts *alerts, const struct mxt_record *record, const struct mxt_finding *findings) MXT_MUST_CHECK;

/* The gravest that was last taken of a session, suppressed findings aside; NONE: nothing, or no longer remembered. */
enum mxt_severity mxt_alerts_session_severity(const struct mxt_alerts *alerts, uint64_t session_id);

/* Whether the session, when it was last taken, began an alert or made one graver: its story is worth keeping. */
bool mxt_alerts_is_leading(const struct mxt_alerts *alerts, uint64_t session_id);

/*
 * Calls `each` for every alert, incidents together: gravest incident first, in it the gravest alert first, then the earlier. An alert is valid during the call.
 * MXT_OK; MXT_ENOMEM: some or all are missing.
 */
enum mxt_status mxt_alerts_each(struct mxt_alerts *alerts, void (*each)(void *context, const struct mxt_alert *alert), void *context) MXT_MUST_CHECK;

/* For keeping the table elsewhere too: what sessions claim goes with the sessions (mxt_alerts_restore), the rest with the subjects (mxt_alerts_drain). */

/* From now on what changes is remembered until it is drained. */
void mxt_alerts_keep_changes(struct mxt_alerts *alerts);

/* Takes what was taken of a session before: nothing is told, nothing counts as changed. MXT_OK or MXT_ENOMEM. */
enum mxt_status mxt_alerts_restore(struct mxt_alerts *alerts, const struct mxt_record *record, const struct mxt_finding *findings) MXT_MUST_CHECK;

/* Folds a session into its alerts: it still counts, and can no longer be withdrawn. */
void mxt_alerts_forget(struct mxt_alerts *alerts, uint64_t session_id);

/* Ends an alert: sessions that begin after its last make another. MXT_OK; MXT_DONE: there is no such alert, or it has ended so already; MXT_ENOMEM. */
enum mxt_status mxt_alerts_close(struct mxt_alerts *alerts, uint64_t alert_id) MXT_MUST_CHECK;

/*
 * Calls `each` for every subject of which something changed, since the last call, that no session holds (`key`: hex; `text`: JSON, NULL: it is gone), then
 * `alert` for every alert whose count, times or severity changed. MXT_OK; MXT_ENOMEM: something is missing.
 */
enum mxt_status mxt_alerts_drain(struct mxt_alerts *alerts, void (*each)(void *context, const char *key, const char *text, size_t n),
                                 void (*alert)(void *context, const struct mxt_alert *alert), void *context) MXT_MUST_CHECK;

/* Takes back a subject's text, before or after its sessions. MXT_OK; MXT_EMALFORMED, told in `error`; MXT_ENOMEM. */
enum mxt_status mxt_alerts_load(struct mxt_alerts *alerts, const char *key, const char *text, size_t n, char *error, size_t error_size) MXT_MUST_CHECK;

struct mxt_alerts_counters mxt_alerts_counters(const struct mxt_alerts *alerts);

#endif
