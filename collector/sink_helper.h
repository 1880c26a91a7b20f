/*
 * The process that runs a sink's command: forked before there are threads, it holds nothing of ours but a socket, and ends when that is closed. Each request is a
 * delivery id and a JSON text; each answer a struct mxt_helper_answer.
 */
#ifndef MXT_COLLECTOR_SINK_HELPER_H
#define MXT_COLLECTOR_SINK_HELPER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "collector/sink_int.h"

struct mxt_helper_request {
    char id[MXT_SINK_ID];
    uint32_t n; /* bytes of JSON that follow */
};

struct mxt_helper_answer {
    enum { MXT_HELPER_EXITED, MXT_HELPER_KILLED, MXT_HELPER_TIMED_OUT, MXT_HELPER_NOT_RUN } end;
    int code; /* exit status; signal; -; errno */
};

/* Forks it. Its socket (the caller's), and its process id in *pid; -1: errno says why. */
int mxt_helper_start(const struct mxt_sink_config *config, pid_t *pid);

#endif
