#include "sensor/trust_cache.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "sensor/seed.h"

struct mxt_trust_cache {
    uint32_t limit, count;
    size_t bytes;
    uint64_t seed;
    uint32_t buckets_mask;
    struct mxt_trust_entry **buckets;
    struct mxt_trust_entry *newest, *oldest;
};

struct mxt_trust_cache *mxt_trust_cache_new(uint32_t limit)
{
    struct mxt_trust_cache *cache = calloc(1, sizeof *cache);
    if (cache == NULL)
        return NULL;
    uint32_t buckets = 1;
    while (buckets < limit)
        buckets *= 2;
    cache->limit = limit;
    cache->seed = mxt_random_seed();
    cache->buckets_mask = buckets - 1;
    cache->buckets = calloc(buckets, sizeof(struct mxt_trust_entry *));
    if (cache->buckets == NULL) {
        free(cache);
        return NULL;
    }
    return cache;
}

static struct mxt_trust_entry **bucket_of(struct mxt_trust_cache *cache, uint64_t hash)
{
    return &cache->buckets[hash & cache->buckets_mask];
}

static uint64_t hash_of(const struct mxt_trust_cache *cache, const struct mxt_der *chain, size_t count)
{
    uint64_t hash = cache->seed;
    for (size_t i = 0; i < count; i++)
        hash = XXH3_64bits_withSeed(chain[i].bytes, chain[i].length, hash);
    return hash;
}

static bool is_chain_of(const struct mxt_trust_entry *entry, const struct mxt_der *chain, size_t count)
{
    const uint8_t *at = entry->chain, *end = entry->chain + entry->chain_length;
    for (size_t i = 0; i < count; i++) {
        size_t length = chain[i].length;
        if ((size_t)(end - at) < sizeof length + length || memcmp(at, &length, sizeof length) != 0 || memcmp(at + sizeof length, chain[i].bytes, length) != 0)
            return false;
        at += sizeof length + length;
    }
    return at == end;
}

/* All certificates, each behind its length. False: out of memory. */
static bool keep_chain(struct mxt_trust_entry *entry, const struct mxt_der *chain, size_t count)
{
    for (size_t i = 0; i < count; i++)
        entry->chain_length += sizeof chain[i].length + chain[i].length;
    uint8_t *at = entry->chain = malloc(entry->chain_length);
    for (size_t i = 0; at != NULL && i < count; i++) {
        memcpy(at, &chain[i].length, sizeof chain[i].length);
        memcpy(at + sizeof chain[i].length, chain[i].bytes, chain[i].length);
        at += sizeof chain[i].length + chain[i].length;
    }
    return entry->chain != NULL;
}

static size_t memory_of(const struct mxt_trust_entry *entry)
{
    return sizeof *entry + entry->chain_length + entry->arena.reserved;
}

static void unlink_entry(struct mxt_trust_cache *cache, struct mxt_trust_entry *entry)
{
    *(entry->newer != NULL ? &entry->newer->older : &cache->newest) = entry->older;
    *(entry->older != NULL ? &entry->older->newer : &cache->oldest) = entry->newer;
}

static void link_newest(struct mxt_trust_cache *cache, struct mxt_trust_entry *entry)
{
    entry->newer = NULL;
    entry->older = cache->newest;
    *(cache->newest != NULL ? &cache->newest->newer : &cache->oldest) = entry;
    cache->newest = entry;
}

static void free_entry(struct mxt_trust_entry *entry)
{
    mxt_arena_free(&entry->arena);
    free(entry->chain);
    free(entry);
}

static void drop_oldest(struct mxt_trust_cache *cache)
{
    struct mxt_trust_entry *entry = cache->oldest;
    struct mxt_trust_entry **link = bucket_of(cache, entry->hash);
    while (*link != entry)
        link = &(*link)->in_bucket;
    *link = entry->in_bucket;
    cache->oldest = entry->newer;
    *(entry->newer != NULL ? &entry->newer->older : &cache->newest) = NULL;
    cache->count--;
    cache->bytes -= memory_of(entry);
    free_entry(entry);
}

void mxt_trust_cache_free(struct mxt_trust_cache *cache)
{
    if (cache == NULL)
        return;
    while (cache->count > 0)
        drop_oldest(cache);
    free(cache->buckets);
    free(cache);
}

struct mxt_trust_entry *mxt_trust_cache_find(struct mxt_trust_cache *cache, const struct mxt_der *chain, size_t count)
{
    uint64_t hash = hash_of(cache, chain, count);
    struct mxt_trust_entry *entry = *bucket_of(cache, hash);
    while (entry != NULL && (entry->hash != hash || !is_chain_of(entry, chain, count)))
        entry = entry->in_bucket;
    if (entry != NULL) {
        unlink_entry(cache, entry);
        link_newest(cache, entry);
    }
    return entry;
}

void mxt_trust_cache_put(struct mxt_trust_cache *cache, const struct mxt_der *chain, size_t count, const struct mxt_certificate_facts *facts,
                         struct mxt_trust_judgement judgement)
{
    struct mxt_trust_entry *entry = calloc(1, sizeof *entry);
    if (entry == NULL)
        return;
    mxt_arena_init(&entry->arena, MXT_TRUST_ENTRY_BYTES);
    if (mxt_trust_copy_facts(&entry->arena, facts, &entry->facts) != MXT_OK || !keep_chain(entry, chain, count)) {
        free_entry(entry);
        return;
    }
    while (cache->count > 0 && (cache->count == cache->limit || cache->bytes + memory_of(entry) > MXT_TRUST_CACHE_BYTES))
        drop_oldest(cache);
    cache->bytes += memory_of(entry);
    entry->hash = hash_of(cache, chain, count);
    entry->judgement = judgement;
    struct mxt_trust_entry **bucket = bucket_of(cache, entry->hash);
    entry->in_bucket = *bucket;
    *bucket = entry;
    link_newest(cache, entry);
    cache->count++;
}

static const char *copy_text(struct mxt_arena *arena, const char *text)
{
    return text == NULL ? NULL : mxt_arena_copy(arena, text, strlen(text));
}

static void copy_list(struct mxt_arena *arena, const struct mxt_text_list *from, struct mxt_text_list *to)
{
    *to = (struct mxt_text_list){.total = from->total};
    if (from->count == 0)
        return;
    to->items = mxt_arena_alloc(arena, from->count * sizeof to->items[0]);
    if (to->items == NULL)
        return;
    to->capacity = from->count;
    for (; to->count < from->count; to->count++)
        to->items[to->count] = copy_text(arena, from->items[to->count]);
}

enum mxt_status mxt_trust_copy_facts(struct mxt_arena *arena, const struct mxt_certificate_facts *from, struct mxt_certificate_facts *to)
{
    uint32_t failures = arena->failures;
    *to = *from;
    to->subject = copy_text(arena, from->subject);
    to->issuerdn = copy_text(arena, from->issuerdn);
    to->issuer_org = copy_text(arena, from->issuer_org);
    to->serial = copy_text(arena, from->serial);
    to->fingerprint = copy_text(arena, from->fingerprint);
    to->sha256 = copy_text(arena, from->sha256);
    to->spki_sha256 = copy_text(arena, from->spki_sha256);
    to->key = copy_text(arena, from->key);
    to->signature = copy_text(arena, from->signature);
    copy_list(arena, &from->subject_alt_names, &to->subject_alt_names);
    copy_list(arena, &from->chain, &to->chain);
    if (arena->failures == failures)
        return MXT_OK;
    *to = (struct mxt_certificate_facts){0};
    return MXT_ENOMEM;
}
