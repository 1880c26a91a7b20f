/* The rules of rules/rules_mta_sts.c, with the policies of three domains known. */
#include "rules/knowledge.h"
#include "scene.h"

#define N        MXT_NO
#define Y        MXT_YES
#define MAIL     .exposed = 1, .content = Y
#define PLAIN_TO MAIL, .offered = N, .requested = N, .hop = MXT_HOP_OUTBOUND, .recipients
#define SHOWN    .hop = MXT_HOP_OUTBOUND, .has_tls = true, .outcome = MXT_TLS_ESTABLISHED, .visible = Y, .trust = MXT_TRUST_TRUSTED

static void add(struct mxt_memory *memory, const char *domain, const char *text)
{
    char fault[200] = "";
    assert_int_equal(mxt_memory_add_policy(memory, domain, text, strlen(text), fault, sizeof fault), MXT_OK);
}

static struct mxt_memory *policies(void)
{
    struct mxt_memory *memory = mxt_memory_new();
    assert_non_null(memory);
    add(memory, "example.net", "version: STSv1\nmode: enforce\nmx: mx.example.net\nmx: *.mx.example.net\nmax_age: 86400\n");
    add(memory, "example.com", "version: STSv1\nmode: testing\nmx: mx.example.com\nmax_age: 86400\n");
    add(memory, "none.example", "version: STSv1\nmode: none\nmx: mx.none.example\nmax_age: 86400\n");
    return memory;
}

static struct mxt_finding *judge(struct scene *scene, struct mxt_memory *memory)
{
    struct mxt_knowledge knowledge = mxt_memory_knowledge(memory);
    struct mxt_judge_config config;
    struct mxt_judgement judgement;
    mxt_judge_config_init(&config);
    assert_int_equal(mxt_judge_network(&scene->record, &knowledge, &config, NOW, &scene->arena, &judgement), MXT_OK);
    return judgement.findings;
}

static void check_network(const struct judged *cases, size_t count)
{
    struct mxt_memory *memory = policies();
    for (size_t i = 0; i < count; i++) {
        struct scene scene;
        scene_make(&scene, &cases[i].facts);
        const struct mxt_finding *finding = scene_find(judge(&scene, memory), cases[i].rule);
        enum mxt_severity severity = finding == NULL ? MXT_SEVERITY_NONE : finding->severity;
        if (severity != cases[i].severity)
            fail_msg("%s: severity %d instead of %d", cases[i].what, severity, cases[i].severity);
        scene_free(&scene);
    }
    mxt_memory_free(memory);
}

static void plaintext_delivery(void **state)
{
    (void)state;
    enum mxt_rule rule = MXT_RULE_MTA_STS_PLAINTEXT_DELIVERY;
    const struct judged cases[] = {
        {"enforced", rule, MXT_SEVERITY_CRITICAL, {PLAIN_TO = {"bob@example.net"}}},
        {"at once", rule, MXT_SEVERITY_CRITICAL, {PLAIN_TO = {"bob@example.net"}, .is_snapshot = true}},
        {"domains are case-blind", rule, MXT_SEVERITY_CRITICAL, {PLAIN_TO = {"bob@EXAMPLE.Net."}}},
        {"local parts are dropped for privacy", rule, MXT_SEVERITY_CRITICAL, {PLAIN_TO = {"@example.net"}}},
        {"an @ in a quoted local part", rule, MXT_SEVERITY_CRITICAL, {PLAIN_TO = {"\"a@none.example\"@example.net"}}},
        {"one of several", rule, MXT_SEVERITY_CRITICAL, {PLAIN_TO = {"a@other.example", "b@example.net"}}},
        {"in transit", rule, MXT_SEVERITY_CRITICAL, {MAIL, .hop = MXT_HOP_TRANSIT, .recipients = {"bob@example.net"}}},
        {"testing", rule, MXT_SEVERITY_LOW, {PLAIN_TO = {"bob@example.com"}}},
        {"towards our own MX", rule, MXT_SEVERITY_MEDIUM, {MAIL, .hop = MXT_HOP_INBOUND, .recipients = {"bob@example.net"}}},
        {"towards our own MX, testing", rule, MXT_SEVERITY_LOW, {MAIL, .hop = MXT_HOP_INBOUND, .recipients = {"bob@example.com"}}},
        {"inside, to the MX by its name",
         rule,
         MXT_SEVERITY_CRITICAL,
         {MAIL, .hop = MXT_HOP_INTERNAL, .banner_name = "mx.example.net", .recipients = {"bob@example.net"}}},
        {"another port, to the MX by its name",
         rule,
         MXT_SEVERITY_CRITICAL,
         {MAIL, .hop = MXT_HOP_OUTBOUND, .port = 2525, .banner_name = "mx.example.net", .recipients = {"bob@example.net"}}},
        {"the greeting proves no mismatch",
         rule,
         MXT_SEVERITY_CRITICAL,
         {MAIL, .hop = MXT_HOP_OUTBOUND, .banner_name = "relay.example.org", .recipients = {"bob@example.net"}}},
        {"AUTH was refused", rule, MXT_SEVERITY_CRITICAL, {PLAIN_TO = {"bob@example.net"}, .attempts = 1, .auth_code = 535}},
        {"a hole in one direction hides no AUTH", rule, MXT_SEVERITY_CRITICAL, {PLAIN_TO = {"bob@example.net"}, .gap_toserver = 1000}},
        {"a hole in the replies hides none either", rule, MXT_SEVERITY_CRITICAL, {PLAIN_TO = {"bob@example.net"}, .gap_toclient = 10}},
        {"no policy", rule, MXT_SEVERITY_NONE, {PLAIN_TO = {"bob@other.example"}}},
        {"a subdomain has no policy of its parent", rule, MXT_SEVERITY_NONE, {PLAIN_TO = {"bob@sub.example.net"}}},
        {"mode none", rule, MXT_SEVERITY_NONE, {PLAIN_TO = {"bob@none.example"}}},
        {"no domain", rule, MXT_SEVERITY_NONE, {PLAIN_TO = {"postmaster"}}},
        {"address literal", rule, MXT_SEVERITY_NONE, {PLAIN_TO = {"bob@[192.0.2.25]"}}},
        {"nothing exposed", rule, MXT_SEVERITY_NONE, {.content = N, .hop = MXT_HOP_OUTBOUND, .recipients = {"bob@example.net"}}},
        {"exposure not known", rule, MXT_SEVERITY_NONE, {.hop = MXT_HOP_OUTBOUND, .recipients = {"bob@example.net"}}},
        {"inside, to a relay", rule, MXT_SEVERITY_NONE, {MAIL, .hop = MXT_HOP_INTERNAL, .banner_name = "relay.example.org", .recipients = {"bob@example.net"}}},
        {"hop not known", rule, MXT_SEVERITY_NONE, {MAIL, .recipients = {"bob@example.net"}}},
        {"submission", rule, MXT_SEVERITY_NONE, {PLAIN_TO = {"bob@example.net"}, .port = 587}},
        {"submission to the MX itself", rule, MXT_SEVERITY_NONE, {PLAIN_TO = {"bob@example.net"}, .port = 587, .banner_name = "mx.example.net"}},
        {"submissions", rule, MXT_SEVERITY_NONE, {PLAIN_TO = {"bob@example.net"}, .port = 465}},
        {"another port", rule, MXT_SEVERITY_NONE, {PLAIN_TO = {"bob@example.net"}, .port = 2525}},
        {"LMTP", rule, MXT_SEVERITY_NONE, {PLAIN_TO = {"bob@example.net"}, .is_lmtp = true}},
        {"after AUTH", rule, MXT_SEVERITY_NONE, {PLAIN_TO = {"bob@example.net"}, .attempts = 1, .auth_code = 235}},
        {"after AUTH, answer not known", rule, MXT_SEVERITY_NONE, {PLAIN_TO = {"bob@example.net"}, .attempts = 1}},
        {"beginning not seen", rule, MXT_SEVERITY_NONE, {PLAIN_TO = {"bob@example.net"}, .midstream = true}},
        {"one side", rule, MXT_SEVERITY_NONE, {PLAIN_TO = {"bob@example.net"}, .one_sided = true}},
        {"holes in both directions", rule, MXT_SEVERITY_NONE, {PLAIN_TO = {"bob@example.net"}, .gap_toserver = 40, .gap_toclient = 20}},
        {"a hole, and a reply too many", rule, MXT_SEVERITY_NONE, {PLAIN_TO = {"bob@example.net"}, .gap_toserver = 40, .pairing_lost = true}},
        {"decrypted", rule, MXT_SEVERITY_NONE, {PLAIN_TO = {"bob@example.net"}, .has_tls = true, .outcome = MXT_TLS_DECRYPTED}},
    };
    check_network(cases, COUNT(cases));
}

static void mx_mismatch(void **state)
{
    (void)state;
    enum mxt_rule rule = MXT_RULE_MTA_STS_MX_MISMATCH;
    const struct judged cases[] = {
        {"SNI of another host", rule, MXT_SEVERITY_HIGH, {PLAIN_TO = {"bob@example.net"}, .has_tls = true, .sni = "evil.example"}},
        {"recipient seen, nothing exposed",
         rule,
         MXT_SEVERITY_HIGH,
         {.hop = MXT_HOP_OUTBOUND, .recipients = {"bob@example.net"}, .has_tls = true, .sni = "evil.example"}},
        {"a wildcard stands for one label", rule, MXT_SEVERITY_HIGH, {PLAIN_TO = {"bob@example.net"}, .has_tls = true, .sni = "a.b.mx.example.net"}},
        {"testing", rule, MXT_SEVERITY_LOW, {PLAIN_TO = {"bob@example.com"}, .has_tls = true, .sni = "evil.example"}},
        {"towards our own MX", rule, MXT_SEVERITY_MEDIUM, {.hop = MXT_HOP_INBOUND, .recipients = {"bob@example.net"}, .has_tls = true, .sni = "evil.example"}},
        {"SNI matches", rule, MXT_SEVERITY_NONE, {PLAIN_TO = {"bob@example.net"}, .has_tls = true, .sni = "mx.example.net"}},
        {"SNI matches a wildcard", rule, MXT_SEVERITY_NONE, {PLAIN_TO = {"bob@example.net"}, .has_tls = true, .sni = "a.mx.example.net"}},
        {"the greeting confirms a match",
         rule,
         MXT_SEVERITY_NONE,
         {PLAIN_TO = {"bob@example.net"}, .has_tls = true, .sni = "evil.example", .banner_name = "mx.example.net"}},
        {"the greeting proves nothing", rule, MXT_SEVERITY_NONE, {PLAIN_TO = {"bob@example.net"}, .banner_name = "evil.example"}},
        {"SNI is no host name", rule, MXT_SEVERITY_NONE, {PLAIN_TO = {"bob@example.net"}, .has_tls = true, .sni = "evil"}},
        {"inside", rule, MXT_SEVERITY_NONE, {.hop = MXT_HOP_INTERNAL, .recipients = {"bob@example.net"}, .has_tls = true, .sni = "evil.example"}},
        {"submission", rule, MXT_SEVERITY_NONE, {PLAIN_TO = {"bob@example.net"}, .port = 587, .has_tls = true, .sni = "evil.example"}},
        {"after AUTH", rule, MXT_SEVERITY_NONE, {PLAIN_TO = {"bob@example.net"}, .attempts = 1, .auth_code = 235, .has_tls = true, .sni = "evil.example"}},
        {"no recipient seen", rule, MXT_SEVERITY_NONE, {.hop = MXT_HOP_OUTBOUND, .has_tls = true, .sni = "evil.example"}},
    };
    check_network(cases, COUNT(cases));
}

static void certificate_invalid(void **state)
{
    (void)state;
    enum mxt_rule rule = MXT_RULE_MTA_STS_CERTIFICATE_INVALID;
    const struct judged cases[] = {
        {"expired", rule, MXT_SEVERITY_CRITICAL, {SHOWN, .sni = "mx.example.net", .names = {"mx.example.net"}, .not_after = NOW - DAY}},
        {"another name", rule, MXT_SEVERITY_CRITICAL, {SHOWN, .sni = "a.mx.example.net", .names = {"mx.example.net"}}},
        {"self-signed",
         rule,
         MXT_SEVERITY_CRITICAL,
         {.hop = MXT_HOP_OUTBOUND, .has_tls = true, .visible = Y, .sni = "mx.example.net", .names = {"mx.example.net"}, .trust = MXT_TRUST_SELF_SIGNED}},
        {"not yet valid", rule, MXT_SEVERITY_CRITICAL, {SHOWN, .sni = "mx.example.net", .names = {"mx.example.net"}, .not_before = NOW + DAY}},
        {"the client gave up",
         rule,
         MXT_SEVERITY_CRITICAL,
         {.hop = MXT_HOP_OUTBOUND, .has_tls = true, .outcome = MXT_TLS_FAILED, .visible = Y, .sni = "mx.example.net", .names = {"x.example"}}},
        {"testing", rule, MXT_SEVERITY_LOW, {SHOWN, .sni = "mx.example.com", .names = {"mx.example.com"}, .not_after = NOW - DAY}},
        {"known by its greeting", rule, MXT_SEVERITY_LOW, {SHOWN, .banner_name = "mx.example.net", .names = {"mx.example.net"}, .not_after = NOW - DAY}},
        {"known by its greeting, another name", rule, MXT_SEVERITY_LOW, {SHOWN, .banner_name = "mx.example.net", .names = {"other.example"}}},
        {"known by its greeting, another MX of the policy", rule, MXT_SEVERITY_NONE, {SHOWN, .banner_name = "mx.example.net", .names = {"b.mx.example.net"}}},
        {"known by its greeting, the policy's wildcard", rule, MXT_SEVERITY_NONE, {SHOWN, .banner_name = "mx.example.net", .names = {"*.mx.example.net"}}},
        {"good", rule, MXT_SEVERITY_NONE, {SHOWN, .sni = "mx.example.net", .names = {"mx.example.net"}, .not_before = NOW - DAY, .not_after = NOW + DAY}},
        {"trust unchecked",
         rule,
         MXT_SEVERITY_NONE,
         {.hop = MXT_HOP_OUTBOUND, .has_tls = true, .visible = Y, .sni = "mx.example.net", .names = {"mx.example.net"}}},
        {"not the policy's host", rule, MXT_SEVERITY_NONE, {SHOWN, .sni = "mx.other.example", .names = {"x.example"}}},
        {"SNI says which host is meant, not the greeting",
         rule,
         MXT_SEVERITY_NONE,
         {SHOWN, .sni = "mx.other.example", .banner_name = "mx.example.net", .names = {"x.example"}}},
        {"mode none", rule, MXT_SEVERITY_NONE, {SHOWN, .sni = "mx.none.example", .names = {"x.example"}}},
        {"hidden",
         rule,
         MXT_SEVERITY_NONE,
         {.hop = MXT_HOP_OUTBOUND, .has_tls = true, .outcome = MXT_TLS_ESTABLISHED, .visible = N, .sni = "mx.example.net", .not_after = NOW - DAY}},
        {"not seen", rule, MXT_SEVERITY_NONE, {.hop = MXT_HOP_OUTBOUND, .has_tls = true, .outcome = MXT_TLS_ESTABLISHED, .sni = "mx.example.net"}},
        {"submission", rule, MXT_SEVERITY_NONE, {SHOWN, .port = 465, .sni = "mx.example.net", .names = {"x.example"}}},
        {"no name known", rule, MXT_SEVERITY_NONE, {SHOWN, .names = {"x.example"}}},
    };
    check_network(cases, COUNT(cases));
}

static void tls_obsolete(void **state)
{
    (void)state;
    enum mxt_rule rule = MXT_RULE_MTA_STS_TLS_OBSOLETE;
    const struct judged cases[] = {
        {"TLS 1.0", rule, MXT_SEVERITY_MEDIUM, {SHOWN, .version = 0x0301, .sni = "mx.example.net", .names = {"mx.example.net"}}},
        {"TLS 1.1, known by its greeting", rule, MXT_SEVERITY_MEDIUM, {SHOWN, .version = 0x0302, .banner_name = "mx.example.net"}},
        {"testing", rule, MXT_SEVERITY_LOW, {SHOWN, .version = 0x0301, .sni = "mx.example.com", .names = {"mx.example.com"}}},
        {"TLS 1.2", rule, MXT_SEVERITY_NONE, {SHOWN, .version = 0x0303, .sni = "mx.example.net", .names = {"mx.example.net"}}},
        {"version not known", rule, MXT_SEVERITY_NONE, {SHOWN, .sni = "mx.example.net", .names = {"mx.example.net"}}},
        {"failed", rule, MXT_SEVERITY_NONE, {.has_tls = true, .outcome = MXT_TLS_FAILED, .version = 0x0301, .sni = "mx.example.net"}},
        {"another host", rule, MXT_SEVERITY_NONE, {SHOWN, .version = 0x0301, .sni = "mx.other.example"}},
    };
    check_network(cases, COUNT(cases));
}

/* RFC 8460 4.3 */
static void result_types(void **state)
{
    (void)state;
    const struct {
        const char *expected; /* NULL: the RFC knows no such failure */
        enum mxt_rule rule;
        struct facts facts;
    } cases[] = {
        {"starttls-not-supported", MXT_RULE_MTA_STS_PLAINTEXT_DELIVERY, {PLAIN_TO = {"b@example.net"}}},
        {"starttls-not-supported",
         MXT_RULE_MTA_STS_PLAINTEXT_DELIVERY,
         {MAIL, .hop = MXT_HOP_OUTBOUND, .recipients = {"b@example.net"}, .offered = Y, .requested = Y, .reply_code = 454}},
        {"validation-failure",
         MXT_RULE_MTA_STS_PLAINTEXT_DELIVERY,
         {MAIL, .hop = MXT_HOP_OUTBOUND, .recipients = {"b@example.net"}, .offered = Y, .requested = Y, .reply_code = 220, .has_tls = true,
          .outcome = MXT_TLS_FAILED}},
        {NULL, MXT_RULE_MTA_STS_PLAINTEXT_DELIVERY, {MAIL, .hop = MXT_HOP_OUTBOUND, .recipients = {"b@example.net"}, .offered = Y, .requested = N}},
        {NULL, MXT_RULE_MTA_STS_PLAINTEXT_DELIVERY, {MAIL, .hop = MXT_HOP_OUTBOUND, .recipients = {"b@example.net"}}},
        {"certificate-expired", MXT_RULE_MTA_STS_CERTIFICATE_INVALID, {SHOWN, .sni = "mx.example.net", .names = {"mx.example.net"}, .not_after = NOW - DAY}},
        {"certificate-host-mismatch", MXT_RULE_MTA_STS_CERTIFICATE_INVALID, {SHOWN, .sni = "mx.example.net", .names = {"x.example"}}},
        {"certificate-not-trusted",
         MXT_RULE_MTA_STS_CERTIFICATE_INVALID,
         {.has_tls = true, .visible = Y, .sni = "mx.example.net", .names = {"mx.example.net"}, .trust = MXT_TRUST_INCOMPLETE}},
        {"validation-failure", MXT_RULE_MTA_STS_MX_MISMATCH, {PLAIN_TO = {"b@example.net"}, .has_tls = true, .sni = "evil.example"}},
    };
    struct mxt_memory *memory = policies();
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct scene scene;
        scene_make(&scene, &cases[i].facts);
        const struct mxt_finding *finding = scene_find(judge(&scene, memory), cases[i].rule);
        assert_non_null(finding);
        if (cases[i].expected == NULL)
            assert_null(finding->result_type);
        else
            assert_string_equal(finding->result_type, cases[i].expected);
        scene_free(&scene);
    }
    mxt_memory_free(memory);
}

static void one_finding_a_domain_counts_its_messages_once(void **state)
{
    (void)state;
    const struct facts facts = {PLAIN_TO = {"a@example.net", "b@EXAMPLE.NET", "c@example.com", "d@other.example"}};
    struct scene scene;
    scene_make(&scene, &facts);
    struct mxt_message second = scene.message;
    second.delivered = MXT_YES;
    struct mxt_message hidden = {.rcpt_to = scene.message.rcpt_to, .exposed = MXT_NO};
    scene.message.next = &second;
    second.next = &hidden;
    struct mxt_memory *memory = policies();
    const struct mxt_finding *first = scene_find(judge(&scene, memory), MXT_RULE_MTA_STS_PLAINTEXT_DELIVERY);
    mxt_memory_free(memory); /* findings borrow nothing from the store */
    assert_non_null(first);
    assert_string_equal(first->domain, "example.net");
    assert_int_equal(scene_evidence(first, "exposed_messages")->number, 2);
    assert_int_equal(scene_evidence(first, "delivered_messages")->number, 1);
    assert_non_null(first->next);
    assert_string_equal(first->next->domain, "example.com");
    assert_null(first->next->next);
    scene_free(&scene);
}

static void an_mx_is_judged_for_each_domain_it_serves(void **state)
{
    (void)state;
    struct mxt_memory *memory = policies();
    add(memory, "second.example", "version: STSv1\nmode: enforce\nmx: mx.example.net\nmax_age: 1\n");
    const struct facts facts = {SHOWN, .sni = "mx.example.net", .names = {"x.example"}};
    struct scene scene;
    scene_make(&scene, &facts);
    const struct mxt_finding *first = judge(&scene, memory);
    assert_string_equal(first->domain, "example.net");
    assert_string_equal(first->next->domain, "second.example");
    assert_null(first->next->next);
    scene_free(&scene);
    mxt_memory_free(memory);
}

static void refused_memory_is_told(void **state)
{
    (void)state;
    struct mxt_memory *memory = policies();
    struct mxt_knowledge knowledge = mxt_memory_knowledge(memory);
    const struct facts facts = {PLAIN_TO = {"bob@example.net", "c@example.com"}, .has_tls = true, .sni = "evil.example", .visible = Y};
    const struct facts shown = {SHOWN, .sni = "mx.example.net", .names = {"x.example"}, .not_after = NOW - DAY, .version = 0x0301};
    uint32_t refusals = 0;
    for (uint32_t i = 2; i < 400; i++) {
        struct scene scene;
        scene_make(&scene, (i & 1) != 0 ? &facts : &shown);
        scene.arena.fail_at = i / 2;
        struct mxt_judge_config config;
        struct mxt_judgement judgement;
        mxt_judge_config_init(&config);
        enum mxt_status status = mxt_judge_network(&scene.record, &knowledge, &config, NOW, &scene.arena, &judgement);
        assert_int_equal(status, scene.arena.failures > 0 ? MXT_ENOMEM : MXT_OK);
        refusals += scene.arena.failures > 0;
        scene_free(&scene);
    }
    assert_true(refusals > 20 && refusals < 200);
    mxt_memory_free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plaintext_delivery),
        cmocka_unit_test(mx_mismatch),
        cmocka_unit_test(certificate_invalid),
        cmocka_unit_test(tls_obsolete),
        cmocka_unit_test(result_types),
        cmocka_unit_test(one_finding_a_domain_counts_its_messages_once),
        cmocka_unit_test(an_mx_is_judged_for_each_domain_it_serves),
        cmocka_unit_test(refused_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
