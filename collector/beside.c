#include "collector/beside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/ask.h"
#include "collector/sink.h"
#include "collector/worker_int.h"

struct mxt_beside {
    const struct mxt_faults *faults;
    struct mxt_meter *meter;
    struct mxt_sinks *sinks;             /* NULL: none are configured */
    struct mxt_worker_counters past;     /* of workers that have ended */
    char (*held)[MXT_PARTITION_KEY];     /* what the sinks were told */
    uint32_t held_count;
};

/* The sinks of the options, running. *out NULL: there are none. False: told. */
static bool open_sinks(const struct mxt_beside *beside, const struct mxt_collector_options *options, struct mxt_sinks **out)
{
    *out = NULL;
    if (options->sinks.count == 0)
        return true;
    *out = mxt_sinks_new(&options->sinks, &options->redis, beside->faults);
    if (*out != NULL && mxt_sinks_start(*out) == MXT_OK)
        return true;
    mxt_sinks_free(*out);
    *out = NULL;
    return false;
}

struct mxt_beside *mxt_beside_open(const struct mxt_collector_options *options, const struct mxt_faults *faults)
{
    struct mxt_beside *beside = calloc(1, sizeof *beside);
    if (beside == NULL) {
        faults->tell(faults->context, "out of memory");
        return NULL;
    }
    beside->faults = faults;
    if (open_sinks(beside, options, &beside->sinks) && (beside->meter = mxt_meter_new(&options->metrics, faults)) != NULL) {
        mxt_meter_sinks(beside->meter, beside->sinks);
        return beside;
    }
    mxt_beside_close(beside, 0);
    return NULL;
}

bool mxt_beside_close(struct mxt_beside *beside, int drain_ms)
{
    if (beside == NULL)
        return true;
    bool is_drained = beside->sinks == NULL || drain_ms == 0 || mxt_sinks_drain(beside->sinks, drain_ms);
    mxt_meter_free(beside->meter);
    mxt_sinks_free(beside->sinks);
    free(beside->held);
    free(beside);
    return is_drained;
}

bool mxt_beside_reload(struct mxt_beside *beside, const struct mxt_collector_options *options)
{
    struct mxt_sinks *sinks;
    if (!open_sinks(beside, options, &sinks))
        return false;
    mxt_meter_sinks(beside->meter, sinks);
    mxt_sinks_free(beside->sinks);
    beside->sinks = sinks;
    beside->held_count = 0; /* the new ones hold nothing yet */
    return true;
}

struct mxt_histogram *mxt_beside_latency(struct mxt_beside *beside)
{
    return mxt_meter_latency(beside->meter);
}

void mxt_beside_add(struct mxt_worker_counters *sum, const struct mxt_worker_counters *part)
{
    sum->batches += part->batches;
    sum->keeper.entries += part->keeper.entries;
    sum->keeper.records += part->keeper.records;
    sum->keeper.skipped += part->keeper.skipped;
    sum->keeper.rejected += part->keeper.rejected;
    sum->keeper.refused += part->keeper.refused;
    sum->keeper.alerts += part->keeper.alerts;
    for (size_t i = 0; i < MXT_RULES; i++)
        sum->keeper.alerts_of[i] += part->keeper.alerts_of[i];
}

void mxt_beside_left(struct mxt_beside *beside, const struct mxt_worker_counters *counters)
{
    mxt_beside_add(&beside->past, counters);
}

static bool is_among(const struct mxt_meter_partition *partitions, uint32_t count, const char *prefix)
{
    for (uint32_t i = 0; i < count; i++)
        if (partitions[i].is_held && strcmp(partitions[i].prefix, prefix) == 0)
            return true;
    return false;
}

static bool was_held(const struct mxt_beside *beside, const char *prefix)
{
    for (uint32_t i = 0; i < beside->held_count; i++)
        if (strcmp(beside->held[i], prefix) == 0)
            return true;
    return false;
}

/* Tells the sinks which partitions are theirs now. */
static void hold(struct mxt_beside *beside, const struct mxt_meter_partition *partitions, uint32_t count)
{
    char(*held)[MXT_PARTITION_KEY] = calloc(count + 1, sizeof *held);
    uint32_t held_count = 0;
    if (held == NULL)
        return; /* the next round tries again */
    for (uint32_t i = 0; i < beside->held_count; i++)
        if (!is_among(partitions, count, beside->held[i]))
            (void)!mxt_sinks_hold(beside->sinks, beside->held[i], false);
    for (uint32_t i = 0; i < count; i++)
        if (partitions[i].is_held && (was_held(beside, partitions[i].prefix) || mxt_sinks_hold(beside->sinks, partitions[i].prefix, true) == MXT_OK))
            memcpy(held[held_count++], partitions[i].prefix, sizeof *held);
    free(beside->held);
    beside->held = held;
    beside->held_count = held_count;
}

/* Redis itself counts how far the consumer group, which the worker moves along, is behind. */
static void look_at_lag(struct mxt_link *link, struct mxt_meter_partition *partition)
{
    char key[MXT_PARTITION_KEY + 8];
    snprintf(key, sizeof key, "%sevents", partition->prefix);
    redisReply *reply = mxt_link_call(link, 3, (const char *const[]){"XINFO", "GROUPS", key}, NULL);
    for (size_t i = 0; reply != NULL && reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++) {
        const redisReply *lag = mxt_reply_field(reply->element[i], "lag");
        if (!mxt_reply_is_text(mxt_reply_field(reply->element[i], "name"), MXT_WORKER_GROUP) || lag == NULL || lag->type != REDIS_REPLY_INTEGER)
            continue;
        partition->has_lag = true;
        partition->lag = (uint64_t)lag->integer;
    }
    mxt_reply_free(reply);
}

void mxt_beside_round(struct mxt_beside *beside, struct mxt_link *link, struct mxt_meter_partition *partitions, uint32_t count, struct mxt_meter_round *round)
{
    if (beside->sinks != NULL)
        hold(beside, partitions, count);
    for (uint32_t i = 0; i < count; i++)
        if (partitions[i].is_held && link != NULL && mxt_link_is_connected(link))
            look_at_lag(link, &partitions[i]);
    mxt_beside_add(&round->counters, &beside->past);
    mxt_meter_note(beside->meter, round, partitions, count);
}
