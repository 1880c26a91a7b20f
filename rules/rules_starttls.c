/* STARTTLS (RFC 3207): offered, asked for, answered, and what became of it. */
#include <string.h>

#include "rules/judge_case.h"

#define SYNTAX_ERROR    500 /* RFC 5321 4.2.1: the command was not understood, */
#define NOT_IMPLEMENTED 502 /* or is not there: neither fits a server that has just offered it */

static bool is_success(uint16_t reply_code)
{
    return reply_code >= 200 && reply_code < 300;
}

/* Whether a verb that sends a message's content is known not to have preceded the TLS attempt. */
static bool is_before_mail(const struct mxt_text_list *before)
{
    if (before->total > before->count)
        return false;
    for (uint16_t i = 0; i < before->count; i++)
        if (mxt_text_is_equal_nocase(before->items[i], "DATA") || mxt_text_is_equal_nocase(before->items[i], "BDAT"))
            return false;
    return true;
}

static void judge_capability_masked(const struct mxt_case *c)
{
    if (c->smtp->starttls.masked == NULL)
        return;
    struct mxt_finding *finding = mxt_case_raise(c, MXT_RULE_STARTTLS_CAPABILITY_MASKED, MXT_SEVERITY_HIGH);
    mxt_case_text(c, finding, "masked", c->smtp->starttls.masked);
    mxt_case_list(c, finding, "capabilities", &c->smtp->capabilities);
    if (mxt_case_is_exposed(c))
        mxt_case_exposure(c, finding);
}

/* While the session goes on the client may ask again, and succeed; once it has sent mail instead, it has not. */
static bool is_attempt_over(const struct mxt_case *c)
{
    return c->record->final || mxt_case_is_exposed(c);
}

static void judge_command_mangled(const struct mxt_case *c)
{
    if (!mxt_case_is_mangled(c) || !is_attempt_over(c))
        return;
    struct mxt_finding *finding = mxt_case_raise(c, MXT_RULE_STARTTLS_COMMAND_MANGLED, MXT_SEVERITY_HIGH);
    mxt_case_text(c, finding, "mangled_command", c->smtp->starttls.mangled_command);
    mxt_case_number(c, finding, "reply_code", c->smtp->starttls.reply_code);
    mxt_case_text(c, finding, "reply_text", c->smtp->starttls.reply_text);
    if (mxt_case_is_exposed(c))
        mxt_case_exposure(c, finding);
}

static void judge_command_refused(const struct mxt_case *c)
{
    const struct mxt_starttls_facts *starttls = &c->smtp->starttls;
    if (starttls->offered != MXT_YES || !mxt_case_is_refused(c) || !is_attempt_over(c))
        return;
    bool is_unknown_command = starttls->reply_code == SYNTAX_ERROR || starttls->reply_code == NOT_IMPLEMENTED;
    struct mxt_finding *finding = mxt_case_raise(c, MXT_RULE_STARTTLS_COMMAND_REFUSED, is_unknown_command ? MXT_SEVERITY_HIGH : MXT_SEVERITY_MEDIUM);
    mxt_case_number(c, finding, "reply_code", starttls->reply_code);
    mxt_case_text(c, finding, "reply_text", starttls->reply_text);
    mxt_case_list(c, finding, "capabilities", &c->smtp->capabilities);
}

static void judge_handshake_aborted(const struct mxt_case *c)
{
    if (!mxt_case_is_aborted(c))
        return;
    struct mxt_finding *finding = mxt_case_raise(c, MXT_RULE_STARTTLS_HANDSHAKE_ABORTED, MXT_SEVERITY_MEDIUM);
    mxt_case_text(c, finding, "ended_by", mxt_ended_by_name(c->tls->ended_by));
    mxt_case_text(c, finding, "ended_how", c->record->tls == NULL ? c->record->capture.ended : c->tls->ended_how);
    mxt_case_text(c, finding, "alert", c->tls->alert);
    mxt_case_text(c, finding, "alert_by", mxt_ended_by_name(c->tls->alert_by));
    mxt_case_text(c, finding, "sni", c->tls->sni);
    mxt_case_text(c, finding, "version", mxt_tls_version_name(c->tls->version));
    mxt_case_text(c, finding, "client_max_version", mxt_tls_version_name(c->tls->client_max_version));
}

/*
 * In this session; later ones are the network's to see. A refusal by a server that never offered STARTTLS is not one: the client asked for what it was not
 * offered. Where mail may have gone before the attempt, the order is not known and the rule is silent.
 */
static void judge_fallback(const struct mxt_case *c)
{
    const char *after = mxt_case_failed_attempt(c);
    const struct mxt_starttls_facts *starttls = &c->smtp->starttls;
    bool was_offered = starttls->offered != MXT_NO || mxt_case_is_mangled(c);
    if (after == NULL || !was_offered || !mxt_case_is_exposed(c) || !is_before_mail(&starttls->before))
        return;
    struct mxt_finding *finding = mxt_case_raise(c, MXT_RULE_STARTTLS_FALLBACK, MXT_SEVERITY_HIGH);
    mxt_case_text(c, finding, "after", after);
    mxt_case_number(c, finding, "reply_code", starttls->reply_code);
    mxt_case_exposure(c, finding);
}

static void judge_unused(const struct mxt_case *c)
{
    const struct mxt_starttls_facts *starttls = &c->smtp->starttls;
    if (starttls->offered != MXT_YES || starttls->requested != MXT_NO || starttls->mangled_command != NULL || !mxt_case_is_exposed(c))
        return;
    struct mxt_finding *finding = mxt_case_raise(c, MXT_RULE_STARTTLS_UNUSED, MXT_SEVERITY_LOW);
    mxt_case_exposure(c, finding);
    mxt_case_text(c, finding, "helo", c->smtp->helo);
}

/* Why nothing in this session offered STARTTLS; NULL: it did, or that is not known. */
static const char *reason_not_offered(const struct mxt_case *c)
{
    const struct mxt_smtp_facts *smtp = c->smtp;
    const struct mxt_capture_facts *capture = &c->record->capture;
    if (smtp->starttls.offered == MXT_NO)
        return "the server's reply to EHLO lists no STARTTLS";
    /* A HELO says nothing of itself: an EHLO that was not captured may have been answered with an offer. */
    bool is_whole = !capture->midstream && !capture->one_sided && capture->gap_bytes_toserver == 0 && capture->gap_bytes_toclient == 0;
    if (smtp->starttls.offered != MXT_UNKNOWN || !is_whole || !is_success(smtp->helo_reply_code))
        return NULL;
    if (smtp->ehlo == MXT_NO)
        return "the client greeted with HELO, which leaves a server no way to offer STARTTLS";
    if (smtp->ehlo == MXT_YES && smtp->ehlo_reply_code >= 500)
        return "the server refused EHLO, and HELO leaves it no way to offer STARTTLS";
    return NULL;
}

/* A masked or mangled STARTTLS was offered, somewhere behind the device that overwrote it. */
static void judge_not_offered(const struct mxt_case *c)
{
    const struct mxt_starttls_facts *starttls = &c->smtp->starttls;
    const char *reason = reason_not_offered(c);
    if (reason == NULL || starttls->masked != NULL || starttls->mangled_command != NULL || !mxt_case_is_exposed(c))
        return;
    struct mxt_finding *finding = mxt_case_raise(c, MXT_RULE_STARTTLS_NOT_OFFERED, MXT_SEVERITY_INFO);
    mxt_case_text(c, finding, "reason", reason);
    mxt_case_number(c, finding, "ehlo_reply_code", c->smtp->ehlo_reply_code);
    mxt_case_list(c, finding, "capabilities", &c->smtp->capabilities);
    mxt_case_exposure(c, finding);
}

static void raise_injection(const struct mxt_case *c, enum mxt_rule rule, uint32_t bytes)
{
    if (bytes == 0 || mxt_case_is_decrypted(c))
        return;
    struct mxt_finding *finding = mxt_case_raise(c, rule, MXT_SEVERITY_HIGH);
    mxt_case_number(c, finding, "injected_bytes", bytes);
    mxt_case_list(c, finding, "verbs", &c->smtp->starttls.injected_verbs);
}

static void judge_injection_toserver(const struct mxt_case *c)
{
    raise_injection(c, MXT_RULE_STARTTLS_INJECTION_TOSERVER, c->smtp->starttls.injected_toserver);
}

static void judge_injection_toclient(const struct mxt_case *c)
{
    raise_injection(c, MXT_RULE_STARTTLS_INJECTION_TOCLIENT, c->smtp->starttls.injected_toclient);
}

/* A client may still ask for STARTTLS after its first message, and a later EHLO may yet be answered with an offer: both withdraw the two that need the end. */
static const struct mxt_session_rule rules[] = {
    {MXT_RULE_STARTTLS_CAPABILITY_MASKED, false, judge_capability_masked},
    {MXT_RULE_STARTTLS_COMMAND_MANGLED, false, judge_command_mangled},
    {MXT_RULE_STARTTLS_COMMAND_REFUSED, false, judge_command_refused},
    {MXT_RULE_STARTTLS_HANDSHAKE_ABORTED, false, judge_handshake_aborted},
    {MXT_RULE_STARTTLS_FALLBACK, false, judge_fallback},
    {MXT_RULE_STARTTLS_UNUSED, true, judge_unused},
    {MXT_RULE_STARTTLS_NOT_OFFERED, true, judge_not_offered},
    {MXT_RULE_STARTTLS_INJECTION_TOSERVER, false, judge_injection_toserver},
    {MXT_RULE_STARTTLS_INJECTION_TOCLIENT, false, judge_injection_toclient},
};

struct mxt_session_rules mxt_rules_starttls(void)
{
    return (struct mxt_session_rules){rules, sizeof rules / sizeof rules[0]};
}
