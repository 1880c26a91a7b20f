/*
 * Reading ahead: a thread draws from a tap into a ring of chunks, while the packets of earlier ones are worked on. It costs a packet thread a sixth of its time to
 * have the kernel copy a file, more to decompress one. Either side wakes the other only where it waits, since that costs as much as a chunk: the reader waits until
 * half of the ring is free, and who takes chunks of a file waits for several. Those of a pipe are wanted as they come.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "sensor/capture_file_int.h"

#define CHUNKS    8u /* a megabyte: stays in the third-level cache, which the threads share */
#define WAKE_AT   3u /* chunks of a file */
#define NS_PER_MS 1000000L
#define NS_PER_S  1000000000L

struct chunk {
    uint8_t *room; /* MXT_SOURCE_NEED_MAX bytes for what was left of the chunk before, then MXT_READ_SIZE */
    struct mxt_drawn drawn;
};

struct mxt_ahead {
    struct mxt_tap *tap;
    void (*began)(void *context); /* first thing in the thread; or NULL */
    void *context;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t drawn, taken;
    struct chunk chunks[CHUNKS];
    size_t drawn_count, taken_count; /* since the start; chunks in between are drawn and not taken */
    bool is_reader_waiting, is_taker_waiting, is_stopping;
    bool has_ended; /* the last chunk is drawn */
    int stop_fd; /* an eventfd: ends a wait for a pipe */
};

/* Chunks that the reader may not touch: drawn and not taken, and the two that were taken last (bytes left over are copied from one to the other). */
static size_t count_busy(const struct mxt_ahead *ahead)
{
    return ahead->drawn_count - ahead->taken_count + 2;
}

/* The next free chunk; NULL: asked to stop. */
static struct chunk *wait_for_room(struct mxt_ahead *ahead)
{
    pthread_mutex_lock(&ahead->lock);
    if (count_busy(ahead) >= CHUNKS) {
        while (count_busy(ahead) > CHUNKS / 2 && !ahead->is_stopping) {
            ahead->is_reader_waiting = true;
            pthread_cond_wait(&ahead->taken, &ahead->lock);
        }
        ahead->is_reader_waiting = false;
    }
    struct chunk *chunk = ahead->is_stopping ? NULL : &ahead->chunks[ahead->drawn_count % CHUNKS];
    pthread_mutex_unlock(&ahead->lock);
    return chunk;
}

/* Whether who waits for chunks is to go on. */
static bool is_enough(const struct mxt_ahead *ahead)
{
    size_t ready = ahead->drawn_count - ahead->taken_count;
    return ready >= (ahead->tap->is_regular ? WAKE_AT : 1) || (ready > 0 && ahead->has_ended);
}

static void hand_over(struct mxt_ahead *ahead, enum mxt_status status)
{
    pthread_mutex_lock(&ahead->lock);
    ahead->drawn_count++;
    ahead->has_ended = status != MXT_OK;
    if (ahead->is_taker_waiting && is_enough(ahead))
        pthread_cond_signal(&ahead->drawn);
    pthread_mutex_unlock(&ahead->lock);
}

/* Ends behind the end, or a fault: that chunk is the last. */
static void *run(void *argument)
{
    struct mxt_ahead *ahead = argument;
    struct chunk *chunk;
    enum mxt_status status = MXT_OK;
    if (ahead->began != NULL)
        ahead->began(ahead->context);
    while ((status == MXT_OK || status == MXT_MORE) && (chunk = wait_for_room(ahead)) != NULL) {
        uint8_t *out = chunk->room + MXT_SOURCE_NEED_MAX;
        chunk->drawn.p = out;
        status = mxt_tap_draw(ahead->tap, out, MXT_READ_SIZE, &chunk->drawn.n);
        chunk->drawn.status = status;
        chunk->drawn.done = ahead->tap->done;
        chunk->drawn.fault = ahead->tap->fault;
        if (status != MXT_MORE)
            hand_over(ahead, status);
    }
    return NULL;
}

static bool start(struct mxt_ahead *ahead)
{
    sigset_t all, before;
    ahead->tap->stop_fd = ahead->stop_fd;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are for who takes the packets */
    bool is_running = pthread_create(&ahead->thread, NULL, run, ahead) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return is_running;
}

static void release(struct mxt_ahead *ahead)
{
    ahead->tap->stop_fd = -1;
    if (ahead->stop_fd >= 0)
        close(ahead->stop_fd);
    for (size_t i = 0; i < CHUNKS; i++)
        free(ahead->chunks[i].room);
    pthread_cond_destroy(&ahead->drawn);
    pthread_cond_destroy(&ahead->taken);
    pthread_mutex_destroy(&ahead->lock);
    free(ahead);
}

struct mxt_ahead *mxt_ahead_new(struct mxt_tap *tap, void (*began)(void *context), void *context)
{
    struct mxt_ahead *ahead = calloc(1, sizeof *ahead);
    if (ahead == NULL)
        return NULL;
    ahead->tap = tap;
    ahead->began = began;
    ahead->context = context;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&ahead->lock, NULL);
    pthread_cond_init(&ahead->drawn, &monotonic);
    pthread_cond_init(&ahead->taken, NULL);
    pthread_condattr_destroy(&monotonic);
    ahead->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    bool is_ready = ahead->stop_fd >= 0;
    for (size_t i = 0; i < CHUNKS; i++)
        is_ready = (ahead->chunks[i].room = malloc(MXT_SOURCE_NEED_MAX + MXT_READ_SIZE)) != NULL && is_ready;
    if (is_ready && start(ahead))
        return ahead;
    release(ahead);
    return NULL;
}

void mxt_ahead_free(struct mxt_ahead *ahead)
{
    if (ahead == NULL)
        return;
    pthread_mutex_lock(&ahead->lock);
    ahead->is_stopping = true;
    pthread_cond_signal(&ahead->taken);
    pthread_mutex_unlock(&ahead->lock);
    (void)eventfd_write(ahead->stop_fd, 1); /* fails only where it is readable already */
    pthread_join(ahead->thread, NULL);
    release(ahead);
}

static void wait_for_chunk(struct mxt_ahead *ahead)
{
    struct timespec end;
    int error = 0;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_nsec += MXT_AHEAD_WAIT_MS * NS_PER_MS;
    if (end.tv_nsec >= NS_PER_S) {
        end.tv_sec++;
        end.tv_nsec -= NS_PER_S;
    }
    ahead->is_taker_waiting = true;
    while (!is_enough(ahead) && error == 0)
        error = pthread_cond_timedwait(&ahead->drawn, &ahead->lock, &end);
    ahead->is_taker_waiting = false;
}

enum mxt_status mxt_ahead_take(struct mxt_ahead *ahead, struct mxt_drawn *out)
{
    enum mxt_status status = MXT_MORE;
    pthread_mutex_lock(&ahead->lock);
    if (ahead->drawn_count == ahead->taken_count)
        wait_for_chunk(ahead);
    if (ahead->drawn_count > ahead->taken_count) {
        *out = ahead->chunks[ahead->taken_count++ % CHUNKS].drawn;
        status = MXT_OK;
        if (ahead->is_reader_waiting && count_busy(ahead) <= CHUNKS / 2)
            pthread_cond_signal(&ahead->taken);
    }
    pthread_mutex_unlock(&ahead->lock);
    return status;
}
