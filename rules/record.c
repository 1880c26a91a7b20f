#include "rules/record.h"

static const char *const hop_names[] = {NULL, "outbound", "inbound", "internal", "transit"};
static const char *const mode_names[] = {NULL, "starttls", "implicit", "x-anonymoustls"};
static const char *const outcome_names[] = {NULL, "established", "failed", "incomplete", "decrypted"};
static const char *const transfer_names[] = {NULL, "DATA", "BDAT"};
static const char *const ended_by_names[] = {NULL, "client", "server"};
static const char *const trust_names[] = {"unchecked", "trusted", "self-signed", "unknown-issuer", "incomplete"};

#define NAME_OF(names, value) ((unsigned)(value) < sizeof(names) / sizeof((names)[0]) ? (names)[value] : NULL)

const char *mxt_hop_name(enum mxt_hop hop)
{
    return NAME_OF(hop_names, hop);
}

const char *mxt_tls_mode_name(enum mxt_tls_mode mode)
{
    return NAME_OF(mode_names, mode);
}

const char *mxt_tls_outcome_name(enum mxt_tls_outcome outcome)
{
    return NAME_OF(outcome_names, outcome);
}

const char *mxt_transfer_name(enum mxt_transfer transfer)
{
    return NAME_OF(transfer_names, transfer);
}

const char *mxt_ended_by_name(enum mxt_ended_by side)
{
    return NAME_OF(ended_by_names, side);
}

const char *mxt_trust_name(enum mxt_trust_verdict verdict)
{
    return NAME_OF(trust_names, verdict);
}

struct mxt_finding *mxt_finding_add(struct mxt_finding **list, struct mxt_arena *arena, enum mxt_rule rule, enum mxt_severity severity)
{
    struct mxt_finding *finding = mxt_arena_alloc(arena, sizeof *finding);
    if (finding == NULL)
        return NULL;
    finding->rule = rule;
    finding->severity = severity;
    while (*list != NULL)
        list = &(*list)->next;
    *list = finding;
    return finding;
}

static struct mxt_evidence *add(struct mxt_finding *finding, struct mxt_arena *arena, const char *key, enum mxt_evidence_type type)
{
    struct mxt_evidence *evidence = mxt_arena_alloc(arena, sizeof *evidence);
    if (evidence == NULL)
        return NULL;
    evidence->key = key;
    evidence->type = type;
    struct mxt_evidence **end = &finding->evidence;
    while (*end != NULL)
        end = &(*end)->next;
    *end = evidence;
    return evidence;
}

void mxt_evidence_text(struct mxt_finding *finding, struct mxt_arena *arena, const char *key, const char *text)
{
    struct mxt_evidence *evidence = text == NULL ? NULL : add(finding, arena, key, MXT_EVIDENCE_TEXT);
    if (evidence != NULL)
        evidence->text = text;
}

void mxt_evidence_number(struct mxt_finding *finding, struct mxt_arena *arena, const char *key, int64_t number)
{
    struct mxt_evidence *evidence = add(finding, arena, key, MXT_EVIDENCE_NUMBER);
    if (evidence != NULL)
        evidence->number = number;
}

void mxt_evidence_bool(struct mxt_finding *finding, struct mxt_arena *arena, const char *key, bool value)
{
    struct mxt_evidence *evidence = add(finding, arena, key, MXT_EVIDENCE_BOOL);
    if (evidence != NULL)
        evidence->number = value ? 1 : 0;
}

void mxt_evidence_list(struct mxt_finding *finding, struct mxt_arena *arena, const char *key, const struct mxt_text_list *list)
{
    struct mxt_evidence *evidence = add(finding, arena, key, MXT_EVIDENCE_LIST);
    if (evidence != NULL)
        evidence->list = *list;
}
