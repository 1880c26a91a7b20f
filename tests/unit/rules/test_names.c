/* Who belongs together by name. */
#include "check.h"
#include "rules/names.h"

static void organisations(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"mx1.example.net", "example.net"},
        {"example.net", "example.net"},
        {"a.b.c.example.net", "example.net"},
        {"mx.example.co.uk", "example.co.uk"},
        {"mx.example.CO.UK", "example.CO.UK"},
        {"mx00.gmx.de", "gmx.de"},
        {"co.uk", "co.uk"},
        {"*.mx.example.net", "example.net"},
        {"localhost", "localhost"},
        {"", ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_string_equal(mxt_names_organisation(cases[i][0]), cases[i][1]);
}

static void relations(void **state)
{
    (void)state;
    assert_true(mxt_names_is_related("mx1.example.net", "MX2.Example.NET"));
    assert_true(mxt_names_is_related("*.example.net", "example.net"));
    assert_false(mxt_names_is_related("a.co.uk", "b.co.uk"));
    assert_false(mxt_names_is_related(NULL, "example.net"));
    assert_false(mxt_names_is_related(NULL, NULL));
}

static void private_names(void **state)
{
    (void)state;
    assert_true(mxt_names_is_public("mx.example.net"));
    assert_true(mxt_names_is_public("localhost.example.net"));
    assert_true(mxt_names_is_public("thelocal.com"));
    static const char *const none[] = {"mail.local", "localhost.localdomain", "mx.LAN", "printer.home.arpa", "localhost", "mail", "192.0.2.1", "",
                                       "a b.example"};
    for (size_t i = 0; i < COUNT(none); i++)
        assert_false(mxt_names_is_public(none[i]));
    assert_false(mxt_names_is_public(NULL));
}

static void domains_of_addresses(void **state)
{
    (void)state;
    char domain[MXT_DOMAIN_TEXT];
    assert_true(mxt_names_domain_of("Bob@EXAMPLE.Net.", domain));
    assert_string_equal(domain, "example.net");
    assert_true(mxt_names_domain_of("\"a@b\"@example.net", domain));
    assert_string_equal(domain, "example.net");
    assert_false(mxt_names_domain_of("postmaster", domain));
    assert_false(mxt_names_domain_of("bob@[192.0.2.1]", domain));
    assert_false(mxt_names_domain_of("bob@", domain));
    assert_false(mxt_names_domain_of("bob@.", domain));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(organisations),
        cmocka_unit_test(relations),
        cmocka_unit_test(private_names),
        cmocka_unit_test(domains_of_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
