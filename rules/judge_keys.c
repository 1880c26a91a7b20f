#include "rules/judge_keys.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/config_values.h"
#include "rules/judge_config.h"
#include "rules/networks.h"
#include "rules/rule.h"

#define MINUTE_US (INT64_C(60) * 1000000)
#define MILLION   1000000u
#define DAY_US    (INT64_C(24) * 60 * MINUTE_US)

static enum mxt_status to_usage(enum mxt_status status)
{
    return status == MXT_EMALFORMED ? MXT_EUSAGE : status;
}

static enum mxt_status add_relay(struct mxt_setting *to, const char *value)
{
    struct mxt_judge_config *config = to->object;
    return mxt_networks_add(&config->relays, value, to->why, sizeof to->why);
}

static enum mxt_status add_home_domain(struct mxt_setting *to, const char *value)
{
    struct mxt_judge_config *config = to->object;
    struct mxt_text_list *domains = &config->home_domains;
    const char *domain;
    enum mxt_status status = to_usage(mxt_value_domain(value, to->texts, &domain));
    if (status != MXT_OK)
        return status;
    if (domains->count == UINT16_MAX) {
        snprintf(to->why, sizeof to->why, "more than %u domains", (unsigned)UINT16_MAX);
        return MXT_EUSAGE;
    }
    return mxt_text_list_add(domains, to->texts, domain, UINT16_MAX);
}

static enum mxt_status set_window(struct mxt_setting *to, const char *value)
{
    struct mxt_judge_config *config = to->object;
    return to_usage(mxt_value_duration(value, MINUTE_US, 31 * DAY_US, &config->window_us));
}

static enum mxt_status set_fallback_window(struct mxt_setting *to, const char *value)
{
    struct mxt_judge_config *config = to->object;
    return to_usage(mxt_value_duration(value, MINUTE_US, 31 * DAY_US, &config->fallback_window_us));
}

static enum mxt_status set_quiet(struct mxt_setting *to, const char *value)
{
    struct mxt_judge_config *config = to->object;
    return to_usage(mxt_value_duration(value, MINUTE_US, 31 * DAY_US, &config->quiet_us));
}

static enum mxt_status set_loss(struct mxt_setting *to, const char *value)
{
    struct mxt_judge_config *config = to->object;
    return to_usage(mxt_value_number(value, 0, MILLION, &config->loss_ppm));
}

/* A failure that lies farther back than records re-judge one another would be found or not by the order of arrival. */
static enum mxt_status end_windows(struct mxt_setting *to)
{
    struct mxt_judge_config *config = to->object;
    if (config->fallback_window_us <= config->window_us)
        return MXT_OK;
    snprintf(to->why, sizeof to->why, "fallback is longer than judge; make judge at least as long");
    return MXT_EUSAGE;
}

static enum mxt_status begin_suppression(struct mxt_setting *to)
{
    struct mxt_judge_config *config = to->object;
    size_t count = config->suppression_count;
    struct mxt_suppression *suppressions = realloc(config->suppressions, (count + 1) * sizeof *suppressions);
    if (suppressions == NULL)
        return MXT_ENOMEM;
    suppressions[count] = (struct mxt_suppression){0};
        config->suppressions = suppressions;
    config->suppression_count = count + 1;
    return MXT_OK;
}

static struct mxt_suppression *last_suppression(const struct mxt_setting *to)
{
    struct mxt_judge_config *config = to->object;
    return &config->suppressions[config->suppression_count - 1];
}

static enum mxt_status set_suppressed_rule(struct mxt_setting *to, const char *value)
{
    last_suppression(to)->rule = mxt_key_rule(value, to->why);
    return last_suppression(to)->rule == MXT_RULE_NONE ? MXT_EUSAGE : MXT_OK;
}

static enum mxt_status set_suppressed_network(struct mxt_setting *to, const char *value)
{
    struct mxt_networks networks = {0};
    enum mxt_status status = mxt_networks_add(&networks, value, to->why, sizeof to->why);
    if (status == MXT_OK && networks.count > 1) {
        snprintf(to->why, sizeof to->why, "one network is expected; write an entry for each");
        status = MXT_EUSAGE;
    }
    if (status == MXT_OK) {
        last_suppression(to)->has_network = true;
        last_suppression(to)->network = networks.items[0];
    }
    mxt_networks_free(&networks);
    return status;
}

static enum mxt_status set_suppressed_server(struct mxt_setting *to, const char *value)
{
    return to_usage(mxt_value_server(value, to->texts, &last_suppression(to)->server));
}

static enum mxt_status set_suppressed_domain(struct mxt_setting *to, const char *value)
{
    return to_usage(mxt_value_domain(value, to->texts, &last_suppression(to)->domain));
}

static enum mxt_status set_suppressed_until(struct mxt_setting *to, const char *value)
{
    return to_usage(mxt_value_until(value, &last_suppression(to)->until_us));
}

/* For whoever reads the file; nothing follows from it. */
static enum mxt_status take_reason(struct mxt_setting *to, const char *value)
{
    (void)to, (void)value;
    return MXT_OK;
}

static enum mxt_status end_suppression(struct mxt_setting *to)
{
    const struct mxt_suppression *suppression = last_suppression(to);
    if (suppression->rule != MXT_RULE_NONE || suppression->has_network || suppression->server != NULL || suppression->domain != NULL)
        return MXT_OK;
    snprintf(to->why, sizeof to->why, "an entry without rule, network, server and domain would silence everything; name at least one");
    return MXT_EUSAGE;
}

static enum mxt_status set_rule(struct mxt_setting *to, enum mxt_rule rule, const char *value)
{
    struct mxt_judge_config *config = to->object;
    enum mxt_severity severity = mxt_severity_from_name(value);
    if (strcmp(value, "off") == 0)
        config->is_off[rule] = true;
    else if (severity != MXT_SEVERITY_NONE)
        config->regraded[rule] = severity;
    else
        return MXT_EUSAGE;
    return MXT_OK;
}

/* clang-format off */
#define BOTH      MXT_KEY_IN_BOTH
#define FILE_ONLY MXT_KEY_IN_FILE

static const struct mxt_key keys[] = {
    {"home-domain", NULL, 0, BOTH, MXT_KEY_LIST, "DOMAIN,...", NULL, MXT_KEY_DOMAIN, "domains that are ours", .set = add_home_domain},
    {"relays", NULL, 0, FILE_ONLY, MXT_KEY_LIST, "CIDR,...", NULL, MXT_KEY_NETWORK, "servers that relay for us: mail to them is no delivery to an MX", .set = add_relay},
    {"rules", NULL, 0, FILE_ONLY, MXT_KEY_RULES, "RULE: off|SEVERITY", NULL, "off, info, low, medium, high or critical", "rules switched off or given another severity", .set_rule = set_rule},
    {"suppress", NULL, 0, FILE_ONLY, MXT_KEY_MAPS, "- ...", NULL, "a list of mappings", "alerts not to be raised", .begin = begin_suppression, .end = end_suppression},
    {"suppress.rule", NULL, 0, FILE_ONLY, MXT_KEY_ONE, "RULE", NULL, "a rule (see --rules)", "the rule to silence", .set = set_suppressed_rule},
    {"suppress.network", NULL, 0, FILE_ONLY, MXT_KEY_ONE, "CIDR", NULL, MXT_KEY_NETWORK, "where client or server is in it", .set = set_suppressed_network},
    {"suppress.server", NULL, 0, FILE_ONLY, MXT_KEY_ONE, "NAME|ADDRESS:PORT", NULL, "a server such as mx.example.net, 192.0.2.1:25 or [2001:db8::1]:25", "where this is the server", .set = set_suppressed_server},
    {"suppress.domain", NULL, 0, FILE_ONLY, MXT_KEY_ONE, "DOMAIN", NULL, MXT_KEY_DOMAIN, "where the alert is about this domain", .set = set_suppressed_domain},
    {"suppress.until", NULL, 0, FILE_ONLY, MXT_KEY_ONE, "DATE|TIME", NULL, "a date such as 2026-12-31 or a time such as 2026-12-31T18:00:00Z", "the end of it, by the capture's clock", .set = set_suppressed_until},
    {"suppress.reason", NULL, 0, FILE_ONLY, MXT_KEY_ONE, "TEXT", NULL, "a text", "why, for whoever reads the file", .set = take_reason},
    {"windows", NULL, 0, FILE_ONLY, MXT_KEY_MAP, "...", NULL, "a mapping", "how far the judge looks", .end = end_windows},
    {"windows.judge", NULL, 0, FILE_ONLY, MXT_KEY_ONE, "TIME", "24h", MXT_KEY_DURATION, "how far back a session that comes late still changes what is found", .set = set_window},
    {"windows.fallback", NULL, 0, FILE_ONLY, MXT_KEY_ONE, "TIME", "1h", MXT_KEY_DURATION, "how long after a failed TLS attempt mail in the clear is its consequence", .set = set_fallback_window},
    {"windows.quiet", NULL, 0, FILE_ONLY, MXT_KEY_ONE, "TIME", "24h", MXT_KEY_DURATION, "how long nothing must happen for an alert to end", .set = set_quiet},
    {"loss-ppm", NULL, 0, FILE_ONLY, MXT_KEY_ONE, "NUMBER", "1000", "a number from 0 to 1000000", "frames of a million that a sensor may drop within a minute before sensor.packet_loss tells it", .set = set_loss},
};
/* clang-format on */

const struct mxt_key_table mxt_judge_keys = {.keys = keys, .count = sizeof keys / sizeof keys[0]};
