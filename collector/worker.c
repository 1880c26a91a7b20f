#include "collector/worker.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "collector/ask.h"
#include "collector/worker_int.h"

#define READ_FIRST 8u /* entries asked for at once: few, before it is known how large they are (a link takes answers of 256 MiB, a record may have 16) */

int64_t mxt_worker_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool mxt_worker_give_up(struct mxt_worker *worker, enum mxt_worker_end end, const char *why)
{
    if (worker->end == MXT_WORKER_STOPPED) {
        worker->end = end;
        snprintf(worker->why, sizeof worker->why, "%s", why);
    }
    return false;
}

bool mxt_worker_break(struct mxt_worker *worker, const struct mxt_link *link)
{
    return mxt_worker_give_up(worker, MXT_WORKER_BROKEN, mxt_link_error(link));
}

void mxt_worker_key(const struct mxt_worker *worker, const char *name, char *key)
{
    snprintf(key, MXT_WORKER_KEY, "%s%s", worker->config.prefix, name);
}

void mxt_worker_publish(struct mxt_worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    worker->counters.keeper = mxt_keeper_counters(worker->keeper);
    worker->counters.is_loaded = true;
    pthread_mutex_unlock(&worker->lock);
}

static bool work(struct mxt_worker *worker)
{
    while (!atomic_load(&worker->is_stopping)) {
        if (!worker->is_asked && !mxt_worker_ask(worker))
            return false;
        enum mxt_status status = MXT_OK;
        redisReply *reply = mxt_link_reply(worker->reader); /* it may have come while the last ones were judged */
        if (reply == NULL) {
            status = mxt_link_pump(worker->reader, MXT_WORKER_WAIT_MS, worker->stop_fd);
            reply = mxt_link_reply(worker->reader);
        }
        bool is_well = reply == NULL || mxt_worker_take(worker, reply);
        mxt_reply_free(reply);
        if (!is_well || (status != MXT_OK && !mxt_worker_break(worker, worker->reader)))
            return false;
        if (worker->config.options->is_once && worker->is_drained)
            return true;
        if (!mxt_worker_pump(worker, 0) || !mxt_worker_keep_house(worker))
            return false;
    }
    return true;
}

/* Waits for what was sent; --once tells the last word on every alert. */
static bool finish(struct mxt_worker *worker)
{
    if (worker->config.options->is_once && worker->is_drained) {
        if (mxt_keeper_retell(worker->keeper, worker->read) != MXT_OK)
            return mxt_worker_give_up(worker, MXT_WORKER_BROKEN, "out of memory");
        if (worker->has_cursor && !mxt_worker_send(worker))
            return false;
    }
    while (worker->sent_count > 0)
        if (!mxt_worker_pump(worker, MXT_WORKER_WAIT_MS))
            return false;
    return true;
}

static bool open_link(struct mxt_worker *worker, struct mxt_link **link)
{
    char error[MXT_LINK_ERROR];
    *link = mxt_link_new(&worker->config.options->redis, error);
    if (*link == NULL)
        return mxt_worker_give_up(worker, MXT_WORKER_BROKEN, error);
    return mxt_link_connect(*link) == MXT_OK || mxt_worker_break(worker, *link);
}

static void renew_while_loading(void *context)
{
    struct mxt_worker *worker = context;
    char lease[MXT_WORKER_KEY], ms[MXT_WORKER_NUMBER];
    int64_t now = mxt_worker_now_ms();
    if (now - worker->renewed_ms < MXT_WORKER_RENEW_MS)
        return;
    worker->renewed_ms = now;
    mxt_worker_key(worker, "lease", lease);
    snprintf(ms, sizeof ms, "%u", MXT_LEASE_MS);
    mxt_reply_free(mxt_script_call(&worker->scripts, worker->writer, MXT_SCRIPT_RENEW, 1, 3, (const char *const[]){lease, worker->config.lease, ms}));
}

/* What Redis no longer knows of what we did is gone, and a person should know. */
static void compare_cursor(const struct mxt_worker *worker)
{
    char sentence[MXT_KEEPER_ERROR];
    const struct mxt_faults *faults = worker->config.faults;
    if (mxt_stream_id_compare(worker->read, worker->config.applied) >= 0)
        return;
    if (worker->has_cursor)
        snprintf(sentence, sizeof sentence, "%scursor is older than what was applied: Redis has lost its last moments; what it holds is worked from there on",
                 worker->config.prefix);
    else
        snprintf(sentence, sizeof sentence, "%scursor is gone: Redis has come back empty; the collector begins anew with what is in %sevents", worker->config.prefix,
                 worker->config.prefix);
    faults->tell(faults->context, sentence);
}

static bool load_cursor(struct mxt_worker *worker)
{
    char key[MXT_WORKER_KEY], error[MXT_LINK_ERROR] = "out of memory", *text;
    mxt_worker_key(worker, "cursor", key);
    enum mxt_status status = mxt_ask_text(worker->writer, error, 2, (const char *const[]){"GET", key}, &text);
    if (status != MXT_OK)
        return mxt_worker_give_up(worker, MXT_WORKER_BROKEN, error);
    worker->has_cursor = text != NULL;
    bool is_well = text == NULL || mxt_stream_id_parse(text, strlen(text), &worker->read);
    free(text);
    worker->last_sent = worker->read;
    if (is_well) {
        compare_cursor(worker);
        return true;
    }
    snprintf(error, sizeof error, "%s: %.100s holds no stream id: delete it, and the collector starts at the first entry", mxt_link_name(worker->writer), key);
    return mxt_worker_give_up(worker, MXT_WORKER_BROKEN, error);
}

static bool load(struct mxt_worker *worker)
{
    char error[MXT_KEEPER_ERROR], events[MXT_WORKER_KEY];
    const struct mxt_keeper_config config = {.options = worker->config.options, .prefix = worker->config.prefix, .faults = worker->config.faults,
                                             .latency = worker->config.latency};
    if (!open_link(worker, &worker->writer) || !open_link(worker, &worker->reader))
        return false;
    if (mxt_scripts_load(&worker->scripts, worker->writer, error) != MXT_OK || mxt_scripts_check_keys(worker->writer, worker->config.prefix, error) != MXT_OK)
        return mxt_worker_give_up(worker, MXT_WORKER_BROKEN, error);
    if (!load_cursor(worker))
        return false;
    worker->keeper = mxt_keeper_new(&config);
    if (worker->keeper == NULL)
        return mxt_worker_give_up(worker, MXT_WORKER_BROKEN, "out of memory, or the folder of policies cannot be read");
    enum mxt_status status = mxt_keeper_load(worker->keeper, worker->writer, worker->read, renew_while_loading, worker, error);
    if (status != MXT_OK)
        return mxt_worker_give_up(worker, MXT_WORKER_BROKEN, status == MXT_ENOMEM ? "out of memory" : error);
    mxt_worker_key(worker, "events", events);
    /* That it is there already is the usual answer. */
    mxt_reply_free(mxt_link_call(worker->writer, 6, (const char *const[]){"XGROUP", "CREATE", events, MXT_WORKER_GROUP, "0", "MKSTREAM"}, NULL));
    mxt_worker_publish(worker);
    return true;
}

static void release_lease(struct mxt_worker *worker)
{
    char lease[MXT_WORKER_KEY];
    if (worker->writer == NULL || !mxt_link_is_connected(worker->writer) || worker->sent_count > 0)
        return;
    mxt_worker_key(worker, "lease", lease);
    mxt_reply_free(mxt_script_call(&worker->scripts, worker->writer, MXT_SCRIPT_RELEASE, 1, 2, (const char *const[]){lease, worker->config.lease}));
}

static void *run(void *argument)
{
    struct mxt_worker *worker = argument;
    const uint64_t one = 1;
    worker->read_count = READ_FIRST;
    worker->renewed_ms = mxt_worker_now_ms();
    bool is_well = load(worker) && work(worker) && finish(worker);
    if (!is_well && worker->sent_count > 0) /* what was confirmed before the connection ended is known to be applied */
        (void)mxt_worker_pump(worker, 0);
    if (is_well || worker->end == MXT_WORKER_BROKEN) /* perhaps another can do what we could not */
        release_lease(worker);
    mxt_link_free(worker->reader);
    mxt_link_free(worker->writer);
    mxt_keeper_free(worker->keeper);
    worker->keeper = NULL;
    atomic_store(&worker->has_ended, true);
    if (write(worker->config.ended_fd, &one, sizeof one) < 0)
        atomic_store(&worker->has_ended, true); /* the eventfd is full: whoever waits is awake */
    return NULL;
}

struct mxt_worker *mxt_worker_start(const struct mxt_worker_config *config)
{
    struct mxt_worker *worker = calloc(1, sizeof *worker);
    if (worker == NULL)
        return NULL;
    worker->config = *config;
    worker->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (worker->stop_fd >= 0 && pthread_mutex_init(&worker->lock, NULL) == 0) {
        if (pthread_create(&worker->thread, NULL, run, worker) == 0)
            return worker;
        pthread_mutex_destroy(&worker->lock);
    }
    if (worker->stop_fd >= 0)
        close(worker->stop_fd);
    free(worker);
    return NULL;
}

void mxt_worker_stop(struct mxt_worker *worker)
{
    atomic_store(&worker->is_stopping, true);
    eventfd_write(worker->stop_fd, 1);
}

bool mxt_worker_has_ended(const struct mxt_worker *worker)
{
    return atomic_load(&worker->has_ended);
}

enum mxt_worker_end mxt_worker_join(struct mxt_worker *worker, char *why)
{
    pthread_join(worker->thread, NULL);
    enum mxt_worker_end end = worker->end;
    memcpy(why, worker->why, sizeof worker->why);
    pthread_mutex_destroy(&worker->lock);
    close(worker->stop_fd);
    free(worker);
    return end;
}

struct mxt_worker_counters mxt_worker_counters(struct mxt_worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    struct mxt_worker_counters counters = worker->counters;
    pthread_mutex_unlock(&worker->lock);
    return counters;
}
