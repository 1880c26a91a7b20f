#include "peer.h"

#include "collector/link.h"

#define PONG "+PONG\r\n"

static struct mxt_link *open_link(const char *url, uint32_t reply_timeout_ms)
{
    const struct mxt_link_config config = {.url = url, .connect_timeout_ms = 5000, .reply_timeout_ms = reply_timeout_ms};
    char error[MXT_LINK_ERROR] = "";
    struct mxt_link *link = mxt_link_new(&config, error);
    if (link == NULL)
        fail_msg("%s", error);
    return link;
}

static void assert_says(const char *text, const char *wanted)
{
    if (strstr(text, wanted) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", text, wanted);
}

static void test_a_call_sends_words_and_takes_the_answer(void **state)
{
    (void)state;
    const char *const answers[] = {PONG, "*2\r\n:7\r\n$3\r\na\nb\r\n", NULL};
    const char *const argv[] = {"SET", "key", "a\nb"};
    const size_t lengths[] = {3, 3, 3};
    struct peer peer;
    peer_start(&peer, answers, false);
    struct mxt_link *link = open_link(peer.url, 5000);
    assert_int_equal(mxt_link_connect(link), MXT_OK);
    redisReply *reply = mxt_link_call(link, 3, argv, lengths);
    assert_non_null(reply);
    assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
    assert_int_equal(reply->element[0]->integer, 7);
    assert_string_equal(reply->element[1]->str, "a\nb");
    mxt_reply_free(reply);
    assert_int_equal(mxt_link_unanswered(link), 0);
    mxt_link_free(link);
    peer_stop(&peer);
    assert_string_equal(peer.heard, "*1\r\n$4\r\nPING\r\n*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$3\r\na\nb\r\n");
}

static void test_refusals_at_the_greeting_are_told_in_words(void **state)
{
    (void)state;
    static const struct {
        const char *answer, *named;
    } cases[] = {
        {"-WRONGPASS invalid username-password pair or user is disabled.\r\n", "password is wrong"},
        {"-NOAUTH Authentication required.\r\n", "MXTAP_REDIS_PASSWORD"},
        {"-LOADING Redis is loading the dataset in memory\r\n", "still loading"},
        {"-ERR a\x1b[2Jb\r\n", "refuses: ERR a?[2Jb"},
        {"SSH-2.0-OpenSSH_9.2\r\n", "not Redis's protocol"},
        {"HTTP/1.1 400 Bad Request\r\n", "not Redis's protocol"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *const answers[] = {cases[i].answer, NULL};
        struct peer peer;
        peer_start(&peer, answers, false);
        struct mxt_link *link = open_link(peer.url, 5000);
        assert_int_equal(mxt_link_connect(link), MXT_EIO);
        assert_says(mxt_link_error(link), cases[i].named);
        assert_says(mxt_link_error(link), peer.url);
        assert_false(mxt_link_is_connected(link));
        mxt_link_free(link);
        peer_stop(&peer);
    }
}

static void test_a_user_without_ping_is_let_in(void **state)
{
    (void)state;
    const char *const answers[] = {"+OK\r\n", "+OK\r\n", "-NOPERM this user has no permissions to run the 'ping' command\r\n", NULL};
    struct peer peer;
    char url[160];
    peer_start(&peer, answers, false);
    snprintf(url, sizeof url, "%s?user=edge&db=2", peer.url);
    setenv("MXTAP_REDIS_PASSWORD", "s3cret", 1);
    struct mxt_link *link = open_link(url, 5000);
    unsetenv("MXTAP_REDIS_PASSWORD");
    assert_int_equal(mxt_link_connect(link), MXT_OK);
    mxt_link_free(link);
    peer_stop(&peer);
    assert_string_equal(peer.heard, "*3\r\n$4\r\nAUTH\r\n$4\r\nedge\r\n$6\r\ns3cret\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n2\r\n*1\r\n$4\r\nPING\r\n");
}

static void test_nobody_there_is_told_with_place_and_mend(void **state)
{
    (void)state;
    struct mxt_link *link = open_link("unix:/nowhere/redis.sock", 5000);
    assert_int_equal(mxt_link_connect(link), MXT_EIO);
    assert_string_equal(mxt_link_error(link), "unix:/nowhere/redis.sock: No such file or directory: is this the path of Redis's unixsocket?");
    const char *const argv[] = {"PING"};
    assert_null(mxt_link_call(link, 1, argv, NULL));
    assert_int_equal(mxt_link_append(link, 1, argv, NULL), MXT_EIO);
    mxt_link_free(link);
}

static void test_silence_breaks_the_link_after_the_time_out(void **state)
{
    (void)state;
    const char *const answers[] = {PONG, NULL}, *const argv[] = {"PING"};
    struct peer peer;
    peer_start(&peer, answers, false);
    struct mxt_link *link = open_link(peer.url, 50);
    assert_int_equal(mxt_link_connect(link), MXT_OK);
    assert_int_equal(mxt_link_pump(link, 100, -1), MXT_OK); /* nothing was asked: silence is fine */
    assert_null(mxt_link_call(link, 1, argv, NULL));
    assert_says(mxt_link_error(link), "no answer in 50 ms");
    mxt_link_free(link);
    peer_stop(&peer);
}

static void test_answers_before_the_end_can_be_taken(void **state)
{
    (void)state;
    const char *const answers[] = {PONG, ":1\r\n", ":2\r\n", NULL}, *const argv[] = {"PING"};
    struct peer peer;
    peer_start(&peer, answers, true);
    struct mxt_link *link = open_link(peer.url, 5000);
    assert_int_equal(mxt_link_connect(link), MXT_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(mxt_link_append(link, 1, argv, NULL), MXT_OK);
    while (mxt_link_pump(link, -1, -1) == MXT_OK && mxt_link_unanswered(link) > 0) {
    }
    while (mxt_link_is_connected(link))
        (void)!mxt_link_pump(link, 0, -1);
    for (int i = 1; i <= 2; i++) {
        redisReply *reply = mxt_link_reply(link);
        assert_non_null(reply);
        assert_int_equal(reply->integer, i);
        mxt_reply_free(reply);
    }
    assert_null(mxt_link_reply(link));
    assert_int_equal(mxt_link_unanswered(link), 1);
    mxt_link_free(link);
    peer_stop(&peer);
}

static void test_an_answer_to_no_question_breaks(void **state)
{
    (void)state;
    const char *const answers[] = {PONG, "+ONE\r\n+MORE\r\n", NULL}, *const argv[] = {"X"};
    struct peer peer;
    peer_start(&peer, answers, false);
    struct mxt_link *link = open_link(peer.url, 5000);
    assert_int_equal(mxt_link_connect(link), MXT_OK);
    assert_int_equal(mxt_link_append(link, 1, argv, NULL), MXT_OK);
    while (mxt_link_pump(link, -1, -1) == MXT_OK) {
    }
    assert_says(mxt_link_error(link), "answer to no question");
    mxt_link_free(link);
    peer_stop(&peer);
}

static void test_pump_wakes_for_another_descriptor(void **state)
{
    (void)state;
    const char *const answers[] = {PONG, NULL};
    struct peer peer;
    int pipe_fds[2];
    assert_int_equal(pipe(pipe_fds), 0);
    peer_start(&peer, answers, false);
    struct mxt_link *link = open_link(peer.url, 5000);
    assert_int_equal(mxt_link_connect(link), MXT_OK);
    assert_int_equal(write(pipe_fds[1], "x", 1), 1);
    assert_int_equal(mxt_link_pump(link, -1, pipe_fds[0]), MXT_OK); /* else this waits for ever */
    mxt_link_free(link);
    peer_stop(&peer);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

/* Odd answers, whole and as any mixture of them: the link either hands out a reply or breaks with a sentence. */
static void test_any_answer_is_survived(void **state)
{
    (void)state;
    static const char *const odd[] = {"*-1\r\n", "$-1\r\n", "*0\r\n", "*2147483647\r\n", "*-5\r\n", "$-7\r\n", "$99999999999999999999\r\n", ":\r\n", ":99999999999999999999\r\n",
                                      "*2\r\n*1\r\n:1\r\n$-1\r\n", "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n", "-\r\n", "+\r\n", "\r\n", "%1\r\n+a\r\n+b\r\n",
                                      "_\r\n", "$3\r\nabcd\r\n", "*1048577\r\n", "$3\r\nab"};
    const char *const argv[] = {"X"};
    uint32_t random = 1;
    for (unsigned round = 0; round < 200; round++) {
        char text[256] = "";
        const char *const answers[] = {PONG, text, NULL};
        for (unsigned part = 0; part < 1 + round % 3; part++) {
            random = random * 1664525u + 1013904223u;
            strcat(text, odd[part == 0 && round < COUNT(odd) ? round : (random >> 8) % COUNT(odd)]);
        }
        struct peer peer;
        peer_start(&peer, answers, true);
        struct mxt_link *link = open_link(peer.url, 5000);
        assert_int_equal(mxt_link_connect(link), MXT_OK);
        redisReply *reply = mxt_link_call(link, 1, argv, NULL);
        if (reply != NULL)
            mxt_reply_free(reply);
        else
            assert_says(mxt_link_error(link), peer.url);
        mxt_link_free(link);
        peer_stop(&peer);
    }
}

static void test_files_that_are_wrong_are_named(void **state)
{
    (void)state;
    static const struct {
        struct mxt_link_config config;
        const char *named;
    } cases[] = {
        {{.url = "redis://host", .password_file = "/nowhere/password"}, "redis.password_file: /nowhere/password: No such file"},
        {{.url = "redis://host", .password_file = "/dev/null"}, "empty"},
        {{.url = "redis://host", .password_file = "/dev/zero"}, "more than"},
        {{.url = "rediss://host", .ca_file = "/nowhere/ca.pem"}, "redis.ca: /nowhere/ca.pem"},
        {{.url = "rediss://host", .certificate_file = "/dev/null"}, "redis.certificate: /dev/null"},
        {{.url = "rediss://host", .key_file = "/dev/null"}, "no redis.certificate"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char error[MXT_LINK_ERROR] = "";
        assert_null(mxt_link_new(&cases[i].config, error));
        assert_says(error, cases[i].named);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_call_sends_words_and_takes_the_answer),
        cmocka_unit_test(test_refusals_at_the_greeting_are_told_in_words),
        cmocka_unit_test(test_a_user_without_ping_is_let_in),
        cmocka_unit_test(test_nobody_there_is_told_with_place_and_mend),
        cmocka_unit_test(test_silence_breaks_the_link_after_the_time_out),
        cmocka_unit_test(test_answers_before_the_end_can_be_taken),
        cmocka_unit_test(test_an_answer_to_no_question_breaks),
        cmocka_unit_test(test_pump_wakes_for_another_descriptor),
        cmocka_unit_test(test_any_answer_is_survived),
        cmocka_unit_test(test_files_that_are_wrong_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
