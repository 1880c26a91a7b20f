#include "check.h"

#include <string.h>

#include "rules/networks.h"

static struct mxt_address address(const char *text)
{
    struct mxt_address out;
    assert_int_equal(mxt_address_parse(text, &out), MXT_OK);
    return out;
}

static void test_membership(void **state)
{
    (void)state;
    static const struct {
        const char *network, *address;
        bool is_inside;
    } cases[] = {
        {"10.1.0.0/16", "10.1.255.255", true},   {"10.1.0.0/16", "10.2.0.0", false},       {"10.1.2.3", "10.1.2.3", true},
        {"10.1.2.3", "10.1.2.2", false},         {"0.0.0.0/0", "203.0.113.9", true},       {"0.0.0.0/0", "2001:db8::1", false},
        {"192.0.2.128/25", "192.0.2.127", false}, {"192.0.2.128/25", "192.0.2.128", true}, {"2001:db8::/33", "2001:db8:8000::1", false},
        {"2001:db8::/33", "2001:db8:7fff::1", true}, {"::/0", "2001:db8::1", true},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct mxt_networks networks = {0};
        char error[160] = "";
        struct mxt_address a = address(cases[i].address);
        assert_int_equal(mxt_networks_add(&networks, cases[i].network, error, sizeof error), MXT_OK);
        if (mxt_networks_has(&networks, &a) != cases[i].is_inside)
            fail_msg("%s in %s", cases[i].address, cases[i].network);
        mxt_networks_free(&networks);
    }
}

static void test_faults_name_the_item(void **state)
{
    (void)state;
    static const struct {
        const char *list, *named;
    } cases[] = {
        {"10.0.0.0/8,nonsense", "nonsense"}, {"10.0.0.0/33", "/33"},  {"10.0.0.0/", "/"},        {"", "no network"},
        {"10.0.0.1/8", "first address"},     {"10.0.0.0/8,", "commas"}, {"2001:db8::/129", "/129"}, {"10.0.0.0/+8", "/+8"},
    };
    struct mxt_networks networks = {0};
    for (size_t i = 0; i < COUNT(cases); i++) {
        char error[160] = "";
        assert_int_equal(mxt_networks_add(&networks, cases[i].list, error, sizeof error), MXT_EUSAGE);
        if (strstr(error, cases[i].named) == NULL)
            fail_msg("\"%s\": \"%s\" does not name \"%s\"", cases[i].list, error, cases[i].named);
        assert_int_equal(networks.count, 0);
    }
    mxt_networks_free(&networks);
}

static void test_hops(void **state)
{
    (void)state;
    struct mxt_networks home = {0};
    char error[160];
    assert_int_equal(mxt_networks_add(&home, MXT_NETWORKS_PRIVATE, error, sizeof error), MXT_OK);
    struct mxt_address inside = address("10.1.0.25"), inside6 = address("fd00::1"), outside = address("192.0.2.1"), outside6 = address("2001:db8::1");
    assert_int_equal(mxt_networks_hop(&home, &inside, &outside), MXT_HOP_OUTBOUND);
    assert_int_equal(mxt_networks_hop(&home, &outside6, &inside6), MXT_HOP_INBOUND);
    assert_int_equal(mxt_networks_hop(&home, &inside, &inside6), MXT_HOP_INTERNAL);
    assert_int_equal(mxt_networks_hop(&home, &outside, &outside6), MXT_HOP_TRANSIT);
    mxt_networks_free(&home);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_membership),
        cmocka_unit_test(test_faults_name_the_item),
        cmocka_unit_test(test_hops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
