#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "rules/json.h"

static void commas_and_nesting(void **state)
{
    (void)state;
    struct mxt_json json = {0};
    mxt_json_object_begin(&json, NULL);
    mxt_json_string(&json, "a", "b");
    mxt_json_array_begin(&json, "list");
    mxt_json_array_end(&json);
    mxt_json_array_begin(&json, "more");
    mxt_json_unsigned(&json, NULL, 1);
    mxt_json_object_begin(&json, NULL);
    mxt_json_object_end(&json);
    mxt_json_bool(&json, NULL, false);
    mxt_json_array_end(&json);
    mxt_json_bool(&json, "yes", true);
    mxt_json_object_end(&json);
    assert_string_equal(mxt_json_end(&json), "{\"a\":\"b\",\"list\":[],\"more\":[1,{},false],\"yes\":true}");
    mxt_json_free(&json);
}

static void lines_follow_one_another_without_commas(void **state)
{
    (void)state;
    struct mxt_json json = {0};
    for (unsigned i = 0; i < 2; i++) {
        mxt_json_object_begin(&json, NULL);
        mxt_json_unsigned(&json, "n", i);
        mxt_json_object_end(&json);
        mxt_json_newline(&json);
    }
    assert_string_equal(mxt_json_end(&json), "{\"n\":0}\n{\"n\":1}\n");
    mxt_json_free(&json);
}

static void pretty_form_is_indented(void **state)
{
    (void)state;
    struct mxt_json json = {.is_pretty = true};
    mxt_json_object_begin(&json, NULL);
    mxt_json_object_begin(&json, "empty");
    mxt_json_object_end(&json);
    mxt_json_array_begin(&json, "list");
    mxt_json_unsigned(&json, NULL, 1);
    mxt_json_unsigned(&json, NULL, 2);
    mxt_json_array_end(&json);
    mxt_json_object_end(&json);
    assert_string_equal(mxt_json_end(&json), "{\n  \"empty\": {},\n  \"list\": [\n    1,\n    2\n  ]\n}");
    mxt_json_free(&json);
}

static void strings_are_escaped(void **state)
{
    (void)state;
    static const struct {
        const char *value, *expected;
    } cases[] = {
        {"", "\"\""},
        {"plain", "\"plain\""},
        {"say \"hi\" \\ bye", "\"say \\\"hi\\\" \\\\ bye\""},
        {"a\nb\x1f\x7f", "\"a\\u000ab\\u001f\x7f\""},
        {"gr\xc3\xbc\xc3\x9f", "\"gr\xc3\xbc\xc3\x9f\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mxt_json json = {0};
        mxt_json_string(&json, NULL, cases[i].value);
        assert_string_equal(mxt_json_end(&json), cases[i].expected);
        mxt_json_free(&json);
    }
}

/* The writer looks at eight bytes at a time: every byte at every place of three such steps. */
static void every_byte_at_every_place(void **state)
{
    (void)state;
    for (unsigned c = 1; c < 256; c++)
        for (size_t at = 0; at < 24; at++) {
            char value[25] = "abcdefghijklmnopqrstuvwx", expected[64], escaped[8] = {(char)c};
            if (c == '"' || c == '\\')
                snprintf(escaped, sizeof escaped, "\\%c", (char)c);
            else if (c < 0x20)
                snprintf(escaped, sizeof escaped, "\\u00%02x", c);
            value[at] = (char)c;
            snprintf(expected, sizeof expected, "\"%.*s%s%s\"", (int)at, value, escaped, value + at + 1);
            struct mxt_json json = {0};
            mxt_json_string(&json, NULL, value);
            assert_string_equal(mxt_json_end(&json), expected);
            mxt_json_free(&json);
        }
}

static void numbers_up_to_the_limits(void **state)
{
    (void)state;
    struct mxt_json json = {0};
    mxt_json_array_begin(&json, NULL);
    mxt_json_number(&json, NULL, INT64_MIN);
    mxt_json_number(&json, NULL, -1);
    mxt_json_number(&json, NULL, 0);
    mxt_json_number(&json, NULL, INT64_MAX);
    mxt_json_unsigned(&json, NULL, UINT64_MAX);
    mxt_json_hex(&json, NULL, UINT64_C(0x0123456789abcdef));
    mxt_json_array_end(&json);
    assert_string_equal(mxt_json_end(&json), "[-9223372036854775808,-1,0,9223372036854775807,18446744073709551615,\"0123456789abcdef\"]");
    mxt_json_free(&json);
}

static void buffer_grows_and_is_kept(void **state)
{
    (void)state;
    static char long_value[10000];
    memset(long_value, '"', sizeof long_value - 1);
    struct mxt_json json = {0};
    mxt_json_string(&json, NULL, long_value);
    assert_int_equal(strlen(mxt_json_end(&json)), 2 * (sizeof long_value - 1) + 2);
    size_t capacity = json.capacity;
    mxt_json_reset(&json);
    mxt_json_bool(&json, NULL, true);
    assert_string_equal(mxt_json_end(&json), "true");
    assert_int_equal(json.capacity, capacity);
    mxt_json_free(&json);
    assert_null(json.text);
}

static void failure_is_sticky_until_reset(void **state)
{
    (void)state;
    struct mxt_json json = {.has_failed = true};
    mxt_json_object_begin(&json, NULL);
    mxt_json_string(&json, "a", "b");
    mxt_json_time(&json, "t", 0);
    mxt_json_object_end(&json);
    assert_int_equal(json.length, 0);
    assert_null(mxt_json_end(&json));
    mxt_json_reset(&json);
    mxt_json_unsigned(&json, NULL, 7);
    assert_string_equal(mxt_json_end(&json), "7");
    mxt_json_free(&json);
}

static void times_both_ways(void **state)
{
    (void)state;
    static const struct {
        int64_t time_us;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000000Z"},
        {-1, "1969-12-31T23:59:59.999999Z"},
        {INT64_C(951782400000001), "2000-02-29T00:00:00.000001Z"},
        {INT64_C(1709251199999999), "2024-02-29T23:59:59.999999Z"},
        {INT64_C(4107542400000000), "2100-03-01T00:00:00.000000Z"},
        {INT64_C(253402300799999999), "9999-12-31T23:59:59.999999Z"},
        {INT64_C(-62167219200000000), "0000-01-01T00:00:00.000000Z"},
        {INT64_C(-62162121600000000), "0000-02-29T00:00:00.000000Z"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[MXT_JSON_TIME];
        mxt_json_time_format(cases[i].time_us, text);
        assert_string_equal(text, cases[i].text);
        int64_t parsed = 1;
        assert_int_equal(mxt_json_time_parse(cases[i].text, &parsed), MXT_OK);
        assert_int_equal(parsed, cases[i].time_us);
    }
    /* Every day of 1900 to 2100, and one of 97 of all years that can be written. */
    for (int64_t day = -719528; day <= 2932896; day += day >= -25567 && day < 47847 ? 1 : 97) {
        char text[MXT_JSON_TIME];
        int64_t parsed = 1;
        mxt_json_time_format(day * INT64_C(86400000000), text);
        assert_int_equal(mxt_json_time_parse(text, &parsed), MXT_OK);
        assert_int_equal(parsed, day * INT64_C(86400000000));
    }
}

static void times_beyond_four_digit_years_are_clamped(void **state)
{
    (void)state;
    char text[MXT_JSON_TIME];
    mxt_json_time_format(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999999Z");
    mxt_json_time_format(INT64_MIN, text);
    assert_string_equal(text, "0000-01-01T00:00:00.000000Z");
}

static void other_forms_of_time_are_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "2026",
        "2026-01-01T00:00:00Z",
        "2026-01-01T00:00:00.000000",
        "2026-01-01 00:00:00.000000Z",
        "2026-01-01T00:00:00.000000Zx",
        "2026-13-01T00:00:00.000000Z",
        "2026-00-01T00:00:00.000000Z",
        "2026-02-29T00:00:00.000000Z",
        "2026-04-31T00:00:00.000000Z",
        "2026-01-00T00:00:00.000000Z",
        "2026-01-01T24:00:00.000000Z",
        "2026-01-01T00:60:00.000000Z",
        "2026-01-01T00:00:60.000000Z",
        "2026-01-01T00:00:00.00000xZ",
        "-026-01-01T00:00:00.000000Z",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t parsed = 42;
        assert_int_equal(mxt_json_time_parse(cases[i], &parsed), MXT_EMALFORMED);
        assert_int_equal(parsed, 42);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commas_and_nesting),
        cmocka_unit_test(lines_follow_one_another_without_commas),
        cmocka_unit_test(pretty_form_is_indented),
        cmocka_unit_test(strings_are_escaped),
        cmocka_unit_test(every_byte_at_every_place),
        cmocka_unit_test(numbers_up_to_the_limits),
        cmocka_unit_test(buffer_grows_and_is_kept),
        cmocka_unit_test(failure_is_sticky_until_reset),
        cmocka_unit_test(times_both_ways),
        cmocka_unit_test(times_beyond_four_digit_years_are_clamped),
        cmocka_unit_test(other_forms_of_time_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
