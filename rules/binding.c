#include "rules/binding.h"

#include <stddef.h>

#include "rules/names.h"

#define PORT_SMTP        25
#define PORT_SUBMISSIONS 465 /* RFC 8314 */
#define PORT_SUBMISSION  587 /* RFC 6409 */

#define POLICIES_ASKED 16 /* that name one MX; more would say the same */

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

/* Whether the server takes mail for submission, local delivery or relaying, which no policy binds. */
static bool is_no_mx(const struct mxt_network_case *n)
{
    const struct mxt_record *record = n->c->record;
    uint16_t port = record->dest_port;
    return port == PORT_SUBMISSION || port == PORT_SUBMISSIONS || n->c->smtp->is_lmtp || mxt_networks_has(&n->config->relays, &record->dest_ip);
}

bool mxt_binding_is_delivery(const struct mxt_network_case *n)
{
    return n->c->record->smtp != NULL && !is_no_mx(n) && !may_have_authenticated(n->c);
}

bool mxt_binding_is_server(const struct mxt_network_case *n)
{
    return !is_no_mx(n) && n->c->smtp->auth.attempts == 0;
}

bool mxt_binding_is_named_mx(const struct mxt_case *c, const struct mxt_policy *policy)
{
    const char *sni = mxt_case_sni(c);
    const char *banner = mxt_case_banner_name(c);
    return (sni != NULL && mxt_policy_matches(policy, sni)) || (banner != NULL && mxt_policy_matches(policy, banner));
}

bool mxt_binding_is_taken_for_mx(const struct mxt_case *c)
{
    enum mxt_hop hop = c->record->hop;
    return c->record->dest_port == PORT_SMTP && (hop == MXT_HOP_OUTBOUND || hop == MXT_HOP_INBOUND || hop == MXT_HOP_TRANSIT);
}

/* Great providers greet with names outside their own policies, but seldom outside their own domain. */
static bool is_of_organisation(const struct mxt_case *c, const struct mxt_policy *policy)
{
    if (mxt_binding_is_named_mx(c, policy))
        return true;
    for (uint16_t i = 0; i < policy->mx.count; i++)
        if (mxt_names_is_related(policy->mx.items[i], mxt_case_sni(c)) || mxt_names_is_related(policy->mx.items[i], mxt_case_banner_name(c)))
            return true;
    return false;
}

/* Domains with one policy's MX are one customer base: what a provider takes for them it takes for itself. */
static uint64_t foreign_domain(const struct mxt_case *c, const struct mxt_knowledge *knowledge, const char *address)
{
    char name[MXT_DOMAIN_TEXT];
    if (!mxt_names_domain_of(address, name) || mxt_names_is_related(name, mxt_case_sni(c)) || mxt_names_is_related(name, mxt_case_banner_name(c)))
        return 0;
    const struct mxt_policy *policy = knowledge->policy(knowledge->store, name, c->record->timestamp_us);
    if (policy == NULL || policy->mx.count == 0)
        return mxt_network_digest(name);
    return is_of_organisation(c, policy) ? 0 : mxt_network_digest(policy->mx.items[0]);
}

uint64_t mxt_binding_foreign_domain(const struct mxt_case *c, const struct mxt_knowledge *knowledge)
{
    for (const struct mxt_message *message = c->smtp->messages; message != NULL; message = message->next)
        if (message->rcpt_to.count > 0)
            return foreign_domain(c, knowledge, message->rcpt_to.items[0]);
    return 0;
}

/* Different domains, up to as many as tell a relay. */
struct domain_set {
    uint64_t items[MXT_RELAYED_DOMAINS];
    unsigned count;
};

static void add_domain(struct domain_set *set, uint64_t domain)
{
    for (unsigned i = 0; i < set->count; i++)
        if (set->items[i] == domain)
            return;
    if (domain != 0 && set->count < MXT_RELAYED_DOMAINS)
        set->items[set->count++] = domain;
}

unsigned mxt_binding_relayed_domains(const struct mxt_network_case *n, const struct mxt_policy *policy)
{
    if (is_of_organisation(n->c, policy))
        return 0;
    struct domain_set set = {.count = 0};
    for (const struct mxt_message *message = n->c->smtp->messages; message != NULL; message = message->next)
        for (uint16_t i = 0; i < message->rcpt_to.count && set.count < MXT_RELAYED_DOMAINS; i++)
            add_domain(&set, foreign_domain(n->c, n->knowledge, message->rcpt_to.items[i]));
    const struct mxt_baseline *pair = mxt_network_baseline(n, MXT_SUBJECT_CLIENT_SERVER);
    for (size_t i = 0; pair != NULL && i < pair->count; i++)
        if (mxt_network_is_earlier(n, &pair->sightings[i]))
            add_domain(&set, pair->sightings[i].domain);
    return set.count == MXT_RELAYED_DOMAINS ? set.count : 0;
}

static bool is_bound(const struct mxt_network_case *n, const struct mxt_policy *policy)
{
    if (policy == NULL || policy->mode != MXT_POLICY_ENFORCE)
        return false;
    return mxt_binding_is_named_mx(n->c, policy) || (mxt_binding_is_taken_for_mx(n->c) && mxt_binding_relayed_domains(n, policy) == 0);
}

/* By whom the mail is for. */
static const struct mxt_policy *enforced_for_recipients(const struct mxt_network_case *n)
{
    char name[MXT_DOMAIN_TEXT];
    for (const struct mxt_message *message = n->c->smtp->messages; message != NULL; message = message->next)
        for (uint16_t i = 0; i < message->rcpt_to.count; i++) {
            const struct mxt_policy *policy = NULL;
            if (mxt_names_domain_of(message->rcpt_to.items[i], name))
                policy = n->knowledge->policy(n->knowledge->store, name, n->c->record->timestamp_us);
            if (is_bound(n, policy))
                return policy;
        }
    return NULL;
}

const struct mxt_policy *mxt_binding_enforced(const struct mxt_network_case *n)
{
    if (!mxt_binding_is_delivery(n))
        return NULL;
    const struct mxt_policy *policy = enforced_for_recipients(n);
    const char *mx = mxt_case_sni(n->c) != NULL ? mxt_case_sni(n->c) : mxt_case_banner_name(n->c);
    if (policy != NULL || mx == NULL)
        return policy;
    const struct mxt_policy *policies[POLICIES_ASKED];
    size_t count = n->knowledge->policies_of_mx(n->knowledge->store, mx, n->c->record->timestamp_us, policies, POLICIES_ASKED);
    for (size_t i = 0; i < count; i++)
        if (policies[i]->mode == MXT_POLICY_ENFORCE)
            return policies[i];
    return NULL;
}
