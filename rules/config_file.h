/* The configuration file: YAML, read by the table of keys. */
#ifndef MXT_RULES_CONFIG_FILE_H
#define MXT_RULES_CONFIG_FILE_H

#include "decoders/status.h"
#include "rules/config_keys.h"
#include "rules/faults.h"

/*
 * Reads the file into the program's options. What *given names was set by the command line: its value in the file is looked at and left; the keys that the file
 * sets are added. MXT_OK; MXT_EUSAGE: something in the file is wrong, every fault was told with file, line, key and mend; MXT_EIO: the file cannot be read
 * (told); MXT_ENOMEM (not told).
 */
enum mxt_status mxt_config_read(const char *path, const struct mxt_keys *keys, void *options, struct mxt_given *given,
                                const struct mxt_faults *faults) MXT_MUST_CHECK;

#endif
