#include "sensor/gauges.h"

#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/metrics.h"
#include "collector/metrics_server.h"
#include "rules/rule.h"
#include "sensor/confine.h"
#include "sensor/station.h"

struct mxt_gauges {
    const struct mxt_options *options;
    struct mxt_metrics_server *server; /* NULL: nobody asks */
    pthread_mutex_t lock;
    struct mxt_gauges_reading reading; /* under the lock */
};

/* A metric that is a counter of health as it stands. */
struct plain {
    struct mxt_metric metric;
    size_t at;
};

/* Why packets or records are missing: one metric, a label each. */
struct cause {
    const char *label;
    size_t at;
};

/* clang-format off */
#define AT(member)           offsetof(struct mxt_health, member)
#define COUNTER(name, help)  {"mxtap_sensor_" name "_total", MXT_METRIC_COUNTER, NULL, help}
#define GAUGE(name, help)    {"mxtap_sensor_" name, MXT_METRIC_GAUGE, NULL, help}

static const struct plain plains[] = {
    {COUNTER("packets", "frames seen"), AT(packets)},
    {COUNTER("bytes", "bytes of them"), AT(bytes)},
    {COUNTER("segments", "TCP segments of mail ports"), AT(segments)},
    {COUNTER("flows", "connections seen"), AT(flows)},
    {GAUGE("flows_active", "connections followed now"), AT(flows_active)},
    {GAUGE("memory_bytes", "bytes for connections and what is held of them"), AT(memory)},
    {COUNTER("sessions", "SMTP sessions that have ended"), AT(sessions)},
    {COUNTER("sessions_encrypted", "of them: TLS established"), AT(sessions_encrypted)},
    {COUNTER("sessions_exposed", "of them: a message crossed in the clear"), AT(sessions_plaintext)},
    {COUNTER("sessions_certificate_unseen", "encrypted sessions whose certificate was not visible"), AT(certificate_unseen)},
    {COUNTER("sessions_one_sided", "sessions of which one direction only was seen"), AT(one_sided)},
    {COUNTER("sessions_midstream", "sessions that had begun before the capture"), AT(midstream)},
    {COUNTER("messages", "messages seen"), AT(messages)},
    {COUNTER("messages_exposed", "of them: in the clear"), AT(messages_exposed)},
    {COUNTER("messages_delivered", "of them: accepted by the server"), AT(messages_delivered)},
    {COUNTER("gap_bytes", "bytes of sessions that were not captured"), AT(gap_bytes)},
    {COUNTER("conflicting_overlaps", "bytes that came twice and differed"), AT(conflicting_overlaps)},
    {COUNTER("alerts", "alerts told, where this sensor judges"), AT(alerts)},
    {COUNTER("suppressed", "findings that raise nothing: switched off or suppressed"), AT(suppressed)},
    {COUNTER("refused", "allocations that were refused"), AT(refused)},
};

static const struct plain redis_plains[] = {
    {COUNTER("published", "events that Redis has acknowledged"), AT(published)},
    {COUNTER("spooled", "events that were put to disk"), AT(spooled)},
    {GAUGE("spool_records", "events on disk now"), AT(spool_records)},
    {GAUGE("spool_bytes", "their bytes"), AT(spool_bytes)},
};

static const struct cause causes[] = {
    {"kernel", AT(kernel_drops)}, {"interface", AT(interface_drops)}, {"worker", AT(handed_lost)}, {"fragments", AT(fragments_dropped)}, {"malformed", AT(malformed)},
    {"checksum", AT(bad_checksums_dropped)}, {"flow_limit", AT(evicted)}, {"queue", AT(lost_queue)}, {"spool", AT(lost_spool)},
};

static const struct mxt_metric info = {"mxtap_sensor_info", MXT_METRIC_GAUGE, "version", "1, for the program's version"};
static const struct mxt_metric dropped = {"mxtap_sensor_dropped_total", MXT_METRIC_COUNTER, "cause", "frames, connections and records lost, by cause"};
static const struct mxt_metric findings = {"mxtap_sensor_findings_total", MXT_METRIC_COUNTER, "rule", "findings of sessions that have ended, by rule"};
static const struct mxt_metric share = GAUGE("protected_share", "of the sessions that carried mail: the share that was encrypted");
static const struct mxt_metric queue_records = GAUGE("queue_records", "records on their way to the judge or to Redis");
static const struct mxt_metric queue_bytes = GAUGE("queue_bytes", "their bytes");
static const struct mxt_metric redis_up = GAUGE("redis_up", "1 while Redis answers");
static const struct mxt_metric latency = GAUGE("redis_latency_seconds", "the longest time from a record to its acknowledgement in the last minute");
/* clang-format on */

static double read_at(const struct mxt_health *health, size_t at)
{
    uint64_t value;
    memcpy(&value, (const char *)health + at, sizeof value);
    return (double)value;
}

static void collect_plain(struct mxt_metrics_page *page, const struct mxt_health *health, const struct plain *all, size_t count)
{
    for (size_t i = 0; i < count; i++)
        mxt_metrics_one(page, &all[i].metric, read_at(health, all[i].at));
}

static void collect_findings(struct mxt_metrics_page *page, const struct mxt_gauges_reading *reading)
{
    mxt_metrics_begin(page, &findings);
    for (enum mxt_rule rule = (enum mxt_rule)(MXT_RULE_NONE + 1); rule < MXT_RULES; rule++) {
        const struct mxt_rule_info *known = mxt_rule_info(rule);
        if (known != NULL)
            mxt_metrics_sample(page, known->name, (double)reading->findings_of[rule]);
    }
}

static void collect_redis(struct mxt_metrics_page *page, const struct mxt_gauges_reading *reading)
{
    mxt_metrics_one(page, &redis_up, reading->is_redis_up);
    mxt_metrics_one(page, &latency, (double)reading->health.redis_latency_us / 1e6);
    collect_plain(page, &reading->health, redis_plains, sizeof redis_plains / sizeof redis_plains[0]);
}

static void collect(void *context, struct mxt_metrics_page *page)
{
    struct mxt_gauges *gauges = context;
    pthread_mutex_lock(&gauges->lock);
    const struct mxt_gauges_reading reading = gauges->reading;
    pthread_mutex_unlock(&gauges->lock);
    mxt_metrics_begin(page, &info);
    mxt_metrics_sample(page, MXTAP_VERSION, 1);
    collect_plain(page, &reading.health, plains, sizeof plains / sizeof plains[0]);
    mxt_metrics_begin(page, &dropped);
    for (size_t i = 0; i < sizeof causes / sizeof causes[0]; i++)
        mxt_metrics_sample(page, causes[i].label, read_at(&reading.health, causes[i].at));
    uint64_t carried = reading.health.sessions_encrypted + reading.health.sessions_plaintext;
    mxt_metrics_begin(page, &share);
    if (carried > 0) /* else it is not known */
        mxt_metrics_sample(page, NULL, (double)reading.health.sessions_encrypted / (double)carried);
    collect_findings(page, &reading);
    mxt_metrics_one(page, &queue_records, (double)reading.queue_records);
    mxt_metrics_one(page, &queue_bytes, (double)reading.queue_bytes);
    if (reading.has_redis)
        collect_redis(page, &reading);
}

/* A sensor whose Redis is away spools and is well all the same; one that loses records is not. */
static bool is_well(void *context, char *why)
{
    struct mxt_gauges *gauges = context;
    pthread_mutex_lock(&gauges->lock);
    bool is_losing = gauges->reading.has_redis && !gauges->reading.is_redis_up && (gauges->options->spool_directory == NULL || gauges->reading.health.lost_queue > 0);
    pthread_mutex_unlock(&gauges->lock);
    if (is_losing)
        snprintf(why, MXT_METRICS_WHY, "Redis is away, and records are lost or soon will be");
    return !is_losing;
}

static bool began(void *context)
{
    const struct mxt_gauges *gauges = context;
    mxt_confine_thread(gauges->options, MXT_SANDBOX_METRICS);
    return true;
}

struct mxt_gauges *mxt_gauges_open(const struct mxt_options *options)
{
    char error[MXT_METRICS_WHY] = "out of memory";
    struct mxt_gauges *gauges = calloc(1, sizeof *gauges);
    if (gauges != NULL) {
        gauges->options = options;
        pthread_mutex_init(&gauges->lock, NULL);
        if (options->metrics.port == 0 || (gauges->server = mxt_metrics_open(&options->metrics, error)) != NULL)
            return gauges;
    }
    mxt_station_complain(error);
    mxt_gauges_free(gauges);
    return NULL;
}

enum mxt_status mxt_gauges_start(struct mxt_gauges *gauges)
{
    const struct mxt_metrics_source source = {.began = began, .collect = collect, .is_well = is_well, .context = gauges};
    if (gauges->server == NULL || mxt_metrics_start(gauges->server, &source) == MXT_OK)
        return MXT_OK;
    mxt_station_complain("the system gives no thread; look at the limits of processes and tasks (ulimit -u, TasksMax)");
    return MXT_ENOMEM;
}

bool mxt_gauges_is_asked(const struct mxt_gauges *gauges)
{
    return gauges->server != NULL;
}

void mxt_gauges_note(struct mxt_gauges *gauges, const struct mxt_gauges_reading *reading)
{
    pthread_mutex_lock(&gauges->lock);
    gauges->reading = *reading;
    pthread_mutex_unlock(&gauges->lock);
}

void mxt_gauges_free(struct mxt_gauges *gauges)
{
    if (gauges == NULL)
        return;
    mxt_metrics_close(gauges->server);
    pthread_mutex_destroy(&gauges->lock);
    free(gauges);
}
