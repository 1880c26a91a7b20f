#include "collector/collector.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* All together take all, and none more than one above another. */
static void test_shares(void **state)
{
    (void)state;
    for (uint32_t partitions = 1; partitions <= 20; partitions++)
        for (uint32_t collectors = 1; collectors <= 25; collectors++) {
            uint32_t sum = 0, least = UINT32_MAX, most = 0;
            for (uint32_t rank = 0; rank < collectors; rank++) {
                uint32_t share = mxt_collector_share(partitions, collectors, rank);
                sum += share;
                least = share < least ? share : least;
                most = share > most ? share : most;
            }
            assert_int_equal(sum, partitions);
            assert_true(most - least <= 1);
        }
}

static void test_who_is_not_there_has_none(void **state)
{
    (void)state;
    assert_int_equal(mxt_collector_share(4, 2, 2), 0);
    assert_int_equal(mxt_collector_share(4, 0, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_who_is_not_there_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
