#include "collector/alerts_options.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "collector/config_read.h"
#include "decoders/text.h"
#include "rules/config_line.h"
#include "rules/config_values.h"
#include "rules/nearest.h"

#define HEX_DIGITS  "0123456789abcdef"
#define ID_LENGTH   16
#define LIMIT_MAX   1000000u

static enum mxt_status add_id(struct mxt_setting *to, const char *value)
{
    struct mxt_alerts_options *options = to->object;
    if (strlen(value) != ID_LENGTH || strspn(value, HEX_DIGITS) != ID_LENGTH)
        return MXT_EUSAGE;
    if (options->id_count == MXT_ALERTS_IDS) {
        snprintf(to->why, sizeof to->why, "more than %d alerts at once; write several commands", MXT_ALERTS_IDS);
        return MXT_EUSAGE;
    }
    options->ids[options->id_count++] = value;
    return MXT_OK;
}

static enum mxt_status set_rule(struct mxt_setting *to, const char *value)
{
    struct mxt_alerts_options *options = to->object;
    options->rule = mxt_key_rule(value, to->why);
    return options->rule == MXT_RULE_NONE ? MXT_EUSAGE : MXT_OK;
}

static enum mxt_status set_severity(struct mxt_setting *to, const char *value)
{
    struct mxt_alerts_options *options = to->object;
    options->severity = mxt_severity_from_name(value);
    return options->severity == MXT_SEVERITY_NONE ? MXT_EUSAGE : MXT_OK;
}

static enum mxt_status set_domain(struct mxt_setting *to, const char *value)
{
    struct mxt_alerts_options *options = to->object;
    enum mxt_status status = mxt_value_domain(value, to->texts, &options->domain);
    return status == MXT_EMALFORMED ? MXT_EUSAGE : status;
}

static enum mxt_status set_server(struct mxt_setting *to, const char *value)
{
    struct mxt_alerts_options *options = to->object;
    enum mxt_status status = mxt_value_server(value, to->texts, &options->server);
    return status == MXT_EMALFORMED ? MXT_EUSAGE : status;
}

static enum mxt_status set_status(struct mxt_setting *to, const char *value)
{
    static const char *const known[] = {"open", "acknowledged", "closed", "all"};
    struct mxt_alerts_options *options = to->object;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(value, known[i]) == 0)
            options->status = known[i];
    return options->status == NULL ? MXT_EUSAGE : MXT_OK;
}

static enum mxt_status set_limit(struct mxt_setting *to, const char *value)
{
    struct mxt_alerts_options *options = to->object;
    return mxt_value_number(value, 1, LIMIT_MAX, &options->limit) == MXT_OK ? MXT_OK : MXT_EUSAGE;
}

static enum mxt_status set_json(struct mxt_setting *to, const char *value)
{
    struct mxt_alerts_options *options = to->object;
    return mxt_value_flag(value, &options->is_json) == MXT_OK ? MXT_OK : MXT_EUSAGE;
}

static enum mxt_status set_by(struct mxt_setting *to, const char *value)
{
    struct mxt_alerts_options *options = to->object;
    size_t n = strlen(value);
    const char *safe = mxt_text_keep(to->texts, (const uint8_t *)value, n, n);
    if (safe == NULL)
        return MXT_ENOMEM;
    if (n >= MXT_ALERTS_NAME || strcmp(safe, value) != 0)
        return MXT_EUSAGE;
    options->by = value;
    return MXT_OK;
}

static enum mxt_status ask_help(struct mxt_setting *to, const char *value)
{
    struct mxt_alerts_options *options = to->object;
    (void)value;
    options->verb = MXT_ALERTS_HELP;
    return MXT_OK;
}

/* clang-format off */
#define LINE MXT_KEY_ON_COMMAND_LINE

static const struct mxt_key own_keys[] = {
    {"id", NULL, 0, LINE, MXT_KEY_PATHS, "ALERT...", NULL, "an alert's id: 16 hex digits, as `alerts list` shows them", "show, ack, close: which alerts; the ids alone will do", .set = add_id},
    {"rule", NULL, 0, LINE, MXT_KEY_ONE, "RULE", NULL, "a rule (see mxtap-sensor --rules)", "only this rule's", .set = set_rule},
    {"severity", NULL, 0, LINE, MXT_KEY_ONE, "SEVERITY", NULL, "info, low, medium, high or critical", "only these, or graver", .set = set_severity},
    {"domain", NULL, 0, LINE, MXT_KEY_ONE, "DOMAIN", NULL, "a domain name such as example.org", "only about this domain", .set = set_domain},
    {"server", NULL, 0, LINE, MXT_KEY_ONE, "NAME|ADDRESS:PORT", NULL, "a server such as mx.example.net, 192.0.2.1:25 or [2001:db8::1]:25", "only about this server", .set = set_server},
    {"status", NULL, 0, LINE, MXT_KEY_ONE, "STATUS", NULL, "open, acknowledged, closed or all", "list: only these (default: all but closed)", .set = set_status},
    {"limit", NULL, 'n', LINE, MXT_KEY_ONE, "N", NULL, "a number from 1 to 1000000", "at most so many (default: list 1000, tail 10 before it waits)", .set = set_limit},
    {"json", NULL, 0, LINE, MXT_KEY_FLAG, NULL, NULL, "yes or no", "one JSON object a line", .set = set_json},
    {"by", NULL, 0, LINE, MXT_KEY_ONE, "NAME", NULL, "a name of at most 63 bytes without control characters", "ack, close: who does it (default: the account)", .set = set_by},
    {"config", NULL, 0, LINE, MXT_KEY_ONE, "FILE", NULL, "a path", "a collector's configuration, for where Redis is", .text_at = offsetof(struct mxt_alerts_options, config)},
    {"help", NULL, 'h', LINE, MXT_KEY_ACTION, NULL, NULL, NULL, "print this text and leave", .set = ask_help},
};

/* Of the link's keys the command line's alone: the others come from the collector's file, which has its own reader. */
static const struct mxt_key redis_keys[] = {
    {"redis", NULL, 0, LINE, MXT_KEY_ONE, "URL", NULL, "a URL such as redis://user@host:6379/0, rediss://host or unix:/path", "where Redis is; its password comes from MXTAP_REDIS_PASSWORD, or all from --config", .text_at = offsetof(struct mxt_link_config, url)},
};
/* clang-format on */

#define TABLE(array) {.keys = (array), .count = sizeof(array) / sizeof((array)[0])}

static const struct mxt_key_table own = TABLE(own_keys), redis = TABLE(redis_keys);
static const struct mxt_key_use tables[] = {{&redis, offsetof(struct mxt_alerts_options, redis)}, {&own, 0}};

static void free_options(void *options)
{
    mxt_alerts_options_free(options);
}

static const struct mxt_program program = {
    .name = "mxtap-collector alerts",
    .usage = "mxtap-collector alerts: what was raised, and what people did about it\n"
             "\n"
             "  mxtap-collector alerts list --redis URL [filters]       the gravest first\n"
             "  mxtap-collector alerts show --redis URL ALERT...        all about them\n"
             "  mxtap-collector alerts ack|close --redis URL ALERT...   seen; done with: what comes then is a new alert\n"
             "  mxtap-collector alerts tail --redis URL [filters]       as they are told\n",
    .notes = "Exit status: 0 done, 1 failed (also: no such alert), 2 wrong usage.",
    .rest = "id",
    .has_free_words = true,
    .stray = "See mxtap-collector alerts --help",
    .tables = tables,
    .table_count = sizeof tables / sizeof tables[0],
    .size = sizeof(struct mxt_alerts_options),
    .texts_at = offsetof(struct mxt_alerts_options, texts),
    .free = free_options,
};

static const struct {
    const char *name;
    enum mxt_alerts_verb verb;
    bool has_ids;
} verbs[] = {{"list", MXT_ALERTS_LIST, false}, {"show", MXT_ALERTS_SHOW, true},  {"ack", MXT_ALERTS_ACK, true},
             {"close", MXT_ALERTS_CLOSE, true}, {"tail", MXT_ALERTS_TAIL, false}};
#define VERBS (sizeof verbs / sizeof verbs[0])

/* The place of the verb, or VERBS: told. */
static size_t find_verb(const char *word, const struct mxt_faults *faults)
{
    char sentence[MXT_KEY_WHY];
    struct mxt_nearest nearest = {.wanted = word == NULL ? "" : word};
    for (size_t i = 0; i < VERBS; i++) {
        if (word != NULL && strcmp(word, verbs[i].name) == 0)
            return i;
        mxt_nearest_offer(&nearest, verbs[i].name);
    }
    if (word == NULL)
        snprintf(sentence, sizeof sentence, "alerts: write list, show, ack, close or tail; see mxtap-collector alerts --help");
    else if (nearest.word != NULL)
        snprintf(sentence, sizeof sentence, "alerts %.80s: unknown; did you mean %s?", word, nearest.word);
    else
        snprintf(sentence, sizeof sentence, "alerts %.80s: unknown; write list, show, ack, close or tail", word);
    mxt_config_tell(faults, "", sentence);
    return VERBS;
}

/* Where Redis is, as the collector's own file says; the command line wins. */
static enum mxt_status read_file(struct mxt_alerts_options *options, const struct mxt_faults *faults)
{
    struct mxt_keys keys;
    struct mxt_given given = {0};
    const char *url = options->redis.url;
    mxt_keys_of(&mxt_collector_program, &keys);
    enum mxt_status status = mxt_config_read(options->config, &keys, &options->file, &given, faults);
    options->redis = options->file.redis;
    if (url != NULL)
        options->redis.url = url;
    return status;
}

static enum mxt_status check_sense(const struct mxt_alerts_options *options, bool has_ids, const struct mxt_faults *faults)
{
    const char *fault = NULL;
    if (options->redis.url == NULL)
        fault = "which Redis? Write --redis URL, such as redis://127.0.0.1:6379, or --config FILE";
    else if (has_ids && options->id_count == 0)
        fault = "which alert? Write its id, as `mxtap-collector alerts list` shows it";
    else if (!has_ids && options->id_count > 0)
        fault = "ids go with show, ack and close";
    if (fault == NULL)
        return MXT_OK;
    mxt_config_tell(faults, "", fault);
    return MXT_EUSAGE;
}

static void name_user(struct mxt_alerts_options *options)
{
    const struct passwd *account = options->by != NULL ? NULL : getpwuid(geteuid());
    if (account != NULL)
        options->by = mxt_arena_copy(&options->texts, account->pw_name, strlen(account->pw_name));
    if (options->by == NULL)
        options->by = "unknown";
}

enum mxt_status mxt_alerts_options_parse(int argc, char **argv, struct mxt_alerts_options *out, const struct mxt_faults *faults)
{
    struct mxt_keys keys;
    struct mxt_given given = {0};
    *out = (struct mxt_alerts_options){0};
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        out->verb = MXT_ALERTS_HELP;
        return MXT_OK;
    }
    size_t verb = find_verb(argc > 1 ? argv[1] : NULL, faults);
    if (verb == VERBS)
        return MXT_EUSAGE;
    out->verb = verbs[verb].verb;
    mxt_keys_of(&program, &keys);
    enum mxt_status status = mxt_config_line(&keys, argc - 1, argv + 1, out, &given, faults);
    if (status == MXT_OK && out->verb != MXT_ALERTS_HELP && out->config != NULL)
        status = read_file(out, faults);
    if (status == MXT_OK && out->verb != MXT_ALERTS_HELP)
        status = check_sense(out, verbs[verb].has_ids, faults);
    out->redis.connect_timeout_ms = MXT_LINK_CONNECT_TIMEOUT_MS;
    out->redis.reply_timeout_ms = MXT_LINK_REPLY_TIMEOUT_MS;
    name_user(out);
    return status;
}

void mxt_alerts_options_free(struct mxt_alerts_options *options)
{
    mxt_collector_options_free(&options->file);
    mxt_arena_free(&options->texts);
    *options = (struct mxt_alerts_options){0};
}

void mxt_alerts_options_help(void)
{
    struct mxt_keys keys;
    mxt_keys_of(&program, &keys);
    mxt_config_help(&keys);
}
