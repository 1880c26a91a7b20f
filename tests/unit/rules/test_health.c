/* Healths of parts added up. */
#include "check.h"

#include "rules/event.h"

static void test_counters_add_up_and_the_rest_stays(void **state)
{
    (void)state;
    struct mxt_health sum = {.sensor = "edge-1", .timestamp_us = 5, .packets = 1, .alerts = 2};
    const struct mxt_health part = {.sensor = "other", .timestamp_us = 9, .final = true, .packets = UINT64_C(1) << 40, .chains_cached = 7};
    mxt_health_add(&sum, &part);
    assert_int_equal(sum.packets, (UINT64_C(1) << 40) + 1);
    assert_int_equal(sum.chains_cached, 7);
    assert_int_equal(sum.alerts, 2);
    assert_int_equal(sum.timestamp_us, 9);
    assert_string_equal(sum.sensor, "edge-1");
    assert_false(sum.final);
    const struct mxt_health older = {.timestamp_us = 3, .alerts = 1};
    mxt_health_add(&sum, &older);
    assert_int_equal(sum.timestamp_us, 9);
    assert_int_equal(sum.alerts, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_counters_add_up_and_the_rest_stays)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
