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

#include "rules/judge.h"
#include "sensor/capture_file.h"
#include "sensor/engine.h"
#include "sensor/filter.h"
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
    struct mxt_knowledge knowledge;
    struct mxt_trust *trust;
    struct mxt_filter *filter;
    struct mxt_capture *capture;
    struct mxt_engine *engine;
    struct mxt_output_writer *output;
    uint64_t alerts;
    uint64_t refused; /* records that could not be judged whole */
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

static size_t count_findings(const struct mxt_finding *finding)
{
    size_t count = 0;
    for (; finding != NULL; finding = finding->next)
        count++;
    return count;
}

/* A record from the engine: judged with what is known here, then printed with its alerts. */
static void on_record(void *context, const struct mxt_record *record, struct mxt_arena *arena)
{
    struct replay *replay = context;
    struct mxt_finding *findings = NULL;
    if (mxt_judge_network(record, &replay->knowledge, arena, &findings) != MXT_OK)
        replay->refused++;
    size_t count = count_findings(findings), made = 0;
    struct mxt_alert *alerts = count == 0 ? NULL : mxt_arena_alloc(arena, count * sizeof *alerts);
    for (const struct mxt_finding *finding = findings; finding != NULL && alerts != NULL; finding = finding->next) {
        if (mxt_alert_from_finding(arena, record, finding, &alerts[made]) == MXT_OK)
            made++;
    }
    replay->refused += count - made;
    replay->alerts += made;
    mxt_output_session(replay->output, record, alerts, made);
}

static bool read_policies(struct replay *replay)
{
    replay->memory = mxt_memory_new();
    if (replay->memory == NULL) {
        complain(NULL, "out of memory");
        return false;
    }
    replay->knowledge = mxt_memory_knowledge(replay->memory);
    if (replay->options->policies == NULL)
        return true;
    const struct mxt_policy_fault fault = {.report = complain};
    return mxt_policy_files_read(replay->memory, replay->options->policies, &fault) == MXT_OK;
}

/* A key for the flow table's hash, so that nobody can aim collisions at it. The clock serves where the kernel gives none. */
static uint64_t random_seed(void)
{
    uint64_t seed;
    return getrandom(&seed, sizeof seed, GRND_NONBLOCK) == sizeof seed ? seed : (uint64_t)time(NULL);
}

static bool open_engine(struct replay *replay)
{
    const struct mxt_options *options = replay->options;
    struct mxt_engine_config config = {
        .session = {.sensor = options->sensor, .smtp_limits = MXT_SMTP_LIMITS_DEFAULT, .tls_limits = MXT_TLS_LIMITS_DEFAULT, .trust = replay->trust, .home = &options->home},
        .ports = options->ports,
        .packet_limits = MXT_PACKET_LIMITS_DEFAULT,
        .tcp_limits = MXT_TCP_LIMITS_DEFAULT,
        .flow_limits = MXT_FLOW_LIMITS_DEFAULT,
        .hash_seed = random_seed(),
        .record = on_record,
        .context = replay,
    };
    config.session.smtp_limits.drop_local_parts = options->domains_only;
    replay->engine = mxt_engine_new(&config);
    replay->output = mxt_output_new(stdout, options->output, isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL);
    if (replay->engine == NULL || replay->output == NULL) {
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
    if (!read_policies(replay))
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

static int conclude(struct replay *replay, enum mxt_status read)
{
    int exit_status = 0;
    struct mxt_health health;
    mxt_engine_finish(replay->engine);
    mxt_engine_health(replay->engine, &health);
    health.final = true;
    health.alerts = replay->alerts;
    health.refused += replay->refused;
    mxt_output_finish(replay->output, &health);
    const char *damage = mxt_capture_error(replay->capture);
    if (damage != NULL) {
        complain(NULL, damage);
        exit_status = 1;
    }
    if (read < 0 && damage == NULL) {
        complain(NULL, mxt_strstatus(read));
        exit_status = 1;
    }
    if (health.refused > 0) {
        fprintf(stderr, "mxtap-sensor: %llu allocations were refused: some facts or alerts are missing\n", (unsigned long long)health.refused);
        exit_status = 1;
    }
    if (mxt_output_status(replay->output) != MXT_OK) {
        fprintf(stderr, "mxtap-sensor: standard output: %s; the output is not complete\n",
                mxt_output_status(replay->output) == MXT_EIO ? strerror(errno) : mxt_strstatus(mxt_output_status(replay->output)));
        exit_status = 1;
    }
    return exit_status;
}

static void close_all(struct replay *replay)
{
    mxt_engine_free(replay->engine);
    mxt_output_free(replay->output);
    mxt_capture_free(replay->capture);
    mxt_filter_free(replay->filter);
    mxt_trust_free(replay->trust);
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
