#include "sensor/redact.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

#define TEXT_MAX 400

/* A direction's stream in pieces of `cut` bytes (0: one), redacted and put together again. */
static void redact(const struct mxt_redact_stream *stream, const char *text, size_t n, size_t cut, char *out)
{
    struct mxt_redact_piece pieces[TEXT_MAX];
    size_t count = 0;
    assert_in_range(n, 1, TEXT_MAX - 1);
    memcpy(out, text, n);
    out[n] = '\0';
    for (size_t at = 0; at < n; at += cut == 0 ? n : cut) {
        size_t length = cut == 0 || cut > n - at ? n - at : cut;
        uint8_t *copy = malloc(length); /* of its own, so that reading past it is noticed */
        assert_non_null(copy);
        memcpy(copy, text + at, length);
        pieces[count++] = (struct mxt_redact_piece){.offset = (int64_t)at, .bytes = copy, .n = (uint32_t)length};
    }
    assert_int_equal(mxt_redact(stream, pieces, count), MXT_OK);
    for (size_t i = 0; i < count; i++) {
        memcpy(out + pieces[i].offset, pieces[i].bytes, pieces[i].n);
        free(pieces[i].bytes);
    }
}

static void test_lines_of_a_client(void **state)
{
    (void)state;
    static const struct {
        const char *said, *kept;
        bool is_command;
    } cases[] = {
        {"EHLO mx.example.org\r\n", "EHLO mx.example.org\r\n", true},
        {"EHLO mx.example.org secret\r\n", "EHLO mx.example.org       \r\n", true},
        {"MAIL FROM:<a@example.org> SIZE=10\r\n", "MAIL FROM:<a@example.org> SIZE=10\r\n", true},
        {"MAIL secret\r\n", "MAIL ------\r\n", true},
        {"NOOP secret\r\n", "NOOP ------\r\n", true},
        {"AUTH PLAIN AGEAYg==\r\n", "AUTH PLAIN --------\r\n", true},
        {"auth login =\r\n", "auth login =\r\n", true},
        {"AUTH AGEAYg==\r\n", "AUTH --------\r\n", true},
        {"XCLIENT NAME=a LOGIN=secret\r\n", "XCLIENT NAME=- LOGIN=------\r\n", true},
        {"BDAT 12 LAST\r\n", "BDAT 12 LAST\r\n", true},
        {"BDAT 12 secret\r\n", "BDAT 12 ------\r\n", true},
        {"BDAT 1secret\r\n", "BDAT -------\r\n", true},
        {"XXXXXXXX\r\n", "XXXXXXXX\r\n", true},
        {"secret\r\n", "------\r\n", true},
        {"PROXY TCP4 192.0.2.1 192.0.2.2 1 25\r\n", "PROXY TCP4 192.0.2.1 192.0.2.2 1 25\r\n", true},
        {"MAIL FROM:<a@example.org>\r\n", "-------------------------\r\n", false},
        {"*\r\n", "*\r\n", false},
        {"text\n.\nMAIL FROM:<a@x>\r\n", "----\n.\nMAIL ----------\r\n", false},
        {"text\r.\rDATA\r\n", "----\r.\rDATA\r\n", false},
        {"text\r\n..more. \r\n", "----\r\n.-------\r\n", false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t n = strlen(cases[i].said);
        const struct mxt_smtp_span all = {0, n};
        const struct mxt_redact_stream stream = {.direction = MXT_TOSERVER, .spoken = &all, .spoken_count = cases[i].is_command ? 1 : 0};
        char out[TEXT_MAX];
        for (size_t cut = 0; cut <= 3; cut++) {
            redact(&stream, cases[i].said, n, cut, out);
            assert_string_equal(out, cases[i].kept);
        }
    }
}

static void test_lines_of_a_server(void **state)
{
    (void)state;
    static const struct {
        const char *said, *kept;
    } cases[] = {
        {"220 mx.example.net ESMTP\r\n", "220 mx.example.net ESMTP\r\n"},
        {"250-SIZE\r\n250 XXXXXXXA\r\n", "250-SIZE\r\n250 XXXXXXXA\r\n"},
        {"334 UGFzc3dvcmQ6\r\n", "334 ------------\r\n"},
        {"500 unrecognized: \"secret\"\r\n", "500 ----------------------\r\n"},
        {"502 5.5.1 what is secret\r\n", "502 5.5.1---------------\r\n"},
        {"550 no such user: secret\r\n", "550 no such user--------\r\n"},
        {"454 4.7.0 TLS not available\r\n", "454 4.7.0 TLS not available\r\n"},
        {"no reply\r\n", "--------\r\n"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct mxt_redact_stream stream = {.direction = MXT_TOCLIENT};
        char out[TEXT_MAX];
        redact(&stream, cases[i].said, strlen(cases[i].said), 0, out);
        assert_string_equal(out, cases[i].kept);
    }
}

/* Words of the protocols stay, where they are whole words. */
static void test_another_protocol(void **state)
{
    (void)state;
    static const struct {
        enum mxt_direction direction;
        const char *said, *kept;
    } cases[] = {
        {MXT_TOSERVER, "GET /secret HTTP/1.1\r\nHost: a\r\n", "GET aaaaaaa HTTP/1.1\r\naaaaa a\r\n"},
        {MXT_TOSERVER, "GETsecret xHTTP/1.1\r\n", "aaaaaaaaa aaaaaaaaa\r\n"},
        {MXT_TOSERVER, "a1 LOGIN joe 123\r\n", "aa LOGIN aaa aaa\r\n"},
        {MXT_TOCLIENT, "HTTP/1.1 200 OK\r\n2000 secret\r\n", "HTTP/1.1 200 OK\r\naaaa aaaaaa\r\n"},
        {MXT_TOCLIENT, "SSH-2.0-OpenSSH_9 secret\r\n", "SSH-2.0-aaaaaaaaa aaaaaa\r\n"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct mxt_redact_stream stream = {.direction = cases[i].direction, .is_foreign = true};
        char out[TEXT_MAX];
        for (size_t cut = 0; cut <= 3; cut++) {
            redact(&stream, cases[i].said, strlen(cases[i].said), cut, out);
            assert_string_equal(out, cases[i].kept);
        }
    }
}

/* Only a stream's beginning is shown. */
static void test_another_protocol_further_on(void **state)
{
    (void)state;
    const struct mxt_redact_stream stream = {.direction = MXT_TOSERVER, .is_foreign = true};
    char said[TEXT_MAX], out[TEXT_MAX];
    memset(said, 's', 300);
    memcpy(said + 300, "\r\nPASS x\r\n", sizeof "\r\nPASS x\r\n");
    redact(&stream, said, strlen(said), 0, out);
    assert_string_equal(out + 300, "\r\n------\r\n");
    assert_null(strchr(out, 's'));
}

static void test_local_parts(void **state)
{
    (void)state;
    const char *said = "RCPT TO:<alice.b@example.org> ORCPT=rfc822;bob@x\r\nRCPT TO:<\"a b\"@example.org>\r\n";
    const struct mxt_smtp_span all = {0, strlen(said)};
    const struct mxt_redact_stream stream = {.direction = MXT_TOSERVER, .spoken = &all, .spoken_count = 1, .drop_local_parts = true};
    char out[TEXT_MAX];
    redact(&stream, said, strlen(said), 0, out);
    assert_null(strstr(out, "alice"));
    assert_null(strstr(out, "bob"));
    assert_null(strstr(out, "a b"));
    assert_non_null(strstr(out, "@example.org> ORCPT=rfc822;xxx@x\r\n"));
}

/* What the client named is taken out of replies, also where no @ shows it; a word that only holds it is another. */
static void test_names_in_replies(void **state)
{
    (void)state;
    static const struct {
        const char *named, *replied, *kept;
        bool is_answer;
    } cases[] = {
        {"RCPT TO:<joe@example.net>\r\n", "550 5.1.1 User joe unknown\r\n", "550 5.1.1 User --- unknown\r\n", false},
        {"RCPT TO:<Joe>\r\n", "250 2.1.5 JOE ok, joey too, joe.\r\n", "250 2.1.5 --- ok, joey too, ---.\r\n", false},
        {"MAIL FROM:<joe@example.net> SIZE=10 AUTH=<>\r\n", "250 joe size 10 example.net\r\n", "250 --- size 10 example.net\r\n", false},
        {"RCPT TO:<a.b+c@example.net> ORCPT=rfc822;joe@x\r\n", "250-a.b\r\n250 a.b+c rfc822 joe\r\n", "250----\r\n250 ----- rfc822 ---\r\n", false},
        {"RCPT TO:<\"joe doe\"@example.net>\r\n", "250 doe, 'joe'\r\n", "250 ---, '---'\r\n", false},
        {"VRFY joe\r\n", "252 joe may be here\r\n", "252 --- may be here\r\n", false},
        {"EXPN joe\r\n", "250 joe\r\n", "250 ---\r\n", false},
        {"RCPT TO:<starttls@example.net>\r\n", "250-STARTTLS\r\n250 250\r\n", "250-STARTTLS\r\n250 250\r\n", false},
        {"RCPT TO:<250@example.net>\r\n", "250 250 ok\r\n", "250 --- ok\r\n", false},
        {"AUTH PLAIN AGpvZQBwZWFybA==\r\n", "235 welcome joe pearl\r\n", "235 welcome --- -----\r\n", false},
        {"am9l\r\n", "334\r\n235 welcome joe\r\n", "334\r\n235 welcome ---\r\n", true},
        {"HELP joe\r\n", "214 joe\r\n", "214 joe\r\n", false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char client[TEXT_MAX], out[TEXT_MAX];
        size_t command = (size_t)snprintf(client, sizeof client, "%s%s", cases[i].is_answer ? "AUTH LOGIN\r\n" : "", cases[i].named);
        const struct mxt_smtp_span spoken = {0, cases[i].is_answer ? strlen("AUTH LOGIN\r\n") : command};
        for (size_t cut = 0; cut <= 3; cut++) {
            struct mxt_redact_names *names = mxt_redact_names_new();
            assert_non_null(names);
            const struct mxt_redact_stream toserver = {.direction = MXT_TOSERVER, .spoken = &spoken, .spoken_count = 1, .drop_local_parts = true, .names = names};
            redact(&toserver, client, command, cut, out);
            assert_int_equal(mxt_redact_names_finish(names), MXT_OK);
            const struct mxt_redact_stream toclient = {.direction = MXT_TOCLIENT, .drop_local_parts = true, .names = names};
            redact(&toclient, cases[i].replied, strlen(cases[i].replied), cut, out);
            assert_string_equal(out, cases[i].kept);
            mxt_redact_names_free(names);
        }
    }
}

static void test_tls(void **state)
{
    (void)state;
    static const char said[] = "QUIT\r\n\x16\x03\x01\x00\x03"
                               "abc\x17\x03\x03\x00\x06secret\x17\x03\x03\x00\x09" "cut";
    static const char kept[] = "QUIT\r\n\x16\x03\x01\x00\x03"
                               "abc\x17\x03\x03\x00\x06\0\0\0\0\0\0\x17\x03\x03\x00\x09" "\0\0\0";
    const struct mxt_smtp_span first = {0, 6};
    const struct mxt_redact_stream stream = {.direction = MXT_TOSERVER, .spoken = &first, .spoken_count = 1, .has_tls = true, .tls_at = 6};
    char out[TEXT_MAX];
    for (size_t cut = 0; cut <= 4; cut++) {
        redact(&stream, said, sizeof said - 1, cut, out);
        assert_memory_equal(out, kept, sizeof kept - 1);
    }
}

/* Behind a hole nobody knows what a byte is. */
static void test_holes(void **state)
{
    (void)state;
    uint8_t head[] = "NOOP\r\n", tail[] = "secret\r\nsecret\r\n", early[] = "x", lost[] = "RSET\r\n", tls[] = "\x16\x03\x01\x00\x01z";
    const struct mxt_smtp_span spoken = {0, 6};
    struct mxt_redact_stream stream = {.direction = MXT_TOSERVER, .spoken = &spoken, .spoken_count = 1, .has_tls = true, .tls_at = 50};
    struct mxt_redact_piece pieces[] = {{.offset = 20, .bytes = tail, .n = sizeof tail - 1}, {.offset = 0, .bytes = head, .n = sizeof head - 1},
                                        {.offset = -1, .bytes = early, .n = 1},              {.bytes = lost, .n = sizeof lost - 1, .is_unplaced = true},
                                        {.offset = 60, .bytes = tls, .n = sizeof tls - 1}};
    assert_int_equal(mxt_redact(&stream, pieces, COUNT(pieces)), MXT_OK);
    assert_memory_equal(head, "NOOP\r\n", sizeof head - 1); /* a keep-alive's byte in front of the stream is no part of it */
    assert_memory_equal(tail, "------\r\n------\r\n", sizeof tail - 1);
    assert_memory_equal(lost, "------", sizeof lost - 1);
    assert_memory_equal(tls, "\0\0\0\0\0\0", sizeof tls - 1);
    assert_int_equal(early[0], '-');
}

/* What differs must still differ, and hold nothing of what it was. */
static void test_copies(void **state)
{
    (void)state;
    uint8_t first[] = "NOOP\r\ninnocent", same[] = "NOOP\r\n", other[] = "AOOP\r\nsecret!!";
    const struct mxt_smtp_span spoken = {0, 6};
    struct mxt_redact_stream stream = {.direction = MXT_TOSERVER, .spoken = &spoken, .spoken_count = 1};
    struct mxt_redact_piece pieces[] = {{.offset = 0, .bytes = first, .n = sizeof first - 1}, {.offset = 0, .bytes = same, .n = sizeof same - 1}, {.offset = 0, .bytes = other, .n = sizeof other - 1}};
    assert_int_equal(mxt_redact(&stream, pieces, COUNT(pieces)), MXT_OK);
    assert_string_equal(first, "NOOP\r\n--------");
    assert_string_equal(same, "NOOP\r\n");
    assert_string_equal(other, "_OOP\r\n________");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_of_a_client),
        cmocka_unit_test(test_lines_of_a_server),
        cmocka_unit_test(test_another_protocol),
        cmocka_unit_test(test_another_protocol_further_on),
        cmocka_unit_test(test_local_parts),
        cmocka_unit_test(test_names_in_replies),
        cmocka_unit_test(test_tls),
        cmocka_unit_test(test_holes),
        cmocka_unit_test(test_copies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
