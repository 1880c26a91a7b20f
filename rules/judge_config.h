/*
 * What a person tells the judge about this network: what is ours, what relays, what is not to be told. Filled by the configuration file (sensor, collector).
 */
#ifndef MXT_RULES_JUDGE_CONFIG_H
#define MXT_RULES_JUDGE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decoders/packet.h"
#include "decoders/text.h"
#include "rules/record.h"

/* A network: an IPv4 prefix counts plus 96, as addresses are IPv4-mapped. */
struct mxt_network {
    struct mxt_address address;
    unsigned prefix;
};

struct mxt_networks {
    struct mxt_network *items; /* owned */
    size_t count;
};

/* Findings that shall raise no alert. A field that is not set matches all. */
struct mxt_suppression {
    enum mxt_rule rule;            /* MXT_RULE_NONE: any */
    bool has_network;
    struct mxt_network network;    /* of the client or the server */
    const char *server;            /* server name (lower case, without a last dot), "192.0.2.1:25" or "[2001:db8::1]:25"; NULL: any */
    const char *domain;            /* likewise; NULL: any */
    int64_t until_us;              /* in record time, itself no longer; 0: for ever */
};

/* Defaults: zeroed but for the windows (mxt_judge_config_init). Strings belong to whoever filled it; all outlives the judge. */
struct mxt_judge_config {
    struct mxt_text_list home_domains;
    struct mxt_networks relays;           /* servers that relay for us: what goes to them is no delivery to an MX */
    enum mxt_severity regraded[MXT_RULES]; /* another severity for a rule; NONE: as it is */
    bool is_off[MXT_RULES];
    struct mxt_suppression *suppressions;
    size_t suppression_count;
    int64_t window_us;            /* of sightings that re-judge one another; default a day */
    int64_t fallback_window_us;   /* default an hour */
    int64_t quiet_us;             /* after which an alert ends; default a day */
    uint32_t loss_ppm;            /* frames of a million that a sensor may drop between two healths before that is told; default 1,000 */
};

/* Sets the defaults. */
void mxt_judge_config_init(struct mxt_judge_config *config);

/* Frees the networks and suppressions that keys or mxt_networks_add have put in; zeroed ones are accepted. */
void mxt_judge_config_free(struct mxt_judge_config *config);

/* Whether the address is in the network. */
bool mxt_network_has(const struct mxt_network *network, const struct mxt_address *address);

/* Whether the address is in one of the networks. */
bool mxt_networks_has(const struct mxt_networks *networks, const struct mxt_address *address);

#endif
