/* The judge with its memory: what later records change is judged again, and told so. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "decoders/text.h"
#include "rules/event.h"
#include "rules/judge.h"
#include "rules/ledger.h"
#include "rules/record.h"

#define SECOND INT64_C(1000000)
#define NOW    (1700000000 * SECOND)

struct heard {
    size_t judged, again, alerts;
    struct mxt_judged last_again;
    enum mxt_severity severity[MXT_RULES];
};

static void on_judged(void *context, const struct mxt_record *record, const struct mxt_judged *judged)
{
    struct heard *heard = context;
    assert_non_null(record);
    heard->judged++;
    if (!judged->is_again)
        return;
    heard->again++;
    heard->last_again = *judged;
}

static void on_alert(void *context, const struct mxt_alert *alert)
{
    struct heard *heard = context;
    heard->alerts++;
    heard->severity[alert->rule] = alert->severity;
}

/* A session at `second`, whose server offers STARTTLS or does not; mail crosses in the clear where it does not. */
static void take(struct mxt_ledger *ledger, uint64_t id, int64_t second, bool is_offered)
{
    struct mxt_smtp_facts smtp = {.ehlo = MXT_YES, .ehlo_reply_code = 250, .has_capabilities = true, .exposed_total = is_offered ? 0 : 1};
    smtp.starttls =
        (struct mxt_starttls_facts){.offered = is_offered ? MXT_YES : MXT_NO, .requested = is_offered ? MXT_YES : MXT_NO, .reply_code = is_offered ? 220 : 0};
    struct mxt_tls_facts tls = {.mode = MXT_TLS_STARTTLS, .outcome = MXT_TLS_ESTABLISHED, .version = 0x0304};
    struct mxt_record record = {.version = MXT_RECORD_VERSION,
                                .sensor = "test",
                                .session_id = id,
                                .snapshot = 1,
                                .final = true,
                                .hop = MXT_HOP_OUTBOUND,
                                .start_us = NOW + second * SECOND,
                                .timestamp_us = NOW + (second + 1) * SECOND,
                                .src_port = 40000,
                                .dest_port = 25,
                                .smtp = &smtp};
    record.tls = is_offered ? &tls : NULL;
    assert_int_equal(mxt_address_parse("10.1.0.25", &record.src_ip), MXT_OK);
    assert_int_equal(mxt_address_parse("192.0.2.25", &record.dest_ip), MXT_OK);
    struct mxt_arena arena = {0};
    assert_int_equal(mxt_judge_session(&record, &arena, &record.findings), MXT_OK);
    assert_int_equal(mxt_ledger_take(ledger, &record, NULL, 0, &arena), MXT_OK);
    mxt_arena_free(&arena);
}

struct fixture {
    struct mxt_judge_config config;
    struct mxt_memory *memory;
    struct heard heard;
    struct mxt_ledger *ledger;
};

static void begin(struct fixture *fixture)
{
    *fixture = (struct fixture){.memory = mxt_memory_new()};
    assert_non_null(fixture->memory);
    mxt_judge_config_init(&fixture->config);
    const struct mxt_ledger_config config = {.judge = &fixture->config, .memory = fixture->memory, .alerts_limits = MXT_ALERTS_LIMITS_DEFAULT, .judged = on_judged, .context = &fixture->heard};
    fixture->ledger = mxt_ledger_new(&config);
    assert_non_null(fixture->ledger);
}

static void end(struct fixture *fixture)
{
    assert_int_equal(mxt_ledger_alerts(fixture->ledger, on_alert, &fixture->heard), MXT_OK);
    assert_int_equal(mxt_ledger_refused(fixture->ledger), 0);
    mxt_ledger_free(fixture->ledger);
    mxt_memory_free(fixture->memory);
}

static void in_order(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture);
    take(fixture.ledger, 1, 0, true);
    take(fixture.ledger, 2, 10, false);
    end(&fixture);
    assert_int_equal(fixture.heard.judged, 2);
    assert_int_equal(fixture.heard.severity[MXT_RULE_STARTTLS_STRIPPED], MXT_SEVERITY_HIGH);
    assert_int_equal(fixture.heard.alerts, 1);
}

/* The offer comes to light after the session that lacks it: it is judged again, and what it was called before is gone. */
static void the_earlier_comes_late(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture);
    take(fixture.ledger, 2, 10, false);
    take(fixture.ledger, 1, 0, true);
    end(&fixture);
    assert_int_equal(fixture.heard.again, 1);
    assert_int_equal(fixture.heard.last_again.previous, MXT_SEVERITY_INFO);
    assert_int_equal(fixture.heard.last_again.severity, MXT_SEVERITY_HIGH);
    assert_true(fixture.heard.last_again.is_leading);
    assert_int_equal(fixture.heard.severity[MXT_RULE_STARTTLS_STRIPPED], MXT_SEVERITY_HIGH);
    assert_int_equal(fixture.heard.severity[MXT_RULE_STARTTLS_NOT_OFFERED], MXT_SEVERITY_NONE);
    assert_int_equal(fixture.heard.alerts, 1);
}

static void no_kept(void *context, const struct mxt_kept *kept)
{
    (void)context;
    (void)kept;
}

static void no_alert(void *context, const struct mxt_alert *alert)
{
    (void)context;
    (void)alert;
}

/* One sensor's clock is years ahead: what the others say goes on teaching, and is judged by what it taught. */
static void a_clock_that_is_ahead_makes_nobody_late(void **state)
{
    (void)state;
    const int64_t years = INT64_C(10) * 365 * 86400;
    struct fixture fixture;
    begin(&fixture);
    mxt_ledger_free(fixture.ledger);
    const struct mxt_ledger_config config = {.judge = &fixture.config, .memory = fixture.memory, .alerts_limits = MXT_ALERTS_LIMITS_DEFAULT, .is_kept = true};
    fixture.ledger = mxt_ledger_new(&config);
    assert_non_null(fixture.ledger);
    assert_int_equal(mxt_ledger_clock(fixture.ledger, NOW), MXT_OK);
    take(fixture.ledger, 9, years, true);
    take(fixture.ledger, 1, 0, true);
    take(fixture.ledger, 2, 10, false);
    assert_int_equal(mxt_ledger_drain(fixture.ledger, no_kept, no_alert, NULL), MXT_OK);
    end(&fixture);
    assert_int_equal(fixture.heard.severity[MXT_RULE_STARTTLS_STRIPPED], MXT_SEVERITY_HIGH);
}

/* A record nested as deep as records may be can be kept, and read back. */
static void what_is_taken_can_be_loaded(void *context, const struct mxt_kept *kept)
{
    char error[200] = "";
    if (kept->kind == MXT_KEPT_SESSION && mxt_ledger_load(context, kept, error, sizeof error) != MXT_OK)
        fail_msg("%s", error);
}

static void deep_records_are_kept(void **state)
{
    (void)state;
    const struct mxt_record plain = {.version = MXT_RECORD_VERSION, .sensor = "a", .session_id = 1, .snapshot = 1, .start_us = NOW, .timestamp_us = NOW};
    struct mxt_json written = {0};
    assert_int_equal(mxt_event_encode_record(&written, &plain), MXT_OK);
    static const char open[] = "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", closed[] = "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]";
    struct fixture fixture;
    begin(&fixture);
    mxt_ledger_free(fixture.ledger);
    const struct mxt_ledger_config config = {.judge = &fixture.config, .memory = fixture.memory, .alerts_limits = MXT_ALERTS_LIMITS_DEFAULT, .is_kept = true};
    unsigned taken = 0;
    for (int depth = 1; depth <= 40; depth++) {
        char json[1024], error[200];
        struct mxt_arena arena = {0};
        struct mxt_record record;
        snprintf(json, sizeof json, "%.*s,\"later\":%.*s%.*s}", (int)written.length - 1, written.text, depth, open, depth, closed);
        struct mxt_ledger *first = mxt_ledger_new(&config), *second = mxt_ledger_new(&config);
        if (mxt_event_decode_record(json, strlen(json), &arena, &record, error, sizeof error) == MXT_OK) {
            taken++;
            assert_int_equal(mxt_ledger_take(first, &record, json, strlen(json), &arena), MXT_OK);
            assert_int_equal(mxt_ledger_drain(first, what_is_taken_can_be_loaded, no_alert, second), MXT_OK);
        }
        mxt_arena_free(&arena);
        mxt_ledger_free(first);
        mxt_ledger_free(second);
    }
    assert_in_range(taken, 20, 39);
    mxt_json_free(&written);
    mxt_memory_free(fixture.memory);
}

static void what_is_off_is_counted(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture);
    fixture.config.is_off[MXT_RULE_STARTTLS_STRIPPED] = true;
    take(fixture.ledger, 1, 0, true);
    take(fixture.ledger, 2, 10, false);
    assert_int_equal(mxt_ledger_suppressed(fixture.ledger), 1);
    end(&fixture);
    assert_int_equal(fixture.heard.alerts, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_order),
        cmocka_unit_test(the_earlier_comes_late),
        cmocka_unit_test(a_clock_that_is_ahead_makes_nobody_late),
        cmocka_unit_test(deep_records_are_kept),
        cmocka_unit_test(what_is_off_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
