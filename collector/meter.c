#include "collector/meter.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/metrics_server.h"
#include "rules/rule.h"

struct mxt_meter {
    struct mxt_metrics_server *server; /* NULL: nobody asks */
    struct mxt_histogram latency;
    pthread_mutex_t lock; /* of what follows */
    struct mxt_sinks *sinks;
    struct mxt_meter_round round;
    struct mxt_meter_partition *partitions;
    uint32_t partition_count;
};

enum metric { INFO, REDIS, HELD, DUE, LAG, ENTRIES, RECORDS, SKIPPED, REJECTED, REFUSED, BATCHES, ALERTS, LATENCY, SINK_FAILING, SINK_BEHIND, SINK_DELIVERED, SINK_REFUSED, SINK_RETRIES, SINK_LOST };

/* clang-format off */
static const struct mxt_metric table[] = {
    [INFO]           = {"mxtap_collector_info", MXT_METRIC_GAUGE, "version", "1, for the program's version"},
    [REDIS]          = {"mxtap_collector_redis_up", MXT_METRIC_GAUGE, NULL, "1 while Redis answers"},
    [HELD]           = {"mxtap_collector_partition_held", MXT_METRIC_GAUGE, "partition", "1 where this collector holds the lease and works, by the beginning of the keys"},
    [DUE]            = {"mxtap_collector_partitions_due", MXT_METRIC_GAUGE, NULL, "partitions that are this collector's share"},
    [LAG]            = {"mxtap_collector_lag_entries", MXT_METRIC_GAUGE, "partition", "entries of the stream events that are not applied yet"},
    [ENTRIES]        = {"mxtap_collector_entries_total", MXT_METRIC_COUNTER, NULL, "entries of the stream events taken"},
    [RECORDS]        = {"mxtap_collector_records_total", MXT_METRIC_COUNTER, NULL, "records judged"},
    [SKIPPED]        = {"mxtap_collector_records_skipped_total", MXT_METRIC_COUNTER, NULL, "records that were not newer than what was known"},
    [REJECTED]       = {"mxtap_collector_rejected_total", MXT_METRIC_COUNTER, NULL, "entries that could not be read"},
    [REFUSED]        = {"mxtap_collector_refused_total", MXT_METRIC_COUNTER, NULL, "times that memory or a bound refused part of what records say, which is missing since"},
    [BATCHES]        = {"mxtap_collector_batches_total", MXT_METRIC_COUNTER, NULL, "batches applied in Redis"},
    [ALERTS]         = {"mxtap_collector_alerts_total", MXT_METRIC_COUNTER, "rule", "alerts told, by rule"},
    [LATENCY]        = {"mxtap_collector_alert_latency_seconds", MXT_METRIC_HISTOGRAM, NULL, "time from a record's arrival in Redis to its alert"},
    [SINK_FAILING]   = {"mxtap_sink_failing", MXT_METRIC_GAUGE, "sink", "1 while the sink cannot deliver"},
    [SINK_BEHIND]    = {"mxtap_sink_queue_entries", MXT_METRIC_GAUGE, "sink", "alerts in the streams that the sink has not read yet"},
    [SINK_DELIVERED] = {"mxtap_sink_delivered_total", MXT_METRIC_COUNTER, "sink", "alerts delivered"},
    [SINK_REFUSED]   = {"mxtap_sink_refused_total", MXT_METRIC_COUNTER, "sink", "alerts that the receiver would not have"},
    [SINK_RETRIES]   = {"mxtap_sink_retries_total", MXT_METRIC_COUNTER, "sink", "deliveries that were tried again"},
    [SINK_LOST]      = {"mxtap_sink_lost_total", MXT_METRIC_COUNTER, "sink", "alerts trimmed off the stream before they were read"},
};
/* clang-format on */

static void collect_partitions(const struct mxt_meter *meter, struct mxt_metrics_page *page)
{
    mxt_metrics_begin(page, &table[HELD]);
    for (uint32_t i = 0; i < meter->partition_count; i++)
        mxt_metrics_sample(page, meter->partitions[i].prefix, meter->partitions[i].is_held);
    mxt_metrics_begin(page, &table[LAG]);
    for (uint32_t i = 0; i < meter->partition_count; i++)
        if (meter->partitions[i].has_lag)
            mxt_metrics_sample(page, meter->partitions[i].prefix, (double)meter->partitions[i].lag);
}

static void collect_work(const struct mxt_meter *meter, struct mxt_metrics_page *page)
{
    const struct mxt_keeper_counters *keeper = &meter->round.counters.keeper;
    mxt_metrics_one(page, &table[ENTRIES], (double)keeper->entries);
    mxt_metrics_one(page, &table[RECORDS], (double)keeper->records);
    mxt_metrics_one(page, &table[SKIPPED], (double)keeper->skipped);
    mxt_metrics_one(page, &table[REJECTED], (double)keeper->rejected);
    mxt_metrics_one(page, &table[REFUSED], (double)keeper->refused);
    mxt_metrics_one(page, &table[BATCHES], (double)meter->round.counters.batches);
    mxt_metrics_begin(page, &table[ALERTS]);
    for (enum mxt_rule rule = (enum mxt_rule)(MXT_RULE_NONE + 1); rule < MXT_RULES; rule++) {
        const struct mxt_rule_info *info = mxt_rule_info(rule);
        if (info != NULL)
            mxt_metrics_sample(page, info->name, (double)keeper->alerts_of[rule]);
    }
}

static double sink_value(const struct mxt_sink_state *state, enum metric metric)
{
    switch (metric) {
    case SINK_FAILING: return state->is_failing;
    case SINK_BEHIND: return (double)state->behind;
    case SINK_DELIVERED: return (double)state->delivered;
    case SINK_REFUSED: return (double)state->refused;
    case SINK_RETRIES: return (double)state->retries;
    default: return (double)state->lost;
    }
}

static void collect_sinks(struct mxt_sinks *sinks, struct mxt_metrics_page *page)
{
    for (enum metric metric = SINK_FAILING; metric <= SINK_LOST; metric++) {
        mxt_metrics_begin(page, &table[metric]);
        for (size_t i = 0; i < mxt_sinks_count(sinks); i++) {
            struct mxt_sink_state state = mxt_sinks_state(sinks, i);
            mxt_metrics_sample(page, state.name, sink_value(&state, metric));
        }
    }
}

static void collect(void *context, struct mxt_metrics_page *page)
{
    struct mxt_meter *meter = context;
    mxt_metrics_begin(page, &table[INFO]);
    mxt_metrics_sample(page, MXTAP_VERSION, 1);
    pthread_mutex_lock(&meter->lock);
    mxt_metrics_one(page, &table[REDIS], meter->round.is_redis_well);
    mxt_metrics_one(page, &table[DUE], meter->round.due);
    collect_partitions(meter, page);
    collect_work(meter, page);
    if (meter->sinks != NULL)
        collect_sinks(meter->sinks, page);
    pthread_mutex_unlock(&meter->lock);
    mxt_metrics_times(page, &table[LATENCY], &meter->latency);
}

static bool is_well(void *context, char *why)
{
    struct mxt_meter *meter = context;
    pthread_mutex_lock(&meter->lock);
    const struct mxt_meter_round round = meter->round;
    pthread_mutex_unlock(&meter->lock);
    if (!round.is_redis_well)
        snprintf(why, MXT_METRICS_WHY, "Redis does not answer");
    else
        snprintf(why, MXT_METRICS_WHY, "%u of %u partitions are worked", round.held, round.due);
    return round.is_redis_well && round.held >= round.due;
}

struct mxt_meter *mxt_meter_new(const struct mxt_metrics_config *config, const struct mxt_faults *faults)
{
    char error[MXT_METRICS_WHY] = "out of memory";
    struct mxt_meter *meter = calloc(1, sizeof *meter);
    bool is_whole = meter != NULL;
    if (is_whole)
        pthread_mutex_init(&meter->lock, NULL);
    if (is_whole && config->port != 0) {
        const struct mxt_metrics_source source = {.collect = collect, .is_well = is_well, .context = meter};
        meter->server = mxt_metrics_open(config, error);
        is_whole = meter->server != NULL && mxt_metrics_start(meter->server, &source) == MXT_OK;
    }
    if (is_whole)
        return meter;
    faults->tell(faults->context, error);
    mxt_meter_free(meter);
    return NULL;
}

void mxt_meter_free(struct mxt_meter *meter)
{
    if (meter == NULL)
        return;
    mxt_metrics_close(meter->server);
    pthread_mutex_destroy(&meter->lock);
    free(meter->partitions);
    free(meter);
}

struct mxt_histogram *mxt_meter_latency(struct mxt_meter *meter)
{
    return &meter->latency;
}

void mxt_meter_sinks(struct mxt_meter *meter, struct mxt_sinks *sinks)
{
    pthread_mutex_lock(&meter->lock);
    meter->sinks = sinks;
    pthread_mutex_unlock(&meter->lock);
}

void mxt_meter_note(struct mxt_meter *meter, const struct mxt_meter_round *round, const struct mxt_meter_partition *partitions, uint32_t count)
{
    struct mxt_meter_partition *copy = calloc(count + 1, sizeof *copy);
    if (copy == NULL)
        return;
    memcpy(copy, partitions, count * sizeof *copy);
    pthread_mutex_lock(&meter->lock);
    free(meter->partitions);
    meter->partitions = copy;
    meter->partition_count = count;
    meter->round = *round;
    pthread_mutex_unlock(&meter->lock);
}
