/* The rules of rules/rules_starttls.c: what raises them, what only looks like it, and what is not known well enough. */
#include "scene.h"

#define N MXT_NO
#define Y MXT_YES

static void capability_masked(void **state)
{
    (void)state;
    enum mxt_rule rule = MXT_RULE_STARTTLS_CAPABILITY_MASKED;
    const struct judged cases[] = {
        {"masked", rule, MXT_SEVERITY_HIGH, {.masked = "XXXXXXXA", .offered = N}},
        {"while the session goes on", rule, MXT_SEVERITY_HIGH, {.masked = "********", .is_snapshot = true}},
        {"not offered, not masked", rule, MXT_SEVERITY_NONE, {.offered = N, .exposed = 1}},
    };
    check_session(cases, COUNT(cases));
}

static void command_mangled(void **state)
{
    (void)state;
    enum mxt_rule rule = MXT_RULE_STARTTLS_COMMAND_MANGLED;
    const struct judged cases[] = {
        {"refused with 500", rule, MXT_SEVERITY_HIGH, {.mangled = "XXXXXXXX", .reply_code = 500, .offered = Y, .requested = N}},
        {"refused with 502, offer not seen", rule, MXT_SEVERITY_HIGH, {.mangled = "XXXXXXXX", .reply_code = 502}},
        {"the reply was not seen", rule, MXT_SEVERITY_NONE, {.mangled = "XXXXXXXX", .offered = Y}},
        {"accepted all the same", rule, MXT_SEVERITY_NONE, {.mangled = "XXXXXXXX", .reply_code = 220}},
        {"intact and refused", rule, MXT_SEVERITY_NONE, {.reply_code = 502, .offered = Y, .requested = Y}},
        {"not at once", rule, MXT_SEVERITY_NONE, {.mangled = "XXXXXXXX", .reply_code = 500, .is_snapshot = true}},
        {"as soon as mail went instead", rule, MXT_SEVERITY_HIGH, {.mangled = "XXXXXXXX", .reply_code = 500, .exposed = 1, .is_snapshot = true}},
    };
    check_session(cases, COUNT(cases));
}

static void command_refused(void **state)
{
    (void)state;
    enum mxt_rule rule = MXT_RULE_STARTTLS_COMMAND_REFUSED;
    const struct judged cases[] = {
        {"454", rule, MXT_SEVERITY_MEDIUM, {.offered = Y, .requested = Y, .reply_code = 454}},
        {"501", rule, MXT_SEVERITY_MEDIUM, {.offered = Y, .requested = Y, .reply_code = 501}},
        {"500", rule, MXT_SEVERITY_HIGH, {.offered = Y, .requested = Y, .reply_code = 500}},
        {"502", rule, MXT_SEVERITY_HIGH, {.offered = Y, .requested = Y, .reply_code = 502}},
        {"not at once: the client may ask again", rule, MXT_SEVERITY_NONE, {.offered = Y, .requested = Y, .reply_code = 454, .is_snapshot = true}},
        {"as soon as mail went instead", rule, MXT_SEVERITY_MEDIUM, {.offered = Y, .requested = Y, .reply_code = 454, .exposed = 1, .is_snapshot = true}},
        {"accepted", rule, MXT_SEVERITY_NONE, {.offered = Y, .requested = Y, .reply_code = 220}},
        {"never offered", rule, MXT_SEVERITY_NONE, {.offered = N, .requested = Y, .reply_code = 502}},
        {"offer not known", rule, MXT_SEVERITY_NONE, {.requested = Y, .reply_code = 502}},
        {"request not known", rule, MXT_SEVERITY_NONE, {.offered = Y, .reply_code = 502}},
        {"reply not known", rule, MXT_SEVERITY_NONE, {.offered = Y, .requested = Y}},
        {"never asked", rule, MXT_SEVERITY_NONE, {.offered = Y, .requested = N}},
        {"mangled is told as such", rule, MXT_SEVERITY_NONE, {.offered = Y, .requested = N, .mangled = "XXXXXXXX", .reply_code = 500}},
    };
    check_session(cases, COUNT(cases));
}

static void handshake_aborted(void **state)
{
    (void)state;
    enum mxt_rule rule = MXT_RULE_STARTTLS_HANDSHAKE_ABORTED;
    const struct judged cases[] = {
        {"failed", rule, MXT_SEVERITY_MEDIUM, {.requested = Y, .reply_code = 220, .has_tls = true, .outcome = MXT_TLS_FAILED}},
        {"X-ANONYMOUSTLS",
         rule,
         MXT_SEVERITY_MEDIUM,
         {.requested = Y, .reply_code = 220, .has_tls = true, .mode = MXT_TLS_X_ANONYMOUSTLS, .outcome = MXT_TLS_FAILED}},
        {"not one record, then FIN", rule, MXT_SEVERITY_MEDIUM, {.requested = Y, .reply_code = 220, .ended = "fin"}},
        {"not one record, then RST", rule, MXT_SEVERITY_MEDIUM, {.requested = Y, .reply_code = 220, .ended = "rst"}},
        {"not one record yet", rule, MXT_SEVERITY_NONE, {.requested = Y, .reply_code = 220, .ended = "fin", .is_snapshot = true}},
        {"not one record, the capture ends", rule, MXT_SEVERITY_NONE, {.requested = Y, .reply_code = 220, .ended = "capture_end"}},
        {"not one record, end not known", rule, MXT_SEVERITY_NONE, {.requested = Y, .reply_code = 220}},
        {"not one record, hole towards the server", rule, MXT_SEVERITY_NONE, {.requested = Y, .reply_code = 220, .ended = "fin", .gap_toserver = 1}},
        {"not one record, hole towards the client", rule, MXT_SEVERITY_NONE, {.requested = Y, .reply_code = 220, .ended = "fin", .gap_toclient = 1}},
        {"not one record, one side", rule, MXT_SEVERITY_NONE, {.requested = Y, .reply_code = 220, .ended = "fin", .one_sided = true}},
        {"established", rule, MXT_SEVERITY_NONE, {.requested = Y, .reply_code = 220, .has_tls = true, .outcome = MXT_TLS_ESTABLISHED}},
        {"incomplete", rule, MXT_SEVERITY_NONE, {.requested = Y, .reply_code = 220, .has_tls = true, .outcome = MXT_TLS_INCOMPLETE, .ended = "fin"}},
        {"outcome not known", rule, MXT_SEVERITY_NONE, {.requested = Y, .reply_code = 220, .has_tls = true, .ended = "fin"}},
        {"decrypted", rule, MXT_SEVERITY_NONE, {.requested = Y, .reply_code = 220, .has_tls = true, .outcome = MXT_TLS_DECRYPTED, .ended = "fin"}},
        {"implicit TLS", rule, MXT_SEVERITY_NONE, {.requested = Y, .reply_code = 220, .has_tls = true, .mode = MXT_TLS_IMPLICIT, .outcome = MXT_TLS_FAILED}},
        {"220 not seen", rule, MXT_SEVERITY_NONE, {.requested = Y, .has_tls = true, .outcome = MXT_TLS_FAILED}},
        {"refused", rule, MXT_SEVERITY_NONE, {.requested = Y, .reply_code = 454, .has_tls = true, .outcome = MXT_TLS_FAILED}},
    };
    check_session(cases, COUNT(cases));
}

static void fallback(void **state)
{
    (void)state;
    enum mxt_rule rule = MXT_RULE_STARTTLS_FALLBACK;
    const struct judged cases[] = {
        {"refused, then mail", rule, MXT_SEVERITY_HIGH, {.offered = Y, .requested = Y, .reply_code = 454, .exposed = 1, .before = {"EHLO"}}},
        {"refused, then mail, offer not known", rule, MXT_SEVERITY_HIGH, {.requested = Y, .reply_code = 454, .exposed = 1, .before = {"EHLO"}}},
        {"mangled, then mail", rule, MXT_SEVERITY_HIGH, {.offered = N, .mangled = "XXXXXXXX", .reply_code = 500, .exposed = 1, .before = {"EHLO"}}},
        {"aborted, then mail",
         rule,
         MXT_SEVERITY_HIGH,
         {.offered = Y, .requested = Y, .reply_code = 220, .has_tls = true, .outcome = MXT_TLS_FAILED, .exposed = 1, .before = {"EHLO"}}},
        {"as soon as it happens", rule, MXT_SEVERITY_HIGH, {.offered = Y, .requested = Y, .reply_code = 454, .exposed = 1, .is_snapshot = true}},
        {"refused, no mail", rule, MXT_SEVERITY_NONE, {.offered = Y, .requested = Y, .reply_code = 454}},
        {"never offered", rule, MXT_SEVERITY_NONE, {.offered = N, .requested = Y, .reply_code = 502, .exposed = 1}},
        {"mail came first",
         rule,
         MXT_SEVERITY_NONE,
         {.offered = Y, .requested = Y, .reply_code = 454, .exposed = 1, .before = {"EHLO", "MAIL", "RCPT", "DATA"}}},
        {"a chunk came first", rule, MXT_SEVERITY_NONE, {.offered = Y, .requested = Y, .reply_code = 454, .exposed = 1, .before = {"EHLO", "bdat"}}},
        {"what came first is not wholly known",
         rule,
         MXT_SEVERITY_NONE,
         {.offered = Y,
          .requested = Y,
          .reply_code = 454,
          .exposed = 1,
          .before = {"NOOP", "NOOP", "NOOP", "NOOP", "NOOP", "NOOP", "NOOP", "NOOP", "NOOP", "NOOP", "NOOP", "NOOP", "NOOP", "NOOP", "NOOP", "NOOP", "NOOP"}}},
        {"reply not known", rule, MXT_SEVERITY_NONE, {.offered = Y, .requested = Y, .exposed = 1}},
        {"never asked", rule, MXT_SEVERITY_NONE, {.offered = Y, .requested = N, .exposed = 1}},
        {"established",
         rule,
         MXT_SEVERITY_NONE,
         {.offered = Y, .requested = Y, .reply_code = 220, .has_tls = true, .outcome = MXT_TLS_ESTABLISHED, .exposed = 1}},
        {"decrypted", rule, MXT_SEVERITY_NONE, {.offered = Y, .requested = Y, .reply_code = 454, .has_tls = true, .outcome = MXT_TLS_DECRYPTED, .exposed = 1}},
    };
    check_session(cases, COUNT(cases));
}

static void unused(void **state)
{
    (void)state;
    enum mxt_rule rule = MXT_RULE_STARTTLS_UNUSED;
    const struct judged cases[] = {
        {"offered, not asked, mail", rule, MXT_SEVERITY_LOW, {.offered = Y, .requested = N, .exposed = 1}},
        {"it may still be asked for", rule, MXT_SEVERITY_NONE, {.offered = Y, .requested = N, .exposed = 1, .is_snapshot = true}},
        {"no mail", rule, MXT_SEVERITY_NONE, {.offered = Y, .requested = N}},
        {"not offered", rule, MXT_SEVERITY_NONE, {.offered = N, .requested = N, .exposed = 1}},
        {"offer not known", rule, MXT_SEVERITY_NONE, {.requested = N, .exposed = 1}},
        {"request not known", rule, MXT_SEVERITY_NONE, {.offered = Y, .exposed = 1}},
        {"asked", rule, MXT_SEVERITY_NONE, {.offered = Y, .requested = Y, .reply_code = 454, .exposed = 1}},
        {"asked, overwritten on the way", rule, MXT_SEVERITY_NONE, {.offered = Y, .requested = N, .mangled = "XXXXXXXX", .exposed = 1}},
        {"decrypted", rule, MXT_SEVERITY_NONE, {.offered = Y, .requested = N, .exposed = 1, .has_tls = true, .outcome = MXT_TLS_DECRYPTED}},
    };
    check_session(cases, COUNT(cases));
}

static void not_offered(void **state)
{
    (void)state;
    enum mxt_rule rule = MXT_RULE_STARTTLS_NOT_OFFERED;
    const struct judged cases[] = {
        {"EHLO without the offer", rule, MXT_SEVERITY_INFO, {.offered = N, .ehlo = Y, .ehlo_code = 250, .exposed = 1}},
        {"HELO", rule, MXT_SEVERITY_INFO, {.ehlo = N, .helo_code = 250, .exposed = 1}},
        {"EHLO refused, HELO taken", rule, MXT_SEVERITY_INFO, {.ehlo = Y, .ehlo_code = 502, .helo_code = 250, .exposed = 1}},
        {"a whole reply counts behind a hole", rule, MXT_SEVERITY_INFO, {.offered = N, .exposed = 1, .gap_toserver = 5, .gap_toclient = 5}},
        {"it may still be offered", rule, MXT_SEVERITY_NONE, {.offered = N, .exposed = 1, .is_snapshot = true}},
        {"no mail", rule, MXT_SEVERITY_NONE, {.offered = N, .ehlo = Y, .ehlo_code = 250}},
        {"offered", rule, MXT_SEVERITY_NONE, {.offered = Y, .exposed = 1}},
        {"offer not known", rule, MXT_SEVERITY_NONE, {.ehlo = Y, .ehlo_code = 250, .exposed = 1}},
        {"EHLO failed for now", rule, MXT_SEVERITY_NONE, {.ehlo = Y, .ehlo_code = 421, .helo_code = 250, .exposed = 1}},
        {"HELO, not answered", rule, MXT_SEVERITY_NONE, {.ehlo = N, .exposed = 1}},
        {"HELO behind a hole", rule, MXT_SEVERITY_NONE, {.ehlo = N, .helo_code = 250, .exposed = 1, .gap_toserver = 1}},
        {"HELO, hole in the replies", rule, MXT_SEVERITY_NONE, {.ehlo = N, .helo_code = 250, .exposed = 1, .gap_toclient = 1}},
        {"HELO, beginning not seen", rule, MXT_SEVERITY_NONE, {.ehlo = N, .helo_code = 250, .exposed = 1, .midstream = true}},
        {"HELO, one side", rule, MXT_SEVERITY_NONE, {.ehlo = N, .helo_code = 250, .exposed = 1, .one_sided = true}},
        {"masked", rule, MXT_SEVERITY_NONE, {.offered = N, .masked = "XXXXXXXA", .exposed = 1}},
        {"mangled", rule, MXT_SEVERITY_NONE, {.offered = N, .mangled = "XXXXXXXX", .exposed = 1}},
        {"decrypted", rule, MXT_SEVERITY_NONE, {.offered = N, .exposed = 1, .has_tls = true, .outcome = MXT_TLS_DECRYPTED}},
    };
    check_session(cases, COUNT(cases));
}

static void injection(void **state)
{
    (void)state;
    const struct judged cases[] = {
        {"towards the server", MXT_RULE_STARTTLS_INJECTION_TOSERVER, MXT_SEVERITY_HIGH, {.injected_toserver = 24}},
        {"towards the client", MXT_RULE_STARTTLS_INJECTION_TOCLIENT, MXT_SEVERITY_HIGH, {.injected_toclient = 24, .is_snapshot = true}},
        {"the other side's", MXT_RULE_STARTTLS_INJECTION_TOSERVER, MXT_SEVERITY_NONE, {.injected_toclient = 24}},
        {"the other side's", MXT_RULE_STARTTLS_INJECTION_TOCLIENT, MXT_SEVERITY_NONE, {.injected_toserver = 24}},
        {"decrypted", MXT_RULE_STARTTLS_INJECTION_TOSERVER, MXT_SEVERITY_NONE, {.injected_toserver = 24, .has_tls = true, .outcome = MXT_TLS_DECRYPTED}},
        {"nothing in between",
         MXT_RULE_STARTTLS_INJECTION_TOSERVER,
         MXT_SEVERITY_NONE,
         {.offered = Y, .requested = Y, .reply_code = 220, .has_tls = true, .outcome = MXT_TLS_ESTABLISHED}},
    };
    check_session(cases, COUNT(cases));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(capability_masked), cmocka_unit_test(command_mangled), cmocka_unit_test(command_refused), cmocka_unit_test(handshake_aborted),
        cmocka_unit_test(fallback),          cmocka_unit_test(unused),          cmocka_unit_test(not_offered),     cmocka_unit_test(injection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
