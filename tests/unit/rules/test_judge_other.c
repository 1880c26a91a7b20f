/* The rules of rules/rules_other.c. */
#include "scene.h"

#define N    MXT_NO
#define Y    MXT_YES
#define SENT .secret = Y, .attempts = 1

static void plaintext_credentials(void **state)
{
    (void)state;
    enum mxt_rule rule = MXT_RULE_AUTH_PLAINTEXT_CREDENTIALS;
    const struct judged cases[] = {
        {"PLAIN, accepted", rule, MXT_SEVERITY_HIGH, {SENT, .mechanism = "PLAIN", .auth_code = 235}},
        {"LOGIN, refused", rule, MXT_SEVERITY_HIGH, {SENT, .mechanism = "LOGIN", .auth_code = 535, .hop = MXT_HOP_OUTBOUND}},
        {"a bearer token", rule, MXT_SEVERITY_HIGH, {SENT, .mechanism = "XOAUTH2", .auth_code = 235}},
        {"mechanism and answer not known", rule, MXT_SEVERITY_HIGH, {SENT}},
        {"a name that only begins like one", rule, MXT_SEVERITY_HIGH, {SENT, .mechanism = "NTLMX", .auth_code = 235}},
        {"accepted from outside", rule, MXT_SEVERITY_HIGH, {SENT, .mechanism = "PLAIN", .auth_code = 235, .hop = MXT_HOP_INBOUND}},
        {"answer from outside not known", rule, MXT_SEVERITY_HIGH, {SENT, .mechanism = "PLAIN", .hop = MXT_HOP_INBOUND}},
        {"CRAM-MD5", rule, MXT_SEVERITY_LOW, {SENT, .mechanism = "CRAM-MD5", .auth_code = 235}},
        {"DIGEST-MD5", rule, MXT_SEVERITY_LOW, {SENT, .mechanism = "DIGEST-MD5", .auth_code = 235}},
        {"SCRAM", rule, MXT_SEVERITY_LOW, {SENT, .mechanism = "SCRAM-SHA-256", .auth_code = 535}},
        {"NTLM", rule, MXT_SEVERITY_LOW, {SENT, .mechanism = "NTLM", .auth_code = 235}},
        {"GSSAPI", rule, MXT_SEVERITY_LOW, {SENT, .mechanism = "GSSAPI", .auth_code = 235}},
        {"a guess from outside", rule, MXT_SEVERITY_INFO, {SENT, .mechanism = "LOGIN", .auth_code = 535, .hop = MXT_HOP_INBOUND}},
        {"accepted, at once", rule, MXT_SEVERITY_HIGH, {SENT, .mechanism = "PLAIN", .auth_code = 235, .is_snapshot = true}},
        {"refused, it may try again", rule, MXT_SEVERITY_NONE, {SENT, .mechanism = "PLAIN", .auth_code = 535, .is_snapshot = true}},
        {"not answered yet", rule, MXT_SEVERITY_NONE, {SENT, .mechanism = "PLAIN", .is_snapshot = true}},
        {"no secret crossed", rule, MXT_SEVERITY_NONE, {.secret = N, .mechanism = "PLAIN", .attempts = 1, .auth_code = 504}},
        {"whether one crossed is not known", rule, MXT_SEVERITY_NONE, {.mechanism = "PLAIN", .attempts = 1, .auth_code = 235}},
        {"decrypted", rule, MXT_SEVERITY_NONE, {SENT, .mechanism = "PLAIN", .auth_code = 235, .has_tls = true, .outcome = MXT_TLS_DECRYPTED}},
    };
    check_session(cases, COUNT(cases));
}

static void smuggling(void **state)
{
    (void)state;
    enum mxt_rule rule = MXT_RULE_SMTP_SMUGGLING;
    const struct judged cases[] = {
        {"a command follows", rule, MXT_SEVERITY_MEDIUM, {.mark = "\\n.\\n", .verb = "MAIL"}},
        {"nothing follows", rule, MXT_SEVERITY_INFO, {.mark = "\\r.\\r"}},
        {"no mark", rule, MXT_SEVERITY_NONE, {.exposed = 1}},
        {"decrypted", rule, MXT_SEVERITY_NONE, {.mark = "\\n.\\n", .verb = "MAIL", .has_tls = true, .outcome = MXT_TLS_DECRYPTED}},
    };
    check_session(cases, COUNT(cases));
}

static const char *first_mark(struct scene *scene, const struct facts *facts)
{
    scene_make(scene, facts);
    struct mxt_finding *findings = NULL;
    assert_int_equal(mxt_judge_session(&scene->record, &scene->arena, &findings), MXT_OK);
    return scene_evidence(scene_find(findings, MXT_RULE_SMTP_SMUGGLING), "marks")->list.items[0];
}

static void smuggling_says_what_each_side_made_of_it(void **state)
{
    (void)state;
    struct scene scene;
    const struct facts ended = {.mark = "\\n.\\n", .verb = "MAIL", .server_ended = Y};
    assert_string_equal(first_mark(&scene, &ended), "\\n.\\n followed by MAIL, the server took it for the end");
    scene_free(&scene);
    const struct facts passed = {.mark = "\\n.\\r\\n", .server_ended = N};
    assert_string_equal(first_mark(&scene, &passed), "\\n.\\r\\n followed by no command, the server did not take it for the end");
    scene_free(&scene);
    const struct facts unknown = {.mark = "\\r.\\r"};
    assert_string_equal(first_mark(&scene, &unknown), "\\r.\\r followed by no command");
    scene_free(&scene);
}

/* The gravest of several look-alikes counts, wherever it stands. */
static void smuggling_counts_the_gravest(void **state)
{
    (void)state;
    const struct facts facts = {.mark = "\\n.\\n"};
    struct scene scene;
    scene_make(&scene, &facts);
    struct mxt_smuggling second = {.mark = "\\r.\\r", .verb = "RCPT"};
    scene.smuggling.next = &second;
    scene.smtp.smuggling_total = 2;
    struct mxt_finding *findings = NULL;
    assert_int_equal(mxt_judge_session(&scene.record, &scene.arena, &findings), MXT_OK);
    const struct mxt_finding *finding = scene_find(findings, MXT_RULE_SMTP_SMUGGLING);
    assert_int_equal(finding->severity, MXT_SEVERITY_MEDIUM);
    assert_int_equal(scene_evidence(finding, "look_alikes")->number, 2);
    scene_free(&scene);
}

static void conflicting_overlap(void **state)
{
    (void)state;
    enum mxt_rule rule = MXT_RULE_TCP_CONFLICTING_OVERLAP;
    const struct judged cases[] = {
        {"conflicts", rule, MXT_SEVERITY_MEDIUM, {.overlaps = 2, .is_snapshot = true}},
        {"none", rule, MXT_SEVERITY_NONE, {.gap_toserver = 10, .exposed = 1}},
    };
    check_session(cases, COUNT(cases));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plaintext_credentials),        cmocka_unit_test(smuggling),           cmocka_unit_test(smuggling_says_what_each_side_made_of_it),
        cmocka_unit_test(smuggling_counts_the_gravest), cmocka_unit_test(conflicting_overlap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
