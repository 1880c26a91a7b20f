/*
 * Publishing in place of judging: records and health go through the outbox to Redis, and what became of them is told at the end. It stands where judging.h stands
 * in a sensor that judges for itself.
 */
#ifndef MXT_SENSOR_PUBLISHING_H
#define MXT_SENSOR_PUBLISHING_H

#include <stdbool.h>

#include "rules/event.h"
#include "rules/faults.h"
#include "sensor/options.h"
#include "sensor/outbox.h"
#include "sensor/publisher.h"

struct mxt_publishing;

/* Opens the spool and what the link needs from files; all arguments outlive it. Nothing is connected yet. NULL: what failed was told. */
struct mxt_publishing *mxt_publishing_open(const struct mxt_options *options, struct mxt_outbox *outbox, const struct mxt_faults *faults);

/* Its thread, if it runs, leaves at once: the outbox is closed. NULL is accepted. */
void mxt_publishing_free(struct mxt_publishing *publishing);

/* Starts its thread. MXT_OK; MXT_EIO: told. */
enum mxt_status mxt_publishing_start(struct mxt_publishing *publishing) MXT_MUST_CHECK;

/* Whether it has given up: there is no use in going on. Any thread. */
bool mxt_publishing_is_broken(struct mxt_publishing *publishing);

/* Completes the health by what the publisher counts, and publishes it; where somebody has asked, it goes to stderr too. Any thread. */
void mxt_publishing_health(struct mxt_publishing *publishing, struct mxt_health *health, bool is_asked_for);

/* Completes the health by what the publisher counts, and tells nobody. Any thread. */
void mxt_publishing_complete(struct mxt_publishing *publishing, struct mxt_health *health);

/* Live: the end is near, it has some seconds left from now. Any thread. */
void mxt_publishing_hurry(struct mxt_publishing *publishing);

/*
 * The end, before the outbox is closed: publishes the last health, closes the outbox, waits until Redis has all (a live sensor as long as it has time, a replay as
 * long as something moves), and tells on standard output what was published.
 */
void mxt_publishing_finish(struct mxt_publishing *publishing, struct mxt_health *health);

/* After mxt_publishing_finish: complains of what Redis does not have. Whether it has all. */
bool mxt_publishing_conclude(struct mxt_publishing *publishing);

/* Any thread. */
struct mxt_publisher_counters mxt_publishing_counters(struct mxt_publishing *publishing);

#endif
