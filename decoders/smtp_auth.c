/*
 * AUTH (RFC 4954). What the client answers is a secret: it is passed over, never kept, never taken for a command. That it crossed is the fact.
 */
#include <ctype.h>
#include <string.h>

#include "decoders/smtp_int.h"

#define MECHANISM_MAX 20u /* RFC 4422 3.1 */

/* Mechanisms whose answers hold nothing that can be used against the client. */
static bool is_harmless(struct mxt_smtp_word mechanism)
{
    return mxt_smtp_word_is(mechanism, "EXTERNAL") || mxt_smtp_word_is(mechanism, "ANONYMOUS");
}

/* The registered names (IANA, SASL mechanisms), families by what they begin with, and what is met besides. */
static const char *const mechanisms[] = {"PLAIN",    "LOGIN",      "CRAM-MD5", "DIGEST-MD5", "NTLM", "GSSAPI",      "GSS-SPNEGO", "EXTERNAL", "ANONYMOUS",
                                         "XOAUTH2",  "XOAUTH",     "OTP",      "SKEY",       "SRP",  "SECURID",     "SAML20",     "OPENID20", "OAUTHBEARER",
                                         "OAUTH10A", "KERBEROS_V4", "KERBEROS_V5", "NMAS_LOGIN", "CRAM-SHA1", "CRAM-SHA256", "XYMCOOKIE", "MSN"};
static const char *const families[] = {"SCRAM-", "GS2-", "9798-", "ECDSA-", "EAP-"};

bool mxt_smtp_is_mechanism(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < sizeof mechanisms / sizeof *mechanisms; i++)
        if (mxt_smtp_word_is((struct mxt_smtp_word){p, n}, mechanisms[i]))
            return true;
    for (size_t i = 0; i < sizeof families / sizeof *families && n <= MECHANISM_MAX; i++)
        if (n > strlen(families[i]) && mxt_smtp_word_is((struct mxt_smtp_word){p, strlen(families[i])}, families[i]))
            return true;
    return false;
}

/* Keeps the mechanism's name, in upper case; what is no such name might be a misplaced secret, so nothing is kept of it. */
static void keep_mechanism(struct mxt_smtp *smtp, struct mxt_smtp_word word)
{
    uint8_t name[MECHANISM_MAX];
    size_t n = 0;
    for (; n < word.n && n < sizeof name && (isalnum(word.p[n]) || word.p[n] == '-' || word.p[n] == '_'); n++)
        name[n] = (uint8_t)toupper(word.p[n]);
    if (n > 0 && n == word.n && mxt_smtp_is_mechanism(word.p, word.n))
        mxt_smtp_replace(smtp, &smtp->facts.auth.mechanism, name, n);
    else
        smtp->facts.auth.mechanism = NULL;
}

static void secret_crossed(struct mxt_smtp *smtp)
{
    if (smtp->is_auth_secret && mxt_smtp_is_clear(smtp) && !smtp->is_starttls_open)
        smtp->facts.auth.plaintext = MXT_YES;
}

void mxt_smtp_auth_sent(struct mxt_smtp *smtp, const uint8_t *argument, size_t n)
{
    struct mxt_auth_facts *auth = &smtp->facts.auth;
    struct mxt_smtp_word mechanism = mxt_smtp_word_first(argument, n);
    struct mxt_smtp_word initial = mxt_smtp_word_rest(argument, n);
    auth->attempts++;
    if (!smtp->has_auth_succeeded) {
        keep_mechanism(smtp, mechanism);
        auth->reply_code = 0;
    }
    smtp->is_auth_secret = !is_harmless(mechanism);
    if (initial.n > 0 && !mxt_smtp_word_is(initial, "=")) /* RFC 4954 4: "=" is an empty response */
        secret_crossed(smtp);
    (void)mxt_smtp_queue_push(smtp, MXT_VERB_AUTH, NULL);
    mxt_smtp_client_wait(smtp, MXT_VERB_AUTH);
}

void mxt_smtp_auth_response(struct mxt_smtp *smtp, const uint8_t *p, size_t n)
{
    bool is_cancelled = n == 1 && p[0] == '*';
    if (n > 0 && !is_cancelled)
        secret_crossed(smtp);
    (void)mxt_smtp_queue_push(smtp, MXT_VERB_AUTH_RESPONSE, NULL);
    mxt_smtp_client_wait(smtp, MXT_VERB_AUTH);
}

void mxt_smtp_auth_replied(struct mxt_smtp *smtp, uint16_t code)
{
    struct mxt_auth_facts *auth = &smtp->facts.auth;
    if (code == 334) {
        mxt_smtp_client_resume(smtp, MXT_CLIENT_RESPONSE);
        return;
    }
    if (!smtp->has_auth_succeeded)
        auth->reply_code = code;
    if (code >= 200 && code < 300)
        smtp->has_auth_succeeded = true;
    if (auth->plaintext == MXT_UNKNOWN && !smtp->has_client_gap && !smtp->is_midstream && !smtp->is_starttls_open)
        auth->plaintext = MXT_NO;
    mxt_smtp_client_resume(smtp, MXT_CLIENT_COMMANDS);
}
