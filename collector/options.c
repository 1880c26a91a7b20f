#include "collector/options.h"

#include <stddef.h>

#include "collector/config_read.h"
#include "rules/config_line.h"

static enum mxt_status check_sense(const struct mxt_collector_options *options, const struct mxt_faults *faults)
{
    const char *fault = NULL;
    if (options->action == MXT_COLLECTOR_RUN && options->redis.url == NULL)
        fault = "which Redis? Write --redis URL, such as redis://127.0.0.1:6379, or redis: url: in the file of --config";
    if (options->action == MXT_COLLECTOR_CHECK_CONFIG && options->config == NULL)
        fault = "--check-config: which file? Write --config FILE too";
    if (fault == NULL)
        return MXT_OK;
    mxt_config_tell(faults, "", fault);
    return MXT_EUSAGE;
}

static bool has_use_for_config(const struct mxt_collector_options *options)
{
    return options->config != NULL && (options->action == MXT_COLLECTOR_RUN || options->action == MXT_COLLECTOR_CHECK_CONFIG);
}

enum mxt_status mxt_collector_options_parse(int argc, char **argv, struct mxt_collector_options *out, const struct mxt_faults *faults)
{
    struct mxt_keys keys;
    struct mxt_given given = {0};
    mxt_keys_of(&mxt_collector_program, &keys);
    *out = (struct mxt_collector_options){.action = MXT_COLLECTOR_RUN,
                                          .redis = {.connect_timeout_ms = MXT_LINK_CONNECT_TIMEOUT_MS, .reply_timeout_ms = MXT_LINK_REPLY_TIMEOUT_MS},
                                          .limits = {.memory = MXT_MEMORY_LIMITS_DEFAULT, .alerts = MXT_ALERTS_LIMITS_DEFAULT}};
    mxt_judge_config_init(&out->judge);
    enum mxt_status status = mxt_config_line(&keys, argc, argv, out, &given, faults);
    if (status == MXT_OK && has_use_for_config(out))
        status = mxt_config_read(out->config, &keys, out, &given, faults);
    if (status == MXT_OK)
        status = mxt_keys_fill_defaults(&keys, &given, out);
    return status == MXT_OK ? check_sense(out, faults) : status;
}

void mxt_collector_options_free(struct mxt_collector_options *options)
{
    mxt_judge_config_free(&options->judge);
    mxt_sinks_config_free(&options->sinks);
    mxt_arena_free(&options->texts);
    *options = (struct mxt_collector_options){0};
}

void mxt_collector_options_help(void)
{
    struct mxt_keys keys;
    mxt_keys_of(&mxt_collector_program, &keys);
    mxt_config_help(&keys);
}
