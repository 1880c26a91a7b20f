/*
 * The words of an alert: the catalogue's texts with their places filled in. Inside rules/ only.
 */
#ifndef MXT_RULES_ALERT_TEXT_H
#define MXT_RULES_ALERT_TEXT_H

#include "decoders/arena.h"
#include "rules/record.h"

/*
 * `template` (rules/rule.h: places in braces, optional parts in brackets, neither nested) with the values of record and finding, in `arena`; NULL when it
 * refuses. A place without a value outside brackets reads "(unknown)".
 */
const char *mxt_alert_text(struct mxt_arena *arena, const char *template, const struct mxt_record *record, const struct mxt_finding *finding);

/* The server's name: SNI, which the client asked for, else what it calls itself; NULL unknown. */
const char *mxt_alert_server_name(const struct mxt_record *record);

#endif
