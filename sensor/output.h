/* Where records and alerts go in an embedded sensor: JSON lines or the text report, on stdout. */
#ifndef MXT_SENSOR_OUTPUT_H
#define MXT_SENSOR_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "decoders/status.h"
#include "rules/alert.h"
#include "rules/event.h"
#include "rules/ledger.h"
#include "rules/record.h"
#include "sensor/options.h"

struct mxt_output_writer;

/* A writer onto `stream` (borrowed), of a replay or of what happens now. `has_colour` only matters for text. NULL: out of memory. */
struct mxt_output_writer *mxt_output_new(FILE *stream, enum mxt_output format, bool is_live, bool has_colour);

/* NULL is accepted. */
void mxt_output_free(struct mxt_output_writer *writer);

/* A session that was judged. JSON tells it at once, and once only, as the `n` bytes at `json` have it; the report keeps what it may need of the record. */
void mxt_output_session(struct mxt_output_writer *writer, const struct mxt_record *record, const struct mxt_judged *judged, const char *json, size_t n);

/* An alert. Replay: in the order of mxt_alerts_each, after all sessions. Live: when it is told (raised, graver, or withdrawn). */
void mxt_output_alert(struct mxt_output_writer *writer, const struct mxt_alert *alert);

/* Live, at the end: an alert in the order of mxt_alerts_each, for the summary. */
void mxt_output_count_alert(struct mxt_output_writer *writer, const struct mxt_alert *alert);

/* Live: the counters now. A text report leaves them out, unless somebody has asked: then they go to stderr, as JSON. */
void mxt_output_health(struct mxt_output_writer *writer, const struct mxt_health *health, bool is_asked_for);

/* The end: the health event, or the summary. */
void mxt_output_finish(struct mxt_output_writer *writer, const struct mxt_health *health);

/* MXT_OK; MXT_EIO where the stream refused (a full disk, a closed pipe): something is missing from the output; MXT_ENOMEM. */
enum mxt_status mxt_output_status(const struct mxt_output_writer *writer);

/* The system's reason for MXT_EIO. */
int mxt_output_error(const struct mxt_output_writer *writer);

#endif
