/* One session at two sensors, through the ledger, in both orders of arrival. */
#include <stdlib.h>

#include "rules/ledger.h"
#include "scene.h"

#define N       MXT_NO
#define Y       MXT_YES
#define OFFERED .ehlo = Y, .ehlo_code = 250, .offered = Y
#define PLAIN   .requested = N, .exposed = 1
#define STARTED .requested = Y, .reply_code = 220, .has_tls = true, .outcome = MXT_TLS_ESTABLISHED
#define MISSING .ehlo = Y, .ehlo_code = 250, .offered = N

enum { LINES = 4 };

/* What a sensor saw. */
struct seen {
    struct facts facts;
    const char *lines[LINES];
    uint64_t id;        /* 0: 1, as at the other */
    int64_t later_us;   /* its clock */
    const char *client; /* NULL: 10.1.0.25 */
};

struct row {
    const char *what;
    struct seen inside, outside;
    enum mxt_severity severity;
    uint64_t sessions; /* that all alerts of the rule, or of the others, rest on at most */
};

static const struct row rows[] = {
    {"the same", {.facts = {OFFERED, STARTED}, .lines = {"STARTTLS"}}, {.facts = {OFFERED, STARTED}, .lines = {"STARTTLS"}}, MXT_SEVERITY_NONE, 0},
    {"stripped between",
     {.facts = {MISSING, PLAIN}, .lines = {"SIZE 1"}},
     {.facts = {OFFERED, PLAIN}, .lines = {"SIZE 1", "STARTTLS"}},
     MXT_SEVERITY_CRITICAL,
     1},
    {"stripped by a host that speaks itself",
     {.facts = {MISSING, PLAIN}, .lines = {"SIZE 1"}},
     {.facts = {OFFERED, PLAIN}, .lines = {"SIZE 1", "STARTTLS"}, .id = 2, .later_us = 3 * SECOND},
     MXT_SEVERITY_CRITICAL,
     1},
    {"TLS at one side only",
     {.facts = {MISSING, PLAIN}, .lines = {"SIZE 1"}},
     {.facts = {OFFERED, STARTED}, .lines = {"SIZE 1", "STARTTLS"}},
     MXT_SEVERITY_CRITICAL,
     1},
    {"EHLO refused at one side",
     {.facts = {.ehlo = Y, .ehlo_code = 502, .helo_code = 250, PLAIN}},
     {.facts = {OFFERED, PLAIN}, .lines = {"STARTTLS"}},
     MXT_SEVERITY_CRITICAL,
     1},
    {"overwritten between",
     {.facts = {MISSING, PLAIN, .masked = "XXXXXXXA"}, .lines = {"XXXXXXXA"}},
     {.facts = {OFFERED, PLAIN}, .lines = {"STARTTLS"}},
     MXT_SEVERITY_CRITICAL,
     1},
    {"another line differs",
     {.facts = {OFFERED, STARTED}, .lines = {"STARTTLS"}},
     {.facts = {OFFERED, STARTED}, .lines = {"STARTTLS", "CHUNKING"}},
     MXT_SEVERITY_INFO,
     1},
    {"case differs", {.facts = {OFFERED, STARTED}, .lines = {"starttls"}}, {.facts = {OFFERED, STARTED}, .lines = {"STARTTLS"}}, MXT_SEVERITY_NONE, 0},
    {"a gap hides one reply", {.facts = {.ehlo = Y, .gap_toclient = 10, PLAIN}}, {.facts = {OFFERED, PLAIN}, .lines = {"STARTTLS"}}, MXT_SEVERITY_NONE, 0},
    {"not the same session: too far apart",
     {.facts = {MISSING, PLAIN}, .lines = {"SIZE 1"}},
     {.facts = {OFFERED, PLAIN}, .lines = {"SIZE 1", "STARTTLS"}, .id = 2, .later_us = 6 * SECOND},
     MXT_SEVERITY_NONE,
     0},
    {"not the same session: another address",
     {.facts = {MISSING, PLAIN}, .lines = {"SIZE 1"}},
     {.facts = {OFFERED, PLAIN}, .lines = {"SIZE 1", "STARTTLS"}, .id = 2, .client = "10.1.0.26"},
     MXT_SEVERITY_NONE,
     0},
    {"the session goes on",
     {.facts = {.is_snapshot = true, MISSING, .requested = N}, .lines = {"SIZE 1"}},
     {.facts = {OFFERED, STARTED}, .lines = {"STARTTLS"}},
     MXT_SEVERITY_NONE,
     0},
};

struct told {
    enum mxt_severity severity;
    uint64_t count, unused, not_offered;
};

static void on_alert(void *context, const struct mxt_alert *alert)
{
    struct told *told = context;
    if (alert->rule == MXT_RULE_STARTTLS_SPLIT_VIEW) {
        assert_true(told->severity == MXT_SEVERITY_NONE);
        assert_non_null(strstr(alert->explanation, "outside"));
        told->severity = alert->severity;
        told->count = alert->count;
    }
    told->unused += alert->rule == MXT_RULE_STARTTLS_UNUSED;
    told->not_offered += alert->rule == MXT_RULE_STARTTLS_NOT_OFFERED;
}

static void take(struct mxt_ledger *ledger, const struct seen *seen, const char *sensor)
{
    struct scene scene;
    scene_make(&scene, &seen->facts);
    struct mxt_record *record = &scene.record;
    scene.smtp.capabilities = scene_list(&scene.arena, seen->lines, LINES);
    scene.smtp.has_capabilities = seen->lines[0] != NULL;
    record->sensor = sensor;
    record->version = MXT_RECORD_VERSION;
    record->snapshot = 1;
    record->session_id = seen->id == 0 ? 1 : seen->id;
    record->start_us += seen->later_us;
    record->timestamp_us += seen->later_us;
    if (seen->client != NULL)
        assert_int_equal(mxt_address_parse(seen->client, &record->src_ip), MXT_OK);
    assert_int_equal(mxt_judge_session(record, &scene.arena, &record->findings), MXT_OK);
    assert_int_equal(mxt_ledger_take(ledger, record, NULL, 0, &scene.arena), MXT_OK);
    assert_int_equal(mxt_ledger_take(ledger, record, NULL, 0, &scene.arena), MXT_DONE);
    scene_free(&scene);
}

struct table {
    struct mxt_judge_config judge;
    struct mxt_memory *memory;
    struct mxt_ledger *ledger;
};

static void begin(struct table *table)
{
    mxt_judge_config_init(&table->judge);
    table->memory = mxt_memory_new();
    const struct mxt_ledger_config config = {.judge = &table->judge, .memory = table->memory, .alerts_limits = MXT_ALERTS_LIMITS_DEFAULT, .is_kept = true};
    table->ledger = mxt_ledger_new(&config);
    assert_non_null(table->ledger);
}

static void end(struct table *table)
{
    mxt_ledger_free(table->ledger);
    mxt_memory_free(table->memory);
}

static struct told play(const struct row *row, bool is_turned)
{
    struct table table;
    struct told told = {0};
    begin(&table);
    take(table.ledger, is_turned ? &row->outside : &row->inside, is_turned ? "outside" : "inside");
    take(table.ledger, is_turned ? &row->inside : &row->outside, is_turned ? "inside" : "outside");
    assert_int_equal(mxt_ledger_alerts(table.ledger, on_alert, &told), MXT_OK);
    end(&table);
    return told;
}

static void what_two_sensors_saw(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (int turned = 0; turned < 2; turned++) {
            struct told told = play(&rows[i], turned != 0);
            if (told.severity != rows[i].severity || told.count != rows[i].sessions)
                fail_msg("%s, order %d: severity %d, count %d", rows[i].what, turned, (int)told.severity, (int)told.count);
            if (told.severity == MXT_SEVERITY_CRITICAL && told.unused + told.not_offered > 0)
                fail_msg("%s, order %d: one side's word is told besides", rows[i].what, turned);
        }
}

/* Clocks that differ by an hour: known from a session that both saw, they are no obstacle. */
static void clocks_that_differ(void **state)
{
    (void)state;
    static const struct seen early = {.facts = {OFFERED, STARTED}, .lines = {"STARTTLS"}},
                             late = {.facts = {OFFERED, STARTED}, .lines = {"STARTTLS"}, .later_us = 3600 * SECOND};
    static const struct seen stripped = {.facts = {MISSING, PLAIN}, .lines = {"SIZE 1"}, .id = 2, .later_us = 60 * SECOND},
                             whole = {.facts = {OFFERED, PLAIN}, .lines = {"SIZE 1", "STARTTLS"}, .id = 3, .later_us = 3661 * SECOND};
    for (int shared = 0; shared < 2; shared++) {
        struct table table;
        struct told told = {0};
        begin(&table);
        if (shared != 0) {
            take(table.ledger, &early, "inside");
            take(table.ledger, &late, "outside");
        }
        take(table.ledger, &stripped, "inside");
        take(table.ledger, &whole, "outside");
        assert_int_equal(mxt_ledger_alerts(table.ledger, on_alert, &told), MXT_OK);
        assert_int_equal(told.severity, shared != 0 ? MXT_SEVERITY_CRITICAL : MXT_SEVERITY_NONE);
        end(&table);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_two_sensors_saw), cmocka_unit_test(clocks_that_differ)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
