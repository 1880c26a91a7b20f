#include "sensor/options.h"

#include <stdlib.h>

#include "collector/config_read.h"
#include "rules/config_line.h"
#include "rules/networks.h"

static enum mxt_status check_sense(const struct mxt_options *options, const struct mxt_faults *faults)
{
    const char *fault = NULL;
    if (options->action == MXT_ACTION_REPLAY && options->capture_count == 0)
        fault = "nothing to do: write -r FILE... to replay captures, -i INTERFACE to watch live, or --help";
    if (options->action == MXT_ACTION_LIVE && options->capture_count > 0)
        fault = "-i and -r: either watch interfaces or replay captures, not both";
    if (options->action == MXT_ACTION_CHECK_CONFIG && options->config == NULL)
        fault = "--check-config: which file? Write --config FILE too";
    if (options->spool_directory != NULL && options->redis.url == NULL)
        fault = "spool.directory: what waits there is for Redis: give --redis URL (redis.url) too";
    if (fault == NULL)
        return MXT_OK;
    mxt_config_tell(faults, "", fault);
    return MXT_EUSAGE;
}

static bool has_use_for_config(const struct mxt_options *options)
{
    return options->config != NULL && (options->action == MXT_ACTION_REPLAY || options->action == MXT_ACTION_CHECK_CONFIG);
}

/* A file written for live use serves replays too, and the other way round: what stands on the command line says which it is. `line`: how things were without the file. */
static void choose_source(struct mxt_options *options, const struct mxt_options *line)
{
    if (line->capture_count > 0 && line->interface_count == 0)
        options->interface_count = 0;
    if (line->interface_count > 0 && line->capture_count == 0)
        options->capture_count = 0;
    if (options->action == MXT_ACTION_REPLAY && options->interface_count > 0)
        options->action = MXT_ACTION_LIVE;
}

static enum mxt_status read_all(const struct mxt_keys *keys, int argc, char **argv, struct mxt_options *out, const struct mxt_faults *faults)
{
    struct mxt_given given = {0};
    enum mxt_status status = mxt_config_line(keys, argc, argv, out, &given, faults);
    const struct mxt_options line = *out;
    if (status == MXT_OK && has_use_for_config(out))
        status = mxt_config_read(out->config, keys, out, &given, faults);
    if (status == MXT_OK)
        status = mxt_keys_fill_defaults(keys, &given, out);
    choose_source(out, &line);
    if (status == MXT_OK && out->action == MXT_ACTION_REPLAY && line.workers > 1) {
        mxt_config_tell(faults, "", "--workers: a replay has one; more than one are for -i");
        status = MXT_EUSAGE;
    }
    return status;
}

enum mxt_status mxt_options_parse(int argc, char **argv, struct mxt_options *out, const struct mxt_faults *faults)
{
    struct mxt_keys keys;
    mxt_keys_of(&mxt_sensor_program, &keys);
    *out = (struct mxt_options){.action = MXT_ACTION_REPLAY};
    mxt_judge_config_init(&out->judge);
    mxt_limits_init(&out->limits);
    enum mxt_status status = read_all(&keys, argc, argv, out, faults);
    return status == MXT_OK ? check_sense(out, faults) : status;
}

void mxt_options_free(struct mxt_options *options)
{
    free(options->captures);
    mxt_networks_free(&options->home);
    mxt_judge_config_free(&options->judge);
    mxt_arena_free(&options->texts);
    *options = (struct mxt_options){0};
}

void mxt_options_help(void)
{
    struct mxt_keys keys;
    mxt_keys_of(&mxt_sensor_program, &keys);
    mxt_config_help(&keys);
}
