/* Whom a policy binds, by what the network remembers and by what a person has said: relays, our own MX, offers that a policy demands. */
#include <stdio.h>

#include "history.h"

#define N MXT_NO
#define Y MXT_YES

#define OFFERING  .offered = Y, .ehlo = Y, .ehlo_code = 250
#define ENCRYPTED OFFERING, .requested = Y, .reply_code = 220, .has_tls = true, .outcome = MXT_TLS_ESTABLISHED
#define UNUSED    OFFERING, .requested = N, .exposed = 1, .content = Y
#define PLAIN     .offered = N, .requested = N, .ehlo = Y, .ehlo_code = 250, .exposed = 1, .content = Y
#define OUT       .hop = MXT_HOP_OUTBOUND
#define IN        .hop = MXT_HOP_INBOUND
#define TO_BOB    .recipients = {"bob@example.net"}

#define PLAINTEXT MXT_RULE_MTA_STS_PLAINTEXT_DELIVERY
#define STRIPPED  MXT_RULE_STARTTLS_STRIPPED

static void begin(struct history *history)
{
    static const char *const policies[][2] = {
        {"example.net", "version: STSv1\nmode: enforce\nmx: mx.example.net\nmax_age: 86400\n"},
        {"testing.example", "version: STSv1\nmode: testing\nmx: mx.testing.example\nmax_age: 86400\n"},
    };
    history_begin(history);
    for (size_t i = 0; i < COUNT(policies); i++)
        assert_int_equal(mxt_memory_add_policy(history->memory, policies[i][0], policies[i][1], strlen(policies[i][1]), NULL, 0), MXT_OK);
}

static enum mxt_severity last(struct history *history, const struct visit *visits, size_t count, enum mxt_rule rule)
{
    for (size_t i = 0; i < count; i++)
        history_take(history, visits, i);
    enum mxt_severity severity = history->found[count - 1].severity[rule];
    history_end(history);
    return severity;
}

static void check_alone(const struct judged *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct history history;
        begin(&history);
        const struct visit visit = {1, .facts = cases[i].facts};
        enum mxt_severity severity = last(&history, &visit, 1, cases[i].rule);
        if (severity != cases[i].severity)
            fail_msg("%s: severity %d instead of %d", cases[i].what, severity, cases[i].severity);
    }
}

static void policies_demand_an_offer(void **state)
{
    (void)state;
    const struct judged cases[] = {
        {"the recipients' policy", STRIPPED, MXT_SEVERITY_HIGH, {PLAIN, OUT, TO_BOB}},
        {"the greeting's", STRIPPED, MXT_SEVERITY_HIGH, {PLAIN, .banner_name = "mx.example.net"}},
        {"EHLO refused", STRIPPED, MXT_SEVERITY_HIGH, {OUT, TO_BOB, .ehlo = Y, .ehlo_code = 502, .helo_code = 250, .exposed = 1}},
        {"towards our own MX", STRIPPED, MXT_SEVERITY_HIGH, {PLAIN, IN, TO_BOB}},
        {"only testing", STRIPPED, MXT_SEVERITY_NONE, {PLAIN, OUT, .recipients = {"bob@testing.example"}}},
        {"no policy", STRIPPED, MXT_SEVERITY_NONE, {PLAIN, OUT, .recipients = {"bob@other.example"}}},
        {"inside, to a relay", STRIPPED, MXT_SEVERITY_NONE, {PLAIN, TO_BOB, .hop = MXT_HOP_INTERNAL}},
        {"submission", STRIPPED, MXT_SEVERITY_NONE, {PLAIN, OUT, TO_BOB, .port = 587}},
        {"after AUTH", STRIPPED, MXT_SEVERITY_NONE, {PLAIN, OUT, TO_BOB, .attempts = 1, .auth_code = 235}},
        {"HELO by choice", STRIPPED, MXT_SEVERITY_NONE, {OUT, TO_BOB, .ehlo = N, .helo_code = 250, .exposed = 1}},
        {"offered", STRIPPED, MXT_SEVERITY_NONE, {UNUSED, OUT, TO_BOB}},
    };
    check_alone(cases, COUNT(cases));
}

static void our_own_mx(void **state)
{
    (void)state;
    const struct visit known[] = {
        {1, .facts = {ENCRYPTED, IN}},
        {2, .facts = {ENCRYPTED, IN}},
        {3, .facts = {ENCRYPTED, IN}},
        {4, .facts = {UNUSED, IN, TO_BOB}},
        {5, "10.1.0.77", .facts = {UNUSED, IN, TO_BOB}},
    };
    struct history history;
    begin(&history);
    assert_int_equal(last(&history, known, 4, PLAINTEXT), MXT_SEVERITY_CRITICAL);
    begin(&history);
    assert_int_equal(last(&history, known, 5, PLAINTEXT), MXT_SEVERITY_MEDIUM);
}

/* Where the network's borders are not known, the domains that are ours tell our MX. */
static void our_own_domains(void **state)
{
    (void)state;
    const char *ours[] = {"EXAMPLE.net"};
    const struct visit visits[] = {{1, .facts = {UNUSED, .hop = MXT_HOP_TRANSIT, TO_BOB}}, {1, .facts = {UNUSED, OUT, TO_BOB}}};
    for (size_t i = 0; i < COUNT(visits); i++) {
        struct history history;
        begin(&history);
        assert_int_equal(last(&history, &visits[i], 1, PLAINTEXT), MXT_SEVERITY_CRITICAL);
        begin(&history);
        history.config.home_domains = (struct mxt_text_list){.items = ours, .count = 1};
        assert_int_equal(last(&history, &visits[i], 1, PLAINTEXT), i == 0 ? MXT_SEVERITY_MEDIUM : MXT_SEVERITY_CRITICAL);
    }
}

static void configured_relays(void **state)
{
    (void)state;
    struct mxt_network network = {.prefix = 96 + 24};
    assert_int_equal(mxt_address_parse("192.0.2.0", &network.address), MXT_OK);
    const struct visit visits[] = {{1, .facts = {PLAIN, OUT, TO_BOB}}, {1, .server = "198.51.100.25", .facts = {PLAIN, OUT, TO_BOB}}};
    for (size_t i = 0; i < COUNT(visits); i++) {
        struct history history;
        for (size_t rule = 0; rule < 2; rule++) {
            begin(&history);
            history.config.relays = (struct mxt_networks){.items = &network, .count = 1};
            enum mxt_severity severity = last(&history, &visits[i], 1, rule == 0 ? PLAINTEXT : STRIPPED);
            assert_true((severity == MXT_SEVERITY_NONE) == (i == 0));
        }
    }
}

/* Mail for `domains` unrelated domains, then for Bob. */
static enum mxt_severity after_domains(unsigned domains, struct facts facts, const char *client)
{
    char addresses[VISITS_MAX][40];
    struct visit visits[VISITS_MAX];
    assert_true(domains < VISITS_MAX);
    for (unsigned i = 0; i < domains; i++) {
        snprintf(addresses[i], sizeof addresses[i], "bob@d%u.example", i);
        visits[i] = (struct visit){i + 1, client, .facts = {UNUSED, OUT, .banner_name = facts.banner_name, .recipients = {addresses[i]}}};
    }
    visits[domains] = (struct visit){domains + 1, .facts = facts};
    struct history history;
    begin(&history);
    return last(&history, visits, domains + 1, PLAINTEXT);
}

static void relays_by_what_they_take(void **state)
{
    (void)state;
    const struct facts to_bob = {UNUSED, OUT, TO_BOB};
    const struct facts named = {UNUSED, OUT, TO_BOB, .banner_name = "mx.example.net"};
    const struct facts related = {UNUSED, OUT, TO_BOB, .banner_name = "in7.example.net"};
    const struct facts other = {UNUSED, OUT, TO_BOB, .banner_name = "smarthost.example.org"};
    assert_int_equal(after_domains(8, to_bob, NULL), MXT_SEVERITY_CRITICAL);
    assert_int_equal(after_domains(9, to_bob, NULL), MXT_SEVERITY_INFO);
    assert_int_equal(after_domains(40, to_bob, NULL), MXT_SEVERITY_INFO);
    assert_int_equal(after_domains(40, other, NULL), MXT_SEVERITY_INFO);
    assert_int_equal(after_domains(40, named, NULL), MXT_SEVERITY_CRITICAL);
    assert_int_equal(after_domains(40, related, NULL), MXT_SEVERITY_CRITICAL);
    assert_int_equal(after_domains(40, to_bob, "10.1.0.77"), MXT_SEVERITY_CRITICAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(policies_demand_an_offer), cmocka_unit_test(our_own_mx), cmocka_unit_test(our_own_domains), cmocka_unit_test(configured_relays),
        cmocka_unit_test(relays_by_what_they_take),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
