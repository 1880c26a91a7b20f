/*
 * The collector: takes its share of the partitions, works each in a thread of its own, and goes on whatever Redis does. All collectors of one Redis see each other
 * in the set `collectors`; each takes as many partitions as it is due, gives up what it has too many, and takes over what another has left within MXT_LEASE_MS.
 */
#ifndef MXT_COLLECTOR_COLLECTOR_H
#define MXT_COLLECTOR_COLLECTOR_H

#include "collector/options.h"
#include "rules/faults.h"

struct mxt_collector_config {
    struct mxt_collector_options *options; /* replaced on SIGHUP by what `reload` fills in */
    /* Reads the configuration again. MXT_OK; anything else: told, and the old one stays. */
    enum mxt_status (*reload)(void *context, struct mxt_collector_options *out);
    void *context;
    const struct mxt_faults *faults; /* sentences for the operator, once a change of state; from any thread, one at a time */
};

/*
 * Works until SIGTERM or SIGINT, or with --once until nothing is left. 0; 1: it could not do what it was asked for (told). It blocks these signals and SIGHUP.
 */
int mxt_collector_run(const struct mxt_collector_config *config);

/*
 * Which of `partitions` are due to the collector at `rank` (from 0) among `collectors`: how many. All together take all, none more than one above another.
 */
uint32_t mxt_collector_share(uint32_t partitions, uint32_t collectors, uint32_t rank);

#endif
