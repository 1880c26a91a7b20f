/*
 * MTA-STS (RFC 8461): what a domain's policy says about this session.
 *
 * A policy binds the hop from a sending MTA to the domain's MX, and the exact domain only (RFC 8461 3.1: a parent's policy says nothing about its subdomains).
 * Before TLS the recipients tell the domains; after it nobody can be seen, and what is said concerns the server, for each domain that its name serves.
 */
#include <string.h>

#include "rules/judge_certificate.h"
#include "rules/judge_network.h"

#include "decoders/tls_names.h"

#define DOMAINS_MAX      64  /* domains with a policy that are told apart among a session's recipients */
#define MX_DOMAINS_MAX   16  /* domains that one MX is judged for; a provider's serves thousands, and all would say the same */
#define DOMAIN_TEXT      256 /* bytes that hold any domain name, NUL included */
#define MX_PATTERNS_TOLD 10  /* of a policy, in evidence */

#define PORT_SMTP        25
#define PORT_SUBMISSIONS 465 /* RFC 8314 */
#define PORT_SUBMISSION  587 /* RFC 6409 */

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

/* Lower-cases the domain of a mail address into `domain`. False: it has none (postmaster, an address literal). */
static bool domain_of(const char *address, char domain[DOMAIN_TEXT])
{
    const char *at = strrchr(address, '@');
    size_t n = at == NULL ? 0 : strlen(at + 1);
    if (n > 0 && at[n] == '.')
        n--;
    if (n == 0 || n >= DOMAIN_TEXT || at[1] == '[')
        return false;
    for (size_t i = 0; i < n; i++)
        domain[i] = at[1 + i] >= 'A' && at[1 + i] <= 'Z' ? (char)(at[1 + i] - 'A' + 'a') : at[1 + i];
    domain[n] = '\0';
    return true;
}

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
    char name[DOMAIN_TEXT];
    for (uint16_t i = 0; i < message->rcpt_to.count; i++) {
        const struct mxt_policy *policy = domain_of(message->rcpt_to.items[i], name) ? knowledge->policy(knowledge->store, name, time_us) : NULL;
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

/*
 * Whether the client may have authenticated: then it submits, and the server relays for it (a refused attempt gives no such right). Where both directions have
 * holes, or the beginning is missing, an AUTH may have gone unseen; a hole in one direction leaves a reply without its command.
 */
static bool may_have_authenticated(const struct mxt_case *c)
{
    const struct mxt_capture_facts *capture = &c->record->capture;
    const struct mxt_smtp_facts *smtp = c->smtp;
    if (smtp->auth.attempts > 0)
        return smtp->auth.reply_code < 400;
    if (capture->midstream || capture->one_sided)
        return true;
    return capture->gap_bytes_toserver != 0 && (capture->gap_bytes_toclient != 0 || smtp->pairing_lost || smtp->unpaired_replies != 0);
}

/* Whether the server takes mail for submission or local delivery, which no policy binds. */
static bool is_no_mx_port(const struct mxt_case *c)
{
    uint16_t port = c->record->dest_port;
    return port == PORT_SUBMISSION || port == PORT_SUBMISSIONS || c->smtp->is_lmtp;
}

/* The client's SNI or the server's own word (which may confirm a match and never proves a mismatch) says that it is an MX of the policy. */
static bool is_named_mx(const struct mxt_case *c, const struct mxt_policy *policy)
{
    const char *sni = mxt_case_sni(c);
    const char *banner = mxt_case_banner_name(c);
    return (sni != NULL && mxt_policy_matches(policy, sni)) || (banner != NULL && mxt_policy_matches(policy, banner));
}

/* A server that was reached over the network's border on port 25 is taken for the MX of what it accepts; inside, relays are the rule. */
static bool is_taken_for_mx(const struct mxt_case *c)
{
    enum mxt_hop hop = c->record->hop;
    return c->record->dest_port == PORT_SMTP && (hop == MXT_HOP_OUTBOUND || hop == MXT_HOP_INBOUND || hop == MXT_HOP_TRANSIT);
}

/* Senders from outside may know nothing of MTA-STS, so towards our own MX the same means less. */
static enum mxt_severity grade(const struct mxt_case *c, const struct mxt_policy *policy, enum mxt_severity enforced)
{
    if (policy->mode != MXT_POLICY_ENFORCE)
        return MXT_SEVERITY_LOW;
    return c->record->hop == MXT_HOP_INBOUND ? MXT_SEVERITY_MEDIUM : enforced;
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

static void judge_plaintext_delivery(const struct mxt_case *c, const struct domain *domain)
{
    const struct mxt_policy *policy = domain->policy;
    if (domain->exposed == 0 || (!is_named_mx(c, policy) && !is_taken_for_mx(c)))
        return;
    const char *result_type;
    const char *starttls = starttls_in_words(c, &result_type);
    struct mxt_finding *finding = raise(c, MXT_RULE_MTA_STS_PLAINTEXT_DELIVERY, grade(c, policy, MXT_SEVERITY_CRITICAL), policy);
    if (finding != NULL)
        finding->result_type = result_type;
    mxt_case_text(c, finding, "starttls", starttls);
    mxt_case_text(c, finding, "mx_known_by", is_named_mx(c, policy) ? "its name" : "port 25 outside the client's network, without AUTH");
    mxt_case_number(c, finding, "exposed_messages", domain->exposed);
    mxt_case_number(c, finding, "delivered_messages", domain->delivered);
}

static void judge_mx_mismatch(const struct mxt_case *c, const struct domain *domain)
{
    const struct mxt_policy *policy = domain->policy;
    const char *sni = mxt_case_sni(c);
    if (sni == NULL || is_named_mx(c, policy) || !is_taken_for_mx(c))
        return;
    struct mxt_finding *finding = raise(c, MXT_RULE_MTA_STS_MX_MISMATCH, grade(c, policy, MXT_SEVERITY_HIGH), policy);
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

static void judge_tls_obsolete(const struct mxt_case *c, const struct mxt_policy *policy, const char *mx)
{
    uint16_t version = c->tls->version;
    if (version == 0 || version >= MXT_TLS_1_2 || !mxt_case_is_established(c))
        return;
    struct mxt_finding *finding = raise(c, MXT_RULE_MTA_STS_TLS_OBSOLETE, grade(c, policy, MXT_SEVERITY_MEDIUM), policy);
    if (finding != NULL)
        finding->result_type = "validation-failure";
    mxt_case_text(c, finding, "version", mxt_tls_version_name(version));
    mxt_case_text(c, finding, "client_max_version", mxt_tls_version_name(c->tls->client_max_version));
    mxt_case_text(c, finding, "mx", mx);
}

static void judge_recipients(const struct mxt_case *c, const struct mxt_knowledge *knowledge)
{
    struct domains domains = {.count = 0};
    for (const struct mxt_message *message = c->smtp->messages; message != NULL; message = message->next)
        count_message(&domains, message, knowledge, c->record->timestamp_us);
    for (size_t i = 0; i < domains.count; i++)
        judge_plaintext_delivery(c, &domains.items[i]);
    for (size_t i = 0; i < domains.count; i++)
        judge_mx_mismatch(c, &domains.items[i]);
}

/* SNI says which host is meant; only without it the greeting's name is asked. */
static void judge_server(const struct mxt_case *c, const struct mxt_knowledge *knowledge)
{
    const char *mx = mxt_case_sni(c) != NULL ? mxt_case_sni(c) : mxt_case_banner_name(c);
    if (mx == NULL)
        return;
    const struct mxt_policy *policies[MX_DOMAINS_MAX];
    size_t count = knowledge->policies_of_mx(knowledge->store, mx, c->record->timestamp_us, policies, MX_DOMAINS_MAX);
    for (size_t i = 0; i < count; i++)
        judge_certificate_invalid(c, policies[i], mx);
    for (size_t i = 0; i < count; i++)
        judge_tls_obsolete(c, policies[i], mx);
}

void mxt_rules_mta_sts(const struct mxt_case *c, const struct mxt_knowledge *knowledge)
{
    if (is_no_mx_port(c) || mxt_case_is_decrypted(c))
        return;
    if (c->record->smtp != NULL && !may_have_authenticated(c))
        judge_recipients(c, knowledge);
    if (c->record->tls != NULL && c->smtp->auth.attempts == 0)
        judge_server(c, knowledge);
}
