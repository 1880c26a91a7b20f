#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/event.h"

#define MINUTE_US INT64_C(60000000)
#define START_US  (29453760 * MINUTE_US) /* 2026-01-01T00:00:00Z */

#define TEXTS(...)                                                                                                                                             \
    {                                                                                                                                                          \
        .items = (const char *[]){__VA_ARGS__}, .count = sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *),                                               \
        .total = sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)                                                                                        \
    }

static const struct mxt_address client = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1}};
static const struct mxt_address server = {{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x25}};

/* The least that a record says. */
static const char bare_text[] =
    "{\"timestamp\":\"2026-01-01T00:00:00.000000Z\",\"event_type\":\"session\",\"schema_version\":1,\"sensor\":\"edge-1\",\"session_id\":\"00000000000000ff\","
    "\"snapshot\":1,\"final\":true,\"start\":\"2026-01-01T00:00:00.000000Z\",\"duration_ms\":0,\"src_ip\":\"192.0.2.1\",\"src_port\":40112,"
    "\"dest_ip\":\"2001:db8::25\",\"dest_port\":25,\"proto\":\"TCP\",\"capture\":{\"packets\":0,\"bytes\":0,\"gap_bytes_toserver\":0,\"gap_bytes_toclient\":0,"
    "\"midstream\":false,\"one_sided\":false,\"conflicting_overlaps\":0},\"findings\":[]}";

static struct mxt_record bare_record(void)
{
    return (struct mxt_record){.timestamp_us = START_US,
                               .sensor = "edge-1",
                               .version = MXT_RECORD_VERSION,
                               .session_id = 255,
                               .snapshot = 1,
                               .final = true,
                               .start_us = START_US,
                               .src_ip = client,
                               .src_port = 40112,
                               .dest_ip = server,
                               .dest_port = 25};
}

static void assert_record_is_written_as(const struct mxt_record *record, const char *expected)
{
    struct mxt_json json = {0};
    assert_int_equal(mxt_event_encode_record(&json, record), MXT_OK);
    assert_string_equal(mxt_json_end(&json), expected);
    mxt_json_free(&json);
}

static enum mxt_status decode(const char *text, struct mxt_arena *arena, struct mxt_record *record)
{
    char error[200] = "";
    enum mxt_status status = mxt_event_decode_record(text, strlen(text), arena, record, error, sizeof error);
    if (status != MXT_OK)
        fail_msg("%s", error);
    return status;
}

/* A copy tells the same when the original is gone, and what memory refuses is told. */
static void assert_record_is_copied(const char *text)
{
    struct mxt_arena original, arena;
    struct mxt_record record, copy;
    bool is_refused = true;
    for (uint32_t fail_at = 1; is_refused; fail_at++) {
        mxt_arena_init(&original, 0);
        mxt_arena_init(&arena, 0);
        assert_int_equal(decode(text, &original, &record), MXT_OK);
        arena.fail_at = fail_at;
        enum mxt_status status = mxt_event_copy_record(&record, &arena, &copy);
        is_refused = arena.failures > 0;
        assert_int_equal(status, is_refused ? MXT_ENOMEM : MXT_OK);
        mxt_arena_free(&original);
        memset(&record, 0xa5, sizeof record);
        if (!is_refused)
            assert_record_is_written_as(&copy, text);
        mxt_arena_free(&arena);
    }
}

/* The text is read, and written again as it was; a copy likewise. */
static void assert_record_comes_back(const char *text, struct mxt_arena *arena, struct mxt_record *record)
{
    assert_int_equal(decode(text, arena, record), MXT_OK);
    assert_record_is_written_as(record, text);
    assert_record_is_copied(text);
}

static void unknown_facts_are_left_out(void **state)
{
    (void)state;
    struct mxt_record record = bare_record();
    assert_record_is_written_as(&record, bare_text);

    struct mxt_arena arena;
    mxt_arena_init(&arena, 0);
    assert_record_comes_back(bare_text, &arena, &record);
    assert_null(record.smtp);
    assert_null(record.tls);
    assert_null(record.findings);
    assert_memory_equal(&record.dest_ip, &server, sizeof server);
    mxt_arena_free(&arena);
}

/* A record with the head and tail of the bare one, and `middle` where smtp and tls stand. */
static char *with_middle(const char *middle)
{
    static const char tail[] = ",\"findings\":[]}";
    size_t head = sizeof bare_text - sizeof tail, size = sizeof bare_text + strlen(middle);
    char *text = malloc(size);
    assert_non_null(text);
    snprintf(text, size, "%.*s%s%s", (int)head, bare_text, middle, tail);
    return text;
}

static void assert_middle_is(const struct mxt_record *record, const char *middle)
{
    char *expected = with_middle(middle);
    assert_record_is_written_as(record, expected);
    struct mxt_arena arena;
    mxt_arena_init(&arena, 0);
    struct mxt_record read_back;
    assert_record_comes_back(expected, &arena, &read_back);
    mxt_arena_free(&arena);
    free(expected);
}

static void smtp_as_designed(void **state)
{
    (void)state;
    struct mxt_rejected rejected = {.rcpt = "c@example.net", .code = 550};
    struct mxt_message second = {.index = 1};
    struct mxt_message first = {.mail_from = "a@example.org",
                                .rcpt_to = TEXTS("b@example.net"),
                                .rcpt_rejected = &rejected,
                                .rcpt_rejected_total = 1,
                                .transfer = MXT_TRANSFER_DATA,
                                .bytes = 5120,
                                .exposed = MXT_YES,
                                .reply_code = 250,
                                .delivered = MXT_YES,
                                .next = &second};
    struct mxt_smuggling smuggling = {.mark = "\\n.\\n", .message = 0, .verb = "MAIL", .server_ended = MXT_NO};
    struct mxt_smtp_facts smtp = {.banner = "220 mx.example.net \"ESMTP\"",
                                  .banner_code = 220,
                                  .server_name = "mx.example.net",
                                  .helo = "out.example.org",
                                  .ehlo = MXT_YES,
                                  .ehlo_reply_code = 250,
                                  .capabilities = TEXTS("PIPELINING", "STARTTLS", "SIZE 35882577"),
                                  .has_capabilities = true,
                                  .starttls = {.offered = MXT_YES,
                                               .requested = MXT_NO,
                                               .reply_code = 220,
                                               .reply_text = "go",
                                               .masked = "XXXXXXXA",
                                               .mangled_command = "XXXXXXXX",
                                               .injected_toserver = 9,
                                               .injected_toclient = 8,
                                               .injected_verbs = TEXTS("RSET"),
                                               .before = TEXTS("EHLO")},
                                  .auth = {.mechanism = "PLAIN", .plaintext = MXT_YES, .reply_code = 235, .attempts = 1},
                                  .messages = &first,
                                  .messages_total = 2,
                                  .recipients_total = 1,
                                  .exposed_total = 1,
                                  .delivered_total = 1,
                                  .smuggling = &smuggling,
                                  .smuggling_total = 1};
    struct mxt_record record = bare_record();
    record.smtp = &smtp;
    assert_middle_is(
        &record,
        ",\"smtp\":{\"banner\":\"220 mx.example.net \\\"ESMTP\\\"\",\"banner_code\":220,\"server_name\":\"mx.example.net\",\"helo\":\"out.example.org\","
        "\"ehlo\":true,\"ehlo_reply_code\":250,\"capabilities\":[\"PIPELINING\",\"STARTTLS\",\"SIZE 35882577\"],\"starttls\":{\"offered\":true,"
        "\"requested\":false,\"reply_code\":220,\"reply_text\":\"go\",\"masked\":\"XXXXXXXA\",\"mangled_command\":\"XXXXXXXX\",\"injected_toserver\":9,"
        "\"injected_toclient\":8,\"injected_verbs\":[\"RSET\"],\"before\":[\"EHLO\"]},\"auth\":{\"mechanism\":\"PLAIN\",\"plaintext\":true,"
        "\"reply_code\":235,\"attempts\":1},\"messages\":[{\"index\":0,\"mail_from\":\"a@example.org\",\"rcpt_to\":[\"b@example.net\"],\"rcpt_rejected\":"
        "[{\"rcpt\":\"c@example.net\",\"code\":550}],\"rcpt_rejected_total\":1,\"transfer\":\"DATA\",\"bytes\":5120,\"exposed\":true,\"reply_code\":250,"
        "\"delivered\":true},{\"index\":1,\"bytes\":0}],\"messages_total\":2,\"recipients_total\":1,\"exposed_total\":1,\"delivered_total\":1,"
        "\"smuggling\":[{\"mark\":\"\\\\n.\\\\n\",\"message\":0,\"verb\":\"MAIL\",\"server_ended\":false}],\"smuggling_total\":1}");
}

static void nothing_known_of_smtp(void **state)
{
    (void)state;
    struct mxt_smtp_facts smtp = {0};
    struct mxt_record record = bare_record();
    record.smtp = &smtp;
    assert_middle_is(&record, ",\"smtp\":{}");
}

/* An EHLO reply without capabilities was seen; and more were seen than are kept. */
static void lists_say_whether_they_are_known_and_whole(void **state)
{
    (void)state;
    struct mxt_smtp_facts smtp = {.has_capabilities = true};
    struct mxt_record record = bare_record();
    record.smtp = &smtp;
    assert_middle_is(&record, ",\"smtp\":{\"capabilities\":[]}");
    smtp.capabilities = (struct mxt_text_list)TEXTS("SIZE");
    smtp.capabilities.total = 9;
    assert_middle_is(&record, ",\"smtp\":{\"capabilities\":[\"SIZE\"],\"capabilities_total\":9}");
}

static void tls_as_designed(void **state)
{
    (void)state;
    struct mxt_tls_facts tls = {.mode = MXT_TLS_STARTTLS,
                                .outcome = MXT_TLS_ESTABLISHED,
                                .version = 0x0303,
                                .client_max_version = 0x0304,
                                .cipher_id = 0xc02f,
                                .cipher = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
                                .sni = "mx.example.net",
                                .ja3_hash = "0123456789abcdef0123456789abcdef",
                                .ja3s_hash = "0123456789abcdef0123456789abcdef",
                                .ja3s_string = "771,49199,",
                                .ja4 = "t13d1516h2_8daaf6152771_e5627efa2ab1",
                                .downgrade_sentinel = MXT_NO,
                                .fallback_scsv = MXT_NO,
                                .session_resumed = MXT_NO,
                                .alert = "bad_certificate",
                                .alert_by = MXT_ENDED_BY_SERVER,
                                .ended_by = MXT_ENDED_BY_CLIENT,
                                .ended_how = "alert",
                                .has_certificate = true,
                                .certificate = {.subject = "CN=mx.example.net",
                                                .issuerdn = "O=Example",
                                                .serial = "0A:1B",
                                                .fingerprint = "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33",
                                                .not_before_us = START_US,
                                                .not_after_us = START_US + MINUTE_US,
                                                .subject_alt_names = TEXTS("mx.example.net"),
                                                .sha256 = "aa",
                                                .spki_sha256 = "bb",
                                                .chain = TEXTS("aa", "cc"),
                                                .key = "RSA 2048",
                                                .key_bits = 2048,
                                                .key_is_rsa = MXT_YES,
                                                .key_is_ec = MXT_NO,
                                                .signature = "sha256WithRSAEncryption",
                                                .has_weak_signature = MXT_NO,
                                                .trust = MXT_TRUST_SELF_SIGNED,
                                                .visible = MXT_YES}};
    struct mxt_record record = bare_record();
    record.tls = &tls;
    assert_middle_is(
        &record,
        ",\"tls\":{\"from_proto\":\"smtp\",\"mode\":\"starttls\",\"outcome\":\"established\",\"version\":\"TLS 1.2\","
        "\"cipher\":\"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256\",\"cipher_id\":49199,\"sni\":\"mx.example.net\","
        "\"ja3\":{\"hash\":\"0123456789abcdef0123456789abcdef\"},\"ja3s\":{\"hash\":\"0123456789abcdef0123456789abcdef\",\"string\":\"771,49199,\"},"
        "\"ja4\":\"t13d1516h2_8daaf6152771_e5627efa2ab1\",\"client_max_version\":\"TLS 1.3\",\"downgrade_sentinel\":false,\"fallback_scsv\":false,"
        "\"session_resumed\":false,\"alert\":\"bad_certificate\",\"alert_by\":\"server\",\"ended_by\":\"client\",\"ended_how\":\"alert\","
        "\"subject\":\"CN=mx.example.net\",\"issuerdn\":\"O=Example\",\"serial\":\"0A:1B\","
        "\"fingerprint\":\"00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33\",\"notbefore\":\"2026-01-01T00:00:00.000000Z\","
        "\"notafter\":\"2026-01-01T00:01:00.000000Z\",\"subjectaltname\":[\"mx.example.net\"],\"certificate\":{\"sha256\":\"aa\",\"spki_sha256\":\"bb\","
        "\"chain\":[\"aa\",\"cc\"],\"key\":\"RSA 2048\",\"key_bits\":2048,\"key_rsa\":true,\"key_ec\":false,\"signature\":\"sha256WithRSAEncryption\","
        "\"signature_weak\":false,\"trust\":\"self-signed\",\"visible\":true}}");
}

/* A certificate that was seen and not checked is "unchecked"; one that was not seen has no verdict. */
static void trust_is_told_of_a_certificate_seen(void **state)
{
    (void)state;
    struct mxt_tls_facts tls = {.mode = MXT_TLS_IMPLICIT, .has_certificate = true};
    struct mxt_record record = bare_record();
    record.tls = &tls;
    assert_middle_is(&record, ",\"tls\":{\"from_proto\":\"smtp\",\"mode\":\"implicit\",\"certificate\":{\"trust\":\"unchecked\"}}");
    tls.has_certificate = false;
    tls.certificate.visible = MXT_NO;
    assert_middle_is(&record, ",\"tls\":{\"from_proto\":\"smtp\",\"mode\":\"implicit\",\"certificate\":{\"visible\":false}}");
}

static void findings_with_their_evidence(void **state)
{
    (void)state;
    struct mxt_arena arena;
    mxt_arena_init(&arena, 0);
    struct mxt_record record = bare_record();
    struct mxt_text_list names = TEXTS("a", "b"), none = {0};
    struct mxt_finding *finding = mxt_finding_add(&record.findings, &arena, MXT_RULE_STARTTLS_CAPABILITY_MASKED, MXT_SEVERITY_HIGH);
    mxt_evidence_text(finding, &arena, "masked", "XXXXXXXA");
    mxt_evidence_text(finding, &arena, "left_out", NULL);
    mxt_evidence_number(finding, &arena, "number", -3);
    mxt_evidence_bool(finding, &arena, "truth", true);
    mxt_evidence_list(finding, &arena, "names", &names);
    mxt_evidence_list(finding, &arena, "none", &none);
    mxt_finding_add(&record.findings, &arena, MXT_RULE_NONE, MXT_SEVERITY_HIGH);
    finding = mxt_finding_add(&record.findings, &arena, MXT_RULE_MTA_STS_MX_MISMATCH, MXT_SEVERITY_INFO);
    finding->domain = "example.net";
    finding->result_type = "validation-failure";

    struct mxt_json json = {0};
    assert_int_equal(mxt_event_encode_record(&json, &record), MXT_OK);
    const char *text = mxt_json_end(&json);
    assert_string_equal(strstr(text, "\"findings\""),
                        "\"findings\":[{\"rule\":\"starttls.capability_masked\",\"severity\":\"high\",\"evidence\":{\"masked\":\"XXXXXXXA\",\"number\":-3,"
                        "\"truth\":true,\"names\":[\"a\",\"b\"],\"none\":[]}},{\"rule\":\"mta_sts.mx_mismatch\",\"severity\":\"info\","
                        "\"domain\":\"example.net\",\"result_type\":\"validation-failure\",\"evidence\":{}}]}");
    struct mxt_record read_back;
    assert_record_comes_back(text, &arena, &read_back);
    assert_int_equal(read_back.findings->rule, MXT_RULE_STARTTLS_CAPABILITY_MASKED);
    assert_int_equal(read_back.findings->evidence->next->number, -3);
    assert_string_equal(read_back.findings->evidence->next->next->next->list.items[1], "b");
    assert_null(read_back.findings->next->next);
    mxt_json_free(&json);
    mxt_arena_free(&arena);
}

static void findings_where_memory_is_refused(void **state)
{
    (void)state;
    struct mxt_arena arena;
    mxt_arena_init(&arena, 0);
    struct mxt_finding *list = NULL, *finding = mxt_finding_add(&list, &arena, MXT_RULE_TLS_DOWNGRADED, MXT_SEVERITY_HIGH);
    arena.fail_at = 1;
    assert_null(mxt_finding_add(&list, &arena, MXT_RULE_TLS_DOWNGRADED, MXT_SEVERITY_HIGH));
    assert_null(list->next);
    arena.fail_at = 1;
    mxt_evidence_number(finding, &arena, "number", 1);
    assert_null(finding->evidence);
    mxt_arena_free(&arena);
}

static const char alert_text[] =
    "{\"timestamp\":\"2026-01-01T00:01:00.000000Z\",\"event_type\":\"alert\",\"sensor\":\"edge-1\",\"src_ip\":\"192.0.2.1\",\"src_port\":40112,"
    "\"dest_ip\":\"2001:db8::25\",\"dest_port\":25,\"proto\":\"TCP\",\"community_id\":\"1:abc=\",\"alert\":{\"action\":\"allowed\",\"gid\":1,"
    "\"signature_id\":8461001,\"rev\":1,\"signature\":\"Plaintext delivery to a domain that enforces MTA-STS\",\"category\":\"Mail transport security\","
    "\"severity\":1},\"mxtap\":{\"alert_id\":\"0000000000000001\",\"incident_id\":\"0000000000000002\",\"rule\":\"mta_sts.plaintext_delivery\","
    "\"severity\":\"critical\",\"hop\":\"outbound\",\"domain\":\"example.net\",\"server_name\":\"mx.example.net\",\"result_type\":\"starttls-not-supported\","
    "\"count\":3,\"first_seen\":\"2026-01-01T00:00:00.000000Z\",\"last_seen\":\"2026-01-01T00:01:00.000000Z\",\"sessions\":[\"00000000000000ff\"],"
    "\"sessions_total\":3,\"evidence\":{\"exposed\":true},\"explanation\":\"It happened.\",\"remedy\":\"Look.\"}}";

static void alert_as_designed(void **state)
{
    (void)state;
    struct mxt_evidence evidence = {.key = "exposed", .type = MXT_EVIDENCE_BOOL, .number = 1};
    struct mxt_alert alert = {.timestamp_us = START_US + MINUTE_US,
                              .sensor = "edge-1",
                              .src_ip = client,
                              .dest_ip = server,
                              .src_port = 40112,
                              .dest_port = 25,
                              .community_id = "1:abc=",
                              .hop = MXT_HOP_OUTBOUND,
                              .rule = MXT_RULE_MTA_STS_PLAINTEXT_DELIVERY,
                              .severity = MXT_SEVERITY_CRITICAL,
                              .alert_id = 1,
                              .incident_id = 2,
                              .domain = "example.net",
                              .server_name = "mx.example.net",
                              .result_type = "starttls-not-supported",
                              .count = 3,
                              .first_seen_us = START_US,
                              .last_seen_us = START_US + MINUTE_US,
                              .sessions = TEXTS("00000000000000ff"),
                              .evidence = &evidence,
                              .explanation = "It happened.",
                              .remedy = "Look."};
    alert.sessions.total = 3;
    struct mxt_json json = {0};
    assert_int_equal(mxt_event_encode_alert(&json, &alert), MXT_OK);
    assert_string_equal(mxt_json_end(&json), alert_text);

    struct mxt_arena arena;
    mxt_arena_init(&arena, 0);
    struct mxt_alert read_back;
    char error[200] = "";
    assert_int_equal(mxt_event_decode_alert(alert_text, sizeof alert_text - 1, &arena, &read_back, error, sizeof error), MXT_OK);
    assert_int_equal(read_back.rule, MXT_RULE_MTA_STS_PLAINTEXT_DELIVERY);
    mxt_json_reset(&json);
    assert_int_equal(mxt_event_encode_alert(&json, &read_back), MXT_OK);
    assert_string_equal(mxt_json_end(&json), alert_text);
    mxt_arena_free(&arena);
    mxt_json_free(&json);
}

static void an_alert_without_a_rule_is_refused(void **state)
{
    (void)state;
    struct mxt_alert alert = {.severity = MXT_SEVERITY_HIGH};
    struct mxt_json json = {0};
    mxt_json_bool(&json, NULL, true);
    assert_int_equal(mxt_event_encode_alert(&json, &alert), MXT_EUSAGE);
    assert_string_equal(mxt_json_end(&json), "true");
    mxt_json_free(&json);
}

static void health_counts(void **state)
{
    (void)state;
    struct mxt_health health = {
        .timestamp_us = START_US, .sensor = "edge-1", .final = true, .packets = 31, .alerts = UINT64_MAX, .advice = "Mirror both directions."};
    struct mxt_json json = {0};
    assert_int_equal(mxt_event_encode_health(&json, &health), MXT_OK);
    const char *text = mxt_json_end(&json);
    static const char head[] =
        "{\"timestamp\":\"2026-01-01T00:00:00.000000Z\",\"event_type\":\"health\",\"sensor\":\"edge-1\",\"final\":true,\"health\":{\"packets\":31,\"bytes\":0,";
    static const char tail[] = "\"alerts\":18446744073709551615},\"advice\":\"Mirror both directions.\"}";
    assert_memory_equal(text, head, sizeof head - 1);
    assert_string_equal(text + strlen(text) - (sizeof tail - 1), tail);
    mxt_json_free(&json);
}

/* Whole text with the first `from` replaced by `to`. */
static char *replaced(const char *text, const char *from, const char *to)
{
    const char *found = strstr(text, from);
    assert_non_null(found);
    size_t size = strlen(text) + strlen(to) + 1;
    char *result = malloc(size);
    assert_non_null(result);
    snprintf(result, size, "%.*s%s%s", (int)(found - text), text, to, found + strlen(from));
    return result;
}

static void errors_name_the_place(void **state)
{
    (void)state;
    /* The column is that of `place`, where it first stands in the changed text. */
    static const struct {
        const char *from, *to, *place, *error;
    } cases[] = {
        {"40112", "70000", "70000", "src_port: whole number from 0 to 65535 expected"},
        {"\"midstream\":false", "\"midstream\":0", "0,\"one_sided\"", "capture.midstream: true or false expected"},
        {"[]}", "[{\"severity\":\"high\"}]}", "}]}", "findings[0].rule: a value expected, which is missing"},
        {"\"findings\":[]", "\"smtp\":{\"messages\":[{},{\"rcpt_to\":[1]}]}", "1]}]}", "smtp.messages[1].rcpt_to: string expected"},
        {"[]}", "[{\"rule\":\"tls.downgraded\",\"severity\":\"high\",\"evidence\":{\"a\":1.5}}]}", "1.5",
         "findings[0].evidence.a: whole number of 64 bits expected"},
        {"00000000000000ff", "00000000000000FF", "\"00000000000000FF", "session_id: 16 lower-case hex digits expected"},
        {"192.0.2.1", "192.0.2.1.1", "\"192.0.2.1.1", "src_ip: IPv4 or IPv6 address expected"},
        {"\"start\":\"2026-01-01T00", "\"start\":\"2026-01-01 00", "\"2026-01-01 00", "start: time like 2026-01-31T23:59:59.000001Z expected"},
        {"\"session\"", "\"alert\"", "\"alert\"", "event_type: the one name that this kind of event has here expected"},
        {"\"final\":true", "\"final\":true,\"final\":false", "false,\"start\"", "final: no second value of one name expected"},
        {"edge-1", "\\ud800", "\\ud800", "sensor: escape of a character expected"},
        {"edge-1", "\n", "\n", "sensor: no bare control character expected in a string"},
        {"edge-1", "\xff", "\xff", "sensor: UTF-8 expected"},
        {"[]}", "[]!", "!", "',' or '}' expected"},
        {"[]}", "[]}!", "!", "end of the text expected"},
        {"\"session_id\":\"00000000000000ff\",", "", NULL, "session_id: a value expected, which is missing"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = replaced(bare_text, cases[i].from, cases[i].to), error[200] = "", expected[200];
        const char *place = cases[i].place == NULL ? text + strlen(text) - 1 : strstr(text, cases[i].place);
        assert_non_null(place);
        snprintf(expected, sizeof expected, "column %zu: %s", (size_t)(place - text) + 1, cases[i].error);
        struct mxt_arena arena;
        mxt_arena_init(&arena, 0);
        struct mxt_record record;
        assert_int_equal(mxt_event_decode_record(text, strlen(text), &arena, &record, error, sizeof error), MXT_EMALFORMED);
        assert_string_equal(error, expected);
        mxt_arena_free(&arena);
        free(text);
    }
}

static void a_newer_sensor_can_be_read(void **state)
{
    (void)state;
    static const char newer[] =
        "\"smtp\":{\"new\":[{\"a\":[1.5e3,null]}],\"ehlo\":true},\"tls\":{\"from_proto\":\"smtp\",\"outcome\":\"postponed\",\"version\":\"TLS 1.4\"},"
        "\"hop\":\"sideways\",\"findings\":[{\"rule\":\"new.rule\",\"severity\":\"high\",\"evidence\":{}},"
        "{\"rule\":\"tls.downgraded\",\"severity\":\"apocalyptic\",\"evidence\":{}},"
        "{\"rule\":\"tls.downgraded\",\"severity\":\"high\",\"evidence\":{\"New Kind\":1,\"nested\":{},\"kept\":1}}]";
    char *text = replaced(bare_text, "\"findings\":[]", newer), error[200] = "";
    struct mxt_arena arena;
    mxt_arena_init(&arena, 0);
    struct mxt_record record;
    assert_int_equal(mxt_event_decode_record(text, strlen(text), &arena, &record, error, sizeof error), MXT_OK);
    assert_int_equal(record.hop, MXT_HOP_UNKNOWN);
    assert_int_equal(record.smtp->ehlo, MXT_YES);
    assert_int_equal(record.tls->outcome, MXT_TLS_OUTCOME_UNKNOWN);
    assert_int_equal(record.tls->version, 0);
    assert_int_equal(record.findings->rule, MXT_RULE_TLS_DOWNGRADED);
    assert_string_equal(record.findings->evidence->key, "kept");
    assert_null(record.findings->evidence->next);
    assert_null(record.findings->next);
    free(text);

    struct mxt_alert alert;
    text = replaced(alert_text, "\"mta_sts.plaintext_delivery\"", "\"new.rule\"");
    assert_int_equal(mxt_event_decode_alert(text, strlen(text), &arena, &alert, error, sizeof error), MXT_EMALFORMED);
    assert_string_equal(error, "column 1: rule and severity that this version knows expected");
    free(text);
    mxt_arena_free(&arena);
}

static void every_cut_is_malformed(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof alert_text - 1; n++) {
        char *exact = malloc(n == 0 ? 1 : n), error[200] = "";
        assert_non_null(exact);
        memcpy(exact, alert_text, n);
        struct mxt_arena arena;
        mxt_arena_init(&arena, 0);
        struct mxt_alert alert;
        assert_int_equal(mxt_event_decode_alert(exact, n, &arena, &alert, error, sizeof error), MXT_EMALFORMED);
        assert_memory_equal(error, "column ", 7);
        mxt_arena_free(&arena);
        free(exact);
    }
}

static void refused_memory_is_told(void **state)
{
    (void)state;
    enum mxt_status status = MXT_ENOMEM;
    uint32_t refusals = 0;
    while (status != MXT_OK) {
        struct mxt_arena arena;
        char error[200] = "";
        struct mxt_alert alert;
        mxt_arena_init(&arena, 0);
        arena.fail_at = refusals + 1;
        status = mxt_event_decode_alert(alert_text, sizeof alert_text - 1, &arena, &alert, error, sizeof error);
        assert_true(status == MXT_OK || status == MXT_ENOMEM);
        assert_true(arena.failures == (status == MXT_OK ? 0 : 1));
        refusals += status != MXT_OK;
        mxt_arena_free(&arena);
    }
    assert_true(refusals > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_facts_are_left_out),
        cmocka_unit_test(smtp_as_designed),
        cmocka_unit_test(nothing_known_of_smtp),
        cmocka_unit_test(lists_say_whether_they_are_known_and_whole),
        cmocka_unit_test(tls_as_designed),
        cmocka_unit_test(trust_is_told_of_a_certificate_seen),
        cmocka_unit_test(findings_with_their_evidence),
        cmocka_unit_test(findings_where_memory_is_refused),
        cmocka_unit_test(alert_as_designed),
        cmocka_unit_test(an_alert_without_a_rule_is_refused),
        cmocka_unit_test(health_counts),
        cmocka_unit_test(errors_name_the_place),
        cmocka_unit_test(a_newer_sensor_can_be_read),
        cmocka_unit_test(every_cut_is_malformed),
        cmocka_unit_test(refused_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
