#include "sensor/trust.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decoders/certificate_int.h"
#include "decoders/hex.h"
#include "sensor/trust_cache.h"
#include "sensor/trust_store.h"
#include "sensor/trust_verify.h"

struct mxt_trust {
    X509_STORE *store; /* NULL: not opened yet, or the system has none */
    bool is_opened;
    EVP_MD_CTX *digest;
    struct mxt_trust_cache *cache;
    uint64_t verified, cached;
};

struct mxt_trust *mxt_trust_open(const char *path, char *error, size_t error_size)
{
    struct mxt_trust *trust = calloc(1, sizeof *trust);
    if (trust != NULL) {
        trust->digest = EVP_MD_CTX_new();
        trust->cache = mxt_trust_cache_new(MXT_TRUST_CACHE);
    }
    if (trust == NULL || trust->digest == NULL || trust->cache == NULL) {
        snprintf(error, error_size, "trust store %s: out of memory", path == NULL ? "of the system" : path);
        mxt_trust_free(trust);
        return NULL;
    }
    if (path == NULL)
        return trust;
    trust->is_opened = true;
    trust->store = mxt_trust_store_load(path, error, error_size);
    if (trust->store == NULL) {
        mxt_trust_free(trust);
        return NULL;
    }
    return trust;
}

void mxt_trust_free(struct mxt_trust *trust)
{
    if (trust == NULL)
        return;
    X509_STORE_free(trust->store);
    EVP_MD_CTX_free(trust->digest);
    mxt_trust_cache_free(trust->cache);
    free(trust);
}

/* Digest over lengths and bytes: what was sent, and how it was cut. */
static bool digest_chain(struct mxt_trust *trust, const struct mxt_der *chain, size_t count, uint8_t *key)
{
    bool is_good = EVP_DigestInit_ex(trust->digest, EVP_sha256(), NULL) == 1;
    for (size_t i = 0; i < count && is_good; i++) {
        uint64_t length = chain[i].length;
        is_good = EVP_DigestUpdate(trust->digest, &length, sizeof length) == 1 &&
                  EVP_DigestUpdate(trust->digest, chain[i].bytes, chain[i].length) == 1;
    }
    return is_good && EVP_DigestFinal_ex(trust->digest, key, NULL) == 1;
}

/* The certificates behind the leaf; those that cannot be read are left out. NULL: out of memory. */
static STACK_OF(X509) *parse_others(const struct mxt_der *chain, size_t count)
{
    STACK_OF(X509) *others = sk_X509_new_null();
    for (size_t i = 1; i < count && others != NULL; i++) {
        X509 *x509 = mxt_certificate_parse(chain[i].bytes, chain[i].length);
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
    if (!trust->is_opened) {
        trust->is_opened = true;
        trust->store = mxt_trust_store_system();
    }
    if (trust->store == NULL)
        return (struct mxt_trust_judgement){.verdict = MXT_TRUST_UNCHECKED, .from = INT64_MIN, .until = INT64_MAX};
    trust->verified++;
    return mxt_trust_verify(trust->store, leaf, others, time);
}

static enum mxt_status list_digests(const struct mxt_der *chain, size_t count, struct mxt_arena *arena, struct mxt_text_list *list)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t digest[EVP_MAX_MD_SIZE];
        unsigned size = 0;
        if (EVP_Digest(chain[i].bytes, chain[i].length, digest, &size, EVP_sha256(), NULL) != 1)
            return MXT_ENOMEM;
        const char *text = mxt_hex_keep(arena, digest, size);
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
    X509 *leaf = mxt_certificate_parse(chain[0].bytes, chain[0].length);
    if (leaf == NULL)
        return MXT_EMALFORMED;
    STACK_OF(X509) *others = parse_others(chain, count);
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
    uint8_t key[MXT_TRUST_KEY];
    if (count == 0)
        return MXT_EMALFORMED;
    if (!digest_chain(trust, chain, count, key))
        return MXT_ENOMEM;
    int64_t time = to_seconds(time_us);
    struct mxt_trust_entry *entry = mxt_trust_cache_find(trust->cache, key);
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
        mxt_trust_cache_put(trust->cache, key, out, judgement);
    }
    return MXT_OK;
}

void mxt_trust_counters(const struct mxt_trust *trust, uint64_t *verified, uint64_t *cached)
{
    *verified = trust->verified;
    *cached = trust->cached;
}
