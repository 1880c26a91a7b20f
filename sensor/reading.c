#include "sensor/reading.h"

#include <pthread.h>
#include <signal.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CACHE_LINE     64u
#define BATCHES        16u          /* with the segments of some megabytes of mail: small enough for the second-level cache */
#define BATCH_SEGMENTS 256u
#define BATCH_BYTES    (128u << 10) /* of datagrams put together from fragments, which live in their batch; the largest has half as many */
#define WAKE_AT        3u           /* batches: waking costs about as much as one, so it is not done for each */
#define PROGRESS_EVERY 64u          /* batches */
#define NS_PER_MS      1000000L
#define NS_PER_S       1000000000L

/* Written by the reading side until it is handed over, then read by the other until it takes the next. */
struct batch {
    struct mxt_segment *segments; /* BATCH_SEGMENTS of them */
    struct mxt_frame *frames;     /* likewise; NULL where they are not kept */
    size_t count;
    bool has_time, is_urgent;
    int64_t time_us;
    enum mxt_status status; /* MXT_DONE, or an error: it is the last */
    struct mxt_chunk *left; /* memory to be given back behind it */
    uint8_t *bytes;         /* BATCH_BYTES, allocated when first needed */
    size_t bytes_used;
    uint64_t done, total;
};

struct mxt_reading {
    struct mxt_reading_config config;
    /* the reading side's */
    int64_t tick_us; /* capture time of the last segment, or of the last time told without */
    struct mxt_frame next; /* given by the capture, and for the next batch */
    bool has_next;
    uint64_t refused, handed;
    struct batch batches[BATCHES];
    /* the other side's */
    enum mxt_status end; /* MXT_OK until the last batch was taken, then what it said */
    /* both sides', under the lock */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t filled, freed;
    size_t filled_count, taken_count; /* since the start; batches in between are filled and not taken */
    bool has_thread, is_filler_waiting, is_taker_waiting, is_stopping;
    bool is_pressing; /* an urgent batch, or the last one, is among those not taken */
};

static void free_batches(struct mxt_reading *reading)
{
    for (size_t i = 0; i < BATCHES; i++) {
        free(reading->batches[i].segments);
        free(reading->batches[i].frames);
        free(reading->batches[i].bytes);
    }
}

struct mxt_reading *mxt_reading_new(const struct mxt_reading_config *config)
{
    struct mxt_reading *reading = calloc(1, sizeof *reading);
    if (reading == NULL)
        return NULL;
    reading->config = *config;
    bool is_whole = true;
    for (size_t i = 0; i < BATCHES; i++) {
        struct batch *batch = &reading->batches[i];
        batch->segments = aligned_alloc(CACHE_LINE, BATCH_SEGMENTS * sizeof *batch->segments);
        if (config->has_frames)
            batch->frames = malloc(BATCH_SEGMENTS * sizeof *batch->frames);
        is_whole = is_whole && batch->segments != NULL && (batch->frames != NULL || !config->has_frames);
    }
    if (!is_whole) {
        free_batches(reading);
        free(reading);
        return NULL;
    }
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&reading->lock, NULL);
    pthread_cond_init(&reading->filled, &monotonic);
    pthread_cond_init(&reading->freed, NULL);
    pthread_condattr_destroy(&monotonic);
    return reading;
}

void mxt_reading_free(struct mxt_reading *reading)
{
    if (reading == NULL)
        return;
    free_batches(reading);
    pthread_cond_destroy(&reading->filled);
    pthread_cond_destroy(&reading->freed);
    pthread_mutex_destroy(&reading->lock);
    free(reading);
}

uint64_t mxt_reading_refused(const struct mxt_reading *reading)
{
    return reading->refused;
}

/* ---- filling ---- */

/* What is not in its frame moves into the batch. False: it is lost, for want of memory. */
static bool keep_datagram(struct batch *batch, struct mxt_segment *segment)
{
    size_t header = (size_t)(segment->payload - segment->tcp), n = header + segment->payload_length;
    if (batch->bytes == NULL && (batch->bytes = malloc(BATCH_BYTES)) == NULL)
        return false;
    uint8_t *place = batch->bytes + batch->bytes_used;
    memcpy(place, segment->tcp, n);
    segment->tcp = place;
    segment->payload = place + header;
    batch->bytes_used += n;
    return true;
}

/* Adds what the frame holds. Whether the batch is full with it. */
static bool add_frame(struct mxt_reading *reading, struct batch *batch, const struct mxt_frame *frame)
{
    struct mxt_segment *segment = &batch->segments[batch->count];
    if (reading->config.filter != NULL && !mxt_filter_matches(reading->config.filter, frame))
        return false;
    if (!mxt_intake_frame(reading->config.intake, frame, segment)) {
        batch->has_time = frame->time_us - reading->tick_us >= MXT_INTAKE_TICK_US;
        if (batch->has_time)
            reading->tick_us = batch->time_us = frame->time_us;
        return batch->has_time;
    }
    reading->tick_us = frame->time_us;
    if (!mxt_segment_is_in_frame(segment) && !keep_datagram(batch, segment)) {
        reading->refused++;
        return false;
    }
    segment->frame = batch->frames == NULL ? NULL : &batch->frames[batch->count];
    if (batch->frames != NULL)
        batch->frames[batch->count] = *frame;
    return ++batch->count == BATCH_SEGMENTS || batch->bytes_used > BATCH_BYTES / 2;
}

/* The next frame. MXT_MORE also where it is for the next batch, since the memory behind this one's was left. */
static enum mxt_status next_frame(struct mxt_reading *reading, struct batch *batch, struct mxt_frame *frame)
{
    if (reading->has_next) {
        *frame = reading->next;
        reading->has_next = false;
        return MXT_OK;
    }
    enum mxt_status status = mxt_capture_next(reading->config.capture, frame);
    batch->left = mxt_capture_take_left(reading->config.capture);
    if (batch->left == NULL || status != MXT_OK)
        return status;
    reading->next = *frame;
    reading->has_next = true;
    return MXT_MORE;
}

/* Fills a batch that nobody uses, as far as that needs no waiting. */
static void fill(struct mxt_reading *reading, struct batch *batch)
{
    struct mxt_frame frame;
    mxt_capture_give_back(reading->config.capture, batch->left);
    batch->left = NULL;
    batch->count = batch->bytes_used = 0;
    batch->has_time = false;
    do
        batch->status = next_frame(reading, batch, &frame);
    while (batch->status == MXT_OK && !add_frame(reading, batch, &frame));
    batch->is_urgent = batch->status != MXT_OK && !reading->has_next;
    batch->done = batch->total = 0;
    if (reading->config.has_progress && reading->handed++ % PROGRESS_EVERY == 0)
        mxt_capture_progress(reading->config.capture, &batch->done, &batch->total);
}

static bool is_last(const struct batch *batch)
{
    return batch->status == MXT_DONE || batch->status < MXT_OK;
}

/* Whether there is anything in it for the other side. */
static bool is_worth_taking(const struct batch *batch)
{
    return batch->count > 0 || batch->has_time || batch->left != NULL || batch->done > 0 || is_last(batch);
}

/* ---- the thread ---- */

/* Batches that may not be filled: filled and not taken, and the one taken last. */
static size_t count_busy(const struct mxt_reading *reading)
{
    return reading->filled_count - reading->taken_count + 1;
}

/* The next free batch; NULL: asked to stop. */
static struct batch *wait_for_room(struct mxt_reading *reading)
{
    pthread_mutex_lock(&reading->lock);
    if (count_busy(reading) >= BATCHES) {
        while (count_busy(reading) > BATCHES / 2 && !reading->is_stopping) {
            reading->is_filler_waiting = true;
            pthread_cond_wait(&reading->freed, &reading->lock);
        }
        reading->is_filler_waiting = false;
    }
    struct batch *batch = reading->is_stopping ? NULL : &reading->batches[reading->filled_count % BATCHES];
    pthread_mutex_unlock(&reading->lock);
    return batch;
}

/* Whether who waits for batches is to go on. */
static bool is_enough(const struct mxt_reading *reading)
{
    size_t ready = reading->filled_count - reading->taken_count;
    return ready >= WAKE_AT || (ready > 0 && reading->is_pressing);
}

static void hand_over(struct mxt_reading *reading, const struct batch *batch)
{
    pthread_mutex_lock(&reading->lock);
    reading->filled_count++;
    reading->is_pressing = reading->is_pressing || batch->is_urgent;
    if (reading->is_taker_waiting && is_enough(reading))
        pthread_cond_signal(&reading->filled);
    pthread_mutex_unlock(&reading->lock);
}

static void *run(void *argument)
{
    struct mxt_reading *reading = argument;
    struct batch *batch;
    bool has_ended = false;
    if (reading->config.began != NULL)
        reading->config.began(reading->config.context);
    while (!has_ended && (batch = wait_for_room(reading)) != NULL) {
        fill(reading, batch);
        has_ended = is_last(batch);
        bool is_dry = batch->is_urgent && !has_ended;
        if (is_worth_taking(batch))
            hand_over(reading, batch);
        if (is_dry)
            mxt_capture_wait(reading->config.capture);
    }
    return NULL;
}

/* Signals are for who takes the packets; but those that an instruction raises come to where it is, and would kill the program if they could not. */
void mxt_reading_start(struct mxt_reading *reading)
{
    sigset_t blocked, before;
    sigfillset(&blocked);
    sigdelset(&blocked, SIGBUS);
    sigdelset(&blocked, SIGSEGV);
    sigdelset(&blocked, SIGFPE);
    sigdelset(&blocked, SIGILL);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    reading->has_thread = pthread_create(&reading->thread, NULL, run, reading) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void mxt_reading_stop(struct mxt_reading *reading)
{
    pthread_mutex_lock(&reading->lock);
    reading->is_stopping = true;
    pthread_cond_signal(&reading->freed);
    pthread_mutex_unlock(&reading->lock);
    if (reading->has_thread)
        pthread_join(reading->thread, NULL);
    for (size_t i = 0; i < BATCHES; i++) {
        mxt_capture_give_back(reading->config.capture, reading->batches[i].left);
        reading->batches[i].left = NULL;
    }
}

/* ---- taking ---- */

static void wait_for_batch(struct mxt_reading *reading)
{
    struct timespec end;
    int error = 0;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_nsec += MXT_READING_WAIT_MS * NS_PER_MS;
    if (end.tv_nsec >= NS_PER_S) {
        end.tv_sec++;
        end.tv_nsec -= NS_PER_S;
    }
    reading->is_taker_waiting = true;
    while (!is_enough(reading) && error == 0)
        error = pthread_cond_timedwait(&reading->filled, &reading->lock, &end);
    reading->is_taker_waiting = false;
}

/* NULL: nothing came. */
static const struct batch *take_filled(struct mxt_reading *reading)
{
    const struct batch *batch = NULL;
    pthread_mutex_lock(&reading->lock);
    if (reading->filled_count == reading->taken_count)
        wait_for_batch(reading);
    if (reading->filled_count > reading->taken_count) {
        batch = &reading->batches[reading->taken_count++ % BATCHES];
        if (reading->filled_count == reading->taken_count)
            reading->is_pressing = false;
        if (reading->is_filler_waiting && count_busy(reading) <= BATCHES / 2)
            pthread_cond_signal(&reading->freed);
    }
    pthread_mutex_unlock(&reading->lock);
    return batch;
}

/* Without a thread. */
static const struct batch *fill_one(struct mxt_reading *reading)
{
    struct batch *batch = &reading->batches[0];
    if (reading->batches[0].is_urgent) /* it was the last before a wait */
        mxt_capture_wait(reading->config.capture);
    fill(reading, batch);
    return batch;
}

enum mxt_status mxt_reading_take(struct mxt_reading *reading, struct mxt_reading_batch *out)
{
    if (reading->end != MXT_OK)
        return reading->end;
    const struct batch *batch = reading->has_thread ? take_filled(reading) : fill_one(reading);
    if (batch == NULL)
        return MXT_MORE;
    if (is_last(batch))
        reading->end = batch->status;
    *out = (struct mxt_reading_batch){.segments = batch->segments,
                                      .count = batch->count,
                                      .has_time = batch->has_time,
                                      .time_us = batch->time_us,
                                      .done = batch->done,
                                      .total = batch->total};
    return MXT_OK;
}
