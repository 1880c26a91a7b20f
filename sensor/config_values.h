/* Values as people write them in options and in the configuration file. */
#ifndef MXT_SENSOR_CONFIG_VALUES_H
#define MXT_SENSOR_CONFIG_VALUES_H

#include <stddef.h>
#include <stdint.h>

#include "decoders/arena.h"
#include "decoders/status.h"

/* A TCP port, 1 to 65535. MXT_OK or MXT_EMALFORMED with *out unchanged, as all here. */
enum mxt_status mxt_value_port(const char *text, uint16_t *out) MXT_MUST_CHECK;

/* A whole number and its unit, "90s", "15m", "24h" or "7d", within the bounds given; all in microseconds. */
enum mxt_status mxt_value_duration(const char *text, int64_t min_us, int64_t max_us, int64_t *out) MXT_MUST_CHECK;

/* A moment in RFC 3339 ("2026-12-31T18:00:00Z", "...+01:00", fractions of a second), or a date, which means the midnight behind it, in UTC. */
enum mxt_status mxt_value_until(const char *text, int64_t *out_us) MXT_MUST_CHECK;

/* A domain name as A-labels: a copy in the arena, lower case, without a trailing dot. MXT_ENOMEM also. */
enum mxt_status mxt_value_domain(const char *text, struct mxt_arena *arena, const char **out) MXT_MUST_CHECK;

/* A server: a domain name as above, or "192.0.2.1:25" or "[2001:db8::1]:25", in the one form that alerts use. MXT_ENOMEM also. */
enum mxt_status mxt_value_server(const char *text, struct mxt_arena *arena, const char **out) MXT_MUST_CHECK;

#endif
