/* mxtap-sensor: reads the command line and does what it says. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "rules/rule.h"
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

static int act(const struct mxt_options *options)
{
    switch (options->action) {
    case MXT_ACTION_RULES: return list_rules();
    case MXT_ACTION_HELP: mxt_options_help(); return 0;
    case MXT_ACTION_VERSION: puts("mxtap-sensor " MXTAP_VERSION); return 0;
    case MXT_ACTION_REPLAY: break;
    }
    return mxt_replay_run(options);
}

int main(int argc, char **argv)
{
    struct mxt_options options;
    char error[MXT_OPTIONS_ERROR];
    enum mxt_status status = mxt_options_parse(argc, argv, &options, error);
    int exit_status = 2;
    signal(SIGPIPE, SIG_IGN); /* a reader that leaves is an output error, told as such */
    if (status == MXT_OK)
        exit_status = act(&options);
    else
        fprintf(stderr, "mxtap-sensor: %s\n", error);
    if (exit_status == 0 && (fflush(stdout) != 0 || ferror(stdout))) {
        perror("mxtap-sensor: standard output");
        exit_status = 1;
    }
    mxt_options_free(&options);
    return exit_status == 2 && status == MXT_ENOMEM ? 1 : exit_status;
}
