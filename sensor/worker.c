#include "sensor/worker.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "sensor/confine.h"

#define BATCH_FRAMES   64
#define BATCH_BYTES    (2u * MXT_INTERFACE_SNAP) /* an empty batch has room for any frame */
#define READ_MAX       256     /* frames of one interface before the next has its turn */
#define WAIT_MS        50      /* without a frame, so that the clock goes on */
#define HOLD_US        50000   /* a segment that was handed on waits so long: what this thread's own ring holds of its connection comes up within 10 ms, later on a busy machine */
#define HOLD_WAIT_MS   5       /* between two looks at one that is held */
#define TICK_SLACK_US  100000  /* the clock without frames stays that much behind: some may be on their way up */
#define REPORT_US      1000000 /* between two healths left in the box */
#define DRAIN_US       2000000 /* the most that is given to what has come before a stop */
#define DRAIN_OTHERS_US 4000000 /* the most that the others are waited for then */
#define DRAIN_QUIET_US 60000   /* by then the kernel has handed up its last block: six times the interface's time-out */

/* Frames copied out of the kernel's ring, which takes its room back while a batch is gathered. */
struct batch {
    size_t count, bytes;
    struct mxt_frame frames[BATCH_FRAMES];
    uint8_t data[BATCH_BYTES];
};

struct mxt_worker {
    struct mxt_worker_config config;
    struct batch batch;
    pthread_t thread;
    bool is_started;
    atomic_bool is_asked_to_stop;
    int wake_fd;
    int64_t newest_us;   /* stamp of the newest frame */
    int64_t reported_us; /* when the box was filled */
    pthread_mutex_t lock; /* of the box */
    struct mxt_health health;
    bool has_failed;
    char failure[MXT_INTERFACE_ERROR];
};

struct mxt_worker *mxt_worker_new(const struct mxt_worker_config *config)
{
    struct mxt_worker *worker = calloc(1, sizeof *worker);
    if (worker == NULL)
        return NULL;
    worker->config = *config;
    worker->newest_us = INT64_MIN;
    pthread_mutex_init(&worker->lock, NULL);
    worker->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (worker->wake_fd < 0) {
        mxt_worker_free(worker);
        return NULL;
    }
    if (config->exchange != NULL)
        mxt_exchange_set_wake(config->exchange, config->number, worker->wake_fd);
    return worker;
}

bool mxt_worker_hand_on(void *place, const struct mxt_segment *segment)
{
    const struct mxt_worker_place *here = place;
    return mxt_exchange_hand_on(here->exchange, here->number, segment);
}

void mxt_worker_free(struct mxt_worker *worker)
{
    if (worker == NULL)
        return;
    if (worker->wake_fd >= 0)
        close(worker->wake_fd);
    pthread_mutex_destroy(&worker->lock);
    free(worker);
}

static int64_t wall_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---- the box ---- */

static void report_health(struct mxt_worker *worker)
{
    struct mxt_health health;
    mxt_engine_health(worker->config.engine, &health);
    for (size_t i = 0; i < worker->config.interface_count; i++) {
        struct mxt_interface_counters counters = mxt_interface_counters(worker->config.interfaces[i]);
        health.kernel_drops += counters.kernel_drops;
        health.interface_drops += counters.interface_drops;
    }
    if (worker->config.exchange != NULL) {
        struct mxt_exchange_counters counters = mxt_exchange_counters(worker->config.exchange, worker->config.number);
        health.handed_on = counters.handed;
        health.handed_lost = counters.lost;
    }
    pthread_mutex_lock(&worker->lock);
    worker->health = health;
    pthread_mutex_unlock(&worker->lock);
}

static void report_failure(struct mxt_worker *worker, const char *sentence)
{
    pthread_mutex_lock(&worker->lock);
    worker->has_failed = true;
    snprintf(worker->failure, sizeof worker->failure, "%s", sentence);
    pthread_mutex_unlock(&worker->lock);
    if (eventfd_write(worker->config.failure_fd, 1) != 0)
        return; /* its count is full: it is readable already */
}

void mxt_worker_health(struct mxt_worker *worker, struct mxt_health *out)
{
    pthread_mutex_lock(&worker->lock);
    *out = worker->health;
    pthread_mutex_unlock(&worker->lock);
}

bool mxt_worker_failure(struct mxt_worker *worker, char *out)
{
    pthread_mutex_lock(&worker->lock);
    bool has_failed = worker->has_failed;
    memcpy(out, worker->failure, sizeof worker->failure);
    pthread_mutex_unlock(&worker->lock);
    return has_failed;
}

/* ---- frames ---- */

static void run_batch(struct mxt_worker *worker)
{
    if (worker->batch.count > 0)
        mxt_engine_frames(worker->config.engine, worker->batch.frames, worker->batch.count);
    worker->batch.count = worker->batch.bytes = 0;
}

static void on_segments(void *context, const struct mxt_segment *segments, size_t count)
{
    struct mxt_worker *worker = context;
    mxt_engine_segments(worker->config.engine, segments, count);
}

/* What other workers have handed to this one so long ago. MXT_OK: something; MXT_MORE: nothing. */
static enum mxt_status take_handed(struct mxt_worker *worker, int64_t age_us)
{
    struct mxt_exchange *exchange = worker->config.exchange;
    if (exchange == NULL)
        return MXT_MORE;
    mxt_exchange_wake(exchange, worker->config.number);
    return mxt_exchange_take(exchange, worker->config.number, age_us, on_segments, worker) ? MXT_OK : MXT_MORE;
}

static void on_frame(void *context, const struct mxt_frame *frame)
{
    struct mxt_worker *worker = context;
    struct batch *batch = &worker->batch;
    if (batch->count == BATCH_FRAMES || frame->captured > sizeof batch->data - batch->bytes)
        run_batch(worker);
    struct mxt_frame *copy = &batch->frames[batch->count++];
    *copy = *frame;
    copy->data = batch->data + batch->bytes;
    memcpy(batch->data + batch->bytes, frame->data, frame->captured);
    batch->bytes += frame->captured;
    if (frame->time_us > worker->newest_us)
        worker->newest_us = frame->time_us;
}

/* One turn over all interfaces. MXT_OK: frames came; MXT_MORE: none; MXT_EIO: told. */
static enum mxt_status read_all(struct mxt_worker *worker)
{
    enum mxt_status result = MXT_MORE;
    for (size_t i = 0; i < worker->config.interface_count && result != MXT_EIO; i++) {
        enum mxt_status status = mxt_interface_read(worker->config.interfaces[i], READ_MAX, on_frame, worker);
        if (status == MXT_EIO)
            report_failure(worker, mxt_interface_error(worker->config.interfaces[i]));
        if (status != MXT_MORE)
            result = status;
    }
    run_batch(worker);
    return take_handed(worker, HOLD_US) == MXT_OK && result == MXT_MORE ? MXT_OK : result;
}

static void wait_for_frames(struct mxt_worker *worker)
{
    struct pollfd polled[MXT_WORKER_INTERFACES + 1] = {{.fd = worker->wake_fd, .events = POLLIN}};
    size_t count = worker->config.interface_count;
    struct mxt_exchange *exchange = worker->config.exchange;
    eventfd_t ignored;
    int wait_ms = exchange == NULL || mxt_exchange_may_sleep(exchange, worker->config.number) ? WAIT_MS : HOLD_WAIT_MS;
    for (size_t i = 0; i < count; i++)
        polled[i + 1] = (struct pollfd){.fd = mxt_interface_fd(worker->config.interfaces[i]), .events = POLLIN};
    int ready = poll(polled, count + 1, wait_ms);
    if (exchange != NULL)
        mxt_exchange_awake(exchange, worker->config.number);
    if (ready > 0 && (polled[0].revents & POLLIN) != 0 && eventfd_read(worker->wake_fd, &ignored) != 0)
        return; /* read by nobody else: it cannot fail */
}

/* Takes from one interface what was captured before the stop. What comes after it is not waited for. */
static void drain(struct mxt_worker *worker, struct mxt_interface *interface, int64_t stop_us)
{
    int64_t now_us = wall_us();
    worker->newest_us = INT64_MIN;
    while (worker->newest_us < stop_us && now_us >= stop_us && now_us - stop_us < DRAIN_US) {
        enum mxt_status status = mxt_interface_read(interface, READ_MAX, on_frame, worker);
        run_batch(worker);
        take_handed(worker, HOLD_US);
        now_us = wall_us();
        if (status == MXT_EIO || (status == MXT_MORE && now_us - stop_us > DRAIN_QUIET_US))
            return;
        if (status == MXT_MORE)
            wait_for_frames(worker);
    }
}

/* The others may still hand something on: until all have drained their interfaces. */
static void drain_handed(struct mxt_worker *worker, int64_t stop_us)
{
    struct mxt_exchange *exchange = worker->config.exchange;
    if (exchange == NULL)
        return;
    mxt_exchange_wake(exchange, worker->config.number);
    mxt_exchange_leave(exchange, worker->config.number);
    int64_t now_us = wall_us();
    while (!mxt_exchange_is_over(exchange, worker->config.number) && now_us >= stop_us && now_us - stop_us < DRAIN_OTHERS_US) {
        if (take_handed(worker, 0) == MXT_MORE)
            poll(NULL, 0, 1);
        now_us = wall_us();
    }
}

static void pin(const struct mxt_worker *worker)
{
    cpu_set_t cpus;
    if (worker->config.cpu < 0)
        return;
    CPU_ZERO(&cpus);
    CPU_SET((size_t)worker->config.cpu, &cpus);
    if (pthread_setaffinity_np(pthread_self(), sizeof cpus, &cpus) != 0)
        fprintf(stderr, "mxtap-sensor: worker %u cannot stay on CPU %d, and runs wherever there is room\n", worker->config.number, worker->config.cpu);
}

static void *run(void *context)
{
    struct mxt_worker *worker = context;
    enum mxt_status status = MXT_OK;
    pin(worker);
    mxt_confine_thread(worker->config.options, MXT_SANDBOX_PACKETS);
    while (status != MXT_EIO && !atomic_load(&worker->is_asked_to_stop)) {
        status = read_all(worker);
        int64_t now_us = wall_us();
        if (status == MXT_MORE) {
            mxt_engine_tick(worker->config.engine, now_us - TICK_SLACK_US);
            wait_for_frames(worker);
        }
        if (now_us - worker->reported_us >= REPORT_US || now_us < worker->reported_us) {
            report_health(worker);
            worker->reported_us = now_us;
        }
    }
    int64_t stop_us = wall_us();
    for (size_t i = 0; i < worker->config.interface_count; i++)
        drain(worker, worker->config.interfaces[i], stop_us);
    drain_handed(worker, stop_us);
    report_health(worker);
    return NULL;
}

enum mxt_status mxt_worker_start(struct mxt_worker *worker)
{
    worker->is_started = pthread_create(&worker->thread, NULL, run, worker) == 0;
    return worker->is_started ? MXT_OK : MXT_ENOMEM;
}

void mxt_worker_stop(struct mxt_worker *worker)
{
    atomic_store(&worker->is_asked_to_stop, true);
    if (eventfd_write(worker->wake_fd, 1) != 0)
        return; /* its count is full: it is awake */
}

void mxt_worker_join(struct mxt_worker *worker)
{
    if (worker->is_started)
        pthread_join(worker->thread, NULL);
    worker->is_started = false;
}
