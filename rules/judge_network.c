#include "rules/judge_network.h"

#include <stdbool.h>

#include "rules/judge.h"

/*
 * Clients from outside that break off a handshake and were never seen before are scanners, many a day. The knowledge keeps no clients' habits, so none of them
 * has a history.
 */
static enum mxt_severity regrade(const struct mxt_record *record, const struct mxt_finding *finding)
{
    bool is_scan = finding->rule == MXT_RULE_STARTTLS_HANDSHAKE_ABORTED && record->hop == MXT_HOP_INBOUND;
    return is_scan ? MXT_SEVERITY_INFO : finding->severity;
}

/* The session's findings, graded anew; their evidence is shared with the record's. */
static void copy_session_findings(const struct mxt_case *c)
{
    for (const struct mxt_finding *finding = c->record->findings; finding != NULL; finding = finding->next) {
        struct mxt_finding *copy = mxt_case_raise(c, finding->rule, regrade(c->record, finding));
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
