/* Where Redis is, as keys of a configuration; every program that speaks to it has them. */
#ifndef MXT_COLLECTOR_LINK_KEYS_H
#define MXT_COLLECTOR_LINK_KEYS_H

#include "rules/config_keys.h"

/* The keys about a struct mxt_link_config. */
extern const struct mxt_key_table mxt_link_keys;

#endif
