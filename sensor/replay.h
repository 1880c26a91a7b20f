/* A replay: captures through the engine, judged here, written out. */
#ifndef MXT_SENSOR_REPLAY_H
#define MXT_SENSOR_REPLAY_H

#include "sensor/options.h"

/* Runs a replay as the options say; messages go to stderr. The program's exit status: 0 done, 1 failed (also when a capture was damaged or output was lost). */
int mxt_replay_run(const struct mxt_options *options);

#endif
