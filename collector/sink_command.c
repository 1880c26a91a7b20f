/*
 * A program for each alert: no shell, the JSON on its standard input, run by a helper process (sink_helper.h). Exit status 0: delivered; 75 (EX_TEMPFAIL of
 * sysexits.h): to be tried again until it works; anything else is tried three times in all.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "collector/sink_helper.h"

#define ATTEMPTS 3

struct command {
    const struct mxt_sink_config *config;
    int fd;
    pid_t pid;
};

static void *command_open(const struct mxt_sink_config *config, char *error)
{
    struct command *command = calloc(1, sizeof *command);
    if (command == NULL) {
        snprintf(error, MXT_SINK_WHY, "out of memory");
        return NULL;
    }
    command->config = config;
    if (access(config->command[0], X_OK) != 0) {
        snprintf(error, MXT_SINK_WHY, "%.150s: %s; name a program that this user may run", config->command[0], strerror(errno));
    } else if ((command->fd = mxt_helper_start(config, &command->pid)) < 0) {
        snprintf(error, MXT_SINK_WHY, "no helper process: %s", strerror(errno));
    } else {
        return command;
    }
    free(command);
    return NULL;
}

static bool send_whole(int fd, const void *p, size_t n)
{
    for (size_t done = 0; done < n;) {
        ssize_t sent = send(fd, (const char *)p + done, n - done, MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR)
            return false;
        done += sent > 0 ? (size_t)sent : 0;
    }
    return true;
}

static void explain(const struct command *command, const struct mxt_helper_answer *answer, unsigned attempt, struct mxt_sink_result *result)
{
    const char *program = command->config->command[0];
    bool is_temporary = answer->end == MXT_HELPER_NOT_RUN || (answer->end == MXT_HELPER_EXITED && answer->code == EX_TEMPFAIL);
    enum mxt_sink_outcome outcome = is_temporary || attempt < ATTEMPTS ? MXT_SINK_RETRY : MXT_SINK_REFUSED;
    switch (answer->end) {
    case MXT_HELPER_EXITED:
        if (answer->code == 0)
            outcome = MXT_SINK_DELIVERED;
        mxt_sink_answer(result, outcome, "%.150s: exit status %d", program, answer->code);
        break;
    case MXT_HELPER_KILLED: mxt_sink_answer(result, outcome, "%.150s: killed by signal %d", program, answer->code); break;
    case MXT_HELPER_TIMED_OUT:
        mxt_sink_answer(result, outcome, "%.150s: ended after its %lld s", program, (long long)(command->config->timeout_us / 1000000));
        break;
    case MXT_HELPER_NOT_RUN: mxt_sink_answer(result, outcome, "%.150s: not started: %s", program, strerror(answer->code)); break;
    }
}

static void command_deliver(void *driver, const struct mxt_sink_alert *alert, unsigned attempt, const atomic_bool *is_stopping, struct mxt_sink_result *result)
{
    struct command *command = driver;
    struct mxt_helper_request request = {.n = (uint32_t)alert->n};
    struct mxt_helper_answer answer;
    (void)is_stopping;
    snprintf(request.id, sizeof request.id, "%s", alert->id);
    if (send_whole(command->fd, &request, sizeof request) && send_whole(command->fd, alert->json, alert->n) &&
        recv(command->fd, &answer, sizeof answer, MSG_WAITALL) == (ssize_t)sizeof answer)
        explain(command, &answer, attempt, result);
    else
        mxt_sink_answer(result, MXT_SINK_RETRY, "its helper process is gone; start this program again");
}

static void command_free(void *driver)
{
    struct command *command = driver;
    close(command->fd);
    while (waitpid(command->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    free(command);
}

const struct mxt_sink_driver mxt_sink_command = {.open = command_open, .deliver = command_deliver, .free = command_free};
