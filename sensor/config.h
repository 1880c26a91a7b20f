/* The configuration file: YAML, read by the table of keys. */
#ifndef MXT_SENSOR_CONFIG_H
#define MXT_SENSOR_CONFIG_H

#include <stdint.h>

#include "decoders/status.h"
#include "sensor/faults.h"
#include "sensor/options.h"

/*
 * Reads the file into the options. A key whose bit is set in *given was set by the command line: its value in the file is looked at and left; the bits of the
 * keys that the file sets are added. MXT_OK; MXT_EUSAGE: something in the file is wrong, every fault was told with file, line, key and mend; MXT_EIO: the file
 * cannot be read (told); MXT_ENOMEM (not told).
 */
enum mxt_status mxt_config_read(const char *path, struct mxt_options *options, uint64_t *given, const struct mxt_faults *faults) MXT_MUST_CHECK;

#endif
