/*
 * The judge with its memory: one network's (or one partition's) records go in, in any order; what they mean together comes out as alerts. Under an embedded
 * judge it lives in memory alone; a collector keeps it in Redis as well: it drains what has changed after each batch, and loads it all when it takes over.
 *
 * A session that several sensors saw is one session: its sightings are joined, and their findings count once.
 */
#ifndef MXT_RULES_LEDGER_H
#define MXT_RULES_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rules/alerts.h"
#include "rules/event.h"
#include "rules/judge_config.h"
#include "rules/knowledge.h"
#include "rules/record.h"

/* What was judged of a session. */
struct mxt_judged {
    enum mxt_severity severity;         /* the gravest that it gives alerts; NONE: it gives none */
    enum mxt_severity previous;         /* when it was judged before; NONE also where it was not */
    bool is_leading;                    /* it began an alert, or made one graver */
    bool is_again;                      /* it was judged before: a later record changed what it means */
    const struct mxt_finding *findings; /* all that was found, suppressed ones too */
};

#define MXT_LEDGER_SESSION_BYTES (UINT64_C(512) << 20)

struct mxt_ledger_config {
    const struct mxt_judge_config *judge; /* outlives the ledger */
    struct mxt_memory *memory;            /* borrowed; changed by what is judged */
    struct mxt_alerts_limits alerts_limits;
    struct mxt_alerts_teller teller; /* tell NULL: nobody is told; alerts are asked for at the end */
    bool is_kept;           /* sessions are remembered, so that sightings are joined and repeated records skipped; changes too, until they are drained */
    uint64_t session_bytes; /* kept: what the last records of sessions may take; 0: MXT_LEDGER_SESSION_BYTES. How many: alerts_limits.sessions */
    /* Told of every session that was judged; valid during the call. May be NULL. */
    void (*judged)(void *context, const struct mxt_record *record, const struct mxt_judged *judged);
    void *context;
};

struct mxt_ledger;

/* `config` is copied. NULL: out of memory. */
struct mxt_ledger *mxt_ledger_new(const struct mxt_ledger_config *config);

/* NULL is accepted. */
void mxt_ledger_free(struct mxt_ledger *ledger);

/*
 * Judges a record; `arena` is used until this returns. `json` (`n` bytes; NULL: encoded here where it is needed) is the record as it came, so that what is kept
 * of it need not be encoded again. Where the ledger is kept, a record that is not newer (sensor's start, then snapshot) than the last of its session and sensor
 * is skipped, as long as the session is remembered (mxt_ledger_clock, and the bounds). MXT_OK; MXT_DONE: skipped; MXT_ENOMEM: something is missing (counted).
 */
enum mxt_status mxt_ledger_take(struct mxt_ledger *ledger, const struct mxt_record *record, const char *json, size_t n, struct mxt_arena *arena);

/* A person closed an alert: the next finding of its subject begins another. MXT_OK; MXT_DONE: there is no such open alert; MXT_ENOMEM. */
enum mxt_status mxt_ledger_close_alert(struct mxt_ledger *ledger, uint64_t alert_id) MXT_MUST_CHECK;

/* As mxt_alerts_each; what memory refuses is counted. */
enum mxt_status mxt_ledger_alerts(struct mxt_ledger *ledger, void (*each)(void *context, const struct mxt_alert *alert), void *context);

/*
 * A sensor's health, or an event of it that could not be read (`sensor` NULL: whose is not known; `reason` in a few words), at the time of the keeper's clock:
 * sensor.packet_loss and sensor.rejected are raised here, sensor.silent and sensor.blind by the clock (rules/watch.h). MXT_OK; MXT_ENOMEM (counted).
 */
enum mxt_status mxt_ledger_health(struct mxt_ledger *ledger, const struct mxt_health *health);
enum mxt_status mxt_ledger_reject(struct mxt_ledger *ledger, const char *sensor, const char *reason);

/* The kinds of things that a ledger keeps. */
enum mxt_kept_kind {
    MXT_KEPT_BASELINE, /* key: the kind's name and the subject's key, "server 192.0.2.25:25"; fields: "marks", and a place ("0" ... "63") for each sighting */
    MXT_KEPT_SESSION,  /* key: 16 hex digits; the last snapshot of each sensor, what it gives the alerts */
    MXT_KEPT_ALERT,    /* key: the alert's subject as hex; what was told, what forgotten sessions said, when a person closed it */
    MXT_KEPT_SENSOR    /* key: its name; what is known of how it fares */
};

/*
 * One thing, or a field of one that has several (a record changes one place of a baseline), as text (JSON), absolute: writing it twice changes nothing. Valid
 * during the call.
 */
struct mxt_kept {
    enum mxt_kept_kind kind;
    const char *key;
    const char *field; /* NULL: the kind has no fields, or all of them are gone */
    const char *text;  /* NULL: it is gone */
    size_t n;
};

/*
 * Calls `each` for everything that changed since the last call, in the order in which it is to be written (a thing that went and came again is told as gone
 * first), then `alert` for every alert whose count, times or severity changed. MXT_OK; MXT_ENOMEM: the ledger is to be dropped and loaded anew.
 */
enum mxt_status mxt_ledger_drain(struct mxt_ledger *ledger, void (*each)(void *context, const struct mxt_kept *kept),
                                 void (*alert)(void *context, const struct mxt_alert *alert), void *context) MXT_MUST_CHECK;

/*
 * Takes back one thing, or field, as it was drained, in any order, before the first record; the same thing twice is harmless. MXT_OK; MXT_EMALFORMED: the text
 * is none of ours (told in `error`), the rest is not touched; MXT_ENOMEM.
 */
enum mxt_status mxt_ledger_load(struct mxt_ledger *ledger, const struct mxt_kept *kept, char *error, size_t error_size) MXT_MUST_CHECK;

/*
 * The keeper's clock (when records arrive, not what they say), told before what came at that time is taken; it never goes back. Sessions that were last touched
 * MXT_LEDGER_KEPT_US before it are forgotten: folded into their alerts, and drained as gone, so that a keeper that lets them expire loses nothing. Never told:
 * age alone makes nothing be forgotten. When a session was touched is part of its text. MXT_OK; MXT_ENOMEM.
 */
#define MXT_LEDGER_KEPT_US (INT64_C(86400) * 1000000)
enum mxt_status mxt_ledger_clock(struct mxt_ledger *ledger, int64_t now_us) MXT_MUST_CHECK;

/* Findings that were suppressed; and how often memory was refused, so that something is missing. */
uint64_t mxt_ledger_suppressed(const struct mxt_ledger *ledger);
uint64_t mxt_ledger_refused(const struct mxt_ledger *ledger);

#endif
