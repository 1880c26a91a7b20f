/*
 * The reading side of a replay: a thread makes segments of captures' frames, in batches, ahead of their use. What is no mail ends in it.
 *
 *   capture --frames--> filter --> intake --segments--> [batch|batch|batch| ... ] --> who takes them
 *
 * A batch ends where memory that its frames lie in was left by the capture; that memory is given back when the batch was worked off. So nothing is copied, and no more of a
 * capture is in use than the batches are worth. A batch ends too where a pipe has nothing more, so that live traffic is not kept waiting.
 */
#ifndef MXT_SENSOR_READING_H
#define MXT_SENSOR_READING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sensor/capture_file.h"
#include "sensor/filter.h"
#include "sensor/intake.h"

/* What is borrowed outlives the reading, and is its own until mxt_reading_stop. */
struct mxt_reading_config {
    struct mxt_capture *capture;
    struct mxt_intake *intake;
    struct mxt_filter *filter; /* or NULL */
    bool has_frames;           /* segments keep their frames */
    bool has_progress;         /* batches tell how far the capture was read */
    void (*began)(void *context); /* first thing in the thread; or NULL */
    void *context;
};

struct mxt_reading;

/* Batches of a capture. NULL: out of memory. */
struct mxt_reading *mxt_reading_new(const struct mxt_reading_config *config);

/* Starts the thread. Without, or where the system gives none, batches are made as they are taken. */
void mxt_reading_start(struct mxt_reading *reading);

/* Ends the thread, wherever it is; nothing that was taken is valid any more. To be called once. */
void mxt_reading_stop(struct mxt_reading *reading);

/* After mxt_reading_stop. NULL is accepted. */
void mxt_reading_free(struct mxt_reading *reading);

struct mxt_reading_batch {
    const struct mxt_segment *segments; /* with their frames, where these are kept, else without */
    size_t count;
    bool has_time; /* no mail came for a while: */
    int64_t time_us; /* behind the segments the clock has come so far */
    uint64_t done, total; /* as mxt_capture_progress, not in every batch; done 0: not told */
};

/*
 * The next batch, valid until the next call. MXT_OK; MXT_MORE: nothing came for MXT_READING_WAIT_MS, or a signal, ask again; MXT_DONE, or an error: as mxt_capture_next,
 * no batch follows.
 */
enum mxt_status mxt_reading_take(struct mxt_reading *reading, struct mxt_reading_batch *out) MXT_MUST_CHECK;

#define MXT_READING_WAIT_MS 50 /* also how late a signal is noticed while a pipe is silent */

/* After mxt_reading_stop: segments that were lost for want of memory. */
uint64_t mxt_reading_refused(const struct mxt_reading *reading);

#endif
