/* One session at several sensors: whether something between them rewrites it. */
#ifndef MXT_RULES_SPLIT_VIEW_H
#define MXT_RULES_SPLIT_VIEW_H

#include <stddef.h>

#include "decoders/arena.h"
#include "rules/record.h"

/*
 * starttls.split_view, appended to *findings: two of the `count` records of one session tell of different replies to EHLO before TLS, each seen whole. Critical
 * where they differ about STARTTLS: starttls.unused and starttls.not_offered, which take one side's word, are then taken out of *findings. Else info. The order
 * of the records decides which pair is told, no more. MXT_OK or MXT_ENOMEM.
 */
enum mxt_status mxt_split_view_judge(const struct mxt_record *const *records, size_t count, struct mxt_arena *arena,
                                     struct mxt_finding **findings) MXT_MUST_CHECK;

#endif
