#include "sensor/live.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "sensor/confine.h"
#include "sensor/filter.h"
#include "sensor/gauges.h"
#include "sensor/exchange.h"
#include "sensor/interface.h"
#include "sensor/nowait.h"
#include "sensor/seed.h"
#include "sensor/station.h"
#include "sensor/worker.h"

#define HEALTH_INTERVAL_S 60
#define LEAVE_S           4    /* to tell what is left, at the end */
#define CHECK_MS          1000 /* between two looks at whether the output still takes anything */

/* A packet thread with what is its own. */
struct crew {
    struct mxt_interface *interfaces[MXT_WORKER_INTERFACES];
    struct mxt_worker_place place;
    struct mxt_worker *worker;
};

/* Everything that live capture owns; freed by its last function whatever failed. */
struct live {
    const struct mxt_options *options;
    struct mxt_station *station;
    struct mxt_fanout fanout;
    struct mxt_exchange *exchange; /* NULL: there is one worker */
    struct mxt_gauges *gauges;
    struct crew crew[MXT_OPTIONS_WORKERS];
    int signal_fd, failure_fd;
    time_t next_health; /* monotonic */
};

static time_t monotonic_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

/* Signals come by a descriptor, to the main thread: all threads are made with them blocked. */
static bool catch_signals(struct live *live)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGUSR1);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    live->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    live->failure_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (live->signal_fd >= 0 && live->failure_fd >= 0)
        return true;
    mxt_station_complain("out of file descriptors");
    return false;
}

/* A mistyped filter is told as the user wrote it, before it is made part of a larger one. */
static bool check_filter(const char *filter)
{
    char error[MXT_INTERFACE_ERROR];
    struct mxt_filter *checked = filter == NULL ? NULL : mxt_filter_new(filter, error, sizeof error);
    if (filter != NULL && checked == NULL)
        mxt_station_complain(error);
    mxt_filter_free(checked);
    return filter == NULL || checked != NULL;
}

static struct mxt_interface *open_interface(const struct live *live, size_t i, bool is_first)
{
    const struct mxt_options *options = live->options;
    char error[MXT_INTERFACE_ERROR];
    const struct mxt_interface_config config = {.name = options->interfaces[i],
                                                .ports = &options->ports,
                                                .has_any_port = options->any_port,
                                                .filter = options->filter,
                                                .buffer_bytes = options->buffer_bytes,
                                                .counts_own_drops = is_first};
    struct mxt_interface *interface = mxt_interface_open(&config, error);
    if (interface == NULL)
        mxt_station_complain(error);
    return interface;
}

/* Every worker listens on every interface; where there are several, the kernel deals its frames out to them. */
static bool open_interfaces(struct live *live)
{
    const struct mxt_options *options = live->options;
    for (size_t i = 0; i < options->interface_count; i++) {
        int group = -1;
        for (size_t j = 0; j < options->workers; j++) {
            struct mxt_interface *interface = live->crew[j].interfaces[i] = open_interface(live, i, j == 0);
            if (interface == NULL)
                return false;
            if (options->workers == 1 || mxt_fanout_join(&live->fanout, mxt_interface_fd(interface), &group) == MXT_OK)
                continue;
            fprintf(stderr, "mxtap-sensor: -i %s: its packets cannot be dealt out to %u workers: %s; --workers 1 needs no such thing\n", options->interfaces[i],
                    (unsigned)options->workers, strerror(errno));
            return false;
        }
    }
    return true;
}

/* Until an interface's last socket had joined, frames came to several. */
static void begin_interfaces(struct live *live)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    for (size_t j = 0; j < live->options->workers; j++)
        for (size_t i = 0; i < live->options->interface_count; i++)
            mxt_interface_begin(live->crew[j].interfaces[i], (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
}

static bool make_worker(struct live *live, size_t number)
{
    const struct mxt_options *options = live->options;
    struct crew *crew = &live->crew[number];
    crew->place = (struct mxt_worker_place){.exchange = live->exchange, .number = (unsigned)number};
    struct mxt_engine *engine = mxt_station_add_engine(live->station, live->exchange == NULL ? NULL : mxt_worker_hand_on, &crew->place);
    if (engine == NULL)
        return false;
    struct mxt_worker_config config = {.number = (unsigned)number,
                                       .cpu = options->cpu_count == 0 ? -1 : (int)options->cpus[number % options->cpu_count],
                                       .engine = engine,
                                       .interface_count = options->interface_count,
                                       .exchange = live->exchange,
                                       .options = options,
                                       .failure_fd = live->failure_fd};
    memcpy(config.interfaces, crew->interfaces, sizeof config.interfaces);
    crew->worker = mxt_worker_new(&config);
    if (crew->worker == NULL)
        mxt_station_complain("out of memory");
    return crew->worker != NULL;
}

static bool make_workers(struct live *live)
{
    if (live->options->workers > 1 && (live->exchange = mxt_exchange_new(&live->fanout, MXT_EXCHANGE_RING_BYTES)) == NULL) {
        mxt_station_complain("out of memory");
        return false;
    }
    for (size_t i = 0; i < live->options->workers; i++)
        if (!make_worker(live, i))
            return false;
    return true;
}

/* All that needs a right, a path or a name: behind it no privilege is needed any more. */
static bool open_all(struct live *live)
{
    return catch_signals(live) && check_filter(live->options->filter) && (live->station = mxt_station_open(live->options)) != NULL &&
           (live->gauges = mxt_gauges_open(live->options)) != NULL && open_interfaces(live) &&
           make_workers(live);
}

static void sum_health(struct live *live, struct mxt_health *out)
{
    *out = (struct mxt_health){.sensor = live->options->sensor};
    for (size_t i = 0; i < live->options->workers; i++) {
        struct mxt_health part;
        mxt_worker_health(live->crew[i].worker, &part);
        mxt_health_add(out, &part);
    }
}

static void tell_health(struct live *live, bool is_asked_for)
{
    struct mxt_health health;
    sum_health(live, &health);
    mxt_station_health(live->station, &health, is_asked_for);
}

static void take_reading(struct live *live)
{
    struct mxt_gauges_reading reading = {0};
    if (!mxt_gauges_is_asked(live->gauges))
        return;
    sum_health(live, &reading.health);
    mxt_station_read(live->station, &reading);
    mxt_gauges_note(live->gauges, &reading);
}

/* Whether a signal asks to stop; answers the others. */
static bool take_signals(struct live *live)
{
    struct signalfd_siginfo info;
    bool is_stop = false;
    while (read(live->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGUSR1)
            tell_health(live, true);
        else
            is_stop = true;
    }
    return is_stop;
}

static bool has_worker_failed(struct live *live)
{
    char failure[MXT_INTERFACE_ERROR];
    for (size_t i = 0; i < live->options->workers; i++) {
        if (mxt_worker_failure(live->crew[i].worker, failure)) {
            mxt_station_complain(failure);
            return true;
        }
    }
    return false;
}

/* Runs until there is a reason to leave; the exit status that follows from it. */
static int watch(struct live *live)
{
    struct pollfd polled[] = {{.fd = live->signal_fd, .events = POLLIN}, {.fd = live->failure_fd, .events = POLLIN}};
    live->next_health = monotonic_s() + HEALTH_INTERVAL_S;
    for (;;) {
        if (poll(polled, 2, CHECK_MS) < 0 && errno != EINTR) {
            perror("mxtap-sensor: poll");
            return 1;
        }
        if ((polled[1].revents & POLLIN) != 0 && has_worker_failed(live))
            return 1;
        if (take_signals(live))
            return 0;
        if (mxt_station_is_broken(live->station))
            return 1;
        take_reading(live);
        if (monotonic_s() >= live->next_health) {
            live->next_health = monotonic_s() + HEALTH_INTERVAL_S; /* from now: what was missed while the program stood still would tell of empty intervals */
            tell_health(live, false);
        }
    }
}

static void announce(const struct live *live)
{
    fputs("mxtap-sensor: listening on", stderr);
    for (size_t i = 0; i < live->options->interface_count; i++)
        fprintf(stderr, "%s %s", i == 0 ? "" : ",", live->options->interfaces[i]);
    fputs("; Ctrl-C ends it\n", stderr);
}

/* For the alarm's handler: what is being left. */
static const struct mxt_station *left_station;

/* Whoever reads the output may have stopped to, or a disk or Redis be slow: leaving matters more than what is left to tell. */
static void give_up(int signal_number)
{
    static const char begin[] = "mxtap-sensor: still waiting for ", end[] = "; what was left to tell is lost\n";
    const char *what = mxt_station_waits_for(left_station);
    (void)signal_number;
    /* Where this is not taken either, nobody reads it. */
    if (mxt_nowait_write(STDERR_FILENO, begin, sizeof begin - 1) && mxt_nowait_write(STDERR_FILENO, what, strlen(what)))
        (void)mxt_nowait_write(STDERR_FILENO, end, sizeof end - 1);
    _exit(1);
}

static void limit_time_to_leave(const struct live *live)
{
    struct sigaction action = {.sa_handler = give_up};
    left_station = live->station;
    sigemptyset(&action.sa_mask);
    sigaction(SIGALRM, &action, NULL);
    alarm(LEAVE_S);
}

static bool start_workers(struct live *live)
{
    for (size_t i = 0; i < live->options->workers; i++) {
        if (mxt_worker_start(live->crew[i].worker) != MXT_OK) {
            mxt_station_complain("the system gives no thread; look at the limits of processes and tasks (ulimit -u, TasksMax)");
            return false;
        }
    }
    return true;
}

static void stop_workers(struct live *live)
{
    for (size_t i = 0; i < live->options->workers; i++)
        mxt_worker_stop(live->crew[i].worker);
    for (size_t i = 0; i < live->options->workers; i++)
        mxt_worker_join(live->crew[i].worker);
}

/* What only the workers count, not their engines. */
static struct mxt_health counted_beside(struct live *live)
{
    struct mxt_health health;
    sum_health(live, &health);
    return (struct mxt_health){.kernel_drops = health.kernel_drops,
                               .interface_drops = health.interface_drops,
                               .handed_on = health.handed_on,
                               .handed_lost = health.handed_lost};
}

static int run(struct live *live)
{
    if (!mxt_station_start(live->station))
        return 1;
    take_reading(live);
    if (mxt_gauges_start(live->gauges) != MXT_OK)
        return 1;
    if (live->options->workers > 1)
        begin_interfaces(live);
    int exit_status = 1;
    if (start_workers(live)) {
        mxt_confine_thread(live->options, MXT_SANDBOX_MAIN);
        announce(live);
        exit_status = watch(live);
    }
    limit_time_to_leave(live);
    stop_workers(live);
    struct mxt_health beside = counted_beside(live);
    mxt_station_finish(live->station, &beside);
    return mxt_station_conclude(live->station) != 0 ? 1 : exit_status;
}

static void close_all(struct live *live)
{
    for (size_t i = 0; i < MXT_OPTIONS_WORKERS; i++) {
        mxt_worker_free(live->crew[i].worker);
        for (size_t j = 0; j < MXT_WORKER_INTERFACES; j++)
            mxt_interface_close(live->crew[i].interfaces[j]);
    }
    mxt_gauges_free(live->gauges);
    mxt_exchange_free(live->exchange);
    mxt_station_free(live->station);
    if (live->signal_fd >= 0)
        close(live->signal_fd);
    if (live->failure_fd >= 0)
        close(live->failure_fd);
}

int mxt_live_run(const struct mxt_options *options)
{
    struct live live = {.options = options, .signal_fd = -1, .failure_fd = -1};
    FILE *errors = stderr, *lines = mxt_nowait_open(STDERR_FILENO);
    if (lines != NULL)
        stderr = lines; /* whoever reads it may stop to: no thread waits for that */
    setvbuf(stdout, NULL, _IOLBF, 0);
    mxt_fanout_init(&live.fanout, options->workers, mxt_random_seed());
    int exit_status = open_all(&live) ? run(&live) : 1;
    close_all(&live);
    stderr = errors;
    if (lines != NULL)
        fclose(lines);
    return exit_status;
}
