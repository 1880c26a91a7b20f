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

#include "sensor/filter.h"
#include "sensor/interface.h"
#include "sensor/station.h"
#include "sensor/worker.h"

#define HEALTH_INTERVAL_S 60
#define CHECK_MS          1000 /* between two looks at whether the output still takes anything */

/* Everything that live capture owns; freed by its last function whatever failed. */
struct live {
    const struct mxt_options *options;
    struct mxt_station *station;
    struct mxt_interface *interfaces[MXT_WORKER_INTERFACES];
    size_t interface_count;
    struct mxt_worker *worker;
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

static bool open_interfaces(struct live *live)
{
    const struct mxt_options *options = live->options;
    char error[MXT_INTERFACE_ERROR];
    for (size_t i = 0; i < options->interface_count; i++) {
        const struct mxt_interface_config config = {
            .name = options->interfaces[i], .ports = &options->ports, .has_any_port = options->any_port, .filter = options->filter, .buffer_bytes = options->buffer_bytes};
        live->interfaces[i] = mxt_interface_open(&config, error);
        if (live->interfaces[i] == NULL) {
            mxt_station_complain(error);
            return false;
        }
        live->interface_count++;
    }
    return true;
}

static bool make_workers(struct live *live)
{
    struct mxt_worker_config config = {.cpu = -1, .interface_count = live->interface_count, .failure_fd = live->failure_fd, .options = live->options};
    memcpy(config.interfaces, live->interfaces, sizeof config.interfaces);
    config.engine = mxt_station_add_engine(live->station);
    if (config.engine == NULL)
        return false;
    live->worker = mxt_worker_new(&config);
    if (live->worker == NULL)
        mxt_station_complain("out of memory");
    return live->worker != NULL;
}

/* All that needs a right, a path or a name: behind it no privilege is needed any more. */
static bool open_all(struct live *live)
{
    return catch_signals(live) && check_filter(live->options->filter) && (live->station = mxt_station_open(live->options)) != NULL && open_interfaces(live) &&
           make_workers(live);
}

static void sum_health(struct live *live, struct mxt_health *out)
{
    *out = (struct mxt_health){.sensor = live->options->sensor};
    struct mxt_health part;
    mxt_worker_health(live->worker, &part);
    mxt_health_add(out, &part);
}

static void tell_health(struct live *live, bool is_asked_for)
{
    struct mxt_health health;
    sum_health(live, &health);
    mxt_station_health(live->station, &health, is_asked_for);
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
    if (!mxt_worker_failure(live->worker, failure))
        return false;
    mxt_station_complain(failure);
    return true;
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
        if (monotonic_s() >= live->next_health) {
            live->next_health += HEALTH_INTERVAL_S;
            tell_health(live, false);
        }
    }
}

static void announce(const struct live *live)
{
    fputs("mxtap-sensor: listening on", stderr);
    for (size_t i = 0; i < live->interface_count; i++)
        fprintf(stderr, "%s %s", i == 0 ? "" : ",", live->options->interfaces[i]);
    fputs("; Ctrl-C ends it\n", stderr);
}

static int run_workers(struct live *live)
{
    if (!mxt_station_start(live->station))
        return 1;
    if (mxt_worker_start(live->worker) != MXT_OK) {
        mxt_station_complain("the system gives no thread");
        return 1;
    }
    announce(live);
    int exit_status = watch(live);
    mxt_worker_stop(live->worker);
    mxt_worker_join(live->worker);
    struct mxt_health health;
    sum_health(live, &health);
    const struct mxt_health drops = {.kernel_drops = health.kernel_drops, .interface_drops = health.interface_drops};
    mxt_station_finish(live->station, &drops);
    return mxt_station_conclude(live->station) != 0 ? 1 : exit_status;
}

static void close_all(struct live *live)
{
    mxt_worker_free(live->worker);
    for (size_t i = 0; i < live->interface_count; i++)
        mxt_interface_close(live->interfaces[i]);
    mxt_station_free(live->station);
    if (live->signal_fd >= 0)
        close(live->signal_fd);
    if (live->failure_fd >= 0)
        close(live->failure_fd);
}

int mxt_live_run(const struct mxt_options *options)
{
    struct live live = {.options = options, .signal_fd = -1, .failure_fd = -1};
    setvbuf(stdout, NULL, _IOLBF, 0);
    int exit_status = open_all(&live) ? run_workers(&live) : 1;
    close_all(&live);
    return exit_status;
}
