#include "check.h"

#include <stdalign.h>
#include <string.h>

#include "decoders/arena.h"

static void test_objects_are_zeroed_aligned_and_apart(void **state)
{
    (void)state;
    struct mxt_arena arena = {0};
    unsigned char *all[100];
    for (size_t i = 0; i < COUNT(all); i++) {
        assert_non_null(mxt_arena_copy(&arena, "x", 1));
        all[i] = mxt_arena_alloc(&arena, 10 + i);
        assert_non_null(all[i]);
        assert_int_equal((uintptr_t)all[i] % alignof(max_align_t), 0);
        for (size_t k = 0; k < 10 + i; k++)
            assert_int_equal(all[i][k], 0);
        memset(all[i], (int)i, 10 + i);
    }
    for (size_t i = 0; i < COUNT(all); i++)
        for (size_t k = 0; k < 10 + i; k++)
            assert_int_equal(all[i][k], i);
    mxt_arena_free(&arena);
    assert_int_equal(arena.reserved, 0);
}

static void test_first_block_is_small(void **state)
{
    (void)state;
    struct mxt_arena arena = {0};
    assert_non_null(mxt_arena_copy(&arena, "220 mx.example.net ESMTP", 24));
    assert_true(arena.reserved <= MXT_ARENA_FIRST);
    mxt_arena_free(&arena);
}

static void test_lent_bytes_come_first_and_are_not_freed(void **state)
{
    (void)state;
    alignas(max_align_t) char lent[128];
    struct mxt_arena arena;
    mxt_arena_init_with(&arena, 1000, lent, sizeof lent);
    const char *first = mxt_arena_copy(&arena, "220 mx.example.net ESMTP", 24);
    assert_true(first > lent && first < lent + sizeof lent);
    const unsigned char *second = mxt_arena_alloc(&arena, sizeof lent);
    assert_non_null(second);
    assert_int_equal((uintptr_t)second % alignof(max_align_t), 0);
    assert_true(arena.reserved > sizeof lent && arena.reserved <= 1000);
    assert_null(mxt_arena_alloc(&arena, 1000));
    assert_string_equal(first, "220 mx.example.net ESMTP");
    mxt_arena_free(&arena);
    assert_int_equal(arena.reserved, 0);
}

static void test_limit_refuses_and_counts(void **state)
{
    (void)state;
    struct mxt_arena arena;
    mxt_arena_init(&arena, 1000);
    size_t taken = 0;
    while (mxt_arena_alloc(&arena, 100) != NULL)
        taken++;
    assert_in_range(taken, 2, 9);
    assert_true(arena.reserved <= 1000);
    assert_int_equal(arena.failures, 1);
    assert_null(mxt_arena_alloc(&arena, SIZE_MAX / 2));
    assert_null(mxt_arena_copy(&arena, "", SIZE_MAX));
    mxt_arena_free(&arena);
    assert_non_null(mxt_arena_alloc(&arena, 100));
    mxt_arena_free(&arena);
}

static void test_the_nth_allocation_can_be_told_to_fail(void **state)
{
    (void)state;
    struct mxt_arena arena = {.fail_at = 3};
    assert_non_null(mxt_arena_alloc(&arena, 1));
    assert_non_null(mxt_arena_copy(&arena, "a", 1));
    assert_null(mxt_arena_alloc(&arena, 1));
    assert_non_null(mxt_arena_alloc(&arena, 1));
    mxt_arena_free(&arena);
}

static void test_a_copy_ends_with_nul(void **state)
{
    (void)state;
    struct mxt_arena arena = {0};
    assert_string_equal(mxt_arena_copy(&arena, "abcdef", 3), "abc");
    assert_string_equal(mxt_arena_copy(&arena, NULL, 0), "");
    mxt_arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_objects_are_zeroed_aligned_and_apart),
        cmocka_unit_test(test_first_block_is_small),
        cmocka_unit_test(test_lent_bytes_come_first_and_are_not_freed),
        cmocka_unit_test(test_limit_refuses_and_counts),
        cmocka_unit_test(test_the_nth_allocation_can_be_told_to_fail),
        cmocka_unit_test(test_a_copy_ends_with_nul),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
