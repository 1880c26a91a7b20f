/* What mxtap-collector was told to do, by its command line and its configuration file. */
#ifndef MXT_COLLECTOR_OPTIONS_H
#define MXT_COLLECTOR_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/link.h"
#include "collector/metrics_keys.h"
#include "collector/partition.h"
#include "collector/sink_keys.h"
#include "decoders/arena.h"
#include "decoders/status.h"
#include "rules/alerts.h"
#include "rules/config_keys.h"
#include "rules/faults.h"
#include "rules/judge_config.h"
#include "rules/knowledge.h"

enum mxt_collector_action { MXT_COLLECTOR_RUN, MXT_COLLECTOR_CHECK_CONFIG, MXT_COLLECTOR_VERSION, MXT_COLLECTOR_HELP };

/* Bounds of what is kept; `memory` and `alerts` are a partition's. */
struct mxt_collector_limits {
    struct mxt_memory_limits memory;
    struct mxt_alerts_limits alerts;
    uint32_t alert_stream; /* entries of the stream `alerts` */
    uint32_t rejected;     /* entries of the stream `rejected` */
};

/* Texts point into argv or into `texts`. */
struct mxt_collector_options {
    enum mxt_collector_action action;
    const char *config;   /* file, or NULL */
    const char *policies; /* folder, or NULL */
    const char *name;     /* this collector's in leases and messages, or NULL: the host's name and the process id */
    struct mxt_link_config redis;
    bool is_once;
    uint32_t partitions; /* where Redis has no number yet; 0: one */
    struct mxt_judge_config judge;
    struct mxt_sinks_config sinks;
    struct mxt_metrics_config metrics;
    struct mxt_collector_limits limits;
    struct mxt_arena texts;
};

/* Its keys (options_keys.c). */
extern const struct mxt_program mxt_collector_program;

/*
 * Reads the command line and the file of --config into *out, which points into argv; defaults are filled in. The command line wins, key by key. May be called
 * again with the same words, to see what the file says now. MXT_OK; MXT_EUSAGE: each fault was told by a sentence that names the place, the fault and the mend;
 * MXT_EIO: the file cannot be read (told); MXT_ENOMEM (not told). *out is to be freed in every case.
 */
enum mxt_status mxt_collector_options_parse(int argc, char **argv, struct mxt_collector_options *out, const struct mxt_faults *faults) MXT_MUST_CHECK;

/* Frees what the options own; zeroed options are accepted. */
void mxt_collector_options_free(struct mxt_collector_options *options);

/* Prints the help text on stdout. */
void mxt_collector_options_help(void);

#endif
