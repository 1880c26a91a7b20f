/*
 * The judge in the sensor's own process, in a thread of its own: takes records from the outbox, judges them by what is known, tells sessions and alerts on
 * standard output, and keeps the knowledge. A record is encoded once, by the outbox: for what is printed and for what is kept.
 */
#ifndef MXT_SENSOR_JUDGING_H
#define MXT_SENSOR_JUDGING_H

#include <stdbool.h>

#include "decoders/status.h"
#include "rules/event.h"
#include "rules/faults.h"
#include "sensor/options.h"
#include "sensor/outbox.h"

struct mxt_judging;

/* Opens policies, knowledge and output as the options say; both arguments outlive it. NULL: what failed was told. */
struct mxt_judging *mxt_judging_open(const struct mxt_options *options, const struct mxt_faults *faults);

/* A thread that still runs is waited for: the outbox is closed. NULL is accepted. */
void mxt_judging_free(struct mxt_judging *judging);

/* Starts the thread; it leaves when the outbox is closed and empty. It takes no signals. MXT_OK; MXT_ENOMEM: the system gives no thread. */
enum mxt_status mxt_judging_start(struct mxt_judging *judging, struct mxt_outbox *outbox) MXT_MUST_CHECK;

/* Whether output was lost: there is no use in going on. Any thread. */
bool mxt_judging_is_broken(const struct mxt_judging *judging);

/*
 * Live: has the judge's thread tell the health so far (what it points to outlives the judge), completed by what only it counts; see mxt_output_health. Within
 * 200 ms, unless the output blocks; never waits for it. Any thread.
 */
void mxt_judging_health(struct mxt_judging *judging, const struct mxt_health *health, bool is_asked_for);

/* Completes the health by what only the judge counts, and tells nobody. Does not wait for the output. Any thread. */
void mxt_judging_complete(struct mxt_judging *judging, struct mxt_health *health);

/*
 * The end, after the outbox was closed: waits until all is judged, then tells the alerts, and `health`, which it completes by what only the judge counts and
 * by advice.
 */
void mxt_judging_finish(struct mxt_judging *judging, struct mxt_health *health);

/* After mxt_judging_finish: complains of lost output and writes the knowledge. Whether all went well. */
bool mxt_judging_conclude(struct mxt_judging *judging);

#endif
