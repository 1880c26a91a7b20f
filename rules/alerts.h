/*
 * The table of alerts: findings merged into one alert per rule and subject, counted once a session, told when they are raised and when they grow graver.
 *
 * A subject is server (name of the MX where it is known, else address and port) and hop, with the domain or the client (address and HELO name) where the rule has
 * one. An alert ends after a quiet day (record time): the next finding opens a new one. What a session says of a rule replaces what it said before (a later
 * snapshot, or judged again after a late record), so counts do not depend on the order of arrival; an alert whose last finding is withdrawn disappears,
 * unless it was told already: then it is told again with count 0.
 */
#ifndef MXT_RULES_ALERTS_H
#define MXT_RULES_ALERTS_H

#include <stddef.h>
#include <stdint.h>

#include "rules/alert.h"
#include "rules/judge_config.h"
#include "rules/record.h"

struct mxt_alerts;

struct mxt_alerts_limits {
    uint32_t alerts;         /* kept at once, default 100,000; beyond, the longest ended and then the least grave is dropped and counted */
    uint32_t sessions_shown; /* ids named in an alert, default 20 */
    uint32_t sessions;       /* (session, rule) pairs remembered for replacing and for counting once, default 1,000,000 */
};
#define MXT_ALERTS_LIMITS_DEFAULT ((struct mxt_alerts_limits){.alerts = 100000, .sessions_shown = 20, .sessions = 1000000})

/* Told of an alert that is new, graver than when it was told, or withdrawn (count 0). Valid during the call. */
struct mxt_alerts_teller {
    void (*tell)(void *context, const struct mxt_alert *alert);
    void *context;
};

/* An empty table; `config` outlives it. `teller` may be NULL: a replay asks for all at its end. NULL: out of memory. */
struct mxt_alerts *mxt_alerts_new(const struct mxt_alerts_limits *limits, const struct mxt_judge_config *config, const struct mxt_alerts_teller *teller);

/* NULL is accepted. */
void mxt_alerts_free(struct mxt_alerts *alerts);

/*
 * Takes what a session's record gave, all of it: findings that it no longer gives are withdrawn. Switched-off, suppressed and re-graded rules are seen to here.
 * MXT_OK; MXT_ENOMEM: something is missing (counted).
 */
enum mxt_status mxt_alerts_take(struct mxt_alerts *alerts, const struct mxt_record *record, const struct mxt_finding *findings) MXT_MUST_CHECK;

/* Calls `each` for every alert, incidents together: gravest incident first, in it the gravest alert first, then the earlier. */
void mxt_alerts_each(const struct mxt_alerts *alerts, void (*each)(void *context, const struct mxt_alert *alert), void *context);

/* How many there are, and how many were dropped for a bound. */
size_t mxt_alerts_count(const struct mxt_alerts *alerts);
uint64_t mxt_alerts_dropped(const struct mxt_alerts *alerts);

#endif
