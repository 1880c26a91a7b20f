#include "sensor/config_keys.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/rule.h"
#include "sensor/config_values.h"
#include "sensor/nearest.h"
#include "sensor/networks.h"

#define SENSOR_NAME_MAX 64 /* bytes: the name travels in every record */
#define MINUTE_US       (INT64_C(60) * 1000000)
#define DAY_US          (INT64_C(24) * 60 * MINUTE_US)

static enum mxt_status to_usage(enum mxt_status status)
{
    return status == MXT_EMALFORMED ? MXT_EUSAGE : status;
}

/* NOLINTBEGIN(readability-non-const-parameter): all setters are of one type, also those that say nothing in `why` */

static enum mxt_status add_capture(struct mxt_options *options, const char *value, char *why)
{
    const char **captures = realloc(options->captures, (options->capture_count + 1) * sizeof *captures);
    (void)why;
    if (captures == NULL)
        return MXT_ENOMEM;
    captures[options->capture_count++] = value;
    options->captures = captures;
    return MXT_OK;
}

static enum mxt_status set_sensor(struct mxt_options *options, const char *value, char *why)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_";
    size_t n = strlen(value);
    (void)why;
    if (n == 0 || n > SENSOR_NAME_MAX || strspn(value, allowed) != n)
        return MXT_EUSAGE;
    options->sensor = value;
    return MXT_OK;
}

static enum mxt_status add_home_net(struct mxt_options *options, const char *value, char *why)
{
    return mxt_networks_add(&options->home, value, why, MXT_KEY_WHY);
}

static enum mxt_status add_relay(struct mxt_options *options, const char *value, char *why)
{
    return mxt_networks_add(&options->judge.relays, value, why, MXT_KEY_WHY);
}

static enum mxt_status add_home_domain(struct mxt_options *options, const char *value, char *why)
{
    struct mxt_text_list *domains = &options->judge.home_domains;
    const char *domain;
    enum mxt_status status = to_usage(mxt_value_domain(value, &options->texts, &domain));
    if (status != MXT_OK)
        return status;
    if (domains->count == UINT16_MAX) {
        snprintf(why, MXT_KEY_WHY, "more than %u domains", (unsigned)UINT16_MAX);
        return MXT_EUSAGE;
    }
    return mxt_text_list_add(domains, &options->texts, domain, UINT16_MAX);
}

static enum mxt_status add_port(struct mxt_options *options, const char *value, char *why)
{
    uint16_t port;
    (void)why;
    if (mxt_value_port(value, &port) != MXT_OK)
        return MXT_EUSAGE;
    mxt_port_set_add(&options->ports, port);
    return MXT_OK;
}

static enum mxt_status set_output(struct mxt_options *options, const char *value, char *why)
{
    (void)why;
    if (strcmp(value, "text") != 0 && strcmp(value, "json") != 0)
        return MXT_EUSAGE;
    options->output = strcmp(value, "json") == 0 ? MXT_OUTPUT_JSON : MXT_OUTPUT_TEXT;
    return MXT_OK;
}

static enum mxt_status set_privacy(struct mxt_options *options, const char *value, char *why)
{
    (void)why;
    options->domains_only = strcmp(value, "domains") == 0;
    return options->domains_only ? MXT_OK : MXT_EUSAGE;
}

static enum mxt_status set_window(struct mxt_options *options, const char *value, char *why)
{
    (void)why;
    return to_usage(mxt_value_duration(value, MINUTE_US, 31 * DAY_US, &options->judge.window_us));
}

static enum mxt_status set_fallback_window(struct mxt_options *options, const char *value, char *why)
{
    (void)why;
    return to_usage(mxt_value_duration(value, MINUTE_US, 31 * DAY_US, &options->judge.fallback_window_us));
}

static enum mxt_status set_quiet(struct mxt_options *options, const char *value, char *why)
{
    (void)why;
    return to_usage(mxt_value_duration(value, MINUTE_US, 31 * DAY_US, &options->judge.quiet_us));
}

/* A failure that lies farther back than records re-judge one another would be found or not by the order of arrival. */
static enum mxt_status end_windows(struct mxt_options *options, char *why)
{
    if (options->judge.fallback_window_us <= options->judge.window_us)
        return MXT_OK;
    snprintf(why, MXT_KEY_WHY, "fallback is longer than judge; make judge at least as long");
    return MXT_EUSAGE;
}

static enum mxt_status begin_suppression(struct mxt_options *options)
{
    size_t count = options->judge.suppression_count;
    struct mxt_suppression *suppressions = realloc(options->suppressions, (count + 1) * sizeof *suppressions);
    if (suppressions == NULL)
        return MXT_ENOMEM;
    suppressions[count] = (struct mxt_suppression){0};
    options->suppressions = suppressions;
    options->judge.suppressions = suppressions;
    options->judge.suppression_count = count + 1;
    return MXT_OK;
}

static struct mxt_suppression *last_suppression(struct mxt_options *options)
{
    return &options->suppressions[options->judge.suppression_count - 1];
}

static enum mxt_status set_suppressed_rule(struct mxt_options *options, const char *value, char *why)
{
    last_suppression(options)->rule = mxt_key_rule(value, why);
    return last_suppression(options)->rule == MXT_RULE_NONE ? MXT_EUSAGE : MXT_OK;
}

static enum mxt_status set_suppressed_network(struct mxt_options *options, const char *value, char *why)
{
    struct mxt_networks networks = {0};
    enum mxt_status status = mxt_networks_add(&networks, value, why, MXT_KEY_WHY);
    if (status == MXT_OK && networks.count > 1) {
        snprintf(why, MXT_KEY_WHY, "one network is expected; write an entry for each");
        status = MXT_EUSAGE;
    }
    if (status == MXT_OK) {
        last_suppression(options)->has_network = true;
        last_suppression(options)->network = networks.items[0];
    }
    mxt_networks_free(&networks);
    return status;
}

static enum mxt_status set_suppressed_server(struct mxt_options *options, const char *value, char *why)
{
    (void)why;
    return to_usage(mxt_value_server(value, &options->texts, &last_suppression(options)->server));
}

static enum mxt_status set_suppressed_domain(struct mxt_options *options, const char *value, char *why)
{
    (void)why;
    return to_usage(mxt_value_domain(value, &options->texts, &last_suppression(options)->domain));
}

static enum mxt_status set_suppressed_until(struct mxt_options *options, const char *value, char *why)
{
    (void)why;
    return to_usage(mxt_value_until(value, &last_suppression(options)->until_us));
}

/* For whoever reads the file; nothing follows from it. */
static enum mxt_status take_reason(struct mxt_options *options, const char *value, char *why)
{
    (void)options, (void)value, (void)why;
    return MXT_OK;
}

static enum mxt_status end_suppression(struct mxt_options *options, char *why)
{
    const struct mxt_suppression *suppression = last_suppression(options);
    if (suppression->rule != MXT_RULE_NONE || suppression->has_network || suppression->server != NULL || suppression->domain != NULL)
        return MXT_OK;
    snprintf(why, MXT_KEY_WHY, "an entry without rule, network, server and domain would silence everything; name at least one");
    return MXT_EUSAGE;
}

static enum mxt_status ask_check(struct mxt_options *options, const char *value, char *why)
{
    (void)value, (void)why;
    options->action = MXT_ACTION_CHECK_CONFIG;
    return MXT_OK;
}

static enum mxt_status ask_rules(struct mxt_options *options, const char *value, char *why)
{
    (void)value, (void)why;
    options->action = MXT_ACTION_RULES;
    return MXT_OK;
}

static enum mxt_status ask_version(struct mxt_options *options, const char *value, char *why)
{
    (void)value, (void)why;
    options->action = MXT_ACTION_VERSION;
    return MXT_OK;
}

static enum mxt_status ask_help(struct mxt_options *options, const char *value, char *why)
{
    (void)value, (void)why;
    options->action = MXT_ACTION_HELP;
    return MXT_OK;
}

/* NOLINTEND(readability-non-const-parameter) */

/* clang-format off */
#define TEXT_AT(member)   .text_at = offsetof(struct mxt_options, member)
#define MEMBERS(array)    .members = (array), .member_count = sizeof(array) / sizeof((array)[0])
#define BOTH              MXT_KEY_IN_BOTH
#define LINE              MXT_KEY_ON_COMMAND_LINE
#define FILE_ONLY         MXT_KEY_IN_FILE
#define NETWORK           "a network such as 10.0.0.0/8 or 2001:db8::/32"
#define DOMAIN            "a domain name such as example.org (international ones as xn--...)"
#define DURATION          "a time from 1m to 31d, written as 90s, 15m, 24h or 7d"

static const struct mxt_key window_keys[] = {
    {"judge", 0, FILE_ONLY, MXT_KEY_ONE, "TIME", "24h", DURATION, "how far back a session that comes late still changes what is found", .set = set_window},
    {"fallback", 0, FILE_ONLY, MXT_KEY_ONE, "TIME", "1h", DURATION, "how long after a failed TLS attempt mail in the clear is its consequence", .set = set_fallback_window},
    {"quiet", 0, FILE_ONLY, MXT_KEY_ONE, "TIME", "24h", DURATION, "how long nothing must happen for an alert to end", .set = set_quiet},
};

static const struct mxt_key suppression_keys[] = {
    {"rule", 0, FILE_ONLY, MXT_KEY_ONE, "RULE", NULL, "a rule (see --rules)", "the rule to silence", .set = set_suppressed_rule},
    {"network", 0, FILE_ONLY, MXT_KEY_ONE, "CIDR", NULL, NETWORK, "where client or server is in it", .set = set_suppressed_network},
    {"server", 0, FILE_ONLY, MXT_KEY_ONE, "NAME|ADDRESS:PORT", NULL, "a server such as mx.example.net, 192.0.2.1:25 or [2001:db8::1]:25", "where this is the server", .set = set_suppressed_server},
    {"domain", 0, FILE_ONLY, MXT_KEY_ONE, "DOMAIN", NULL, DOMAIN, "where the alert is about this domain", .set = set_suppressed_domain},
    {"until", 0, FILE_ONLY, MXT_KEY_ONE, "DATE|TIME", NULL, "a date such as 2026-12-31 or a time such as 2026-12-31T18:00:00Z", "the end of it, by the capture's clock", .set = set_suppressed_until},
    {"reason", 0, FILE_ONLY, MXT_KEY_ONE, "TEXT", NULL, "a text", "why, for whoever reads the file", .set = take_reason},
};

static const struct mxt_key keys[] = {
    {"read", 'r', BOTH, MXT_KEY_PATHS, "FILE...", NULL, "a path", "replay captures: pcap or pcapng, also .gz and .zst, a folder, or - for stdin; several are merged by time", .set = add_capture},
    {"policies", 0, BOTH, MXT_KEY_ONE, "DIR", NULL, "a folder", "MTA-STS policies to judge by: files named DOMAIN or DOMAIN.txt, as served", TEXT_AT(policies)},
    {"knowledge", 0, BOTH, MXT_KEY_ONE, "FILE", NULL, "a path", "what servers and clients normally do: read at start, written hourly and at the end", TEXT_AT(knowledge)},
    {"trust", 0, BOTH, MXT_KEY_ONE, "FILE|DIR", NULL, "a path", "trust store for certificates, PEM (default: the system's)", TEXT_AT(trust)},
    {"home-net", 0, BOTH, MXT_KEY_LIST, "CIDR,...", MXT_NETWORKS_PRIVATE, NETWORK, "networks that are ours", .set = add_home_net},
    {"home-domain", 0, BOTH, MXT_KEY_LIST, "DOMAIN,...", NULL, DOMAIN, "domains that are ours", .set = add_home_domain},
    {"ports", 0, BOTH, MXT_KEY_LIST, "LIST", "25,465,587,2525", "a port number from 1 to 65535", "mail ports", .set = add_port},
    {"output", 'o', BOTH, MXT_KEY_ONE, "text|json", "text", "text or json", "for people, or one JSON event a line on stdout", .set = set_output},
    {"sensor", 0, BOTH, MXT_KEY_ONE, "NAME", "mxtap", "a name of 1 to 64 letters, digits, '.', '-' and '_'", "this sensor's name in records", .set = set_sensor},
    {"filter", 0, BOTH, MXT_KEY_ONE, "BPF", NULL, "a filter", "look only at frames that match, in tcpdump's syntax", TEXT_AT(filter)},
    {"privacy", 0, BOTH, MXT_KEY_ONE, "domains", NULL, "the word domains", "keep local parts of addresses out of every output", .set = set_privacy},
    {"relays", 0, FILE_ONLY, MXT_KEY_LIST, "CIDR,...", NULL, NETWORK, "servers that relay for us: mail to them is no delivery to an MX", .set = add_relay},
    {"rules", 0, FILE_ONLY, MXT_KEY_RULES, "RULE: off|SEVERITY", NULL, "off, info, low, medium, high or critical", "rules switched off or given another severity", .set = NULL},
    {"suppress", 0, FILE_ONLY, MXT_KEY_MAPS, "- ...", NULL, "a list of mappings", "alerts not to be raised", MEMBERS(suppression_keys), .begin = begin_suppression, .end = end_suppression},
    {"windows", 0, FILE_ONLY, MXT_KEY_MAP, "...", NULL, "a mapping", "how far the judge looks", MEMBERS(window_keys), .end = end_windows},
    {"config", 0, LINE, MXT_KEY_ONE, "FILE", NULL, "a path", "the same and more from a YAML file; the command line wins", TEXT_AT(config)},
    {"check-config", 0, LINE, MXT_KEY_ACTION, NULL, NULL, NULL, "tell whether the file of --config is right, and leave", .set = ask_check},
    {"rules", 0, LINE, MXT_KEY_ACTION, NULL, NULL, NULL, "list the rules and leave", .set = ask_rules},
    {"version", 0, LINE, MXT_KEY_ACTION, NULL, NULL, NULL, "print the version and leave", .set = ask_version},
    {"help", 'h', LINE, MXT_KEY_ACTION, NULL, NULL, NULL, "print this text and leave", .set = ask_help},
};
/* clang-format on */

const struct mxt_key *mxt_keys(size_t *count)
{
    *count = sizeof keys / sizeof keys[0];
    return keys;
}

size_t mxt_key_find(const struct mxt_key *table, size_t count, enum mxt_key_place place, const char *name)
{
    size_t i = 0;
    while (i < count && ((table[i].place & place) == 0 || strcmp(table[i].name, name) != 0))
        i++;
    return i;
}

const char *mxt_key_nearest(const struct mxt_key *table, size_t count, enum mxt_key_place place, const char *name)
{
    struct mxt_nearest nearest = {.wanted = name};
    for (size_t i = 0; i < count; i++)
        if ((table[i].place & place) != 0)
            mxt_nearest_offer(&nearest, table[i].name);
    return nearest.word;
}

enum mxt_rule mxt_key_rule(const char *name, char *why)
{
    enum mxt_rule rule = mxt_rule_from_name(name);
    if (rule != MXT_RULE_NONE)
        return rule;
    size_t count;
    const struct mxt_rule_info *rules = mxt_rule_catalogue(&count);
    struct mxt_nearest nearest = {.wanted = name};
    for (size_t i = 0; i < count; i++)
        mxt_nearest_offer(&nearest, rules[i].name);
    if (nearest.word != NULL)
        snprintf(why, MXT_KEY_WHY, "\"%.80s\" is not a rule; did you mean %s?", name, nearest.word);
    else
        snprintf(why, MXT_KEY_WHY, "\"%.80s\" is not a rule; mxtap-sensor --rules lists them", name);
    return MXT_RULE_NONE;
}

static enum mxt_status explain(const char *expects, const char *value, char *why)
{
    if (why[0] == '\0')
        snprintf(why, MXT_KEY_WHY, "\"%.80s\" is not %s", value, expects);
    return MXT_EUSAGE;
}

static enum mxt_status set_one(const struct mxt_key *key, struct mxt_options *options, const char *value, char *why)
{
    why[0] = '\0';
    if (key->shape != MXT_KEY_ACTION && value[0] == '\0')
        return explain(key->expects, value, why);
    if (key->set == NULL) {
        memcpy((char *)options + key->text_at, &value, sizeof value);
        return MXT_OK;
    }
    enum mxt_status status = key->set(options, value, why);
    return status == MXT_EUSAGE ? explain(key->expects, value, why) : status;
}

static enum mxt_status set_list(const struct mxt_key *key, struct mxt_options *options, const char *value, char *why)
{
    enum mxt_status status = MXT_OK;
    const char *p = value;
    do {
        p += strspn(p, " ");
        size_t n = strcspn(p, ","), used = n;
        while (used > 0 && p[used - 1] == ' ')
            used--;
        const char *item = mxt_arena_copy(&options->texts, p, used);
        status = item == NULL ? MXT_ENOMEM : set_one(key, options, item, why);
        p += n;
    } while (status == MXT_OK && *p++ == ',');
    return status;
}

enum mxt_status mxt_key_set(const struct mxt_key *key, struct mxt_options *options, const char *value, char *why)
{
    return key->shape == MXT_KEY_LIST ? set_list(key, options, value, why) : set_one(key, options, value, why);
}

enum mxt_status mxt_key_set_rule(struct mxt_options *options, enum mxt_rule rule, const char *value, char *why)
{
    enum mxt_severity severity = mxt_severity_from_name(value);
    why[0] = '\0';
    if (strcmp(value, "off") == 0)
        options->judge.is_off[rule] = true;
    else if (severity != MXT_SEVERITY_NONE)
        options->judge.regraded[rule] = severity;
    else
        return explain("off, info, low, medium, high or critical", value, why);
    return MXT_OK;
}
