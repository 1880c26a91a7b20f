/*
 * Fingerprints of hellos: JA3 and JA3S (https://github.com/salesforce/ja3), JA4 (https://github.com/FoxIO-LLC/ja4, TCP form).
 * Values of RFC 8701 (GREASE) are left out of all of them.
 */
#ifndef MXT_DECODERS_JA_H
#define MXT_DECODERS_JA_H

#include "decoders/arena.h"
#include "decoders/tls_hello.h"

#define MXT_JA_VALUES 1024u /* a hello with a longer list has no fingerprint: a shortened one would be another's */
#define MXT_JA_STRING 8192u /* longest JA3 string */

/*
 * Each returns a string in the arena, or NULL: the hello is in SSL 2's form or beyond the bounds above, the digest is not to be had (FIPS), or the
 * arena refuses (its `failures` tells).
 */

/* "771,4865-4866,0-23-65281,29-23-24,0" */
const char *mxt_ja3_string(struct mxt_arena *arena, const struct mxt_tls_client_hello *hello);

/* "771,49199,65281-0" */
const char *mxt_ja3s_string(struct mxt_arena *arena, const struct mxt_tls_server_hello *hello);

/* MD5 of such a string in lower-case hex; NULL for NULL. */
const char *mxt_ja3_hash(struct mxt_arena *arena, const char *string);

/* "t13d1516h2_8daaf6152771_e5627efa2ab1" */
const char *mxt_ja4(struct mxt_arena *arena, const struct mxt_tls_client_hello *hello);

#endif
