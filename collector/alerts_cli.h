/* `mxtap-collector alerts`: what Redis holds of alerts, for people and scripts, and what people do about them. */
#ifndef MXT_COLLECTOR_ALERTS_CLI_H
#define MXT_COLLECTOR_ALERTS_CLI_H

#include "rules/faults.h"

/* argv[0] is "alerts". The program's exit status: 0, 1 failed or no such alert, 2 wrong usage. */
int mxt_alerts_cli(int argc, char **argv, const struct mxt_faults *faults);

#endif
