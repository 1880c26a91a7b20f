/* The configuration file, opened and read for either program. */
#ifndef MXT_COLLECTOR_CONFIG_READ_H
#define MXT_COLLECTOR_CONFIG_READ_H

#include "rules/config_file.h"

/* Reads the file into the program's options, as mxt_config_text does. Its answers; and MXT_EIO: the file cannot be read, or is too long to be a configuration (told). */
enum mxt_status mxt_config_read(const char *path, const struct mxt_keys *keys, void *options, struct mxt_given *given,
                                const struct mxt_faults *faults) MXT_MUST_CHECK;

#endif
