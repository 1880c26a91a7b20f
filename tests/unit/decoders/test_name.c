#include <string.h>

#include "check.h"
#include "decoders/certificate.h"

static void test_patterns(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *name;
        bool matches;
    } cases[] = {
        {"mx.example.net", "mx.example.net", true},
        {"MX.Example.Net", "mx.eXample.nEt", true},
        {"mx.example.net.", "mx.example.net", true},
        {"mx.example.net", "mx.example.net.", true},
        {"mx.example.net", "mx.example.org", false},
        {"example.net", "mx.example.net", false},
        {"*.example.net", "mx.example.net", true},
        {"*.example.net", "MX.EXAMPLE.NET.", true},
        {"*.example.net", "a.mx.example.net", false},
        {"*.example.net", "example.net", false},
        {"*.example.net", ".example.net", false},
        {"*.example.net", "*.example.net", false},
        {"m*.example.net", "mx.example.net", false},
        {"*x.example.net", "mx.example.net", false},
        {"mx.*.net", "mx.example.net", false},
        {"*.*.net", "mx.example.net", false},
        {"*", "mx", false},
        {"*.", "mx.", false},
        {"*.net", "example.net", true},
        {"*.xn--bcher-kva.example", "xn--mx-eka.xn--bcher-kva.example", true},
        {"b\xc3\xbc" "cher.example", "xn--bcher-kva.example", false},
        {"mx.example.net\\x00.evil.example", "mx.example.net", false},
        {"mx.example.net\\x00.evil.example", "mx.example.net\\x00.evil.example", false},
        {"192.0.2.1", "192.0.2.1", true},
        {"*.0.2.1", "192.0.2.1", false},
        {"2001:db8::1", "2001:DB8::1", true},
        {"2001:db8::1", "2001:db8::2", false},
        {"*.net", "2001:db8::1", false},
        {"", "", false},
        {".", ".", false},
        {"a..b", "a..b", false},
        {NULL, "a", false},
        {"a", NULL, false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        if (mxt_name_matches(cases[i].pattern, cases[i].name) != cases[i].matches)
            fail_msg("%s against %s", cases[i].pattern, cases[i].name);
    }
}

static void test_domains(void **state)
{
    (void)state;
    static const char *const good[] = {"example.net", "mx.example.net.", "_25._tcp.mx.example.net", "a-b.c", "1and1.de", "x.xn--p1ai", "3com.com"};
    static const char *const bad[] = {"", ".", "localhost", "localhost.", "192.0.2.1", "[192.0.2.1]", "2001:db8::1", "a..b", ".a.b", "a b.c", "a.b\xc3\xbc",
                                      "a.b\\x00", "a/b.c", "a.1", "*.example.net", "mx.example.net.."};
    for (size_t i = 0; i < COUNT(good); i++) {
        if (!mxt_name_is_domain(good[i]))
            fail_msg("%s", good[i]);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        if (mxt_name_is_domain(bad[i]))
            fail_msg("%s", bad[i]);
    }
    assert_false(mxt_name_is_domain(NULL));
    /* Of a piece of text only the piece counts. */
    assert_true(mxt_name_is_domain_of("a.b1.2", 4));
    assert_false(mxt_name_is_domain_of("a.1b", 3));
    assert_false(mxt_name_is_domain_of("a.b", 2));
}

static void test_lengths(void **state)
{
    (void)state;
    char name[300];
    memset(name, 'a', sizeof name);
    name[63] = '.';
    name[127] = '.';
    name[191] = '.';
    name[253] = '\0';
    assert_true(mxt_name_is_domain(name));
    name[253] = 'a';
    name[254] = '\0';
    assert_false(mxt_name_is_domain(name));
    memset(name, 'a', 64);
    memcpy(name + 64, ".net", 5);
    assert_false(mxt_name_is_domain(name));
    assert_false(mxt_name_matches(name, name));
}

static void test_certificate(void **state)
{
    (void)state;
    const char *names[] = {"mx.example.net", "*.example.org", "192.0.2.1"};
    struct mxt_certificate_facts facts = {0};
    assert_int_equal(mxt_certificate_matches(&facts, "mx.example.net"), MXT_UNKNOWN);
    facts.sha256 = "00";
    assert_int_equal(mxt_certificate_matches(&facts, "mx.example.net"), MXT_NO);
    facts.subject_alt_names = (struct mxt_text_list){.items = names, .count = 3, .capacity = 3, .total = 3};
    assert_int_equal(mxt_certificate_matches(&facts, "mx.example.net"), MXT_YES);
    assert_int_equal(mxt_certificate_matches(&facts, "mx.example.org"), MXT_YES);
    assert_int_equal(mxt_certificate_matches(&facts, "192.0.2.1"), MXT_YES);
    assert_int_equal(mxt_certificate_matches(&facts, "mx.example.com"), MXT_NO);
    facts.subject_alt_names.total = 101; /* names beyond the bound were not kept */
    assert_int_equal(mxt_certificate_matches(&facts, "mx.example.com"), MXT_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_patterns), cmocka_unit_test(test_domains), cmocka_unit_test(test_lengths),
                                       cmocka_unit_test(test_certificate)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
