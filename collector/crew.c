/* The workers of a collector: which partitions they have, and what becomes of them. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "collector/ask.h"
#include "collector/collector_int.h"

#define RETRY_MAX_MS 8000 /* between two tries to work a partition that cannot be worked */

int64_t mxt_collector_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

uint32_t mxt_collector_share(uint32_t partitions, uint32_t collectors, uint32_t rank)
{
    if (collectors == 0 || rank >= collectors)
        return 0;
    return partitions / collectors + (rank < partitions % collectors);
}

void mxt_collector_say(const struct mxt_collector *collector, char *said, const char *sentence)
{
    if (strcmp(said, sentence) == 0)
        return;
    snprintf(said, MXT_COLLECTOR_SENTENCE, "%s", sentence);
    if (sentence[0] != '\0')
        collector->config->faults->tell(collector->config->faults->context, sentence);
}

void mxt_collector_say_well(const struct mxt_collector *collector, char *said, const char *sentence)
{
    if (said[0] == '\0')
        return;
    said[0] = '\0';
    collector->config->faults->tell(collector->config->faults->context, sentence);
}

void mxt_collector_fail(struct mxt_collector *collector)
{
    collector->has_failed = collector->is_stopping = true;
}

/* Takes leave of a worker that has ended, and says why if that is news. */
static void join(struct mxt_collector *collector, struct mxt_crew_partition *partition)
{
    char why[MXT_KEEPER_ERROR];
    const struct mxt_worker_counters counters = mxt_worker_counters(partition->worker);
    if (counters.applied.ms > 0)
        partition->applied = counters.applied;
    mxt_beside_left(collector->beside, &counters);
    enum mxt_worker_end end = mxt_worker_join(partition->worker, why);
    partition->worker = NULL;
    if (end == MXT_WORKER_STOPPED) {
        partition->is_done = true;
        return;
    }
    mxt_collector_say(collector, partition->said, why);
    int64_t wait = MXT_COLLECTOR_ROUND_MS << (partition->failures < 3 ? partition->failures : 3);
    partition->failures++;
    partition->retry_ms = mxt_collector_now_ms() + (wait < RETRY_MAX_MS ? wait : RETRY_MAX_MS);
    if (end == MXT_WORKER_BROKEN && collector->config->options->is_once)
        mxt_collector_fail(collector);
}

void mxt_crew_stop(struct mxt_collector *collector)
{
    for (uint32_t i = 0; i < collector->partition_count; i++)
        if (collector->partitions[i].worker != NULL)
            mxt_worker_stop(collector->partitions[i].worker);
    for (uint32_t i = 0; i < collector->partition_count; i++)
        if (collector->partitions[i].worker != NULL)
            join(collector, &collector->partitions[i]);
}

/* Tries to get the lease; `value` holds MXT_WORKER_LEASE bytes. */
static bool has_acquired(struct mxt_collector *collector, struct mxt_crew_partition *partition, char *value)
{
    char error[MXT_LINK_ERROR];
    char lease[MXT_WORKER_PREFIX + 8], token[MXT_WORKER_PREFIX + 8], ms[16];
    snprintf(lease, sizeof lease, "%slease", partition->prefix);
    snprintf(token, sizeof token, "%stoken", partition->prefix);
    snprintf(ms, sizeof ms, "%u", MXT_LEASE_MS);
    redisReply *reply = mxt_script_call(&collector->scripts, collector->link, MXT_SCRIPT_ACQUIRE, 2, 4, (const char *const[]){lease, token, collector->holder, ms});
    bool is_ours = mxt_reply_is_text(reply, NULL);
    if (is_ours) {
        snprintf(value, MXT_WORKER_LEASE, "%s", reply->str);
    } else if (reply != NULL && reply->type != REDIS_REPLY_NIL) {
        if (!mxt_link_is_error(reply, "WRONGTYPE") || mxt_scripts_check_keys(collector->link, partition->prefix, error) == MXT_OK)
            mxt_link_explain(collector->link, reply, error);
        mxt_collector_say(collector, partition->said, error);
    }
    mxt_reply_free(reply);
    return is_ours;
}

static void start(struct mxt_collector *collector, struct mxt_crew_partition *partition)
{
    struct mxt_worker_config config = {.options = collector->config->options,
                                       .faults = collector->config->faults,
                                       .latency = mxt_beside_latency(collector->beside),
                                       .applied = partition->applied,
                                       .ended_fd = collector->ended_fd};
    if (!mxt_link_is_connected(collector->link) || !has_acquired(collector, partition, config.lease))
        return;
    memcpy(config.prefix, partition->prefix, sizeof config.prefix);
    partition->worker = mxt_worker_start(&config);
    if (partition->worker == NULL)
        mxt_collector_say(collector, partition->said, "no thread for a partition: out of memory, or too many threads");
}

void mxt_crew_reap(struct mxt_collector *collector)
{
    char sentence[MXT_COLLECTOR_SENTENCE];
    for (uint32_t i = 0; i < collector->partition_count; i++) {
        struct mxt_crew_partition *partition = &collector->partitions[i];
        if (partition->worker == NULL)
            continue;
        if (mxt_worker_has_ended(partition->worker)) {
            join(collector, partition);
        } else if (mxt_worker_counters(partition->worker).is_loaded) {
            partition->failures = 0;
            snprintf(sentence, sizeof sentence, "%s* is worked again", partition->prefix);
            mxt_collector_say_well(collector, partition->said, sentence);
        }
    }
}

static uint32_t count_held(const struct mxt_collector *collector)
{
    uint32_t held = 0;
    for (uint32_t i = 0; i < collector->partition_count; i++)
        held += collector->partitions[i].worker != NULL;
    return held;
}

void mxt_crew_balance(struct mxt_collector *collector)
{
    const bool is_once = collector->config->options->is_once;
    uint32_t held = count_held(collector);
    for (uint32_t i = collector->partition_count; i > 0 && held > collector->share; i--)
        if (collector->partitions[i - 1].worker != NULL) {
            mxt_worker_stop(collector->partitions[i - 1].worker);
            held--;
        }
    for (uint32_t i = 0; i < collector->partition_count && held < collector->share; i++) {
        struct mxt_crew_partition *partition = &collector->partitions[i];
        if (partition->worker != NULL || mxt_collector_now_ms() < partition->retry_ms || (is_once && partition->is_done))
            continue;
        start(collector, partition);
        held += partition->worker != NULL;
    }
}
