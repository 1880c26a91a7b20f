#include "collector/metrics_keys.h"

#include <stddef.h>

#include "rules/config_values.h"

static enum mxt_status set_listen(struct mxt_setting *to, const char *value)
{
    struct mxt_metrics_config *config = to->object;
    return mxt_value_listen(value, &config->address, &config->port) == MXT_OK ? MXT_OK : MXT_EUSAGE;
}

/* clang-format off */
static const struct mxt_key keys[] = {
    {"metrics", NULL, 0, MXT_KEY_IN_FILE, MXT_KEY_MAP, "...", NULL, "a mapping", "metrics for Prometheus", .set = NULL},
    {"metrics.listen", "metrics", 0, MXT_KEY_IN_BOTH, MXT_KEY_ONE, "[ADDRESS:]PORT", NULL, "a port, or an address and a port such as 127.0.0.1:9469 or [::1]:9469", "serve /metrics and /healthz there over HTTP (the address by default: 127.0.0.1)", .set = set_listen},
};
/* clang-format on */

const struct mxt_key_table mxt_metrics_keys = {.keys = keys, .count = sizeof keys / sizeof keys[0]};
