/* What the collector expects of Redis before it works: its kind, its settings, and how it is divided. */
#ifndef MXT_COLLECTOR_REDIS_STATE_H
#define MXT_COLLECTOR_REDIS_STATE_H

#include <stddef.h>
#include <stdint.h>

#include "collector/link.h"

#define MXT_REDIS_SCHEMA 1 /* of the keys; counts up when one changes its meaning */

/*
 * Looks at the settings and at `meta`, which is filled in where Redis is used for the first time: with `wanted` partitions, 0: one. MXT_OK, how many there are is in
 * *partitions; MXT_EIO: it does not answer, or refuses; MXT_EUSAGE: it must not be used like this, and that will not pass by itself. A sentence is in `error`
 * (MXT_LINK_ERROR bytes).
 */
enum mxt_status mxt_redis_check(struct mxt_link *link, uint32_t wanted, uint32_t *partitions, char *error) MXT_MUST_CHECK;

#endif
