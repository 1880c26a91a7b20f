/* What the one run of a subject with many claims comes to, kept up to date claim by claim: a busy alert is drained with every batch. */
#include <stdlib.h>
#include <string.h>

#include "rules/alerts_int.h"

#define CLAIMS_FEW 64u /* so many are gone through each time */

/* A session that the alert names. */
struct named {
    uint64_t id;
    int64_t first_us;
    enum mxt_severity severity;
};

struct summary {
    struct run run; /* without its claims */
    size_t max, count;
    struct named named[]; /* the gravest first, then the earliest */
};

void mxt_alerts_summary_drop(struct subject *subject)
{
    free(subject->summary);
    subject->summary = NULL;
}

static bool is_before(const struct named *a, const struct named *b)
{
    if (a->severity != b->severity)
        return a->severity > b->severity;
    return a->first_us != b->first_us ? a->first_us < b->first_us : a->id < b->id;
}

static void name(struct summary *summary, const struct claim *claim)
{
    const struct named named = {claim->session, claim->first_us, claim->severity};
    size_t at = summary->count;
    if (at == summary->max && (at == 0 || !is_before(&named, &summary->named[at - 1])))
        return;
    at -= at == summary->max;
    summary->count += summary->count < summary->max;
    for (; at > 0 && is_before(&named, &summary->named[at - 1]); at--)
        summary->named[at] = summary->named[at - 1];
    summary->named[at] = named;
}

/* Whether a new claim belongs to the run and is not its first, after which the alert is called. */
static bool is_within(const struct mxt_alerts *alerts, const struct run *run, const struct claim *claim)
{
    const struct subject *subject = claim->subject;
    return claim->first_us > run->first_us && claim->first_us - run->last_us <= alerts->config->quiet_us &&
           mxt_alerts_closes(subject, claim->first_us) == mxt_alerts_closes(subject, run->first_us);
}

void mxt_alerts_summary_take(const struct mxt_alerts *alerts, const struct claim *claim, enum claim_change change)
{
    struct summary *summary = claim->subject->summary;
    if (summary == NULL)
        return;
    struct run *run = &summary->run;
    if (change == CLAIM_IS_ANOTHER || (change == CLAIM_IS_NEW && !is_within(alerts, run, claim))) {
        mxt_alerts_summary_drop(claim->subject);
        return;
    }
    run->last_us = claim->last_us > run->last_us ? claim->last_us : run->last_us;
    if (change == CLAIM_IS_NEW) {
        run->count++;
        run->severity = claim->severity > run->severity ? claim->severity : run->severity;
        name(summary, claim);
    }
    if (run->shown != claim && mxt_alerts_is_better(claim, run->shown))
        run->shown = claim;
}

void mxt_alerts_summary_fold(struct subject *subject, const struct claim *claim, const struct claim *into)
{
    if (subject->summary != NULL && subject->summary->run.shown == claim)
        subject->summary->run.shown = into;
}

void mxt_alerts_summary_keep(const struct mxt_alerts *alerts, struct subject *subject, const struct runs *runs)
{
    if (runs->count != 1 || runs->items[0].claim_count <= CLAIMS_FEW)
        return;
    struct summary *summary = calloc(1, sizeof *summary + alerts->limits.sessions_shown * sizeof summary->named[0]);
    if (summary == NULL)
        return; /* it is computed anew the next time */
    mxt_alerts_summary_drop(subject);
    summary->run = runs->items[0];
    summary->max = alerts->limits.sessions_shown;
    for (size_t i = 0; i < summary->run.claim_count; i++)
        name(summary, summary->run.claims[i]);
    summary->run.claims = NULL;
    subject->summary = summary;
}

const struct run *mxt_alerts_summary_run(const struct subject *subject, struct mxt_arena *arena)
{
    const struct summary *summary = subject->summary;
    size_t count = summary == NULL ? 0 : summary->count;
    struct run *run = count == 0 ? NULL : mxt_arena_alloc(arena, sizeof *run);
    struct claim *claims = run == NULL ? NULL : mxt_arena_alloc(arena, count * sizeof *claims);
    struct claim **list = claims == NULL ? NULL : mxt_arena_alloc(arena, count * sizeof(struct claim *));
    if (list == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        claims[i] = (struct claim){.session = summary->named[i].id, .severity = summary->named[i].severity};
        list[i] = &claims[i];
    }
    *run = summary->run;
    run->claims = list;
    run->claim_count = count;
    return run;
}
