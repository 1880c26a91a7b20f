#include "collector/sink.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "collector/sink_int.h"

void mxt_sink_answer(struct mxt_sink_result *result, enum mxt_sink_outcome outcome, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    *result = (struct mxt_sink_result){.outcome = outcome};
    vsnprintf(result->why, sizeof result->why, format, arguments);
    va_end(arguments);
}

void mxt_sink_tell(const struct mxt_sinks *sinks, const char *name, const char *format, ...)
{
    char text[MXT_FAULT_TEXT - 64], sentence[MXT_FAULT_TEXT];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    snprintf(sentence, sizeof sentence, "sink %s: %s", name, text);
    sinks->faults->tell(sinks->faults->context, sentence);
}

int64_t mxt_sink_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static const struct mxt_sink_driver *driver_of(enum mxt_sink_type type)
{
    switch (type) {
    case MXT_SINK_FILE: return &mxt_sink_file;
    case MXT_SINK_SYSLOG: return &mxt_sink_syslog;
    case MXT_SINK_WEBHOOK: return &mxt_sink_webhook;
    case MXT_SINK_COMMAND: return &mxt_sink_command;
    case MXT_SINK_NONE: break;
    }
    return NULL;
}

static bool open_sink(struct mxt_sinks *sinks, struct mxt_sink *sink, const struct mxt_sink_config *config)
{
    char error[MXT_LINK_ERROR]; /* as long as MXT_SINK_WHY */
    *sink = (struct mxt_sink){.sinks = sinks, .config = config, .driver = driver_of(config->type), .state = {.name = config->name, .type = config->type}};
    snprintf(error, sizeof error, "its kind is not known");
    if (sink->driver != NULL && (sink->self = sink->driver->open(config, error)) != NULL)
        sink->link = mxt_link_new(&sinks->redis, error);
    if (sink->link == NULL)
        mxt_sink_tell(sinks, config->name, "%s", error);
    return sink->link != NULL;
}

struct mxt_sinks *mxt_sinks_new(const struct mxt_sinks_config *config, const struct mxt_link_config *redis, const struct mxt_faults *faults)
{
    struct mxt_sinks *sinks = calloc(1, sizeof *sinks);
    bool is_whole = sinks != NULL;
    if (is_whole) {
        *sinks = (struct mxt_sinks){.config = *config, .redis = *redis, .faults = faults, .lock = PTHREAD_MUTEX_INITIALIZER};
        sinks->wake_fd = eventfd(0, EFD_CLOEXEC);
        sinks->items = calloc(config->count + 1, sizeof *sinks->items);
        is_whole = sinks->wake_fd >= 0 && sinks->items != NULL;
    }
    if (!is_whole)
        faults->tell(faults->context, "sinks: out of memory");
    for (size_t i = 0; is_whole && i < config->count; i++)
        is_whole = open_sink(sinks, &sinks->items[i], &config->items[i]);
    if (is_whole)
        return sinks;
    mxt_sinks_free(sinks);
    return NULL;
}

enum mxt_status mxt_sinks_start(struct mxt_sinks *sinks)
{
    sigset_t all, before;
    bool is_started = true;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the main thread's */
    for (size_t i = 0; is_started && i < sinks->config.count; i++) {
        struct mxt_sink *sink = &sinks->items[i];
        is_started = sink->is_running = pthread_create(&sink->thread, NULL, mxt_sink_run, sink) == 0;
        if (!is_started)
            mxt_sink_tell(sinks, sink->config->name, "no thread can be started; raise the limit of processes (ulimit -u, TasksMax)");
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return is_started ? MXT_OK : MXT_EIO;
}

enum mxt_status mxt_sinks_hold(struct mxt_sinks *sinks, const char *prefix, bool is_held)
{
    enum mxt_status status = MXT_OK;
    size_t i = 0;
    pthread_mutex_lock(&sinks->lock);
    while (i < sinks->held_count && strcmp(sinks->held[i], prefix) != 0)
        i++;
    if (is_held && i == sinks->held_count) {
        char(*held)[MXT_SINK_PREFIX] = realloc(sinks->held, (i + 1) * sizeof *held);
        if (held == NULL) {
            status = MXT_ENOMEM;
        } else {
            snprintf(held[i], sizeof held[i], "%s", prefix);
            sinks->held = held;
            sinks->held_count++;
            sinks->held_version++;
        }
    } else if (!is_held && i < sinks->held_count) {
        memmove(sinks->held[i], sinks->held[--sinks->held_count], sizeof sinks->held[i]);
        sinks->held_version++;
    }
    pthread_mutex_unlock(&sinks->lock);
    return status;
}

static bool is_drained(struct mxt_sinks *sinks, uint64_t drain)
{
    bool is_done = true;
    pthread_mutex_lock(&sinks->lock);
    for (size_t i = 0; i < sinks->config.count; i++)
        is_done = is_done && sinks->items[i].drained >= drain;
    pthread_mutex_unlock(&sinks->lock);
    return is_done;
}

bool mxt_sinks_drain(struct mxt_sinks *sinks, int timeout_ms)
{
    int64_t end = mxt_sink_now_ms() + timeout_ms;
    pthread_mutex_lock(&sinks->lock);
    uint64_t drain = ++sinks->drain;
    pthread_mutex_unlock(&sinks->lock);
    while (!is_drained(sinks, drain)) {
        if (mxt_sink_now_ms() >= end)
            return false;
        poll(NULL, 0, 10);
    }
    return true;
}

void mxt_sinks_free(struct mxt_sinks *sinks)
{
    if (sinks == NULL)
        return;
    atomic_store(&sinks->is_stopping, true);
    if (sinks->wake_fd >= 0)
        (void)!eventfd_write(sinks->wake_fd, 1);
    for (size_t i = 0; sinks->items != NULL && i < sinks->config.count; i++) {
        struct mxt_sink *sink = &sinks->items[i];
        if (sink->is_running)
            pthread_join(sink->thread, NULL);
        mxt_link_free(sink->link);
        if (sink->self != NULL)
            sink->driver->free(sink->self);
        free(sink->places);
    }
    if (sinks->wake_fd >= 0)
        close(sinks->wake_fd);
    pthread_mutex_destroy(&sinks->lock);
    free(sinks->held);
    free(sinks->items);
    free(sinks);
}

size_t mxt_sinks_count(const struct mxt_sinks *sinks)
{
    return sinks->config.count;
}

struct mxt_sink_state mxt_sinks_state(struct mxt_sinks *sinks, size_t i)
{
    pthread_mutex_lock(&sinks->lock);
    struct mxt_sink_state state = sinks->items[i].state;
    pthread_mutex_unlock(&sinks->lock);
    return state;
}
