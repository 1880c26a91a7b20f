/*
 * The text report: what a person reads. While the replay runs it keeps the stories of sessions that matter; at the end it prints the incidents, gravest first
 * and each with its session's story, the other sessions, and the summary. Strings in records are safe text already (decoders/text.h).
 */
#ifndef MXT_SENSOR_REPORT_H
#define MXT_SENSOR_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "rules/alert.h"
#include "rules/event.h"
#include "rules/ledger.h"
#include "rules/record.h"

struct mxt_report;

/* A report onto `stream` (borrowed), of a replay or of what happens now: then alerts are printed one by one as they are told. NULL: out of memory. */
struct mxt_report *mxt_report_new(FILE *stream, bool is_live, bool has_colour);

/* NULL is accepted. */
void mxt_report_free(struct mxt_report *report);

/* A session that was judged, for the first time or again. */
void mxt_report_session(struct mxt_report *report, const struct mxt_record *record, const struct mxt_judged *judged);

/* An alert, in the order of mxt_alerts_each; live: when it is told. Prints it. */
void mxt_report_alert(struct mxt_report *report, const struct mxt_alert *alert);

/* Live, at the end: an alert in the order of mxt_alerts_each, for the summary. */
void mxt_report_count_alert(struct mxt_report *report, const struct mxt_alert *alert);

/* After the last alert: prints the other sessions and the summary. */
void mxt_report_finish(struct mxt_report *report, const struct mxt_health *health);

#endif
