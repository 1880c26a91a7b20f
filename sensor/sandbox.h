/*
 * What the program gives up once everything it needs is open, so that a fault in a decoder is worth nothing to whoever sends the packets.
 *
 * The process: no capability, no way to new ones, root's account left, no core dump (it would hold mail), no file but in the folders named (Landlock), no system call
 * but those on a list (seccomp), no new program and no new process. Each kind of thread narrows that further to what it does.
 *
 * What is not allowed answers EPERM, and the kernel's audit log tells it: a library that tries something new then sees an ordinary error, where killing would make
 * a sensor blind. clone3 alone answers ENOSYS, which makes the C library fall back to clone, whose flags a filter can see.
 */
#ifndef MXT_SENSOR_SANDBOX_H
#define MXT_SENSOR_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "decoders/status.h"

/* What a thread does, and may do no more than. All may read, write and wait on descriptors that are open, and allocate. */
enum mxt_sandbox_kind {
    MXT_SANDBOX_PACKETS,   /* takes packets: opens nothing, connects nowhere, writes nothing but messages on stderr and wakes other threads */
    MXT_SANDBOX_REPLAY,    /* the same from captures: opens the next one, to read, and tells at the end on stdout */
    MXT_SANDBOX_JUDGE,     /* judges and writes: replaces files in the folders */
    MXT_SANDBOX_PUBLISHER, /* speaks to Redis and spools: as JUDGE, and connects */
    MXT_SANDBOX_METRICS,   /* answers on a socket that listens already */
    MXT_SANDBOX_MAIN       /* a live sensor's first thread, once it has started the others: waits for signals, closes the interfaces, and tells at the end on stdout; starts no thread any more */
};
#define MXT_SANDBOX_KINDS 6

#define MXT_SANDBOX_FOLDERS 8 /* most folders that may be written in */

struct mxt_sandbox_config {
    const char *user;                         /* whom root turns into; NULL: root stays root, without a capability. For others it means nothing */
    const char *folders[MXT_SANDBOX_FOLDERS]; /* where files are made and replaced later; NULLs are passed over */
    const char *const *readable;              /* files and folders that are opened again to be read (several captures, policies); NULLs are passed over */
    size_t readable_count;
    bool keeps_reading_all;                   /* root keeps CAP_DAC_READ_SEARCH for them, where it stays root: they may be another user's */
    bool has_publisher;                       /* a thread will connect, and look names up */
    bool has_metrics;                         /* a thread will accept connections */
};

/*
 * The process gives it all up. To be called once, while there is one thread (those that it starts inherit it), after everything else was opened. *has_landlock (may be NULL) says whether the kernel
 * keeps the process from other files; without, it rests on the account and on what each kind of thread may call.
 * MXT_OK; MXT_EIO: something was refused, a sentence in `error` says what, and the process must not go on: part of it may hold already.
 */
enum mxt_status mxt_sandbox_enter(const struct mxt_sandbox_config *config, bool *has_landlock, char *error, size_t error_size) MXT_MUST_CHECK;

/* The calling thread gives up what its kind does not need; behind mxt_sandbox_enter, first thing in the thread. MXT_OK; MXT_EIO: refused, the thread must not go on. */
enum mxt_status mxt_sandbox_narrow(enum mxt_sandbox_kind kind) MXT_MUST_CHECK;

/* The account that root turns into when none is named: "mxtap" where it exists, else "nobody". */
const char *mxt_sandbox_default_user(void);

#endif
