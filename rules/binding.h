/*
 * Whom a domain's MTA-STS policy binds: the hop from a sending MTA to the domain's MX, and no relay (RFC 8461 section 5). Inside rules/ only.
 */
#ifndef MXT_RULES_BINDING_H
#define MXT_RULES_BINDING_H

#include <stdbool.h>
#include <stdint.h>

#include "rules/network.h"
#include "rules/policy.h"

/*
 * Whether the server may be an MX at all: not on a submission port, by LMTP, after AUTH or as a configured relay. Where AUTH may have gone unseen, it is taken
 * to have happened.
 */
bool mxt_binding_is_delivery(const struct mxt_network_case *n);

/* As above, whether AUTH went unseen or not: for what is said of the server and not of mail. */
bool mxt_binding_is_server(const struct mxt_network_case *n);

/* The client's SNI or the server's own word (which may confirm a match and never proves a mismatch) says that it is an MX of the policy. */
bool mxt_binding_is_named_mx(const struct mxt_case *c, const struct mxt_policy *policy);

/* A server that was reached over the network's border on port 25 is taken for the MX of what it accepts; inside, relays are the rule. */
bool mxt_binding_is_taken_for_mx(const struct mxt_case *c);

/*
 * How many unrelated domains the server has taken mail for from this client, this session included, where it is not named for the policy's organisation either:
 * a relay from MXT_RELAYED_DOMAINS on. Else 0.
 */
unsigned mxt_binding_relayed_domains(const struct mxt_network_case *n, const struct mxt_policy *policy);

#define MXT_RELAYED_DOMAINS 10 /* whose MX a server is not: then it relays */

/* A policy in mode enforce that binds this session, by its recipients or by the server's name; NULL: none is known. */
const struct mxt_policy *mxt_binding_enforced(const struct mxt_network_case *n);

/* The digest of the domain that the session's first recipient is in, or of its policy's first MX; 0: no recipient, or the server is named for that domain. */
uint64_t mxt_binding_foreign_domain(const struct mxt_case *c, const struct mxt_knowledge *knowledge);

#endif
