#include "collector/sink_helper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define JSON_MAX (16u << 20) /* bytes of an alert: far more than any has */
#define TICK_MS  20          /* how often the command's end is looked for, once it has run for a while */

static bool read_whole(int fd, void *p, size_t n)
{
    for (size_t done = 0; done < n;) {
        ssize_t got = read(fd, (char *)p + done, n - done);
        if (got <= 0 && !(got < 0 && errno == EINTR))
            return false;
        done += got > 0 ? (size_t)got : 0;
    }
    return true;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* In the command's own process: never returns. */
static void become(const struct mxt_sink_config *config, const char *id, int input)
{
    char delivery[MXT_SINK_ID + 32], path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", language[] = "LANG=C.UTF-8";
    char *words[MXT_SINK_WORDS + 1] = {0}, *environment[] = {path, language, delivery, NULL};
    snprintf(delivery, sizeof delivery, "MXTAP_DELIVERY=%s", id);
    for (size_t i = 0; i < config->words; i++)
        memcpy(&words[i], &config->command[i], sizeof words[i]); /* exec changes nothing in them */
    setpgid(0, 0);
    signal(SIGTERM, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
    signal(SIGPIPE, SIG_DFL);
    if (dup2(input, STDIN_FILENO) == STDIN_FILENO && dup2(STDERR_FILENO, STDOUT_FILENO) == STDOUT_FILENO)
        execve(config->command[0], words, environment);
    _exit(127);
}

/* Feeds the command as much as it reads. Returns the bytes left; 0 also when it reads no more. */
static size_t feed(int *fd, const char *json, size_t n)
{
    ssize_t written = write(*fd, json, n);
    if (written < 0 && (errno == EAGAIN || errno == EINTR))
        return n;
    if (written >= 0 && (size_t)written < n)
        return n - (size_t)written;
    close(*fd); /* all is written, or it does not want the rest: its exit status tells */
    *fd = -1;
    return 0;
}

static struct mxt_helper_answer wait_for(pid_t child, int fd, const char *json, size_t n, int64_t timeout_ms)
{
    int64_t end = now_ms() + timeout_ms;
    size_t left = n;
    int status, tick_ms = 1;
    for (;;) {
        if (fd >= 0)
            left = feed(&fd, json + n - left, left);
        pid_t ended = waitpid(child, &status, WNOHANG);
        bool is_late = ended == 0 && now_ms() >= end;
        if (is_late) {
            kill(-child, SIGKILL);
            ended = waitpid(child, &status, 0);
        }
        if (ended != 0) {
            if (fd >= 0)
                close(fd);
            if (is_late)
                return (struct mxt_helper_answer){MXT_HELPER_TIMED_OUT, 0};
            return WIFSIGNALED(status) ? (struct mxt_helper_answer){MXT_HELPER_KILLED, WTERMSIG(status)}
                                       : (struct mxt_helper_answer){MXT_HELPER_EXITED, WEXITSTATUS(status)};
        }
        poll(NULL, 0, tick_ms);
        if (tick_ms < TICK_MS)
            tick_ms++;
    }
}

static struct mxt_helper_answer run(const struct mxt_sink_config *config, const char *id, const char *json, size_t n)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return (struct mxt_helper_answer){MXT_HELPER_NOT_RUN, errno};
    pid_t child = fork();
    if (child == 0)
        become(config, id, ends[0]);
    int fault = errno;
    close(ends[0]);
    if (child < 0) {
        close(ends[1]);
        return (struct mxt_helper_answer){MXT_HELPER_NOT_RUN, fault};
    }
    setpgid(child, child); /* here too: whoever comes first */
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    return wait_for(child, ends[1], json, n, config->timeout_us / 1000);
}

/* The helper's whole life. It ignores the terminal's and the service manager's signals: its end is the end of the socket. */
static void serve(const struct mxt_sink_config *config, int fd)
{
    struct mxt_helper_request request;
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_NAME, "mxtap-command");
    while (read_whole(fd, &request, sizeof request) && request.n <= JSON_MAX) {
        char *json = malloc(request.n + 1);
        if (json == NULL || !read_whole(fd, json, request.n))
            break;
        request.id[sizeof request.id - 1] = '\0';
        struct mxt_helper_answer answer = run(config, request.id, json, request.n);
        free(json);
        if (send(fd, &answer, sizeof answer, MSG_NOSIGNAL) != (ssize_t)sizeof answer)
            break;
    }
    _exit(0);
}

int mxt_helper_start(const struct mxt_sink_config *config, pid_t *pid)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return -1;
    fflush(NULL);
    *pid = fork();
    if (*pid == 0) {
        int fd = dup2(ends[1], STDERR_FILENO + 1);
        closefrom(STDERR_FILENO + 2); /* what else is open is none of the helper's business */
        fcntl(fd, F_SETFD, FD_CLOEXEC);
        serve(config, fd);
    }
    int fault = errno;
    close(ends[1]);
    if (*pid > 0)
        return ends[0];
    close(ends[0]);
    errno = fault;
    return -1;
}
