/* What is ours: the home networks, and the hop that a session was by them. */
#ifndef MXT_RULES_NETWORKS_H
#define MXT_RULES_NETWORKS_H

#include <stddef.h>

#include "decoders/packet.h"
#include "decoders/status.h"
#include "rules/judge_config.h"
#include "rules/record.h"

/*
 * Appends the networks of a comma-separated list ("10.0.0.0/8,2001:db8::/32"; a lone address is a network of one). MXT_OK; MXT_EUSAGE with one sentence in
 * `error` that names the item and the mend (nothing of the list is appended); MXT_ENOMEM.
 */
enum mxt_status mxt_networks_add(struct mxt_networks *networks, const char *list, char *error, size_t error_size) MXT_MUST_CHECK;

/* The networks that are ours by default, as a list: private (RFC 1918), shared (RFC 6598), link-local, loopback, ULA (RFC 4193). */
#define MXT_NETWORKS_PRIVATE "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,100.64.0.0/10,169.254.0.0/16,127.0.0.0/8,fc00::/7,fe80::/10,::1"

void mxt_networks_free(struct mxt_networks *networks);

/* The hop of a session from `client` to `server`. */
enum mxt_hop mxt_networks_hop(const struct mxt_networks *networks, const struct mxt_address *client, const struct mxt_address *server);

#endif
