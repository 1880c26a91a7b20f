#include "sensor/sandbox_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAKE_BYTES 8 /* what an eventfd takes */

struct calls {
    unsigned need; /* enum mxt_sandbox_need */
    const char *const *names;
};

static const char *const base_calls[] = {
    /* memory */
    "brk", "munmap", "mremap", "madvise", "membarrier",
    /* threads among themselves, and the end */
    "futex", "futex_waitv", "set_robust_list", "rseq", "sched_yield", "sched_getaffinity", "sched_setaffinity", "gettid", "getpid", "tgkill", "exit", "exit_group",
    /* signals */
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait", "rt_sigpending", "sigaltstack", "restart_syscall",
    /* time */
    "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time", "alarm", "setitimer", "timerfd_create", "timerfd_settime", "timerfd_gettime",
    /* waiting */
    "poll", "ppoll", "select", "pselect6", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "eventfd2", "signalfd4", "pipe2",
    /* descriptors that are open */
    "read", "readv", "pread64", "preadv", "lseek", "close", "fstat", "newfstatat", "fcntl", "fadvise64",
    /* questions about oneself */
    "getrandom", "sysinfo", "getrusage", "uname", "getuid", "geteuid", "getgid", "getegid", "getppid", "prlimit64", NULL};

static const char *const write_calls[] = {"write", "writev", "pwrite64", "pwritev", "fsync", "fdatasync", "ftruncate", NULL};

static const char *const file_calls[] = {"open", "openat", "unlink", "unlinkat", "rename", "renameat", "renameat2", "mkdir", "mkdirat", "fchmod", "flock", "fallocate", "fstatfs", "statfs",
                                         "getdents64", "access", "faccessat", "faccessat2", "readlink", "readlinkat", "stat", "lstat", "statx", "getcwd", "umask", NULL};

static const char *const talk_calls[] = {"sendto", "sendmsg", "sendmmsg", "recvfrom", "recvmsg", "setsockopt", "getsockopt", "getsockname", "getpeername", "shutdown", NULL};

static const char *const connect_calls[] = {"connect", "bind", "mmap", "mprotect", NULL};

static const char *const accept_calls[] = {"accept", "accept4", NULL};

static const char *const capture_calls[] = {"recvfrom", "recvmsg", "getsockopt", "setsockopt", NULL};

static const char *const thread_calls[] = {"seccomp", NULL};

static const struct calls table[] = {
    {MXT_NEED_BASE, base_calls},       {MXT_NEED_WRITE, write_calls},     {MXT_NEED_FILES, file_calls},   {MXT_NEED_CONNECT, connect_calls},
    {MXT_NEED_CONNECT, talk_calls},    {MXT_NEED_ACCEPT, accept_calls},   {MXT_NEED_ACCEPT, talk_calls},  {MXT_NEED_CAPTURE, capture_calls},
    {MXT_NEED_THREADS, thread_calls},
};

static int add_names(scmp_filter_ctx filter, const char *const *names)
{
    for (; *names != NULL; names++) {
        int call = seccomp_syscall_resolve_name(*names);
        if (call == __NR_SCMP_ERROR) /* another architecture's, or newer than the library */
            continue;
        int result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0);
        if (result != 0 && result != -EEXIST)
            return result;
    }
    return 0;
}

/* A call that is allowed where an argument's bits under `mask` are `value`. */
static int add_where(scmp_filter_ctx filter, int call, unsigned argument, uint64_t mask, uint64_t value)
{
    struct scmp_arg_cmp is_so = SCMP_CMP(argument, SCMP_CMP_MASKED_EQ, mask, value);
    int result = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, 1, &is_so);
    return result == -EEXIST ? 0 : result;
}

/* One of several values; a list that ends with the count. */
static int add_values(scmp_filter_ctx filter, int call, unsigned argument, const uint64_t *values, size_t count)
{
    int result = 0;
    for (size_t i = 0; i < count && result == 0; i++)
        result = add_where(filter, call, argument, UINT32_MAX, values[i]);
    return result;
}

/* Reading, of what is there: no flag that makes or changes a file. */
static int add_reading(scmp_filter_ctx filter)
{
    return add_where(filter, SCMP_SYS(openat), 2, O_ACCMODE | O_CREAT | O_TRUNC | O_TMPFILE, O_RDONLY);
}

/* Calls that depend on what they are asked. */
static int add_conditional(scmp_filter_ctx filter, unsigned needs)
{
    static const uint64_t questions[] = {TIOCGWINSZ, FIONREAD, SIOCGIFFLAGS, SIOCGIFINDEX, SIOCGIFNAME, 0x5401 /* TCGETS: is it a terminal? */};
    static const uint64_t names[] = {PR_SET_NAME, PR_GET_NO_NEW_PRIVS};
    static const uint64_t narrowing[] = {PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, PR_GET_SECCOMP};
    static const uint64_t families[] = {AF_INET, AF_INET6, AF_UNIX};
    int result = add_values(filter, SCMP_SYS(ioctl), 1, questions, sizeof questions / sizeof *questions);
    if (result == 0)
        result = add_values(filter, SCMP_SYS(prctl), 0, names, sizeof names / sizeof *names);
    if (result == 0 && (needs & MXT_NEED_CONNECT) == 0) { /* no memory becomes code */
        result = add_where(filter, SCMP_SYS(mmap), 2, PROT_EXEC, 0);
        if (result == 0)
            result = add_where(filter, SCMP_SYS(mprotect), 2, PROT_EXEC, 0);
    }
    if (result == 0 && (needs & MXT_NEED_WRITE) == 0) {
        static const uint64_t outputs[] = {STDERR_FILENO, STDOUT_FILENO}, wakes[] = {WAKE_BYTES};
        size_t count = (needs & MXT_NEED_TELL) != 0 ? 2 : 1;
        result = add_values(filter, SCMP_SYS(write), 0, outputs, count);
        if (result == 0)
            result = add_values(filter, SCMP_SYS(writev), 0, outputs, count);
        if (result == 0)
            result = add_values(filter, SCMP_SYS(write), 2, wakes, 1);
    }
    if (result == 0 && (needs & MXT_NEED_READ_FILES) != 0)
        result = add_reading(filter);
    if (result == 0 && (needs & MXT_NEED_CONNECT) != 0)
        result = add_values(filter, SCMP_SYS(socket), 0, families, sizeof families / sizeof *families);
    if (result == 0 && (needs & MXT_NEED_THREADS) != 0) {
        result = add_where(filter, SCMP_SYS(clone), 0, CLONE_THREAD, CLONE_THREAD);
        if (result == 0)
            result = add_values(filter, SCMP_SYS(prctl), 0, narrowing, sizeof narrowing / sizeof *narrowing);
    }
    return result;
}

int mxt_sandbox_calls_add(scmp_filter_ctx filter, unsigned needs)
{
    int result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    for (size_t i = 0; i < sizeof table / sizeof *table && result == 0; i++)
        if ((table[i].need & needs) != 0)
            result = add_names(filter, table[i].names);
    return result == 0 ? add_conditional(filter, needs) : result;
}
