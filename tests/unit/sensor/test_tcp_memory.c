/* Streams when memory is short: the n-th allocation of the code under test fails. */
#include "sensor/tcp_script.h"

static size_t allocations, failing;

static void *scarce_malloc(size_t size)
{
    return ++allocations == failing ? NULL : malloc(size);
}

#define malloc scarce_malloc
#include "sensor/tcp_half.c" // NOLINT(bugprone-suspicious-include): its malloc is ours
#undef malloc

static void run(struct script *script, size_t fail_at, const char *steps)
{
    script_begin(script, 0xfffffff0, 1000, false);
    script->limits.history = 0;
    allocations = 0;
    failing = fail_at;
    script_run(script, steps);
}

static void test_early_data_becomes_a_gap(void **state)
{
    (void)state;
    struct script script;
    run(&script, 1, ">0 !S ^-; <0 !S ^0; >3 =def; >0 =abc; <0 =220 ^6; +499 tick");
    assert_string_equal(script.output, ">abc");
    assert_int_equal(mxt_tcp_counters(script.tcp)->allocation_failures, 1);
    script_run(&script, "+1 tick; finish");
    assert_string_equal(script.output, ">abc[3]<220");
    script_end(&script);
}

static void test_early_data_may_come_again(void **state)
{
    (void)state;
    struct script script;
    run(&script, 1, ">0 !S ^-; <0 !S ^0; >3 =def; >3 =def; >0 =abc");
    assert_string_equal(script.output, ">abcdef");
    script_end(&script);
}

static void test_a_hole_is_filled_without_memory(void **state)
{
    (void)state;
    struct script script;
    run(&script, 2, ">0 !S ^-; <0 !S ^0; >3 =def; >0 =abc; >6 =ghi");
    assert_string_equal(script.output, ">abcdefghi");
    assert_int_equal(mxt_tcp_counters(script.tcp)->allocation_failures, 0);
    script_end(&script);
}

static void test_ends_survive(void **state)
{
    (void)state;
    struct script script;
    run(&script, 1, ">0 !S ^-; <0 !S ^0; >3 !F; >0 =abc; >3 !F");
    assert_string_equal(script.output, ">abc$");
    assert_int_equal(mxt_tcp_counters(script.tcp)->allocation_failures, 1);
    script_end(&script);

    run(&script, 1, ">0 !S ^-; <0 !S ^0; >0 =abc; >6 !R");
    assert_string_equal(script.output, ">abc#"); /* told at once rather than never */
    script_end(&script);
}

static void test_no_history_compares_nothing(void **state)
{
    (void)state;
    struct script script;
    script_begin(&script, 0xfffffff0, 1000, false);
    allocations = 0;
    failing = 1;
    script_run(&script, ">0 !S ^-; <0 !S ^0; >0 =abc; >0 =abX; >3 =def; >0 =abXdeX");
    assert_string_equal(script.output, ">abcdef{5}"); /* the second allocation kept def */
    script_end(&script);
}

static void test_a_history_that_cannot_grow_goes_on(void **state)
{
    (void)state;
    struct script script;
    script_begin(&script, 0xfffffff0, 1000, false);
    allocations = 0;
    failing = 2;
    script_run(&script, ">0 !S ^-; <0 !S ^0; >0 *100; >100 *200; >171 =X; >172 =X!; >299");
    assert_int_equal(allocations, 2);
    assert_int_equal(mxt_tcp_counters(script.tcp)->conflicting_overlaps, 1);
    assert_non_null(strstr(script.output, "{172}"));
    script_end(&script);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_early_data_becomes_a_gap),        cmocka_unit_test(test_early_data_may_come_again),
        cmocka_unit_test(test_a_hole_is_filled_without_memory), cmocka_unit_test(test_ends_survive),
        cmocka_unit_test(test_no_history_compares_nothing),     cmocka_unit_test(test_a_history_that_cannot_grow_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
