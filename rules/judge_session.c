#include "rules/judge.h"

#include "rules/judge_case.h"

static void judge_family(const struct mxt_case *c, struct mxt_session_rules family)
{
    for (size_t i = 0; i < family.count; i++)
        if (c->record->final || !family.rules[i].needs_final)
            family.rules[i].judge(c);
}

enum mxt_status mxt_judge_session(const struct mxt_record *record, struct mxt_arena *arena, struct mxt_finding **findings)
{
    struct mxt_case c = mxt_case_of(record, arena, findings);
    judge_family(&c, mxt_rules_starttls());
    judge_family(&c, mxt_rules_tls());
    judge_family(&c, mxt_rules_certificate());
    judge_family(&c, mxt_rules_other());
    return mxt_case_status(&c);
}
