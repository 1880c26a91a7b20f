/*
 * The table of alerts from inside: sessions, what each claims of which subject, and the runs that follow. Only for the files rules/alerts*.c.
 *
 *     session --claims--> claim <--claims-- subject --told--> told
 *
 * Claims are the truth. Runs, which are alerts, are computed from them when somebody asks; what was told is kept beside, so that it is told once.
 */
#ifndef MXT_RULES_ALERTS_INT_H
#define MXT_RULES_ALERTS_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decoders/arena.h"
#include "rules/alert_parts.h"
#include "rules/alerts.h"
#include "rules/hash_table.h"

/* What a session says under a subject; or, folded, what many forgotten sessions said that lay close together. */
struct claim {
    struct subject *subject;
    struct claim *previous, *next;  /* of the subject, in no order */
    struct claim *sibling;          /* the session's next */
    struct mxt_alert_packed *facts; /* owned; NULL: memory was refused */
    uint64_t earlier_session;       /* that the finding rests on too (evidence `failed_session`); 0: none */
    uint64_t session;               /* its id; folded: the earliest one's */
    int64_t first_us, last_us;
    uint32_t count; /* sessions: 1 unless folded */
    uint32_t run;   /* while runs are computed: the index of its run */
    enum mxt_severity severity;
    bool is_lost;
    bool is_leading; /* when it came, none so grave was near */
    bool is_stale;   /* while a session is taken: not said again so far */
};

/* An alert that was told. */
struct told {
    struct mxt_alert_packed *facts; /* as they were told last, for taking it back; owned */
    uint64_t alert_id, incident_id;
    int64_t first_us, last_us;
    enum mxt_severity severity;
    bool is_matched; /* while runs and tellings are compared */
    struct told *next;
};

struct summary;

#define CLOSES_MAX 8 /* of a subject: beyond, the earliest is forgotten, and what it parted may be one alert again */

struct subject {
    struct mxt_hash_node node;
    struct subject *next_changed;
    bool is_listed;          /* among the changed */
    bool are_claims_changed; /* so that its alerts have other counts, times or severities */
    bool is_text_changed;    /* what is kept of it beside its sessions' claims */
    bool is_drained;         /* a keeper may have it */
    uint8_t close_count;
    int64_t closed_us[CLOSES_MAX]; /* a person closed it: what begins later is another alert; ascending */
    struct claim *claims, *folded;
    struct told *told;
    struct summary *summary;   /* of its one run, where it has many claims and changes are kept; NULL: not known */
    int64_t leading_until_us;  /* when the last claim ended, by arrival, */
    enum mxt_severity leading; /* and the gravest since it was quiet */
    size_t claim_count;        /* folded ones too */
    size_t key_length;
    char key[];
};

struct session {
    struct mxt_hash_node node;
    uint64_t id;
    struct session *older, *newer; /* by arrival */
    struct claim *claims;
    uint32_t suppressed; /* findings that raise nothing */
};

struct mxt_alerts {
    struct mxt_alerts_limits limits;
    const struct mxt_judge_config *config;
    struct mxt_alerts_teller teller;
    struct mxt_hash_table sessions, subjects;
    struct session *oldest, *newest;
    int64_t now_us; /* the latest record time taken */
    bool is_kept, is_restoring;
    struct subject *changed; /* since the last drain; is_kept */
    struct mxt_alerts_counters counters;
};

/* An alert as its claims make it. Valid until the table changes. */
struct run {
    struct subject *subject;
    struct claim **claims; /* in order of time */
    size_t claim_count;
    uint64_t count;
    int64_t first_us, last_us;
    enum mxt_severity severity;
    enum mxt_severity fresh_severity; /* of the findings that rest on no lost baseline */
    const struct claim *shown;        /* the gravest, then newest */
    uint64_t alert_id;
    uint64_t first_session;
    size_t parent; /* while incidents are computed */
};

struct runs {
    struct run *items;
    size_t count, capacity;
    struct claim **claims; /* what the runs point into */
};

/* alerts_subject.c: subjects and their claims. */

/* The subject of these bytes, made where it is new; NULL: out of memory. */
struct subject *mxt_alerts_subject(struct mxt_alerts *alerts, const struct mxt_alert_subject *bytes);
/* Frees its claims, which must have been taken from their sessions, and what was told. */
void mxt_alerts_subject_clear(struct subject *subject);
/* Clears and frees it. */
void mxt_alerts_subject_free(struct mxt_alerts *alerts, struct subject *subject);
/* Lets go a subject without claims; where changes are kept it waits until its end was drained. */
void mxt_alerts_subject_release(struct mxt_alerts *alerts, struct subject *subject);
/* Notes that its claims have changed; or (is_text) what was told, folded or closed. */
void mxt_alerts_changed(struct mxt_alerts *alerts, struct subject *subject, bool is_text);
/* How many times it was closed before `time_us`: what differs in this is never one alert. */
unsigned mxt_alerts_closes(const struct subject *subject, int64_t time_us);
/* A claim of nothing yet, added to the subject; NULL: out of memory. */
struct claim *mxt_alerts_claim(struct subject *subject, uint64_t session);
/* Takes it out of its subject and frees it; the subject stays. */
void mxt_alerts_claim_free(struct claim *claim);
/* Whether `a` is to be shown rather than `b`: graver, then newer; the session decides between equals, so that arrival never does. */
bool mxt_alerts_is_better(const struct claim *a, const struct claim *b);
/* Turns a claim of a session that is forgotten into a folded one, or into part of one. */
void mxt_alerts_fold(struct claim *claim, int64_t quiet_us);
/* Makes a new claim a folded one. */
void mxt_alerts_set_folded(struct claim *claim);

/* alerts.c */

/* The session of this id; NULL: not remembered. */
struct session *mxt_alerts_session_find(const struct mxt_alerts *alerts, uint64_t id);

/* alerts_forget.c: the bounds. */

/* Takes a session without claims out of the table and frees it. */
void mxt_alerts_session_free(struct mxt_alerts *alerts, struct session *session);

/* Makes room for one session more, and for the subjects that it may bring. */
void mxt_alerts_make_room(struct mxt_alerts *alerts);

/* alerts_run.c: from claims to runs to alerts. */

/* The runs of a subject, or of all (subject NULL), subject by subject in order of time. MXT_OK; MXT_ENOMEM: *out is empty. Free it in the end. */
enum mxt_status mxt_alerts_runs(const struct mxt_alerts *alerts, struct subject *subject, struct runs *out) MXT_MUST_CHECK;
void mxt_alerts_runs_free(struct runs *runs);
/* The alert of a run, in `arena`; the incident is the caller's to set. MXT_OK or MXT_ENOMEM. */
enum mxt_status mxt_alerts_make(const struct mxt_alerts *alerts, const struct run *run, struct mxt_arena *arena, struct mxt_alert *out) MXT_MUST_CHECK;
/* What was told of a run: the telling whose time it overlaps; NULL: nothing. */
struct told *mxt_alerts_told_of(const struct run *run);

/* alerts_summary.c: a run that grows is not computed anew at each drain. */

/* How a claim has changed. */
enum claim_change { CLAIM_IS_NEW, CLAIM_HAS_GROWN, CLAIM_IS_ANOTHER };

/* Takes the change into the subject's summary, or drops it where the change may matter otherwise. */
void mxt_alerts_summary_take(const struct mxt_alerts *alerts, const struct claim *claim, enum claim_change change);
/* The claim was folded into another. */
void mxt_alerts_summary_fold(struct subject *subject, const struct claim *claim, const struct claim *into);
void mxt_alerts_summary_drop(struct subject *subject);
/* Remembers the subject's runs, if there is but one that is worth it. */
void mxt_alerts_summary_keep(const struct mxt_alerts *alerts, struct subject *subject, const struct runs *runs);
/* The summary as a run in `arena`; NULL: there is none, or memory is refused. */
const struct run *mxt_alerts_summary_run(const struct subject *subject, struct mxt_arena *arena);

/* alerts_tell.c */

/* Tells what is new about a subject, if anything is. `claim`: the one that has changed; NULL: one was withdrawn. `session`: being taken. MXT_OK or MXT_ENOMEM.
 */
enum mxt_status mxt_alerts_tell(struct mxt_alerts *alerts, struct subject *subject, const struct claim *claim, const struct session *session) MXT_MUST_CHECK;
void mxt_alerts_told_free(struct told *told);

/* alerts_filter.c */

/* The severity that a person wants a finding to have; NONE: it shall raise nothing. */
enum mxt_severity mxt_alerts_grade(const struct mxt_judge_config *config, const struct mxt_record *record, const struct mxt_finding *finding);

#endif
