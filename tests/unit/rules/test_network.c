/* The rules that rest on what the network remembers: what raises them, and what only looks like it. The last session of each history is the one in question. */
#include "history.h"

#define N MXT_NO
#define Y MXT_YES

/* Sessions that speak for themselves. */
#define OFFERING  .offered = Y, .ehlo = Y, .ehlo_code = 250
#define ENCRYPTED OFFERING, .requested = Y, .reply_code = 220, .has_tls = true, .outcome = MXT_TLS_ESTABLISHED
#define PLAIN     .offered = N, .requested = N, .ehlo = Y, .ehlo_code = 250, .exposed = 1
#define ABORTED   OFFERING, .requested = Y, .reply_code = 220, .has_tls = true, .outcome = MXT_TLS_FAILED
#define REFUSED   OFFERING, .requested = Y, .reply_code = 454
#define UNUSED    OFFERING, .requested = N, .exposed = 1
#define HELO      .ehlo = N, .helo_code = 250, .requested = N, .exposed = 1
#define OUT       .hop = MXT_HOP_OUTBOUND
#define OTHER     "10.1.0.77"

enum { SESSIONS = 12 };

struct told {
    const char *what;
    enum mxt_severity severity;
    struct visit visits[SESSIONS]; /* until one without a minute */
};

static size_t count_visits(const struct told *told)
{
    size_t count = 0;
    while (count < SESSIONS && told->visits[count].minute != 0)
        count++;
    return count;
}

static void check(enum mxt_rule rule, const struct told *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct found found = history_last(cases[i].visits, count_visits(&cases[i]));
        if (found.severity[rule] != cases[i].severity)
            fail_msg("%s: severity %d instead of %d", cases[i].what, found.severity[rule], cases[i].severity);
    }
}

static void stripped(void **state)
{
    (void)state;
    const struct told cases[] = {
        {"this client was offered", MXT_SEVERITY_HIGH, {{1, .facts = {ENCRYPTED, OUT}}, {2, .facts = {PLAIN, OUT}}}},
        {"EHLO refused, HELO taken",
         MXT_SEVERITY_HIGH,
         {{1, .facts = {ENCRYPTED}}, {2, .facts = {.ehlo = Y, .ehlo_code = 502, .helo_code = 250, .requested = N}}}},
        {"no mail, all the same", MXT_SEVERITY_HIGH, {{1, .facts = {ENCRYPTED}}, {2, .facts = {.offered = N, .ehlo = Y, .ehlo_code = 250}}}},
        {"in a snapshot, mail went", MXT_SEVERITY_HIGH, {{1, .facts = {ENCRYPTED}}, {2, .facts = {PLAIN, .is_snapshot = true}}}},
        {"others were offered, outbound",
         MXT_SEVERITY_MEDIUM,
         {{1, OTHER, .facts = {ENCRYPTED, OUT}}, {2, OTHER, .facts = {ENCRYPTED, OUT}}, {3, .facts = {PLAIN, OUT}}}},
        {"others were offered, inbound",
         MXT_SEVERITY_LOW,
         {{1, OTHER, .facts = {ENCRYPTED}}, {2, OTHER, .facts = {ENCRYPTED}}, {3, .facts = {PLAIN, .hop = MXT_HOP_INBOUND}}}},
        {"others were offered, and it goes on",
         MXT_SEVERITY_MEDIUM,
         {{1, OTHER, .facts = {ENCRYPTED}}, {2, OTHER, .facts = {ENCRYPTED}}, {3, .facts = {PLAIN, OUT}}, {4, .facts = {PLAIN, OUT}}}},
        {"another address greets with the name",
         MXT_SEVERITY_MEDIUM,
         {{1, .facts = {ENCRYPTED, .banner_name = "mx.example.net"}},
          {2, .facts = {ENCRYPTED, .banner_name = "mx.example.net"}},
          {3, .server = "192.0.2.26", .facts = {PLAIN, OUT, .banner_name = "mx.example.net"}}}},
        {"it goes on",
         MXT_SEVERITY_HIGH,
         {{1, .facts = {ENCRYPTED}}, {2, .facts = {PLAIN}}, {3, .facts = {PLAIN}}, {4, .facts = {PLAIN}}, {5, .facts = {PLAIN}}}},
        {"one other was offered once", MXT_SEVERITY_NONE, {{1, OTHER, .facts = {ENCRYPTED}}, {2, .facts = {PLAIN, OUT}}}},
        {"left out before others were known",
         MXT_SEVERITY_NONE,
         {{1, .facts = {PLAIN, OUT}}, {2, OTHER, .facts = {ENCRYPTED}}, {3, OTHER, .facts = {ENCRYPTED}}, {4, .facts = {PLAIN, OUT}}}},
        {"never offered", MXT_SEVERITY_NONE, {{1, .facts = {PLAIN}}, {2, .facts = {PLAIN}}}},
        {"another server", MXT_SEVERITY_NONE, {{1, .facts = {ENCRYPTED}}, {2, .server = "192.0.2.26", .facts = {PLAIN}}}},
        {"a name that everyone has",
         MXT_SEVERITY_NONE,
         {{1, .facts = {ENCRYPTED, .banner_name = "localhost.localdomain"}},
          {2, .facts = {ENCRYPTED, .banner_name = "localhost.localdomain"}},
          {3, .server = "192.0.2.26", .facts = {PLAIN, OUT, .banner_name = "localhost.localdomain"}}}},
        {"HELO by choice", MXT_SEVERITY_NONE, {{1, .facts = {ENCRYPTED}}, {2, .facts = {HELO}}}},
        {"refused by a block list",
         MXT_SEVERITY_NONE,
         {{1, .facts = {ENCRYPTED}}, {2, .facts = {.ehlo = Y, .ehlo_code = 554, .helo_code = 554, .requested = N}}}},
        {"EHLO put off", MXT_SEVERITY_NONE, {{1, .facts = {ENCRYPTED}}, {2, .facts = {.ehlo = Y, .ehlo_code = 451, .helo_code = 250, .requested = N}}}},
        {"masked says it better", MXT_SEVERITY_NONE, {{1, .facts = {ENCRYPTED}}, {2, .facts = {PLAIN, .masked = "XXXXXXXA"}}}},
        {"mangled says it better", MXT_SEVERITY_NONE, {{1, .facts = {ENCRYPTED}}, {2, .facts = {PLAIN, .mangled = "XXXXXXXX", .reply_code = 500}}}},
        {"the reply was not seen whole", MXT_SEVERITY_NONE, {{1, .facts = {ENCRYPTED}}, {2, .facts = {.ehlo = Y, .ehlo_code = 250, .exposed = 1}}}},
        {"it may still be offered",
         MXT_SEVERITY_NONE,
         {{1, .facts = {ENCRYPTED}}, {2, .facts = {.offered = N, .ehlo = Y, .ehlo_code = 250, .is_snapshot = true}}}},
        {"decrypted", MXT_SEVERITY_NONE, {{1, .facts = {ENCRYPTED}}, {2, .facts = {PLAIN, .has_tls = true, .outcome = MXT_TLS_DECRYPTED}}}},
        {"a farm, told",
         MXT_SEVERITY_INFO,
         {{1, .facts = {PLAIN}}, {2, .facts = {UNUSED}}, {3, .facts = {PLAIN}}, {4, .facts = {UNUSED}}, {5, .facts = {PLAIN}}}},
        {"a farm, once",
         MXT_SEVERITY_NONE,
         {{1, .facts = {PLAIN}}, {2, .facts = {UNUSED}}, {3, .facts = {PLAIN}}, {4, .facts = {UNUSED}}, {5, .facts = {PLAIN}}, {6, .facts = {PLAIN}}}},
        {"a farm, once for all clients",
         MXT_SEVERITY_NONE,
         {{1, .facts = {PLAIN}}, {2, .facts = {UNUSED}}, {3, .facts = {PLAIN}}, {4, .facts = {UNUSED}}, {5, .facts = {PLAIN}}, {6, OTHER, .facts = {PLAIN}}}},
    };
    check(MXT_RULE_STARTTLS_STRIPPED, cases, COUNT(cases));
}

static void not_offered_gives_way(void **state)
{
    (void)state;
    const struct told cases[] = {
        {"nothing is known", MXT_SEVERITY_INFO, {{1, .facts = {PLAIN}}, {2, .facts = {PLAIN}}}},
        {"known to offer", MXT_SEVERITY_NONE, {{1, .facts = {ENCRYPTED}}, {2, .facts = {PLAIN}}}},
        {"a farm", MXT_SEVERITY_NONE, {{1, .facts = {PLAIN}}, {2, .facts = {UNUSED}}, {3, .facts = {PLAIN}}, {4, .facts = {UNUSED}}, {5, .facts = {PLAIN}}}},
        {"lost for days", MXT_SEVERITY_NONE, {{1, .facts = {ENCRYPTED}}, {2, .facts = {PLAIN}}, {5000, .facts = {PLAIN}}, {10000, .facts = {PLAIN}}}},
        {"HELO, known to offer", MXT_SEVERITY_NONE, {{1, .facts = {ENCRYPTED}}, {2, .facts = {HELO}}}},
    };
    check(MXT_RULE_STARTTLS_NOT_OFFERED, cases, COUNT(cases));
}

static void lost_is_said(void **state)
{
    (void)state;
    const struct visit visits[] = {
        {1, .facts = {ENCRYPTED}}, {2, .facts = {PLAIN}}, {1000, .facts = {PLAIN}}, {1442, .facts = {PLAIN}}, {9000, OTHER, .facts = {PLAIN}}};
    assert_false(history_last(visits, 2).is_lost);
    assert_false(history_last(visits, 3).is_lost);
    assert_true(history_last(visits, 4).is_lost);
    assert_int_equal(history_last(visits, 4).severity[MXT_RULE_STARTTLS_STRIPPED], MXT_SEVERITY_HIGH);
}

static void fallback(void **state)
{
    (void)state;
    const struct told cases[] = {
        {"aborted, then mail", MXT_SEVERITY_HIGH, {{1, .facts = {ABORTED}}, {2, .facts = {UNUSED}}}},
        {"refused, then mail", MXT_SEVERITY_HIGH, {{1, .facts = {REFUSED}}, {60, .facts = {PLAIN}}}},
        {"from another address of the name",
         MXT_SEVERITY_HIGH,
         {{1, .facts = {ABORTED, .helo = "a.example.org"}}, {2, OTHER, .facts = {UNUSED, .helo = "b.example.org"}}}},
        {"to another MX of the domain, by its name",
         MXT_SEVERITY_HIGH,
         {{1, .facts = {ABORTED, .banner_name = "mx1.example.net"}}, {2, .server = "192.0.2.26", .facts = {UNUSED, .banner_name = "mx2.example.net"}}}},
        {"to another MX of the domain, by the recipient",
         MXT_SEVERITY_HIGH,
         {{1, .facts = {ABORTED, .banner_name = "mx1.example.net"}}, {2, .server = "192.0.2.26", .facts = {UNUSED, .recipients = {"bob@example.net"}}}}},
        {"once in the session, once told", MXT_SEVERITY_HIGH, {{1, .facts = {ABORTED}}, {2, .facts = {REFUSED, .exposed = 1, .before = {"EHLO"}}}}},
        {"after the time", MXT_SEVERITY_NONE, {{1, .facts = {ABORTED}}, {62, .facts = {UNUSED}}}},
        {"the mail came first", MXT_SEVERITY_NONE, {{2, .facts = {ABORTED}}, {1, .facts = {UNUSED}}}},
        {"TLS worked since", MXT_SEVERITY_NONE, {{1, .facts = {ABORTED}}, {2, .facts = {ENCRYPTED}}, {3, .facts = {UNUSED}}}},
        {"the retry is encrypted", MXT_SEVERITY_NONE, {{1, .facts = {ABORTED}}, {2, .facts = {ENCRYPTED}}}},
        {"another client", MXT_SEVERITY_NONE, {{1, .facts = {ABORTED}}, {2, OTHER, .facts = {UNUSED}}}},
        {"names that everyone has", MXT_SEVERITY_NONE, {{1, .facts = {ABORTED, .helo = "mail.local"}}, {2, OTHER, .facts = {UNUSED, .helo = "mail.local"}}}},
        {"another server, of nobody knows whom", MXT_SEVERITY_NONE, {{1, .facts = {ABORTED}}, {2, .server = "192.0.2.26", .facts = {UNUSED}}}},
        {"it asked for what was not offered", MXT_SEVERITY_NONE, {{1, .facts = {.offered = N, .requested = Y, .reply_code = 502}}, {2, .facts = {PLAIN}}}},
        {"decrypted", MXT_SEVERITY_NONE, {{1, .facts = {ABORTED}}, {2, .facts = {UNUSED, .has_tls = true, .outcome = MXT_TLS_DECRYPTED}}}},
    };
    check(MXT_RULE_STARTTLS_FALLBACK, cases, COUNT(cases));
}

#define THREE_ENCRYPTED                                                                                                                                        \
    {1, .facts = {ENCRYPTED}}, {2, .facts = {ENCRYPTED}},                                                                                                      \
    {                                                                                                                                                          \
        3, .facts = { ENCRYPTED }                                                                                                                              \
    }

static void unused(void **state)
{
    (void)state;
    const struct told cases[] = {
        {"no habit", MXT_SEVERITY_LOW, {{1, .facts = {UNUSED}}}},
        {"two are no habit", MXT_SEVERITY_LOW, {{1, .facts = {ENCRYPTED}}, {2, .facts = {ENCRYPTED}}, {3, .facts = {UNUSED}}}},
        {"habit", MXT_SEVERITY_MEDIUM, {THREE_ENCRYPTED, {4, .facts = {UNUSED}}}},
        {"sessions without mail are no break of it", MXT_SEVERITY_MEDIUM, {THREE_ENCRYPTED, {4, .facts = {OFFERING}}, {5, .facts = {UNUSED}}}},
        {"HELO against habit", MXT_SEVERITY_MEDIUM, {THREE_ENCRYPTED, {4, .facts = {HELO}}}},
        {"HELO, others were offered", MXT_SEVERITY_LOW, {{1, OTHER, .facts = {ENCRYPTED}}, {2, OTHER, .facts = {ENCRYPTED}}, {4, .facts = {HELO}}}},
        {"a broken habit", MXT_SEVERITY_LOW, {THREE_ENCRYPTED, {4, .facts = {UNUSED}}, {5, .facts = {UNUSED}}}},
        {"others' habit", MXT_SEVERITY_LOW, {THREE_ENCRYPTED, {4, OTHER, .facts = {UNUSED}}}},
        {"HELO, nothing known", MXT_SEVERITY_NONE, {{1, .facts = {HELO}}}},
        {"HELO behind a hole", MXT_SEVERITY_NONE, {THREE_ENCRYPTED, {4, .facts = {HELO, .gap_toserver = 1}}}},
        {"HELO, no mail", MXT_SEVERITY_NONE, {THREE_ENCRYPTED, {4, .facts = {.ehlo = N, .helo_code = 250, .requested = N}}}},
    };
    check(MXT_RULE_STARTTLS_UNUSED, cases, COUNT(cases));
}

#define IN .hop = MXT_HOP_INBOUND

static void handshake_aborted(void **state)
{
    (void)state;
    const struct told cases[] = {
        {"a stranger from outside", MXT_SEVERITY_INFO, {{1, .facts = {ABORTED, IN}}}},
        {"again and again", MXT_SEVERITY_INFO, {{1, .facts = {ABORTED, IN}}, {2, .facts = {ABORTED, IN}}}},
        {"one who encrypted", MXT_SEVERITY_MEDIUM, {{1, .facts = {ENCRYPTED, IN}}, {2, .facts = {ABORTED, IN}}}},
        {"one who sent mail", MXT_SEVERITY_MEDIUM, {{1, .facts = {UNUSED, IN}}, {2, .facts = {ABORTED, IN}}}},
        {"others' history", MXT_SEVERITY_INFO, {{1, OTHER, .facts = {ENCRYPTED, IN}}, {2, .facts = {ABORTED, IN}}}},
        {"outbound", MXT_SEVERITY_MEDIUM, {{1, .facts = {ABORTED, OUT}}}},
        {"inside", MXT_SEVERITY_MEDIUM, {{1, .facts = {ABORTED, .hop = MXT_HOP_INTERNAL}}}},
        {"hop not known", MXT_SEVERITY_MEDIUM, {{1, .facts = {ABORTED}}}},
    };
    check(MXT_RULE_STARTTLS_HANDSHAKE_ABORTED, cases, COUNT(cases));
}

#define KEY_A            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KEY_B            "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define SHOWN            ENCRYPTED, .visible = Y, .trust = MXT_TRUST_TRUSTED, .is_rsa = Y, .not_before = NOW - 10 * DAY, .not_after = NOW + 80 * DAY
#define OLD              SHOWN, .spki = KEY_A, .issuer = "A"
#define NEW              SHOWN, .spki = KEY_B, .issuer = "B"
#define RETRUST(verdict) ENCRYPTED, .visible = Y, .trust = verdict, .is_rsa = Y, .spki = KEY_B, .issuer = "B"

static void certificate_changed(void **state)
{
    (void)state;
    const struct told cases[] = {
        {"key and issuer", MXT_SEVERITY_MEDIUM, {{1, .facts = {OLD}}, {2, .facts = {NEW}}}},
        {"and trust is lost", MXT_SEVERITY_HIGH, {{1, .facts = {OLD}}, {2, .facts = {RETRUST(MXT_TRUST_SELF_SIGNED)}}}},
        {"trust was not checked", MXT_SEVERITY_MEDIUM, {{1, .facts = {OLD}}, {2, .facts = {RETRUST(MXT_TRUST_UNCHECKED)}}}},
        {"whatever came of the handshake",
         MXT_SEVERITY_MEDIUM,
         {{1, .facts = {OLD}}, {2, .facts = {ABORTED, .visible = Y, .is_rsa = Y, .spki = KEY_B, .issuer = "B"}}}},
        {"the first", MXT_SEVERITY_NONE, {{1, .facts = {NEW}}}},
        {"the same", MXT_SEVERITY_NONE, {{1, .facts = {OLD}}, {2, .facts = {OLD}}}},
        {"renewed by the same issuer", MXT_SEVERITY_NONE, {{1, .facts = {OLD}}, {2, .facts = {SHOWN, .spki = KEY_B, .issuer = "A"}}}},
        {"the same key, another issuer", MXT_SEVERITY_NONE, {{1, .facts = {OLD}}, {2, .facts = {SHOWN, .spki = KEY_A, .issuer = "B"}}}},
        {"issuer not known", MXT_SEVERITY_NONE, {{1, .facts = {OLD}}, {2, .facts = {SHOWN, .spki = KEY_B}}}},
        {"in turn", MXT_SEVERITY_NONE, {{1, .facts = {OLD}}, {2, .facts = {NEW}}, {3, .facts = {OLD}}}},
        {"and again", MXT_SEVERITY_NONE, {{1, .facts = {OLD}}, {2, .facts = {NEW}}, {3, .facts = {NEW}}}},
        {"another kind of key", MXT_SEVERITY_NONE, {{1, .facts = {OLD}}, {2, .facts = {ENCRYPTED, .visible = Y, .is_ec = Y, .spki = KEY_B, .issuer = "B"}}}},
        {"for another name", MXT_SEVERITY_NONE, {{1, .facts = {OLD, .sni = "a.example.net"}}, {2, .facts = {NEW, .sni = "b.example.net"}}}},
        {"of another server", MXT_SEVERITY_NONE, {{1, .facts = {OLD}}, {2, .server = "192.0.2.26", .facts = {NEW}}}},
        {"in the last third of its life",
         MXT_SEVERITY_NONE,
         {{1, .facts = {ENCRYPTED, .visible = Y, .is_rsa = Y, .spki = KEY_A, .issuer = "A", .not_before = NOW - 61 * DAY, .not_after = NOW + 29 * DAY}},
          {2, .facts = {NEW}}}},
        {"dates not known", MXT_SEVERITY_NONE, {{1, .facts = {ENCRYPTED, .visible = Y, .is_rsa = Y, .spki = KEY_A, .issuer = "A"}}, {2, .facts = {NEW}}}},
        {"not shown", MXT_SEVERITY_NONE, {{1, .facts = {OLD}}, {2, .facts = {ENCRYPTED, .visible = N, .spki = KEY_B, .issuer = "B"}}}},
    };
    check(MXT_RULE_CERTIFICATE_CHANGED, cases, COUNT(cases));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stripped), cmocka_unit_test(not_offered_gives_way), cmocka_unit_test(lost_is_said),        cmocka_unit_test(fallback),
        cmocka_unit_test(unused),   cmocka_unit_test(handshake_aborted),     cmocka_unit_test(certificate_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
