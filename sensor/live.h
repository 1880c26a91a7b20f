/* Live capture: interfaces through engines in threads, judged and told as it happens. */
#ifndef MXT_SENSOR_LIVE_H
#define MXT_SENSOR_LIVE_H

#include "sensor/options.h"

/*
 * Watches the interfaces that the options name until SIGINT or SIGTERM, which end the watching within seconds: what was seen is told. SIGUSR1 tells the health at
 * once. Messages go to stderr. The program's exit status: 0 asked to stop; 1 failed (an interface disappeared, output was lost).
 */
int mxt_live_run(const struct mxt_options *options);

#endif
