#include <string.h>

#include "check.h"
#include "decoders/packet.h"

/* Texts as RFC 5952 wants them, and others that mean the same. */
static const struct {
    const char *text, *canonical;
    int is_ipv4;
} cases[] = {
    {"192.0.2.1", "192.0.2.1", 1},
    {"0.0.0.0", "0.0.0.0", 1},
    {"255.255.255.255", "255.255.255.255", 1},
    {"::ffff:192.0.2.1", "192.0.2.1", 1},
    {"::", "::", 0},
    {"::1", "::1", 0},
    {"1::", "1::", 0},
    {"2001:DB8::1", "2001:db8::1", 0},
    {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1", 0},    /* the first of equal runs */
    {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1", 0},          /* the longest run */
    {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1", 0}, /* not for a single group */
    {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8", 0},
    {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0", 0},
    {"::192.0.2.1", "::c000:201", 0}, /* no dotted form for a prefix that is not IPv4-mapped */
    {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 0},
};

static const char *const wrong[] = {"",  " ",   "1.2.3",   "1.2.3.4.5", "256.1.1.1",    "1.2.3.4 ", "01.2.3.4x",
                                    ":", ":::", "1::2::3", "12345::",   "fe80::1%eth0", "[::1]",    "1:2:3:4:5:6:7:8:9"};

static void test_forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct mxt_address address, again;
        char text[MXT_ADDRESS_TEXT];
        assert_int_equal(mxt_address_parse(cases[i].text, &address), MXT_OK);
        assert_int_equal(mxt_address_is_ipv4(&address), cases[i].is_ipv4);
        mxt_address_format(&address, text);
        assert_string_equal(text, cases[i].canonical);
        assert_int_equal(mxt_address_parse(text, &again), MXT_OK);
        assert_memory_equal(&again, &address, sizeof address);
    }
}

static void test_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct mxt_address address, before;
        memset(&address, 0x5a, sizeof address);
        before = address;
        assert_int_equal(mxt_address_parse(wrong[i], &address), MXT_EMALFORMED);
        assert_memory_equal(&address, &before, sizeof address);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_forms), cmocka_unit_test(test_wrong)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
