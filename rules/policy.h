/*
 * MTA-STS policies as RFC 8461 3.2 has them. Pure: text in, policy or fault out.
 */
#ifndef MXT_RULES_POLICY_H
#define MXT_RULES_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decoders/arena.h"
#include "decoders/text.h"

enum mxt_policy_mode { MXT_POLICY_NONE = 0, MXT_POLICY_TESTING, MXT_POLICY_ENFORCE };

struct mxt_policy {
    const char *domain; /* lower case, A-labels */
    enum mxt_policy_mode mode;
    struct mxt_text_list mx; /* patterns, lower case */
    uint32_t max_age;        /* seconds, at most 31557600 */
    const char *id;          /* of the TXT record, or NULL (files) */
    int64_t fetched_us;      /* 0: from a file, in force for the whole capture */
    struct mxt_policy *next;
};

#define MXT_POLICY_MAX         65536     /* bytes of a policy that are read (RFC 8461 3.3 suggests a limit of 64 KB) */
#define MXT_POLICY_MAX_AGE_MAX 31557600u /* seconds, about a year (RFC 8461 3.2) */

/*
 * Reads the `n` bytes of a policy file for `domain` (kept as lower case copy without a trailing dot). *out lives in `arena`, its `id` and `fetched_us` are the
 * caller's to set.
 * MXT_OK; MXT_EMALFORMED with one sentence in `fault` (fault_size bytes, may be 0) that names line, fault and mend, *out zeroed; MXT_ENOMEM.
 *
 * As RFC 8461 3.2 writes the ABNF: names and values of version, mode, mx and max_age are case-sensitive (%s, RFC 7405); fields come in any order; LF and CRLF
 * end a line and the last end may be missing; blanks may follow a colon and a value; unknown fields are passed over; the first of a repeated field counts, mx
 * aside. One thing more is taken than the ABNF allows: empty lines, which published policies have and senders accept.
 */
enum mxt_status mxt_policy_read(struct mxt_arena *arena, const char *domain, const char *text, size_t n, struct mxt_policy *out, char *fault,
                                size_t fault_size) MXT_MUST_CHECK;

/* Whether the policy holds at `time_us`: fetched before and not older than its max_age (RFC 8461 3.2); one from a file holds always. */
bool mxt_policy_is_in_force(const struct mxt_policy *policy, int64_t time_us);

/* Whether the MX host name matches one of the policy's patterns (RFC 8461 4.1). */
bool mxt_policy_matches(const struct mxt_policy *policy, const char *mx);

/* "none", "testing", "enforce". */
const char *mxt_policy_mode_name(enum mxt_policy_mode mode);

#endif
