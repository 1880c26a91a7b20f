#include "rules/judge.h"

#include <stdbool.h>

#include "rules/network.h"

/* Clients from outside that break off a handshake and never did anything else are scanners, many a day. */
static bool is_scan(const struct mxt_network_case *n, const struct mxt_finding *finding)
{
    return finding->rule == MXT_RULE_STARTTLS_HANDSHAKE_ABORTED && n->c->record->hop == MXT_HOP_INBOUND && !mxt_network_has_history(n);
}

static struct mxt_finding *copy_finding(const struct mxt_case *c, const struct mxt_finding *finding, enum mxt_severity severity)
{
    struct mxt_finding *copy = mxt_case_raise(c, finding->rule, severity);
    if (copy == NULL)
        return NULL;
    copy->domain = finding->domain;
    copy->result_type = finding->result_type;
    copy->evidence = finding->evidence;
    return copy;
}

/* The finding's evidence is the record's own: what is added goes to a copy of its links. */
static void own_evidence(const struct mxt_case *c, struct mxt_finding *finding)
{
    struct mxt_evidence **end = &finding->evidence;
    for (const struct mxt_evidence *evidence = finding->evidence; evidence != NULL; evidence = evidence->next) {
        struct mxt_evidence *copy = mxt_arena_alloc(c->arena, sizeof *copy);
        if (copy == NULL)
            break; /* the arena has counted its refusal */
        *copy = *evidence;
        *end = copy;
        end = &copy->next;
    }
    *end = NULL;
}

/* Plaintext is graver where the client is known to encrypt. */
static void copy_unused(const struct mxt_network_case *n, const struct mxt_finding *finding)
{
    struct mxt_habit habit = mxt_network_habit(n);
    struct mxt_finding *copy = copy_finding(n->c, finding, habit.is_usual ? MXT_SEVERITY_MEDIUM : finding->severity);
    if (copy == NULL || !habit.is_usual)
        return;
    own_evidence(n->c, copy);
    mxt_case_number(n->c, copy, "sessions_before", habit.sessions);
    mxt_case_number(n->c, copy, "encrypted_before", habit.encrypted);
}

/* The session's findings, graded by what is known of its peers. */
static void copy_session_findings(const struct mxt_network_case *n, bool is_offer_known)
{
    for (const struct mxt_finding *finding = n->c->record->findings; finding != NULL; finding = finding->next) {
        if (finding->rule == MXT_RULE_STARTTLS_UNUSED)
            copy_unused(n, finding);
        else if (finding->rule != MXT_RULE_STARTTLS_NOT_OFFERED || !is_offer_known)
            copy_finding(n->c, finding, is_scan(n, finding) ? MXT_SEVERITY_INFO : finding->severity);
    }
}

static bool has_finding(const struct mxt_finding *findings, enum mxt_rule rule)
{
    while (findings != NULL && findings->rule != rule)
        findings = findings->next;
    return findings != NULL;
}

static void mark_late(const struct mxt_case *c)
{
    for (struct mxt_finding *finding = *c->findings; finding != NULL; finding = finding->next) {
        own_evidence(c, finding);
        mxt_evidence_bool(finding, c->arena, "late", true);
    }
}

enum mxt_status mxt_judge_network(const struct mxt_record *record, const struct mxt_knowledge *knowledge, const struct mxt_judge_config *config,
                                  int64_t newest_us, struct mxt_arena *arena, struct mxt_judgement *out)
{
    *out = (struct mxt_judgement){.is_late = record->timestamp_us < newest_us - config->window_us};
    struct mxt_case c = mxt_case_of(record, arena, &out->findings);
    struct mxt_network_case n;
    mxt_network_case_set(&n, &c, knowledge, config);
    copy_session_findings(&n, mxt_network_judge_stripped(&n));
    if (!has_finding(record->findings, MXT_RULE_STARTTLS_FALLBACK))
        mxt_network_judge_fallback(&n);
    mxt_network_judge_certificate(&n);
    mxt_network_judge_mta_sts(&n);
    if (out->is_late)
        mark_late(&c);
    else
        mxt_network_teach(&n, out);
    return mxt_case_status(&c);
}
