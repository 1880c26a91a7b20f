/* The publisher's thread, its counters, its end. */
#include "sensor/publisher.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sensor/publisher_int.h"

#define MINUTE_MS 60000
#define FIRST_PATIENCE_MS 2000u /* where Redis has never taken anything yet: most likely its address or our password is wrong, and somebody waits to be told */

int64_t mxt_publisher_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct mxt_publisher *mxt_publisher_new(const struct mxt_publisher_config *config)
{
    char error[MXT_LINK_ERROR] = "out of memory";
    struct mxt_publisher *publisher = calloc(1, sizeof *publisher);
    if (publisher == NULL || (publisher->link = mxt_link_new(&config->link, error)) == NULL) {
        config->faults->tell(config->faults->context, error);
        free(publisher);
        return NULL;
    }
    publisher->config = *config;
    pthread_mutex_init(&publisher->lock, NULL);
    return publisher;
}

void mxt_publisher_free(struct mxt_publisher *publisher)
{
    if (publisher == NULL)
        return;
    mxt_link_free(publisher->link);
    mxt_letters_clear(&publisher->window);
    mxt_letters_clear(&publisher->held);
    pthread_mutex_destroy(&publisher->lock);
    free(publisher);
}

/* Lets other threads see the counters. */
static void share_counters(struct mxt_publisher *publisher)
{
    struct mxt_publisher_counters *counters = &publisher->counters;
    int64_t now = mxt_publisher_now_ms();
    if (now - publisher->minute_ms >= MINUTE_MS) {
        publisher->minute_ms = now;
        publisher->latency_before_us = counters->latency_us;
        counters->latency_us = 0;
    }
    counters->is_connected = mxt_link_is_connected(publisher->link);
    counters->unanswered = publisher->window.count + publisher->held.count;
    struct mxt_spool_counters spool = {0};
    if (publisher->config.spool != NULL)
        spool = mxt_spool_counters(publisher->config.spool);
    counters->spool_records = spool.records;
    counters->spool_bytes = spool.bytes;
    pthread_mutex_lock(&publisher->lock);
    publisher->shared = *counters;
    publisher->shared.lost_spool += spool.lost;
    if (publisher->latency_before_us > counters->latency_us)
        publisher->shared.latency_us = publisher->latency_before_us;
    pthread_mutex_unlock(&publisher->lock);
}

struct mxt_publisher_counters mxt_publisher_counters(struct mxt_publisher *publisher)
{
    pthread_mutex_lock(&publisher->lock);
    struct mxt_publisher_counters counters = publisher->shared;
    pthread_mutex_unlock(&publisher->lock);
    counters.lost_queue += mxt_outbox_counters(publisher->config.outbox).lost;
    return counters;
}

static bool has_nothing_left(const struct mxt_publisher *publisher)
{
    return publisher->is_outbox_done && publisher->window.count == 0 && publisher->held.count == 0 &&
           (publisher->config.spool == NULL || mxt_spool_counters(publisher->config.spool).records == 0);
}

/* Whether Redis has been away for too long for whoever waits for it. */
static bool is_patience_over(const struct mxt_publisher *publisher, int64_t now)
{
    uint32_t patience_ms = publisher->config.patience_ms;
    bool has_full_spool = publisher->config.spool != NULL && publisher->held.count > 0;
    bool is_awaited = publisher->is_outbox_done || publisher->config.spool == NULL || has_full_spool;
    if (publisher->counters.published == 0 && !has_full_spool && patience_ms > FIRST_PATIENCE_MS)
        patience_ms = FIRST_PATIENCE_MS;
    return patience_ms > 0 && is_awaited && !mxt_link_is_connected(publisher->link) && now - publisher->moved_ms > patience_ms;
}

static bool is_over(struct mxt_publisher *publisher)
{
    if (has_nothing_left(publisher))
        return true;
    int64_t now = mxt_publisher_now_ms(), deadline = atomic_load(&publisher->deadline_ms);
    bool is_late = deadline != 0 && now >= deadline;
    if (!is_late && !is_patience_over(publisher, now))
        return false;
    atomic_store(&publisher->has_failed, !is_late);
    mxt_outbox_close(publisher->config.outbox);
    return true;
}

static void *run(void *context)
{
    struct mxt_publisher *publisher = context;
    bool may_go_on = publisher->config.began == NULL || publisher->config.began(publisher->config.context);
    publisher->moved_ms = publisher->minute_ms = mxt_publisher_now_ms();
    if (!may_go_on) {
        atomic_store(&publisher->has_failed, true);
        mxt_outbox_close(publisher->config.outbox);
    }
    while (may_go_on && !is_over(publisher)) {
        if (mxt_link_is_connected(publisher->link))
            mxt_publisher_serve(publisher);
        else
            mxt_publisher_stay_away(publisher);
        if (publisher->config.spool != NULL)
            mxt_spool_sync(publisher->config.spool);
        share_counters(publisher);
    }
    mxt_publisher_put_away(publisher);
    share_counters(publisher);
    return NULL;
}

enum mxt_status mxt_publisher_start(struct mxt_publisher *publisher)
{
    sigset_t all, before;
    sigfillset(&all); /* signals are the main thread's */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&publisher->thread, NULL, run, publisher);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error == 0)
        return MXT_OK;
    char text[128];
    snprintf(text, sizeof text, "no thread for the publisher: %s", strerror(error));
    publisher->config.faults->tell(publisher->config.faults->context, text);
    return MXT_EIO;
}

bool mxt_publisher_has_failed(struct mxt_publisher *publisher)
{
    return atomic_load(&publisher->has_failed);
}

void mxt_publisher_hurry(struct mxt_publisher *publisher, uint32_t ms)
{
    atomic_store(&publisher->deadline_ms, mxt_publisher_now_ms() + ms);
}

uint64_t mxt_publisher_finish(struct mxt_publisher *publisher)
{
    pthread_join(publisher->thread, NULL);
    struct mxt_publisher_counters counters = mxt_publisher_counters(publisher);
    return counters.spool_records + counters.lost_spool + counters.lost_queue;
}
