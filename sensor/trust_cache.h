/*
 * Chains seen before: by the digest of the chain the leaf's facts and the verdict with the time for which it holds. Bounded; the least recently used leaves
 * first. Belongs to one thread.
 */
#ifndef MXT_SENSOR_TRUST_CACHE_H
#define MXT_SENSOR_TRUST_CACHE_H

#include <stdint.h>

#include "decoders/arena.h"
#include "decoders/certificate.h"
#include "sensor/trust_verify.h"

#define MXT_TRUST_KEY 32u            /* SHA-256 */
#define MXT_TRUST_ENTRY_BYTES 16384u /* facts beyond this are not kept; real ones have 1 to 4 KiB */

struct mxt_trust_entry {
    uint8_t key[MXT_TRUST_KEY];
    struct mxt_certificate_facts facts; /* in `arena` */
    struct mxt_trust_judgement judgement;
    struct mxt_arena arena;
    struct mxt_trust_entry *in_bucket;
    struct mxt_trust_entry *newer, *older;
};

struct mxt_trust_cache;

/* An empty cache of at most `limit` chains (at least 1); NULL: out of memory. */
struct mxt_trust_cache *mxt_trust_cache_new(uint32_t limit);

/* NULL is accepted. */
void mxt_trust_cache_free(struct mxt_trust_cache *cache);

/* The entry of this key, now the most recently used; NULL where there is none. Valid until the next put or free. */
struct mxt_trust_entry *mxt_trust_cache_find(struct mxt_trust_cache *cache, const uint8_t *key);

/* Remembers a copy under a key that is not in the cache. Silently does without when there is no memory or the facts are too long. */
void mxt_trust_cache_put(struct mxt_trust_cache *cache, const uint8_t *key, const struct mxt_certificate_facts *facts,
                         struct mxt_trust_judgement judgement);

/* A copy of the facts with all strings in `arena`. MXT_OK or MXT_ENOMEM. */
enum mxt_status mxt_trust_copy_facts(struct mxt_arena *arena, const struct mxt_certificate_facts *from, struct mxt_certificate_facts *to) MXT_MUST_CHECK;

#endif
