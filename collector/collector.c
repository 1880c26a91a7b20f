#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "collector/ask.h"
#include "collector/collector_int.h"
#include "collector/partition.h"
#include "collector/policy_files.h"
#include "collector/redis_state.h"

#define PRESENT_MS     "4000" /* a sign of life counts for so long */
#define ONCE_WAIT_MS   (2 * (int64_t)MXT_LEASE_MS) /* --once: for a lease that a dead collector left behind */
#define SINKS_MS       30000 /* --once: for the sinks to deliver what was found */

/* Sets up the partitions: where there are several, what concerns no server is one more. */
static bool divide(struct mxt_collector *collector, uint32_t partitions)
{
    mxt_crew_stop(collector);
    free(collector->partitions);
    collector->agreed = partitions;
    collector->partition_count = partitions == 1 ? 1 : partitions + 1;
    collector->partitions = calloc(collector->partition_count, sizeof *collector->partitions);
    if (collector->partitions == NULL) {
        collector->partition_count = 0;
        mxt_collector_say(collector, collector->said, "out of memory");
        mxt_collector_fail(collector);
        return false;
    }
    for (uint32_t i = 0; i < collector->partition_count; i++)
        mxt_partition_key(i == partitions ? MXT_PARTITION_CONTROL : i, partitions, "", collector->partitions[i].prefix);
    return true;
}

/* Reads what Redis is and how it is divided; sets up the partitions at the first time. */
static bool prepare(struct mxt_collector *collector)
{
    char error[MXT_LINK_ERROR];
    uint32_t partitions = 0;
    const struct mxt_collector_options *options = collector->config->options;
    enum mxt_status status = mxt_redis_check(collector->link, options->partitions, &partitions, error);
    if (status == MXT_OK && mxt_scripts_load(&collector->scripts, collector->link, error) != MXT_OK)
        status = MXT_EIO;
    if (status != MXT_OK) {
        mxt_collector_say(collector, collector->said, error);
        if (status == MXT_EUSAGE || options->is_once)
            mxt_collector_fail(collector);
        return false;
    }
    return collector->partitions != NULL && collector->agreed == partitions ? true : divide(collector, partitions);
}

/* A link over which Redis answers. */
static bool is_ready(struct mxt_collector *collector)
{
    char error[MXT_LINK_ERROR];
    const struct mxt_collector_options *options = collector->config->options;
    if (collector->link == NULL && (collector->link = mxt_link_new(&options->redis, error)) == NULL) {
        mxt_collector_say(collector, collector->said, error);
        mxt_collector_fail(collector);
        return false;
    }
    if (mxt_link_is_connected(collector->link))
        return true;
    if (mxt_link_connect(collector->link) != MXT_OK) {
        mxt_collector_say(collector, collector->said, mxt_link_error(collector->link));
        if (options->is_once)
            mxt_collector_fail(collector);
        return false;
    }
    return prepare(collector);
}

/*
 * Whether Redis is still divided as we work it. What was emptied while we were connected is divided again as it was, before a sensor that connects anew takes
 * it for undivided; where somebody was faster, or set another number, that one counts.
 */
static bool is_divided(struct mxt_collector *collector)
{
    char error[MXT_LINK_ERROR];
    uint32_t partitions = 0;
    enum mxt_status status = mxt_partition_agree(collector->link, collector->agreed, &partitions, error);
    if (status != MXT_OK) {
        mxt_collector_say(collector, collector->said, status == MXT_EIO ? mxt_link_error(collector->link) : error);
        return false;
    }
    return partitions == collector->agreed || divide(collector, partitions);
}

/* Says that we are there, and sees who else is: our share. */
static bool count_share(struct mxt_collector *collector)
{
    char key[MXT_PARTITION_KEY];
    const bool is_once = collector->config->options->is_once;
    mxt_partition_key(MXT_PARTITION_CONTROL, collector->agreed, "collectors", key);
    /* Who leaves when all is done takes what is free, and nothing from those who stay. */
    const char *is_counted = is_once ? "0" : "1";
    redisReply *reply =
        mxt_script_call(&collector->scripts, collector->link, MXT_SCRIPT_PRESENT, 1, 4, (const char *const[]){key, collector->holder, PRESENT_MS, is_counted});
    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY) {
        char error[MXT_LINK_ERROR];
        if (reply != NULL)
            mxt_link_explain(collector->link, reply, error);
        mxt_collector_say(collector, collector->said, reply == NULL ? mxt_link_error(collector->link) : error);
        mxt_reply_free(reply);
        mxt_link_free(collector->link);
        collector->link = NULL;
        return false;
    }
    collector->share = is_once ? collector->partition_count : 0;
    for (size_t i = 0; i < reply->elements && !is_once; i++)
        if (mxt_reply_is_text(reply->element[i], collector->holder))
            collector->share = mxt_collector_share(collector->partition_count, (uint32_t)reply->elements, (uint32_t)i);
    mxt_reply_free(reply);
    return true;
}

/* --once: whether all is done, or will not be. */
static void look_at_once(struct mxt_collector *collector)
{
    char sentence[MXT_COLLECTOR_SENTENCE];
    for (uint32_t i = 0; i < collector->partition_count; i++) {
        const struct mxt_crew_partition *partition = &collector->partitions[i];
        if (partition->is_done)
            continue;
        if (partition->worker == NULL && mxt_collector_now_ms() - collector->started_ms > ONCE_WAIT_MS) {
            snprintf(sentence, sizeof sentence, "%s* is worked by another collector (see %slease): stop it, or leave the work to it", partition->prefix, partition->prefix);
            mxt_collector_say(collector, collector->said, sentence);
            mxt_collector_fail(collector);
        }
        return;
    }
    collector->is_stopping = true;
}

/* Tells what is wrong with the policies. Whether the folder can be used. */
static bool has_policies(const struct mxt_collector *collector, const struct mxt_collector_options *options)
{
    struct mxt_memory *memory = mxt_memory_new();
    bool is_well = options->policies == NULL || (memory != NULL && mxt_policy_files_read(memory, options->policies, collector->config->faults) == MXT_OK);
    mxt_memory_free(memory);
    return is_well;
}

/* New configuration and policies: what is in memory is dropped, and loaded anew under them. */
static void reload(struct mxt_collector *collector)
{
    struct mxt_collector_options fresh;
    const struct mxt_collector_config *config = collector->config;
    if (config->reload(config->context, &fresh) != MXT_OK || !has_policies(collector, &fresh)) {
        mxt_collector_options_free(&fresh);
        config->faults->tell(config->faults->context, "the configuration stays as it was");
        return;
    }
    mxt_crew_stop(collector);
    if (!mxt_beside_reload(collector->beside, &fresh)) {
        mxt_collector_options_free(&fresh);
        config->faults->tell(config->faults->context, "the configuration stays as it was");
        return;
    }
    mxt_link_free(collector->link);
    collector->link = NULL;
    mxt_collector_options_free(config->options);
    *config->options = fresh;
    config->faults->tell(config->faults->context, "configuration and policies were read again");
}

static void take_signals(struct mxt_collector *collector)
{
    struct signalfd_siginfo info;
    while (read(collector->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGHUP)
            reload(collector);
        else
            collector->is_stopping = true;
    }
}

static void wait_for_news(struct mxt_collector *collector)
{
    struct pollfd fds[] = {{.fd = collector->signal_fd, .events = POLLIN}, {.fd = collector->ended_fd, .events = POLLIN}};
    uint64_t count;
    if (poll(fds, 2, MXT_COLLECTOR_ROUND_MS) > 0 && (fds[1].revents & POLLIN) != 0 && read(collector->ended_fd, &count, sizeof count) < 0)
        return;
}

static void leave(struct mxt_collector *collector)
{
    char key[MXT_PARTITION_KEY];
    mxt_crew_stop(collector);
    if (collector->link == NULL || !mxt_link_is_connected(collector->link))
        return;
    mxt_partition_key(MXT_PARTITION_CONTROL, collector->agreed, "collectors", key);
    mxt_reply_free(
        mxt_script_call(&collector->scripts, collector->link, MXT_SCRIPT_PRESENT, 1, 4, (const char *const[]){key, collector->holder, PRESENT_MS, "0"}));
}

/* Sinks and metrics are told how things stand. With --once what was worked stays the sinks' until the end. */
static void tell_beside(struct mxt_collector *collector, bool is_redis_well)
{
    struct mxt_meter_round round = {.is_redis_well = is_redis_well, .due = collector->share};
    struct mxt_meter_partition *partitions = calloc(collector->partition_count + 1, sizeof *partitions);
    for (uint32_t i = 0; partitions != NULL && i < collector->partition_count; i++) {
        const struct mxt_crew_partition *partition = &collector->partitions[i];
        memcpy(partitions[i].prefix, partition->prefix, sizeof partition->prefix);
        partitions[i].is_held = collector->config->options->is_once && partition->is_done;
        if (partition->worker == NULL)
            continue;
        const struct mxt_worker_counters counters = mxt_worker_counters(partition->worker);
        partitions[i].is_held = counters.is_loaded;
        round.held += counters.is_loaded;
        mxt_beside_add(&round.counters, &counters);
    }
    if (partitions != NULL)
        mxt_beside_round(collector->beside, collector->link, partitions, collector->partition_count, &round);
    free(partitions);
}

static void round_of(struct mxt_collector *collector)
{
    mxt_crew_reap(collector);
    bool is_redis_well = is_ready(collector) && is_divided(collector) && count_share(collector);
    if (is_redis_well) {
        mxt_collector_say_well(collector, collector->said, "Redis answers again");
        mxt_crew_balance(collector);
        if (collector->config->options->is_once)
            look_at_once(collector);
    }
    tell_beside(collector, is_redis_well);
}

static bool open_descriptors(struct mxt_collector *collector)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL); /* before there are threads: they inherit it */
    collector->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    collector->ended_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return collector->signal_fd >= 0 && collector->ended_fd >= 0;
}

/* A name that no other process has, though a person may have given the same to several: who holds a lease must be beyond doubt. */
static void name_holder(struct mxt_collector *collector)
{
    char host[64] = "collector";
    const char *name = collector->config->options->name;
    uint32_t unique;
    if (getrandom(&unique, sizeof unique, GRND_NONBLOCK) != sizeof unique)
        unique = (uint32_t)(mxt_collector_now_ms() ^ getpid());
    if (gethostname(host, sizeof host) != 0)
        memcpy(host, "collector", sizeof "collector");
    host[sizeof host - 1] = '\0';
    if (name != NULL)
        snprintf(collector->holder, sizeof collector->holder, "%08" PRIx32 " %s", unique, name);
    else
        snprintf(collector->holder, sizeof collector->holder, "%08" PRIx32 " %s:%ld", unique, host, (long)getpid());
}

int mxt_collector_run(const struct mxt_collector_config *config)
{
    struct mxt_collector collector = {.config = config, .signal_fd = -1, .ended_fd = -1, .started_ms = mxt_collector_now_ms()};
    name_holder(&collector);
    if (!open_descriptors(&collector)) {
        config->faults->tell(config->faults->context, "no descriptors are left: raise the limit (ulimit -n)");
        collector.has_failed = true;
    } else if (!has_policies(&collector, config->options) || (collector.beside = mxt_beside_open(config->options, config->faults)) == NULL) {
        collector.has_failed = true;
    } else {
        do {
            round_of(&collector);
            if (!collector.is_stopping)
                wait_for_news(&collector);
            take_signals(&collector);
        } while (!collector.is_stopping);
        leave(&collector);
    }
    if (!mxt_beside_close(collector.beside, config->options->is_once ? SINKS_MS : 0)) {
        config->faults->tell(config->faults->context, "not every sink has delivered all: the next run goes on where they are");
        collector.has_failed = true;
    }
    mxt_link_free(collector.link);
    free(collector.partitions);
    if (collector.signal_fd >= 0)
        close(collector.signal_fd);
    if (collector.ended_fd >= 0)
        close(collector.ended_fd);
    return collector.has_failed;
}
