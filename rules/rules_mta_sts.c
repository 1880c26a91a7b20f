/*
 * MTA-STS (RFC 8461): what a domain's policy says about this session.
 *
 * A policy binds the hop from a sending MTA to the domain's MX, and the exact domain only (RFC 8461 3.1: a parent's policy says nothing about its subdomains).
 * Before TLS the recipients tell the domains; after it nobody can be seen, and what is said concerns the server, for each domain that its name serves.
 */
#include <string.h>

#include "decoders/tls_names.h"
#include "rules/binding.h"
#include "rules/judge_certificate.h"
#include "rules/names.h"
#include "rules/network.h"

#define DOMAINS_MAX      64 /* domains with a policy that are told apart among a session's recipients */
#define MX_DOMAINS_MAX   16 /* domains that one MX is judged for; a provider's serves thousands, and all would say the same */
#define MX_PATTERNS_TOLD 10 /* of a policy, in evidence */

/* A recipients' domain with a policy, and its messages. */
struct domain {
    const struct mxt_policy *policy;
    const struct mxt_message *last; /* counted last: a message with several recipients of the domain counts once */
    uint32_t messages, exposed, delivered;
};

struct domains {
    struct domain items[DOMAINS_MAX];
    size_t count;
};

static struct domain *domain_slot(struct domains *domains, const struct mxt_policy *policy)
{
    for (size_t i = 0; i < domains->count; i++)
        if (domains->items[i].policy == policy)
            return &domains->items[i];
    if (domains->count == DOMAINS_MAX)
        return NULL;
    domains->items[domains->count] = (struct domain){.policy = policy};
    return &domains->items[domains->count++];
}

static void count_message(struct domains *domains, const struct mxt_message *message, const struct mxt_knowledge *knowledge, int64_t time_us)
{
    char name[MXT_DOMAIN_TEXT];
    for (uint16_t i = 0; i < message->rcpt_to.count; i++) {
        const struct mxt_policy *policy = mxt_names_domain_of(message->rcpt_to.items[i], name) ? knowledge->policy(knowledge->store, name, time_us) : NULL;
        struct domain *domain = policy == NULL || policy->mode == MXT_POLICY_NONE ? NULL : domain_slot(domains, policy);
        if (domain == NULL || domain->last == message)
            continue;
        domain->last = message;
        domain->messages++;
        if (message->exposed == MXT_YES)
            domain->exposed++;
        if (message->exposed == MXT_YES && message->delivered == MXT_YES)
            domain->delivered++;
    }
}

/* Our own MX: inside the network, or, where the network's borders are not known, of a domain that is said to be ours. */
static bool is_towards_us(const struct mxt_network_case *n, const struct mxt_policy *policy)
{
    enum mxt_hop hop = n->c->record->hop;
    if (hop == MXT_HOP_INBOUND)
        return true;
    for (uint16_t i = 0; (hop == MXT_HOP_TRANSIT || hop == MXT_HOP_UNKNOWN) && i < n->config->home_domains.count; i++)
        if (mxt_text_is_equal_nocase(n->config->home_domains.items[i], policy->domain))
            return true;
    return false;
}

/* Senders from outside may know nothing of MTA-STS, so towards our own MX the same means less. */
static enum mxt_severity grade(const struct mxt_network_case *n, const struct mxt_policy *policy, enum mxt_severity enforced)
{
    if (policy->mode != MXT_POLICY_ENFORCE)
        return MXT_SEVERITY_LOW;
    return is_towards_us(n, policy) ? MXT_SEVERITY_MEDIUM : enforced;
}

static struct mxt_finding *raise(const struct mxt_case *c, enum mxt_rule rule, enum mxt_severity severity, const struct mxt_policy *policy)
{
    struct mxt_finding *finding = mxt_case_raise(c, rule, severity);
    if (finding == NULL)
        return NULL;
    finding->domain = mxt_arena_copy(c->arena, policy->domain, strlen(policy->domain));
    mxt_case_text(c, finding, "policy_mode", mxt_policy_mode_name(policy->mode));
    return finding;
}

/* What became of STARTTLS, in words, and RFC 8460 4.3's name for it where that knows one. */
static const char *starttls_in_words(const struct mxt_case *c, const char **result_type)
{
    const struct mxt_starttls_facts *starttls = &c->smtp->starttls;
    const char *failed = mxt_case_failed_attempt(c);
    *result_type = "starttls-not-supported";
    if (failed != NULL && mxt_case_is_aborted(c))
        *result_type = "validation-failure";
    if (failed != NULL)
        return failed;
    if (starttls->offered == MXT_NO)
        return starttls->masked != NULL ? "the offer was overwritten" : "not offered";
    *result_type = NULL;
    if (starttls->offered == MXT_YES && starttls->requested == MXT_NO)
        return "offered, not used";
    if (c->smtp->ehlo == MXT_NO)
        return "not asked for, the client greeted with HELO";
    return "not known";
}

static void judge_plaintext_delivery(const struct mxt_network_case *n, const struct domain *domain)
{
    const struct mxt_case *c = n->c;
    const struct mxt_policy *policy = domain->policy;
    bool is_named = mxt_binding_is_named_mx(c, policy);
    if (domain->exposed == 0 || (!is_named && !mxt_binding_is_taken_for_mx(c)))
        return;
    unsigned relayed = mxt_binding_relayed_domains(n, policy);
    struct mxt_habit habit = mxt_network_habit(n);
    enum mxt_severity severity = grade(n, policy, MXT_SEVERITY_CRITICAL);
    if (severity == MXT_SEVERITY_MEDIUM && habit.is_usual)
        severity = MXT_SEVERITY_CRITICAL; /* a sender from outside that knows how to encrypt, and did */
    const char *result_type;
    const char *starttls = starttls_in_words(c, &result_type);
    struct mxt_finding *finding = raise(c, MXT_RULE_MTA_STS_PLAINTEXT_DELIVERY, relayed > 0 ? MXT_SEVERITY_INFO : severity, policy);
    if (finding != NULL)
        finding->result_type = relayed > 0 ? NULL : result_type;
    mxt_case_text(c, finding, "starttls", starttls);
    mxt_case_text(c, finding, "mx_known_by", is_named ? "its name" : "port 25 outside the client's network, without AUTH");
    mxt_case_number(c, finding, "relayed_domains", relayed);
    mxt_case_number(c, finding, "exposed_messages", domain->exposed);
    mxt_case_number(c, finding, "delivered_messages", domain->delivered);
    if (habit.is_usual) {
        mxt_case_number(c, finding, "sessions_before", habit.sessions);
        mxt_case_number(c, finding, "encrypted_before", habit.encrypted);
    }
}

static void judge_mx_mismatch(const struct mxt_network_case *n, const struct domain *domain)
{
    const struct mxt_case *c = n->c;
    const struct mxt_policy *policy = domain->policy;
    const char *sni = mxt_case_sni(c);
    if (sni == NULL || mxt_binding_is_named_mx(c, policy) || !mxt_binding_is_taken_for_mx(c) || mxt_binding_relayed_domains(n, policy) > 0)
        return;
    struct mxt_finding *finding = raise(c, MXT_RULE_MTA_STS_MX_MISMATCH, grade(n, policy, MXT_SEVERITY_HIGH), policy);
    if (finding != NULL)
        finding->result_type = "validation-failure";
    mxt_case_text(c, finding, "mx", sni);
    struct mxt_text_list patterns = {.count = 0};
    for (uint16_t i = 0; i < policy->mx.count; i++) {
        const char *pattern = mxt_arena_copy(c->arena, policy->mx.items[i], strlen(policy->mx.items[i]));
        if (pattern == NULL || mxt_text_list_add(&patterns, c->arena, pattern, MX_PATTERNS_TOLD) != MXT_OK)
            break; /* the arena has counted its refusal */
    }
    mxt_case_list(c, finding, "policy_mx", &patterns);
    mxt_case_text(c, finding, "greeting_name", c->smtp->server_name);
    mxt_case_number(c, finding, "messages", domain->messages);
}

/* Whether a name in the certificate is one of the policy's MX hosts. */
static bool serves_policy(const struct mxt_certificate_facts *certificate, const struct mxt_policy *policy)
{
    for (uint16_t i = 0; i < policy->mx.count; i++)
        for (uint16_t k = 0; k < certificate->subject_alt_names.count; k++) {
            const char *pattern = policy->mx.items[i];
            const char *name = certificate->subject_alt_names.items[k];
            if (mxt_text_is_equal_nocase(pattern, name) || mxt_name_matches(pattern, name) || mxt_name_matches(name, pattern))
                return true;
        }
    return false;
}

/* Without SNI the greeting's name stands for the MX's: which of the policy's hosts was meant is open, so a certificate for any of them will do. */
static bool is_for_another_name(const struct mxt_case *c, const struct mxt_policy *policy, const char *mx)
{
    const struct mxt_certificate_facts *certificate = &c->tls->certificate;
    if (mxt_certificate_matches(certificate, mx) != MXT_NO)
        return false;
    return mxt_case_sni(c) != NULL || !serves_policy(certificate, policy);
}

static const char *untrusted_in_words(enum mxt_trust_verdict trust)
{
    switch (trust) {
    case MXT_TRUST_SELF_SIGNED: return "not trusted (self-signed)";
    case MXT_TRUST_UNKNOWN_ISSUER: return "not trusted (unknown issuer)";
    case MXT_TRUST_INCOMPLETE: return "not trusted (an intermediate certificate is missing)";
    case MXT_TRUST_TRUSTED:
    case MXT_TRUST_UNCHECKED: break;
    }
    return NULL;
}

#define FAULTS 4

/* What a sender that honours the policy must not accept (RFC 8461 4.2), and RFC 8460 4.3's name of the first. How many faults there are. */
static size_t certificate_faults(const struct mxt_case *c, const struct mxt_policy *policy, const char *mx, const char *faults[FAULTS],
                                 const char **result_type)
{
    size_t count = 0;
    if (mxt_case_is_expired(c)) {
        faults[count++] = "expired";
        *result_type = "certificate-expired";
    }
    if (is_for_another_name(c, policy, mx)) {
        *result_type = count > 0 ? *result_type : "certificate-host-mismatch";
        faults[count++] = "for another name";
    }
    if (mxt_case_is_untrusted(c)) {
        *result_type = count > 0 ? *result_type : "certificate-not-trusted";
        faults[count++] = untrusted_in_words(c->tls->certificate.trust);
    }
    if (mxt_case_is_not_yet_valid(c)) {
        *result_type = count > 0 ? *result_type : "certificate-not-trusted";
        faults[count++] = "not yet valid";
    }
    return count;
}

static void judge_certificate_invalid(const struct mxt_case *c, const struct mxt_policy *policy, const char *mx)
{
    const char *faults[FAULTS];
    const char *result_type = NULL;
    size_t count = mxt_case_has_certificate(c) ? certificate_faults(c, policy, mx, faults, &result_type) : 0;
    if (count == 0)
        return;
    bool is_grave = mxt_case_sni(c) != NULL && policy->mode == MXT_POLICY_ENFORCE;
    struct mxt_finding *finding = raise(c, MXT_RULE_MTA_STS_CERTIFICATE_INVALID, is_grave ? MXT_SEVERITY_CRITICAL : MXT_SEVERITY_LOW, policy);
    if (finding != NULL)
        finding->result_type = result_type;
    struct mxt_text_list list = {.count = 0};
    for (size_t i = 0; i < count; i++)
        if (mxt_text_list_add(&list, c->arena, faults[i], FAULTS) != MXT_OK)
            break; /* the arena has counted its refusal */
    mxt_case_list(c, finding, "faults", &list);
    mxt_case_text(c, finding, "mx", mx);
    mxt_case_text(c, finding, "mx_from", mxt_case_sni(c) != NULL ? "the client's SNI" : "the server's greeting");
    mxt_case_list(c, finding, "names", &c->tls->certificate.subject_alt_names);
    mxt_case_time(c, finding, "not_after", c->tls->certificate.not_after_us);
    mxt_case_certificate(c, finding);
}

static void judge_tls_obsolete(const struct mxt_network_case *n, const struct mxt_policy *policy, const char *mx)
{
    const struct mxt_case *c = n->c;
    uint16_t version = c->tls->version;
    if (version == 0 || version >= MXT_TLS_1_2 || !mxt_case_is_established(c))
        return;
    struct mxt_finding *finding = raise(c, MXT_RULE_MTA_STS_TLS_OBSOLETE, grade(n, policy, MXT_SEVERITY_MEDIUM), policy);
    if (finding != NULL)
        finding->result_type = "validation-failure";
    mxt_case_text(c, finding, "version", mxt_tls_version_name(version));
    mxt_case_text(c, finding, "client_max_version", mxt_tls_version_name(c->tls->client_max_version));
    mxt_case_text(c, finding, "mx", mx);
}

static void judge_recipients(const struct mxt_network_case *n)
{
    struct domains domains = {.count = 0};
    for (const struct mxt_message *message = n->c->smtp->messages; message != NULL; message = message->next)
        count_message(&domains, message, n->knowledge, n->c->record->timestamp_us);
    for (size_t i = 0; i < domains.count; i++)
        judge_plaintext_delivery(n, &domains.items[i]);
    for (size_t i = 0; i < domains.count; i++)
        judge_mx_mismatch(n, &domains.items[i]);
}

/* SNI says which host is meant; only without it the greeting's name is asked. */
static void judge_server(const struct mxt_network_case *n)
{
    const struct mxt_case *c = n->c;
    const char *mx = mxt_case_sni(c) != NULL ? mxt_case_sni(c) : mxt_case_banner_name(c);
    if (mx == NULL)
        return;
    const struct mxt_policy *policies[MX_DOMAINS_MAX];
    size_t count = n->knowledge->policies_of_mx(n->knowledge->store, mx, c->record->timestamp_us, policies, MX_DOMAINS_MAX);
    for (size_t i = 0; i < count; i++)
        judge_certificate_invalid(c, policies[i], mx);
    for (size_t i = 0; i < count; i++)
        judge_tls_obsolete(n, policies[i], mx);
}

void mxt_network_judge_mta_sts(const struct mxt_network_case *n)
{
    if (mxt_case_is_decrypted(n->c))
        return;
    if (mxt_binding_is_delivery(n))
        judge_recipients(n);
    if (n->c->record->tls != NULL && mxt_binding_is_server(n))
        judge_server(n);
}
