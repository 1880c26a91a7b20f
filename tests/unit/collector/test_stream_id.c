#include "collector/stream_id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_parse(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_id;
        struct mxt_stream_id id;
    } cases[] = {
        {"0-0", true, {0, 0}},
        {"1700000000000-12", true, {1700000000000, 12}},
        {"18446744073709551615-18446744073709551615", true, {UINT64_MAX, UINT64_MAX}},
        {"18446744073709551616-0", false, {0, 0}},
        {"99999999999999999999-0", false, {0, 0}},
        {"", false, {0, 0}},
        {"-", false, {0, 0}},
        {"5", false, {0, 0}},
        {"5-", false, {0, 0}},
        {"-5", false, {0, 0}},
        {"5-1x", false, {0, 0}},
        {"+5-1", false, {0, 0}},
        {"5-1-1", false, {0, 0}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mxt_stream_id id = {7, 7};
        assert_int_equal(mxt_stream_id_parse(cases[i].text, strlen(cases[i].text), &id), cases[i].is_id);
        assert_int_equal(mxt_stream_id_compare(id, cases[i].id), 0);
    }
}

static void test_format_reads_back(void **state)
{
    (void)state;
    static const struct mxt_stream_id ids[] = {{0, 0}, {1, 2}, {UINT64_MAX, UINT64_MAX}};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        char text[MXT_STREAM_ID_TEXT];
        struct mxt_stream_id id;
        mxt_stream_id_format(ids[i], text);
        assert_true(mxt_stream_id_parse(text, strlen(text), &id));
        assert_int_equal(mxt_stream_id_compare(id, ids[i]), 0);
    }
}

static void test_next(void **state)
{
    (void)state;
    assert_int_equal(mxt_stream_id_compare(mxt_stream_id_next((struct mxt_stream_id){5, 9}), (struct mxt_stream_id){5, 10}), 0);
    assert_int_equal(mxt_stream_id_compare(mxt_stream_id_next((struct mxt_stream_id){5, UINT64_MAX}), (struct mxt_stream_id){6, 0}), 0);
}

/* What follows from entries is in their order, and never meets what follows from another. */
static void test_derive_keeps_order(void **state)
{
    (void)state;
    static const struct mxt_stream_id entries[] = {{5, 0}, {5, 1}, {5, 70000}, {6, 0}};
    static const uint32_t nth[] = {0, 1, 65535};
    struct mxt_stream_id last = {0, 0};
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++)
        for (size_t n = 0; n < sizeof nth / sizeof nth[0]; n++) {
            struct mxt_stream_id id = mxt_stream_id_derive(entries[i], nth[n]);
            assert_true(mxt_stream_id_compare(last, id) < 0);
            last = id;
        }
}

static void test_derive_beyond_its_bounds(void **state)
{
    (void)state;
    struct mxt_stream_id greatest = mxt_stream_id_derive((struct mxt_stream_id){5, UINT64_MAX}, UINT32_MAX);
    assert_int_equal(mxt_stream_id_compare(greatest, (struct mxt_stream_id){5, UINT64_MAX}), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_format_reads_back),
        cmocka_unit_test(test_next),
        cmocka_unit_test(test_derive_keeps_order),
        cmocka_unit_test(test_derive_beyond_its_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
