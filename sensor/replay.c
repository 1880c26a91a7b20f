#include "sensor/replay.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "sensor/capture_file.h"
#include "sensor/confine.h"
#include "sensor/filter.h"
#include "sensor/reading.h"
#include "sensor/station.h"

#define LOOK_ROUNDS 64        /* batches between two looks whether output was lost */
#define PROGRESS_AFTER_S 2    /* a short replay shows no bar */
#define PROGRESS_WIDTH 40
#define STDOUT_BUFFER (1u << 16)

/* Everything a replay owns; freed by its last function whatever failed. */
struct replay {
    const struct mxt_options *options;
    struct mxt_filter *filter;
    struct mxt_capture *capture;
    struct mxt_station *station;
    struct mxt_engine *engine; /* the station's */
    struct mxt_reading *reading;
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
    /* One that glibc makes itself has 4 KiB, whatever it is told. Static, since standard output is written out when the process ends. */
    static char buffer[STDOUT_BUFFER];
    setvbuf(stdout, buffer, has_growing ? _IOLBF : _IOFBF, STDOUT_BUFFER);
}

static void confine_reader(void *context)
{
    const struct replay *replay = context;
    mxt_confine_thread(replay->options, MXT_SANDBOX_REPLAY);
}

static bool open_all(struct replay *replay)
{
    const struct mxt_options *options = replay->options;
    char error[MXT_CAPTURE_ERROR];
    if (options->filter != NULL && (replay->filter = mxt_filter_new(options->filter, error, sizeof error)) == NULL) {
        mxt_station_complain(error);
        return false;
    }
    if ((replay->station = mxt_station_open(options)) == NULL || (replay->engine = mxt_station_add_engine(replay->station, NULL, NULL)) == NULL)
        return false;
    if ((replay->capture = mxt_capture_open(options->captures, options->capture_count, error)) == NULL) {
        mxt_station_complain(error);
        return false;
    }
    const struct mxt_reading_config config = {.capture = replay->capture,
                                              .intake = mxt_engine_intake(replay->engine),
                                              .filter = replay->filter,
                                              .has_frames = options->keep != NULL,
                                              .has_progress = replay->shows_progress,
                                              .began = confine_reader,
                                              .context = replay};
    if ((replay->reading = mxt_reading_new(&config)) == NULL) {
        mxt_station_complain("out of memory");
        return false;
    }
    if (!mxt_station_start(replay->station))
        return false;
    mxt_reading_start(replay->reading);
    mxt_confine_thread(options, MXT_SANDBOX_REPLAY);
    return true;
}

static void show_progress(const struct replay *replay, uint64_t done, uint64_t total)
{
    if (time(NULL) - replay->started < PROGRESS_AFTER_S)
        return;
    if (total == 0) {
        fprintf(stderr, "\r%llu MiB read", (unsigned long long)(done >> 20));
        return;
    }
    int filled = (int)(done * PROGRESS_WIDTH / total);
    fprintf(stderr, "\r[%.*s%*s] %3d %%", filled, "########################################", PROGRESS_WIDTH - filled, "", (int)(done * 100 / total));
}

static enum mxt_status run_batches(struct replay *replay)
{
    struct mxt_reading_batch batch;
    enum mxt_status status;
    size_t rounds = 0;
    while ((status = mxt_reading_take(replay->reading, &batch)) >= MXT_OK && status != MXT_DONE && !is_asked_to_stop) {
        if (status == MXT_MORE)
            continue;
        mxt_engine_segments(replay->engine, batch.segments, batch.count);
        if (batch.has_time)
            mxt_engine_tick(replay->engine, batch.time_us);
        if (++rounds % LOOK_ROUNDS == 0 && mxt_station_is_broken(replay->station))
            break;
        if (replay->shows_progress && batch.done > 0)
            show_progress(replay, batch.done, batch.total);
    }
    mxt_reading_stop(replay->reading);
    if (replay->shows_progress)
        fputs("\r\033[K", stderr);
    return status;
}

static int conclude(struct replay *replay, enum mxt_status read)
{
    const struct mxt_health beside = {.refused = mxt_reading_refused(replay->reading)};
    mxt_station_finish(replay->station, &beside);
    const char *remarks = mxt_capture_remarks(replay->capture);
    if (remarks != NULL)
        mxt_station_complain(remarks);
    const char *damage = mxt_capture_error(replay->capture);
    bool is_damaged = damage != NULL || read < 0;
    if (is_damaged)
        mxt_station_complain(damage != NULL ? damage : mxt_strstatus(read));
    int exit_status = mxt_station_conclude(replay->station);
    return is_damaged ? 1 : exit_status;
}

static void close_all(struct replay *replay)
{
    mxt_reading_free(replay->reading);
    mxt_station_free(replay->station);
    mxt_capture_free(replay->capture);
    mxt_filter_free(replay->filter);
}

int mxt_replay_run(const struct mxt_options *options)
{
    struct replay replay = {.options = options, .shows_progress = isatty(STDERR_FILENO) != 0, .started = time(NULL)};
    int exit_status = 1;
    set_buffering(options);
    catch_stop_signals();
    if (open_all(&replay))
        exit_status = conclude(&replay, run_batches(&replay));
    close_all(&replay);
    return exit_status;
}
