/*
 * A packet thread: reads its interfaces' rings, runs the frames through its engine, and lets the clock go on when nothing comes. Workers share nothing; what is
 * asked of one from outside (health, failure) it leaves in a box of its own.
 */
#ifndef MXT_SENSOR_WORKER_H
#define MXT_SENSOR_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rules/event.h"
#include "sensor/engine.h"
#include "sensor/exchange.h"
#include "sensor/interface.h"
#include "sensor/options.h"

#define MXT_WORKER_INTERFACES MXT_OPTIONS_INTERFACES

struct mxt_worker_config {
    unsigned number; /* from 0 */
    int cpu;         /* it stays on; -1: wherever */
    struct mxt_engine *engine; /* borrowed; belongs to the thread while it runs */
    struct mxt_interface *interfaces[MXT_WORKER_INTERFACES]; /* likewise */
    size_t interface_count;
    const struct mxt_options *options; /* whether there is a sandbox; borrowed */
    struct mxt_exchange *exchange; /* with the other workers, borrowed; NULL: it is the only one */
    int failure_fd; /* an eventfd that is written to when the worker has failed; borrowed */
};

struct mxt_worker;

/* What an engine is given to hand segments on: the worker's place in the exchange. */
struct mxt_worker_place {
    struct mxt_exchange *exchange;
    unsigned number;
};
bool mxt_worker_hand_on(void *place, const struct mxt_segment *segment);

/* A worker, not running yet; `config` is copied. NULL: out of memory, or of descriptors. */
struct mxt_worker *mxt_worker_new(const struct mxt_worker_config *config);

/* Starts the thread; signals stay blocked in it as they are in the caller. MXT_OK; MXT_ENOMEM: the system gives no thread. */
enum mxt_status mxt_worker_start(struct mxt_worker *worker) MXT_MUST_CHECK;

/* Asks it to take what has come until now, and leave. */
void mxt_worker_stop(struct mxt_worker *worker);

/* Waits until it has left. Nothing where it was never started. */
void mxt_worker_join(struct mxt_worker *worker);

/* Frees it; it has left. NULL is accepted. */
void mxt_worker_free(struct mxt_worker *worker);

/* What it counted, no older than a second; any thread. */
void mxt_worker_health(struct mxt_worker *worker, struct mxt_health *out);

/* Writes why it failed into `out` (MXT_INTERFACE_ERROR bytes); false: it did not. Any thread. */
bool mxt_worker_failure(struct mxt_worker *worker, char *out);

#endif
