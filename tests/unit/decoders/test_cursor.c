#include "check.h"

#include "decoders/cursor.h"

static const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};

static void test_reads_big_endian(void **state)
{
    (void)state;
    struct mxt_cursor c = mxt_cursor_over(bytes, sizeof bytes);
    assert_int_equal(mxt_cursor_u8(&c), 0x01);
    assert_int_equal(mxt_cursor_u16(&c), 0x0203);
    assert_int_equal(mxt_cursor_u24(&c), 0x040506);
    assert_int_equal(mxt_cursor_left(&c), 4);
    assert_int_equal(mxt_cursor_u24(&c), 0x070809);
    assert_int_equal(mxt_cursor_u8(&c), 0x0a);
    assert_int_equal(mxt_cursor_left(&c), 0);
    assert_false(c.has_failed);
}

static void test_a_failure_is_sticky(void **state)
{
    (void)state;
    struct mxt_cursor c = mxt_cursor_over(bytes, 2);
    assert_int_equal(mxt_cursor_u24(&c), 0);
    assert_true(c.has_failed);
    assert_int_equal(mxt_cursor_u8(&c), 0);
    assert_int_equal(mxt_cursor_left(&c), 0);
}

static void test_a_sub_cursor_keeps_an_overrun_inside(void **state)
{
    (void)state;
    struct mxt_cursor c = mxt_cursor_over(bytes, sizeof bytes);
    struct mxt_cursor sub = mxt_cursor_sub(&c, 2);
    assert_int_equal(mxt_cursor_u24(&sub), 0);
    assert_true(sub.has_failed);
    assert_false(c.has_failed);
    assert_int_equal(mxt_cursor_u8(&c), 3);
    sub = mxt_cursor_sub(&c, 100);
    assert_true(sub.has_failed);
    assert_true(c.has_failed);
}

static void test_empty_input(void **state)
{
    (void)state;
    struct mxt_cursor c = mxt_cursor_over(NULL, 0);
    assert_int_equal(mxt_cursor_left(&c), 0);
    assert_int_equal(mxt_cursor_u8(&c), 0);
    assert_true(c.has_failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_big_endian),
        cmocka_unit_test(test_a_failure_is_sticky),
        cmocka_unit_test(test_a_sub_cursor_keeps_an_overrun_inside),
        cmocka_unit_test(test_empty_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
