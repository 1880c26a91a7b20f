/*
 * The words of an alert: the catalogue's texts with their places filled in. Inside rules/ only.
 */
#ifndef MXT_RULES_ALERT_TEXT_H
#define MXT_RULES_ALERT_TEXT_H

#include "decoders/arena.h"
#include "rules/alert.h"

/*
 * `template` (rules/rule.h: places in braces, optional parts in brackets, neither nested) with the alert's facts and evidence, in `arena`; NULL when it refuses.
 * A place without a value outside brackets reads "(unknown)".
 */
const char *mxt_alert_text(struct mxt_arena *arena, const char *template, const struct mxt_alert *alert);

#endif
