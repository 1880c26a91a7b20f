/* AUTH: that a secret crossed is told, the secret never. */
#include "smtp_script.h"

#define HELLO "S:220 x\r\n", "C:EHLO a\r\n", "S:250-x\r\n250 AUTH PLAIN LOGIN\r\n"
#define HELLO_FACTS "banner=220 x\nbanner_code=220\nhelo=a\nehlo=yes\nehlo_code=250\ncapabilities=AUTH PLAIN LOGIN\noffered=no\nrequested=no\n"

static const struct script auths[] = {
    {"PLAIN at once", HELLO_FACTS "auth=PLAIN\nauth_plaintext=yes\nauth_code=235\nauth_attempts=1\n", {HELLO, "C:AUTH plain AGEAYg==\r\n", "S:235 ok\r\n"}},
    {"PLAIN, asked for", HELLO_FACTS "auth=PLAIN\nauth_plaintext=yes\nauth_code=535\nauth_attempts=1\n", {HELLO, "C:AUTH PLAIN\r\n", "S:334 \r\n", "C:AGEAYg==\r\n", "S:535 no\r\n"}},
    {"LOGIN, responses that look like commands", HELLO_FACTS "auth=LOGIN\nauth_plaintext=yes\nauth_code=235\nauth_attempts=1\nmessage 0 <a@x> - 0 exposed=no reply=0 delivered=no\n",
     {HELLO, "C:AUTH LOGIN\r\n", "S:334 VXNlcg==\r\n", "C:QUIT\r\n", "S:334 UGFzcw==\r\n", "C:STARTTLS\r\n", "S:235 ok\r\n", "C:MAIL FROM:<a@x>\r\n", "S:250 ok\r\n"}},
    {"LOGIN, all sent ahead", HELLO_FACTS "auth=LOGIN\nauth_plaintext=yes\nauth_code=235\nauth_attempts=1\n",
     {HELLO, "C:AUTH LOGIN\r\ndXNlcg==\r\nXXXXXXXX\r\nQUIT\r\n", "S:334 a\r\n334 b\r\n235 ok\r\n221 bye\r\n"}},
    {"cancelled", HELLO_FACTS "auth=LOGIN\nauth_plaintext=no\nauth_code=501\nauth_attempts=1\n", {HELLO, "C:AUTH LOGIN\r\n", "S:334 a\r\n", "C:*\r\n", "S:501 cancelled\r\n"}},
    {"an empty initial response", HELLO_FACTS "auth=EXTERNAL\nauth_plaintext=no\nauth_code=235\nauth_attempts=1\n", {HELLO, "C:AUTH EXTERNAL =\r\n", "S:235 ok\r\n"}},
    {"EXTERNAL holds no secret", HELLO_FACTS "auth=EXTERNAL\nauth_plaintext=no\nauth_code=235\nauth_attempts=1\n", {HELLO, "C:AUTH EXTERNAL YQ==\r\n", "S:235 ok\r\n"}},
    {"ANONYMOUS holds no secret", HELLO_FACTS "auth=ANONYMOUS\nauth_plaintext=no\nauth_code=235\nauth_attempts=1\n", {HELLO, "C:AUTH ANONYMOUS\r\n", "S:334 \r\n", "C:YQ==\r\n", "S:235 ok\r\n"}},
    {"CRAM-MD5", HELLO_FACTS "auth=CRAM-MD5\nauth_plaintext=yes\nauth_code=235\nauth_attempts=1\n", {HELLO, "C:AUTH CRAM-MD5\r\n", "S:334 PDEyMz4=\r\n", "C:dGltIGI=\r\n", "S:235 ok\r\n"}},
    {"refused before anything was said", HELLO_FACTS "auth=PLAIN\nauth_plaintext=no\nauth_code=530\nauth_attempts=1\n", {HELLO, "C:AUTH PLAIN\r\n", "S:530 TLS first\r\n"}},
    {"the attempt that succeeded counts", HELLO_FACTS "auth=LOGIN\nauth_plaintext=yes\nauth_code=235\nauth_attempts=3\n",
     {HELLO, "C:AUTH PLAIN AGEAYg==\r\n", "S:535 no\r\n", "C:AUTH LOGIN YQ==\r\n", "S:334 x\r\n", "C:YQ==\r\n", "S:235 ok\r\n", "C:AUTH PLAIN\r\n", "S:503 enough\r\n"}},
    {"a secret where the mechanism belongs", HELLO_FACTS "auth_plaintext=no\nauth_code=504\nauth_attempts=1\n", {HELLO, "C:AUTH AGFkbWluAGh1bnRlcjI=\r\n", "S:504 what\r\n"}},
    {"no answers: responses are no commands", "helo=a\nehlo=yes\nauth=LOGIN\nauth_attempts=1\n", {"C:EHLO a\r\n", "C:AUTH LOGIN\r\n", "C:dXNlcg==\r\n", "C:XXXXXXXX\r\n", "C:QUIT\r\n", "!cut"}},
};

static void test_auths(void **state)
{
    (void)state;
    play_all(auths, COUNT(auths));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_auths)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
