/* The command line, read by the table of keys; and --help, which comes from it. */
#ifndef MXT_RULES_CONFIG_LINE_H
#define MXT_RULES_CONFIG_LINE_H

#include "decoders/status.h"
#include "rules/config_keys.h"
#include "rules/faults.h"

/*
 * Reads the words behind argv[0] into the options, which point into argv; *given gets the keys that they set. MXT_OK; MXT_EUSAGE: the first fault was told by a
 * sentence that names the option and the mend; MXT_ENOMEM (not told).
 */
enum mxt_status mxt_config_line(const struct mxt_keys *keys, int argc, char **argv, void *options, struct mxt_given *given,
                                const struct mxt_faults *faults) MXT_MUST_CHECK;

/* Prints the help text on stdout. */
void mxt_config_help(const struct mxt_keys *keys);

/* Tells "PLACE: WHY", as short as MXT_FAULT_TEXT; an empty place is left out. */
void mxt_config_tell(const struct mxt_faults *faults, const char *place, const char *why);

#endif
