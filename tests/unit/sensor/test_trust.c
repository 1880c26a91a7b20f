#include "sensor/trust.h"

#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "decoders/certificate_int.h"
#include "make_certificate.h"
#include "sensor/trust_cache.h"
#include "sensor/trust_context.h"

#define AT_2025 INT64_C(1735689600000000)
#define YEAR INT64_C(31536000000000)

static struct made root, other_root, intermediate, short_intermediate, leaf, short_leaf, direct_leaf, expired_leaf, self_signed, client_leaf;
static char folder[] = "/tmp/mxtap-trust-XXXXXX";
static char root_file[64], empty_file[64];

static void write_pem(const char *path, const struct made *made)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    if (made != NULL)
        PEM_write_X509(file, made->x509);
    fclose(file);
}

static int make_all(void **state)
{
    (void)state;
    root = make_certificate(&(struct recipe){.cn = "root", .org = "Test", .is_ca = true, .rsa_bits = 2048, .digest = EVP_sha1()}, NULL);
    other_root = make_certificate(&(struct recipe){.cn = "other root", .is_ca = true}, NULL);
    intermediate = make_certificate(&(struct recipe){.cn = "intermediate", .is_ca = true}, &root);
    short_intermediate = make_certificate(&(struct recipe){.cn = "short", .is_ca = true, .from = 1704067200, .until = 1767225600}, &root);
    leaf = make_certificate(&(struct recipe){.cn = "mx", .org = "Leaf", .san = "DNS:mx.example.net"}, &intermediate);
    short_leaf = make_certificate(&(struct recipe){.cn = "mx"}, &short_intermediate);
    direct_leaf = make_certificate(&(struct recipe){.cn = "mx"}, &root);
    expired_leaf = make_certificate(&(struct recipe){.cn = "mx", .from = 1577836800, .until = 1609459200}, &intermediate);
    self_signed = make_certificate(&(struct recipe){.cn = "mx"}, NULL);
    client_leaf = make_certificate(&(struct recipe){.cn = "mx", .usage = "clientAuth"}, &intermediate);
    assert_non_null(mkdtemp(folder));
    snprintf(root_file, sizeof root_file, "%s/root.pem", folder);
    snprintf(empty_file, sizeof empty_file, "%s/empty", folder);
    write_pem(root_file, &root);
    write_pem(empty_file, NULL);
    return 0;
}

static int free_all(void **state)
{
    (void)state;
    struct made *all[] = {&root,        &other_root,  &intermediate, &short_intermediate, &leaf,
                          &short_leaf,  &direct_leaf, &expired_leaf, &self_signed,        &client_leaf};
    for (size_t i = 0; i < COUNT(all); i++)
        free_made(all[i]);
    unlink(root_file);
    unlink(empty_file);
    rmdir(folder);
    return 0;
}

/* A chain as sent. */
struct chain {
    struct mxt_der der[4];
    unsigned char *bytes[4];
    size_t count;
};

static struct chain encode(const struct made *const *made)
{
    struct chain chain = {.count = 0};
    for (; chain.count < 4 && made[chain.count] != NULL; chain.count++) {
        size_t n = encode_made(made[chain.count], &chain.bytes[chain.count]);
        chain.der[chain.count] = (struct mxt_der){.bytes = chain.bytes[chain.count], .length = n};
    }
    return chain;
}

static void free_chain(struct chain *chain)
{
    for (size_t i = 0; i < chain->count; i++)
        OPENSSL_free(chain->bytes[i]);
}

static struct mxt_trust *open_root(void)
{
    char error[256] = "";
    struct mxt_trust *trust = mxt_trust_open(root_file, error, sizeof error);
    assert_string_equal(error, "");
    assert_non_null(trust);
    return trust;
}

static enum mxt_trust_verdict verdict(struct mxt_trust *trust, const struct made *const *sent, int64_t time_us)
{
    struct chain chain = encode(sent);
    struct mxt_arena arena = {0};
    struct mxt_certificate_facts facts;
    assert_int_equal(mxt_trust_describe(trust, chain.der, chain.count, time_us, &arena, &facts), MXT_OK);
    assert_int_equal(facts.visible, MXT_YES);
    assert_int_equal(facts.chain.count, chain.count);
    assert_string_equal(facts.chain.items[0], facts.sha256);
    enum mxt_trust_verdict trusted = facts.trust;
    mxt_arena_free(&arena);
    free_chain(&chain);
    return trusted;
}

static void test_verdicts(void **state)
{
    (void)state;
    static const struct {
        const struct made *sent[4];
        enum mxt_trust_verdict expected;
    } cases[] = {
        {{&leaf, &intermediate}, MXT_TRUST_TRUSTED},
        {{&leaf, &intermediate, &root}, MXT_TRUST_TRUSTED},
        {{&leaf, &root, &intermediate}, MXT_TRUST_TRUSTED},       /* in disorder, as some servers send it */
        {{&leaf, &other_root, &intermediate}, MXT_TRUST_TRUSTED}, /* with a stranger in it */
        {{&direct_leaf}, MXT_TRUST_TRUSTED},
        {{&root}, MXT_TRUST_TRUSTED},
        {{&expired_leaf, &intermediate}, MXT_TRUST_TRUSTED},      /* its expiry is told by another rule */
        {{&self_signed}, MXT_TRUST_SELF_SIGNED},
        {{&self_signed, &intermediate}, MXT_TRUST_SELF_SIGNED},
        {{&other_root}, MXT_TRUST_SELF_SIGNED},
        {{&leaf}, MXT_TRUST_INCOMPLETE},
        {{&leaf, &root}, MXT_TRUST_INCOMPLETE},
        {{&leaf, &other_root}, MXT_TRUST_INCOMPLETE},
        {{&client_leaf, &intermediate}, MXT_TRUST_UNKNOWN_ISSUER},
    };
    struct mxt_trust *trust = open_root();
    for (size_t i = 0; i < COUNT(cases); i++) {
        enum mxt_trust_verdict got = verdict(trust, cases[i].sent, AT_2025);
        if (got != cases[i].expected)
            fail_msg("case %zu: %d, not %d", i, (int)got, (int)cases[i].expected);
        assert_int_equal(verdict(trust, cases[i].sent, AT_2025 + 1), cases[i].expected); /* from the cache */
    }
    uint64_t verified, cached;
    mxt_trust_counters(trust, &verified, &cached);
    assert_int_equal(verified, COUNT(cases));
    assert_int_equal(cached, COUNT(cases));
    mxt_trust_free(trust);
}

/* The same chains before a store that holds another root. */
static void test_unknown_root(void **state)
{
    (void)state;
    char path[64], error[256];
    snprintf(path, sizeof path, "%s/other.pem", folder);
    write_pem(path, &other_root);
    struct mxt_trust *trust = mxt_trust_open(path, error, sizeof error);
    unlink(path);
    assert_non_null(trust);
    assert_int_equal(verdict(trust, (const struct made *const[]){&leaf, &intermediate, NULL}, AT_2025), MXT_TRUST_UNKNOWN_ISSUER);
    assert_int_equal(verdict(trust, (const struct made *const[]){&leaf, &intermediate, &root, NULL}, AT_2025), MXT_TRUST_UNKNOWN_ISSUER);
    assert_int_equal(verdict(trust, (const struct made *const[]){&direct_leaf, &root, NULL}, AT_2025), MXT_TRUST_UNKNOWN_ISSUER);
    assert_int_equal(verdict(trust, (const struct made *const[]){&direct_leaf, NULL}, AT_2025), MXT_TRUST_INCOMPLETE);
    assert_int_equal(verdict(trust, (const struct made *const[]){&root, NULL}, AT_2025), MXT_TRUST_SELF_SIGNED);
    mxt_trust_free(trust);
}

/* The leaf outlives its intermediate (2024 to 2026): the verdict follows the capture's time, also from the cache and backwards. */
static void test_time(void **state)
{
    (void)state;
    struct mxt_trust *trust = open_root();
    const struct made *const sent[] = {&short_leaf, &short_intermediate, NULL};
    assert_int_equal(verdict(trust, sent, AT_2025), MXT_TRUST_TRUSTED);
    assert_int_equal(verdict(trust, sent, AT_2025 + YEAR - 1), MXT_TRUST_TRUSTED);
    assert_int_equal(verdict(trust, sent, AT_2025 + YEAR / 2), MXT_TRUST_TRUSTED);
    uint64_t verified, cached;
    mxt_trust_counters(trust, &verified, &cached);
    assert_int_equal(verified, 1);
    assert_int_equal(cached, 2);
    assert_int_equal(verdict(trust, sent, AT_2025 + 2 * YEAR), MXT_TRUST_UNKNOWN_ISSUER);
    assert_int_equal(verdict(trust, sent, AT_2025 + 3 * YEAR), MXT_TRUST_UNKNOWN_ISSUER);
    assert_int_equal(verdict(trust, sent, AT_2025), MXT_TRUST_TRUSTED);
    assert_int_equal(verdict(trust, sent, AT_2025 - 2 * YEAR), MXT_TRUST_UNKNOWN_ISSUER);
    mxt_trust_counters(trust, &verified, &cached);
    assert_int_equal(verified, 4);
    assert_int_equal(cached, 3);
    mxt_trust_free(trust);
}

static void test_facts_from_the_cache(void **state)
{
    (void)state;
    struct mxt_trust *trust = open_root();
    struct chain chain = encode((const struct made *const[]){&leaf, &intermediate, &root, NULL});
    struct mxt_arena arenas[2] = {{0}, {0}};
    struct mxt_certificate_facts facts[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(mxt_trust_describe(trust, chain.der, chain.count, AT_2025, &arenas[i], &facts[i]), MXT_OK);
    assert_string_equal(facts[1].subject, "C=DE, O=Leaf, CN=mx");
    assert_string_equal(facts[1].issuerdn, "CN=intermediate");
    assert_string_equal(facts[1].subject, facts[0].subject);
    assert_string_equal(facts[1].serial, facts[0].serial);
    assert_string_equal(facts[1].fingerprint, facts[0].fingerprint);
    assert_string_equal(facts[1].spki_sha256, facts[0].spki_sha256);
    assert_string_equal(facts[1].key, facts[0].key);
    assert_string_equal(facts[1].signature, facts[0].signature);
    assert_string_equal(facts[1].subject_alt_names.items[0], "mx.example.net");
    assert_int_equal(facts[1].chain.count, 3);
    assert_string_equal(facts[1].chain.items[2], facts[0].chain.items[2]);
    assert_ptr_not_equal(facts[1].subject, facts[0].subject);
    assert_true(facts[1].not_after_us == facts[0].not_after_us);
    assert_int_equal(facts[0].has_weak_signature, MXT_NO); /* SHA-1 signs the root alone, by itself */
    assert_int_equal(facts[1].has_weak_signature, MXT_NO);
    mxt_arena_free(&arenas[0]);
    mxt_arena_free(&arenas[1]);
    free_chain(&chain);
    mxt_trust_free(trust);
}

/* SHA-1 anywhere in the chain, the root's own signature aside. */
static void test_weak_intermediate(void **state)
{
    (void)state;
    struct made weak = make_certificate(&(struct recipe){.cn = "weak", .is_ca = true, .digest = EVP_sha1()}, &root);
    struct made below = make_certificate(&(struct recipe){.cn = "mx"}, &weak);
    struct mxt_trust *trust = open_root();
    struct chain chain = encode((const struct made *const[]){&below, &weak, NULL});
    struct mxt_arena arena = {0};
    struct mxt_certificate_facts facts;
    assert_int_equal(mxt_trust_describe(trust, chain.der, chain.count, AT_2025, &arena, &facts), MXT_OK);
    assert_int_equal(facts.has_weak_signature, MXT_YES);
    assert_int_equal(facts.trust, MXT_TRUST_TRUSTED); /* strength is another rule's */
    mxt_arena_free(&arena);
    free_chain(&chain);
    mxt_trust_free(trust);
    free_made(&below);
    free_made(&weak);
}

static void test_malformed(void **state)
{
    (void)state;
    struct mxt_trust *trust = open_root();
    struct chain chain = encode((const struct made *const[]){&direct_leaf, NULL});
    struct mxt_der broken[2] = {chain.der[0], {.bytes = (const uint8_t *)"junk", .length = 4}};
    struct mxt_arena arena = {0};
    struct mxt_certificate_facts facts;
    assert_int_equal(mxt_trust_describe(trust, broken, 2, AT_2025, &arena, &facts), MXT_OK);
    assert_int_equal(facts.trust, MXT_TRUST_TRUSTED);
    assert_int_equal(facts.has_weak_signature, MXT_UNKNOWN); /* nobody knows what the junk was signed with */
    assert_int_equal(facts.chain.count, 2);
    assert_int_equal(mxt_trust_describe(trust, broken + 1, 1, AT_2025, &arena, &facts), MXT_EMALFORMED);
    assert_null(facts.sha256);
    assert_int_equal(mxt_trust_describe(trust, broken, 0, AT_2025, &arena, &facts), MXT_EMALFORMED);
    mxt_arena_free(&arena);
    free_chain(&chain);
    mxt_trust_free(trust);
}

static void test_stores(void **state)
{
    (void)state;
    char error[256] = "";
    assert_null(mxt_trust_open("/nonexistent/store.pem", error, sizeof error));
    assert_non_null(strstr(error, "/nonexistent/store.pem"));
    assert_null(mxt_trust_open(empty_file, error, sizeof error));
    assert_non_null(strstr(error, "no certificate in it"));
    struct mxt_trust *trust = mxt_trust_open(folder, error, sizeof error); /* which holds the empty file too */
    assert_non_null(trust);
    assert_int_equal(verdict(trust, (const struct made *const[]){&direct_leaf, NULL}, AT_2025), MXT_TRUST_TRUSTED);
    mxt_trust_free(trust);
}

static void test_system_store(void **state)
{
    (void)state;
    char error[256] = "";
    setenv("SSL_CERT_DIR", folder, 1); /* no hashed names there: no folder that OpenSSL could use */
    setenv("SSL_CERT_FILE", root_file, 1);
    struct mxt_trust *trust = mxt_trust_open(NULL, error, sizeof error);
    assert_non_null(trust);
    assert_int_equal(verdict(trust, (const struct made *const[]){&direct_leaf, NULL}, AT_2025), MXT_TRUST_TRUSTED);
    mxt_trust_free(trust);

    setenv("SSL_CERT_FILE", empty_file, 1);
    trust = mxt_trust_open(NULL, error, sizeof error);
    assert_int_equal(verdict(trust, (const struct made *const[]){&direct_leaf, NULL}, AT_2025), MXT_TRUST_UNCHECKED);
    mxt_trust_free(trust);

    unsetenv("SSL_CERT_FILE");
    char link[128];
    snprintf(link, sizeof link, "%s/%08lx.0", folder, X509_subject_name_hash(root.x509));
    assert_int_equal(symlink(root_file, link), 0);
    trust = mxt_trust_open(NULL, error, sizeof error);
    unlink(link); /* what a sandbox does to it: parsed when it is asked for, but read before */
    assert_int_equal(verdict(trust, (const struct made *const[]){&direct_leaf, NULL}, AT_2025), MXT_TRUST_TRUSTED);
    assert_int_equal(verdict(trust, (const struct made *const[]){&leaf, &intermediate, NULL}, AT_2025), MXT_TRUST_TRUSTED);
    assert_int_equal(verdict(trust, (const struct made *const[]){&self_signed, NULL}, AT_2025), MXT_TRUST_SELF_SIGNED);
    mxt_trust_free(trust);
    unsetenv("SSL_CERT_DIR");
}

static void test_cache_is_bounded(void **state)
{
    (void)state;
    struct mxt_trust_cache *cache = mxt_trust_cache_new(3);
    assert_non_null(cache);
    struct mxt_certificate_facts facts = {.subject = "CN=a"};
    struct mxt_trust_judgement judgement = {.verdict = MXT_TRUST_TRUSTED};
    static const char *const names[] = {"a", "b", "ab", "c", "d"};
    struct mxt_der chains[5][2];
    for (size_t i = 0; i < COUNT(chains); i++)
        chains[i][0] = chains[i][1] = (struct mxt_der){.bytes = (const uint8_t *)names[i], .length = strlen(names[i])};
    for (size_t i = 0; i < 3; i++)
        mxt_trust_cache_put(cache, chains[i], 2, &facts, judgement);
    assert_non_null(mxt_trust_cache_find(cache, chains[0], 2)); /* now the newest */
    assert_null(mxt_trust_cache_find(cache, chains[0], 1));
    assert_null(mxt_trust_cache_find(cache, (struct mxt_der[]){chains[0][0], chains[1][0]}, 2));
    mxt_trust_cache_put(cache, chains[3], 2, &facts, judgement);
    assert_null(mxt_trust_cache_find(cache, chains[1], 2));
    assert_non_null(mxt_trust_cache_find(cache, chains[0], 2));
    mxt_trust_cache_put(cache, chains[4], 2, &facts, judgement);
    assert_null(mxt_trust_cache_find(cache, chains[2], 2));
    assert_string_equal(mxt_trust_cache_find(cache, chains[0], 2)->facts.subject, "CN=a");
    assert_non_null(mxt_trust_cache_find(cache, chains[3], 2));
    assert_non_null(mxt_trust_cache_find(cache, chains[4], 2));
    mxt_trust_cache_free(cache);
}

/* Long chains leave room for few; one alone may take more than all the room. */
static void test_cache_is_bounded_in_bytes(void **state)
{
    (void)state;
    struct mxt_trust_cache *cache = mxt_trust_cache_new(MXT_TRUST_CACHE);
    assert_non_null(cache);
    const size_t length = MXT_TRUST_CACHE_BYTES / 3;
    uint8_t *bytes = calloc(1, length);
    assert_non_null(bytes);
    const struct mxt_certificate_facts facts = {.subject = "CN=a"};
    const struct mxt_trust_judgement judgement = {.verdict = MXT_TRUST_TRUSTED};
    for (size_t i = 0; i < 4; i++)
        mxt_trust_cache_put(cache, &(struct mxt_der){.bytes = bytes, .length = length - i}, 1, &facts, judgement);
    for (size_t i = 0; i < 4; i++) {
        bool is_kept = mxt_trust_cache_find(cache, &(struct mxt_der){.bytes = bytes, .length = length - i}, 1) != NULL;
        assert_int_equal(is_kept, i >= 2);
    }
    free(bytes);
    mxt_trust_cache_free(cache);
}

static EVP_PKEY *make_key(const char *kind)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, kind, NULL);
    EVP_PKEY *key = NULL;
    assert_int_equal(EVP_PKEY_keygen_init(context), 1);
    if (strcmp(kind, "EC") == 0)
        assert_int_equal(EVP_PKEY_CTX_set_group_name(context, "P-384"), 1);
    assert_int_equal(EVP_PKEY_generate(context, &key), 1);
    EVP_PKEY_CTX_free(context);
    return key;
}

/* Every kind of key tells the same facts in the context that reads faster, and in OpenSSL's own; also a kind that the former leaves out. */
static void test_context_tells_the_same(void **state)
{
    (void)state;
    static const char *const kinds[] = {"RSA", "RSA-PSS", "EC", "ED25519", "ED448", "X25519"};
    struct mxt_trust_context context = mxt_trust_context_new();
    assert_non_null(context.library);
    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct made made = make_certificate(&(struct recipe){.cn = kinds[i]}, &root);
        EVP_PKEY *key = make_key(kinds[i]);
        X509_set_pubkey(made.x509, key);
        assert_true(X509_sign(made.x509, root.key, EVP_sha256()) > 0);
        EVP_PKEY_free(key);
        unsigned char *der = NULL;
        size_t n = encode_made(&made, &der);
        X509 *fast = mxt_certificate_parse(context.library, der, n), *plain = mxt_certificate_parse(NULL, der, n);
        struct mxt_arena arena = {0};
        struct mxt_certificate_facts facts[2];
        assert_int_equal(mxt_certificate_facts_of(&arena, fast, der, n, &facts[0]), MXT_OK);
        assert_int_equal(mxt_certificate_facts_of(&arena, plain, der, n, &facts[1]), MXT_OK);
        assert_non_null(facts[0].key);
        assert_string_equal(facts[0].key, facts[1].key);
        assert_string_equal(facts[0].signature, facts[1].signature);
        assert_string_equal(facts[0].spki_sha256, facts[1].spki_sha256);
        assert_int_equal(X509_verify(fast, root.key), 1);
        mxt_arena_free(&arena);
        X509_free(fast);
        X509_free(plain);
        OPENSSL_free(der);
        free_made(&made);
    }
    mxt_trust_context_free(&context);
}

static void test_memory_ends(void **state)
{
    (void)state;
    struct mxt_trust *trust = open_root();
    struct chain chain = encode((const struct made *const[]){&leaf, &intermediate, NULL});
    for (int is_cached = 0; is_cached < 2; is_cached++) {
        uint32_t refused = 0;
        for (uint32_t at = 1; refused + 1 == at; at++) {
            struct mxt_arena arena = {.fail_at = at};
            struct mxt_certificate_facts facts;
            enum mxt_status status = mxt_trust_describe(trust, chain.der, chain.count, AT_2025, &arena, &facts);
            assert_int_equal(status, arena.failures > 0 ? MXT_ENOMEM : MXT_OK);
            assert_true(status == MXT_OK || facts.sha256 == NULL);
            refused += arena.failures > 0;
            mxt_arena_free(&arena);
        }
        assert_true(refused > 10);
    }
    free_chain(&chain);
    mxt_trust_free(trust);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts),         cmocka_unit_test(test_unknown_root), cmocka_unit_test(test_time),
        cmocka_unit_test(test_facts_from_the_cache), cmocka_unit_test(test_weak_intermediate), cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_stores),
        cmocka_unit_test(test_system_store),     cmocka_unit_test(test_cache_is_bounded), cmocka_unit_test(test_memory_ends),
        cmocka_unit_test(test_cache_is_bounded_in_bytes), cmocka_unit_test(test_context_tells_the_same),
    };
    return cmocka_run_group_tests(tests, make_all, free_all);
}
