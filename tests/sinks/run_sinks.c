/* Runs the sinks of a configuration over the partition "mxtap:", until standard input ends. "state" on standard input prints counters. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "collector/options.h"
#include "collector/sink.h"

static void complain(void *context, const char *sentence)
{
    (void)context;
    fprintf(stderr, "%s\n", sentence);
}

static void print_states(struct mxt_sinks *sinks)
{
    for (size_t i = 0; i < mxt_sinks_count(sinks); i++) {
        struct mxt_sink_state s = mxt_sinks_state(sinks, i);
        printf("%s %d %llu %llu %llu %llu %llu\n", s.name, s.is_failing, (unsigned long long)s.delivered, (unsigned long long)s.refused, (unsigned long long)s.retries,
               (unsigned long long)s.lost, (unsigned long long)s.behind);
    }
    puts(".");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    const struct mxt_faults faults = {.tell = complain};
    struct mxt_collector_options options;
    struct mxt_sinks *sinks;
    char line[64];
    int exit_status = 1;
    signal(SIGPIPE, SIG_IGN);
    if (mxt_collector_options_parse(argc, argv, &options, &faults) == MXT_OK && (sinks = mxt_sinks_new(&options.sinks, &options.redis, &faults)) != NULL) {
        if (mxt_sinks_start(sinks) == MXT_OK && mxt_sinks_hold(sinks, "mxtap:", true) == MXT_OK) {
            while (fgets(line, sizeof line, stdin) != NULL) {
                if (strcmp(line, "drain\n") == 0)
                    puts(mxt_sinks_drain(sinks, 60000) ? "drained" : "not drained");
                print_states(sinks);
            }
            exit_status = 0;
        }
        mxt_sinks_free(sinks);
    }
    mxt_collector_options_free(&options);
    return exit_status;
}
