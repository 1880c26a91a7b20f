#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "decoders/text.h"

struct text_case {
    const char *in;
    size_t n, max;
    const char *expected;
};

#define CASE(in, max, expected) {in, sizeof(in) - 1, max, expected}

static const struct text_case cases[] = {
    CASE("", 10, ""),
    CASE("plain text", 10, "plain text"),
    CASE("plain text", 9, "plain tex..."),
    CASE("plain text", 0, "..."),
    CASE("a\0b\tc\x7f", 99, "a\\x00b\\x09c\\x7f"),
    CASE("\x1b[31mred", 99, "\\x1b[31mred"),
    CASE("\xc3\xbc\xe2\x82\xac\xf0\x9f\x93\xa7", 99, "\xc3\xbc\xe2\x82\xac\xf0\x9f\x93\xa7"),
    CASE("\xc0\xaf", 99, "\\xc0\\xaf"),                             /* overlong */
    CASE("\xe0\x80\xaf", 99, "\\xe0\\x80\\xaf"),
    CASE("\xf0\x80\x80\xaf", 99, "\\xf0\\x80\\x80\\xaf"),
    CASE("\xed\xa0\x80", 99, "\\xed\\xa0\\x80"),                    /* surrogate */
    CASE("\xf4\x90\x80\x80", 99, "\\xf4\\x90\\x80\\x80"),           /* beyond U+10FFFF */
    CASE("\xff\xfe", 99, "\\xff\\xfe"),
    CASE("\x80", 99, "\\x80"),
    CASE("\xc2\x80 \xc2\x9f \xc2\xa0", 99, "\\xc2\\x80 \\xc2\\x9f \xc2\xa0"), /* C1 */
    CASE("\xe2\x80\xa9", 99, "\xe2\x80\xa9"),
    CASE("\xe2\x80\xaa \xe2\x80\xae", 99, "\\xe2\\x80\\xaa \\xe2\\x80\\xae"), /* U+202A, U+202E */
    CASE("\xe2\x81\xa5 \xe2\x81\xa6 \xe2\x81\xa9 \xe2\x81\xaa", 99, "\xe2\x81\xa5 \\xe2\\x81\\xa6 \\xe2\\x81\\xa9 \xe2\x81\xaa"),
    CASE("a\xe2\x82", 99, "a\\xe2\\x82"),                           /* ends within a character */
    CASE("ab\xe2\x82\xac", 4, "ab..."),                             /* cut within a character */
    CASE("ab\xe2\x82\xac", 5, "ab\xe2\x82\xac"),
    CASE("ab\xe2\x82\xac!", 5, "ab\xe2\x82\xac..."),
    CASE("\xf0\x9f\x93\xa7", 3, "..."),
    CASE("abc\x80\x80\x80", 5, "abc\\x80\\x80..."),
};

static void test_keep(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct mxt_arena arena;
        mxt_arena_init(&arena, 0);
        uint8_t *copy = malloc(cases[i].n + 1); /* malloc(0) may be NULL */
        assert_non_null(copy);
        uint8_t *exact = realloc(copy, cases[i].n == 0 ? 1 : cases[i].n);
        assert_non_null(exact);
        memcpy(exact, cases[i].in, cases[i].n);
        const char *text = mxt_text_keep(&arena, exact, cases[i].n, cases[i].max);
        free(exact);
        assert_string_equal(text, cases[i].expected);
        arena.fail_at = 1;
        assert_null(mxt_text_keep(&arena, (const uint8_t *)cases[i].in, cases[i].n, cases[i].max));
        mxt_arena_free(&arena);
    }
}

static void test_nothing(void **state)
{
    (void)state;
    struct mxt_arena arena;
    mxt_arena_init(&arena, 0);
    assert_string_equal(mxt_text_keep(&arena, NULL, 0, 5), "");
    mxt_arena_free(&arena);
}

static void test_list(void **state)
{
    (void)state;
    struct mxt_arena arena;
    mxt_arena_init(&arena, 0);
    struct mxt_text_list list = {0};
    static const char *const words[] = {"a", "b", "c", "d", "e", "f", "g"};
    for (size_t i = 0; i < COUNT(words); i++)
        assert_int_equal(mxt_text_list_add(&list, &arena, words[i], 6), MXT_OK);
    assert_int_equal(list.count, 6);
    assert_int_equal(list.total, 7);
    for (size_t i = 0; i < 6; i++)
        assert_string_equal(list.items[i], words[i]);
    struct mxt_text_list refused = {0};
    arena.fail_at = 1;
    assert_int_equal(mxt_text_list_add(&refused, &arena, "a", 6), MXT_ENOMEM);
    assert_int_equal(refused.count, 0);
    assert_int_equal(refused.total, 1);
    mxt_arena_free(&arena);
}

static void test_equal_nocase(void **state)
{
    (void)state;
    assert_true(mxt_text_is_equal_nocase("StartTLS", "STARTTLS"));
    assert_true(mxt_text_is_equal_nocase("", ""));
    assert_false(mxt_text_is_equal_nocase("START", "STARTTLS"));
    assert_false(mxt_text_is_equal_nocase("STARTTLS", "START"));
    assert_false(mxt_text_is_equal_nocase("\xc3\x84", "\xc3\xa4")); /* ASCII alone has a case here */
    assert_false(mxt_text_is_equal_nocase("@", "`"));
    assert_false(mxt_text_is_equal_nocase(NULL, NULL));
    assert_false(mxt_text_is_equal_nocase("a", NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_keep), cmocka_unit_test(test_nothing), cmocka_unit_test(test_list), cmocka_unit_test(test_equal_nocase)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
