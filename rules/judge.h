/*
 * The judge: what a record means. Session rules look at one record alone; network rules also ask the knowledge. Neither knows packets, sockets or clocks; all
 * times are the record's. The judge changes nothing: it answers with findings and with the changes that the store shall apply.
 */
#ifndef MXT_RULES_JUDGE_H
#define MXT_RULES_JUDGE_H

#include "decoders/arena.h"
#include "rules/judge_config.h"
#include "rules/knowledge.h"
#include "rules/record.h"

/*
 * Session rules: what follows from the facts of this session alone. Findings are appended to *findings, in the catalogue's order, living in `arena`. A rule
 * whose evidence is behind a gap, on a missing side or before the capture's start stays silent. `record->final` false: only findings that no later packet of
 * the session can withdraw. MXT_OK or MXT_ENOMEM (what was found so far stays).
 */
enum mxt_status mxt_judge_session(const struct mxt_record *record, struct mxt_arena *arena, struct mxt_finding **findings) MXT_MUST_CHECK;

/* What a record means with the network's knowledge. Everything lives in the arena given. */
struct mxt_judgement {
    struct mxt_finding *findings; /* all that deserve an alert: session findings, re-graded, and network findings */
    struct mxt_changes changes;   /* what the store shall apply; empty for a late record, which teaches nothing */
    const uint64_t *again;        /* later sessions whose findings may change by this record, in their order: once its changes are applied, fetch
                                     them from the store and judge them again, which changes nothing more */
    size_t again_count;
    bool is_late; /* older than the window: its findings are marked `late` in their evidence */
};

/*
 * Network rules. Takes a record with its session findings. Judging the same record again with the same knowledge gives the same findings and no further
 * change. `newest_us` is the latest record time seen so far (the record's own included). MXT_OK or MXT_ENOMEM (what was found so far stays).
 */
enum mxt_status mxt_judge_network(const struct mxt_record *record, const struct mxt_knowledge *knowledge, const struct mxt_judge_config *config,
                                  int64_t newest_us, struct mxt_arena *arena, struct mxt_judgement *out) MXT_MUST_CHECK;

#endif
