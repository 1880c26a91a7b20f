/*
 * Tries what a sandboxed thread must not be able to do, and what it needs, and tells what came of it: a line "NAME ok" or "NAME ERRNO" for each attempt.
 *
 *     mxtap-sandbox-probe KIND FOLDER [USER]      FOLDER: where it may write
 *
 * KIND: packets, replay, judge, publisher, metrics; none: what holds for the whole process; bare: no sandbox, to see that the attempts can succeed.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sensor/sandbox.h"

/* What a probe runs with: opened before the sandbox, as the program does. */
struct bench {
    const char *folder;
    enum mxt_sandbox_kind kind;
    bool is_narrowed;
    int listener, pipe[2], event, output;
};

static void tell(const char *name, bool is_ok)
{
    int number = errno;
    char line[80];
    int n = snprintf(line, sizeof line, "%s %s\n", name, is_ok ? "ok" : strerrorname_np(number));
    if (write(STDERR_FILENO, line, (size_t)n) != n)
        abort();
}

static bool close_if(int descriptor)
{
    if (descriptor < 0)
        return false;
    close(descriptor);
    return true;
}

static void try_files(const struct bench *bench)
{
    char mine[4200];
    snprintf(mine, sizeof mine, "%s/new", bench->folder);
    tell("open_passwd", close_if(open("/etc/passwd", O_RDONLY | O_CLOEXEC)));
    tell("open_root", close_if(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
    tell("create_outside", close_if(open("/tmp/mxtap-sandbox-probe", O_WRONLY | O_CREAT | O_CLOEXEC, 0600)));
    tell("create_in_folder", close_if(open(mine, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)));
    tell("remove_in_folder", unlink(mine) == 0);
    tell("chmod", chmod(bench->folder, 0777) == 0);
    tell("link_out", symlink("/etc/passwd", mine) == 0);
    tell("chroot", chroot(bench->folder) == 0);
}

static void try_sockets(const struct bench *bench)
{
    struct sockaddr_in nowhere = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    tell("socket", tcp >= 0);
    bool is_connected = connect(tcp >= 0 ? tcp : bench->listener, (struct sockaddr *)&nowhere, sizeof nowhere) == 0;
    tell("connect", is_connected || errno == ECONNREFUSED || errno == EISCONN); /* refused by the peer: it was tried */
    close_if(tcp);
    tell("raw_socket", close_if(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)));
    tell("netlink", close_if(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0)));
    int taken = accept4(bench->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    tell("accept", close_if(taken) || errno == EAGAIN);
}

static void *nothing(void *context)
{
    return context;
}

static bool leave_child(pid_t child)
{
    if (child == 0)
        _exit(0);
    if (child > 0)
        waitpid(child, NULL, 0);
    return child > 0;
}

static void try_processes(void)
{
    static char *const arguments[] = {"/bin/true", NULL};
    pthread_t thread;
    tell("fork", leave_child(fork()));
    errno = pthread_create(&thread, NULL, nothing, NULL);
    bool has_thread = errno == 0;
    if (has_thread)
        pthread_join(thread, NULL);
    tell("thread", has_thread);
    tell("clone3", syscall(SYS_clone3, NULL, 0) >= 0);
    tell("ptrace", ptrace(PTRACE_CONT, getpid(), NULL, NULL) == 0 || errno == ESRCH); /* nobody is traced: the call itself is the question */
    tell("setuid", setuid(0) == 0);
    void *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    tell("mmap_code", code != MAP_FAILED);
    tell("unshare", unshare(CLONE_NEWUSER) == 0);
    tell("kill", kill(getppid(), 0) == 0);
    execve(arguments[0], arguments, NULL);
    tell("exec", false);
}

static void try_needed(const struct bench *bench)
{
    uint64_t one = 1;
    char byte = 'x';
    tell("memory", (free(malloc(64u << 20)), true));
    tell("wake", write(bench->event, &one, sizeof one) == sizeof one);
    tell("read", read(bench->pipe[0], &byte, 1) == 1);
    tell("write_output", write(bench->output, &byte, 1) == 1);
}

static void *run(void *context)
{
    struct bench *bench = context;
    if (bench->is_narrowed && mxt_sandbox_narrow(bench->kind) != MXT_OK) {
        tell("narrow", false);
        return NULL;
    }
    try_needed(bench);
    try_files(bench);
    try_sockets(bench);
    try_processes();
    return NULL;
}

static bool find_kind(const char *name, enum mxt_sandbox_kind *kind)
{
    static const char *const names[MXT_SANDBOX_KINDS] = {"packets", "replay", "judge", "publisher", "metrics", "main"};
    for (size_t i = 0; i < MXT_SANDBOX_KINDS; i++)
        if (strcmp(names[i], name) == 0) {
            *kind = (enum mxt_sandbox_kind)i;
            return true;
        }
    return false;
}

static bool prepare(struct bench *bench)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    bench->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bench->event = eventfd(0, EFD_CLOEXEC);
    bench->output = open("/dev/null", O_WRONLY | O_CLOEXEC);
    return bench->listener >= 0 && bind(bench->listener, (struct sockaddr *)&any, sizeof any) == 0 && listen(bench->listener, 1) == 0 && bench->event >= 0 &&
           bench->output >= 0 && pipe2(bench->pipe, O_CLOEXEC) == 0 && write(bench->pipe[1], "x", 1) == 1;
}

int main(int argc, char **argv)
{
    struct bench bench = {0};
    char error[400];
    pthread_t thread;
    if (argc < 3 || !prepare(&bench)) {
        fputs("usage: mxtap-sandbox-probe KIND FOLDER [USER]\n", stderr);
        return 2;
    }
    bench.folder = argv[2];
    bench.is_narrowed = find_kind(argv[1], &bench.kind);
    const struct mxt_sandbox_config config = {
        .user = argc > 3 ? argv[3] : NULL, .folders = {bench.folder}, .has_publisher = bench.kind == MXT_SANDBOX_PUBLISHER, .has_metrics = bench.kind == MXT_SANDBOX_METRICS};
    bool has_landlock;
    if (strcmp(argv[1], "bare") == 0) {
        (void)run(&bench);
        return 0;
    }
    if (mxt_sandbox_enter(&config, &has_landlock, error, sizeof error) != MXT_OK) {
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    printf("landlock %d\n", has_landlock);
    fflush(stdout);
    if (pthread_create(&thread, NULL, run, &bench) != 0)
        return 1;
    pthread_join(thread, NULL);
    fflush(stdout);
    return 0;
}
