#include "check.h"

#include <string.h>

#include "collector/partition.h"

static void test_keys_begin_as_all_programs_agree(void **state)
{
    (void)state;
    char key[MXT_PARTITION_KEY];
    mxt_partition_key(0, 1, "events", key);
    assert_string_equal(key, "mxtap:events");
    mxt_partition_key(MXT_PARTITION_CONTROL, 1, "events", key);
    assert_string_equal(key, "mxtap:events");
    mxt_partition_key(3, 4, "events", key);
    assert_string_equal(key, "mxtap:{3}:events");
    mxt_partition_key(MXT_PARTITION_CONTROL, 4, "events", key);
    assert_string_equal(key, "mxtap:{control}:events");
    mxt_partition_key(MXT_PARTITIONS_MAX - 1, MXT_PARTITIONS_MAX, "", key);
    assert_string_equal(key, "mxtap:{255}:");
}

/* Other programs, and later versions of these, must find the same partition: the values are fixed, whatever the machine. */
static void test_the_hash_is_fixed(void **state)
{
    (void)state;
    static const struct {
        struct mxt_address address;
        uint32_t of_7, of_256;
    } cases[] = {
        {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 25}}, 2, 223},
        {{{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x25}}, 2, 238},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(mxt_partition_of(&cases[i].address, 1), 0);
        assert_int_equal(mxt_partition_of(&cases[i].address, 7), cases[i].of_7);
        assert_int_equal(mxt_partition_of(&cases[i].address, 256), cases[i].of_256);
    }
}

static void test_servers_spread_over_partitions(void **state)
{
    (void)state;
    unsigned seen[4] = {0};
    for (unsigned i = 0; i < 400; i++) {
        const struct mxt_address address = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, (uint8_t)(i >> 8), (uint8_t)i}};
        seen[mxt_partition_of(&address, 4)]++;
    }
    for (size_t i = 0; i < COUNT(seen); i++)
        assert_in_range(seen[i], 50, 150);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_begin_as_all_programs_agree),
        cmocka_unit_test(test_the_hash_is_fixed),
        cmocka_unit_test(test_servers_spread_over_partitions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
