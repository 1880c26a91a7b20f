/* Alerts of findings: every rule is raised once, so that no text stays without its facts. */
#include <stdlib.h>

#include "rules/alert_parts.h"
#include "rules/split_view.h"
#include "rules/watch.h"
#include "scene.h"

#define N     MXT_NO
#define Y     MXT_YES
#define KEY_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" /* digests of keys */
#define KEY_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define HOUR  (3600 * SECOND)
#define MAIL  .exposed = 1, .content = Y, .hop = MXT_HOP_OUTBOUND, .recipients = {"bob@example.net"}
#define SHOWN .has_tls = true, .outcome = MXT_TLS_ESTABLISHED, .visible = Y, .sni = "mx.example.net", .names = {"mx.example.net"}

/* What makes a rule speak. */
struct cause {
    enum mxt_rule rule;
    struct facts facts;
};

/* Of a session an hour earlier, where a rule needs one. */
static const struct cause before[] = {
    {MXT_RULE_STARTTLS_STRIPPED, {SHOWN, .offered = Y, .ehlo = Y, .ehlo_code = 250, .hop = MXT_HOP_OUTBOUND}},
    {MXT_RULE_CERTIFICATE_CHANGED,
     {SHOWN, .is_rsa = Y, .spki = KEY_A, .issuer = "One", .trust = MXT_TRUST_TRUSTED, .not_before = NOW - DAY, .not_after = NOW + 80 * DAY}},
};

static const struct cause raised[] = {
    {MXT_RULE_STARTTLS_STRIPPED, {.offered = N, .ehlo = Y, .ehlo_code = 250, .exposed = 1, .hop = MXT_HOP_OUTBOUND}},
    {MXT_RULE_STARTTLS_CAPABILITY_MASKED, {.masked = "XXXXXXXA", .offered = N, .exposed = 2}},
    {MXT_RULE_STARTTLS_COMMAND_MANGLED, {.mangled = "XXXXXXXX", .reply_code = 500}},
    {MXT_RULE_STARTTLS_COMMAND_REFUSED, {.offered = Y, .requested = Y, .reply_code = 454}},
    {MXT_RULE_STARTTLS_HANDSHAKE_ABORTED, {.offered = Y, .requested = Y, .reply_code = 220, .ended = "rst"}},
    {MXT_RULE_STARTTLS_FALLBACK, {.offered = Y, .requested = Y, .reply_code = 454, .exposed = 1}},
    {MXT_RULE_STARTTLS_UNUSED, {.offered = Y, .requested = N, .exposed = 1}},
    {MXT_RULE_STARTTLS_NOT_OFFERED, {.ehlo = N, .helo_code = 250, .exposed = 1}},
    {MXT_RULE_STARTTLS_INJECTION_TOSERVER, {.injected_toserver = 31}},
    {MXT_RULE_STARTTLS_INJECTION_TOCLIENT, {.injected_toclient = 31}},
    {MXT_RULE_TLS_VERSION_OBSOLETE, {SHOWN, .version = 0x0301}},
    {MXT_RULE_TLS_CIPHER_WEAK, {SHOWN, .cipher = "TLS_RSA_WITH_RC4_128_SHA"}},
    {MXT_RULE_TLS_DOWNGRADED, {SHOWN, .downgrade_sentinel = Y, .version = 0x0303, .client_max_version = 0x0304}},
    {MXT_RULE_CERTIFICATE_HOST_MISMATCH, {.has_tls = true, .visible = Y, .sni = "mx.example.net", .names = {"a.example", "b.example"}}},
    {MXT_RULE_CERTIFICATE_EXPIRED, {SHOWN, .not_after = NOW - DAY}},
    {MXT_RULE_CERTIFICATE_NOT_YET_VALID, {SHOWN, .not_before = NOW + DAY}},
    {MXT_RULE_CERTIFICATE_UNTRUSTED, {SHOWN, .trust = MXT_TRUST_INCOMPLETE}},
    {MXT_RULE_CERTIFICATE_WEAK, {SHOWN, .is_rsa = Y, .key_bits = 1024, .is_weak_signature = Y}},
    {MXT_RULE_CERTIFICATE_CHANGED, {SHOWN, .is_rsa = Y, .spki = KEY_B, .issuer = "Another", .trust = MXT_TRUST_SELF_SIGNED}},
    {MXT_RULE_MTA_STS_PLAINTEXT_DELIVERY, {MAIL, .offered = N}},
    {MXT_RULE_MTA_STS_MX_MISMATCH, {MAIL, .has_tls = true, .sni = "evil.example"}},
    {MXT_RULE_MTA_STS_CERTIFICATE_INVALID, {SHOWN, .not_after = NOW - DAY, .trust = MXT_TRUST_SELF_SIGNED}},
    {MXT_RULE_MTA_STS_TLS_OBSOLETE, {SHOWN, .version = 0x0302}},
    {MXT_RULE_AUTH_PLAINTEXT_CREDENTIALS, {.secret = Y, .attempts = 1, .mechanism = "PLAIN", .auth_code = 235}},
    {MXT_RULE_SMTP_SMUGGLING, {.mark = "\\n.\\n", .verb = "MAIL", .server_ended = Y}},
    {MXT_RULE_SMTP_OTHER_PROTOCOL, {.app_proto = "http"}},
    {MXT_RULE_TCP_CONFLICTING_OVERLAP, {.overlaps = 3}},
};

static struct mxt_judgement judge(struct scene *scene, struct mxt_memory *memory)
{
    struct mxt_knowledge knowledge = mxt_memory_knowledge(memory);
    struct mxt_judge_config config;
    struct mxt_judgement judgement;
    mxt_judge_config_init(&config);
    assert_int_equal(mxt_judge_session(&scene->record, &scene->arena, &scene->record.findings), MXT_OK);
    assert_int_equal(mxt_judge_network(&scene->record, &knowledge, &config, NOW + SECOND, &scene->arena, &judgement), MXT_OK);
    return judgement;
}

/* Lets the memory learn from a session an hour before NOW. */
static void teach(struct mxt_memory *memory, const struct facts *facts)
{
    struct scene scene;
    scene_make(&scene, facts);
    scene.record.start_us -= HOUR;
    scene.record.timestamp_us -= HOUR;
    scene.record.session_id--;
    assert_int_equal(mxt_memory_apply(memory, &(struct mxt_changes){.first = judge(&scene, memory).changes.first}), MXT_OK);
    scene_free(&scene);
}

/* The finding of a rule in a scene of these facts, as the judge hands it on. */
static const struct mxt_finding *raise(struct scene *scene, const struct facts *facts, enum mxt_rule rule)
{
    const char *policy = "version: STSv1\nmode: enforce\nmx: mx.example.net\nmax_age: 86400\n";
    struct mxt_memory *memory = mxt_memory_new();
    assert_non_null(memory);
    assert_int_equal(mxt_memory_add_policy(memory, "example.net", policy, strlen(policy), NULL, 0), MXT_OK);
    for (size_t i = 0; i < COUNT(before); i++)
        if (before[i].rule == rule)
            teach(memory, &before[i].facts);
    scene_make(scene, facts);
    const struct mxt_finding *finding = scene_find(judge(scene, memory).findings, rule);
    mxt_memory_free(memory);
    if (finding == NULL)
        fail_msg("%s is not raised", mxt_rule_info(rule)->name);
    return finding;
}

/* The alert that one finding alone would make. */
static enum mxt_status make_alert(struct mxt_arena *arena, const struct mxt_record *record, const struct mxt_finding *finding, struct mxt_alert *out)
{
    struct mxt_alert_subject subject;
    mxt_alert_subject_of(record, finding, &subject);
    *out = mxt_alert_facts(record, finding);
    out->alert_id = mxt_alert_id(subject.bytes, subject.length, record->session_id);
    out->incident_id = mxt_alert_incident_id(record->session_id);
    enum mxt_status status = mxt_alert_speak(arena, out);
    return status == MXT_OK ? mxt_alert_name_session(arena, out, record->session_id, 1) : status;
}

static struct mxt_alert alert_of(struct scene *scene, const struct facts *facts, enum mxt_rule rule)
{
    struct mxt_alert alert;
    assert_int_equal(make_alert(&scene->arena, &scene->record, raise(scene, facts, rule), &alert), MXT_OK);
    return alert;
}

static void check_text(const char *name, const char *text)
{
    if (strstr(text, "(unknown)") != NULL || strpbrk(text, "{}[]") != NULL || strstr(text, "  ") != NULL)
        fail_msg("%s: %s", name, text);
    if (getenv("MXTAP_SHOW_TEXTS") != NULL)
        print_message("%s: %s\n", name, text);
}

static void check_texts(const struct mxt_alert *alert)
{
    const char *name = mxt_rule_info(alert->rule)->name;
    check_text(name, alert->explanation);
    check_text(name, alert->remedy);
}

static bool is_about_sensor(enum mxt_rule rule)
{
    return rule >= MXT_RULE_SENSOR_PACKET_LOSS && rule <= MXT_RULE_SENSOR_REJECTED;
}

static void every_rule_speaks_in_whole_sentences(void **state)
{
    (void)state;
    size_t count;
    const struct mxt_rule_info *rules = mxt_rule_catalogue(&count);
    size_t next = 0;
    for (size_t i = 0; i < count; i++) {
        if (rules[i].rule == MXT_RULE_STARTTLS_SPLIT_VIEW || is_about_sensor(rules[i].rule))
            continue; /* the next tests */
        assert_true(next < COUNT(raised));
        assert_int_equal(raised[next].rule, rules[i].rule);
        struct scene scene;
        struct mxt_alert alert = alert_of(&scene, &raised[next].facts, raised[next].rule);
        check_texts(&alert);
        assert_int_equal(alert.rule, raised[next++].rule);
        scene_free(&scene);
    }
    assert_int_equal(next, COUNT(raised));
}

static void two_views_speak_in_whole_sentences(void **state)
{
    (void)state;
    const struct facts here = {.offered = Y, .requested = N, .exposed = 1}, there = {.offered = N, .requested = N, .exposed = 1};
    struct scene first, second;
    struct mxt_finding *findings = NULL;
    struct mxt_alert alert;
    scene_make(&first, &here);
    scene_make(&second, &there);
    first.record.sensor = "inside";
    second.record.sensor = "outside";
    const struct mxt_record *const records[] = {&first.record, &second.record};
    assert_int_equal(mxt_split_view_judge(records, 2, &first.arena, &findings), MXT_OK);
    assert_non_null(findings);
    assert_int_equal(make_alert(&first.arena, &first.record, findings, &alert), MXT_OK);
    check_texts(&alert);
    scene_free(&first);
    scene_free(&second);
}

static void sensors_speak_in_whole_sentences(void **state)
{
    (void)state;
    for (enum mxt_rule rule = MXT_RULE_SENSOR_PACKET_LOSS; is_about_sensor(rule); rule++) {
        const struct mxt_watch_finding finding = {.rule = rule, .since_us = NOW, .until_us = NOW + HOUR, .count = 5, .of = 100, .lost = 1};
        struct mxt_arena arena = {0};
        struct mxt_record record;
        struct mxt_alert alert, other;
        assert_int_equal(mxt_watch_record(&finding, "edge-1", "no event", &arena, &record), MXT_OK);
        assert_int_equal(make_alert(&arena, &record, record.findings, &alert), MXT_OK);
        check_texts(&alert);
        assert_int_equal(alert.last_seen_us - alert.first_seen_us, HOUR);
        assert_int_equal(mxt_watch_record(&finding, "edge-2", NULL, &arena, &record), MXT_OK);
        assert_int_equal(make_alert(&arena, &record, record.findings, &other), MXT_OK);
        check_texts(&other);
        assert_int_not_equal(alert.alert_id, other.alert_id);
        mxt_arena_free(&arena);
    }
}

static void an_alert_says_who_when_and_what(void **state)
{
    (void)state;
    const struct facts facts = {MAIL, .offered = N, .banner_name = "mx.example.net"};
    struct scene scene;
    struct mxt_alert alert = alert_of(&scene, &facts, MXT_RULE_MTA_STS_PLAINTEXT_DELIVERY);
    assert_int_equal(alert.severity, MXT_SEVERITY_CRITICAL);
    assert_string_equal(alert.domain, "example.net");
    assert_string_equal(alert.server_name, "mx.example.net");
    assert_string_equal(alert.result_type, "starttls-not-supported");
    assert_string_equal(alert.sessions.items[0], "0123456789abcdef");
    assert_int_equal(alert.sessions.count, 1);
    assert_int_equal(alert.count, 1);
    assert_int_equal(alert.first_seen_us, NOW);
    assert_int_equal(alert.last_seen_us, NOW + SECOND);
    assert_int_equal(alert.timestamp_us, NOW + SECOND);
    assert_int_equal(alert.dest_port, 25);
    assert_int_equal(alert.hop, MXT_HOP_OUTBOUND);
    assert_memory_equal(&alert.src_ip, &scene.record.src_ip, sizeof alert.src_ip);
    assert_string_equal(alert.explanation,
                        "10.1.0.25 sent mail for example.net in the clear (messages: 1) to 192.0.2.25:25 (mx.example.net), although the domain's "
                        "MTA-STS policy (mode enforce) asks for TLS. STARTTLS: not offered.");
    scene_free(&scene);
}

/* What is not known is not spoken of; IPv6 addresses are told from their ports. */
static void parts_without_facts_fall_away(void **state)
{
    (void)state;
    const struct facts facts = {.offered = Y, .requested = N, .exposed = 1};
    struct scene scene;
    const struct mxt_finding *finding = raise(&scene, &facts, MXT_RULE_STARTTLS_UNUSED);
    assert_int_equal(mxt_address_parse("2001:db8::25", &scene.record.dest_ip), MXT_OK);
    struct mxt_alert alert;
    assert_int_equal(make_alert(&scene.arena, &scene.record, finding, &alert), MXT_OK);
    assert_null(alert.server_name);
    assert_string_equal(alert.explanation, "[2001:db8::25]:25 offers encryption, 10.1.0.25 never asked for it and sent mail in the clear (messages: 1).");
    scene_free(&scene);
}

/* Lists are told in part, and what stands in evidence is never taken for a template. */
static void evidence_is_only_text(void **state)
{
    (void)state;
    const struct facts facts = {.masked = "{client}[x]XXXX", .offered = N};
    struct scene scene;
    struct mxt_alert alert = alert_of(&scene, &facts, MXT_RULE_STARTTLS_CAPABILITY_MASKED);
    assert_non_null(strstr(alert.explanation, "\"{client}[x]XXXX\""));
    scene_free(&scene);

    const struct facts verbs = {.injected_toserver = 9};
    const struct mxt_finding *finding;
    scene_make(&scene, &verbs);
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(mxt_text_list_add(&scene.smtp.starttls.injected_verbs, &scene.arena, "NOOP", 16), MXT_OK);
    struct mxt_finding *findings = NULL;
    assert_int_equal(mxt_judge_session(&scene.record, &scene.arena, &findings), MXT_OK);
    finding = scene_find(findings, MXT_RULE_STARTTLS_INJECTION_TOSERVER);
    assert_int_equal(make_alert(&scene.arena, &scene.record, finding, &alert), MXT_OK);
    assert_non_null(strstr(alert.explanation, "(9 bytes: NOOP, NOOP, NOOP, NOOP, NOOP, NOOP, NOOP, NOOP, ...)"));
    scene_free(&scene);
}

static void ids_are_stable_and_tell_apart(void **state)
{
    (void)state;
    const struct facts facts = {.masked = "XXXXXXXA", .mangled = "XXXXXXXX", .reply_code = 500};
    struct scene scene, again;
    struct mxt_alert first = alert_of(&scene, &facts, MXT_RULE_STARTTLS_CAPABILITY_MASKED);
    struct mxt_alert same = alert_of(&again, &facts, MXT_RULE_STARTTLS_CAPABILITY_MASKED);
    assert_int_equal(first.alert_id, same.alert_id);
    assert_int_equal(first.incident_id, same.incident_id);
    scene_free(&again);

    struct mxt_alert other = alert_of(&again, &facts, MXT_RULE_STARTTLS_COMMAND_MANGLED);
    assert_int_not_equal(first.alert_id, other.alert_id);
    assert_int_equal(first.incident_id, other.incident_id);

    struct mxt_finding finding = {.rule = MXT_RULE_STARTTLS_COMMAND_MANGLED, .severity = MXT_SEVERITY_HIGH, .domain = "example.net"};
    struct mxt_alert changed;
    assert_int_equal(make_alert(&again.arena, &again.record, &finding, &changed), MXT_OK);
    assert_int_not_equal(changed.alert_id, other.alert_id);
    finding.domain = NULL;
    again.record.dest_port = 26;
    assert_int_equal(make_alert(&again.arena, &again.record, &finding, &changed), MXT_OK);
    assert_int_not_equal(changed.alert_id, other.alert_id);
    again.record.dest_port = 25;
    again.record.session_id++;
    assert_int_equal(make_alert(&again.arena, &again.record, &finding, &changed), MXT_OK);
    assert_int_not_equal(changed.alert_id, other.alert_id);
    assert_int_not_equal(changed.incident_id, other.incident_id);
    scene_free(&scene);
    scene_free(&again);
}

static void refused_memory_is_told(void **state)
{
    (void)state;
    const struct facts facts = {.offered = Y, .requested = N, .exposed = 1};
    uint32_t refusals = 0;
    for (uint32_t fail_at = 1;; fail_at++) {
        struct scene scene;
        const struct mxt_finding *finding = raise(&scene, &facts, MXT_RULE_STARTTLS_UNUSED);
        struct mxt_alert alert;
        scene.arena.fail_at = fail_at;
        enum mxt_status status = make_alert(&scene.arena, &scene.record, finding, &alert);
        bool has_refused = scene.arena.failures > 0;
        assert_int_equal(status, has_refused ? MXT_ENOMEM : MXT_OK);
        scene_free(&scene);
        if (!has_refused)
            break;
        refusals++;
    }
    assert_int_equal(refusals, 4);
}

/* What is packed comes back, every kind of evidence, whatever refuses on the way. */
static void packed_alerts_are_whole(void **state)
{
    (void)state;
    const char *items[] = {"a", "", "ccc"};
    const struct mxt_evidence evidence[] = {
        {.key = "text", .type = MXT_EVIDENCE_TEXT, .text = "", .next = (struct mxt_evidence *)&evidence[1]},
        {.key = "number", .type = MXT_EVIDENCE_NUMBER, .number = INT64_MIN, .next = (struct mxt_evidence *)&evidence[2]},
        {.key = "list", .type = MXT_EVIDENCE_LIST, .list = {.items = items, .count = 3, .total = 70000}, .next = (struct mxt_evidence *)&evidence[3]},
        {.key = "nothing", .type = MXT_EVIDENCE_LIST, .next = (struct mxt_evidence *)&evidence[4]},
        {.key = "bool", .type = MXT_EVIDENCE_BOOL, .number = 1},
    };
    const struct mxt_alert facts = {.timestamp_us = NOW,
                                    .sensor = "edge",
                                    .src_port = 65535,
                                    .dest_port = 25,
                                    .hop = MXT_HOP_TRANSIT,
                                    .rule = MXT_RULE_TLS_DOWNGRADED,
                                    .severity = MXT_SEVERITY_CRITICAL,
                                    .domain = "",
                                    .server_name = NULL,
                                    .result_type = "x",
                                    .evidence = evidence};
    struct mxt_alert_packed *packed = mxt_alert_pack(&facts);
    struct mxt_arena arena = {.fail_at = 1};
    struct mxt_alert out;
    assert_non_null(packed);
    assert_int_equal(mxt_alert_unpack(&arena, packed, &out), MXT_ENOMEM);
    arena.fail_at = 2;
    assert_int_equal(mxt_alert_unpack(&arena, packed, &out), MXT_ENOMEM);
    assert_int_equal(mxt_alert_unpack(&arena, packed, &out), MXT_OK);
    assert_int_equal(out.timestamp_us, NOW);
    assert_string_equal(out.sensor, "edge");
    assert_null(out.community_id);
    assert_string_equal(out.domain, "");
    assert_null(out.server_name);
    assert_string_equal(out.result_type, "x");
    assert_int_equal(out.src_port, 65535);
    assert_int_equal(out.hop, MXT_HOP_TRANSIT);
    assert_int_equal(out.rule, MXT_RULE_TLS_DOWNGRADED);
    assert_int_equal(out.severity, MXT_SEVERITY_CRITICAL);
    const struct mxt_evidence *found = out.evidence;
    for (size_t i = 0; i < COUNT(evidence); i++, found = found->next) {
        assert_string_equal(found->key, evidence[i].key);
        assert_int_equal(found->type, evidence[i].type);
        assert_int_equal(found->number, evidence[i].number);
        assert_int_equal(found->list.total, evidence[i].list.total);
        assert_int_equal(found->list.count, evidence[i].list.count);
        for (uint16_t j = 0; j < found->list.count; j++)
            assert_string_equal(found->list.items[j], items[j]);
    }
    assert_null(found);
    mxt_arena_free(&arena);
    free(packed);
}

static void severities_are_those_of_eve(void **state)
{
    (void)state;
    assert_int_equal(mxt_alert_eve_severity(MXT_SEVERITY_CRITICAL), 1);
    assert_int_equal(mxt_alert_eve_severity(MXT_SEVERITY_HIGH), 1);
    assert_int_equal(mxt_alert_eve_severity(MXT_SEVERITY_MEDIUM), 2);
    assert_int_equal(mxt_alert_eve_severity(MXT_SEVERITY_LOW), 3);
    assert_int_equal(mxt_alert_eve_severity(MXT_SEVERITY_INFO), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_rule_speaks_in_whole_sentences),
        cmocka_unit_test(two_views_speak_in_whole_sentences),
        cmocka_unit_test(sensors_speak_in_whole_sentences),
        cmocka_unit_test(an_alert_says_who_when_and_what),
        cmocka_unit_test(parts_without_facts_fall_away),
        cmocka_unit_test(evidence_is_only_text),
        cmocka_unit_test(ids_are_stable_and_tell_apart),
        cmocka_unit_test(refused_memory_is_told),
        cmocka_unit_test(packed_alerts_are_whole),
        cmocka_unit_test(severities_are_those_of_eve),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
