#include <stddef.h>
#include <string.h>

#include "collector/link_keys.h"
#include "collector/options.h"
#include "collector/partition.h"
#include "rules/config_values.h"
#include "rules/judge_keys.h"

#define COLLECTOR_NAME_MAX 64         /* bytes */
#define COUNT_MAX          999999999u /* the most that any number of things may be limited to */
#define RECORD_BYTES_MIN   (UINT64_C(1) << 20)
#define RECORD_BYTES_MAX   (UINT64_C(1) << 40)

static enum mxt_status set_name(struct mxt_setting *to, const char *value)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_";
    struct mxt_collector_options *options = to->object;
    if (strlen(value) > COLLECTOR_NAME_MAX || strspn(value, allowed) != strlen(value))
        return MXT_EUSAGE;
    options->name = value;
    return MXT_OK;
}

static enum mxt_status set_once(struct mxt_setting *to, const char *value)
{
    struct mxt_collector_options *options = to->object;
    return mxt_value_flag(value, &options->is_once) == MXT_OK ? MXT_OK : MXT_EUSAGE;
}

static enum mxt_status set_partitions(struct mxt_setting *to, const char *value)
{
    struct mxt_collector_options *options = to->object;
    return mxt_value_number(value, 1, MXT_PARTITIONS_MAX, &options->partitions) == MXT_OK ? MXT_OK : MXT_EUSAGE;
}

static enum mxt_status ask_check(struct mxt_setting *to, const char *value)
{
    struct mxt_collector_options *options = to->object;
    (void)value;
    options->action = MXT_COLLECTOR_CHECK_CONFIG;
    return MXT_OK;
}

static enum mxt_status ask_version(struct mxt_setting *to, const char *value)
{
    struct mxt_collector_options *options = to->object;
    (void)value;
    options->action = MXT_COLLECTOR_VERSION;
    return MXT_OK;
}

static enum mxt_status ask_help(struct mxt_setting *to, const char *value)
{
    struct mxt_collector_options *options = to->object;
    (void)value;
    options->action = MXT_COLLECTOR_HELP;
    return MXT_OK;
}

static enum mxt_status to_count(const char *value, uint32_t *out)
{
    return mxt_value_number(value, 1, COUNT_MAX, out) == MXT_OK ? MXT_OK : MXT_EUSAGE;
}

static enum mxt_status set_servers(struct mxt_setting *to, const char *value)
{
    return to_count(value, &((struct mxt_collector_limits *)to->object)->memory.servers);
}

static enum mxt_status set_names(struct mxt_setting *to, const char *value)
{
    return to_count(value, &((struct mxt_collector_limits *)to->object)->memory.names);
}

static enum mxt_status set_pairs(struct mxt_setting *to, const char *value)
{
    return to_count(value, &((struct mxt_collector_limits *)to->object)->memory.pairs);
}

static enum mxt_status set_records(struct mxt_setting *to, const char *value)
{
    return to_count(value, &((struct mxt_collector_limits *)to->object)->memory.records);
}

static enum mxt_status set_record_bytes(struct mxt_setting *to, const char *value)
{
    uint64_t *bytes = &((struct mxt_collector_limits *)to->object)->memory.record_bytes;
    return mxt_value_size(value, RECORD_BYTES_MIN, RECORD_BYTES_MAX, bytes) == MXT_OK ? MXT_OK : MXT_EUSAGE;
}

static enum mxt_status set_alerts(struct mxt_setting *to, const char *value)
{
    return to_count(value, &((struct mxt_collector_limits *)to->object)->alerts.subjects);
}

static enum mxt_status set_sessions(struct mxt_setting *to, const char *value)
{
    return to_count(value, &((struct mxt_collector_limits *)to->object)->alerts.sessions);
}

static enum mxt_status set_alert_stream(struct mxt_setting *to, const char *value)
{
    return to_count(value, &((struct mxt_collector_limits *)to->object)->alert_stream);
}

static enum mxt_status set_rejected(struct mxt_setting *to, const char *value)
{
    return to_count(value, &((struct mxt_collector_limits *)to->object)->rejected);
}

/* clang-format off */
#define TEXT_AT(member)                   .text_at = offsetof(struct mxt_collector_options, member)
#define BOTH                              MXT_KEY_IN_BOTH
#define LINE                              MXT_KEY_ON_COMMAND_LINE
#define NUMBER                            "a number from 1 to 999999999"
#define LIMIT(name, fallback, help, setter)  {"limits." name, NULL, 0, MXT_KEY_IN_FILE, MXT_KEY_ONE, "N", fallback, NUMBER, help, .set = (setter)}

static const struct mxt_key work_keys[] = {
    {"policies", NULL, 0, BOTH, MXT_KEY_ONE, "DIR", NULL, "a folder", "MTA-STS policies to judge by: files named DOMAIN or DOMAIN.txt, as served", TEXT_AT(policies)},
    {"once", NULL, 0, LINE, MXT_KEY_FLAG, NULL, NULL, "yes or no", "work off what is there, tell every changed alert, and leave", .set = set_once},
    {"partitions", NULL, 0, BOTH, MXT_KEY_ONE, "N", NULL, "a number from 1 to 256", "into how many parts Redis is divided, where it is used for the first time (default: 1)", .set = set_partitions},
    {"name", NULL, 0, BOTH, MXT_KEY_ONE, "NAME", NULL, "a name of 1 to 64 letters, digits, '.', '-' and '_'", "this collector's name in leases (default: the host's name and the process id)", .set = set_name},
};

static const struct mxt_key limit_keys[] = {
    {"limits", NULL, 0, MXT_KEY_IN_FILE, MXT_KEY_MAP, "...", NULL, "a mapping", "how much is kept, in each partition", .set = NULL},
    LIMIT("servers", "20000", "servers whose habits are known", set_servers),
    LIMIT("names", "20000", "names of servers, likewise", set_names),
    LIMIT("pairs", "50000", "clients with their servers, likewise", set_pairs),
    LIMIT("records", "20000", "records kept to be judged again when a late one comes", set_records),
    {"limits.record_bytes", NULL, 0, MXT_KEY_IN_FILE, MXT_KEY_ONE, "SIZE", "64MiB", "a size from 1MiB to 1024GiB, written as 64MiB or 2GiB", "their size", .set = set_record_bytes},
    LIMIT("alerts", "100000", "alerts that go on", set_alerts),
    LIMIT("sessions", "250000", "sessions remembered, so that a later record replaces an earlier", set_sessions),
    LIMIT("alert_stream", "100000", "alerts that stay in the stream in Redis", set_alert_stream),
    LIMIT("rejected", "10000", "records kept that could not be read", set_rejected),
};

static const struct mxt_key question_keys[] = {
    {"config", NULL, 0, LINE, MXT_KEY_ONE, "FILE", NULL, "a path", "the same and more from a YAML file; the command line wins", TEXT_AT(config)},
    {"check-config", NULL, 0, LINE, MXT_KEY_ACTION, NULL, NULL, NULL, "tell whether the file of --config is right, and leave", .set = ask_check},
    {"version", NULL, 0, LINE, MXT_KEY_ACTION, NULL, NULL, NULL, "print the version and leave", .set = ask_version},
    {"help", NULL, 'h', LINE, MXT_KEY_ACTION, NULL, NULL, NULL, "print this text and leave", .set = ask_help},
};
/* clang-format on */

#define TABLE(array) {.keys = (array), .count = sizeof(array) / sizeof((array)[0])}

static const struct mxt_key_table work = TABLE(work_keys), limits = TABLE(limit_keys), questions = TABLE(question_keys);

static const struct mxt_key_use tables[] = {{&mxt_link_keys, offsetof(struct mxt_collector_options, redis)},
                                            {&work, 0},
                                            {&mxt_judge_keys, offsetof(struct mxt_collector_options, judge)},
                                            {&mxt_sink_keys, offsetof(struct mxt_collector_options, sinks)},
                                            {&mxt_metrics_keys, offsetof(struct mxt_collector_options, metrics)},
                                            {&limits, offsetof(struct mxt_collector_options, limits)},
                                            {&questions, 0}};

static void free_options(void *options)
{
    mxt_collector_options_free(options);
}

const struct mxt_program mxt_collector_program = {
    .name = "mxtap-collector",
    .usage = "mxtap-collector " MXTAP_VERSION ": judges what sensors saw, over Redis, and raises alerts\n"
             "\n"
             "  mxtap-collector --redis URL [options]\n"
             "  mxtap-collector alerts ...            what was raised, for people; mxtap-collector alerts --help\n",
    .notes = "Exit status: 0 done, 1 failed, 2 wrong usage.",
    .stray = "See mxtap-collector --help",
    .tables = tables,
    .table_count = sizeof tables / sizeof tables[0],
    .size = sizeof(struct mxt_collector_options),
    .texts_at = offsetof(struct mxt_collector_options, texts),
    .free = free_options,
};
