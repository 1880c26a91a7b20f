/* Greeting, EHLO, the vocabulary, the envelope. */
#include "smtp_script.h"

#define HELLO "S:220 mx.example.net ESMTP\r\n", "C:EHLO out.example.org\r\n", "S:250-mx.example.net\r\n250-PIPELINING\r\n250 SIZE 1000\r\n"
#define HELLO_FACTS                                                                                                                                \
    "banner=220 mx.example.net ESMTP\nbanner_code=220\nserver=mx.example.net\nhelo=out.example.org\nehlo=yes\nehlo_code=250\n"                     \
    "capabilities=PIPELINING;SIZE 1000\noffered=no\n"

static const struct script greetings[] = {
    {"plain", "banner=220 mx.example.net ESMTP\nbanner_code=220\nserver=mx.example.net\n", {"S:220 mx.example.net ESMTP\r\n"}},
    {"in lower case", "banner=220 MX.Example.NET ESMTP\nbanner_code=220\nserver=mx.example.net\n", {"S:220 MX.Example.NET ESMTP\r\n"}},
    {"several lines", "banner=220-mx.example.net ESMTP\nbanner_code=220\nserver=mx.example.net\n", {"S:220-mx.example.net ESMTP\r\n220-no spam\r\n220 please\r\n"}},
    {"no name", "banner=220-mx\nbanner_code=220\n", {"S:220-mx\r\n220 ready\r\n"}},
    {"stars", "banner=220 ***\nbanner_code=220\n", {"S:220 ***\r\n"}},
    {"address", "banner=220 192.0.2.1 ESMTP\nbanner_code=220\n", {"S:220 192.0.2.1 ESMTP\r\n"}},
    {"refused", "banner=554 no\nbanner_code=554\n", {"S:554 no\r\n"}},
    {"busy", "banner=421 mx.example.net too many\nbanner_code=421\nserver=mx.example.net\nunpaired=1\n", {"S:421 mx.example.net too many\r\n", "S:421 bye\r\n"}},
    {"bare LF", "banner=220 mx.example.net\nbanner_code=220\nserver=mx.example.net\n", {"S:220 mx.example.net\n"}},
    {"control bytes", "banner=220 a.example\\x1b[2J\\xff\nbanner_code=220\n", {"S:220 a.example\x1b[2J\xff\r\n"}},
    {"client too early", HELLO_FACTS "requested=no\n",
     {"C:EHLO out.example.org\r\n", "S:220 mx.example.net ESMTP\r\n", "S:250-mx.example.net\r\n250-PIPELINING\r\n250 SIZE 1000\r\n"}},
    {"another protocol", "unknown_verbs=1\n", {"S:SSH-2.0-OpenSSH_9.2\r\n", "C:SSH-2.0-x\r\n", "!cut"}},
};

static const struct script hellos[] = {
    {"whole", HELLO_FACTS "requested=no\n", {HELLO}},
    {"capture ends", HELLO_FACTS, {HELLO, "!cut"}},
    {"STARTTLS offered, any case", "banner=220 x\nbanner_code=220\nserver=mx.example.net\nhelo=a\nehlo=yes\nehlo_code=250\ncapabilities=size;StartTLS\noffered=yes\nrequested=no\n",
     {"S:220 x\r\n", "C:ehlo a\r\n", "S:250-mx.example.net hello\r\n250-size\r\n250 StartTLS\r\n"}},
    {"STARTTLS as a word elsewhere", "banner=220 x\nbanner_code=220\nhelo=a\nehlo=yes\nehlo_code=250\ncapabilities=HELP STARTTLS\noffered=no\nrequested=no\n",
     {"S:220 x\r\n", "C:EHLO a\r\n", "S:250-STARTTLS\r\n250 HELP STARTTLS\r\n"}},
    {"X-ANONYMOUSTLS", "banner=220 x\nbanner_code=220\nhelo=a\nehlo=yes\nehlo_code=250\ncapabilities=X-ANONYMOUSTLS\noffered=yes\nrequested=no\n",
     {"S:220 x\r\n", "C:EHLO a\r\n", "S:250-x\r\n250 X-ANONYMOUSTLS\r\n"}},
    {"no capabilities", "banner=220 x\nbanner_code=220\nhelo=a\nehlo=yes\nehlo_code=250\ncapabilities none\noffered=no\nrequested=no\n", {"S:220 x\r\n", "C:EHLO a\r\n", "S:250 x\r\n"}},
    {"refused, then HELO", "banner=220 x\nbanner_code=220\nhelo=a\nehlo=yes\nehlo_code=502\nhelo_code=250\nrequested=no\n",
     {"S:220 x\r\n", "C:EHLO a\r\n", "S:502 what?\r\n", "C:HELO a\r\n", "S:250 x\r\n"}},
    {"HELO alone", "banner=220 x\nbanner_code=220\nhelo=a\nehlo=no\nhelo_code=250\nrequested=no\n", {"S:220 x\r\n", "C:HELO a\r\n", "S:250 x\r\n"}},
    {"the last whole reply counts",
     "banner=220 x\nbanner_code=220\nhelo=b\nehlo=yes\nehlo_code=250\ncapabilities=DSN\noffered=no\nrequested=no\n",
     {"S:220 x\r\n", "C:EHLO a\r\n", "S:250-x\r\n250-STARTTLS\r\n250 DSN\r\n", "C:EHLO b\r\n", "S:250-x\r\n250 DSN\r\n"}},
    {"the last one was refused", "banner=220 x\nbanner_code=220\nhelo=b\nehlo=yes\nehlo_code=503\ncapabilities=STARTTLS\noffered=yes\nrequested=no\n",
     {"S:220 x\r\n", "C:EHLO a\r\n", "S:250-x\r\n250 STARTTLS\r\n", "C:EHLO b\r\n", "S:503 again\r\n"}},
    {"code changes within", "banner=220 x\nbanner_code=220\nhelo=a\nehlo=yes\nehlo_code=421\nrequested=no\n", {"S:220 x\r\n", "C:EHLO a\r\n", "S:250-x\r\n250-DSN\r\n421 closing\r\n"}},
    {"masked by a firewall", "banner=220 ****\nbanner_code=220\nhelo=a\nehlo=yes\nehlo_code=250\ncapabilities=SIZE 5;XXXXXXXA;DSN\noffered=no\nrequested=no\nmasked=XXXXXXXA\n",
     {"S:220 ****\r\n", "C:EHLO a\r\n", "S:250-x\r\n250-SIZE 5\r\n250-XXXXXXXA\r\n250 DSN\r\n"}},
    {"stars for a capability", "banner=220 x\nbanner_code=220\nhelo=a\nehlo=yes\nehlo_code=250\ncapabilities=********\noffered=no\nrequested=no\nmasked=********\n",
     {"S:220 x\r\n", "C:EHLO a\r\n", "S:250-x\r\n250 ********\r\n"}},
    {"X words of their own",
     "banner=220 x\nbanner_code=220\nhelo=a\nehlo=yes\nehlo_code=250\ncapabilities=XCLIENT NAME;XFORWARD;X-EXPS GSSAPI;XEXCH50;XXLONGNAME;XXXX;X-LINK2STATE\noffered=no\nrequested=no\n",
     {"S:220 x\r\n", "C:EHLO a\r\n", "S:250-x\r\n250-XCLIENT NAME\r\n250-XFORWARD\r\n250-X-EXPS GSSAPI\r\n250-XEXCH50\r\n250-XXLONGNAME\r\n250-XXXX\r\n250 X-LINK2STATE\r\n"}},
    {"command mangled", "banner=220 x\nbanner_code=220\nhelo=a\nehlo=yes\nehlo_code=250\ncapabilities=STARTTLS\noffered=yes\nrequested=no\nstarttls_code=500\nstarttls_text=unknown\n"
                        "mangled=XXXXXXXX\nunknown_verbs=1\n",
     {"S:220 x\r\n", "C:EHLO a\r\n", "S:250-x\r\n250 STARTTLS\r\n", "C:XXXXXXXX\r\n", "S:500 unknown\r\n"}},
    {"unknown verbs are not mangled", "banner=220 x\nbanner_code=220\nhelo=a\nehlo=yes\nehlo_code=250\ncapabilities=DSN\noffered=no\nrequested=no\nunknown_verbs=3\n",
     {"S:220 x\r\n", "C:EHLO a\r\n", "S:250-x\r\n250 DSN\r\n", "C:XWHATEVER\r\n", "S:500 ?\r\n", "C:XXXX\r\n", "S:500 ?\r\n", "C:XXXXXXXXXXXX\r\n", "S:500 ?\r\n"}},
    {"bare CR, as the other side takes it", "banner=220 x\nbanner_code=220\nhelo=a\nehlo=yes\nehlo_code=250\ncapabilities none\noffered=no\nrequested=no\n",
     {"S:220 x\r", "C:EHLO a\r", "S:250 x\r", "C:QUIT\r", "S:221 bye\r\n"}},
    {"bare CR within a line", "banner=220 x\nbanner_code=220\nhelo=a\\x0dSTARTTLS\nehlo=yes\nehlo_code=250\ncapabilities none\noffered=no\nrequested=no\n",
     {"S:220 x\r\n", "C:EHLO a\rSTARTTLS\r\n", "S:250 x\r\n"}},
    {"XCLIENT", "banner=220 inner.example.net ESMTP\nbanner_code=220\nserver=inner.example.net\nhelo=b\nehlo=yes\nehlo_code=250\ncapabilities=DSN\noffered=no\nrequested=no\n"
                "xclient=NAME ADDR\n",
     {"S:220 mx.example.net\r\n", "C:EHLO a\r\n", "S:250-x\r\n250 XCLIENT NAME ADDR\r\n", "C:XCLIENT NAME=spike.example ADDR=192.0.2.7\r\n", "S:220 inner.example.net ESMTP\r\n",
      "C:EHLO b\r\n", "S:250-x\r\n250 DSN\r\n"}},
    {"PROXY 1", "proxied=192.0.2.1\nbanner=220 x\nbanner_code=220\nhelo=a\nehlo=no\nhelo_code=250\nrequested=no\n",
     {"C:PROXY TCP4 192.0.2.1 198.51.100.2 5000 25\r\n", "S:220 x\r\n", "C:HELO a\r\n", "S:250 x\r\n"}},
    {"no PROXY", "banner=220 x\nbanner_code=220\nhelo=a\nehlo=no\nhelo_code=250\nrequested=no\nunknown_verbs=1\n",
     {"C:PROXY what\r\n", "S:220 x\r\n", "S:500 x\r\n", "C:HELO a\r\n", "S:250 x\r\n"}},
};

static const struct script envelopes[] = {
    {"one message",
     HELLO_FACTS "requested=no\nmessage 0 <a@example.org> DATA 17 exposed=yes reply=250 delivered=yes\n to=b@example.net\n rejected c@example.net 550\n",
     {HELLO, "C:MAIL FROM:<a@example.org> SIZE=9\r\n", "S:250 ok\r\n", "C:RCPT TO:<b@example.net>\r\n", "S:250 ok\r\n", "C:RCPT TO:<c@example.net>\r\n", "S:550 no\r\n", "C:DATA\r\n",
      "S:354 go\r\n", "C:Subject: x\r\n\r\n..\r\n.\r\n", "S:250 queued\r\n", "C:QUIT\r\n", "S:221 bye\r\n"}},
    {"pipelined",
     HELLO_FACTS "requested=no\nmessage 0 <> DATA 4 exposed=yes reply=554 delivered=no\n to=b@x\n rejected c@x 450\n"
                 "message 1 <d@y> - 0 exposed=no reply=0 delivered=no\nmessages=2\n",
     {HELLO, "C:MAIL FROM:<>\r\nRCPT TO:<b@x>\r\nRCPT TO:<c@x>\r\nDATA\r\n", "S:250 ok\r\n250 ok\r\n450 later\r\n354 go\r\n", "C:hi\r\n.\r\nMAIL FROM:<d@y>\r\nQUIT\r\n",
      "S:554 spam\r\n250 ok\r\n221 bye\r\n"}},
    {"DATA refused, commands follow at once",
     HELLO_FACTS "requested=no\nmessage 0 <a@x> - 0 exposed=no reply=0 delivered=no\n rejected b@x 550\nmessage 1 <c@x> - 0 exposed=no reply=0 delivered=no\nmessages=2\n",
     {HELLO, "C:MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\nRSET\r\nMAIL FROM:<c@x>\r\n", "S:250 ok\r\n550 no\r\n503 no rcpt\r\n250 reset\r\n250 ok\r\n"}},
    {"MAIL refused", HELLO_FACTS "requested=no\n", {HELLO, "C:MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\n", "S:550 no\r\n503 no\r\n"}},
    {"MAIL within MAIL is refused, the outer goes on", HELLO_FACTS "requested=no\nmessage 0 <a@x> DATA 2 exposed=yes reply=250 delivered=yes\n to=b@x\n",
     {HELLO, "C:MAIL FROM:<a@x>\r\n", "S:250 ok\r\n", "C:MAIL FROM:<c@x>\r\n", "S:503 nested\r\n", "C:RCPT TO:<b@x>\r\n", "S:250 ok\r\n", "C:DATA\r\n", "S:354 go\r\n", "C:\r\n.\r\n", "S:250 ok\r\n"}},
    {"addresses",
     HELLO_FACTS "requested=no\nmessage 0 <\"a>b\\\"c\"@x> - 0 exposed=no reply=0 delivered=no\n to=u@y;plain@z;\xc3\xbc@\xc3\xb6;postmaster\n",
     {HELLO, "C:MAIL FROM: <\"a>b\\\"c\"@x> BODY=8BITMIME\r\nRCPT TO:<@r1,@r2:u@y>\r\nRCPT TO: plain@z\r\nRCPT TO:<\xc3\xbc@\xc3\xb6>\r\nRCPT TO:<postmaster>\r\n",
      "S:250 ok\r\n250 ok\r\n251 ok\r\n250 ok\r\n250 ok\r\n"}},
    {"privacy", HELLO_FACTS "requested=no\nmessage 0 <@x> - 0 exposed=no reply=0 delivered=no\n to=@y\n rejected  550\n",
     {HELLO, "C:MAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nRCPT TO:<root>\r\n", "S:250 ok\r\n250 ok\r\n550 no\r\n", "!private"}},
    {"capture ends within the content", HELLO_FACTS "requested=no\nmessage 0 <a@x> DATA 5 exposed=yes reply=0 delivered=?\n",
     {HELLO, "C:MAIL FROM:<a@x>\r\n", "S:250 ok\r\n", "C:DATA\r\n", "S:354 go\r\n", "C:hello", "!cut"}},
    {"client leaves within the content", HELLO_FACTS "requested=no\nmessage 0 <a@x> DATA 5 exposed=yes reply=0 delivered=no\n",
     {HELLO, "C:MAIL FROM:<a@x>\r\n", "S:250 ok\r\n", "C:DATA\r\n", "S:354 go\r\n", "C:hello"}},
    {"354, and nothing crosses", HELLO_FACTS "requested=no\nmessage 0 <a@x> DATA 0 exposed=no reply=0 delivered=no\n",
     {HELLO, "C:MAIL FROM:<a@x>\r\n", "S:250 ok\r\n", "C:DATA\r\n", "S:354 go\r\n"}},
    {"LMTP: an answer for each recipient",
     "banner=220 x\nbanner_code=220\nhelo=a\nehlo=yes\nlmtp\nehlo_code=250\ncapabilities=DSN\noffered=no\nrequested=no\nmessage 0 <a@x> DATA 4 exposed=yes reply=250 delivered=yes\n to=b@x;c@x;d@x\n",
     {"S:220 x\r\n", "C:LHLO a\r\n", "S:250-x\r\n250 DSN\r\n", "C:MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nRCPT TO:<c@x>\r\nRCPT TO:<d@x>\r\nDATA\r\n",
      "S:250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n", "C:hi\r\n.\r\nQUIT\r\n", "S:452 full\r\n250 ok\r\n552 big\r\n221 bye\r\n"}},
    {"BDAT", HELLO_FACTS "requested=no\nmessage 0 <a@x> BDAT 10 exposed=yes reply=250 delivered=yes\n to=b@x\n",
     {HELLO, "C:MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nBDAT 7\r\n.\r\n.\r\n!BDAT 3 LAST\r\nabcQUIT\r\n", "S:250 ok\r\n250 ok\r\n250 7\r\n250 done\r\n221 bye\r\n"}},
    {"BDAT refused has crossed", HELLO_FACTS "requested=no\nmessage 0 <?> BDAT 3 exposed=yes reply=503 delivered=no\n",
     {HELLO, "C:BDAT 3 LAST\r\nabc", "S:503 no mail\r\n", "C:QUIT\r\n", "S:221 bye\r\n"}},
    {"BDAT 0 LAST", HELLO_FACTS "requested=no\nmessage 0 <a@x> BDAT 3 exposed=yes reply=250 delivered=yes\n",
     {HELLO, "C:MAIL FROM:<a@x>\r\nBDAT 3\r\nabcBDAT 0 LAST\r\n", "S:250 ok\r\n250 ok\r\n250 ok\r\n"}},
    {"BDAT of a second message before the first is answered",
     HELLO_FACTS "requested=no\nmessage 0 <a@x> BDAT 1 exposed=yes reply=250 delivered=yes\n to=b@x\nmessage 1 <c@x> BDAT 2 exposed=yes reply=451 delivered=no\n to=d@x\nmessages=2\n",
     {HELLO, "C:MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nBDAT 1 LAST\r\naMAIL FROM:<c@x>\r\nRCPT TO:<d@x>\r\nBDAT 2 LAST\r\nbb",
      "S:250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n451 no\r\n"}},
    {"BDAT without a size", HELLO_FACTS "requested=no\nmessage 0 <a@x> - 0 exposed=no reply=0 delivered=no\n",
     {HELLO, "C:MAIL FROM:<a@x>\r\nBDAT -1\r\nBDAT 99999999999999999999 LAST\r\nBDAT\r\n", "S:250 ok\r\n501 ?\r\n501 ?\r\n501 ?\r\n"}},
    {"out of turn", HELLO_FACTS "requested=no\nmessage 0 <a@x> - 0 exposed=no reply=0 delivered=no\nunpaired=2\npairing lost\n",
     {HELLO, "S:250 what\r\n", "C:MAIL FROM:<a@x>\r\n", "S:250 ok\r\n", "S:421 time out\r\n"}},
    {"the rest of the vocabulary", HELLO_FACTS "requested=no\nmessage 0 <a@x> - 0 exposed=no reply=0 delivered=no\nunknown_verbs=1\n",
     {HELLO, "C:noop\r\nvrfy root\r\nEXPN list\r\nHELP\r\nETRN x\r\nTURN\r\nBOGUS\r\n", "S:250 ok\r\n252 ok\r\n250-a\r\n250 b\r\n214-h\r\n214 h\r\n250 ok\r\n502 no\r\n500 what\r\n",
      "C:MAIL FROM:<a@x>\r\n", "S:250 ok\r\n", "C:RSET\r\nQUIT\r\n", "S:250 ok\r\n221 bye\r\n"}},
    {"empty lines are no commands", HELLO_FACTS "requested=no\nmessage 0 <a@x> - 0 exposed=no reply=0 delivered=no\n", {HELLO, "C:\r\n\nMAIL FROM:<a@x>\r\n", "S:250 ok\r\n"}},
};

static void test_greetings(void **state)
{
    (void)state;
    play_all(greetings, COUNT(greetings));
}

static void test_hellos(void **state)
{
    (void)state;
    play_all(hellos, COUNT(hellos));
}

static void test_envelopes(void **state)
{
    (void)state;
    play_all(envelopes, COUNT(envelopes));
}

static struct mxt_smtp *opened(struct mxt_arena *arena, const struct mxt_smtp_limits *limits)
{
    mxt_arena_init(arena, 0);
    struct mxt_smtp *smtp = mxt_smtp_new(arena, limits, false);
    assert_non_null(smtp);
    return smtp;
}

static void say_to(struct mxt_smtp *smtp, enum mxt_direction direction, const char *text)
{
    size_t consumed;
    assert_int_equal(mxt_smtp_feed(smtp, direction, (const uint8_t *)text, strlen(text), &consumed), MXT_OK);
    assert_int_equal(consumed, strlen(text));
}

static void test_endless_line(void **state)
{
    (void)state;
    struct mxt_smtp_limits limits = MXT_SMTP_LIMITS_DEFAULT;
    limits.line = 64;
    struct mxt_arena arena;
    struct mxt_smtp *smtp = opened(&arena, &limits);
    say_to(smtp, MXT_TOCLIENT, "220 x\r\n");
    say_to(smtp, MXT_TOSERVER, "EHLO ");
    for (int i = 0; i < 100000; i++)
        say_to(smtp, MXT_TOSERVER, "aaaaaaaaaaaaaaaa");
    say_to(smtp, MXT_TOSERVER, "\r\n");
    say_to(smtp, MXT_TOCLIENT, "250 x\r\n");
    const struct mxt_smtp_facts *facts = mxt_smtp_facts(smtp);
    assert_int_equal(facts->lines_too_long, 1);
    assert_int_equal(strlen(facts->helo), 64 - strlen("EHLO "));
    assert_int_equal(facts->ehlo_reply_code, 250);
    assert_true(arena.reserved < 1024);
    mxt_smtp_free(smtp);
    mxt_arena_free(&arena);
}

static void test_bounds(void **state)
{
    (void)state;
    struct mxt_smtp_limits limits = {.line = 512, .text = 16, .messages = 3, .recipients = 2, .capabilities = 2, .queue = 4};
    struct mxt_arena arena;
    struct mxt_smtp *smtp = opened(&arena, &limits);
    say_to(smtp, MXT_TOCLIENT, "220 a.very.long.name.example.net ESMTP\r\n");
    say_to(smtp, MXT_TOSERVER, "EHLO x\r\n");
    say_to(smtp, MXT_TOCLIENT, "250-x\r\n250-ONE\r\n250-TWO\r\n250-THREE\r\n250 STARTTLS\r\n");
    for (int i = 0; i < 5; i++) {
        say_to(smtp, MXT_TOSERVER, "MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nRCPT TO:<c@x>\r\nRCPT TO:<d@x>\r\n");
        say_to(smtp, MXT_TOCLIENT, "250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n");
        say_to(smtp, MXT_TOSERVER, "RSET\r\n");
        say_to(smtp, MXT_TOCLIENT, "250 ok\r\n");
    }
    const struct mxt_smtp_facts *facts = mxt_smtp_facts(smtp);
    assert_string_equal(facts->banner, "220 a.very.long....");
    assert_int_equal(facts->capabilities.count, 2);
    assert_int_equal(facts->capabilities.total, 4);
    assert_int_equal(facts->starttls.offered, MXT_YES); /* told from the whole reply, not from what is kept of it */
    assert_int_equal(facts->messages_total, 5);
    assert_int_equal(facts->recipients_total, 15);
    assert_int_equal(facts->messages->index, 2);
    assert_int_equal(facts->messages->rcpt_to.count, 2);
    assert_int_equal(facts->messages->rcpt_to.total, 3);
    assert_false(facts->pairing_lost);
    say_to(smtp, MXT_TOSERVER, "NOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\n");
    assert_true(facts->pairing_lost);
    mxt_smtp_free(smtp);
    mxt_arena_free(&arena);
}

/* A session that never ends and never says the same thing twice. */
static void test_endless_session(void **state)
{
    (void)state;
    struct mxt_smtp_limits limits = MXT_SMTP_LIMITS_DEFAULT;
    struct mxt_arena arena;
    struct mxt_smtp *smtp = opened(&arena, &limits);
    say_to(smtp, MXT_TOCLIENT, "220 x\r\n");
    for (int i = 0; i < 20000; i++) {
        char line[400];
        snprintf(line, sizeof line, "EHLO host%d.example.org\r\n", i);
        say_to(smtp, MXT_TOSERVER, line);
        snprintf(line, sizeof line, "250-x\r\n250-SIZE %d\r\n250-X%d\r\n250 STARTTLS\r\n", i, i);
        say_to(smtp, MXT_TOCLIENT, line);
        snprintf(line, sizeof line, "AUTH SCRAM-M%d abc\r\n", i);
        say_to(smtp, MXT_TOSERVER, line);
        say_to(smtp, MXT_TOCLIENT, "535 no\r\n");
        say_to(smtp, MXT_TOSERVER, "STARTTLS\r\n");
        snprintf(line, sizeof line, "454 not now, %d\r\n", i);
        say_to(smtp, MXT_TOCLIENT, line);
    }
    const struct mxt_smtp_facts *facts = mxt_smtp_facts(smtp);
    assert_string_equal(facts->helo, "host19999.example.org");
    assert_string_equal(facts->capabilities.items[0], "SIZE 19999");
    assert_string_equal(facts->auth.mechanism, "SCRAM-M19999");
    assert_string_equal(facts->starttls.reply_text, "not now, 19999");
    assert_true(arena.reserved < 8192);
    mxt_smtp_free(smtp);
    mxt_arena_free(&arena);
}

/* What an idle session costs in the arena, with a usual greeting and a usual EHLO reply. */
static void test_idle_memory(void **state)
{
    (void)state;
    struct mxt_smtp_limits limits = MXT_SMTP_LIMITS_DEFAULT;
    struct mxt_arena arena;
    struct mxt_smtp *smtp = opened(&arena, &limits);
    say_to(smtp, MXT_TOCLIENT, "220 mail.example.net ESMTP Postfix (Debian/GNU)\r\n");
    say_to(smtp, MXT_TOSERVER, "EHLO out.example.org\r\n");
    say_to(smtp, MXT_TOCLIENT, "250-mail.example.net\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-VRFY\r\n250-ETRN\r\n250-STARTTLS\r\n"
                               "250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-DSN\r\n250-SMTPUTF8\r\n250 CHUNKING\r\n");
    assert_int_equal(mxt_smtp_facts(smtp)->capabilities.count, 10);
    assert_int_equal(arena.reserved, MXT_ARENA_FIRST);
    mxt_smtp_free(smtp);
    mxt_arena_free(&arena);
}

static void test_server_speech(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        enum mxt_fact expected;
    } cases[] = {{"220 x\r\n", MXT_YES}, {"250-x\r\n", MXT_YES}, {"354\r\n", MXT_YES}, {"EHLO x\r\n", MXT_NO}, {"data\r\n", MXT_NO}, {"220x\r\n", MXT_UNKNOWN},
                 {"GET / HTTP/1.1\r\n", MXT_UNKNOWN}, {"", MXT_UNKNOWN}, {"150 x\r\n", MXT_UNKNOWN}, {"22", MXT_UNKNOWN}};
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(mxt_smtp_is_server_speech((const uint8_t *)cases[i].bytes, strlen(cases[i].bytes)), cases[i].expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_greetings), cmocka_unit_test(test_hellos),          cmocka_unit_test(test_envelopes),   cmocka_unit_test(test_endless_line),
        cmocka_unit_test(test_bounds),    cmocka_unit_test(test_endless_session), cmocka_unit_test(test_idle_memory), cmocka_unit_test(test_server_speech),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
