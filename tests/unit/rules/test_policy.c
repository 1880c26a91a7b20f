/* MTA-STS policies (RFC 8461 3.2): what is read, what is refused and how the fault is told. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "rules/policy.h"

#define REST "mode: enforce\nmx: mx.example.net\nmax_age: 86400\n"
#define GOOD "version: STSv1\n" REST

/* From a heap copy of the exact size, so that a read past the end is seen. */
static enum mxt_status read_exact(struct mxt_arena *arena, const char *text, size_t n, struct mxt_policy *out, char *fault, size_t fault_size)
{
    char *copy = malloc(n == 0 ? 1 : n);
    assert_non_null(copy);
    memcpy(copy, text, n);
    enum mxt_status status = mxt_policy_read(arena, "Example.NET.", copy, n, out, fault, fault_size);
    free(copy);
    return status;
}

static void what_is_read(void **state)
{
    (void)state;
    const struct {
        const char *text;
        enum mxt_policy_mode mode;
        uint16_t mx;
        uint32_t max_age;
    } cases[] = {
        {GOOD, MXT_POLICY_ENFORCE, 1, 86400},
        {"version: STSv1\r\nmode: testing\r\nmx: a.example\r\nmx: *.b.example\r\nmax_age: 31557600\r\n", MXT_POLICY_TESTING, 2, 31557600},
        {"version: STSv1\nmode: none\nmax_age: 0", MXT_POLICY_NONE, 0, 0},
        {"version: STSv1\nmode: none\nmx: a.example\nmax_age: 86400", MXT_POLICY_NONE, 1, 86400},
        {"max_age:86400\nmx:a.example\nmode:enforce\nversion:STSv1\n", MXT_POLICY_ENFORCE, 1, 86400},
        {"version:\tSTSv1 \nmode:  enforce\t\nmx: a.example  \nmax_age: 0000086400\n", MXT_POLICY_ENFORCE, 1, 86400},
        {GOOD "\n\n", MXT_POLICY_ENFORCE, 1, 86400},
        {GOOD "future_field-1.x: a value: with \xc3\xa9 in it\nempty:\n", MXT_POLICY_ENFORCE, 1, 86400},
        {GOOD "mode: none\nversion: STSv2\nmax_age: nonsense\n", MXT_POLICY_ENFORCE, 1, 86400},
        {GOOD "MX: not a name\nMode: none\n", MXT_POLICY_ENFORCE, 1, 86400},
        {GOOD "mx: localhost\n", MXT_POLICY_ENFORCE, 2, 86400},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct mxt_arena arena = {0};
        struct mxt_policy policy;
        char fault[200] = "";
        if (read_exact(&arena, cases[i].text, strlen(cases[i].text), &policy, fault, sizeof fault) != MXT_OK)
            fail_msg("%zu: %s", i, fault);
        assert_string_equal(policy.domain, "example.net");
        assert_int_equal(policy.mode, cases[i].mode);
        assert_int_equal(policy.mx.count, cases[i].mx);
        assert_int_equal(policy.max_age, cases[i].max_age);
        assert_null(policy.id);
        assert_int_equal(policy.fetched_us, 0);
        mxt_arena_free(&arena);
    }
}

static void what_is_refused(void **state)
{
    (void)state;
    const struct {
        const char *text, *fault; /* the beginning of it */
    } cases[] = {
        {"", "there is no version; add"},
        {REST, "there is no version; add"},
        {"Version: STSv1\n" REST, "there is no version; add"},
        {"version: STSv2\n" REST, "line 1: version \"STSv2\" is not known; it has to be STSv1"},
        {"version: stsv1\n" REST, "line 1: version \"stsv1\" is not known"},
        {"version: STSv1\nmx: a.example\nmax_age: 1\n", "there is no mode; add"},
        {"version: STSv1\nmode: Enforce\nmx: a.example\nmax_age: 1\n", "line 2: mode \"Enforce\" is not known"},
        {"version: STSv1\nmode: report\nmx: a.example\nmax_age: 1\n", "line 2: mode \"report\" is not known"},
        {"version: STSv1\nmode: enforce\nmax_age: 1\n", "there is no mx; add"},
        {"version: STSv1\nmode: testing\nmax_age: 1\n", "there is no mx; add"},
        {"version: STSv1\nmode: enforce\nmx: a.example\n", "there is no max_age; add"},
        {"version: STSv1\nmode: none\n", "there is no max_age; add"},
        {"version: STSv1\nmode: none\nmax_age: 31557601\n", "line 3: max_age \"31557601\" is not a number of seconds from 0 to 31557600"},
        {"version: STSv1\nmode: none\nmax_age: 00000000001\n", "line 3: max_age"},
        {"version: STSv1\nmode: none\nmax_age: -1\n", "line 3: max_age \"-1\""},
        {"version: STSv1\nmode: none\nmax_age:\n", "line 3: max_age \"\""},
        {"version: STSv1\nmode: none\nmax_age: 1 day\n", "line 3: max_age"},
        {GOOD "mx: a.example, b.example\n", "line 5: mx \"a.example, b.example\" is no host name"},
        {GOOD "mx: *\n", "line 5: mx"},
        {GOOD "mx: *.\n", "line 5: mx"},
        {GOOD "mx: a.*.example\n", "line 5: mx"},
        {GOOD "mx: .example\n", "line 5: mx"},
        {GOOD "mx: a..example\n", "line 5: mx"},
        {GOOD "mx: a.example.\n", "line 5: mx"},
        {GOOD "mx: -a.example\n", "line 5: mx"},
        {GOOD "mx: a-.example\n", "line 5: mx"},
        {GOOD "mx: b\xc3\xbc"
              "cher.example\n",
         "line 5: mx"},
        {GOOD "mx:\n", "line 5: mx \"\""},
        {"A policy of another kind\n\nNo fields here.\n", "line 1: \"A policy of another kind\" is no field; a policy is made of lines such as"},
        {" version: STSv1\n" REST, "line 1: \" version: STSv1\" is no field"},
        {"version : STSv1\n" REST, "line 1: \"version : STSv1\" is no field"},
        {"\xef\xbb\xbfversion: STSv1\n" REST, "line 1: "},
        {GOOD ": value\n", "line 5: \": value\" is no field"},
        {GOOD "a_field_name_that_is_longer_than_32: x\n", "line 5: "},
        {GOOD "x: a\x01z\n", "line 5: the value of x holds a control character"},
        {"version: STSv1\rmode: enforce\rmx: a.example\rmax_age: 1\r", "line 1: the value of version holds a control character"},
        {GOOD "\x1b]0;title\x07: x\n", "line 5: \"\\x1B]0;title\\x07: x\" is no field"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct mxt_arena arena = {0};
        struct mxt_policy policy;
        char fault[200] = "";
        assert_int_equal(read_exact(&arena, cases[i].text, strlen(cases[i].text), &policy, fault, sizeof fault), MXT_EMALFORMED);
        if (strncasecmp(fault, cases[i].fault, strlen(cases[i].fault)) != 0)
            fail_msg("%zu: \"%s\" instead of \"%s\"", i, fault, cases[i].fault);
        assert_null(policy.domain);
        mxt_arena_free(&arena);
    }
}

static void a_nul_is_a_control_character(void **state)
{
    (void)state;
    struct mxt_arena arena = {0};
    struct mxt_policy policy;
    char fault[100];
    const char text[] = "version: STSv1\0\nmode: none\nmax_age: 1\n";
    assert_int_equal(read_exact(&arena, text, sizeof text - 1, &policy, fault, sizeof fault), MXT_EMALFORMED);
    assert_string_equal(fault, "line 1: the value of version holds a control character; remove it");
    mxt_arena_free(&arena);
}

static void length_is_bounded(void **state)
{
    (void)state;
    struct mxt_arena arena = {0};
    struct mxt_policy policy;
    char fault[100];
    size_t n = MXT_POLICY_MAX + 1;
    char *text = malloc(n);
    assert_non_null(text);
    memset(text, '\n', n);
    memcpy(text, GOOD, strlen(GOOD));
    assert_int_equal(read_exact(&arena, text, n - 1, &policy, fault, sizeof fault), MXT_OK);
    assert_int_equal(read_exact(&arena, text, n, &policy, fault, sizeof fault), MXT_EMALFORMED);
    assert_string_equal(fault, "the policy is longer than 65536 bytes; remove what is not part of it");
    free(text);
    mxt_arena_free(&arena);
}

static void every_prefix_is_survived(void **state)
{
    (void)state;
    const char text[] = "version: STSv1\r\nmode: enforce\r\nmx: *.mx.example.net\r\nmax_age: 86400\n";
    for (size_t n = 0; n < sizeof text - 1; n++) {
        struct mxt_arena arena = {0};
        struct mxt_policy policy;
        char fault[8];
        enum mxt_status status = read_exact(&arena, text, n, &policy, fault, sizeof fault);
        /* From the first digit of max_age on the policy is whole. */
        assert_int_equal(status, n > strlen(text) - strlen("86400\n") ? MXT_OK : MXT_EMALFORMED);
        assert_true(status == MXT_OK || strlen(fault) < sizeof fault);
        mxt_arena_free(&arena);
    }
}

static void a_fault_needs_no_room(void **state)
{
    (void)state;
    struct mxt_arena arena = {0};
    struct mxt_policy policy;
    assert_int_equal(mxt_policy_read(&arena, "a.example", "x", 1, &policy, NULL, 0), MXT_EMALFORMED);
    mxt_arena_free(&arena);
}

static void refused_memory_is_told(void **state)
{
    (void)state;
    for (uint32_t fail_at = 1;; fail_at++) {
        struct mxt_arena arena = {.fail_at = fail_at};
        struct mxt_policy policy;
        char fault[100];
        enum mxt_status status = mxt_policy_read(&arena, "example.net", GOOD, strlen(GOOD), &policy, fault, sizeof fault);
        assert_int_equal(status, arena.failures > 0 ? MXT_ENOMEM : MXT_OK);
        mxt_arena_free(&arena);
        if (status == MXT_OK) {
            assert_true(fail_at > 2);
            break;
        }
    }
}

static void hosts_match(void **state)
{
    (void)state;
    struct mxt_arena arena = {0};
    struct mxt_policy policy;
    char fault[100];
    const char *text = "version: STSv1\nmode: enforce\nmx: MX.example.net\nmx: *.wild.example\nmax_age: 1\n";
    assert_int_equal(mxt_policy_read(&arena, "example.net", text, strlen(text), &policy, fault, sizeof fault), MXT_OK);
    assert_string_equal(policy.mx.items[0], "mx.example.net");
    const char *const matching[] = {"mx.example.net", "MX.EXAMPLE.NET", "mx.example.net.", "a.wild.example"};
    const char *const other[] = {"example.net", "a.mx.example.net", "xmx.example.net", "wild.example", "a.b.wild.example", ".wild.example", "", NULL};
    for (size_t i = 0; i < COUNT(matching); i++)
        assert_true(mxt_policy_matches(&policy, matching[i]));
    for (size_t i = 0; i < COUNT(other); i++)
        assert_false(mxt_policy_matches(&policy, other[i]));
    mxt_arena_free(&arena);
}

static void a_policy_holds_from_its_fetching_for_its_max_age(void **state)
{
    (void)state;
    const int64_t second = 1000000;
    struct mxt_policy policy = {.max_age = 10, .fetched_us = 100 * second};
    assert_false(mxt_policy_is_in_force(&policy, 100 * second - 1));
    assert_true(mxt_policy_is_in_force(&policy, 100 * second));
    assert_true(mxt_policy_is_in_force(&policy, 110 * second));
    assert_false(mxt_policy_is_in_force(&policy, 110 * second + 1));
    policy.fetched_us = 0;
    assert_true(mxt_policy_is_in_force(&policy, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_read),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(a_nul_is_a_control_character),
        cmocka_unit_test(length_is_bounded),
        cmocka_unit_test(every_prefix_is_survived),
        cmocka_unit_test(a_fault_needs_no_room),
        cmocka_unit_test(refused_memory_is_told),
        cmocka_unit_test(hosts_match),
        cmocka_unit_test(a_policy_holds_from_its_fetching_for_its_max_age),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
