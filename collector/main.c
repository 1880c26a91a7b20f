/* mxtap-collector: reads the command line and does what it says. */
#include <malloc.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "collector/alerts_cli.h"
#include "collector/collector.h"
#include "collector/options.h"

#define KEPT_BYTES  (32 << 20)
#define GROWN_BYTES (1 << 20)

struct program {
    int argc;
    char **argv;
    struct mxt_faults faults;
};

/* Threads tell, one line each: stdio keeps lines whole. */
static void complain(void *context, const char *sentence)
{
    (void)context;
    fprintf(stderr, "mxtap-collector: %s\n", sentence);
}

static enum mxt_status read_again(void *context, struct mxt_collector_options *out)
{
    struct program *program = context;
    return mxt_collector_options_parse(program->argc, program->argv, out, &program->faults);
}

static int confirm_config(const char *path)
{
    printf("%s: ok\n", path);
    return 0;
}

static int act(struct program *program, struct mxt_collector_options *options)
{
    const struct mxt_collector_config config = {.options = options, .reload = read_again, .context = program, .faults = &program->faults};
    switch (options->action) {
    case MXT_COLLECTOR_CHECK_CONFIG: return confirm_config(options->config);
    case MXT_COLLECTOR_HELP: mxt_collector_options_help(); return 0;
    case MXT_COLLECTOR_VERSION: puts("mxtap-collector " MXTAP_VERSION); return 0;
    case MXT_COLLECTOR_RUN: break;
    }
    return mxt_collector_run(&config);
}

/*
 * Batches come and go by the megabyte: memory that one gave back serves the next, without asking the kernel for fresh pages each time. What stays is asked for by
 * the megabyte too, which only the first of malloc's arenas does: those of other threads grow page by page, a system call each.
 */
static void keep_memory(void)
{
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_TOP_PAD, GROWN_BYTES);
    mallopt(M_MMAP_THRESHOLD, KEPT_BYTES);
    mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
}

static int collect(struct program *program)
{
    struct mxt_collector_options options;
    int exit_status;
    keep_memory();
    switch (mxt_collector_options_parse(program->argc, program->argv, &options, &program->faults)) {
    case MXT_OK: exit_status = act(program, &options); break;
    case MXT_EUSAGE: exit_status = 2; break;
    case MXT_ENOMEM:
        complain(NULL, "out of memory");
        exit_status = 1;
        break;
    default: exit_status = 1; break;
    }
    mxt_collector_options_free(&options);
    return exit_status;
}

int main(int argc, char **argv)
{
    struct program program = {.argc = argc, .argv = argv, .faults = {.tell = complain}};
    signal(SIGPIPE, SIG_IGN); /* a peer that leaves is an error of its link, told as such */
    bool is_alerts = argc > 1 && strcmp(argv[1], "alerts") == 0;
    int exit_status = is_alerts ? mxt_alerts_cli(argc - 1, argv + 1, &program.faults) : collect(&program);
    if (exit_status == 0 && (fflush(stdout) != 0 || ferror(stdout))) {
        perror("mxtap-collector: standard output");
        exit_status = 1;
    }
    return exit_status;
}
