#include "check.h"

#include "sensor/sequence.h"

static void test_distance_wraps(void **state)
{
    (void)state;
    assert_int_equal(mxt_sequence_distance(5, 3), 2);
    assert_int_equal(mxt_sequence_distance(3, 5), -2);
    assert_int_equal(mxt_sequence_distance(2, 0xfffffffe), 4);
    assert_int_equal(mxt_sequence_distance(0xfffffffe, 2), -4);
    assert_int_equal(mxt_sequence_distance(0x7fffffff, 0), INT32_MAX);
    assert_int_equal(mxt_sequence_distance(0, 0x7fffffff), -INT32_MAX);
    assert_int_equal(mxt_sequence_distance(7, 7), 0);
}

static void test_offset_outgrows_32_bits(void **state)
{
    (void)state;
    const int64_t four_gib = INT64_C(1) << 32;
    assert_int_equal(mxt_sequence_offset(100, 0, 90), 10);
    assert_int_equal(mxt_sequence_offset(90, 0, 100), -10);
    assert_int_equal(mxt_sequence_offset(4, four_gib - 6, 0xfffffffa), four_gib + 4);
    assert_int_equal(mxt_sequence_offset(0xfffffffa, four_gib + 4, 4), four_gib - 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distance_wraps),
        cmocka_unit_test(test_offset_outgrows_32_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
