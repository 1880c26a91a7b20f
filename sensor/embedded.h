/*
 * The judge in the sensor's own process: session rules have spoken, now the network's memory does. Records go in; findings become alerts, which are kept until
 * somebody asks; what a record teaches is remembered, and what it changes about earlier judgements is judged again.
 */
#ifndef MXT_SENSOR_EMBEDDED_H
#define MXT_SENSOR_EMBEDDED_H

#include <stdbool.h>
#include <stdint.h>

#include "rules/alerts.h"
#include "rules/judge_config.h"
#include "rules/knowledge.h"
#include "rules/record.h"

/* What was judged of a session. */
struct mxt_judged {
    enum mxt_severity severity; /* the gravest that it gives alerts; NONE: it gives none */
    enum mxt_severity previous; /* when it was judged before; NONE also where it was not */
    bool is_leading;            /* it began an alert, or made one graver */
    bool is_again;              /* it was judged before: a later record changed what it means */
};

struct mxt_embedded_config {
    const struct mxt_judge_config *judge; /* outlives the judge */
    struct mxt_memory *memory;            /* borrowed; changed by what is judged */
    uint64_t seed;                        /* of the hash tables */
    /* Told of every session that was judged; valid during the call. */
    void (*judged)(void *context, const struct mxt_record *record, const struct mxt_judged *judged);
    void *context;
};

struct mxt_embedded;

/* `config` is copied. NULL: out of memory. */
struct mxt_embedded *mxt_embedded_new(const struct mxt_embedded_config *config);

/* NULL is accepted. */
void mxt_embedded_free(struct mxt_embedded *embedded);

/* Judges a record; `arena` is used until this returns. What memory refuses is counted. */
void mxt_embedded_take(struct mxt_embedded *embedded, const struct mxt_record *record, struct mxt_arena *arena);

/* Calls `each` for every alert as mxt_alerts_each does. */
void mxt_embedded_alerts(struct mxt_embedded *embedded, void (*each)(void *context, const struct mxt_alert *alert), void *context);

/* Findings that were suppressed; and how often memory was refused, so that something is missing. */
uint64_t mxt_embedded_suppressed(const struct mxt_embedded *embedded);
uint64_t mxt_embedded_refused(const struct mxt_embedded *embedded);

#endif
