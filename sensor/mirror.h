/*
 * What the sensor's own counters say about the mirror that feeds it. An incomplete mirror is the commonest fault in practice, and nobody notices: nothing is
 * reported missing that was never seen. Pure: the counters of an interval in, sentences out.
 */
#ifndef MXT_SENSOR_MIRROR_H
#define MXT_SENSOR_MIRROR_H

#include <stdbool.h>
#include <stddef.h>

#include "rules/event.h"

#define MXT_MIRROR_ADVICE 12 /* most sentences at once */

/*
 * The likely faults of what fed the sensor during an interval (a minute live, the whole of a replay), the gravest first: each a sentence that names the fault and the mend, a
 * constant. Too little traffic says nothing. Returns how many stand in `out`.
 */
size_t mxt_mirror_advise(const struct mxt_health *interval, bool is_live, const char *out[MXT_MIRROR_ADVICE]);

#endif
