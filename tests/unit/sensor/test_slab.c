#include "check.h"

#include <stdint.h>
#include <string.h>

#include "sensor/slab.h"

#define SLOTS 5000u /* more than a chunk holds */

static void test_slots_are_apart_and_aligned(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 344, 640};
    for (size_t s = 0; s < COUNT(sizes); s++) {
        struct mxt_slab slab;
        static unsigned char *slots[SLOTS];
        mxt_slab_init(&slab, sizes[s]);
        for (size_t i = 0; i < SLOTS; i++) {
            slots[i] = mxt_slab_take(&slab);
            assert_non_null(slots[i]);
            assert_int_equal((uintptr_t)slots[i] % (sizes[s] % 16 == 0 ? 16 : 8), 0);
            memset(slots[i], (int)(i & 0xff), sizes[s]);
        }
        for (size_t i = 0; i < SLOTS; i++) {
            assert_int_equal(slots[i][0], i & 0xff);
            assert_int_equal(slots[i][sizes[s] - 1], i & 0xff);
            mxt_slab_give(&slab, slots[i]);
        }
        mxt_slab_free(&slab);
    }
}

#ifndef MXT_SLAB_IS_MALLOC
static void test_what_is_given_back_is_used_first(void **state)
{
    (void)state;
    struct mxt_slab slab;
    mxt_slab_init(&slab, 100);
    void *a = mxt_slab_take(&slab), *b = mxt_slab_take(&slab);
    mxt_slab_give(&slab, a);
    mxt_slab_give(&slab, b);
    assert_ptr_equal(mxt_slab_take(&slab), b);
    assert_ptr_equal(mxt_slab_take(&slab), a);
    void *c = mxt_slab_take(&slab);
    assert_ptr_not_equal(c, a);
    assert_ptr_not_equal(c, b);
    mxt_slab_free(&slab);
}
#endif

static void test_nothing_can_be_given_back(void **state)
{
    (void)state;
    struct mxt_slab slab;
    mxt_slab_init(&slab, 8);
    mxt_slab_give(&slab, NULL);
    void *slot = mxt_slab_take(&slab);
    assert_non_null(slot);
    mxt_slab_give(&slab, slot);
    mxt_slab_free(&slab);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slots_are_apart_and_aligned),
#ifndef MXT_SLAB_IS_MALLOC
        cmocka_unit_test(test_what_is_given_back_is_used_first),
#endif
        cmocka_unit_test(test_nothing_can_be_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
