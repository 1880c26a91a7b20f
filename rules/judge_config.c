#include "rules/judge_config.h"

#include <stdlib.h>
#include <string.h>

#define HOUR_US (INT64_C(3600) * 1000000)

void mxt_judge_config_init(struct mxt_judge_config *config)
{
    *config = (struct mxt_judge_config){.window_us = 24 * HOUR_US, .fallback_window_us = HOUR_US, .quiet_us = 24 * HOUR_US, .loss_ppm = 1000};
}

void mxt_judge_config_free(struct mxt_judge_config *config)
{
    free(config->relays.items);
    free(config->suppressions);
    *config = (struct mxt_judge_config){0};
}

bool mxt_network_has(const struct mxt_network *network, const struct mxt_address *address)
{
    unsigned bytes = network->prefix / 8, bits = network->prefix % 8;
    if (memcmp(network->address.bytes, address->bytes, bytes) != 0)
        return false;
    return bits == 0 || (network->address.bytes[bytes] ^ address->bytes[bytes]) >> (8 - bits) == 0;
}

bool mxt_networks_has(const struct mxt_networks *networks, const struct mxt_address *address)
{
    for (size_t i = 0; i < networks->count; i++)
        if (mxt_network_has(&networks->items[i], address))
            return true;
    return false;
}
