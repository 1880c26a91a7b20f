/* What a person tells the judge, as keys of a configuration: what is ours, what relays, rules, suppressions, windows, the loss that a sensor may have. Every program that judges has them. */
#ifndef MXT_RULES_JUDGE_KEYS_H
#define MXT_RULES_JUDGE_KEYS_H

#include "rules/config_keys.h"

#define MXT_KEY_NETWORK  "a network such as 10.0.0.0/8 or 2001:db8::/32"
#define MXT_KEY_DOMAIN   "a domain name such as example.org (international ones as xn--...)"
#define MXT_KEY_DURATION "a time from 1m to 31d, written as 90s, 15m, 24h or 7d"

/* The keys about a struct mxt_judge_config; mxt_judge_config_free frees what they give it. */
extern const struct mxt_key_table mxt_judge_keys;

#endif
