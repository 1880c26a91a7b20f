#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "rules/json_read.h"

/* Skips the text, which lies in a block of its exact size; whether it is JSON. */
static bool is_json(const char *text)
{
    size_t n = strlen(text);
    char *exact = malloc(n == 0 ? 1 : n);
    assert_non_null(exact);
    memcpy(exact, text, n);
    struct mxt_json_reader reader;
    mxt_json_reader_init(&reader, exact, n);
    mxt_json_skip(&reader);
    bool is_well = mxt_json_finish(&reader);
    assert_true(is_well == (reader.fault == NULL));
    free(exact);
    return is_well;
}

static void json_is_accepted(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{}",
        "[]",
        "\"\"",
        "0",
        "-0",
        "-1.5e+10",
        "1E-2",
        "true",
        "false",
        "null",
        " [ 1 , { \"a\" : [ ] , \"b\" : { } } , \"x\" ] \r\n\t",
        "[[[[[[]]]]]]",
        "\"gr\xc3\xbc\xc3\x9f \xf0\x9f\x93\xa7\"",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"",
        "[[],[],{\"a\":{}}]",
        "\"\x7f\"",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (!is_json(texts[i]))
            fail_msg("refused: %s", texts[i]);
}

static void other_text_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        " ",
        "{",
        "[",
        "]",
        "}",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{1:2}",
        "[1}",
        "{\"a\":1]",
        "\"",
        "\"\\\"",
        "\"\\",
        "\"1234567\\",
        "\"12345678\\",
        "01",
        "+1",
        "-",
        "1.",
        ".5",
        "1e",
        "1e+",
        "0x1",
        "tru",
        "True",
        "nul",
        "nan",
        "'a'",
        "[] []",
        "{}x",
        "\"a\nb\"",
        "\"\t\"",
        "\"\xff\"",
        "\"\xc0\x80\"",
        "\"\xed\xa0\x80\"",
        "\"\xf4\x90\x80\x80\"",
        "\"\xe2\x82\"",
        "\"\xe2\x82",
        "\"\x80\"",
        "\xef\xbb\xbf{}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (is_json(texts[i]))
            fail_msg("accepted: %s", texts[i]);
}

static void depth_is_bounded(void **state)
{
    (void)state;
    char text[2 * MXT_JSON_DEPTH + 3] = "";
    for (unsigned i = 0; i < MXT_JSON_DEPTH; i++) {
        text[i] = '[';
        text[MXT_JSON_DEPTH + i] = ']';
    }
    assert_true(is_json(text));
    memmove(text + 1, text, 2 * MXT_JSON_DEPTH);
    text[2 * MXT_JSON_DEPTH + 1] = ']';
    assert_false(is_json(text));
}

static void length_is_bounded(void **state)
{
    (void)state;
    struct mxt_json_reader reader;
    mxt_json_reader_init(&reader, "1", (size_t)MXT_JSON_MAX + 1);
    mxt_json_skip(&reader);
    assert_int_equal(reader.status, MXT_EMALFORMED);
    assert_int_equal(reader.at, 0);
}

static void strings_become_safe_text(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"\"plain\"", "plain"},
        {"\"\"", ""},
        {"\"say \\\"hi\\\" \\\\ \\/\"", "say \"hi\" \\ /"},
        {"\"gr\xc3\xbc\xc3\x9f\"", "gr\xc3\xbc\xc3\x9f"},
        {"\"\\u00fc\\u20AC\\ud83d\\udce7\"", "\xc3\xbc\xe2\x82\xac\xf0\x9f\x93\xa7"},
        {"\"a\\u0000b\"", "a\\x00b"},
        {"\"\\u001b[31m\\n\"", "\\x1b[31m\\x0a"},
        {"\"\x7f\"", "\\x7f"},
        {"\"\\u0085\"", "\\xc2\\x85"},
        {"\"\\u202e\"", "\\xe2\\x80\\xae"},
        {"\"\\ud83d\"", NULL},
        {"\"\\udce7\"", NULL},
        {"\"\\ud83d\\u0041\"", NULL},
        {"\"\\u12\"", NULL},
        {"\"\\u12g4\"", NULL},
        {"\"\\x41\"", NULL},
        {"1", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mxt_arena arena;
        mxt_arena_init(&arena, 0);
        struct mxt_json_reader reader;
        mxt_json_reader_init(&reader, cases[i].text, strlen(cases[i].text));
        const char *text = mxt_json_read_string(&reader, &arena);
        assert_int_equal(reader.status, cases[i].expected == NULL ? MXT_EMALFORMED : MXT_OK);
        if (cases[i].expected == NULL)
            assert_null(text);
        else
            assert_string_equal(text, cases[i].expected);
        mxt_arena_free(&arena);
    }
}

/* The reader looks at eight bytes at a time: every byte at every place of three such steps, the text in a block of its exact size. */
static void every_byte_at_every_place(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 256; c++)
        for (size_t at = 1; at <= 24; at++) {
            static const char plain[] = "\"abcdefghijklmnopqrstuvwx\"";
            size_t n = sizeof plain - 1;
            char *text = malloc(n);
            assert_non_null(text);
            memcpy(text, plain, n);
            text[at] = (char)c;
            struct mxt_json_reader reader;
            mxt_json_reader_init(&reader, text, n);
            struct mxt_json_slice slice = mxt_json_read_plain(&reader);
            bool is_well = mxt_json_finish(&reader);
            if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
                assert_true(is_well);
                assert_ptr_equal(slice.bytes, text + 1);
                assert_int_equal(slice.length, 24);
            } else {
                assert_false(is_well);
            }
            free(text);
        }
}

static void whole_numbers_within_bounds(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t max;
        bool is_within;
        uint64_t value;
    } cases[] = {
        {"0", 65535, true, 0},
        {"-0", 65535, true, 0},
        {"65535", 65535, true, 65535},
        {"65536", 65535, false, 0},
        {"-1", 65535, false, 0},
        {"4294967295", UINT32_MAX, true, UINT32_MAX},
        {"4294967296", UINT32_MAX, false, 0},
        {"18446744073709551615", UINT64_MAX, true, UINT64_MAX},
        {"18446744073709551616", UINT64_MAX, false, 0},
        {"99999999999999999999999", UINT64_MAX, false, 0},
        {"1.0", UINT64_MAX, false, 0},
        {"1e3", UINT64_MAX, false, 0},
        {"\"1\"", UINT64_MAX, false, 0},
        {"true", UINT64_MAX, false, 0},
        {"", UINT64_MAX, false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mxt_json_reader reader;
        mxt_json_reader_init(&reader, cases[i].text, strlen(cases[i].text));
        assert_int_equal(mxt_json_read_unsigned(&reader, cases[i].max), cases[i].value);
        assert_int_equal(reader.status, cases[i].is_within ? MXT_OK : MXT_EMALFORMED);
    }
}

static void signed_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_within;
        int64_t value;
    } cases[] = {
        {"-9223372036854775808", true, INT64_MIN},
        {"-9223372036854775809", false, 0},
        {"9223372036854775807", true, INT64_MAX},
        {"9223372036854775808", false, 0},
        {"-42", true, -42},
        {"- 1", false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mxt_json_reader reader;
        mxt_json_reader_init(&reader, cases[i].text, strlen(cases[i].text));
        assert_int_equal(mxt_json_read_number(&reader), cases[i].value);
        assert_int_equal(reader.status, cases[i].is_within ? MXT_OK : MXT_EMALFORMED);
    }
}

static void members_one_after_another(void **state)
{
    (void)state;
    static const char text[] = " { \"a\" : true , \"list\" : [ 1 , 2 ] , \"skipped\" : { \"x\" : [ { } ] } , \"z\" : -7 } ";
    struct mxt_json_reader reader;
    struct mxt_json_slice key;
    mxt_json_reader_init(&reader, text, sizeof text - 1);
    mxt_json_enter_object(&reader);
    assert_true(mxt_json_next_key(&reader, &key));
    assert_memory_equal(key.bytes, "a", key.length);
    assert_true(mxt_json_read_bool(&reader));
    assert_true(mxt_json_next_key(&reader, &key));
    mxt_json_enter_array(&reader);
    for (uint64_t expected = 1; expected <= 2; expected++) {
        assert_true(mxt_json_next_item(&reader));
        assert_int_equal(mxt_json_read_unsigned(&reader, 9), expected);
    }
    assert_false(mxt_json_next_item(&reader));
    assert_true(mxt_json_next_key(&reader, &key));
    mxt_json_skip(&reader);
    assert_true(mxt_json_next_key(&reader, &key));
    assert_memory_equal(key.bytes, "z", key.length);
    assert_int_equal(mxt_json_read_number(&reader), -7);
    assert_false(mxt_json_next_key(&reader, &key));
    assert_true(mxt_json_finish(&reader));
}

/* A reader that stands before the first or, with `is_second`, the second member of an object; its text ends where its memory does. */
static struct mxt_json_reader reader_at_member(char *text, size_t n, bool is_second)
{
    struct mxt_json_reader reader;
    struct mxt_json_slice key;
    mxt_json_reader_init(&reader, text, n);
    mxt_json_enter_object(&reader);
    if (is_second && mxt_json_next_key(&reader, &key))
        (void)mxt_json_read_unsigned(&reader, 9);
    return reader;
}

static void expected_members_are_passed(void **state)
{
    (void)state;
    static const struct {
        const char *text, *name;
        size_t n; /* 0: all of the text */
        bool is_second, is_passed;
    } cases[] = {
        {"{\"ab\":1}", "ab", 0, false, true},
        {"{\"a\":1,\"ab\":2}", "ab", 0, true, true},
        {"{\"a\":1\"ab\":2}", "ab", 0, true, false},
        {"{,\"ab\":2}", "ab", 0, false, false},
        {"{\"ab\":1}", "a", 0, false, false},
        {"{\"ab\":1}", "abc", 0, false, false},
        {"{\"ab\":1}", "ac", 0, false, false},
        {"{\"a\\u0062\":1}", "ab", 0, false, false},
        {"{\"ab\" :1}", "ab", 0, false, false},
        {"{ \"ab\":1}", "ab", 0, false, false},
        {"{\"ab\0\":1}", "ab", 9, false, false},
        {"{}", "ab", 0, false, false},
        {"{\"ab\"", "ab", 0, false, false},
        {"{\"ab", "ab", 0, false, false},
        {"{\"a", "ab", 0, false, false},
        {"{", "ab", 0, false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t n = cases[i].n == 0 ? strlen(cases[i].text) : cases[i].n;
        char *text = malloc(n);
        assert_non_null(text);
        memcpy(text, cases[i].text, n);
        struct mxt_json_reader reader = reader_at_member(text, n, cases[i].is_second);
        const struct mxt_json_reader before = reader;
        if (mxt_json_pass_key(&reader, cases[i].name) != cases[i].is_passed)
            fail_msg("case %zu", i);
        if (cases[i].is_passed)
            assert_int_equal(mxt_json_read_unsigned(&reader, 9), cases[i].is_second ? 2 : 1);
        else
            assert_memory_equal(&reader, &before, sizeof reader);
        free(text);
    }
}

static void first_failure_sticks(void **state)
{
    (void)state;
    struct mxt_json_reader reader;
    struct mxt_json_slice key;
    mxt_json_reader_init(&reader, "[1]", 3);
    mxt_json_enter_object(&reader);
    assert_int_equal(reader.status, MXT_EMALFORMED);
    mxt_json_enter_array(&reader);
    assert_false(mxt_json_next_item(&reader));
    assert_false(mxt_json_next_key(&reader, &key));
    assert_int_equal(mxt_json_read_unsigned(&reader, 9), 0);
    assert_false(mxt_json_finish(&reader));
    assert_string_equal(reader.fault, "object expected");
    assert_int_equal(reader.fault_at, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_is_accepted),
        cmocka_unit_test(other_text_is_refused),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(length_is_bounded),
        cmocka_unit_test(strings_become_safe_text),
        cmocka_unit_test(every_byte_at_every_place),
        cmocka_unit_test(whole_numbers_within_bounds),
        cmocka_unit_test(signed_numbers),
        cmocka_unit_test(members_one_after_another),
        cmocka_unit_test(expected_members_are_passed),
        cmocka_unit_test(first_failure_sticks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
