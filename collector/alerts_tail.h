/* Alerts as they are told: the end of the streams `alerts`, and what comes. */
#ifndef MXT_COLLECTOR_ALERTS_TAIL_H
#define MXT_COLLECTOR_ALERTS_TAIL_H

#include <hiredis/hiredis.h>
#include <stdbool.h>

#include "collector/alerts_options.h"
#include "collector/alerts_store.h"

/* Prints the last alerts and then each that comes, for ever. MXT_OK: nobody reads any more; MXT_EIO: a sentence is in `error`; MXT_ENOMEM likewise. */
enum mxt_status mxt_alerts_tail(struct mxt_alerts_store *store, const struct mxt_alerts_options *options, char *error) MXT_MUST_CHECK;

/* Whether an alert passes the filters that both `list` and `tail` have. */
bool mxt_alerts_is_wanted(const struct mxt_alerts_options *options, const redisReply *fields);

/* Whether standard output is a terminal whose user wants colour. */
bool mxt_alerts_has_colour(void);

#endif
