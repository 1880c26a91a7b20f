/*
 * The families of rules that ask the knowledge. Inside rules/ only.
 */
#ifndef MXT_RULES_JUDGE_NETWORK_H
#define MXT_RULES_JUDGE_NETWORK_H

#include "rules/judge_case.h"
#include "rules/knowledge.h"

/* mta_sts.*: one finding a rule and domain. Copies what it keeps of the knowledge into the case's arena. */
void mxt_rules_mta_sts(const struct mxt_case *c, const struct mxt_knowledge *knowledge);

#endif
