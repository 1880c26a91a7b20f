#include "sensor/station.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "rules/knowledge.h"
#include "rules/ledger.h"
#include "sensor/knowledge_file.h"
#include "sensor/output.h"
#include "collector/policy_files.h"

/* An engine and what is its alone. */
struct post {
    struct mxt_engine *engine;
    struct mxt_trust *trust;
};

struct mxt_station {
    const struct mxt_options *options;
    bool is_live;
    pthread_mutex_t lock; /* of all that records change */
    struct mxt_memory *memory;
    struct mxt_knowledge_file *knowledge; /* NULL: none is kept */
    struct mxt_output_writer *output;
    struct mxt_ledger *ledger;
    struct post posts[MXT_STATION_ENGINES];
    size_t post_count;
    uint64_t alerts;
    uint64_t transit; /* sessions between strangers, by the home networks */
    uint64_t refused; /* allocations, known at the end */
};

void mxt_station_complain(const char *sentence)
{
    fprintf(stderr, "mxtap-sensor: %s\n", sentence);
}

static void complain(void *context, const char *sentence)
{
    (void)context;
    mxt_station_complain(sentence);
}

static void on_record(void *context, const struct mxt_record *record, struct mxt_arena *arena)
{
    struct mxt_station *station = context;
    pthread_mutex_lock(&station->lock);
    mxt_ledger_take(station->ledger, record, NULL, 0, arena);
    if (station->knowledge != NULL) /* only records teach, so here is often enough, however few frames come */
        mxt_knowledge_file_tick(station->knowledge, time(NULL));
    pthread_mutex_unlock(&station->lock);
}

static void on_judged(void *context, const struct mxt_record *record, const struct mxt_judged *judged)
{
    struct mxt_station *station = context;
    station->transit += !judged->is_again && record->final && record->hop == MXT_HOP_TRANSIT;
    mxt_output_session(station->output, record, judged);
}

/* Replay: all, at the end. Live: when it is raised, graver or withdrawn. */
static void on_alert(void *context, const struct mxt_alert *alert)
{
    struct mxt_station *station = context;
    mxt_output_alert(station->output, alert);
}

/* At the end, of each alert. */
static void on_last_alert(void *context, const struct mxt_alert *alert)
{
    struct mxt_station *station = context;
    station->alerts++;
    if (station->is_live)
        mxt_output_count_alert(station->output, alert);
    else
        mxt_output_alert(station->output, alert);
}

/* A key for hash tables, so that nobody can aim collisions at them. The clock serves where the kernel gives none. */
static uint64_t random_seed(void)
{
    uint64_t seed;
    return getrandom(&seed, sizeof seed, GRND_NONBLOCK) == sizeof seed ? seed : (uint64_t)time(NULL);
}

/* Policies and what an earlier run has kept. */
static bool read_knowledge(struct mxt_station *station)
{
    static const struct mxt_faults faults = {.tell = complain};
    const struct mxt_options *options = station->options;
    struct mxt_memory_limits limits = MXT_MEMORY_LIMITS_DEFAULT;
    limits.seed = random_seed();
    station->memory = mxt_memory_new_limited(&limits);
    if (station->memory == NULL) {
        mxt_station_complain("out of memory");
        return false;
    }
    if (options->policies != NULL && mxt_policy_files_read(station->memory, options->policies, &faults) != MXT_OK)
        return false;
    if (options->knowledge == NULL)
        return true;
    enum mxt_status status = mxt_knowledge_file_open(options->knowledge, station->memory, time(NULL), &faults, &station->knowledge);
    if (status == MXT_ENOMEM)
        mxt_station_complain("out of memory");
    return status == MXT_OK;
}

static bool open_judge(struct mxt_station *station)
{
    struct mxt_ledger_config judge = {.judge = &station->options->judge,
                                      .memory = station->memory,
                                      .alerts_limits = MXT_ALERTS_LIMITS_DEFAULT,
                                      .teller = {.tell = station->is_live ? on_alert : NULL, .context = station},
                                      .judged = on_judged,
                                      .context = station};
    judge.alerts_limits.seed = random_seed();
    station->output = mxt_output_new(stdout, station->options->output, station->is_live, isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL);
    station->ledger = mxt_ledger_new(&judge);
    if (station->output != NULL && station->ledger != NULL)
        return true;
    mxt_station_complain("out of memory");
    return false;
}

struct mxt_station *mxt_station_open(const struct mxt_options *options)
{
    struct mxt_station *station = calloc(1, sizeof *station);
    if (station == NULL) {
        mxt_station_complain("out of memory");
        return NULL;
    }
    station->options = options;
    station->is_live = options->interface_count > 0;
    pthread_mutex_init(&station->lock, NULL);
    if (read_knowledge(station) && open_judge(station))
        return station;
    mxt_station_free(station);
    return NULL;
}

void mxt_station_free(struct mxt_station *station)
{
    if (station == NULL)
        return;
    for (size_t i = 0; i < station->post_count; i++) {
        mxt_engine_free(station->posts[i].engine);
        mxt_trust_free(station->posts[i].trust);
    }
    mxt_ledger_free(station->ledger);
    mxt_output_free(station->output);
    mxt_knowledge_file_free(station->knowledge);
    mxt_memory_free(station->memory);
    pthread_mutex_destroy(&station->lock);
    free(station);
}

struct mxt_engine *mxt_station_add_engine(struct mxt_station *station)
{
    const struct mxt_options *options = station->options;
    char error[MXT_FAULT_TEXT];
    if (station->post_count == MXT_STATION_ENGINES) {
        mxt_station_complain("too many workers");
        return NULL;
    }
    struct post *post = &station->posts[station->post_count++];
    if ((post->trust = mxt_trust_open(options->trust, error, sizeof error)) == NULL) {
        mxt_station_complain(error);
        return NULL;
    }
    struct mxt_engine_config config = {
        .session = {.sensor = options->sensor,
                    .smtp_limits = MXT_SMTP_LIMITS_DEFAULT,
                    .tls_limits = MXT_TLS_LIMITS_DEFAULT,
                    .trust = post->trust,
                    .home = &options->home},
        .ports = options->ports,
        .packet_limits = MXT_PACKET_LIMITS_DEFAULT,
        .tcp_limits = MXT_TCP_LIMITS_DEFAULT,
        .flow_limits = MXT_FLOW_LIMITS_DEFAULT,
        .hash_seed = random_seed(),
        .record = on_record,
        .context = station,
    };
    config.session.smtp_limits.drop_local_parts = options->domains_only;
    post->engine = mxt_engine_new(&config);
    if (post->engine == NULL)
        mxt_station_complain("out of memory");
    return post->engine;
}

bool mxt_station_is_broken(const struct mxt_station *station)
{
    return mxt_output_status(station->output) != MXT_OK;
}

/* What the alerts rest on is whose networks these are. */
static void advise(const struct mxt_station *station, struct mxt_health *health)
{
    if (health->advice == NULL && station->transit * 2 > health->sessions)
        health->advice = "Most sessions are between networks that are not yours: say with --home-net which networks are, and with --home-domain which domains.";
    if (health->advice != NULL)
        mxt_station_complain(health->advice);
}

void mxt_station_health(struct mxt_station *station, struct mxt_health *health, bool is_asked_for)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    health->timestamp_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
    pthread_mutex_lock(&station->lock);
    health->suppressed = mxt_ledger_suppressed(station->ledger);
    health->refused += mxt_ledger_refused(station->ledger);
    mxt_output_health(station->output, health, is_asked_for);
    pthread_mutex_unlock(&station->lock);
}

void mxt_station_finish(struct mxt_station *station, const struct mxt_health *beside)
{
    struct mxt_health health = {.sensor = station->options->sensor};
    if (beside != NULL)
        mxt_health_add(&health, beside);
    for (size_t i = 0; i < station->post_count; i++) {
        struct mxt_health part;
        mxt_engine_finish(station->posts[i].engine);
        mxt_engine_health(station->posts[i].engine, &part);
        mxt_health_add(&health, &part);
    }
    mxt_ledger_alerts(station->ledger, on_last_alert, station);
    health.final = true;
    health.alerts = station->alerts;
    health.suppressed = mxt_ledger_suppressed(station->ledger);
    health.refused += mxt_ledger_refused(station->ledger);
    station->refused = health.refused;
    advise(station, &health);
    mxt_output_finish(station->output, &health);
}

int mxt_station_conclude(struct mxt_station *station)
{
    int exit_status = 0;
    if (station->refused > 0) {
        fprintf(stderr, "mxtap-sensor: %llu allocations were refused: some facts or alerts are missing\n", (unsigned long long)station->refused);
        exit_status = 1;
    }
    enum mxt_status written = mxt_output_status(station->output);
    if (written != MXT_OK) {
        fprintf(stderr, "mxtap-sensor: standard output: %s; the output is not complete\n", written == MXT_EIO ? strerror(errno) : mxt_strstatus(written));
        exit_status = 1;
    }
    if (station->knowledge != NULL && mxt_knowledge_file_write(station->knowledge) != MXT_OK)
        exit_status = 1;
    return exit_status;
}
