/*
 * The judge at work on histories of records, as a replay or a collector uses it, for comparison with the model (model.py).
 *
 *     mxtap-judge [--findings] [--policy DOMAIN FILE]... < RECORDS
 *
 * Records are JSON lines in their order of arrival; an empty line ends a history, and so does the end. Of each history the final alerts are printed as JSON
 * lines, then an empty line. --findings prints before them what was said of each record, each time it was judged.
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
#include "rules/alerts.h"
#include "rules/event.h"
#include "rules/judge.h"
#include "rules/judge_config.h"
#include "rules/json.h"
#include "rules/knowledge.h"
#include "rules/policy.h"

#define SEEN_MAX      4096 /* snapshots of one history that are told apart; histories are small */
#define ARGUMENTS_MAX 16

/* The newest snapshot of a session at one sensor. */
struct seen {
    uint64_t session_id;
    const char *sensor;
    uint32_t snapshot;
};

struct history {
    struct mxt_arena arena; /* records and judgements, until the history's end */
    struct mxt_memory *memory;
    struct mxt_knowledge knowledge;
    struct mxt_alerts *alerts;
    int64_t newest_us;
    size_t records, seen_count;
    struct seen seen[SEEN_MAX];
};

struct options {
    bool has_findings;
    const char *domains[ARGUMENTS_MAX], *files[ARGUMENTS_MAX];
    size_t policies;
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

static void begin(struct history *history, const struct mxt_judge_config *config, const struct options *options)
{
    mxt_arena_init(&history->arena, 0);
    history->memory = mxt_memory_new();
    must(history->memory != NULL, "out of memory");
    history->knowledge = mxt_memory_knowledge(history->memory);
    const struct mxt_alerts_limits limits = MXT_ALERTS_LIMITS_DEFAULT;
    history->alerts = mxt_alerts_new(&limits, config, NULL);
    must(history->alerts != NULL, "out of memory");
    history->newest_us = INT64_MIN;
    history->records = history->seen_count = 0;
    for (size_t i = 0; i < options->policies; i++)
        add_policy(history->memory, options->domains[i], options->files[i]);
}

static void print_findings(const struct mxt_record *record, struct mxt_finding *findings)
{
    struct mxt_record said = *record;
    said.findings = findings;
    struct mxt_json json = {0};
    must(mxt_event_encode_record(&json, &said) == MXT_OK, "a record cannot be written");
    const char *text = mxt_json_end(&json);
    must(text != NULL, "out of memory");
    puts(text);
    mxt_json_free(&json);
}

/* Judges one record, takes what it gives and applies what it teaches. `record` may be the store's own: it is not touched after the store has changed. */
static struct mxt_judgement judge(struct history *history, const struct mxt_judge_config *config, const struct options *options,
                                  const struct mxt_record *record)
{
    struct mxt_judgement judgement = {0};
    must(mxt_judge_network(record, &history->knowledge, config, history->newest_us, &history->arena, &judgement) == MXT_OK, "out of memory");
    if (options->has_findings)
        print_findings(record, judgement.findings);
    must(mxt_alerts_take(history->alerts, record, judgement.findings) == MXT_OK, "out of memory");
    must(mxt_memory_apply(history->memory, &judgement.changes) == MXT_OK, "out of memory");
    return judgement;
}

/* Whether the record is newer than what was seen of its session by its sensor; notes it. */
static bool is_news(struct history *history, const struct mxt_record *record)
{
    for (size_t i = 0; i < history->seen_count; i++) {
        struct seen *seen = &history->seen[i];
        if (seen->session_id != record->session_id || strcmp(seen->sensor, record->sensor) != 0)
            continue;
        if (seen->snapshot >= record->snapshot)
            return false;
        seen->snapshot = record->snapshot;
        return true;
    }
    must(history->seen_count < SEEN_MAX, "a history of too many sessions");
    history->seen[history->seen_count++] = (struct seen){record->session_id, record->sensor, record->snapshot};
    return true;
}

static void take_line(struct history *history, const struct mxt_judge_config *config, const struct options *options, const char *line, size_t n)
{
    struct mxt_record record;
    char error[200] = "";
    must(mxt_event_decode_record(line, n, &history->arena, &record, error, sizeof error) == MXT_OK, error);
    must(record.sensor != NULL, "a record without a sensor");
    history->records++;
    if (!is_news(history, &record))
        return;
    if (record.timestamp_us > history->newest_us)
        history->newest_us = record.timestamp_us;
    record.findings = NULL;
    must(mxt_judge_session(&record, &history->arena, &record.findings) == MXT_OK, "out of memory");
    struct mxt_judgement judgement = judge(history, config, options, &record);
    for (size_t i = 0; i < judgement.again_count; i++) {
        const struct mxt_record *later = history->knowledge.record(history->knowledge.store, judgement.again[i]);
        if (later != NULL)
            (void)judge(history, config, options, later);
    }
}

static void print_alert(void *context, const struct mxt_alert *alert)
{
    (void)context;
    struct mxt_json json = {0};
    must(mxt_event_encode_alert(&json, alert) == MXT_OK, "an alert cannot be written");
    const char *text = mxt_json_end(&json);
    must(text != NULL, "out of memory");
    puts(text);
    mxt_json_free(&json);
}

static void end(struct history *history)
{
    must(mxt_alerts_each(history->alerts, print_alert, NULL) == MXT_OK, "out of memory");
    putchar('\n');
    must(fflush(stdout) == 0, strerror(errno));
    mxt_alerts_free(history->alerts);
    mxt_memory_free(history->memory);
    mxt_arena_free(&history->arena);
}

static void read_options(int count, char **arguments, struct options *options)
{
    for (int i = 1; i < count; i++) {
        if (strcmp(arguments[i], "--findings") == 0) {
            options->has_findings = true;
            continue;
        }
        must(strcmp(arguments[i], "--policy") == 0 && i + 2 < count && options->policies < ARGUMENTS_MAX,
             "usage: mxtap-judge [--findings] [--policy DOMAIN FILE]...");
        options->domains[options->policies] = arguments[++i];
        options->files[options->policies++] = arguments[++i];
    }
}

int main(int count, char **arguments)
{
    struct options options = {0};
    read_options(count, arguments, &options);
    struct mxt_judge_config config;
    mxt_judge_config_init(&config);
    static struct history history;
    begin(&history, &config, &options);
    char *line = NULL;
    size_t size = 0;
    ssize_t n;
    while ((n = getline(&line, &size, stdin)) > 0) {
        if (n > 1) {
            take_line(&history, &config, &options, line, (size_t)n - (line[n - 1] == '\n'));
            continue;
        }
        end(&history);
        begin(&history, &config, &options);
    }
    must(!ferror(stdin), "cannot read");
    if (history.records > 0) {
        end(&history);
        begin(&history, &config, &options);
    }
    mxt_alerts_free(history.alerts);
    mxt_memory_free(history.memory);
    mxt_arena_free(&history.arena);
    free(line);
    return 0;
}
