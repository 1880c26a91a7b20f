/* The table of alerts: merging, runs, bounds and telling, with findings made by hand. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "rules/alerts.h"

#define SECOND  INT64_C(1000000)
#define MINUTE  (60 * SECOND)
#define DAY     (86400 * SECOND)
#define START   (1700000000 * SECOND)
#define HIGH    MXT_SEVERITY_HIGH
#define MEDIUM  MXT_SEVERITY_MEDIUM
#define LOW     MXT_SEVERITY_LOW
#define INFO    MXT_SEVERITY_INFO
#define OFFERED MXT_RULE_STARTTLS_NOT_OFFERED
#define MASKED  MXT_RULE_STARTTLS_CAPABILITY_MASKED
#define UNUSED  MXT_RULE_STARTTLS_UNUSED
#define STS     MXT_RULE_MTA_STS_PLAINTEXT_DELIVERY
#define ALERTS  16
#define FINDS   4

/* A session and what it gives. */
struct said {
    uint64_t id;
    int64_t at_us; /* its start; it lasts a second */
    const char *client, *server, *helo, *sni;
    struct {
        enum mxt_rule rule;
        enum mxt_severity severity;
        const char *domain;
        bool is_lost;
        const char *failed; /* session */
    } finds[FINDS];
};

/* What came out, in order. */
struct heard {
    struct mxt_alert alerts[ALERTS];
    char texts[ALERTS][512];
    size_t count;
};

static void hear(void *context, const struct mxt_alert *alert)
{
    struct heard *heard = context;
    assert_true(heard->count < ALERTS);
    char sessions[256] = "", *end = sessions;
    for (uint16_t i = 0; i < alert->sessions.count; i++)
        end += sprintf(end, " %s", alert->sessions.items[i] + 12);
    snprintf(heard->texts[heard->count], sizeof heard->texts[0], "%s %s %s n=%llu %lld..%lld alert=%llx incident=%llx sessions%s of %u: %s",
             mxt_rule_info(alert->rule)->name, mxt_severity_name(alert->severity), alert->domain == NULL ? "-" : alert->domain,
             (unsigned long long)alert->count, (long long)alert->first_seen_us, (long long)alert->last_seen_us, (unsigned long long)alert->alert_id,
             (unsigned long long)alert->incident_id, sessions, alert->sessions.total, alert->explanation);
    heard->alerts[heard->count++] = *alert;
}

static void take(struct mxt_alerts *alerts, const struct said *said)
{
    struct mxt_smtp_facts smtp = {.helo = said->helo};
    struct mxt_tls_facts tls = {.sni = said->sni};
    struct mxt_record record = {
        .session_id = said->id, .start_us = said->at_us, .timestamp_us = said->at_us + SECOND, .hop = MXT_HOP_OUTBOUND, .dest_port = 25, .smtp = &smtp};
    record.tls = said->sni == NULL ? NULL : &tls;
    assert_int_equal(mxt_address_parse(said->client == NULL ? "10.1.0.25" : said->client, &record.src_ip), MXT_OK);
    assert_int_equal(mxt_address_parse(said->server == NULL ? "192.0.2.25" : said->server, &record.dest_ip), MXT_OK);
    struct mxt_finding findings[FINDS];
    struct mxt_evidence evidence[FINDS][3];
    size_t count = 0;
    for (; count < FINDS && said->finds[count].rule != MXT_RULE_NONE; count++) {
        evidence[count][0] =
            (struct mxt_evidence){.key = "exposed_messages", .type = MXT_EVIDENCE_NUMBER, .number = (int64_t)said->id, .next = &evidence[count][1]};
        evidence[count][1] = (struct mxt_evidence){.key = "lost", .type = MXT_EVIDENCE_BOOL, .number = said->finds[count].is_lost, .next = &evidence[count][2]};
        evidence[count][2] = (struct mxt_evidence){.key = "failed_session", .type = MXT_EVIDENCE_TEXT, .text = said->finds[count].failed};
        findings[count] = (struct mxt_finding){.rule = said->finds[count].rule,
                                               .severity = said->finds[count].severity,
                                               .domain = said->finds[count].domain,
                                               .evidence = evidence[count],
                                               .next = &findings[count + 1]};
    }
    if (count > 0)
        findings[count - 1].next = NULL;
    assert_int_equal(mxt_alerts_take(alerts, &record, count == 0 ? NULL : findings), MXT_OK);
}

static struct mxt_judge_config config;

static struct mxt_alerts *make(const struct mxt_alerts_limits *limits, struct heard *told)
{
    const struct mxt_alerts_teller teller = {.tell = hear, .context = told};
    struct mxt_alerts *alerts = mxt_alerts_new(limits, &config, told == NULL ? NULL : &teller);
    assert_non_null(alerts);
    return alerts;
}

static void hear_all(struct mxt_alerts *alerts, struct heard *heard)
{
    heard->count = 0;
    assert_int_equal(mxt_alerts_each(alerts, hear, heard), MXT_OK);
}

/* The alerts that these sessions make in this order. */
static void judge(const struct said *said, const size_t *order, size_t count, struct heard *heard)
{
    struct mxt_alerts *alerts = make(&MXT_ALERTS_LIMITS_DEFAULT, NULL);
    for (size_t i = 0; i < count; i++)
        take(alerts, &said[order == NULL ? i : order[i]]);
    hear_all(alerts, heard);
    mxt_alerts_free(alerts);
}

static int reset(void **state)
{
    (void)state;
    mxt_judge_config_init(&config);
    return 0;
}

static void one_alert_for_a_rule_and_subject(void **state)
{
    (void)state;
    static const struct said said[] = {
        {.id = 1, .at_us = START, .finds = {{.rule = MASKED, .severity = HIGH}}},
        {.id = 2, .at_us = START + MINUTE, .client = "10.1.0.26", .finds = {{.rule = MASKED, .severity = HIGH}}},
        {.id = 3, .at_us = START + 2 * MINUTE, .server = "192.0.2.26", .finds = {{.rule = MASKED, .severity = HIGH}}},
    };
    struct heard heard;
    judge(said, NULL, 3, &heard);
    assert_int_equal(heard.count, 2);
    assert_int_equal(heard.alerts[0].count, 2);
    assert_int_equal(heard.alerts[0].first_seen_us, START);
    assert_int_equal(heard.alerts[0].last_seen_us, START + MINUTE + SECOND);
    assert_non_null(strstr(heard.texts[0], "sessions 0001 0002 of 2:"));
    assert_non_null(strstr(heard.texts[0], "messages: 2"));
    assert_int_equal(heard.alerts[1].count, 1);
}

static void what_makes_a_subject(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        struct said other; /* beside session 1, for mx.example.net by name, domain a.example */
        size_t alerts;
    } cases[] = {
        {"the same", {.id = 2, .sni = "mx.example.net", .helo = "out", .finds = {{.rule = STS, .severity = HIGH, .domain = "a.example"}}}, 1},
        {"name in capitals", {.id = 2, .sni = "MX.example.net", .helo = "out", .finds = {{.rule = STS, .severity = HIGH, .domain = "A.example"}}}, 1},
        {"another address of the name", {.id = 2, .server = "192.0.2.99", .sni = "mx.example.net", .helo = "out", .finds = {{.rule = STS, .severity = HIGH, .domain = "a.example"}}}, 1},
        {"another client", {.id = 2, .client = "10.9.9.9", .sni = "mx.example.net", .finds = {{.rule = STS, .severity = HIGH, .domain = "a.example"}}}, 1},
        {"another domain", {.id = 2, .sni = "mx.example.net", .helo = "out", .finds = {{.rule = STS, .severity = HIGH, .domain = "b.example"}}}, 2},
        {"another rule", {.id = 2, .sni = "mx.example.net", .helo = "out", .finds = {{.rule = MASKED, .severity = HIGH, .domain = "a.example"}}}, 2},
        {"another name", {.id = 2, .sni = "mx2.example.net", .helo = "out", .finds = {{.rule = STS, .severity = HIGH, .domain = "a.example"}}}, 2},
        {"no name", {.id = 2, .helo = "out", .finds = {{.rule = STS, .severity = HIGH, .domain = "a.example"}}}, 2},
        {"no domain", {.id = 2, .sni = "mx.example.net", .helo = "out", .finds = {{.rule = STS, .severity = HIGH}}}, 2},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct said said[2] = {{.id = 1, .at_us = START, .sni = "mx.example.net", .helo = "out", .finds = {{.rule = STS, .severity = HIGH, .domain = "a.example"}}}, cases[i].other};
        struct heard heard;
        said[1].at_us = START + MINUTE;
        judge(said, NULL, 2, &heard);
        if (heard.count != cases[i].alerts)
            fail_msg("%s: %zu alerts", cases[i].what, heard.count);
    }
}

static void clients_are_told_apart_where_the_rule_is_about_them(void **state)
{
    (void)state;
    static const struct said said[] = {
        {.id = 1, .at_us = START, .helo = "a", .finds = {{.rule = UNUSED, .severity = LOW}, {.rule = OFFERED, .severity = INFO}}},
        {.id = 2, .at_us = START, .helo = "b", .finds = {{.rule = UNUSED, .severity = LOW}, {.rule = OFFERED, .severity = INFO}}},
        {.id = 3, .at_us = START, .helo = "b", .client = "10.1.0.26", .finds = {{.rule = UNUSED, .severity = LOW}, {.rule = OFFERED, .severity = INFO}}},
        {.id = 4, .at_us = START, .helo = "B", .client = "10.1.0.26", .finds = {{.rule = UNUSED, .severity = LOW}, {.rule = OFFERED, .severity = INFO}}},
    };
    struct heard heard;
    judge(said, NULL, 4, &heard);
    assert_int_equal(heard.count, 4);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(heard.alerts[i].rule, UNUSED);
        assert_int_equal(heard.alerts[i].count, heard.alerts[i].sessions.total);
    }
    assert_int_equal(heard.alerts[0].count + heard.alerts[1].count + heard.alerts[2].count, 4);
    assert_int_equal(heard.alerts[3].count, 4);
}

static void a_quiet_day_ends_an_alert(void **state)
{
    (void)state;
    static const struct said said[] = {
        {.id = 1, .at_us = START, .finds = {{.rule = MASKED, .severity = HIGH}}},
        {.id = 2, .at_us = START + SECOND + DAY, .finds = {{.rule = MASKED, .severity = HIGH}}},
        {.id = 3, .at_us = START + 2 * SECOND + 2 * DAY + 1, .finds = {{.rule = MASKED, .severity = HIGH}}},
    };
    struct heard heard;
    judge(said, NULL, 3, &heard);
    assert_int_equal(heard.count, 2);
    assert_int_equal(heard.alerts[0].count, 2);
    assert_int_equal(heard.alerts[1].count, 1);
    assert_int_not_equal(heard.alerts[0].alert_id, heard.alerts[1].alert_id);
    assert_int_not_equal(heard.alerts[0].incident_id, heard.alerts[1].incident_id);
}

/* Lasting tampering stays one open alert, however long the pauses. */
static void a_lost_baseline_never_ends_an_alert(void **state)
{
    (void)state;
    static const struct said said[] = {
        {.id = 1, .at_us = START, .finds = {{.rule = MASKED, .severity = MEDIUM}}},
        {.id = 2, .at_us = START + 5 * DAY, .finds = {{.rule = MASKED, .severity = HIGH, .is_lost = true}}},
        {.id = 3, .at_us = START + 9 * DAY, .finds = {{.rule = MASKED, .severity = HIGH, .is_lost = true}}},
    };
    struct heard heard, told = {.count = 0};
    judge(said, NULL, 3, &heard);
    assert_int_equal(heard.count, 1);
    assert_int_equal(heard.alerts[0].count, 3);

    struct mxt_alerts *alerts = make(&MXT_ALERTS_LIMITS_DEFAULT, &told);
    for (size_t i = 0; i < COUNT(said); i++)
        take(alerts, &said[i]);
    assert_int_equal(told.count, 1);
    mxt_alerts_free(alerts);
}

static const struct said history[] = {
    {.id = 1, .at_us = START, .finds = {{.rule = MASKED, .severity = MEDIUM}, {.rule = OFFERED, .severity = INFO}}},
    {.id = 2, .at_us = START + DAY / 2, .finds = {{.rule = MASKED, .severity = HIGH}}},
    {.id = 3, .at_us = START + DAY, .finds = {{.rule = OFFERED, .severity = INFO}, {.rule = STS, .severity = HIGH, .domain = "a.example"}}},
    {.id = 4, .at_us = START + 3 * DAY, .finds = {{.rule = MASKED, .severity = HIGH, .is_lost = true}}},
    {.id = 5, .at_us = START + 3 * DAY, .finds = {{.rule = MASKED, .severity = HIGH}, {.rule = OFFERED, .severity = LOW}}},
    {.id = 6, .at_us = START + 3 * DAY, .server = "192.0.2.26", .finds = {{.rule = UNUSED, .severity = LOW}}},
};

/* Visits all orders of 0..n-1 (Heap's algorithm). */
static void permute(size_t *order, size_t n, void (*visit)(const size_t *order, void *context), void *context)
{
    if (n == 1) {
        visit(order, context);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        permute(order, n - 1, visit, context);
        size_t j = n % 2 == 0 ? i : 0, kept = order[j];
        order[j] = order[n - 1];
        order[n - 1] = kept;
    }
}

static void compare_with(const size_t *order, void *context)
{
    const struct heard *expected = context;
    struct heard heard;
    judge(history, order, COUNT(history), &heard);
    assert_int_equal(heard.count, expected->count);
    for (size_t i = 0; i < heard.count; i++)
        assert_string_equal(heard.texts[i], expected->texts[i]);
}

static void any_order_gives_the_same_alerts(void **state)
{
    (void)state;
    size_t order[COUNT(history)];
    struct heard expected;
    for (size_t i = 0; i < COUNT(history); i++)
        order[i] = i;
    judge(history, NULL, COUNT(history), &expected);
    assert_int_equal(expected.count, 5);
    permute(order, COUNT(history), compare_with, &expected);
}

/* Later snapshots and judging again replace; what came in between leaves no trace. */
static void what_is_said_again_replaces(void **state)
{
    (void)state;
    struct heard once, again;
    judge(history, NULL, COUNT(history), &once);
    struct mxt_alerts *alerts = make(&MXT_ALERTS_LIMITS_DEFAULT, NULL);
    for (size_t i = 0; i < COUNT(history); i++) {
        struct said first = history[i];
        first.finds[0].rule = i % 2 == 0 ? UNUSED : STS;
        first.finds[0].severity = HIGH;
        take(alerts, &first);
    }
    for (size_t i = 0; i < COUNT(history); i++)
        take(alerts, &history[i]);
    for (size_t i = COUNT(history); i-- > 0;)
        take(alerts, &history[i]);
    hear_all(alerts, &again);
    assert_int_equal(again.count, once.count);
    for (size_t i = 0; i < once.count; i++)
        assert_string_equal(again.texts[i], once.texts[i]);

    for (size_t i = 0; i < COUNT(history); i++) {
        const struct said nothing = {.id = history[i].id, .at_us = history[i].at_us};
        take(alerts, &nothing);
    }
    hear_all(alerts, &again);
    assert_int_equal(again.count, 0);
    mxt_alerts_free(alerts);
}

/* When the shown finding is withdrawn, the next one is shown. */
static void the_newest_gravest_is_shown(void **state)
{
    (void)state;
    struct heard heard;
    struct mxt_alerts *alerts = make(&MXT_ALERTS_LIMITS_DEFAULT, NULL);
    static const struct said said[] = {
        {.id = 1, .at_us = START, .finds = {{.rule = MASKED, .severity = HIGH}}},
        {.id = 2, .at_us = START + MINUTE, .finds = {{.rule = MASKED, .severity = HIGH}}},
        {.id = 3, .at_us = START + 2 * MINUTE, .finds = {{.rule = MASKED, .severity = MEDIUM}}},
    };
    for (size_t i = 0; i < COUNT(said); i++)
        take(alerts, &said[i]);
    hear_all(alerts, &heard);
    assert_non_null(strstr(heard.texts[0], "messages: 2"));
    assert_non_null(strstr(heard.texts[0], "sessions 0001 0002 0003 of 3"));
    const struct said nothing = {.id = 2, .at_us = START + MINUTE};
    take(alerts, &nothing);
    hear_all(alerts, &heard);
    assert_non_null(strstr(heard.texts[0], "messages: 1"));
    const struct said nothing_either = {.id = 1, .at_us = START};
    take(alerts, &nothing_either);
    hear_all(alerts, &heard);
    assert_int_equal(heard.count, 1);
    assert_int_equal(heard.alerts[0].severity, MEDIUM);
    assert_int_equal(heard.alerts[0].count, 1);
    mxt_alerts_free(alerts);
}

static void incidents_join_what_shares_a_session(void **state)
{
    (void)state;
    static const struct said said[] = {
        {.id = 1, .at_us = START, .finds = {{.rule = UNUSED, .severity = LOW}, {.rule = OFFERED, .severity = INFO}}},
        {.id = 2, .at_us = START + MINUTE, .finds = {{.rule = OFFERED, .severity = INFO}, {.rule = STS, .severity = HIGH, .domain = "a.example"}}},
        {.id = 3, .at_us = START, .server = "192.0.2.26", .finds = {{.rule = MASKED, .severity = MEDIUM}}},
    };
    struct heard heard;
    judge(said, NULL, 3, &heard);
    assert_int_equal(heard.count, 4);
    assert_int_equal(heard.alerts[0].rule, STS);
    assert_int_equal(heard.alerts[1].rule, UNUSED);
    assert_int_equal(heard.alerts[2].rule, OFFERED);
    assert_int_equal(heard.alerts[3].rule, MASKED);
    assert_int_equal(heard.alerts[0].incident_id, heard.alerts[1].incident_id);
    assert_int_equal(heard.alerts[0].incident_id, heard.alerts[2].incident_id);
    assert_int_not_equal(heard.alerts[0].incident_id, heard.alerts[3].incident_id);
}

static void a_fallback_belongs_to_what_failed_before(void **state)
{
    (void)state;
    static const struct said said[] = {
        {.id = 0xabc, .at_us = START, .finds = {{.rule = MXT_RULE_STARTTLS_HANDSHAKE_ABORTED, .severity = MEDIUM}}},
        {.id = 0xabd, .at_us = START + MINUTE, .finds = {{.rule = MXT_RULE_STARTTLS_FALLBACK, .severity = HIGH, .failed = "0000000000000abc"}}},
        {.id = 0xabe, .at_us = START + MINUTE, .server = "192.0.2.26", .finds = {{.rule = MXT_RULE_STARTTLS_FALLBACK, .severity = HIGH, .failed = "0000000000000fff"}}},
    };
    struct heard heard, told = {.count = 0};
    struct mxt_alerts *alerts = make(&MXT_ALERTS_LIMITS_DEFAULT, &told);
    for (size_t i = 0; i < COUNT(said); i++)
        take(alerts, &said[i]);
    assert_int_equal(told.count, 3);
    assert_int_equal(told.alerts[0].incident_id, told.alerts[1].incident_id);
    assert_int_not_equal(told.alerts[0].incident_id, told.alerts[2].incident_id);
    mxt_alerts_free(alerts);
    judge(said, NULL, COUNT(said), &heard);
    assert_int_equal(heard.alerts[0].incident_id, heard.alerts[1].incident_id);
    assert_int_equal(heard.alerts[1].rule, MXT_RULE_STARTTLS_HANDSHAKE_ABORTED);
    assert_int_not_equal(heard.alerts[0].incident_id, heard.alerts[2].incident_id);
}

static void told_when_raised_graver_and_withdrawn(void **state)
{
    (void)state;
    struct heard told = {.count = 0};
    struct mxt_alerts *alerts = make(&MXT_ALERTS_LIMITS_DEFAULT, &told);
    static const struct said said[] = {
        {.id = 1, .at_us = START, .finds = {{.rule = MASKED, .severity = MEDIUM}}},
        {.id = 2, .at_us = START + MINUTE, .finds = {{.rule = MASKED, .severity = MEDIUM}}},
        {.id = 3, .at_us = START + 2 * MINUTE, .finds = {{.rule = MASKED, .severity = HIGH}}},
        {.id = 4, .at_us = START + 3 * MINUTE, .finds = {{.rule = MASKED, .severity = MEDIUM}}},
    };
    for (size_t i = 0; i < COUNT(said); i++)
        take(alerts, &said[i]);
    assert_int_equal(told.count, 2);
    assert_int_equal(told.alerts[0].severity, MEDIUM);
    assert_int_equal(told.alerts[1].severity, HIGH);
    assert_int_equal(told.alerts[1].count, 3);
    assert_int_equal(told.alerts[0].alert_id, told.alerts[1].alert_id);

    /* An earlier session that comes late would give another id; what was told keeps its own. */
    const struct said early = {.id = 9, .at_us = START - MINUTE, .finds = {{.rule = MASKED, .severity = MEDIUM}}};
    take(alerts, &early);
    struct heard heard;
    hear_all(alerts, &heard);
    assert_int_equal(heard.alerts[0].alert_id, told.alerts[0].alert_id);
    assert_int_equal(heard.alerts[0].incident_id, told.alerts[0].incident_id);

    const uint64_t ids[] = {1, 2, 9, 4, 3};
    for (size_t i = 0; i < COUNT(ids); i++) {
        assert_int_equal(told.count, 2);
        const struct said nothing = {.id = ids[i], .at_us = START};
        take(alerts, &nothing);
    }
    assert_int_equal(told.count, 3);
    assert_int_equal(told.alerts[2].count, 0);
    assert_int_equal(told.alerts[2].alert_id, told.alerts[0].alert_id);
    assert_int_equal(told.alerts[2].severity, HIGH);
    mxt_alerts_free(alerts);
}

static void told_alerts_of_a_session_share_their_incident(void **state)
{
    (void)state;
    struct heard told = {.count = 0};
    struct mxt_alerts *alerts = make(&MXT_ALERTS_LIMITS_DEFAULT, &told);
    static const struct said said[] = {
        {.id = 1, .at_us = START, .finds = {{.rule = UNUSED, .severity = LOW}}},
        {.id = 2, .at_us = START + MINUTE, .finds = {{.rule = UNUSED, .severity = LOW}, {.rule = STS, .severity = HIGH, .domain = "a.example"}}},
        {.id = 3, .at_us = START + 5 * DAY, .finds = {{.rule = UNUSED, .severity = LOW}}},
    };
    for (size_t i = 0; i < COUNT(said); i++)
        take(alerts, &said[i]);
    assert_int_equal(told.count, 3);
    assert_int_equal(told.alerts[0].incident_id, told.alerts[1].incident_id);
    assert_int_not_equal(told.alerts[0].incident_id, told.alerts[2].incident_id);
    assert_int_not_equal(told.alerts[0].alert_id, told.alerts[2].alert_id);
    mxt_alerts_free(alerts);
}

static void leading_sessions_have_stories(void **state)
{
    (void)state;
    struct mxt_alerts *alerts = make(&MXT_ALERTS_LIMITS_DEFAULT, NULL);
    static const struct said said[] = {
        {.id = 1, .at_us = START, .finds = {{.rule = MASKED, .severity = MEDIUM}}},
        {.id = 2, .at_us = START + MINUTE, .finds = {{.rule = MASKED, .severity = MEDIUM}, {.rule = OFFERED, .severity = INFO}}},
        {.id = 3, .at_us = START + 2 * MINUTE, .finds = {{.rule = MASKED, .severity = HIGH}}},
        {.id = 4, .at_us = START + 3 * MINUTE, .finds = {{.rule = MASKED, .severity = HIGH}, {.rule = OFFERED, .severity = INFO}}},
        {.id = 5, .at_us = START + 4 * MINUTE},
    };
    static const struct {
        bool is_leading;
        enum mxt_severity severity;
    } expected[] = {{true, MEDIUM}, {true, MEDIUM}, {true, HIGH}, {false, HIGH}, {false, MXT_SEVERITY_NONE}};
    for (size_t i = 0; i < COUNT(said); i++) {
        take(alerts, &said[i]);
        assert_int_equal(mxt_alerts_is_leading(alerts, said[i].id), expected[i].is_leading);
        assert_int_equal(mxt_alerts_session_severity(alerts, said[i].id), expected[i].severity);
    }
    mxt_alerts_free(alerts);
}

static void off_and_graded_anew(void **state)
{
    (void)state;
    static const struct said said[] = {{.id = 1, .at_us = START, .finds = {{.rule = MASKED, .severity = HIGH}, {.rule = UNUSED, .severity = LOW}, {.rule = OFFERED, .severity = INFO}}}};
    struct heard heard;
    config.is_off[MASKED] = true;
    config.regraded[UNUSED] = MXT_SEVERITY_CRITICAL;
    struct mxt_alerts *alerts = make(&MXT_ALERTS_LIMITS_DEFAULT, NULL);
    take(alerts, &said[0]);
    take(alerts, &said[0]);
    hear_all(alerts, &heard);
    assert_int_equal(heard.count, 2);
    assert_int_equal(heard.alerts[0].rule, UNUSED);
    assert_int_equal(heard.alerts[0].severity, MXT_SEVERITY_CRITICAL);
    assert_int_equal(mxt_alerts_counters(alerts).suppressed, 1);
    mxt_alerts_free(alerts);
}

static void suppressions_match_all_that_they_name(void **state)
{
    (void)state;
    const struct said said = {.id = 1, .at_us = START, .sni = "mx.example.net", .finds = {{.rule = STS, .severity = HIGH, .domain = "a.example"}}};
    static const struct {
        const char *what, *network;
        unsigned prefix;
        struct mxt_suppression suppression;
        size_t alerts;
    } cases[] = {
        {"everything", NULL, 0, {.rule = MXT_RULE_NONE}, 0},
        {"the rule", NULL, 0, {.rule = STS}, 0},
        {"another rule", NULL, 0, {.rule = MASKED}, 1},
        {"the server by name", NULL, 0, {.server = "MX.example.net"}, 0},
        {"the server by address", NULL, 0, {.server = "192.0.2.25:25"}, 0},
        {"another port", NULL, 0, {.server = "192.0.2.25:587"}, 1},
        {"another server", NULL, 0, {.server = "mx.example.org"}, 1},
        {"the domain", NULL, 0, {.domain = "A.example"}, 0},
        {"another domain", NULL, 0, {.domain = "b.example"}, 1},
        {"the client's network", "10.1.0.0", 96 + 16, {.rule = MXT_RULE_NONE}, 0},
        {"the server's network", "192.0.2.0", 96 + 24, {.rule = MXT_RULE_NONE}, 0},
        {"another network", "10.2.0.0", 96 + 16, {.rule = MXT_RULE_NONE}, 1},
        {"not yet expired", NULL, 0, {.rule = STS, .until_us = START + 1}, 0},
        {"expired", NULL, 0, {.rule = STS, .until_us = START}, 1},
        {"rule right, domain wrong", NULL, 0, {.rule = STS, .domain = "b.example"}, 1},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct mxt_suppression suppression = cases[i].suppression;
        struct heard heard;
        if (cases[i].network != NULL) {
            suppression.has_network = true;
            suppression.network.prefix = cases[i].prefix;
            assert_int_equal(mxt_address_parse(cases[i].network, &suppression.network.address), MXT_OK);
        }
        config.suppressions = &suppression;
        config.suppression_count = 1;
        struct mxt_alerts *alerts = make(&MXT_ALERTS_LIMITS_DEFAULT, NULL);
        take(alerts, &said);
        hear_all(alerts, &heard);
        if (heard.count != cases[i].alerts || mxt_alerts_counters(alerts).suppressed != 1 - cases[i].alerts)
            fail_msg("%s: %zu alerts", cases[i].what, heard.count);
        mxt_alerts_free(alerts);
    }
    config.suppression_count = 0;
}

/* Beyond the bound sessions are folded: counts, ends, severity and evidence stay. */
static void forgotten_sessions_still_count(void **state)
{
    (void)state;
    struct mxt_alerts_limits limits = MXT_ALERTS_LIMITS_DEFAULT;
    struct heard heard;
    limits.sessions = 3;
    limits.sessions_shown = 2;
    struct mxt_alerts *alerts = make(&limits, NULL);
    for (unsigned i = 0; i < 50; i++) {
        const struct said said = {.id = i + 1, .at_us = START + i * MINUTE, .finds = {{.rule = MASKED, .severity = i == 7 ? HIGH : MEDIUM}}};
        take(alerts, &said);
    }
    const struct said later = {.id = 99, .at_us = START + 3 * DAY, .finds = {{.rule = MASKED, .severity = LOW}}};
    take(alerts, &later);
    hear_all(alerts, &heard);
    assert_int_equal(heard.count, 2);
    assert_int_equal(heard.alerts[0].count, 50);
    assert_int_equal(heard.alerts[0].severity, HIGH);
    assert_int_equal(heard.alerts[0].first_seen_us, START);
    assert_int_equal(heard.alerts[0].last_seen_us, START + 49 * MINUTE + SECOND);
    assert_int_equal(heard.alerts[0].sessions.count, 2);
    assert_int_equal(heard.alerts[0].sessions.total, 50);
    assert_non_null(strstr(heard.texts[0], "messages: 8"));
    assert_int_equal(heard.alerts[1].count, 1);
    assert_int_equal(mxt_alerts_counters(alerts).folded, 48);
    mxt_alerts_free(alerts);
}

static void the_least_important_subjects_are_dropped(void **state)
{
    (void)state;
    static const char *const servers[] = {"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5"};
    struct mxt_alerts_limits limits = MXT_ALERTS_LIMITS_DEFAULT;
    struct heard heard;
    limits.subjects = 3;
    struct mxt_alerts *alerts = make(&limits, NULL);
    for (unsigned i = 0; i < COUNT(servers); i++) {
        const struct said said = {.id = i + 1, .at_us = i == 0 ? START - 9 * DAY : START, .server = servers[i], .finds = {{.rule = MASKED, .severity = i == 1 ? LOW : HIGH}}};
        take(alerts, &said);
    }
    const struct said next = {.id = 9, .at_us = START, .server = "192.0.2.5", .finds = {{.rule = MASKED, .severity = HIGH}}};
    take(alerts, &next);
    hear_all(alerts, &heard);
    assert_int_equal(mxt_alerts_counters(alerts).dropped, 2);
    assert_int_equal(heard.count, 3);
    for (size_t i = 0; i < heard.count; i++)
        assert_int_equal(heard.alerts[i].severity, HIGH);
    mxt_alerts_free(alerts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(one_alert_for_a_rule_and_subject, reset),
        cmocka_unit_test_setup(what_makes_a_subject, reset),
        cmocka_unit_test_setup(clients_are_told_apart_where_the_rule_is_about_them, reset),
        cmocka_unit_test_setup(a_quiet_day_ends_an_alert, reset),
        cmocka_unit_test_setup(a_lost_baseline_never_ends_an_alert, reset),
        cmocka_unit_test_setup(any_order_gives_the_same_alerts, reset),
        cmocka_unit_test_setup(what_is_said_again_replaces, reset),
        cmocka_unit_test_setup(the_newest_gravest_is_shown, reset),
        cmocka_unit_test_setup(incidents_join_what_shares_a_session, reset),
        cmocka_unit_test_setup(a_fallback_belongs_to_what_failed_before, reset),
        cmocka_unit_test_setup(told_when_raised_graver_and_withdrawn, reset),
        cmocka_unit_test_setup(told_alerts_of_a_session_share_their_incident, reset),
        cmocka_unit_test_setup(leading_sessions_have_stories, reset),
        cmocka_unit_test_setup(off_and_graded_anew, reset),
        cmocka_unit_test_setup(suppressions_match_all_that_they_name, reset),
        cmocka_unit_test_setup(forgotten_sessions_still_count, reset),
        cmocka_unit_test_setup(the_least_important_subjects_are_dropped, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
