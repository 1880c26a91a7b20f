#include "sensor/station.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "sensor/confine.h"
#include "sensor/judging.h"
#include "sensor/keep_file.h"
#include "sensor/mirror.h"
#include "sensor/publishing.h"
#include "sensor/seed.h"

#define OUTBOX_BYTES (4u << 20) /* some thousand records: more than are made while one is judged */
#define QUEUE_BYTES (64u << 20) /* for Redis: what comes while a connection is tried, at thousands of records a second */

/* An engine and what is its alone. */
struct post {
    struct mxt_engine *engine;
    struct mxt_trust *trust;
};

/* How far the end has come. */
enum stage { TAKING_PACKETS, CONSUMING, KEEPING };

struct mxt_station {
    const struct mxt_options *options;
    struct mxt_outbox *outbox;
    struct mxt_judging *judging;       /* NULL: */
    struct mxt_publishing *publishing; /* it is judged elsewhere */
    struct post posts[MXT_STATION_ENGINES];
    size_t post_count;
    int64_t start_us;          /* live: when it began; 0 in a replay, so that replays compare */
    atomic_uint_fast64_t sequence; /* of the last record: engines run in threads of their own */
    atomic_uint_fast64_t findings_of[MXT_RULES]; /* of final records */
    atomic_int stage; /* enum stage */
    uint64_t refused; /* allocations, known at the end */
    bool has_lost_packets; /* that were to be kept */
    struct mxt_keep_file *keep; /* NULL: no packets are kept */
    struct mxt_health told; /* the health last told, and the advice that went with it */
};

static int64_t wall_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void mxt_station_complain(const char *sentence)
{
    fprintf(stderr, "mxtap-sensor: %s\n", sentence);
}

static void complain(void *context, const char *sentence)
{
    (void)context;
    mxt_station_complain(sentence);
}

static void number(struct mxt_station *station, struct mxt_record *record)
{
    record->sensor_start_us = station->start_us;
    record->sequence = atomic_fetch_add_explicit(&station->sequence, 1, memory_order_relaxed) + 1;
    if (record->final)
        for (const struct mxt_finding *finding = record->findings; finding != NULL; finding = finding->next)
            atomic_fetch_add_explicit(&station->findings_of[finding->rule], 1, memory_order_relaxed);
}

static void on_record(void *context, struct mxt_record *record)
{
    struct mxt_station *station = context;
    number(station, record);
    mxt_outbox_record(station->outbox, record); /* counts what it does not take */
}

static void on_loan(void *context, struct mxt_record *record, const struct mxt_loan *loan)
{
    struct mxt_station *station = context;
    number(station, record);
    mxt_outbox_lend(station->outbox, record, loan);
}

static bool open_consumer(struct mxt_station *station, const struct mxt_faults *faults)
{
    if (station->options->redis.url != NULL)
        return (station->publishing = mxt_publishing_open(station->options, station->outbox, faults)) != NULL;
    return (station->judging = mxt_judging_open(station->options, faults)) != NULL;
}

/* A replay waits for its judge; packets on the wire wait for nobody. */
struct mxt_station *mxt_station_open(const struct mxt_options *options)
{
    static const struct mxt_faults faults = {.tell = complain};
    enum mxt_outbox_when_full when_full = options->interface_count > 0 ? MXT_OUTBOX_DROP : MXT_OUTBOX_WAIT;
    struct mxt_station *station = calloc(1, sizeof *station);
    if (station == NULL || (station->outbox = mxt_outbox_new(options->redis.url != NULL ? QUEUE_BYTES : OUTBOX_BYTES, when_full)) == NULL) {
        mxt_station_complain("out of memory");
        free(station);
        return NULL;
    }
    station->options = options;
    station->start_us = options->interface_count > 0 ? wall_us() : 0;
    if ((options->keep != NULL && (station->keep = mxt_keep_file_open(options)) == NULL) || !open_consumer(station, &faults)) {
        mxt_station_free(station);
        return NULL;
    }
    return station;
}

bool mxt_station_start(struct mxt_station *station)
{
    if (!mxt_confine(station->options))
        return false;
    if (station->keep != NULL && mxt_keep_file_start(station->keep) != MXT_OK) {
        mxt_station_complain("the system gives no thread; look at the limits of processes and tasks (ulimit -u, TasksMax)");
        return false;
    }
    if (station->publishing != NULL)
        return mxt_publishing_start(station->publishing) == MXT_OK;
    if (mxt_judging_start(station->judging, station->outbox) == MXT_OK)
        return true;
    mxt_station_complain("the system gives no thread; look at the limits of processes and tasks (ulimit -u, TasksMax)");
    return false;
}

void mxt_station_free(struct mxt_station *station)
{
    if (station == NULL)
        return;
    mxt_outbox_close(station->outbox);
    mxt_judging_free(station->judging);
    mxt_publishing_free(station->publishing);
    mxt_outbox_free(station->outbox); /* before the engines, whose sessions it may hold */
    for (size_t i = 0; i < station->post_count; i++) {
        mxt_engine_free(station->posts[i].engine);
        mxt_trust_free(station->posts[i].trust);
    }
    mxt_keep_file_free(station->keep);
    free(station);
}

struct mxt_engine *mxt_station_add_engine(struct mxt_station *station, bool (*hand_on)(void *others, const struct mxt_segment *segment), void *others)
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
                    .smtp_limits = options->limits.smtp,
                    .arena_bytes = options->limits.session_bytes,
                    .tls_limits = MXT_TLS_LIMITS_DEFAULT,
                    .trust = post->trust,
                    .home = &options->home},
        .ports = options->ports,
        .any_port = options->any_port,
        .packet_limits = options->limits.packet,
        .tcp_limits = options->limits.tcp,
        .flow_limits = options->limits.flow,
        .hash_seed = mxt_random_seed(),
        .hand_on = hand_on,
        .others = others,
        .keep = station->keep,
        .has_snapshots = options->interface_count > 0,
        .record = on_record,
        .lend = on_loan,
        .context = station,
    };
    config.session.smtp_limits.drop_local_parts = options->domains_only;
    config.session.smtp_limits.tells_spoken = station->keep != NULL;
    post->engine = mxt_engine_new(&config);
    if (post->engine == NULL)
        mxt_station_complain("out of memory");
    return post->engine;
}

bool mxt_station_is_broken(const struct mxt_station *station)
{
    return station->publishing != NULL ? mxt_publishing_is_broken(station->publishing) : mxt_judging_is_broken(station->judging);
}

/* The outbox loses records of a live sensor for want of room, those of a replay for want of memory. */
static void add_lost(const struct mxt_station *station, struct mxt_health *health)
{
    uint64_t lost = mxt_outbox_counters(station->outbox).lost;
    if (station->options->interface_count > 0)
        health->lost_queue += lost;
    else
        health->refused += lost;
}

static void add_kept(const struct mxt_station *station, struct mxt_health *health)
{
    if (station->keep == NULL)
        return;
    struct mxt_keep_counters counters = mxt_keep_file_counters(station->keep);
    health->kept = counters.sessions;
    health->kept_no_room = counters.no_room;
    health->kept_lost = counters.lost;
}

/* What is wrong with the mirror goes to stderr too, when it is news. */
static void advise(struct mxt_station *station, struct mxt_health *health)
{
    bool is_live = station->options->interface_count > 0;
    const char *advice[MXT_MIRROR_ADVICE], *before = station->told.advice;
    struct mxt_health interval = *health;
    mxt_health_subtract(&interval, &station->told);
    size_t count = mxt_mirror_advise(&interval, is_live, advice);
    station->told = *health;
    station->told.advice = health->advice = count > 0 ? advice[0] : NULL;
    for (size_t i = 0; i < count && advice[0] != before; i++)
        mxt_station_complain(advice[i]);
}

void mxt_station_health(struct mxt_station *station, struct mxt_health *health, bool is_asked_for)
{
    health->timestamp_us = wall_us();
    add_kept(station, health);
    if (!is_asked_for) /* once a minute: a shorter interval would say too little */
        advise(station, health);
    if (station->publishing != NULL) {
        mxt_publishing_health(station->publishing, health, is_asked_for);
        return;
    }
    add_lost(station, health);
    mxt_judging_health(station->judging, health, is_asked_for);
}

void mxt_station_read(struct mxt_station *station, struct mxt_gauges_reading *reading)
{
    const struct mxt_outbox_counters outbox = mxt_outbox_counters(station->outbox);
    reading->queue_records = outbox.parcels;
    reading->queue_bytes = outbox.bytes;
    for (size_t i = 0; i < MXT_RULES; i++)
        reading->findings_of[i] = atomic_load_explicit(&station->findings_of[i], memory_order_relaxed);
    if (station->publishing != NULL) {
        reading->has_redis = true;
        reading->is_redis_up = mxt_publishing_counters(station->publishing).is_connected;
        mxt_publishing_complete(station->publishing, &reading->health);
    } else {
        add_lost(station, &reading->health);
        mxt_judging_complete(station->judging, &reading->health);
    }
}

void mxt_station_finish(struct mxt_station *station, const struct mxt_health *beside)
{
    struct mxt_health health = {.sensor = station->options->sensor, .final = true};
    if (beside != NULL)
        mxt_health_add(&health, beside);
    if (station->options->interface_count > 0)
        health.timestamp_us = wall_us();
    atomic_store(&station->stage, CONSUMING); /* the engines' last records too wait for whoever takes them */
    mxt_outbox_wait_when_full(station->outbox);
    if (station->publishing != NULL)
        mxt_publishing_hurry(station->publishing); /* else the engines' last records may wait for ever */
    for (size_t i = 0; i < station->post_count; i++) {
        struct mxt_health part;
        mxt_engine_finish(station->posts[i].engine);
        mxt_engine_health(station->posts[i].engine, &part);
        mxt_health_add(&health, &part);
    }
    atomic_store(&station->stage, KEEPING);
    station->has_lost_packets = station->keep != NULL && !mxt_keep_file_finish(station->keep);
    atomic_store(&station->stage, CONSUMING);
    add_kept(station, &health);
    advise(station, &health);
    if (station->publishing != NULL) {
        mxt_publishing_finish(station->publishing, &health);
    } else {
        mxt_outbox_close(station->outbox);
        add_lost(station, &health);
        mxt_judging_finish(station->judging, &health);
    }
    station->refused = health.refused;
}

const char *mxt_station_waits_for(const struct mxt_station *station)
{
    struct pollfd output = {.fd = STDOUT_FILENO, .events = POLLOUT};
    switch ((enum stage)atomic_load(&station->stage)) {
    case TAKING_PACKETS: return "the packet threads";
    case KEEPING: return "the file of -w";
    case CONSUMING: break;
    }
    if (station->publishing != NULL)
        return "Redis or the spool";
    return poll(&output, 1, 0) == 0 ? "a reader of standard output" : "the judge or the file of --knowledge";
}

int mxt_station_conclude(struct mxt_station *station)
{
    if (station->refused > 0)
        fprintf(stderr, "mxtap-sensor: %llu allocations were refused: some facts or alerts are missing\n", (unsigned long long)station->refused);
    bool is_well = station->publishing != NULL ? mxt_publishing_conclude(station->publishing) : mxt_judging_conclude(station->judging);
    return is_well && station->refused == 0 && !station->has_lost_packets ? 0 : 1;
}
