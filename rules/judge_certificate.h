/*
 * What several rules ask about a server's certificate. Inside rules/ only.
 */
#ifndef MXT_RULES_JUDGE_CERTIFICATE_H
#define MXT_RULES_JUDGE_CERTIFICATE_H

#include <stdbool.h>

#include "decoders/certificate.h"
#include "rules/judge_case.h"

/* Whether the server's certificate was seen: without it the other questions mean nothing. */
bool mxt_case_has_certificate(const struct mxt_case *c);

/* Its validity at the session's start; false where a date is not known. */
bool mxt_case_is_expired(const struct mxt_case *c);
bool mxt_case_is_not_yet_valid(const struct mxt_case *c);

/* Whether its chain was checked and leads to no authority of the trust store. */
bool mxt_case_is_untrusted(const struct mxt_case *c);

/* Evidence that tells which certificate it is. */
void mxt_case_certificate(const struct mxt_case *c, struct mxt_finding *finding);

#endif
