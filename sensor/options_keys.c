#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/link_keys.h"
#include "rules/config_values.h"
#include "rules/judge_keys.h"
#include "rules/networks.h"
#include "sensor/options.h"

#define SENSOR_NAME_MAX 64   /* bytes: the name travels in every record */
#define CPU_MAX         1023 /* CPU_SETSIZE - 1 */
#define SPOOL_MIN       (UINT64_C(1) << 20)
#define SPOOL_MAX       (UINT64_C(1024) << 30)
#define BUFFER_MIN      (UINT64_C(1) << 20)
#define BUFFER_MAX      (UINT64_C(2047) << 20) /* libpcap takes an int */

static enum mxt_status add_capture(struct mxt_setting *to, const char *value)
{
    struct mxt_options *options = to->object;
    const char **captures = realloc(options->captures, (options->capture_count + 1) * sizeof *captures);
    if (captures == NULL)
        return MXT_ENOMEM;
    captures[options->capture_count++] = value;
    options->captures = captures;
    return MXT_OK;
}

static enum mxt_status add_interface(struct mxt_setting *to, const char *value)
{
    struct mxt_options *options = to->object;
    for (size_t i = 0; i < options->interface_count; i++) {
        if (strcmp(options->interfaces[i], value) == 0) {
            snprintf(to->why, sizeof to->why, "\"%.64s\" is named twice", value);
            return MXT_EUSAGE;
        }
    }
    if (options->interface_count == MXT_OPTIONS_INTERFACES) {
        snprintf(to->why, sizeof to->why, "more than %d interfaces", MXT_OPTIONS_INTERFACES);
        return MXT_EUSAGE;
    }
    options->interfaces[options->interface_count++] = value;
    return MXT_OK;
}

static enum mxt_status set_buffer(struct mxt_setting *to, const char *value)
{
    struct mxt_options *options = to->object;
    return mxt_value_size(value, BUFFER_MIN, BUFFER_MAX, &options->buffer_bytes) == MXT_OK ? MXT_OK : MXT_EUSAGE;
}

static enum mxt_status set_spool_limit(struct mxt_setting *to, const char *value)
{
    struct mxt_options *options = to->object;
    return mxt_value_size(value, SPOOL_MIN, SPOOL_MAX, &options->spool_limit) == MXT_OK ? MXT_OK : MXT_EUSAGE;
}

static enum mxt_status set_workers(struct mxt_setting *to, const char *value)
{
    struct mxt_options *options = to->object;
    return mxt_value_number(value, 1, MXT_OPTIONS_WORKERS, &options->workers) == MXT_OK ? MXT_OK : MXT_EUSAGE;
}

static enum mxt_status add_cpu(struct mxt_setting *to, const char *value)
{
    struct mxt_options *options = to->object;
    if (options->cpu_count == MXT_OPTIONS_CPUS || mxt_value_number(value, 0, CPU_MAX, &options->cpus[options->cpu_count]) != MXT_OK)
        return MXT_EUSAGE;
    options->cpu_count++;
    return MXT_OK;
}

static enum mxt_status set_sensor(struct mxt_setting *to, const char *value)
{
    struct mxt_options *options = to->object;
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_";
    size_t n = strlen(value);
    if (n == 0 || n > SENSOR_NAME_MAX || strspn(value, allowed) != n)
        return MXT_EUSAGE;
    options->sensor = value;
    return MXT_OK;
}

static enum mxt_status add_home_net(struct mxt_setting *to, const char *value)
{
    struct mxt_options *options = to->object;
    return mxt_networks_add(&options->home, value, to->why, sizeof to->why);
}

static enum mxt_status add_port(struct mxt_setting *to, const char *value)
{
    struct mxt_options *options = to->object;
    uint16_t port;
    if (mxt_value_port(value, &port) != MXT_OK)
        return MXT_EUSAGE;
    mxt_port_set_add(&options->ports, port);
    return MXT_OK;
}

static enum mxt_status set_any_port(struct mxt_setting *to, const char *value)
{
    struct mxt_options *options = to->object;
    return mxt_value_flag(value, &options->any_port) == MXT_OK ? MXT_OK : MXT_EUSAGE;
}

static enum mxt_status set_output(struct mxt_setting *to, const char *value)
{
    struct mxt_options *options = to->object;
    if (strcmp(value, "text") != 0 && strcmp(value, "json") != 0)
        return MXT_EUSAGE;
    options->output = strcmp(value, "json") == 0 ? MXT_OUTPUT_JSON : MXT_OUTPUT_TEXT;
    return MXT_OK;
}

static enum mxt_status set_privacy(struct mxt_setting *to, const char *value)
{
    struct mxt_options *options = to->object;
    options->domains_only = strcmp(value, "domains") == 0;
    return options->domains_only ? MXT_OK : MXT_EUSAGE;
}

static enum mxt_status set_keep_bytes(struct mxt_setting *to, const char *value)
{
    struct mxt_options *options = to->object;
    return mxt_value_size(value, UINT64_C(1) << 20, UINT64_C(1) << 36, &options->keep_bytes) == MXT_OK ? MXT_OK : MXT_EUSAGE;
}

static enum mxt_status leave_sandbox_out(struct mxt_setting *to, const char *value)
{
    struct mxt_options *options = to->object;
    (void)value;
    options->no_sandbox = true;
    return MXT_OK;
}

static enum mxt_status ask_check(struct mxt_setting *to, const char *value)
{
    struct mxt_options *options = to->object;
    (void)value;
    options->action = MXT_ACTION_CHECK_CONFIG;
    return MXT_OK;
}

static enum mxt_status ask_rules(struct mxt_setting *to, const char *value)
{
    struct mxt_options *options = to->object;
    (void)value;
    options->action = MXT_ACTION_RULES;
    return MXT_OK;
}

static enum mxt_status ask_version(struct mxt_setting *to, const char *value)
{
    struct mxt_options *options = to->object;
    (void)value;
    options->action = MXT_ACTION_VERSION;
    return MXT_OK;
}

static enum mxt_status ask_help(struct mxt_setting *to, const char *value)
{
    struct mxt_options *options = to->object;
    (void)value;
    options->action = MXT_ACTION_HELP;
    return MXT_OK;
}

/* clang-format off */
#define TEXT_AT(member) .text_at = offsetof(struct mxt_options, member)
#define BOTH            MXT_KEY_IN_BOTH
#define LINE            MXT_KEY_ON_COMMAND_LINE

static const struct mxt_key keys[] = {
    {"read", NULL, 'r', BOTH, MXT_KEY_PATHS, "FILE...", NULL, "a path", "replay captures: pcap or pcapng, also .gz and .zst, a folder, or - for stdin; several are merged by time", .set = add_capture},
    {"interface", NULL, 'i', BOTH, MXT_KEY_LIST, "NAME,...", NULL, "the name of an interface", "watch interfaces live", .set = add_interface},
    {"buffer", NULL, 0, BOTH, MXT_KEY_ONE, "SIZE", "64MiB", "a size from 1MiB to 2047MiB", "live: the kernel's ring for each interface and worker", .set = set_buffer},
    {"workers", NULL, 0, BOTH, MXT_KEY_ONE, "N", "1", "a number from 1 to 64", "live: packet threads; both directions of a connection meet in one", .set = set_workers},
    {"cpus", NULL, 0, MXT_KEY_IN_FILE, MXT_KEY_LIST, "CPU,...", NULL, "a processor's number", "live: the processors on which the packet threads stay, in turn", .set = add_cpu},
    {"policies", NULL, 0, BOTH, MXT_KEY_ONE, "DIR", NULL, "a folder", "MTA-STS policies to judge by: files named DOMAIN or DOMAIN.txt, as served", TEXT_AT(policies)},
    {"knowledge", NULL, 0, BOTH, MXT_KEY_ONE, "FILE", NULL, "a path", "what servers and clients normally do: read at start, written hourly and at the end", TEXT_AT(knowledge)},
    {"trust", NULL, 0, BOTH, MXT_KEY_ONE, "FILE|DIR", NULL, "a path", "trust store for certificates, PEM (default: the system's)", TEXT_AT(trust)},
    {"home-net", NULL, 0, BOTH, MXT_KEY_LIST, "CIDR,...", MXT_NETWORKS_PRIVATE, MXT_KEY_NETWORK, "networks that are ours", .set = add_home_net},
    {"ports", NULL, 0, BOTH, MXT_KEY_LIST, "LIST", "25,465,587,2525", "a port number from 1 to 65535", "mail ports", .set = add_port},
    {"any-port", NULL, 0, BOTH, MXT_KEY_FLAG, NULL, "no", "yes or no", "look for SMTP on every other TCP port too", .set = set_any_port},
    {"output", NULL, 'o', BOTH, MXT_KEY_ONE, "text|json", "text", "text or json", "for people, or one JSON event a line on stdout", .set = set_output},
    {"sensor", NULL, 0, BOTH, MXT_KEY_ONE, "NAME", "mxtap", "a name of 1 to 64 letters, digits, '.', '-' and '_'", "this sensor's name in records", .set = set_sensor},
    {"filter", NULL, 0, BOTH, MXT_KEY_ONE, "BPF", NULL, "a filter", "look only at frames that match, in tcpdump's syntax", TEXT_AT(filter)},
    {"privacy", NULL, 0, BOTH, MXT_KEY_ONE, "domains", NULL, "the word domains", "keep local parts of addresses out of every output", .set = set_privacy},
    {"keep", NULL, 'w', BOTH, MXT_KEY_ONE, "FILE", NULL, "a path", "keep the packets of sessions with findings as a capture, without content and secrets: pcapng, or pcap by its name", TEXT_AT(keep)},
    {"keep-memory", NULL, 0, MXT_KEY_IN_FILE, MXT_KEY_ONE, "SIZE", "64MiB", "a size from 1MiB to 64GiB, written as 64MiB", "for packets of which it is not known yet whether they are kept", .set = set_keep_bytes},
    {"user", NULL, 0, BOTH, MXT_KEY_ONE, "NAME", NULL, "a user's name", "whom root turns into when all is open: mxtap or nobody where not said; a replay stays who it is", TEXT_AT(user)},
    {"no-sandbox", NULL, 0, LINE, MXT_KEY_FLAG, NULL, NULL, NULL, "keep all privileges, for debugging only", .set = leave_sandbox_out},
};

static const struct mxt_key spool_keys[] = {
    {"spool", NULL, 0, MXT_KEY_IN_FILE, MXT_KEY_MAP, "...", NULL, "a mapping", "what waits on disk while Redis is away", .set = NULL},
    {"spool.directory", NULL, 0, MXT_KEY_IN_FILE, MXT_KEY_ONE, "DIR", NULL, "a folder", "a folder of this sensor's own; without one events wait in memory alone", TEXT_AT(spool_directory)},
    {"spool.limit", NULL, 0, MXT_KEY_IN_FILE, MXT_KEY_ONE, "SIZE", "1GiB", "a size from 1MiB to 1024GiB", "the most that it takes on disk", .set = set_spool_limit},
};

static const struct mxt_key questions[] = {
    {"config", NULL, 0, LINE, MXT_KEY_ONE, "FILE", NULL, "a path", "the same and more from a YAML file; the command line wins", TEXT_AT(config)},
    {"check-config", NULL, 0, LINE, MXT_KEY_ACTION, NULL, NULL, NULL, "tell whether the file of --config is right, and leave", .set = ask_check},
    {"rules", NULL, 0, LINE, MXT_KEY_ACTION, NULL, NULL, NULL, "list the rules and leave", .set = ask_rules},
    {"version", NULL, 0, LINE, MXT_KEY_ACTION, NULL, NULL, NULL, "print the version and leave", .set = ask_version},
    {"help", NULL, 'h', LINE, MXT_KEY_ACTION, NULL, NULL, NULL, "print this text and leave", .set = ask_help},
};
/* clang-format on */

#define TABLE(array) {.keys = (array), .count = sizeof(array) / sizeof((array)[0])}

static const struct mxt_key_table own = TABLE(keys), spool = TABLE(spool_keys), asking = TABLE(questions);

static const struct mxt_key_use tables[] = {{&own, 0}, {&mxt_link_keys, offsetof(struct mxt_options, redis)}, {&spool, 0}, {&mxt_limits_keys, offsetof(struct mxt_options, limits)}, {&mxt_judge_keys, offsetof(struct mxt_options, judge)}, {&mxt_metrics_keys, offsetof(struct mxt_options, metrics)}, {&asking, 0}};

static void free_options(void *options)
{
    mxt_options_free(options);
}

const struct mxt_program mxt_sensor_program = {
    .name = "mxtap-sensor",
    .usage = "mxtap-sensor " MXTAP_VERSION ": the security of mail in transit, as seen on the wire\n"
             "\n"
             "  mxtap-sensor -r FILE... [options]       replay captures\n"
             "  mxtap-sensor -i INTERFACE [options]     watch live\n",
    .notes = "Exit status: 0 done, 1 failed (a damaged capture too), 2 wrong usage.",
    .rest = "read",
    .stray = "To replay captures write -r FILE..., to watch an interface -i NAME",
    .tables = tables,
    .table_count = sizeof tables / sizeof tables[0],
    .size = sizeof(struct mxt_options),
    .texts_at = offsetof(struct mxt_options, texts),
    .free = free_options,
};
