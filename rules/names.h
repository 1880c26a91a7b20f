/*
 * What mail names say about who belongs together. Inside rules/ only.
 */
#ifndef MXT_RULES_NAMES_H
#define MXT_RULES_NAMES_H

#include <stdbool.h>

#define MXT_DOMAIN_TEXT 256 /* bytes that hold any domain name, NUL included */

/* Lower-cases the domain of a mail address into `domain`. False: it has none (postmaster, an address literal). */
bool mxt_names_domain_of(const char *address, char domain[MXT_DOMAIN_TEXT]);

/*
 * The part of a host name or domain that is likely to be one organisation's: the last two labels, or three under a registry's second level such as
 * "co.uk". A guess without the public suffix list, good enough to tell who belongs together and never used to trust.
 * Points into `name`.
 */
const char *mxt_names_organisation(const char *name);

/* Whether both are of one organisation, by the guess above. Patterns ("*.example.net") are welcome. NULL belongs to nobody. */
bool mxt_names_is_related(const char *a, const char *b);

/* Whether the name means the same everywhere: a domain name, and none that every network has for its own ("mail.local", "localhost.localdomain"). */
bool mxt_names_is_public(const char *name);

#endif
