/* What is wrong beside STARTTLS, TLS and certificates: secrets in the clear, smuggled messages, other protocols, injected packets. */
#include <stdio.h>
#include <string.h>

#include "rules/judge_case.h"

#define AUTH_ACCEPTED 235 /* RFC 4954 4: the client may not authenticate again */
#define AUTH_REFUSED  535
#define MARKS_TOLD    16  /* look-alikes told one by one, as many as the decoder keeps */
#define MARK_TEXT     160 /* bytes of one in words; marks and verbs are short */

/* Mechanisms that answer a challenge and never send the secret itself; a "*" stands for any end. What was sent can still be guessed against offline. */
static const char *const challenge_response[] = {"CRAM-*", "DIGEST-*",   "SCRAM-*", "NTLM", "GSSAPI", "GSS-SPNEGO",
                                                 "GS2-*",  "KERBEROS_*", "OTP",     "SKEY", "SRP*",   "9798-*"};

static bool is_challenge_response(const char *mechanism)
{
    for (size_t i = 0; mechanism != NULL && i < sizeof challenge_response / sizeof challenge_response[0]; i++) {
        const char *known = challenge_response[i];
        size_t n = strcspn(known, "*");
        if (strncmp(mechanism, known, n) == 0 && (known[n] == '*' || mechanism[n] == '\0'))
            return true;
    }
    return false;
}

/*
 * While the session goes on, only an accepted attempt is final: after any other the client may try again, by another mechanism. A refusal to a client from
 * outside means that it guessed: the account's secret was not among what it sent.
 */
static void judge_plaintext_credentials(const struct mxt_case *c)
{
    const struct mxt_auth_facts *auth = &c->smtp->auth;
    if (auth->plaintext != MXT_YES || mxt_case_is_decrypted(c) || (!c->record->final && auth->reply_code != AUTH_ACCEPTED))
        return;
    enum mxt_severity severity = MXT_SEVERITY_HIGH;
    if (c->record->hop == MXT_HOP_INBOUND && auth->reply_code == AUTH_REFUSED)
        severity = MXT_SEVERITY_INFO;
    else if (is_challenge_response(auth->mechanism))
        severity = MXT_SEVERITY_LOW;
    struct mxt_finding *finding = mxt_case_raise(c, MXT_RULE_AUTH_PLAINTEXT_CREDENTIALS, severity);
    mxt_case_text(c, finding, "mechanism", auth->mechanism);
    mxt_case_number(c, finding, "reply_code", auth->reply_code);
    mxt_case_number(c, finding, "attempts", auth->attempts);
}

/* One look-alike in words: what followed, and what the server made of it. */
static const char *mark_in_words(const struct mxt_case *c, const struct mxt_smuggling *mark)
{
    const char *server = "";
    if (mark->server_ended == MXT_YES)
        server = ", the server took it for the end";
    else if (mark->server_ended == MXT_NO)
        server = ", the server did not take it for the end";
    char text[MARK_TEXT];
    int n = snprintf(text, sizeof text, "%.32s followed by %.32s%s", mark->mark == NULL ? "a mark" : mark->mark, mark->verb == NULL ? "no command" : mark->verb,
                     server);
    return mxt_arena_copy(c->arena, text, n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

static void judge_smuggling(const struct mxt_case *c)
{
    const struct mxt_smuggling *first = c->smtp->smuggling;
    if (first == NULL || mxt_case_is_decrypted(c))
        return;
    enum mxt_severity severity = MXT_SEVERITY_INFO;
    for (const struct mxt_smuggling *mark = first; mark != NULL; mark = mark->next)
        if (mark->verb != NULL)
            severity = MXT_SEVERITY_MEDIUM;
    struct mxt_finding *finding = mxt_case_raise(c, MXT_RULE_SMTP_SMUGGLING, severity);
    struct mxt_text_list marks = {.count = 0};
    enum mxt_status status = MXT_OK;
    for (const struct mxt_smuggling *mark = first; status == MXT_OK && mark != NULL; mark = mark->next) {
        const char *words = mark_in_words(c, mark);
        status = words == NULL ? MXT_ENOMEM : mxt_text_list_add(&marks, c->arena, words, MARKS_TOLD);
    }
    mxt_case_list(c, finding, "marks", &marks);
    mxt_case_number(c, finding, "look_alikes", c->smtp->smuggling_total);
}

static void judge_other_protocol(const struct mxt_case *c)
{
    if (c->record->app_proto == NULL)
        return;
    struct mxt_finding *finding = mxt_case_raise(c, MXT_RULE_SMTP_OTHER_PROTOCOL, MXT_SEVERITY_LOW);
    mxt_case_text(c, finding, "protocol", c->record->app_proto);
}

static void judge_conflicting_overlap(const struct mxt_case *c)
{
    if (c->record->capture.conflicting_overlaps == 0)
        return;
    struct mxt_finding *finding = mxt_case_raise(c, MXT_RULE_TCP_CONFLICTING_OVERLAP, MXT_SEVERITY_MEDIUM);
    mxt_case_number(c, finding, "overlaps", c->record->capture.conflicting_overlaps);
}

static const struct mxt_session_rule rules[] = {
    {MXT_RULE_AUTH_PLAINTEXT_CREDENTIALS, false, judge_plaintext_credentials},
    {MXT_RULE_SMTP_SMUGGLING, false, judge_smuggling},
    {MXT_RULE_SMTP_OTHER_PROTOCOL, false, judge_other_protocol},
    {MXT_RULE_TCP_CONFLICTING_OVERLAP, false, judge_conflicting_overlap},
};

struct mxt_session_rules mxt_rules_other(void)
{
    return (struct mxt_session_rules){rules, sizeof rules / sizeof rules[0]};
}
