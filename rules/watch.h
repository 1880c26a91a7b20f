/*
 * Watching the sensors themselves: what a keeper knows of one, and what follows from it. Pure; all times are the keeper's clock (when things arrived), since a
 * sensor that is gone says nothing any more.
 *
 * A sensor tells of its health once a minute. It is silent when it has not for three, unless it said that it was stopping. It is blind when it goes on telling
 * of its health and no mail came for longer than ever: twice the longest pause between sessions of the last week, and at least an hour, once it has seen mail
 * for a day. Nights and week-ends are pauses like any other.
 */
#ifndef MXT_RULES_WATCH_H
#define MXT_RULES_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decoders/arena.h"
#include "decoders/status.h"
#include "rules/event.h"
#include "rules/json.h"
#include "rules/record.h"

#define MXT_WATCH_SILENT_US  (INT64_C(180) * 1000000)   /* without a word */
#define MXT_WATCH_BLIND_US   (INT64_C(3600) * 1000000)  /* without mail, at least */
#define MXT_WATCH_HISTORY_US (INT64_C(86400) * 1000000) /* of mail, before its absence means anything */
#define MXT_WATCH_DAYS       8                          /* of which the longest pause is known: a week and the day that runs */

/* What is known of a sensor. Zeroed: nothing. */
struct mxt_watch {
    int64_t heard_us;                  /* its last health; 0: never */
    bool is_stopped;                   /* that said it was the last */
    uint64_t packets, sessions;        /* as counted there, since the sensor's start */
    uint64_t dropped, lost;            /* frames that the capture dropped; records that found no room */
    int64_t first_mail_us, mail_us;    /* when sessions were first and last found to be more than before; 0: never */
    int64_t day;                       /* since 1970, of the last pause */
    int64_t pauses_us[MXT_WATCH_DAYS]; /* the longest that ended on each of the last days, by day modulo their number */
    uint64_t rejected;                 /* events of it that could not be read, */
    int64_t rejected_us;               /* and when the last came */
};

/* What is wrong with a sensor; rule NONE: nothing. */
struct mxt_watch_finding {
    enum mxt_rule rule;
    int64_t since_us, until_us; /* of the matter */
    uint64_t episode;           /* tells it from an earlier one of the same rule and sensor */
    uint64_t count, of;         /* packet_loss: frames dropped, of so many; rejected: events so far */
    uint64_t lost;              /* packet_loss: records lost */
};

/* A sensor's health came at `now_us`. What it says of losses since the one before is put into *out: sensor.packet_loss where more than `loss_ppm` of a million
 * frames were dropped, or a record was lost. */
void mxt_watch_health(struct mxt_watch *watch, const struct mxt_health *health, int64_t now_us, uint32_t loss_ppm, struct mxt_watch_finding *out);

/* An event of the sensor could not be read: sensor.rejected. */
void mxt_watch_reject(struct mxt_watch *watch, int64_t now_us, struct mxt_watch_finding *out);

/* What its absence means at `now_us`: sensor.silent or sensor.blind. `since_us`: since when the keeper has listened without a break. */
void mxt_watch_look(const struct mxt_watch *watch, int64_t now_us, int64_t since_us, struct mxt_watch_finding *out);

/*
 * The finding as a record without a session, so that it becomes an alert as any other: its id is the episode's. `reason` (or NULL) is told of rejected events.
 * In `arena`; MXT_OK or MXT_ENOMEM.
 */
enum mxt_status mxt_watch_record(const struct mxt_watch_finding *finding, const char *sensor, const char *reason, struct mxt_arena *arena,
                                 struct mxt_record *out) MXT_MUST_CHECK;

/* As JSON, and back. MXT_OK; MXT_EMALFORMED, told in `error`; MXT_ENOMEM. */
enum mxt_status mxt_watch_encode(struct mxt_json *json, const struct mxt_watch *watch) MXT_MUST_CHECK;
enum mxt_status mxt_watch_decode(const char *text, size_t n, struct mxt_watch *out, char *error, size_t error_size) MXT_MUST_CHECK;

#endif
