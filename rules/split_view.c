#include "rules/split_view.h"

#include <string.h>

#include "decoders/text.h"
#include "rules/judge_case.h"

/* What a record tells of the offer. */
enum offer { OFFER_UNKNOWN, OFFER_THERE, OFFER_MISSING };

/* While a session goes on without TLS or mail, another EHLO may follow at one sensor that the other has told already. */
static bool is_settled(const struct mxt_record *record)
{
    return record->smtp != NULL && (record->final || record->tls != NULL || record->smtp->exposed_total > 0);
}

static enum offer offer_of(const struct mxt_smtp_facts *smtp)
{
    if (smtp->starttls.offered == MXT_YES)
        return OFFER_THERE;
    bool is_refused = smtp->starttls.offered == MXT_UNKNOWN && smtp->ehlo == MXT_YES && smtp->ehlo_reply_code >= 500;
    return smtp->starttls.offered == MXT_NO || is_refused ? OFFER_MISSING : OFFER_UNKNOWN;
}

static bool has_line(const struct mxt_text_list *list, const char *line)
{
    for (uint16_t i = 0; i < list->count; i++)
        if (mxt_text_is_equal_nocase(list->items[i], line))
            return true;
    return false;
}

/* Lines of `a` that `b` lacks. */
static struct mxt_text_list missing(const struct mxt_smtp_facts *a, const struct mxt_smtp_facts *b, struct mxt_arena *arena)
{
    struct mxt_text_list out = {0};
    for (uint16_t i = 0; i < a->capabilities.count; i++)
        if (!has_line(&b->capabilities, a->capabilities.items[i]) && mxt_text_list_add(&out, arena, a->capabilities.items[i], UINT16_MAX) != MXT_OK)
            break; /* the arena has counted its refusal */
    return out;
}

/* Whether all lines of the reply are there to be compared. */
static bool is_complete(const struct mxt_smtp_facts *smtp)
{
    return smtp->has_capabilities && smtp->capabilities.total <= smtp->capabilities.count;
}

/* What differs between two views; NULL: nothing that is known. */
static const char *difference(const struct mxt_smtp_facts *a, const struct mxt_smtp_facts *b, struct mxt_arena *arena, bool *is_offer)
{
    enum offer first = offer_of(a), second = offer_of(b);
    *is_offer = first != OFFER_UNKNOWN && second != OFFER_UNKNOWN && first != second;
    if (*is_offer)
        return "STARTTLS is offered at the first and not at the other";
    bool is_comparable = is_complete(a) && is_complete(b);
    return is_comparable && (missing(a, b, arena).count > 0 || missing(b, a, arena).count > 0) ? "the lists of capabilities differ" : NULL;
}

static void take_out(struct mxt_finding **findings, enum mxt_rule rule)
{
    while (*findings != NULL) {
        if ((*findings)->rule == rule)
            *findings = (*findings)->next;
        else
            findings = &(*findings)->next;
    }
}

static void raise(const struct mxt_record *a, const struct mxt_record *b, struct mxt_arena *arena, struct mxt_finding **findings, const char *text,
                  bool is_offer)
{
    struct mxt_case c = mxt_case_of(a, arena, findings);
    struct mxt_text_list here = missing(a->smtp, b->smtp, arena), there = missing(b->smtp, a->smtp, arena);
    if (is_offer) {
        take_out(findings, MXT_RULE_STARTTLS_UNUSED);
        take_out(findings, MXT_RULE_STARTTLS_NOT_OFFERED);
    }
    struct mxt_finding *finding = mxt_case_raise(&c, MXT_RULE_STARTTLS_SPLIT_VIEW, is_offer ? MXT_SEVERITY_CRITICAL : MXT_SEVERITY_INFO);
    mxt_case_text(&c, finding, "sensor", a->sensor);
    mxt_case_text(&c, finding, "other_sensor", b->sensor);
    mxt_case_text(&c, finding, "difference", text);
    mxt_case_list(&c, finding, "only_here", &here);
    mxt_case_list(&c, finding, "only_there", &there);
    mxt_case_exposure(&c, finding);
    if (a->session_id != b->session_id && finding != NULL)
        mxt_evidence_bool(finding, arena, "sequence_numbers_differ", true);
}

enum mxt_status mxt_split_view_judge(const struct mxt_record *const *records, size_t count, struct mxt_arena *arena, struct mxt_finding **findings)
{
    const struct mxt_record *first = NULL, *second = NULL;
    const char *told = NULL;
    bool is_told_offer = false;
    uint32_t refused = arena->failures;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = i + 1; k < count; k++) {
            bool is_offer, is_seen = is_settled(records[i]) && is_settled(records[k]);
            const char *text = is_seen ? difference(records[i]->smtp, records[k]->smtp, arena, &is_offer) : NULL;
            if (text == NULL || (told != NULL && (is_told_offer || !is_offer)))
                continue;
            bool is_turned = is_offer && offer_of(records[k]->smtp) == OFFER_THERE;
            first = records[is_turned ? k : i];
            second = records[is_turned ? i : k];
            told = text;
            is_told_offer = is_offer;
        }
    }
    if (told != NULL)
        raise(first, second, arena, findings, told, is_told_offer);
    return arena->failures == refused ? MXT_OK : MXT_ENOMEM;
}
