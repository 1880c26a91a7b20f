#include "collector/sink_keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/config_values.h"

#define SECOND_US       INT64_C(1000000)
#define TIMEOUT_US      (10 * SECOND_US) /* the default */
#define FACILITY_LOCAL0 16               /* RFC 5424, table 1 */
#define FACILITIES      24

static struct mxt_sink_config *last(const struct mxt_setting *to)
{
    const struct mxt_sinks_config *config = to->object;
    return &config->items[config->count - 1];
}

static enum mxt_status refuse(struct mxt_setting *to, const char *why)
{
    snprintf(to->why, sizeof to->why, "%s", why);
    return MXT_EUSAGE;
}

static enum mxt_status begin_sink(struct mxt_setting *to)
{
    struct mxt_sinks_config *config = to->object;
    if (config->count == MXT_SINKS_MAX) {
        snprintf(to->why, sizeof to->why, "more than %d sinks; let one program pass alerts on", MXT_SINKS_MAX);
        return MXT_EUSAGE;
    }
    struct mxt_sink_config *items = realloc(config->items, (config->count + 1) * sizeof *items);
    if (items == NULL)
        return MXT_ENOMEM;
    items[config->count++] = (struct mxt_sink_config){.severity = MXT_SEVERITY_INFO, .facility = FACILITY_LOCAL0, .timeout_us = TIMEOUT_US};
    config->items = items;
    return MXT_OK;
}

static enum mxt_status set_name(struct mxt_setting *to, const char *value)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-_";
    if (strlen(value) > MXT_SINK_NAME_MAX || strspn(value, allowed) != strlen(value))
        return MXT_EUSAGE;
    last(to)->name = value;
    return MXT_OK;
}

static enum mxt_status set_target(struct mxt_setting *to, enum mxt_sink_type type, const char *value)
{
    if (last(to)->type != MXT_SINK_NONE && last(to)->type != type)
        return refuse(to, "a sink is one of file, syslog, webhook and command; write an entry for each");
    last(to)->type = type;
    last(to)->target = value;
    return MXT_OK;
}

static enum mxt_status set_file(struct mxt_setting *to, const char *value)
{
    if (value[0] != '/')
        return refuse(to, "write the whole path, from / on");
    return set_target(to, MXT_SINK_FILE, value);
}

static enum mxt_status set_syslog(struct mxt_setting *to, const char *value)
{
    static const char *const schemes[] = {"unix:/", "udp://", "tcp://"};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        if (strncmp(value, schemes[i], strlen(schemes[i])) == 0 && value[strlen(schemes[i])] != '\0')
            return set_target(to, MXT_SINK_SYSLOG, value);
    return MXT_EUSAGE;
}

static enum mxt_status set_webhook(struct mxt_setting *to, const char *value)
{
    if (strncmp(value, "https://", 8) != 0 && strncmp(value, "http://", 7) != 0)
        return MXT_EUSAGE;
    return set_target(to, MXT_SINK_WEBHOOK, value);
}

static enum mxt_status add_word(struct mxt_setting *to, const char *value)
{
    struct mxt_sink_config *sink = last(to);
    if (sink->words == 0 && value[0] != '/')
        return refuse(to, "write the program's whole path, from / on; no shell looks for it");
    if (sink->words == MXT_SINK_WORDS)
        return refuse(to, "too many arguments; write a script");
    sink->command[sink->words++] = value;
    return set_target(to, MXT_SINK_COMMAND, sink->command[0]);
}

static enum mxt_status set_severity(struct mxt_setting *to, const char *value)
{
    enum mxt_severity severity = mxt_severity_from_name(value);
    if (severity == MXT_SEVERITY_NONE)
        return MXT_EUSAGE;
    last(to)->severity = severity;
    return MXT_OK;
}

static enum mxt_status set_facility(struct mxt_setting *to, const char *value)
{
    static const char *const names[FACILITIES] = {"kern", "user", "mail", "daemon", "auth",   "syslog", "lpr",    "news",   "uucp",   "cron",   "authpriv", "ftp",
                                                  "ntp",  "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6",   "local7"};
    for (unsigned i = 0; i < FACILITIES; i++)
        if (strcmp(value, names[i]) == 0) {
            last(to)->facility = i;
            return MXT_OK;
        }
    return MXT_EUSAGE;
}

static enum mxt_status set_secret_file(struct mxt_setting *to, const char *value)
{
    last(to)->secret_file = value;
    return MXT_OK;
}

static enum mxt_status set_ca(struct mxt_setting *to, const char *value)
{
    last(to)->ca_file = value;
    return MXT_OK;
}

static enum mxt_status set_timeout(struct mxt_setting *to, const char *value)
{
    return mxt_value_duration(value, SECOND_US, 600 * SECOND_US, &last(to)->timeout_us) == MXT_OK ? MXT_OK : MXT_EUSAGE;
}

static enum mxt_status end_sink(struct mxt_setting *to)
{
    const struct mxt_sinks_config *config = to->object;
    const struct mxt_sink_config *sink = last(to);
    if (sink->name == NULL)
        return refuse(to, "a sink without a name; write name: too, under which its place in the stream is kept");
    if (sink->type == MXT_SINK_NONE)
        return refuse(to, "a sink that goes nowhere; write file:, syslog:, webhook: or command: too");
    if (sink->type != MXT_SINK_WEBHOOK && (sink->secret_file != NULL || sink->ca_file != NULL))
        return refuse(to, "secret_file and ca belong to webhooks");
    for (size_t i = 0; i + 1 < config->count; i++)
        if (strcmp(config->items[i].name != NULL ? config->items[i].name : "", sink->name) == 0)
            return refuse(to, "two sinks of one name; they would share their place in the stream");
    return MXT_OK;
}

/* clang-format off */
#define ONE(name, form, fallback, expects, help, setter) {"sinks." name, NULL, 0, MXT_KEY_IN_FILE, MXT_KEY_ONE, form, fallback, expects, help, .set = (setter)}

static const struct mxt_key keys[] = {
    {"sinks", NULL, 0, MXT_KEY_IN_FILE, MXT_KEY_MAPS, "- ...", NULL, "a list of mappings", "where alerts go besides the stream in Redis", .begin = begin_sink, .end = end_sink},
    ONE("name", "NAME", NULL, "a name of at most 32 small letters, digits, '-' and '_'", "under which its place in the stream is kept", set_name),
    ONE("file", "PATH", NULL, "a path", "JSON lines appended to a file, which may be rotated", set_file),
    ONE("syslog", "ADDRESS", NULL, "an address such as unix:/dev/log, udp://192.0.2.1:514 or tcp://192.0.2.1:601", "RFC 5424 messages", set_syslog),
    ONE("webhook", "URL", NULL, "a URL that begins with https:// (or http://)", "a POST for each alert", set_webhook),
    {"sinks.command", NULL, 0, MXT_KEY_IN_FILE, MXT_KEY_PATHS, "[PATH, ARGUMENT...]", NULL, "a program and its arguments as a list", "a program for each alert, without a shell, JSON on its standard input", .set = add_word},
    ONE("severity", "SEVERITY", "info", "info, low, medium, high or critical", "the least grave alert that it is told", set_severity),
    ONE("facility", "FACILITY", "local0", "a facility such as mail, daemon or local0", "syslog: the facility", set_facility),
    ONE("secret_file", "FILE", NULL, "a path", "webhook: a file with the key of the signature header", set_secret_file),
    ONE("ca", "FILE", NULL, "a path", "webhook: certificates to trust, PEM (default: the system's)", set_ca),
    ONE("timeout", "TIME", "10s", "a time from 1s to 10m, written as 10s or 1m", "how long one delivery may take", set_timeout),
};
/* clang-format on */

const struct mxt_key_table mxt_sink_keys = {.keys = keys, .count = sizeof keys / sizeof keys[0]};

void mxt_sinks_config_free(struct mxt_sinks_config *config)
{
    free(config->items);
    *config = (struct mxt_sinks_config){0};
}

const char *mxt_sink_type_name(enum mxt_sink_type type)
{
    static const char *const names[] = {"none", "file", "syslog", "webhook", "command"};
    return names[type];
}
