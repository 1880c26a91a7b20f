#include "sensor/replay.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "rules/knowledge.h"
#include "sensor/capture_file.h"
#include "sensor/embedded.h"
#include "sensor/engine.h"
#include "sensor/filter.h"
#include "sensor/knowledge_file.h"
#include "sensor/output.h"
#include "sensor/policy_files.h"

#define FRAMES 64             /* taken at once */
#define PROGRESS_ROUNDS 1024  /* between two looks at the clock */
#define PROGRESS_AFTER_S 2    /* a short replay shows no bar */
#define PROGRESS_WIDTH 40
#define STDOUT_BUFFER (1u << 16)

/* Everything a replay owns; freed by its last function whatever failed. */
struct replay {
    const struct mxt_options *options;
    struct mxt_memory *memory;
    struct mxt_knowledge_file *knowledge; /* NULL: none is kept */
    struct mxt_trust *trust;
    struct mxt_filter *filter;
    struct mxt_capture *capture;
    struct mxt_engine *engine;
    struct mxt_output_writer *output;
    struct mxt_embedded *embedded;
    uint64_t alerts;
    uint64_t transit; /* sessions between strangers, by the home networks */
    bool shows_progress;
    time_t started;
};

static volatile sig_atomic_t is_asked_to_stop;

static void ask_to_stop(int signal_number)
{
    (void)signal_number;
    is_asked_to_stop = 1;
}

/* SIGINT and SIGTERM end the reading, not the program: what was seen is told. Without SA_RESTART, so that a blocked read returns. */
static void catch_stop_signals(void)
{
    struct sigaction action = {.sa_handler = ask_to_stop};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* A capture that comes while we read: its events are wanted line by line. */
static bool is_growing(const char *path)
{
    struct stat status;
    return strcmp(path, "-") == 0 ? fstat(STDIN_FILENO, &status) != 0 || !S_ISREG(status.st_mode) : stat(path, &status) == 0 && S_ISFIFO(status.st_mode);
}

static void set_buffering(const struct mxt_options *options)
{
    bool has_growing = isatty(STDOUT_FILENO) != 0;
    for (size_t i = 0; i < options->capture_count; i++)
        has_growing = has_growing || is_growing(options->captures[i]);
    setvbuf(stdout, NULL, has_growing ? _IOLBF : _IOFBF, STDOUT_BUFFER);
}

static void complain(void *context, const char *sentence)
{
    (void)context;
    fprintf(stderr, "mxtap-sensor: %s\n", sentence);
}

static void on_record(void *context, const struct mxt_record *record, struct mxt_arena *arena)
{
    struct replay *replay = context;
    mxt_embedded_take(replay->embedded, record, arena);
    if (replay->knowledge != NULL) /* only records teach, so here is often enough, however few frames come */
        mxt_knowledge_file_tick(replay->knowledge, time(NULL));
}

static void on_judged(void *context, const struct mxt_record *record, const struct mxt_judged *judged)
{
    struct replay *replay = context;
    replay->transit += !judged->is_again && record->hop == MXT_HOP_TRANSIT;
    mxt_output_session(replay->output, record, judged);
}

static void on_alert(void *context, const struct mxt_alert *alert)
{
    struct replay *replay = context;
    replay->alerts++;
    mxt_output_alert(replay->output, alert);
}

/* A key for hash tables, so that nobody can aim collisions at them. The clock serves where the kernel gives none. */
static uint64_t random_seed(void)
{
    uint64_t seed;
    return getrandom(&seed, sizeof seed, GRND_NONBLOCK) == sizeof seed ? seed : (uint64_t)time(NULL);
}

/* Policies and what an earlier run has kept. */
static bool read_knowledge(struct replay *replay)
{
    static const struct mxt_faults faults = {.tell = complain};
    const struct mxt_options *options = replay->options;
    struct mxt_memory_limits limits = MXT_MEMORY_LIMITS_DEFAULT;
    limits.seed = random_seed();
    replay->memory = mxt_memory_new_limited(&limits);
    if (replay->memory == NULL) {
        complain(NULL, "out of memory");
        return false;
    }
    if (options->policies != NULL && mxt_policy_files_read(replay->memory, options->policies, &faults) != MXT_OK)
        return false;
    if (options->knowledge == NULL)
        return true;
    enum mxt_status status = mxt_knowledge_file_open(options->knowledge, replay->memory, time(NULL), &faults, &replay->knowledge);
    if (status == MXT_ENOMEM)
        complain(NULL, "out of memory");
    return status == MXT_OK;
}

static bool open_engine(struct replay *replay)
{
    const struct mxt_options *options = replay->options;
    struct mxt_engine_config config = {
        .session = {.sensor = options->sensor,
                    .smtp_limits = MXT_SMTP_LIMITS_DEFAULT,
                    .tls_limits = MXT_TLS_LIMITS_DEFAULT,
                    .trust = replay->trust,
                    .home = &options->home},
        .ports = options->ports,
        .packet_limits = MXT_PACKET_LIMITS_DEFAULT,
        .tcp_limits = MXT_TCP_LIMITS_DEFAULT,
        .flow_limits = MXT_FLOW_LIMITS_DEFAULT,
        .hash_seed = random_seed(),
        .record = on_record,
        .context = replay,
    };
    const struct mxt_embedded_config judge = {
        .judge = &options->judge, .memory = replay->memory, .seed = random_seed(), .judged = on_judged, .context = replay};
    config.session.smtp_limits.drop_local_parts = options->domains_only;
    replay->engine = mxt_engine_new(&config);
    replay->output = mxt_output_new(stdout, options->output, isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL);
    replay->embedded = mxt_embedded_new(&judge);
    if (replay->engine == NULL || replay->output == NULL || replay->embedded == NULL) {
        complain(NULL, "out of memory");
        return false;
    }
    return true;
}

static bool open_all(struct replay *replay)
{
    const struct mxt_options *options = replay->options;
    char error[MXT_CAPTURE_ERROR];
    if (options->filter != NULL && (replay->filter = mxt_filter_new(options->filter, error, sizeof error)) == NULL) {
        complain(NULL, error);
        return false;
    }
    if ((replay->trust = mxt_trust_open(options->trust, error, sizeof error)) == NULL) {
        complain(NULL, error);
        return false;
    }
    if (!read_knowledge(replay))
        return false;
    if ((replay->capture = mxt_capture_open(options->captures, options->capture_count, error)) == NULL) {
        complain(NULL, error);
        return false;
    }
    return open_engine(replay);
}

static void show_progress(struct replay *replay)
{
    uint64_t done, total;
    if (time(NULL) - replay->started < PROGRESS_AFTER_S)
        return;
    mxt_capture_progress(replay->capture, &done, &total);
    if (total == 0) {
        fprintf(stderr, "\r%llu MiB read", (unsigned long long)(done >> 20));
        return;
    }
    int filled = (int)(done * PROGRESS_WIDTH / total);
    fprintf(stderr, "\r[%.*s%*s] %3d %%", filled, "########################################", PROGRESS_WIDTH - filled, "", (int)(done * 100 / total));
}

/* Drops the frames that the filter does not want; how many are left. */
static size_t keep_wanted(const struct replay *replay, struct mxt_frame *frames, size_t count)
{
    if (replay->filter == NULL)
        return count;
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (mxt_filter_matches(replay->filter, &frames[i]))
            frames[kept++] = frames[i];
    return kept;
}

static enum mxt_status run_frames(struct replay *replay)
{
    struct mxt_frame frames[FRAMES];
    enum mxt_status status;
    size_t rounds = 0;
    while ((status = mxt_capture_next(replay->capture, frames)) >= MXT_OK && status != MXT_DONE && !is_asked_to_stop) {
        if (status == MXT_MORE)
            continue;
        size_t count = keep_wanted(replay, frames, 1 + mxt_capture_more(replay->capture, frames + 1, FRAMES - 1));
        mxt_engine_frames(replay->engine, frames, count);
        if (++rounds % PROGRESS_ROUNDS == 0) {
            if (mxt_output_status(replay->output) != MXT_OK)
                break;
            if (replay->shows_progress)
                show_progress(replay);
        }
    }
    if (replay->shows_progress)
        fputs("\r\033[K", stderr);
    return status;
}

/* What the alerts rest on is whose networks these are. */
static void advise(const struct replay *replay, struct mxt_health *health)
{
    if (health->advice == NULL && replay->transit * 2 > health->sessions)
        health->advice = "Most sessions are between networks that are not yours: say with --home-net which networks are, and with --home-domain which domains.";
    if (health->advice != NULL)
        complain(NULL, health->advice);
}

/* Tells what is told at the end. */
static void tell_rest(struct replay *replay, struct mxt_health *health)
{
    mxt_engine_finish(replay->engine);
    mxt_embedded_alerts(replay->embedded, on_alert, replay);
    mxt_engine_health(replay->engine, health);
    health->final = true;
    health->alerts = replay->alerts;
    health->suppressed = mxt_embedded_suppressed(replay->embedded);
    health->refused += mxt_embedded_refused(replay->embedded);
    advise(replay, health);
    mxt_output_finish(replay->output, health);
}

static int conclude(struct replay *replay, enum mxt_status read)
{
    int exit_status = 0;
    struct mxt_health health;
    tell_rest(replay, &health);
    const char *remarks = mxt_capture_remarks(replay->capture);
    if (remarks != NULL)
        complain(NULL, remarks);
    const char *damage = mxt_capture_error(replay->capture);
    if (damage != NULL || read < 0) {
        complain(NULL, damage != NULL ? damage : mxt_strstatus(read));
        exit_status = 1;
    }
    if (health.refused > 0) {
        fprintf(stderr, "mxtap-sensor: %llu allocations were refused: some facts or alerts are missing\n", (unsigned long long)health.refused);
        exit_status = 1;
    }
    enum mxt_status written = mxt_output_status(replay->output);
    if (written != MXT_OK) {
        fprintf(stderr, "mxtap-sensor: standard output: %s; the output is not complete\n", written == MXT_EIO ? strerror(errno) : mxt_strstatus(written));
        exit_status = 1;
    }
    if (replay->knowledge != NULL && mxt_knowledge_file_write(replay->knowledge) != MXT_OK)
        exit_status = 1;
    return exit_status;
}

static void close_all(struct replay *replay)
{
    mxt_engine_free(replay->engine);
    mxt_embedded_free(replay->embedded);
    mxt_output_free(replay->output);
    mxt_capture_free(replay->capture);
    mxt_filter_free(replay->filter);
    mxt_trust_free(replay->trust);
    mxt_knowledge_file_free(replay->knowledge);
    mxt_memory_free(replay->memory);
}

int mxt_replay_run(const struct mxt_options *options)
{
    struct replay replay = {.options = options, .shows_progress = isatty(STDERR_FILENO) != 0, .started = time(NULL)};
    int exit_status = 1;
    set_buffering(options);
    catch_stop_signals();
    if (open_all(&replay))
        exit_status = conclude(&replay, run_frames(&replay));
    close_all(&replay);
    return exit_status;
}
