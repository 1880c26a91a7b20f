/* STARTTLS, where TLS begins, what is injected before it, and mirrors that decrypt. "\x16" stands for a TLS record. */
#include "smtp_script.h"

#define GREETING "S:220 mx.example.net\r\n"
#define EHLO "C:EHLO a\r\n", "S:250-x\r\n250 STARTTLS\r\n"
#define OPENING "banner=220 mx.example.net\nbanner_code=220\nserver=mx.example.net\n"
#define HELLO_FACTS OPENING "helo=a\nehlo=yes\nehlo_code=250\ncapabilities=STARTTLS\noffered=yes\n"

static const struct script starttls[] = {
    {"accepted", HELLO_FACTS "requested=yes\nstarttls_code=220\nstarttls_text=go ahead\nbefore=EHLO\nmode=starttls\ntls_toserver=4\ntls_toclient=3\n",
     {GREETING, EHLO, "C:STARTTLS\r\n", "S:220 go ahead\r\n", "C:\x16\x03\x01\x01", "S:\x16\x03\x01"}},
    {"several lines of 220", HELLO_FACTS "requested=yes\nstarttls_code=220\nstarttls_text=go\nbefore=EHLO\nmode=starttls\ntls_toserver=1\ntls_toclient=1\n",
     {GREETING, EHLO, "C:starttls\r\n", "S:220-go\r\n220 ahead\r\n", "C:\x16", "S:\x15"}},
    {"refused", HELLO_FACTS "requested=yes\nstarttls_code=454\nstarttls_text=not now\nbefore=EHLO\nmessage 0 <a@x> - 0 exposed=no reply=0 delivered=no\n",
     {GREETING, EHLO, "C:STARTTLS\r\n", "S:454 not now\r\n", "C:MAIL FROM:<a@x>\r\n", "S:250 ok\r\n"}},
    {"refused, then accepted", HELLO_FACTS "requested=yes\nstarttls_code=220\nstarttls_text=go\nbefore=EHLO;STARTTLS;NOOP\nmode=starttls\ntls_toserver=1\n",
     {GREETING, EHLO, "C:STARTTLS\r\n", "S:454 not now\r\n", "C:NOOP\r\n", "S:250 ok\r\n", "C:STARTTLS\r\n", "S:220 go\r\n", "C:\x16"}},
    {"refused, what was sent ahead are commands",
     HELLO_FACTS "requested=yes\nstarttls_code=502\nstarttls_text=no\nbefore=EHLO\nmessage 0 <a@x> - 0 exposed=no reply=0 delivered=no\n to=b@x\n",
     {GREETING, EHLO, "C:STARTTLS\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\n", "S:502 no\r\n250 ok\r\n250 ok\r\n"}},
    {"after MAIL and RSET", HELLO_FACTS "requested=yes\nstarttls_code=220\nstarttls_text=go\nbefore=EHLO;MAIL;RSET\nmessage 0 <a@x> - 0 exposed=no reply=0 delivered=no\nmode=starttls\ntls_toserver=1\n",
     {GREETING, EHLO, "C:MAIL FROM:<a@x>\r\n", "S:250 ok\r\n", "C:RSET\r\n", "S:250 ok\r\n", "C:STARTTLS\r\n", "S:220 go\r\n", "C:\x16"}},
    {"a server that does not greet", "ehlo=yes\nehlo_code=250\ncapabilities none\noffered=no\nrequested=yes\nstarttls_code=220\nstarttls_text=\nbefore=EHLO;RSET\nmode=starttls\n",
     {"C:EHLO\r\n", "S:250\r\n", "C:rset\r\nstaRttLs\r\n", "S:250\r\n", "S:220\r\n"}},
    {"220, and nothing more", HELLO_FACTS "requested=yes\nstarttls_code=220\nstarttls_text=go\nbefore=EHLO\nmode=starttls\n", {GREETING, EHLO, "C:STARTTLS\r\n", "S:220 go\r\n"}},
    {"hello ahead of the 220", HELLO_FACTS "requested=yes\nstarttls_code=220\nstarttls_text=go\nbefore=EHLO\nmode=starttls\ntls_toserver=3\ntls_toclient=1\n",
     {GREETING, EHLO, "C:STARTTLS\r\n\x16\x03\x01", "S:220 go\r\n\x16"}},
    {"hello ahead of a refusal", HELLO_FACTS "requested=yes\nstarttls_code=454\nstarttls_text=no\nbefore=EHLO\ntls_toserver=3\n", {GREETING, EHLO, "C:STARTTLS\r\n\x16\x03\x01", "S:454 no\r\n"}},
    {"SSL 2 hello", HELLO_FACTS "requested=yes\nstarttls_code=220\nstarttls_text=go\nbefore=EHLO\nmode=starttls\ntls_toserver=3\n",
     {GREETING, EHLO, "C:STARTTLS\r\n", "S:220 go\r\n", "C:\x80\x2e\x01"}},
    {"X-ANONYMOUSTLS", HELLO_FACTS "requested=yes\nstarttls_code=220\nstarttls_text=go\nbefore=EHLO\nmode=x-anonymoustls\ntls_toserver=1\ntls_toclient=1\n",
     {GREETING, EHLO, "C:X-ANONYMOUSTLS\r\n", "S:220 go\r\n", "C:\x16", "S:\x16"}},
    {"implicit", "mode=implicit\ntls_toserver=3\ntls_toclient=1\n", {"C:\x16\x03\x01", "S:\x16"}},
    {"implicit, SSL 2", "mode=implicit\ntls_toserver=3\n", {"C:\x80\x2e\x01"}},
    {"implicit after a greeting", OPENING "mode=implicit\ntls_toserver=1\ntls_toclient=1\n", {GREETING, "C:\x16", "S:\x15"}},
    {"implicit behind PROXY", "proxied=2001:db8::1\nmode=implicit\ntls_toserver=3\n", {"C:PROXY TCP6 2001:db8::1 2001:db8::2 1 465\r\n\x16\x03\x01"}},
    {"the server first", "mode=implicit\ntls_toserver=1\ntls_toclient=1\n", {"S:\x15", "C:\x16"}},
    {"TLS bytes where none may begin", HELLO_FACTS "requested=no\nunknown_verbs=1\n", {GREETING, EHLO, "C:\x16\x03\x01\r\n"}},
};

static const struct script injections[] = {
    {"to the server, with the command",
     HELLO_FACTS "requested=yes\nstarttls_code=220\nstarttls_text=go\ninjected_toserver=21\ninjected_verbs=RSET;MAIL\nbefore=EHLO\nmode=starttls\ntls_toserver=1\n",
     {GREETING, EHLO, "C:STARTTLS\r\nRSET\r\nMAIL FROM:<a>\r\n", "S:220 go\r\n", "C:\x16"}},
    {"to the server, ahead of the hello that is ahead of the 220",
     HELLO_FACTS "requested=yes\nstarttls_code=220\nstarttls_text=go\ninjected_toserver=6\ninjected_verbs=RSET\nbefore=EHLO\nmode=starttls\ntls_toserver=1\n",
     {GREETING, EHLO, "C:STARTTLS\r\nRSET\r\n\x16", "S:220 go\r\n"}},
    {"to the server, after the 220", HELLO_FACTS "requested=yes\nstarttls_code=220\nstarttls_text=go\ninjected_toserver=6\ninjected_verbs=RSET\nbefore=EHLO\nmode=starttls\ntls_toserver=1\n",
     {GREETING, EHLO, "C:STARTTLS\r\n", "S:220 go\r\n", "C:RSET\r\n", "C:\x16"}},
    {"to the server, without a line end", HELLO_FACTS "requested=yes\nstarttls_code=220\nstarttls_text=go\ninjected_toserver=4\ninjected_verbs=RSET\nbefore=EHLO\nmode=starttls\ntls_toserver=2\n",
     {GREETING, EHLO, "C:STARTTLS\r\nRSET", "S:220 go\r\n", "C:\x16\x03"}},
    {"to the client", HELLO_FACTS "requested=yes\nstarttls_code=220\nstarttls_text=go\ninjected_toclient=14\ninjected_verbs=250;250\nbefore=EHLO\nmode=starttls\ntls_toserver=1\ntls_toclient=1\n",
     {GREETING, EHLO, "C:STARTTLS\r\n", "S:220 go\r\n250-x\r\n250 y\r\n", "C:\x16", "S:\x16"}},
    {"no TLS follows", HELLO_FACTS "requested=yes\nstarttls_code=220\nstarttls_text=go\nbefore=EHLO\nmode=starttls\n",
     {GREETING, EHLO, "C:STARTTLS\r\nRSET\r\n", "S:220 go\r\n250 x\r\n"}},
    {"ahead of a refusal", HELLO_FACTS "requested=yes\nstarttls_code=454\nstarttls_text=no\nbefore=EHLO\ntls_toserver=1\n", {GREETING, EHLO, "C:STARTTLS\r\nRSET\r\n\x16", "S:454 no\r\n250 ok\r\n"}},
};

#define ACCEPTED "C:STARTTLS\r\n", "S:220 go\r\n"
#define ACCEPTED_FACTS HELLO_FACTS "requested=yes\nstarttls_code=220\nstarttls_text=go\nbefore=EHLO\n"

static const struct script mirrors[] = {
    {"decrypting",
     ACCEPTED_FACTS "auth=PLAIN\nauth_plaintext=no\nauth_code=235\nauth_attempts=1\nmessage 0 <a@x> DATA 4 exposed=no reply=250 delivered=yes\n to=b@x\nmode=starttls\ndecrypted\n",
     {GREETING, EHLO, ACCEPTED, "C:EHLO b\r\n", "S:250-x\r\n250 AUTH PLAIN\r\n", "C:AUTH PLAIN AGEAYg==\r\n", "S:235 ok\r\n", "C:MAIL FROM:<a@x>\r\n", "S:250 ok\r\n",
      "C:RCPT TO:<b@x>\r\nDATA\r\n", "S:250 ok\r\n354 go\r\n", "C:hi\r\n.\r\n", "S:250 ok\r\n", "C:QUIT\r\n", "S:221 bye\r\n"}},
    {"decrypting, content sent ahead of the 354", ACCEPTED_FACTS "message 0 <a@x> DATA 4 exposed=no reply=250 delivered=yes\nmode=starttls\ndecrypted\n",
     {GREETING, EHLO, ACCEPTED, "C:MAIL FROM:<a@x>\r\nDATA\r\nhi\r\n.\r\n", "S:250 ok\r\n", "S:354 go\r\n", "S:250 ok\r\n"}},
    {"only the client goes on in the clear", ACCEPTED_FACTS "mode=starttls\ntls_toclient=1\n", {GREETING, EHLO, ACCEPTED, "C:QUIT\r\n", "S:\x15"}},
    {"gap behind the 220", ACCEPTED_FACTS "mode=starttls\ntls_toserver=6\ntls_toclient=3\n", {GREETING, EHLO, ACCEPTED, "c:100", "C:QUIT\r\n", "s:9", "S:abc"}},
    {"the reply was lost, TLS follows", HELLO_FACTS "requested=yes\nbefore=EHLO\npairing lost\nmode=starttls\ntls_toserver=1\ntls_toclient=1\n",
     {GREETING, EHLO, "C:STARTTLS\r\n", "s:10", "C:\x16", "S:\x16"}},
    {"the reply was lost, mail follows: perhaps a mirror",
     HELLO_FACTS "requested=yes\nbefore=EHLO\nmessage 0 <a@x> DATA 4 exposed=? reply=250 delivered=yes\n to=b@x\npairing lost\n",
     {GREETING, EHLO, "C:STARTTLS\r\n", "s:10", "C:MAIL FROM:<a@x>\r\n", "S:250 ok\r\n", "C:RCPT TO:<b@x>\r\n", "S:250 ok\r\n", "C:DATA\r\n", "S:354 go\r\n", "C:hi\r\n.\r\n", "S:250 ok\r\n"}},
    {"the command was lost, TLS follows", HELLO_FACTS "pairing lost\nmode=starttls\ntls_toserver=1\ntls_toclient=1\n", {GREETING, EHLO, "c:10", "S:220 go\r\n", "C:\x16", "S:\x16"}},
    {"one side only: the client", "helo=a\nehlo=yes\nrequested=yes\nbefore=EHLO\nmode=starttls\ntls_toserver=1\n", {"C:EHLO a\r\n", "C:STARTTLS\r\n", "C:\x16"}},
    {"in the middle of TLS", "pairing lost\ntls_toserver=2\ntls_toclient=1\n", {"!midstream", "C:\x17\x03", "S:\x17"}},
};

static void test_starttls(void **state)
{
    (void)state;
    play_all(starttls, COUNT(starttls));
}

static void test_injections(void **state)
{
    (void)state;
    play_all(injections, COUNT(injections));
}

static void test_mirrors(void **state)
{
    (void)state;
    play_all(mirrors, COUNT(mirrors));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_starttls), cmocka_unit_test(test_injections), cmocka_unit_test(test_mirrors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
