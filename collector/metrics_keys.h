/* Where metrics are served, as keys of a configuration. */
#ifndef MXT_COLLECTOR_METRICS_KEYS_H
#define MXT_COLLECTOR_METRICS_KEYS_H

#include <stdint.h>

#include "decoders/packet.h"
#include "rules/config_keys.h"

/* Zeroed: nowhere. */
struct mxt_metrics_config {
    struct mxt_address address;
    uint16_t port; /* 0: nowhere */
};

/* The keys about a struct mxt_metrics_config. */
extern const struct mxt_key_table mxt_metrics_keys;

#endif
