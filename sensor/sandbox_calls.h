/* The system calls that the sandbox leaves. Private to sandbox.c. */
#ifndef MXT_SENSOR_SANDBOX_CALLS_H
#define MXT_SENSOR_SANDBOX_CALLS_H

#include <seccomp.h>

/* What a filter is made of; bits. */
enum mxt_sandbox_need {
    MXT_NEED_BASE = 1,       /* memory, time, waiting, descriptors that are open */
    MXT_NEED_WRITE = 2,      /* write to any open descriptor; without, to stderr and, eight bytes at a time, to what wakes a thread */
    MXT_NEED_FILES = 4,      /* open, make, rename, remove: where Landlock lets it */
    MXT_NEED_CONNECT = 8,    /* TCP and local sockets, outwards; libraries that a name look-up loads */
    MXT_NEED_ACCEPT = 16,    /* connections that come in */
    MXT_NEED_CAPTURE = 32,   /* an open packet socket */
    MXT_NEED_THREADS = 64,   /* start threads and narrow them */
    MXT_NEED_READ_FILES = 128, /* open, to read */
    MXT_NEED_TELL = 256        /* write to stdout */
};

/* Adds to the filter what `needs` (bits of enum mxt_sandbox_need) asks for. 0, or libseccomp's error. */
int mxt_sandbox_calls_add(scmp_filter_ctx filter, unsigned needs);

#endif
