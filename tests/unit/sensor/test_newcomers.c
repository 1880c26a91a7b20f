#include "check.h"

#include <stdint.h>

#include "sensor/newcomers.h"

#define SECOND INT64_C(1000000)
#define NOW    (1700000000 * SECOND)

/* Spreads a counter over all bits, as the seeded hash does. */
static uint64_t hash_of(uint64_t i)
{
    i = (i ^ i >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    i = (i ^ i >> 27) * UINT64_C(0x94d049bb133111eb);
    return i ^ i >> 31;
}

/* Adds one that is known by its start; whether another had to go. */
static bool add(struct mxt_newcomers *newcomers, uint64_t hash, int64_t until_us)
{
    bool is_forgotten;
    struct mxt_newcomer *newcomer = mxt_newcomers_add(newcomers, hash, NOW, until_us, &is_forgotten);
    *newcomer = (struct mxt_newcomer){.start_us = (int64_t)(hash >> 1)};
    return is_forgotten;
}

static bool has(const struct mxt_newcomers *newcomers, uint64_t hash, int64_t now_us)
{
    const struct mxt_newcomer *newcomer = mxt_newcomers_find(newcomers, hash, now_us);
    if (newcomer != NULL)
        assert_int_equal(newcomer->start_us, (int64_t)(hash >> 1));
    return newcomer != NULL;
}

static void what_is_added_is_there_until_removed(void **state)
{
    (void)state;
    struct mxt_newcomers *newcomers = mxt_newcomers_new(1000);
    assert_non_null(newcomers);
    for (uint64_t i = 0; i < 100; i++)
        assert_false(has(newcomers, hash_of(i), NOW));
    for (uint64_t i = 0; i < 100; i++)
        assert_false(add(newcomers, hash_of(i), NOW + SECOND));
    for (uint64_t i = 0; i < 100; i++)
        assert_true(has(newcomers, hash_of(i), NOW));
    mxt_newcomers_remove(newcomers, mxt_newcomers_find(newcomers, hash_of(7), NOW));
    for (uint64_t i = 0; i < 100; i++)
        assert_int_equal(has(newcomers, hash_of(i), NOW), i != 7);
    mxt_newcomers_free(newcomers);
}

static void its_time_comes(void **state)
{
    (void)state;
    struct mxt_newcomers *newcomers = mxt_newcomers_new(8);
    add(newcomers, hash_of(1), NOW + 30 * SECOND);
    assert_true(has(newcomers, hash_of(1), NOW + 29 * SECOND));
    assert_false(has(newcomers, hash_of(1), NOW + 31 * SECOND));
    mxt_newcomers_keep(newcomers, mxt_newcomers_find(newcomers, hash_of(1), NOW), NOW + 600 * SECOND);
    assert_true(has(newcomers, hash_of(1), NOW + 599 * SECOND));
    assert_false(has(newcomers, hash_of(1), NOW + 601 * SECOND));
    assert_false(has(newcomers, hash_of(1), NOW + INT64_C(3600) * 24 * 1000 * SECOND));
    mxt_newcomers_free(newcomers);
}

/* All eight of one line. */
static void where_it_is_full_the_first_to_go_anyway_goes(void **state)
{
    (void)state;
    struct mxt_newcomers *newcomers = mxt_newcomers_new(8);
    for (uint64_t i = 1; i <= 8; i++)
        assert_false(add(newcomers, hash_of(i), NOW + (i == 5 ? 30 : 600) * SECOND));
    assert_true(add(newcomers, hash_of(9), NOW + 30 * SECOND));
    assert_false(has(newcomers, hash_of(5), NOW));
    /* A flood of those that nobody answers moves only itself out. */
    for (uint64_t i = 10; i < 10000; i++)
        assert_true(add(newcomers, hash_of(i), NOW + 30 * SECOND));
    for (uint64_t i = 1; i <= 8; i++)
        assert_int_equal(has(newcomers, hash_of(i), NOW), i != 5);
    mxt_newcomers_free(newcomers);
}

static void whose_time_has_come_is_not_forgotten(void **state)
{
    (void)state;
    struct mxt_newcomers *newcomers = mxt_newcomers_new(8);
    for (uint64_t i = 1; i <= 8; i++)
        add(newcomers, hash_of(i), NOW - SECOND);
    for (uint64_t i = 11; i <= 18; i++)
        assert_false(add(newcomers, hash_of(i), NOW + SECOND));
    assert_true(add(newcomers, hash_of(19), NOW + SECOND));
    mxt_newcomers_free(newcomers);
}

static void added_again_it_keeps_its_place(void **state)
{
    (void)state;
    struct mxt_newcomers *newcomers = mxt_newcomers_new(8);
    for (uint64_t i = 1; i <= 8; i++)
        add(newcomers, hash_of(i), NOW + SECOND);
    for (int round = 0; round < 20; round++)
        assert_false(add(newcomers, hash_of(3), NOW + SECOND));
    for (uint64_t i = 1; i <= 8; i++)
        assert_true(has(newcomers, hash_of(i), NOW));
    mxt_newcomers_free(newcomers);
}

static void it_holds_about_what_it_is_made_for(void **state)
{
    enum { CAPACITY = 65536 };
    uint64_t there = 0;
    (void)state;
    struct mxt_newcomers *newcomers = mxt_newcomers_new(CAPACITY);
    for (uint64_t i = 0; i < CAPACITY / 2; i++)
        add(newcomers, hash_of(i), NOW + SECOND);
    for (uint64_t i = 0; i < CAPACITY / 2; i++)
        there += has(newcomers, hash_of(i), NOW);
    assert_in_range(there, CAPACITY / 2 * 95 / 100, CAPACITY / 2);
    mxt_newcomers_free(newcomers);
}

static void hashes_at_the_edges(void **state)
{
    static const uint64_t edges[] = {0, 1, UINT64_MAX, UINT64_C(1) << 32, UINT64_C(0xffffffff)};
    (void)state;
    struct mxt_newcomers *newcomers = mxt_newcomers_new(1);
    for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++) {
        assert_false(has(newcomers, edges[i], NOW));
        add(newcomers, edges[i], NOW + SECOND);
        mxt_newcomers_announce(newcomers, edges[i]);
        mxt_newcomers_expect(newcomers, edges[i]);
        assert_true(has(newcomers, edges[i], NOW));
        mxt_newcomers_remove(newcomers, mxt_newcomers_find(newcomers, edges[i], NOW));
    }
    mxt_newcomers_free(newcomers);
    mxt_newcomers_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_added_is_there_until_removed),
        cmocka_unit_test(its_time_comes),
        cmocka_unit_test(where_it_is_full_the_first_to_go_anyway_goes),
        cmocka_unit_test(whose_time_has_come_is_not_forgotten),
        cmocka_unit_test(added_again_it_keeps_its_place),
        cmocka_unit_test(it_holds_about_what_it_is_made_for),
        cmocka_unit_test(hashes_at_the_edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
