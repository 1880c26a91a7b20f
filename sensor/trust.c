#include "sensor/trust.h"

#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decoders/certificate_int.h"
#include "decoders/digest.h"
#include "decoders/hex.h"
#include "sensor/trust_cache.h"
#include "sensor/trust_context.h"
#include "sensor/trust_store.h"
#include "sensor/trust_system.h"
#include "sensor/trust_verify.h"

#define ISSUERS 256 /* intermediates kept parsed */

/* A certificate behind a leaf. Few of them stand behind many leaves, and OpenSSL 3 takes 0.3 ms to parse one. */
struct issuer {
    uint8_t digest[MXT_SHA256_BYTES];
    X509 *x509; /* NULL: the place is empty */
};

struct mxt_trust {
    struct mxt_trust_context context; /* of all that is parsed here */
    X509_STORE *named;               /* the store that was named; NULL: the system's serves */
    struct mxt_trust_system *system; /* NULL where one was named */
    struct mxt_trust_cache *cache;
    struct issuer issuers[ISSUERS]; /* each in the place that its digest names; the latest wins */
    uint64_t verified, cached;
};

struct mxt_trust *mxt_trust_open(const char *path, char *error, size_t error_size)
{
    struct mxt_trust *trust = calloc(1, sizeof *trust);
    if (trust != NULL) {
        trust->context = mxt_trust_context_new();
        trust->cache = mxt_trust_cache_new(MXT_TRUST_CACHE);
        trust->system = path == NULL ? mxt_trust_system_read() : NULL;
    }
    if (trust == NULL || trust->cache == NULL || (path == NULL && trust->system == NULL)) {
        snprintf(error, error_size, "trust store %s: out of memory", path == NULL ? "of the system" : path);
        mxt_trust_free(trust);
        return NULL;
    }
    if (path == NULL)
        return trust;
    trust->named = mxt_trust_store_load(path, error, error_size);
    if (trust->named == NULL) {
        mxt_trust_free(trust);
        return NULL;
    }
    return trust;
}

void mxt_trust_free(struct mxt_trust *trust)
{
    if (trust == NULL)
        return;
    X509_STORE_free(trust->named);
    mxt_trust_system_free(trust->system);
    mxt_trust_cache_free(trust->cache);
    for (size_t i = 0; i < ISSUERS; i++)
        X509_free(trust->issuers[i].x509);
    mxt_trust_context_free(&trust->context);
    free(trust);
}

/* A certificate behind the leaf, the caller's to free; NULL where it cannot be read. */
static X509 *parse_issuer(struct mxt_trust *trust, const struct mxt_der *der)
{
    uint8_t digest[MXT_SHA256_BYTES];
    mxt_sha256(der->bytes, der->length, digest);
    struct issuer *issuer = &trust->issuers[digest[0] % ISSUERS];
    if (issuer->x509 == NULL || memcmp(issuer->digest, digest, sizeof digest) != 0) {
        X509 *x509 = mxt_certificate_parse(trust->context.library, der->bytes, der->length);
        if (x509 == NULL)
            return NULL;
        X509_free(issuer->x509);
        issuer->x509 = x509;
        memcpy(issuer->digest, digest, sizeof digest);
    }
    return X509_up_ref(issuer->x509) == 1 ? issuer->x509 : NULL;
}

/* The certificates behind the leaf; those that cannot be read are left out. NULL: out of memory. */
static STACK_OF(X509) *parse_others(struct mxt_trust *trust, const struct mxt_der *chain, size_t count)
{
    STACK_OF(X509) *others = sk_X509_new_null();
    for (size_t i = 1; i < count && others != NULL; i++) {
        X509 *x509 = parse_issuer(trust, &chain[i]);
        if (x509 != NULL && sk_X509_push(others, x509) == 0) {
            X509_free(x509);
            sk_X509_pop_free(others, X509_free);
            return NULL;
        }
    }
    return others;
}

static struct mxt_trust_judgement judge(struct mxt_trust *trust, X509 *leaf, STACK_OF(X509) *others, int64_t time)
{
    X509_STORE *store = trust->named != NULL ? trust->named : mxt_trust_system_store(trust->system);
    if (store == NULL)
        return (struct mxt_trust_judgement){.verdict = MXT_TRUST_UNCHECKED, .from = INT64_MIN, .until = INT64_MAX};
    trust->verified++;
    return mxt_trust_verify(store, leaf, others, time);
}

static enum mxt_status list_digests(const struct mxt_der *chain, size_t count, struct mxt_arena *arena, struct mxt_text_list *list)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t digest[MXT_SHA256_BYTES];
        mxt_sha256(chain[i].bytes, chain[i].length, digest);
        const char *text = mxt_hex_keep(arena, digest, sizeof digest);
        if (text == NULL || mxt_text_list_add(list, arena, text, UINT16_MAX) != MXT_OK)
            return MXT_ENOMEM;
    }
    return MXT_OK;
}

/* One weak signature makes the chain weak; a certificate that could not be read leaves it unknown. */
static void add_weakness(struct mxt_certificate_facts *facts, const STACK_OF(X509) *others, size_t count)
{
    if ((size_t)sk_X509_num(others) + 1 < count && facts->has_weak_signature == MXT_NO)
        facts->has_weak_signature = MXT_UNKNOWN;
    for (int i = 0; i < sk_X509_num(others); i++) {
        enum mxt_fact is_weak = mxt_certificate_weak_signature(sk_X509_value(others, i));
        if (is_weak == MXT_YES || (is_weak == MXT_UNKNOWN && facts->has_weak_signature == MXT_NO))
            facts->has_weak_signature = is_weak;
    }
}

/* Reads and judges a chain that is not in the cache, or whose verdict is out of its time. */
static enum mxt_status describe_anew(struct mxt_trust *trust, const struct mxt_der *chain, size_t count, int64_t time, struct mxt_arena *arena,
                                     struct mxt_certificate_facts *out, struct mxt_trust_judgement *judgement)
{
    X509 *leaf = mxt_certificate_parse(trust->context.library, chain[0].bytes, chain[0].length);
    if (leaf == NULL)
        return MXT_EMALFORMED;
    STACK_OF(X509) *others = parse_others(trust, chain, count);
    enum mxt_status status = others == NULL ? MXT_ENOMEM : mxt_certificate_facts_of(arena, leaf, chain[0].bytes, chain[0].length, out);
    if (status == MXT_OK)
        status = list_digests(chain, count, arena, &out->chain);
    if (status == MXT_OK) {
        add_weakness(out, others, count);
        *judgement = judge(trust, leaf, others, time);
        out->trust = judgement->verdict;
        out->visible = MXT_YES;
    }
    sk_X509_pop_free(others, X509_free);
    X509_free(leaf);
    return status;
}

/* Seconds, rounded down also before 1970. */
static int64_t to_seconds(int64_t time_us)
{
    return time_us / 1000000 - (time_us % 1000000 < 0 ? 1 : 0);
}

enum mxt_status mxt_trust_describe(struct mxt_trust *trust, const struct mxt_der *chain, size_t count, int64_t time_us,
                                   struct mxt_arena *arena, struct mxt_certificate_facts *out)
{
    *out = (struct mxt_certificate_facts){0};
    if (count == 0)
        return MXT_EMALFORMED;
    int64_t time = to_seconds(time_us);
    struct mxt_trust_entry *entry = mxt_trust_cache_find(trust->cache, chain, count);
    if (entry != NULL && time >= entry->judgement.from && time <= entry->judgement.until) {
        trust->cached++;
        return mxt_trust_copy_facts(arena, &entry->facts, out);
    }
    struct mxt_trust_judgement judgement;
    enum mxt_status status = describe_anew(trust, chain, count, time, arena, out, &judgement);
    if (status != MXT_OK) {
        *out = (struct mxt_certificate_facts){0};
        return status;
    }
    if (entry != NULL) {
        entry->judgement = judgement;
        entry->facts.trust = judgement.verdict;
    } else {
        mxt_trust_cache_put(trust->cache, chain, count, out, judgement);
    }
    return MXT_OK;
}

void mxt_trust_counters(const struct mxt_trust *trust, uint64_t *verified, uint64_t *cached)
{
    *verified = trust->verified;
    *cached = trust->cached;
}
