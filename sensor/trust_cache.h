/*
 * Chains seen before, byte for byte: of each the leaf's facts and the verdict with the time for which it holds. Bounded; the least recently used leaves first.
 * Found by a seeded hash and compared as a whole, which costs a tenth of a digest and cannot be deceived. Belongs to one thread.
 */
#ifndef MXT_SENSOR_TRUST_CACHE_H
#define MXT_SENSOR_TRUST_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "decoders/arena.h"
#include "decoders/certificate.h"
#include "decoders/tls.h"
#include "sensor/trust_verify.h"

#define MXT_TRUST_CACHE_BYTES (16u << 20) /* of all chains and their facts: 4096 of 4 KiB */
#define MXT_TRUST_ENTRY_BYTES 16384u /* facts beyond this are not kept; real ones have 1 to 4 KiB */

struct mxt_trust_entry {
    uint64_t hash;
    uint8_t *chain; /* all certificates, each behind its length */
    size_t chain_length;
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

/* The entry of these certificates in this order, now the most recently used; NULL where there is none. Valid until the next put or free. */
struct mxt_trust_entry *mxt_trust_cache_find(struct mxt_trust_cache *cache, const struct mxt_der *chain, size_t count);

/* Remembers copies of a chain that is not in the cache and of its facts. Silently does without when there is no memory or the facts are too long. */
void mxt_trust_cache_put(struct mxt_trust_cache *cache, const struct mxt_der *chain, size_t count, const struct mxt_certificate_facts *facts,
                         struct mxt_trust_judgement judgement);

/* A copy of the facts with all strings in `arena`. MXT_OK or MXT_ENOMEM. */
enum mxt_status mxt_trust_copy_facts(struct mxt_arena *arena, const struct mxt_certificate_facts *from, struct mxt_certificate_facts *to) MXT_MUST_CHECK;

#endif
