/* The command line of mxtap-sensor: one table of options gives parser, defaults and --help. */
#ifndef MXT_SENSOR_OPTIONS_H
#define MXT_SENSOR_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "decoders/packet.h"
#include "decoders/status.h"
#include "sensor/networks.h"

enum mxt_output { MXT_OUTPUT_TEXT, MXT_OUTPUT_JSON };

/* What the program is to do. */
enum mxt_action { MXT_ACTION_REPLAY, MXT_ACTION_RULES, MXT_ACTION_VERSION, MXT_ACTION_HELP };

struct mxt_options {
    enum mxt_action action;
    const char **captures; /* -r; items point into argv, the array is owned */
    size_t capture_count;
    const char *policies;  /* folder, or NULL */
    const char *trust;     /* file or folder, or NULL: the system's */
    const char *sensor;    /* name in records */
    const char *filter;    /* BPF, or NULL */
    struct mxt_networks home;
    struct mxt_port_set ports;
    enum mxt_output output;
    bool domains_only;     /* --privacy domains */
};

#define MXT_OPTIONS_ERROR 256 /* bytes that hold any message of this file */

/*
 * Parses the command line into *out (defaults filled in). MXT_OK; MXT_EUSAGE with one sentence in `error` that names the option, the fault and the mend;
 * MXT_ENOMEM. *out is to be freed in every case.
 */
enum mxt_status mxt_options_parse(int argc, char **argv, struct mxt_options *out, char *error) MXT_MUST_CHECK;

void mxt_options_free(struct mxt_options *options);

/* Prints the help text on stdout. */
void mxt_options_help(void);

#endif
