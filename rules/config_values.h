/* Values as people write them in options and in the configuration file. */
#ifndef MXT_RULES_CONFIG_VALUES_H
#define MXT_RULES_CONFIG_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decoders/arena.h"
#include "decoders/packet.h"
#include "decoders/status.h"

/* A TCP port, 1 to 65535. MXT_OK or MXT_EMALFORMED with *out unchanged, as all here. */
enum mxt_status mxt_value_port(const char *text, uint16_t *out) MXT_MUST_CHECK;

/* A whole number of at most nine digits, within the bounds given. */
enum mxt_status mxt_value_number(const char *text, uint32_t min, uint32_t max, uint32_t *out) MXT_MUST_CHECK;

/* "yes" or "no" ("true", "false", "on" and "off", as YAML's readers have it, too). */
enum mxt_status mxt_value_flag(const char *text, bool *out) MXT_MUST_CHECK;

/* A size in bytes: a whole number and KiB, MiB or GiB, within the bounds given. */
enum mxt_status mxt_value_size(const char *text, uint64_t min, uint64_t max, uint64_t *out) MXT_MUST_CHECK;

/* A whole number and its unit, "90s", "15m", "24h" or "7d", within the bounds given; all in microseconds. */
enum mxt_status mxt_value_duration(const char *text, int64_t min_us, int64_t max_us, int64_t *out) MXT_MUST_CHECK;

/* A moment in RFC 3339 ("2026-12-31T18:00:00Z", "...+01:00", fractions of a second), or a date, which means the midnight behind it, in UTC. */
enum mxt_status mxt_value_until(const char *text, int64_t *out_us) MXT_MUST_CHECK;

/* A domain name as A-labels: a copy in the arena, lower case, without a trailing dot. MXT_ENOMEM also. */
enum mxt_status mxt_value_domain(const char *text, struct mxt_arena *arena, const char **out) MXT_MUST_CHECK;

/* Where to listen: "127.0.0.1:9469", "[::1]:9469", or a port alone, which means 127.0.0.1. */
enum mxt_status mxt_value_listen(const char *text, struct mxt_address *address, uint16_t *port) MXT_MUST_CHECK;

/* A server: a domain name as above, or "192.0.2.1:25" or "[2001:db8::1]:25", in the one form that alerts use. MXT_ENOMEM also. */
enum mxt_status mxt_value_server(const char *text, struct mxt_arena *arena, const char **out) MXT_MUST_CHECK;

#endif
