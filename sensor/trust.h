/*
 * The trust store, and certificates judged against it. Chains seen before are not read or verified again: verdict and facts are cached by the
 * digest of the chain (bounded, the least recently used leaves first). What each verdict means stands in sensor/trust_verify.h. Belongs to one thread.
 */
#ifndef MXT_SENSOR_TRUST_H
#define MXT_SENSOR_TRUST_H

#include <stddef.h>
#include <stdint.h>

#include "decoders/arena.h"
#include "decoders/certificate.h"
#include "decoders/tls.h"

#define MXT_TRUST_CACHE 4096 /* chains remembered */

struct mxt_trust;

/*
 * Opens the store at `path`: a PEM file, a folder of PEM files, or NULL for the system's (OpenSSL's default folder, else its file). All
 * files are read now, since the sandbox opens none later; the system's are parsed when a chain asks for them.
 * NULL on failure, with one sentence in `error` that names the path and the mend (nothing readable there, no certificate in it).
 */
struct mxt_trust *mxt_trust_open(const char *path, char *error, size_t error_size);

/* NULL is accepted. */
void mxt_trust_free(struct mxt_trust *trust);

/*
 * Fills *out with the facts of the chain's leaf (strings in `arena`), its chain digests and its trust at `time_us` (capture time; the leaf's own expiry is
 * no matter of trust, an intermediate's is); `visible` is YES, for it was seen. Without any store, as on a system that has none, trust is UNCHECKED. MXT_OK; MXT_EMALFORMED: the leaf cannot be read, *out zeroed; MXT_ENOMEM.
 */
enum mxt_status mxt_trust_describe(struct mxt_trust *trust, const struct mxt_der *chain, size_t count, int64_t time_us,
                                   struct mxt_arena *arena, struct mxt_certificate_facts *out) MXT_MUST_CHECK;

/* Chains verified and chains answered from the cache, for `health`. */
void mxt_trust_counters(const struct mxt_trust *trust, uint64_t *verified, uint64_t *cached);

#endif
