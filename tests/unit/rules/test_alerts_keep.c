/* Alerts kept elsewhere: what is drained is what there is, whatever happens to a busy alert; what is loaded goes on; a person closes an alert. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "rules/alerts.h"

#define SECOND INT64_C(1000000)
#define HOUR   (3600 * SECOND)
#define DAY    (24 * HOUR)
#define START  (1700000000 * SECOND)
#define RULE   MXT_RULE_STARTTLS_CAPABILITY_MASKED

enum { SESSIONS = 400, STEPS = 6000, ALERTS_MAX = 256, TEXTS_MAX = 16 };

/* An alert in words. */
struct shown {
    uint64_t id;
    char text[1024];
};

struct heard {
    struct shown alerts[ALERTS_MAX];
    size_t count;
};

/* What a keeper holds. */
struct kept {
    char *key, *text;
    size_t n;
};

struct table {
    struct mxt_judge_config config;
    struct mxt_alerts *alerts;
    struct heard drained;
    struct kept kept[TEXTS_MAX];
    size_t kept_count, told;
    uint64_t told_id;
};

static void put(struct heard *heard, const struct mxt_alert *alert)
{
    struct shown shown = {.id = alert->alert_id};
    char *end =
        shown.text + snprintf(shown.text, 256, "%016llx n=%llu %lld..%lld %d at %lld:", (unsigned long long)alert->alert_id, (unsigned long long)alert->count,
                              (long long)alert->first_seen_us, (long long)alert->last_seen_us, (int)alert->severity, (long long)alert->timestamp_us);
    for (uint16_t i = 0; i < alert->sessions.count; i++)
        end += snprintf(end, 20, " %s", alert->sessions.items[i] + 12);
    size_t i = 0;
    while (i < heard->count && heard->alerts[i].id != shown.id)
        i++;
    assert_true(i < ALERTS_MAX);
    heard->count += i == heard->count;
    heard->alerts[i] = shown;
}

static void on_each(void *context, const struct mxt_alert *alert)
{
    put(context, alert);
}

static void on_told(void *context, const struct mxt_alert *alert)
{
    struct table *table = context;
    table->told++;
    table->told_id = alert->alert_id;
}

static void on_drained(void *context, const struct mxt_alert *alert)
{
    struct table *table = context;
    put(&table->drained, alert);
}

static void on_text(void *context, const char *key, const char *text, size_t n)
{
    struct table *table = context;
    size_t i = 0;
    while (i < table->kept_count && strcmp(table->kept[i].key, key) != 0)
        i++;
    assert_true(i < TEXTS_MAX);
    if (i == table->kept_count)
        table->kept[table->kept_count++] = (struct kept){.key = strdup(key)};
    free(table->kept[i].text);
    table->kept[i].text = text == NULL ? NULL : strndup(text, n);
    table->kept[i].n = n;
}

static void open_table(struct table *table)
{
    const struct mxt_alerts_teller teller = {.tell = on_told, .context = table};
    struct mxt_alerts_limits limits = MXT_ALERTS_LIMITS_DEFAULT;
    limits.sessions_shown = 5;
    table->alerts = mxt_alerts_new(&limits, &table->config, &teller);
    assert_non_null(table->alerts);
    mxt_alerts_keep_changes(table->alerts);
}

static void begin(struct table *table)
{
    *table = (struct table){0};
    mxt_judge_config_init(&table->config);
    open_table(table);
}

static void end(struct table *table)
{
    mxt_alerts_free(table->alerts);
    for (size_t i = 0; i < table->kept_count; i++) {
        free(table->kept[i].key);
        free(table->kept[i].text);
    }
}

/* A session of one server; severity NONE: it has no finding any more. */
static void take(struct table *table, uint64_t id, int64_t start_us, int64_t last_us, enum mxt_severity severity, bool is_restored)
{
    struct mxt_arena arena = {0};
    struct mxt_record record = {.session_id = id, .snapshot = 1, .start_us = start_us, .timestamp_us = last_us, .dest_port = 25, .sensor = "test"};
    struct mxt_finding *findings = NULL;
    assert_int_equal(mxt_address_parse("192.0.2.25", &record.dest_ip), MXT_OK);
    if (severity != MXT_SEVERITY_NONE)
        assert_non_null(mxt_finding_add(&findings, &arena, RULE, severity));
    enum mxt_status status = is_restored ? mxt_alerts_restore(table->alerts, &record, findings) : mxt_alerts_take(table->alerts, &record, findings);
    assert_int_equal(status, MXT_OK);
    mxt_arena_free(&arena);
}

static void drain(struct table *table)
{
    assert_int_equal(mxt_alerts_drain(table->alerts, on_text, on_drained, table), MXT_OK);
}

/* Every alert stands as it was drained last; where sessions were folded other ones may be named. */
static void compare(const struct table *table, bool is_folded, size_t step)
{
    struct heard heard = {.count = 0};
    assert_int_equal(mxt_alerts_each(table->alerts, on_each, &heard), MXT_OK);
    for (size_t i = 0; i < heard.count; i++) {
        const char *text = heard.alerts[i].text, *drained = "nothing";
        for (size_t k = 0; k < table->drained.count; k++)
            drained = table->drained.alerts[k].id == heard.alerts[i].id ? table->drained.alerts[k].text : drained;
        size_t n = is_folded ? (size_t)(strchr(text, ':') - text) : strlen(text);
        if (strncmp(text, drained, n) != 0)
            fail_msg("step %zu: drained %s, there is %s", step, drained, text);
    }
}

static unsigned next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u; /* Numerical Recipes' generator; its high bits */
    return *state >> 8;
}

struct one {
    int64_t start_us, last_us;
    enum mxt_severity severity;
};

static void play(uint32_t seed, bool forgets)
{
    struct table table;
    static struct one sessions[SESSIONS];
    uint64_t forgotten = 0;
    memset(sessions, 0, sizeof sessions);
    begin(&table);
    for (size_t step = 0; step < STEPS; step++) {
        uint64_t id = forgotten + next_random(&seed) % (SESSIONS - forgotten);
        struct one *one = &sessions[id];
        unsigned what = next_random(&seed) % 100;
        if (one->severity == MXT_SEVERITY_NONE)
            *one = (struct one){START + (int64_t)(id * 1000 + next_random(&seed) % 1000) * SECOND, 0, MXT_SEVERITY_LOW};
        else if (what < 3)
            one->severity = MXT_SEVERITY_NONE;
        else if (what < 6)
            one->severity = what % 2 == 0 ? MXT_SEVERITY_HIGH : MXT_SEVERITY_LOW;
        else if (what < 9)
            one->start_us += what % 2 == 0 ? -HOUR : HOUR;
        one->last_us = (one->last_us < one->start_us ? one->start_us : one->last_us) + SECOND;
        take(&table, id + 1, one->start_us, one->last_us, one->severity, false);
        if (forgets && what == 99 && forgotten < SESSIONS / 2)
            mxt_alerts_forget(table.alerts, ++forgotten);
        if (next_random(&seed) % 3 != 0)
            continue;
        drain(&table);
        compare(&table, forgets, step);
    }
    end(&table);
}

static void what_is_drained_is_what_there_is(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 3; seed++) {
        play(seed, false);
        play(seed, true);
    }
}

static void take_over(struct table *table, size_t sessions)
{
    char error[200] = "";
    drain(table);
    mxt_alerts_free(table->alerts);
    open_table(table);
    for (size_t i = 0; i < table->kept_count; i++)
        if (table->kept[i].text != NULL &&
            mxt_alerts_load(table->alerts, table->kept[i].key, table->kept[i].text, table->kept[i].n, error, sizeof error) != MXT_OK)
            fail_msg("%s", error);
    for (size_t i = 0; i < sessions; i++)
        take(table, i + 1, START + (int64_t)i * HOUR, START + (int64_t)i * HOUR + SECOND, MXT_SEVERITY_HIGH, true);
}

static void what_a_person_closed_stays_closed(void **state)
{
    (void)state;
    struct table table;
    struct heard heard = {.count = 0};
    begin(&table);
    for (size_t i = 0; i < 2; i++)
        take(&table, i + 1, START + (int64_t)i * HOUR, START + (int64_t)i * HOUR + SECOND, MXT_SEVERITY_HIGH, false);
    assert_int_equal(table.told, 1);
    uint64_t first = table.told_id;
    assert_int_equal(mxt_alerts_close(table.alerts, first + 1), MXT_DONE);
    assert_int_equal(mxt_alerts_close(table.alerts, first), MXT_OK);
    assert_int_equal(mxt_alerts_close(table.alerts, first), MXT_DONE);
    take_over(&table, 2);
    assert_int_equal(mxt_alerts_close(table.alerts, first), MXT_DONE);
    assert_int_equal(table.told, 1);
    take(&table, 3, START + 2 * HOUR, START + 2 * HOUR + SECOND, MXT_SEVERITY_HIGH, false);
    assert_int_equal(table.told, 2);
    assert_true(table.told_id != first);
    take_over(&table, 3);
    take(&table, 4, START + 3 * HOUR, START + 3 * HOUR + SECOND, MXT_SEVERITY_HIGH, false);
    assert_int_equal(table.told, 2);
    assert_int_equal(mxt_alerts_each(table.alerts, on_each, &heard), MXT_OK);
    assert_int_equal(heard.count, 2);
    end(&table);
}

static void texts_that_are_none_of_ours(void **state)
{
    (void)state;
    static const struct {
        const char *key, *text;
    } bad[] = {
        {"6", "{}"},
        {"zz", "{}"},
        {"", "{}"},
        {"61", ""},
        {"61", "[]"},
        {"61", "{\"told\":[{}]}"},
        {"61", "{\"folded\":[1]}"},
        {"61", "{\"closed_us\":[2,1]}"},
        {"61", "{\"closed_us\":[1,2,3,4,5,6,7,8,9]}"},
        {"61", "{} {}"},
    };
    struct table table;
    begin(&table);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char error[200] = "";
        if (mxt_alerts_load(table.alerts, bad[i].key, bad[i].text, strlen(bad[i].text), error, sizeof error) != MXT_EMALFORMED || error[0] == '\0')
            fail_msg("%s %s: %s", bad[i].key, bad[i].text, error);
    }
    struct heard heard = {.count = 0};
    assert_int_equal(mxt_alerts_each(table.alerts, on_each, &heard), MXT_OK);
    assert_int_equal(heard.count, 0);
    end(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_drained_is_what_there_is),
        cmocka_unit_test(what_a_person_closed_stays_closed),
        cmocka_unit_test(texts_that_are_none_of_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
