/* The end of DATA's content, and what only looks like it. */
#include "smtp_script.h"

#define DATA "S:220 x\r\n", "C:HELO a\r\n", "S:250 x\r\n", "C:MAIL FROM:<a@x>\r\n", "S:250 ok\r\n", "C:RCPT TO:<b@x>\r\n", "S:250 ok\r\n", "C:DATA\r\n", "S:354 go\r\n"
#define DATA_FACTS "banner=220 x\nbanner_code=220\nhelo=a\nehlo=no\nhelo_code=250\nrequested=no\n"
#define TAKEN(bytes) DATA_FACTS "message 0 <a@x> DATA " bytes " exposed=yes reply=250 delivered=yes\n to=b@x\n"

static const struct script ends[] = {
    {"empty", DATA_FACTS "message 0 <a@x> DATA 0 exposed=no reply=250 delivered=yes\n to=b@x\n", {DATA, "C:.\r\n", "S:250 ok\r\n"}},
    {"a line", TAKEN("4"), {DATA, "C:ab\r\n.\r\n", "S:250 ok\r\n", "C:QUIT\r\n", "S:221 bye\r\n"}},
    {"stuffed dots", TAKEN("12"), {DATA, "C:..\r\n...\r\n.a.b\r\n.\r\n", "S:250 ok\r\n"}},
    {"dots within lines", TAKEN("12"), {DATA, "C:a.b. .c\r\n.d\r\n.\r\n", "S:250 ok\r\n"}},
    {"sent before the 354", DATA_FACTS "message 0 <a@x> DATA 4 exposed=yes reply=250 delivered=yes\n",
     {"S:220 x\r\n", "C:HELO a\r\n", "S:250 x\r\n", "C:MAIL FROM:<a@x>\r\nDATA\r\nab\r\n.\r\n", "S:250 ok\r\n354 go\r\n250 ok\r\n"}},
};

#define MARK(mark, verb, ended) "mark " mark " in 0 verb " verb " ended=" ended "\n"

static const struct script marks[] = {
    {"LF . LF", TAKEN("7") MARK("\\n.\\n", "-", "no"), {DATA, "C:a\n.\nb\r\n.\r\n", "S:250 ok\r\n", "C:QUIT\r\n", "S:221 bye\r\n"}},
    {"LF . CRLF", TAKEN("8") MARK("\\n.\\r\\n", "-", "no"), {DATA, "C:a\n.\r\nb\r\n.\r\n", "S:250 ok\r\n", "C:QUIT\r\n", "S:221 bye\r\n"}},
    {"CRLF . LF", TAKEN("7") MARK("\\r\\n.\\n", "-", "no"), {DATA, "C:a\r\n.\nb\r\n.\r\n", "S:250 ok\r\n", "C:QUIT\r\n", "S:221 bye\r\n"}},
    {"CRLF . CR", TAKEN("7") MARK("\\r\\n.\\r", "-", "no"), {DATA, "C:a\r\n.\rb\r\n.\r\n", "S:250 ok\r\n", "C:QUIT\r\n", "S:221 bye\r\n"}},
    {"CR . CR", TAKEN("7") MARK("\\r.\\r", "-", "no"), {DATA, "C:a\r.\rb\r\n.\r\n", "S:250 ok\r\n", "C:QUIT\r\n", "S:221 bye\r\n"}},
    {"CR . LF", TAKEN("7") MARK("\\r.\\n", "-", "no"), {DATA, "C:a\r.\nb\r\n.\r\n", "S:250 ok\r\n", "C:QUIT\r\n", "S:221 bye\r\n"}},
    {"LF . CR", TAKEN("7") MARK("\\n.\\r", "-", "no"), {DATA, "C:a\n.\rb\r\n.\r\n", "S:250 ok\r\n", "C:QUIT\r\n", "S:221 bye\r\n"}},
    {"not told: the capture ends", TAKEN("7") MARK("\\n.\\n", "-", "?"), {DATA, "C:a\n.\nb\r\n.\r\n", "S:250 ok\r\n", "!cut"}},
    {"a verb behind, not taken", TAKEN("21") MARK("\\n.\\n", "MAIL", "no"), {DATA, "C:a\n.\nMAIL FROM:<e@x>\r\n.\r\n", "S:250 ok\r\n", "C:QUIT\r\n", "S:221 bye\r\n"}},
    {"a verb behind, sent at once, taken: more answers than commands", TAKEN("21") MARK("\\n.\\n", "MAIL", "yes") "unpaired=1\npairing lost\n",
     {DATA, "C:a\n.\nMAIL FROM:<e@x>\r\n.\r\n", "S:250 ok\r\n250 ok\r\n"}},
    {"taken before the true end: commands follow",
     DATA_FACTS "message 0 <a@x> DATA 2 exposed=yes reply=250 delivered=yes\n to=b@x\nmessage 1 <e@x> DATA 4 exposed=yes reply=250 delivered=yes\n to=f@x\nmessages=2\n" MARK("\\n.\\n", "MAIL", "yes"),
     {DATA, "C:a\n.\nMAIL FROM:<e@x>\r\nRCPT TO:<f@x>\r\nDATA\r\n", "S:250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n", "C:hi\r\n.\r\n", "S:250 ok\r\n"}},
    {"bare LF throughout, in lockstep", DATA_FACTS "message 0 <a@x> DATA 2 exposed=yes reply=250 delivered=yes\n to=b@x\n" MARK("\\n.\\n", "-", "yes"),
     {DATA, "C:a\n.\n", "S:250 ok\r\n", "C:QUIT\n", "S:221 bye\r\n"}},
    {"an early refusal is no bait taken", DATA_FACTS "message 0 <a@x> DATA 4 exposed=yes reply=250 delivered=yes\n to=b@x\nunpaired=1\npairing lost\n",
     {DATA, "C:ab", "S:552 too much\r\n", "C:\r\n.\r\n", "S:250 ok\r\n"}},
    {"two marks", TAKEN("14") MARK("\\n.\\n", "-", "no") MARK("\\r.\\r", "RSET", "no"), {DATA, "C:a\n.\nb\r.\rRSET\r\n.\r\n", "S:250 ok\r\n", "C:QUIT\r\n", "S:221 bye\r\n"}},
};

static const struct script content_gaps[] = {
    {"within", TAKEN("104"), {DATA, "C:ab", "c:100", "C:\r\n.\r\n", "S:250 ok\r\n"}},
    {"with the end mark in it", DATA_FACTS "message 0 <a@x> DATA 102 exposed=yes reply=250 delivered=yes\n to=b@x\nmessage 1 <c@x> - 0 exposed=? reply=0 delivered=?\nmessages=2\npairing lost\n",
     {DATA, "C:ab", "c:100", "S:250 ok\r\n", "C:MAIL FROM:<c@x>\r\n", "S:250 ok\r\n"}},
    {"dot right behind it", TAKEN("108"), {DATA, "C:ab", "c:100", "C:.\r\nx", "C:\r\n.\r\n", "S:250 ok\r\n"}},
};

static void test_ends(void **state)
{
    (void)state;
    play_all(ends, COUNT(ends));
}

static void test_marks(void **state)
{
    (void)state;
    play_all(marks, COUNT(marks));
}

static void test_content_gaps(void **state)
{
    (void)state;
    play_all(content_gaps, COUNT(content_gaps));
}

/* What a session says whose content is these bytes, fed in pieces of up to `most` bytes, each in a block of its own, so that a look beyond it is seen. */
static void tell_content(const char *content, size_t n, size_t most, struct text *out)
{
    static const char *const before[] = {DATA};
    struct mxt_smtp_limits limits = MXT_SMTP_LIMITS_DEFAULT;
    struct mxt_arena arena;
    mxt_arena_init(&arena, 1u << 20);
    struct run run = {.smtp = mxt_smtp_new(&arena, &limits, false)};
    assert_non_null(run.smtp);
    for (size_t i = 0; i < COUNT(before); i++)
        feed(&run, before[i][0] == 'C' ? MXT_TOSERVER : MXT_TOCLIENT, before[i] + 2, strlen(before[i]) - 2);
    for (size_t i = 0; i < n; i += most)
        feed(&run, MXT_TOSERVER, content + i, n - i < most ? n - i : most);
    feed(&run, MXT_TOSERVER, "\r\n.\r\n", 5);
    feed(&run, MXT_TOCLIENT, "250 ok\r\n", 8);
    mxt_smtp_finish(run.smtp, true);
    out->n = 0;
    out->bytes[0] = '\0';
    say_facts(out, run.smtp);
    mxt_smtp_free(run.smtp);
    mxt_arena_free(&arena);
}

/* Content in pieces of any size, longer than what is looked at together and shorter, says what it says byte by byte. */
static void test_pieces(void **state)
{
    (void)state;
    static const char rare[] = "aaaaaaaaaaaaaaaaaaaaaaaa....\r\n\n\x0b";
    static const char often[] = "a.\r\n\x0b";
    static const size_t sizes[] = {2, 31, 32, 33, 64, 65, 127, 128, 129, 200, 1000};
    static struct text bytewise, pieces;
    uint32_t random = 1;
    for (unsigned round = 0; round < 3000; round++) {
        char content[1005] = "\r\n"; /* so it stands behind the 354 */
        size_t n = 1 + round % 1000;
        bool is_often = round % 5 == 0;
        for (size_t i = 0; i < n; i++) {
            random = random * 1664525u + 1013904223u;
            content[2 + i] = is_often ? often[(random >> 16) % (sizeof often - 1)] : rare[(random >> 16) % (sizeof rare - 1)];
        }
        for (size_t i = 0; i + 3 <= n; i++) /* it does not end before its end */
            if (memcmp(content + i, "\r\n.\r\n", 5) == 0)
                content[i + 4] = 'a';
        tell_content(content + 2, n, 1, &bytewise);
        tell_content(content + 2, n, sizes[round % COUNT(sizes)], &pieces);
        assert_string_equal(pieces.bytes, bytewise.bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ends), cmocka_unit_test(test_marks), cmocka_unit_test(test_content_gaps), cmocka_unit_test(test_pieces)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
