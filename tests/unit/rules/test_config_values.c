#include "check.h"

#include <string.h>

#include "rules/json.h"
#include "rules/config_values.h"
#include "rules/nearest.h"

#define SECOND_US INT64_C(1000000)

static void test_ports(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "0", "65536", "99999", "123456", "-1", "+25", " 25", "25 ", "25x", "0x19"};
    uint16_t port = 7;
    for (size_t i = 0; i < COUNT(bad); i++)
        if (mxt_value_port(bad[i], &port) != MXT_EMALFORMED || port != 7)
            fail_msg("\"%s\"", bad[i]);
    assert_int_equal(mxt_value_port("65535", &port), MXT_OK);
    assert_int_equal(port, 65535);
}

static void test_durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t seconds; /* 0: refused */
    } cases[] = {
        {"60s", 60}, {"1m", 60}, {"24h", 86400}, {"31d", 31 * 86400}, {"59s", 0}, {"32d", 0}, {"", 0},           {"24", 0},          {"h", 0},
        {"0h", 0},   {"-1h", 0}, {"1.5h", 0},    {"1 h", 0},          {"1H", 0},  {"1w", 0},  {"999999999d", 0}, {"9999999999s", 0}, {"1hh", 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t us = -1;
        enum mxt_status status = mxt_value_duration(cases[i].text, 60 * SECOND_US, 31 * 86400 * SECOND_US, &us);
        bool is_right = cases[i].seconds == 0 ? status == MXT_EMALFORMED && us == -1 : status == MXT_OK && us == cases[i].seconds * SECOND_US;
        if (!is_right)
            fail_msg("\"%s\": %d, %lld", cases[i].text, status, (long long)us);
    }
}

static void test_ends(void **state)
{
    (void)state;
    static const struct {
        const char *text, *means; /* NULL: refused */
    } cases[] = {
        {"2026-12-31", "2027-01-01T00:00:00.000000Z"},
        {"2026-12-31T18:00:00Z", "2026-12-31T18:00:00.000000Z"},
        {"2026-12-31T18:00:00.5Z", "2026-12-31T18:00:00.500000Z"},
        {"2026-12-31T18:00:00.1234567Z", "2026-12-31T18:00:00.123456Z"},
        {"2026-12-31T18:00:00+01:30", "2026-12-31T16:30:00.000000Z"},
        {"2026-12-31T18:00:00-08:00", "2027-01-01T02:00:00.000000Z"},
        {"2024-02-29", "2024-03-01T00:00:00.000000Z"},
        {"", NULL},
        {"tomorrow", NULL},
        {"2026-02-29", NULL},
        {"2026-13-01", NULL},
        {"2026-12-31T18:00:00", NULL},
        {"2026-12-31 18:00:00Z", NULL},
        {"2026-12-31T18:00:00.Z", NULL},
        {"2026-12-31T24:00:00Z", NULL},
        {"2026-12-31T18:00:00+0130", NULL},
        {"2026-12-31T18:00:00+24:00", NULL},
        {"2026-12-31T18:00:00Zx", NULL},
        {"31.12.2026", NULL},
        {"2026-12-31T18:00Z", NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t us = -1;
        char text[MXT_JSON_TIME] = "";
        enum mxt_status status = mxt_value_until(cases[i].text, &us);
        mxt_json_time_format(us, text);
        bool is_right = cases[i].means == NULL ? status == MXT_EMALFORMED && us == -1 : status == MXT_OK && strcmp(text, cases[i].means) == 0;
        if (!is_right)
            fail_msg("\"%s\": %d, %s", cases[i].text, status, text);
    }
}

static void test_servers(void **state)
{
    (void)state;
    static const struct {
        const char *text, *means; /* NULL: refused */
    } cases[] = {
        {"MX.Example.net.", "mx.example.net"},
        {"192.0.2.1:25", "192.0.2.1:25"},
        {"[2001:DB8:0::1]:587", "[2001:db8::1]:587"},
        {"192.0.2.1", NULL},
        {"2001:db8::1:25", NULL},
        {"[2001:db8::1]", NULL},
        {"[192.0.2.1]:25", NULL},
        {"192.0.2.1:0", NULL},
        {"mx.example.net:25", NULL},
        {"mx", NULL},
        {":25", NULL},
        {"[]:25", NULL},
        {"", NULL},
        {"[2001:db8::1]x:25", NULL},
        {"[2001:0db8:0000:0000:0000:0000:0000:0000:0000:0000:0000:0001]:25", NULL},
    };
    struct mxt_arena arena = {0};
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *server = NULL;
        enum mxt_status status = mxt_value_server(cases[i].text, &arena, &server);
        bool is_right = cases[i].means == NULL ? status == MXT_EMALFORMED && server == NULL : status == MXT_OK && strcmp(server, cases[i].means) == 0;
        if (!is_right)
            fail_msg("\"%s\": %d, %s", cases[i].text, status, server == NULL ? "-" : server);
    }
    mxt_arena_free(&arena);
}

static void test_no_memory_is_told(void **state)
{
    (void)state;
    struct mxt_arena arena;
    const char *out = NULL;
    mxt_arena_init(&arena, 0);
    arena.fail_at = 1;
    assert_int_equal(mxt_value_domain("example.net", &arena, &out), MXT_ENOMEM);
    arena.fail_at = 1;
    assert_int_equal(mxt_value_server("192.0.2.1:25", &arena, &out), MXT_ENOMEM);
    mxt_arena_free(&arena);
}

static void test_numbers_sizes_and_flags(void **state)
{
    (void)state;
    static const char *const bad_sizes[] = {"", "5", "5 MiB", "5MB", "-1KiB", "KiB", "0KiB", "3GiB", "1234567890KiB", "5miB"};
    uint32_t number = 7;
    uint64_t size = 7;
    bool flag = false;
    assert_int_equal(mxt_value_number("16", 1, 16, &number), MXT_OK);
    assert_int_equal(number, 16);
    assert_true(mxt_value_number("17", 1, 16, &number) == MXT_EMALFORMED && mxt_value_number("0", 1, 16, &number) == MXT_EMALFORMED &&
                mxt_value_number("", 0, 16, &number) == MXT_EMALFORMED && mxt_value_number("1x", 0, 16, &number) == MXT_EMALFORMED && number == 16);
    for (size_t i = 0; i < COUNT(bad_sizes); i++)
        if (mxt_value_size(bad_sizes[i], 1024, UINT64_C(2) << 30, &size) != MXT_EMALFORMED || size != 7)
            fail_msg("\"%s\"", bad_sizes[i]);
    assert_int_equal(mxt_value_size("64KiB", 1, UINT64_MAX, &size), MXT_OK);
    assert_true(size == 65536);
    assert_int_equal(mxt_value_size("999999999GiB", 1, UINT64_MAX, &size), MXT_OK);
    assert_true(size == UINT64_C(999999999) << 30);
    assert_true(mxt_value_flag("yes", &flag) == MXT_OK && flag && mxt_value_flag("off", &flag) == MXT_OK && !flag);
    assert_true(mxt_value_flag("", &flag) == MXT_EMALFORMED && mxt_value_flag("yess", &flag) == MXT_EMALFORMED && !flag);
}

static void test_where_to_listen(void **state)
{
    (void)state;
    static const char *const bad[] = {"", ":9469", "localhost:9469", "::1:9469", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "[127.0.0.1]:80", "0", "[::1]"};
    struct mxt_address address;
    char shown[MXT_ADDRESS_TEXT];
    uint16_t port = 7;
    for (size_t i = 0; i < COUNT(bad); i++)
        if (mxt_value_listen(bad[i], &address, &port) != MXT_EMALFORMED || port != 7)
            fail_msg("\"%s\"", bad[i]);
    assert_int_equal(mxt_value_listen("9469", &address, &port), MXT_OK);
    mxt_address_format(&address, shown);
    assert_string_equal(shown, "127.0.0.1");
    assert_int_equal(port, 9469);
    assert_int_equal(mxt_value_listen("[::1]:80", &address, &port), MXT_OK);
    mxt_address_format(&address, shown);
    assert_string_equal(shown, "::1");
    assert_int_equal(port, 80);
}

static const char *nearest(const char *wanted)
{
    static const char *const words[] = {"home-net", "home-domain", "ports", "read", "filter", "starttls.stripped", "starttls.unused"};
    struct mxt_nearest search = {.wanted = wanted};
    for (size_t i = 0; i < COUNT(words); i++)
        mxt_nearest_offer(&search, words[i]);
    return search.word == NULL ? "" : search.word;
}

static void test_the_nearest_word(void **state)
{
    (void)state;
    char longest[300];
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    static const struct {
        const char *wanted, *meant;
    } cases[] = {
        {"home_net", "home-net"},
        {"homenet", "home-net"},
        {"port", "ports"},
        {"red", "read"},
        {"fitler", "filter"},
        {"starttls.striped", "starttls.stripped"},
        {"nothing", ""},
        {"x", ""},
        {"", ""},
        {"home-domains", "home-domain"},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_string_equal(nearest(cases[i].wanted), cases[i].meant);
    assert_string_equal(nearest(longest), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ports),   cmocka_unit_test(test_durations),         cmocka_unit_test(test_ends),
        cmocka_unit_test(test_servers), cmocka_unit_test(test_no_memory_is_told), cmocka_unit_test(test_the_nearest_word),
        cmocka_unit_test(test_numbers_sizes_and_flags), cmocka_unit_test(test_where_to_listen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
