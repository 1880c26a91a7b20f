#include "sensor/publishing.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sensor/confine.h"

#define PATIENCE_MS 10000u   /* a replay gives Redis up when nothing moves for so long */
#define LIVE_END_MS 2000u    /* a live sensor leaves within four seconds: what Redis has not taken by then goes to the spool, for which there must be time too */
#define CONNECT_MS 1000u     /* the queue fills while this waits */
#define REPLY_MS 5000u
#define SENTENCE 600

struct mxt_publishing {
    const struct mxt_options *options;
    const struct mxt_faults *faults;
    struct mxt_outbox *outbox;
    struct mxt_spool *spool; /* NULL: none */
    struct mxt_publisher *publisher;
    bool is_running, is_live;
    uint64_t left; /* records that Redis does not have */
    int write_error; /* of standard output */
};

static bool confine(void *context)
{
    const struct mxt_publishing *publishing = context;
    mxt_confine_thread(publishing->options, MXT_SANDBOX_PUBLISHER);
    return true;
}

static bool open_publisher(struct mxt_publishing *publishing)
{
    struct mxt_publisher_config config = {
        .link = publishing->options->redis,
        .sensor = publishing->options->sensor,
        .outbox = publishing->outbox,
        .spool = publishing->spool,
        .faults = publishing->faults,
        .patience_ms = publishing->is_live ? 0 : PATIENCE_MS,
    };
    config.began = confine;
    config.context = publishing;
    config.link.connect_timeout_ms = CONNECT_MS;
    config.link.reply_timeout_ms = REPLY_MS;
    return (publishing->publisher = mxt_publisher_new(&config)) != NULL;
}

struct mxt_publishing *mxt_publishing_open(const struct mxt_options *options, struct mxt_outbox *outbox, const struct mxt_faults *faults)
{
    struct mxt_publishing *publishing = calloc(1, sizeof *publishing);
    if (publishing == NULL) {
        faults->tell(faults->context, "out of memory");
        return NULL;
    }
    publishing->options = options;
    publishing->faults = faults;
    publishing->outbox = outbox;
    publishing->is_live = options->interface_count > 0;
    if (options->policies != NULL || options->knowledge != NULL)
        faults->tell(faults->context, "--redis: the collector judges, not this sensor: --policies and --knowledge are not used here");
    bool is_good = options->spool_directory == NULL || (publishing->spool = mxt_spool_open(options->spool_directory, options->spool_limit, faults)) != NULL;
    if (is_good && open_publisher(publishing))
        return publishing;
    mxt_publishing_free(publishing);
    return NULL;
}

void mxt_publishing_free(struct mxt_publishing *publishing)
{
    if (publishing == NULL)
        return;
    if (publishing->is_running) {
        mxt_publisher_hurry(publishing->publisher, 1);
        mxt_publisher_finish(publishing->publisher);
    }
    mxt_publisher_free(publishing->publisher);
    mxt_spool_close(publishing->spool);
    free(publishing);
}

enum mxt_status mxt_publishing_start(struct mxt_publishing *publishing)
{
    enum mxt_status status = mxt_publisher_start(publishing->publisher);
    publishing->is_running = status == MXT_OK;
    return status;
}

bool mxt_publishing_is_broken(struct mxt_publishing *publishing)
{
    return mxt_publisher_has_failed(publishing->publisher);
}

struct mxt_publisher_counters mxt_publishing_counters(struct mxt_publishing *publishing)
{
    return mxt_publisher_counters(publishing->publisher);
}

void mxt_publishing_complete(struct mxt_publishing *publishing, struct mxt_health *health)
{
    struct mxt_publisher_counters counters = mxt_publisher_counters(publishing->publisher);
    health->published = counters.published;
    health->spooled = counters.spooled;
    health->spool_records = counters.spool_records;
    health->spool_bytes = counters.spool_bytes;
    health->lost_queue = counters.lost_queue;
    health->lost_spool = counters.lost_spool;
    health->redis_latency_us = counters.latency_us;
}

static void print_health(FILE *stream, const struct mxt_health *health)
{
    struct mxt_json json = {0};
    if (mxt_event_encode_health(&json, health) == MXT_OK && mxt_json_end(&json) != NULL)
        fprintf(stream, "%s\n", mxt_json_end(&json));
    mxt_json_free(&json);
}

void mxt_publishing_health(struct mxt_publishing *publishing, struct mxt_health *health, bool is_asked_for)
{
    mxt_publishing_complete(publishing, health);
    (void)!mxt_outbox_health(publishing->outbox, health); /* counts what it does not take */
    if (is_asked_for)
        print_health(stderr, health);
}

/* For people on standard output: what went where. */
static void print_summary(const struct mxt_publishing *publishing, const struct mxt_health *health)
{
    printf("%" PRIu64 " sessions of %" PRIu64 " packets; Redis has taken %" PRIu64 " events (%s)\n", health->sessions, health->packets, health->published,
           publishing->options->redis.url);
}

void mxt_publishing_hurry(struct mxt_publishing *publishing)
{
    if (publishing->is_live)
        mxt_publisher_hurry(publishing->publisher, LIVE_END_MS);
}

void mxt_publishing_finish(struct mxt_publishing *publishing, struct mxt_health *health)
{
    mxt_publishing_health(publishing, health, false);
    mxt_outbox_close(publishing->outbox);
    publishing->left = mxt_publisher_finish(publishing->publisher);
    publishing->is_running = false;
    mxt_publishing_complete(publishing, health);
    if (publishing->options->output == MXT_OUTPUT_JSON)
        print_health(stdout, health);
    else
        print_summary(publishing, health);
    if (fflush(stdout) != 0)
        publishing->write_error = errno;
}

bool mxt_publishing_conclude(struct mxt_publishing *publishing)
{
    char sentence[SENTENCE];
    struct mxt_publisher_counters counters = mxt_publisher_counters(publishing->publisher);
    uint64_t lost = counters.lost_queue + counters.lost_spool;
    if (counters.spool_records > 0) {
        snprintf(sentence, sizeof sentence, "%" PRIu64 " events wait in the spool %.400s: they go out with the next run that uses it", counters.spool_records,
                 publishing->options->spool_directory);
        publishing->faults->tell(publishing->faults->context, sentence);
    }
    if (lost > 0) {
        snprintf(sentence, sizeof sentence, "%" PRIu64 " events are lost: Redis did not take them%s", lost,
                 publishing->spool == NULL ? ", and there is no spool (spool.directory)" : ", nor did the spool");
        publishing->faults->tell(publishing->faults->context, sentence);
    }
    if (publishing->write_error != 0) {
        snprintf(sentence, sizeof sentence, "standard output: %s; the output is not complete", strerror(publishing->write_error));
        publishing->faults->tell(publishing->faults->context, sentence);
    }
    return publishing->left == 0 && publishing->write_error == 0;
}
