/*
 * What a replay and a live sensor have in common: engines with their trust, and behind an outbox the judge in a thread of its own. Records of the engines are
 * judged and told; at the end comes what is told at the end.
 */
#ifndef MXT_SENSOR_STATION_H
#define MXT_SENSOR_STATION_H

#include <stdbool.h>

#include "rules/event.h"
#include "sensor/engine.h"
#include "sensor/gauges.h"
#include "sensor/options.h"

#define MXT_STATION_ENGINES 64 /* at most: one a worker */

struct mxt_station;

/* Opens all that the options name but captures and interfaces. `options` outlives it. NULL: what failed was told on stderr. */
struct mxt_station *mxt_station_open(const struct mxt_options *options);

/* Gives up privileges (sensor/confine.h) and starts the judge's thread; to be called once, when all is open and before any other thread. False: why was told on stderr. */
bool mxt_station_start(struct mxt_station *station);

/* Frees it with its engines; what was not finished is not told. NULL is accepted. */
void mxt_station_free(struct mxt_station *station);

/*
 * An engine with a trust cache of its own, whose records come to the station; owned by it. `hand_on` and `others` as in struct mxt_engine_config. NULL: why was told
 * on stderr.
 */
struct mxt_engine *mxt_station_add_engine(struct mxt_station *station, bool (*hand_on)(void *others, const struct mxt_segment *segment), void *others);

/* Whether output was lost: there is no use in going on. Any thread. */
bool mxt_station_is_broken(const struct mxt_station *station);

/*
 * Live: tells the health so far, which is completed here. As an event where events are told; in a text report only where somebody has asked for it, on stderr. Not
 * in an engine's thread.
 */
void mxt_station_health(struct mxt_station *station, struct mxt_health *health, bool is_asked_for);

/* Live: completes a reading, whose health is summed up already, by what stands behind the engines. Not in an engine's thread. */
void mxt_station_read(struct mxt_station *station, struct mxt_gauges_reading *reading);

/*
 * The end: finishes the engines, which no other thread uses any more, waits for the judge, and tells what is told at the end. `beside` (or NULL): counters that
 * engines do not know.
 */
void mxt_station_finish(struct mxt_station *station, const struct mxt_health *beside);

/* What the end waits for, now: "the packet threads" until mxt_station_finish. May be called in a signal's handler. */
const char *mxt_station_waits_for(const struct mxt_station *station);

/* After mxt_station_finish: complains of what is missing, writes the knowledge. The program's exit status, as far as it depends on this: 0 or 1. */
int mxt_station_conclude(struct mxt_station *station);

/* Writes a sentence to stderr under the program's name. */
void mxt_station_complain(const char *sentence);

#endif
