/* STARTTLS that is missing where it is known to be offered (RFC 3207 section 6), or where a policy demands it. */
#include <string.h>

#include "rules/binding.h"
#include "rules/network.h"

static bool is_whole_capture(const struct mxt_case *c)
{
    const struct mxt_capture_facts *capture = &c->record->capture;
    return !capture->midstream && !capture->one_sided && capture->gap_bytes_toserver == 0 && capture->gap_bytes_toclient == 0;
}

/* How the offer is missing; NULL: it is not, or that is not known. While the session goes on without mail, a later EHLO may yet be answered with an offer. */
static const char *reason_of(const struct mxt_network_case *n)
{
    if (!n->c->record->final && !n->sighting.is_exposed)
        return NULL;
    if (n->sighting.offered == MXT_NO)
        return "its reply to EHLO lists no STARTTLS";
    return n->sighting.is_ehlo_refused ? "it refused EHLO, and HELO leaves it no way to offer" : NULL;
}

/* The client greeted with HELO of its own accord and sent mail. */
static bool is_helo_by_choice(const struct mxt_case *c)
{
    const struct mxt_smtp_facts *smtp = c->smtp;
    return c->record->final && smtp->ehlo == MXT_NO && smtp->helo_reply_code >= 200 && smtp->helo_reply_code < 300 && is_whole_capture(c) &&
           smtp->starttls.masked == NULL && smtp->starttls.mangled_command == NULL && mxt_case_is_exposed(c);
}

static enum mxt_severity grade(const struct mxt_network_case *n, const struct mxt_offers *offers, const struct mxt_policy *policy)
{
    enum mxt_hop hop = n->c->record->hop;
    if (policy != NULL)
        return MXT_SEVERITY_HIGH;
    if (offers->offering == MXT_OFFERING_MIXED)
        return MXT_SEVERITY_INFO;
    if (offers->is_own)
        return MXT_SEVERITY_HIGH;
    /* Servers may well offer to some clients only; inside one's own network that is a matter of configuration. */
    return hop == MXT_HOP_INBOUND || hop == MXT_HOP_INTERNAL ? MXT_SEVERITY_LOW : MXT_SEVERITY_MEDIUM;
}

static void tell_offers(const struct mxt_network_case *n, struct mxt_finding *finding, const struct mxt_offers *offers)
{
    const struct mxt_case *c = n->c;
    if (finding == NULL || offers->offering == MXT_OFFERING_UNKNOWN)
        return;
    mxt_case_number(c, finding, "offers", mxt_marks_offers(&offers->marks));
    mxt_case_number(c, finding, "replies", offers->marks.recent_count);
    mxt_case_time(c, finding, "last_offer", offers->marks.last_offer_us);
    if (offers->offering == MXT_OFFERING_MIXED)
        mxt_evidence_bool(finding, c->arena, "mixed_farm", true);
    if (offers->offering == MXT_OFFERING_KNOWN && mxt_marks_is_lost(&offers->marks, n->sighting.time_us, n->config->window_us)) {
        mxt_evidence_bool(finding, c->arena, "lost", true);
        mxt_case_time(c, finding, "lost_since", offers->marks.broken_since_us);
    }
}

static void raise_stripped(const struct mxt_network_case *n, const char *reason, const struct mxt_offers *offers, const struct mxt_policy *policy)
{
    const struct mxt_case *c = n->c;
    struct mxt_finding *finding = mxt_case_raise(c, MXT_RULE_STARTTLS_STRIPPED, grade(n, offers, policy));
    if (finding != NULL && policy != NULL)
        finding->result_type = "starttls-not-supported";
    mxt_case_text(c, finding, "reason", reason);
    mxt_case_text(c, finding, "known_by", offers->known_by != NULL ? offers->known_by : "a policy demands it");
    tell_offers(n, finding, offers);
    if (policy != NULL)
        mxt_case_text(c, finding, "policy_domain", mxt_arena_copy(c->arena, policy->domain, strlen(policy->domain)));
    mxt_case_number(c, finding, "ehlo_reply_code", c->smtp->ehlo_reply_code);
    mxt_case_list(c, finding, "capabilities", &c->smtp->capabilities);
    if (n->sighting.is_exposed)
        mxt_case_exposure(c, finding);
}

static void raise_unused(const struct mxt_network_case *n, const struct mxt_offers *offers)
{
    const struct mxt_case *c = n->c;
    struct mxt_habit habit = mxt_network_habit(n);
    struct mxt_finding *finding = mxt_case_raise(c, MXT_RULE_STARTTLS_UNUSED, habit.is_usual ? MXT_SEVERITY_MEDIUM : MXT_SEVERITY_LOW);
    mxt_case_exposure(c, finding);
    mxt_case_text(c, finding, "helo", c->smtp->helo);
    mxt_case_text(c, finding, "known_by", offers->known_by);
    tell_offers(n, finding, offers);
    if (habit.is_usual) {
        mxt_case_number(c, finding, "sessions_before", habit.sessions);
        mxt_case_number(c, finding, "encrypted_before", habit.encrypted);
    }
}

bool mxt_network_judge_stripped(const struct mxt_network_case *n)
{
    const char *reason = reason_of(n);
    bool is_helo = reason == NULL && is_helo_by_choice(n->c);
    if (reason == NULL && !is_helo)
        return false;
    struct mxt_offers offers = mxt_network_offers(n);
    if (is_helo) {
        if (offers.offering == MXT_OFFERING_KNOWN)
            raise_unused(n, &offers);
        return offers.offering != MXT_OFFERING_UNKNOWN;
    }
    const struct mxt_policy *policy = mxt_binding_enforced(n);
    if (policy != NULL || offers.offering == MXT_OFFERING_KNOWN || (offers.offering == MXT_OFFERING_MIXED && !offers.is_told))
        raise_stripped(n, reason, &offers, policy);
    return policy != NULL || offers.offering != MXT_OFFERING_UNKNOWN;
}
