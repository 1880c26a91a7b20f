/* What mxtap-sensor was told to do, by its command line and its configuration file. */
#ifndef MXT_SENSOR_OPTIONS_H
#define MXT_SENSOR_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "collector/link.h"
#include "collector/metrics_keys.h"
#include "decoders/arena.h"
#include "decoders/packet.h"
#include "decoders/status.h"
#include "rules/config_keys.h"
#include "rules/faults.h"
#include "rules/judge_config.h"
#include "sensor/limits.h"

#define MXT_OPTIONS_INTERFACES 16  /* at most */
#define MXT_OPTIONS_WORKERS    64  /* at most */
#define MXT_OPTIONS_CPUS       64  /* at most */

enum mxt_output { MXT_OUTPUT_TEXT, MXT_OUTPUT_JSON };

/* What the program is to do. REPLAY: captures; LIVE: interfaces. */
enum mxt_action { MXT_ACTION_REPLAY, MXT_ACTION_LIVE, MXT_ACTION_RULES, MXT_ACTION_CHECK_CONFIG, MXT_ACTION_VERSION, MXT_ACTION_HELP };

/* Texts point into argv or into `texts`. */
struct mxt_options {
    enum mxt_action action;
    const char **captures; /* -r; the array is owned */
    size_t capture_count;
    const char *interfaces[MXT_OPTIONS_INTERFACES]; /* -i */
    size_t interface_count;
    uint64_t buffer_bytes; /* live: the kernel's ring for each interface and worker */
    uint32_t workers;      /* live: packet threads */
    uint32_t cpus[MXT_OPTIONS_CPUS]; /* live: where they stay, in turn */
    size_t cpu_count;                /* 0: wherever */
    const char *config;    /* file, or NULL */
    const char *policies;  /* folder, or NULL */
    const char *knowledge; /* file, or NULL */
    const char *trust;     /* file or folder, or NULL: the system's */
    struct mxt_link_config redis; /* url NULL: judged here */
    const char *spool_directory;  /* or NULL */
    uint64_t spool_limit;         /* bytes */
    const char *sensor;    /* name in records */
    const char *filter;    /* BPF, or NULL */
    struct mxt_networks home;
    struct mxt_port_set ports;
    bool any_port; /* look for mail on every TCP port */
    struct mxt_limits limits;
    enum mxt_output output;
    bool domains_only; /* --privacy domains */
    const char *keep;    /* -w: file for the packets of sessions with findings, or NULL */
    uint64_t keep_bytes; /* of memory for packets of which it is not known yet whether they are kept */
    bool no_sandbox;
    const char *user; /* whom root turns into; NULL: live mxtap or nobody, in a replay nobody else */
    struct mxt_judge_config judge;
    struct mxt_metrics_config metrics;
    struct mxt_arena texts; /* what was not in argv */
};

/* Its keys (options_keys.c). */
extern const struct mxt_program mxt_sensor_program;

/*
 * Reads the command line and the file of --config into *out, which points into argv; defaults are filled in. The command line wins, key by key. MXT_OK;
 * MXT_EUSAGE: each fault was told (on the command line the first, in the file all) by a sentence that names the place, the fault and the mend; MXT_EIO: the
 * file cannot be read (told); MXT_ENOMEM (not told). *out is to be freed in every case.
 */
enum mxt_status mxt_options_parse(int argc, char **argv, struct mxt_options *out, const struct mxt_faults *faults) MXT_MUST_CHECK;

/* Frees what the options own; zeroed options are accepted. */
void mxt_options_free(struct mxt_options *options);

/* Prints the help text on stdout. */
void mxt_options_help(void);

#endif
