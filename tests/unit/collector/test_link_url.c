#include "check.h"

#include <string.h>

#include "collector/link_int.h"

static void test_urls_are_taken_apart(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        bool is_tls, is_unix;
        const char *user, *host, *port;
        unsigned database;
    } cases[] = {
        {"redis://redis.example.org", false, false, NULL, "redis.example.org", "6379", 0},
        {"redis://127.0.0.1:7000/3", false, false, NULL, "127.0.0.1", "7000", 3},
        {"redis://[2001:db8::1]:7000/", false, false, NULL, "2001:db8::1", "7000", 0},
        {"redis://[::1]", false, false, NULL, "::1", "6379", 0},
        {"rediss://edge%2D1@redis.example.org/15", true, false, "edge-1", "redis.example.org", "6379", 15},
        {"redis://@host", false, false, NULL, "host", "6379", 0},
        {"unix:/run/redis.sock", false, true, NULL, "/run/redis.sock", "", 0},
        {"unix:///run/redis.sock?db=2&user=sensor", false, true, "sensor", "/run/redis.sock", "", 2},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct mxt_link_target target;
        char error[MXT_LINK_ERROR] = "";
        assert_int_equal(mxt_link_url_read(cases[i].url, &target, error), MXT_OK);
        assert_int_equal(target.is_tls, cases[i].is_tls);
        assert_int_equal(target.is_unix, cases[i].is_unix);
        assert_int_equal(target.user == NULL, cases[i].user == NULL);
        if (target.user != NULL)
            assert_string_equal(target.user, cases[i].user);
        assert_string_equal(target.host, cases[i].host);
        assert_string_equal(target.port, cases[i].port);
        assert_int_equal(target.database, cases[i].database);
        assert_string_equal(target.name, cases[i].url);
        mxt_link_url_free(&target);
    }
}

static void test_refusals_name_the_mend_and_no_secret(void **state)
{
    (void)state;
    static const struct {
        const char *url, *named;
    } cases[] = {
        {"", "redis://host:6379"},
        {"http://host", "begins with none of"},
        {"redis://", "no host"},
        {"redis://host:0", "no port"},
        {"redis://host:65536", "no port"},
        {"redis://host:", "no port"},
        {"redis://2001:db8::1:6379", "in brackets"},
        {"redis://[::1", "never closed"},
        {"redis://host/x", "not a number"},
        {"redis://host/99999999999999999999", "not a number"},
        {"redis://host?db=1", "nothing follows"},
        {"redis://user:s3cret@host", "MXTAP_REDIS_PASSWORD"},
        {"rediss://:s3cret@host:6379/1", "redis.password_file"},
        {"unix:run/redis.sock", "not absolute"},
        {"unix:/run/redis.sock?password=s3cret", "db=NUMBER"},
        {"unix:/run/redis.sock?db=", "db=NUMBER"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct mxt_link_target target;
        char error[MXT_LINK_ERROR] = "";
        assert_int_equal(mxt_link_url_read(cases[i].url, &target, error), MXT_EUSAGE);
        if (strstr(error, cases[i].named) == NULL || strstr(error, "s3cret") != NULL)
            fail_msg("%s: \"%s\" does not say \"%s\"", cases[i].url, error, cases[i].named);
        mxt_link_url_free(&target);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urls_are_taken_apart),
        cmocka_unit_test(test_refusals_name_the_mend_and_no_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
