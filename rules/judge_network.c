#include "rules/judge_network.h"

#include "rules/judge.h"

/* The session's findings as they are; their evidence is shared with the record's. */
static void copy_session_findings(const struct mxt_case *c)
{
    for (const struct mxt_finding *finding = c->record->findings; finding != NULL; finding = finding->next) {
        struct mxt_finding *copy = mxt_case_raise(c, finding->rule, finding->severity);
        if (copy == NULL)
            continue;
        copy->domain = finding->domain;
        copy->result_type = finding->result_type;
        copy->evidence = finding->evidence;
    }
}

enum mxt_status mxt_judge_network(const struct mxt_record *record, const struct mxt_knowledge *knowledge, struct mxt_arena *arena,
                                  struct mxt_finding **findings)
{
    struct mxt_case c = mxt_case_of(record, arena, findings);
    copy_session_findings(&c);
    mxt_rules_mta_sts(&c, knowledge);
    return mxt_case_status(&c);
}
