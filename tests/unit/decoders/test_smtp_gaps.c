/* What gaps, a late start and a missing direction hide stays unknown, until both sides are in step again. */
#include "smtp_script.h"

#define OPENING "banner=220 x\nbanner_code=220\n"
#define HELLO "S:220 x\r\n", "C:EHLO a\r\n", "S:250-x\r\n250 STARTTLS\r\n"
#define HELLO_FACTS OPENING "helo=a\nehlo=yes\nehlo_code=250\ncapabilities=STARTTLS\noffered=yes\n"
#define MAIL_UNKNOWN "<a@x> - 0 exposed=? reply=0 delivered=?\n"

static const struct script server_gaps[] = {
    {"the greeting", "helo=a\nehlo=yes\nehlo_code=250\ncapabilities=DSN\noffered=no\nrequested=no\npairing lost\n", {"s:50", "C:EHLO a\r\n", "S:250-x\r\n250 DSN\r\n"}},
    {"the greeting's end", "banner=220-x\nhelo=a\nehlo=yes\nehlo_code=250\ncapabilities=DSN\noffered=no\nrequested=no\npairing lost\n",
     {"S:220-x\r\n", "s:50", "S:oo\r\n220 y\r\n", "C:EHLO a\r\n", "S:250-x\r\n250 DSN\r\n"}},
    {"the whole EHLO reply", OPENING "helo=a\nehlo=yes\nrequested=no\nmessage 0 " MAIL_UNKNOWN "pairing lost\n", {"S:220 x\r\n", "C:EHLO a\r\n", "s:80", "C:MAIL FROM:<a@x>\r\n", "S:250 ok\r\n"}},
    {"within the EHLO reply", OPENING "helo=a\nehlo=yes\nrequested=no\nmessage 0 " MAIL_UNKNOWN "pairing lost\n",
     {"S:220 x\r\n", "C:EHLO a\r\n", "S:250-x\r\n250-PIPE", "s:20", "S:SN\r\n250 HELP\r\n", "C:MAIL FROM:<a@x>\r\n", "S:250 ok\r\n"}},
    {"within a second EHLO reply: the last one is not known", OPENING "helo=b\nehlo=yes\nrequested=no\npairing lost\n",
     {HELLO, "C:EHLO b\r\n", "S:250-x\r\n", "s:20", "S:250 HELP\r\n"}},
    {"one of several replies: nothing shifts",
     HELLO_FACTS "requested=no\nmessage 0 <a@x> DATA 4 exposed=yes reply=250 delivered=yes\n unanswered=b@x;c@x\npairing lost\n",
     {HELLO, "C:MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nRCPT TO:<c@x>\r\nDATA\r\n", "S:250 ok\r\n", "s:8", "S:550 no\r\n354 go\r\n", "C:hi\r\n.\r\n", "S:250 ok\r\n"}},
    {"the 354", HELLO_FACTS "requested=no\nmessage 0 <a@x> DATA 9 exposed=yes reply=250 delivered=yes\n to=b@x\npairing lost\n",
     {HELLO, "C:MAIL FROM:<a@x>\r\n", "S:250 ok\r\n", "C:RCPT TO:<b@x>\r\n", "S:250 ok\r\n", "C:DATA\r\n", "s:8", "C:From: a\r\n.\r\n", "S:250 ok\r\n"}},
    {"a refusal of DATA", HELLO_FACTS "requested=no\nmessage 0 <a@x> - 0 exposed=? reply=0 delivered=?\npairing lost\n",
     {HELLO, "C:MAIL FROM:<a@x>\r\n", "S:250 ok\r\n", "C:DATA\r\n", "s:8", "C:RSET\r\n", "S:250 ok\r\n", "C:QUIT\r\n", "S:221 ok\r\n"}},
    {"the answer to the end", HELLO_FACTS "requested=no\nmessage 0 <a@x> DATA 4 exposed=yes reply=0 delivered=?\npairing lost\n",
     {HELLO, "C:MAIL FROM:<a@x>\r\n", "S:250 ok\r\n", "C:DATA\r\n", "S:354 go\r\n", "C:hi\r\n.\r\n", "s:8", "C:QUIT\r\n", "S:221 ok\r\n"}},
};

static const struct script client_gaps[] = {
    {"EHLO", OPENING "message 0 " MAIL_UNKNOWN "pairing lost\n", {"S:220 x\r\n", "c:8", "S:250-x\r\n250 DSN\r\n", "C:MAIL FROM:<a@x>\r\n", "S:250 ok\r\n"}},
    {"MAIL, in step", HELLO_FACTS "message 0 <?> DATA 4 exposed=yes reply=250 delivered=yes\npairing lost\n",
     {HELLO, "c:18", "S:250 ok\r\n", "C:RCPT TO:<b@x>\r\n", "S:250 ok\r\n", "C:DATA\r\n", "S:354 go\r\n", "C:hi\r\n.\r\n", "S:250 ok\r\n"}},
    {"DATA", HELLO_FACTS "requested=no\nmessage 0 <a@x> - 0 exposed=? reply=0 delivered=?\nmessage 1 <?> DATA 4 exposed=yes reply=250 delivered=yes\nmessages=2\npairing lost\n",
     {HELLO, "C:MAIL FROM:<a@x>\r\n", "S:250 ok\r\n", "c:6", "S:354 go\r\n", "C:hi\r\n.\r\n", "S:250 ok\r\n"}},
    {"before HELO: perhaps EHLO was refused", OPENING "helo=a\nhelo_code=250\npairing lost\n", {"S:220 x\r\n", "c:8", "S:502 no\r\n", "C:HELO a\r\n", "S:250 x\r\n"}},
    {"half a line", HELLO_FACTS "message 0 <c@x> - 0 exposed=? reply=0 delivered=?\npairing lost\n",
     {HELLO, "c:8", "C:OM:<a@x>\r\n", "S:250 ok\r\n", "C:RSET\r\n", "S:250 ok\r\n", "C:MAIL FROM:<c@x>\r\n", "S:250 ok\r\n"}},
    {"within a chunk", HELLO_FACTS "requested=no\nmessage 0 <a@x> BDAT 10 exposed=yes reply=250 delivered=yes\n",
     {HELLO, "C:MAIL FROM:<a@x>\r\n", "S:250 ok\r\n", "C:BDAT 10 LAST\r\nab", "c:7", "C:cQUIT\r\n", "S:250 ok\r\n221 bye\r\n"}},
    {"out of a chunk", HELLO_FACTS "requested=no\nmessage 0 <a@x> BDAT 10 exposed=yes reply=250 delivered=yes\npairing lost\n",
     {HELLO, "C:MAIL FROM:<a@x>\r\n", "S:250 ok\r\n", "C:BDAT 10 LAST\r\nab", "c:12", "C:IT\r\n", "S:250 ok\r\n221 bye\r\n"}},
};

static const struct script late_starts[] = {
    {"at the greeting", "banner=220 mx.example.net\nbanner_code=220\nserver=mx.example.net\nhelo=a\nehlo=yes\nehlo_code=250\ncapabilities=DSN\noffered=no\npairing lost\n",
     {"!midstream", "S:220 mx.example.net\r\n", "C:EHLO a\r\n", "S:250-x\r\n250 DSN\r\n"}},
    {"at EHLO", "helo=a\nehlo=yes\nehlo_code=250\ncapabilities=STARTTLS\noffered=yes\npairing lost\n", {"!midstream", "C:EHLO a\r\n", "S:250-x\r\n250 STARTTLS\r\n"}},
    {"at the EHLO reply", "message 0 <a@x> - 0 exposed=? reply=0 delivered=?\npairing lost\n",
     {"!midstream", "S:250-x\r\n250 STARTTLS\r\n", "C:MAIL FROM:<a@x>\r\n", "S:250 ok\r\n"}},
    {"within content", "message 0 <c@x> - 0 exposed=? reply=0 delivered=?\npairing lost\n",
     {"!midstream", "C:data shows\r\nthat help me is prose\r\nquit smoking\r\n.\r\n", "S:250 ok\r\n", "C:MAIL FROM:<c@x>\r\n", "S:250 ok\r\n"}},
    {"at the 354", "message 0 <?> DATA 4 exposed=yes reply=250 delivered=yes\npairing lost\n", {"!midstream", "S:354 go\r\n", "C:hi\r\n.\r\n", "S:250 ok\r\n"}},
    {"220 that speaks of TLS is no greeting", "pairing lost\nmode=starttls\ntls_toserver=1\n", {"!midstream", "S:220 mx.example.net ready for TLS\r\n", "C:\x16"}},
};

static const struct script one_sides[] = {
    {"the client, with content", "helo=a\nehlo=yes\nrequested=no\nmessage 0 <a@x> DATA 15 exposed=yes reply=0 delivered=?\n unanswered=b@x\n",
     {"C:EHLO a\r\n", "C:MAIL FROM:<a@x>\r\n", "C:RCPT TO:<b@x>\r\n", "C:DATA\r\n", "C:Received: x\r\n\r\n.\r\n", "C:QUIT\r\n", "!cut"}},
    {"the client, DATA refused perhaps", "helo=a\nehlo=yes\n", {"C:EHLO a\r\n", "C:MAIL FROM:<a@x>\r\n", "C:DATA\r\n", "C:QUIT\r\n", "!cut"}},
    {"the client, content that might be anything", "helo=a\nehlo=yes\n", {"C:EHLO a\r\n", "C:MAIL FROM:<a@x>\r\n", "C:DATA\r\n", "C:hm\r\n", "!cut"}},
    {"the server", OPENING "unpaired=3\npairing lost\n", {"S:220 x\r\n", "S:250-x\r\n250 STARTTLS\r\n", "S:250 ok\r\n", "S:354 go\r\n"}},
};

static void test_server_gaps(void **state)
{
    (void)state;
    play_all(server_gaps, COUNT(server_gaps));
}

static void test_client_gaps(void **state)
{
    (void)state;
    play_all(client_gaps, COUNT(client_gaps));
}

static void test_late_starts(void **state)
{
    (void)state;
    play_all(late_starts, COUNT(late_starts));
}

static void test_one_sides(void **state)
{
    (void)state;
    play_all(one_sides, COUNT(one_sides));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_server_gaps), cmocka_unit_test(test_client_gaps), cmocka_unit_test(test_late_starts), cmocka_unit_test(test_one_sides)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
