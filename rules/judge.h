/*
 * The judge: what a record means. Session rules look at one record alone; network rules also ask the knowledge. Neither knows packets, sockets or clocks; all
 * times are the record's.
 */
#ifndef MXT_RULES_JUDGE_H
#define MXT_RULES_JUDGE_H

#include "decoders/arena.h"
#include "rules/knowledge.h"
#include "rules/record.h"

/*
 * Session rules: what follows from the facts of this session alone. Findings are appended to *findings, in the catalogue's order, living in `arena`. A rule
 * whose evidence is behind a gap, on a missing side or before the capture's start stays silent. `record->final` false: only findings that no later packet of
 * the session can withdraw. MXT_OK or MXT_ENOMEM (what was found so far stays).
 */
enum mxt_status mxt_judge_session(const struct mxt_record *record, struct mxt_arena *arena, struct mxt_finding **findings) MXT_MUST_CHECK;

/*
 * Network rules: what the session means with the network's knowledge. Takes the record with its session findings (which it may re-grade in its answer), gives
 * all findings that deserve an alert: re-graded session findings and network findings.
 */
enum mxt_status mxt_judge_network(const struct mxt_record *record, const struct mxt_knowledge *knowledge, struct mxt_arena *arena,
                                  struct mxt_finding **findings) MXT_MUST_CHECK;

#endif
