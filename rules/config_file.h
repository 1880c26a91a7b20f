/* The configuration file's text: YAML, read by the table of keys. Whoever calls this has opened the file (collector/config_read.h). */
#ifndef MXT_RULES_CONFIG_FILE_H
#define MXT_RULES_CONFIG_FILE_H

#include <stddef.h>

#include "decoders/status.h"
#include "rules/config_keys.h"
#include "rules/faults.h"

/*
 * Reads `n` bytes of the file at `path`, which is only named in what is told, into the program's options. What *given names was set by the command line: its value in the file is looked at and
 * left; the keys that the file sets are added. MXT_OK; MXT_EUSAGE: something in the file is wrong, every fault was told with file, line, key and mend; MXT_ENOMEM (not told).
 */
enum mxt_status mxt_config_text(const char *path, const unsigned char *text, size_t n, const struct mxt_keys *keys, void *options, struct mxt_given *given,
                                const struct mxt_faults *faults) MXT_MUST_CHECK;

#endif
