/* mxtap-sensor: reads the command line and does what it says. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "rules/rule.h"
#include "sensor/live.h"
#include "sensor/options.h"
#include "sensor/replay.h"

static int list_rules(void)
{
    size_t count;
    const struct mxt_rule_info *rules = mxt_rule_catalogue(&count);
    for (size_t i = 0; i < count; i++)
        printf("%-32s %7u  %-8s  %-28s %s\n", rules[i].name, rules[i].sid, mxt_severity_name(rules[i].severity), rules[i].rfc, rules[i].signature);
    return 0;
}

static int confirm_config(const char *path)
{
    printf("%s: ok\n", path);
    return 0;
}

static int act(const struct mxt_options *options)
{
    switch (options->action) {
    case MXT_ACTION_RULES: return list_rules();
    case MXT_ACTION_CHECK_CONFIG: return confirm_config(options->config);
    case MXT_ACTION_HELP: mxt_options_help(); return 0;
    case MXT_ACTION_VERSION: puts("mxtap-sensor " MXTAP_VERSION); return 0;
    case MXT_ACTION_LIVE: return mxt_live_run(options);
    case MXT_ACTION_REPLAY: break;
    }
    return mxt_replay_run(options);
}

static void complain(void *context, const char *sentence)
{
    (void)context;
    fprintf(stderr, "mxtap-sensor: %s\n", sentence);
}

int main(int argc, char **argv)
{
    const struct mxt_faults faults = {.tell = complain};
    struct mxt_options options;
    int exit_status;
    signal(SIGPIPE, SIG_IGN); /* a reader that leaves is an output error, told as such */
    switch (mxt_options_parse(argc, argv, &options, &faults)) {
    case MXT_OK: exit_status = act(&options); break;
    case MXT_EUSAGE: exit_status = 2; break;
    case MXT_ENOMEM:
        complain(NULL, "out of memory");
        exit_status = 1;
        break;
    default: exit_status = 1; break;
    }
    if (exit_status == 0 && (fflush(stdout) != 0 || ferror(stdout))) {
        perror("mxtap-sensor: standard output");
        exit_status = 1;
    }
    mxt_options_free(&options);
    return exit_status;
}
