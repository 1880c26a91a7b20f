#include "check.h"

#include <stdint.h>

#include "sensor/passed.h"

/* Spreads a counter over all bits, as the seeded hash does. */
static uint64_t hash_of(uint64_t i)
{
    i = (i ^ i >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    i = (i ^ i >> 27) * UINT64_C(0x94d049bb133111eb);
    return i ^ i >> 31;
}

static void what_is_added_is_there_until_removed(void **state)
{
    (void)state;
    struct mxt_passed *passed = mxt_passed_new(64);
    assert_non_null(passed);
    for (uint64_t i = 0; i < 16; i++)
        assert_false(mxt_passed_has(passed, hash_of(i)));
    for (uint64_t i = 0; i < 16; i++)
        mxt_passed_add(passed, hash_of(i));
    for (uint64_t i = 0; i < 16; i++)
        assert_true(mxt_passed_has(passed, hash_of(i)));
    mxt_passed_remove(passed, hash_of(7));
    mxt_passed_remove(passed, hash_of(99));
    for (uint64_t i = 0; i < 16; i++)
        assert_int_equal(mxt_passed_has(passed, hash_of(i)), i != 7);
    mxt_passed_free(passed);
}

static void the_longest_quiet_is_forgotten(void **state)
{
    (void)state;
    struct mxt_passed *passed = mxt_passed_new(8);
    for (uint64_t i = 1; i <= 8; i++)
        assert_false(mxt_passed_add(passed, i));
    assert_true(mxt_passed_has(passed, 1)); /* heard of again */
    assert_true(mxt_passed_add(passed, 9));
    assert_false(mxt_passed_has(passed, 2));
    for (uint64_t i = 3; i <= 9; i++)
        assert_true(mxt_passed_has(passed, i));
    assert_true(mxt_passed_has(passed, 1));
    mxt_passed_free(passed);
}

static void adding_twice_takes_one_place(void **state)
{
    (void)state;
    struct mxt_passed *passed = mxt_passed_new(8);
    for (uint64_t i = 1; i <= 8; i++)
        mxt_passed_add(passed, i);
    for (int round = 0; round < 20; round++)
        assert_false(mxt_passed_add(passed, 5));
    for (uint64_t i = 1; i <= 8; i++)
        assert_true(mxt_passed_has(passed, i));
    mxt_passed_remove(passed, 5);
    assert_false(mxt_passed_has(passed, 5));
    mxt_passed_free(passed);
}

static void a_hash_of_zero_is_one_like_others(void **state)
{
    (void)state;
    struct mxt_passed *passed = mxt_passed_new(1);
    assert_false(mxt_passed_has(passed, 0));
    mxt_passed_add(passed, 0);
    assert_true(mxt_passed_has(passed, 0));
    mxt_passed_free(passed);
}

static void it_holds_about_what_it_is_made_for(void **state)
{
    enum { CAPACITY = 65536 };
    uint64_t there = 0;
    (void)state;
    struct mxt_passed *passed = mxt_passed_new(CAPACITY);
    for (uint64_t i = 0; i < CAPACITY / 2; i++)
        mxt_passed_add(passed, hash_of(i));
    for (uint64_t i = 0; i < CAPACITY / 2; i++)
        there += mxt_passed_has(passed, hash_of(i));
    assert_in_range(there, CAPACITY / 2 * 95 / 100, CAPACITY / 2);
    mxt_passed_free(passed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_added_is_there_until_removed), cmocka_unit_test(the_longest_quiet_is_forgotten),
        cmocka_unit_test(adding_twice_takes_one_place),         cmocka_unit_test(a_hash_of_zero_is_one_like_others),
        cmocka_unit_test(it_holds_about_what_it_is_made_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
