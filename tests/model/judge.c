/*
 * The judge at work on histories of records, as a collector uses it, for comparison with the model (model.py).
 *
 *     mxtap-judge [--findings] [--told] [--cut N] [--policy DOMAIN FILE]... < RECORDS
 *
 * Records are JSON lines in their order of arrival; an empty line ends a history, and so does the end. Of each history the final alerts are printed as JSON
 * lines, then an empty line. --findings prints before them what was said of each record, each time it was judged; --told the alerts as they were told.
 *
 * --cut drains the ledger and goes on with a fresh one that is loaded from what was drained, at one record in N on the average: nothing that is printed may
 * differ for it. What is drained is checked besides: nothing twice, with --cut 1 nothing that is as it was, and every alert as it stands in the end.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "decoders/arena.h"
#include "decoders/status.h"
#include "rules/event.h"
#include "rules/judge.h"
#include "rules/judge_config.h"
#include "rules/json.h"
#include "rules/knowledge.h"
#include "rules/ledger.h"
#include "rules/policy.h"

#define THINGS_MAX    65536 /* kept of one history; histories are small */
#define ALERTS_MAX    4096
#define ARGUMENTS_MAX 16

/* A thing as a keeper holds it. */
struct thing {
    enum mxt_kept_kind kind;
    char *key, *field, *text; /* text NULL: it is gone */
    size_t n;
};

/* An alert as it was drained last. */
struct reported {
    uint64_t alert_id, count;
    int64_t first_us, last_us;
    enum mxt_severity severity;
};

struct options {
    bool has_findings, has_told;
    unsigned cut;
    const char *domains[ARGUMENTS_MAX], *files[ARGUMENTS_MAX];
    size_t policies;
    struct mxt_judge_config judge;
};

struct history {
    const struct options *options;
    struct mxt_memory *memory;
    struct mxt_ledger *ledger;
    size_t records, drained;
    struct thing things[THINGS_MAX];
    size_t thing_count;
    struct reported reported[ALERTS_MAX];
    size_t reported_count;
    uint64_t random;
};

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "mxtap-judge: %s\n", what);
    exit(1);
}

static void add_policy(struct mxt_memory *memory, const char *domain, const char *file)
{
    static char text[MXT_POLICY_MAX];
    FILE *stream = fopen(file, "rb");
    must(stream != NULL, file);
    size_t n = fread(text, 1, sizeof text, stream);
    fclose(stream);
    char fault[200] = "";
    must(mxt_memory_add_policy(memory, domain, text, n, fault, sizeof fault) == MXT_OK, fault);
}

static void print(const struct mxt_json *json)
{
    must(!json->has_failed, "out of memory");
    printf("%.*s\n", (int)json->length, json->text);
}

static void print_findings(const struct mxt_record *record, const struct mxt_finding *findings)
{
    struct mxt_record said = *record;
    struct mxt_json json = {0};
    memcpy(&said.findings, &findings, sizeof findings); /* they are only read */
    must(mxt_event_encode_record(&json, &said) == MXT_OK, "a record cannot be written");
    print(&json);
    mxt_json_free(&json);
}

static void on_judged(void *context, const struct mxt_record *record, const struct mxt_judged *judged)
{
    const struct history *history = context;
    if (history->options->has_findings)
        print_findings(record, judged->findings);
}

static void print_alert(void *context, const struct mxt_alert *alert)
{
    (void)context;
    struct mxt_json json = {0};
    must(mxt_event_encode_alert(&json, alert) == MXT_OK, "an alert cannot be written");
    print(&json);
    mxt_json_free(&json);
}

static void on_told(void *context, const struct mxt_alert *alert)
{
    const struct history *history = context;
    if (history->options->has_told)
        print_alert(NULL, alert);
}

static void open_ledger(struct history *history)
{
    history->memory = mxt_memory_new();
    must(history->memory != NULL, "out of memory");
    for (size_t i = 0; i < history->options->policies; i++)
        add_policy(history->memory, history->options->domains[i], history->options->files[i]);
    const struct mxt_ledger_config config = {.judge = &history->options->judge,
                                             .memory = history->memory,
                                             .alerts_limits = MXT_ALERTS_LIMITS_DEFAULT,
                                             .teller = {.tell = on_told, .context = history},
                                             .is_kept = true,
                                             .judged = on_judged,
                                             .context = history};
    history->ledger = mxt_ledger_new(&config);
    must(history->ledger != NULL, "out of memory");
}

static void close_ledger(struct history *history)
{
    mxt_ledger_free(history->ledger);
    mxt_memory_free(history->memory);
}

static bool is_same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static struct thing *thing_of(struct history *history, const struct mxt_kept *kept)
{
    struct thing *thing = history->things;
    while (thing < history->things + history->thing_count &&
           (thing->kind != kept->kind || strcmp(thing->key, kept->key) != 0 || !is_same_text(thing->field, kept->field)))
        thing++;
    if (thing == history->things + history->thing_count) {
        must(history->thing_count < THINGS_MAX, "a history of too many things");
        history->thing_count++;
        *thing = (struct thing){.kind = kept->kind, .key = strdup(kept->key), .field = kept->field == NULL ? NULL : strdup(kept->field)};
    }
    return thing;
}

/* All fields of a thing. */
static void drop_fields(struct history *history, const struct mxt_kept *kept)
{
    for (struct thing *thing = history->things; thing < history->things + history->thing_count; thing++)
        if (thing->kind == kept->kind && strcmp(thing->key, kept->key) == 0) {
            free(thing->text);
            thing->text = NULL;
        }
}

static void keep(void *context, const struct mxt_kept *kept)
{
    struct history *history = context;
    history->drained++;
    if (kept->text == NULL) {
        drop_fields(history, kept);
        return;
    }
    struct thing *thing = thing_of(history, kept);
    /* Between rarer drains a thing may change and change back. */
    bool is_changed = history->options->cut != 1 || thing->text == NULL || thing->n != kept->n || memcmp(thing->text, kept->text, kept->n) != 0;
    must(is_changed, "what did not change was drained");
    free(thing->text);
    thing->n = kept->n;
    thing->text = malloc(kept->n + 1);
    must(thing->text != NULL, "out of memory");
    memcpy(thing->text, kept->text, kept->n);
    thing->text[kept->n] = '\0';
}

static void report(void *context, const struct mxt_alert *alert)
{
    struct history *history = context;
    struct reported *reported = history->reported;
    history->drained++;
    while (reported < history->reported + history->reported_count && reported->alert_id != alert->alert_id)
        reported++;
    must(reported < history->reported + ALERTS_MAX, "a history of too many alerts");
    if (reported == history->reported + history->reported_count)
        history->reported_count++;
    *reported = (struct reported){
        .alert_id = alert->alert_id, .count = alert->count, .first_us = alert->first_seen_us, .last_us = alert->last_seen_us, .severity = alert->severity};
}

static void drain(struct history *history)
{
    must(mxt_ledger_drain(history->ledger, keep, report, history) == MXT_OK, "out of memory");
    history->drained = 0;
    must(mxt_ledger_drain(history->ledger, keep, report, history) == MXT_OK, "out of memory");
    must(history->drained == 0, "a change was drained twice");
}

/* xorshift64, https://www.jstatsoft.org/article/view/v008i14 */
static uint64_t next_random(struct history *history)
{
    history->random ^= history->random << 13;
    history->random ^= history->random >> 7;
    return history->random ^= history->random << 17;
}

/* Drains, and goes on with a ledger that is loaded from what was kept, in another order each time. */
static void cut(struct history *history)
{
    char error[200] = "";
    drain(history);
    close_ledger(history);
    open_ledger(history);
    size_t start = history->thing_count == 0 ? 0 : next_random(history) % history->thing_count;
    for (size_t i = 0; i < history->thing_count; i++) {
        const struct thing *thing = &history->things[(start + i) % history->thing_count];
        const struct mxt_kept kept = {.kind = thing->kind, .key = thing->key, .field = thing->field, .text = thing->text, .n = thing->n};
        must(thing->text == NULL || mxt_ledger_load(history->ledger, &kept, error, sizeof error) == MXT_OK, error);
    }
}

static void begin(struct history *history, const struct options *options)
{
    history->options = options;
    history->records = history->thing_count = history->reported_count = 0;
    history->random = UINT64_C(0x9e3779b97f4a7c15);
    open_ledger(history);
}

static void take_line(struct history *history, const char *line, size_t n)
{
    struct mxt_arena arena = {0};
    struct mxt_record record;
    char error[200] = "";
    must(mxt_event_decode_record(line, n, &arena, &record, error, sizeof error) == MXT_OK, error);
    must(record.sensor != NULL, "a record without a sensor");
    history->records++;
    record.findings = NULL;
    must(mxt_judge_session(&record, &arena, &record.findings) == MXT_OK, "out of memory");
    enum mxt_status status = mxt_ledger_take(history->ledger, &record, NULL, 0, &arena);
    must(status == MXT_OK || status == MXT_DONE, "out of memory");
    mxt_arena_free(&arena);
    if (history->options->cut > 0 && next_random(history) % history->options->cut == 0)
        cut(history);
}

static void check_alert(void *context, const struct mxt_alert *alert)
{
    const struct history *history = context;
    const struct reported *reported = history->reported;
    while (reported < history->reported + history->reported_count && reported->alert_id != alert->alert_id)
        reported++;
    must(reported < history->reported + history->reported_count && reported->count == alert->count && reported->first_us == alert->first_seen_us &&
             reported->last_us == alert->last_seen_us && reported->severity == alert->severity,
         "an alert is not as it was drained");
    print_alert(NULL, alert);
}

static void end(struct history *history)
{
    drain(history);
    must(mxt_ledger_alerts(history->ledger, check_alert, history) == MXT_OK, "out of memory");
    must(mxt_ledger_refused(history->ledger) == 0, "out of memory");
    putchar('\n');
    must(fflush(stdout) == 0, strerror(errno));
    close_ledger(history);
    for (size_t i = 0; i < history->thing_count; i++) {
        free(history->things[i].key);
        free(history->things[i].field);
        free(history->things[i].text);
    }
}

static void read_options(struct options *options, char **arguments)
{
    static const char usage[] = "usage: mxtap-judge [--findings] [--told] [--cut N] [--policy DOMAIN FILE]... < RECORDS";
    mxt_judge_config_init(&options->judge);
    while (*arguments != NULL) {
        const char *option = *arguments++;
        if (strcmp(option, "--findings") == 0) {
            options->has_findings = true;
        } else if (strcmp(option, "--told") == 0) {
            options->has_told = true;
        } else if (strcmp(option, "--cut") == 0 && *arguments != NULL) {
            options->cut = (unsigned)strtoul(*arguments++, NULL, 10);
        } else {
            bool has_policy = strcmp(option, "--policy") == 0 && arguments[0] != NULL && arguments[1] != NULL && options->policies < ARGUMENTS_MAX;
            must(has_policy, usage);
            options->domains[options->policies] = *arguments++;
            options->files[options->policies++] = *arguments++;
        }
    }
}

int main(int argc, char **argv)
{
    static struct options options;
    static struct history history;
    char *line = NULL;
    size_t capacity = 0;
    (void)argc;
    read_options(&options, argv + 1);
    begin(&history, &options);
    for (ssize_t n; (n = getline(&line, &capacity, stdin)) >= 0;) {
        if (n > 0 && line[n - 1] == '\n')
            n--;
        if (n > 0) {
            take_line(&history, line, (size_t)n);
            continue;
        }
        end(&history);
        begin(&history, &options);
    }
    must(!ferror(stdin), "cannot read");
    if (history.records > 0)
        end(&history);
    else
        close_ledger(&history);
    free(line);
    return 0;
}
