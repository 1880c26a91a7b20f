#include <stdio.h>
#include <string.h>

#include "decoders/certificate.h"
#include "make_certificate.h"

/* The facts of a made certificate, in an arena to be freed. */
static struct mxt_certificate_facts facts_of(const struct made *made, struct mxt_arena *arena)
{
    struct mxt_certificate_facts facts;
    unsigned char *der;
    size_t n = encode_made(made, &der);
    mxt_arena_init(arena, 0);
    assert_int_equal(mxt_certificate_read(arena, der, n, &facts), MXT_OK);
    OPENSSL_free(der);
    return facts;
}

static void test_facts(void **state)
{
    (void)state;
    struct mxt_arena arena;
    struct made made = make_certificate(&(struct recipe){.cn = "mx.example.net", .org = "Example, Inc.", .rsa_bits = 2048,
                                                         .san = "DNS:MX.example.NET,DNS:*.example.org,IP:192.0.2.1,IP:2001:db8::1,email:a@b.example"},
                                        NULL);
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(made.x509), 0xfeedface01);
    X509_sign(made.x509, made.key, EVP_sha256());
    struct mxt_certificate_facts facts = facts_of(&made, &arena);
    assert_string_equal(facts.subject, "C=DE, O=Example, Inc., CN=mx.example.net");
    assert_string_equal(facts.issuerdn, facts.subject);
    assert_string_equal(facts.issuer_org, "Example, Inc.");
    assert_string_equal(facts.serial, "00:FE:ED:FA:CE:01");
    assert_true(facts.not_before_us == INT64_C(1577836800000000));
    assert_true(facts.not_after_us == INT64_C(1893456000000000));
    assert_string_equal(facts.key, "RSA 2048");
    assert_int_equal(facts.key_bits, 2048);
    assert_int_equal(facts.key_is_rsa, MXT_YES);
    assert_int_equal(facts.key_is_ec, MXT_NO);
    assert_string_equal(facts.signature, "sha256WithRSAEncryption");
    assert_int_equal(facts.has_weak_signature, MXT_NO);
    assert_int_equal(facts.subject_alt_names.count, 4);
    static const char *const names[] = {"mx.example.net", "*.example.org", "192.0.2.1", "2001:db8::1"};
    for (size_t i = 0; i < COUNT(names); i++)
        assert_string_equal(facts.subject_alt_names.items[i], names[i]);
    assert_int_equal(facts.trust, MXT_TRUST_UNCHECKED);
    assert_int_equal(facts.visible, MXT_UNKNOWN);
    mxt_arena_free(&arena);
    free_made(&made);
}

/* Against OpenSSL's own answers. */
static void test_digests(void **state)
{
    (void)state;
    struct mxt_arena arena;
    struct made made = make_certificate(&(struct recipe){.cn = "mx"}, NULL);
    struct mxt_certificate_facts facts = facts_of(&made, &arena);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    char text[3 * EVP_MAX_MD_SIZE] = "";
    X509_digest(made.x509, EVP_sha1(), digest, &n);
    for (unsigned i = 0; i < n; i++)
        snprintf(text + 3 * i, 4, i + 1 < n ? "%02x:" : "%02x", digest[i]);
    assert_string_equal(facts.fingerprint, text);
    X509_digest(made.x509, EVP_sha256(), digest, &n);
    for (unsigned i = 0; i < n; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    assert_string_equal(facts.sha256, text);
    unsigned char *spki = NULL;
    int length = i2d_PUBKEY(made.key, &spki);
    EVP_Digest(spki, (size_t)length, digest, &n, EVP_sha256(), NULL);
    for (unsigned i = 0; i < n; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    assert_string_equal(facts.spki_sha256, text);
    OPENSSL_free(spki);
    assert_string_equal(facts.key, "EC 256");
    assert_int_equal(facts.key_is_ec, MXT_YES);
    assert_string_equal(facts.signature, "ecdsa-with-SHA256");
    mxt_arena_free(&arena);
    free_made(&made);
}

static void test_issuer_without_organisation(void **state)
{
    (void)state;
    struct mxt_arena arena;
    struct made made = make_certificate(&(struct recipe){.cn = "lonely"}, NULL);
    struct mxt_certificate_facts facts = facts_of(&made, &arena);
    assert_string_equal(facts.subject, "CN=lonely");
    assert_string_equal(facts.issuer_org, "lonely");
    assert_int_equal(facts.subject_alt_names.count, 0);
    mxt_arena_free(&arena);
    free_made(&made);
}

static void test_weak_signatures(void **state)
{
    (void)state;
    struct made root = make_certificate(&(struct recipe){.cn = "root", .is_ca = true, .rsa_bits = 2048, .digest = EVP_sha1()}, NULL);
    struct mxt_arena arena;
    assert_int_equal(facts_of(&root, &arena).has_weak_signature, MXT_NO); /* its own signature proves nothing */
    mxt_arena_free(&arena);
    const EVP_MD *digests[] = {EVP_sha1(), EVP_md5(), EVP_sha384()};
    static const char *const names[] = {"sha1WithRSAEncryption", "md5WithRSAEncryption", "sha384WithRSAEncryption"};
    for (size_t i = 0; i < COUNT(digests); i++) {
        struct made leaf = make_certificate(&(struct recipe){.cn = "mx", .digest = digests[i]}, &root);
        struct mxt_certificate_facts facts = facts_of(&leaf, &arena);
        assert_string_equal(facts.signature, names[i]);
        assert_int_equal(facts.has_weak_signature, i < 2 ? MXT_YES : MXT_NO);
        mxt_arena_free(&arena);
        free_made(&leaf);
    }
    /* Bears the root's name, but the root did not sign it: no self-signature. */
    struct made pretender = make_certificate(&(struct recipe){.cn = "root", .is_ca = true, .digest = EVP_sha1()}, &root);
    assert_int_equal(facts_of(&pretender, &arena).has_weak_signature, MXT_YES);
    mxt_arena_free(&arena);
    free_made(&pretender);
    free_made(&root);
}

/* Names that lie: what OpenSSL's configuration would not let pass is put in by hand. */
static void test_deceiving_names(void **state)
{
    (void)state;
    static const char deceit[] = "mx.example.net\0.evil.example";
    struct made made = make_certificate(&(struct recipe){.cn = "a\x1b[2Jb"}, NULL);
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *text = ASN1_IA5STRING_new();
    ASN1_STRING_set(text, deceit, sizeof deceit - 1);
    GENERAL_NAME_set0_value(name, GEN_DNS, text);
    sk_GENERAL_NAME_push(names, name);
    assert_int_equal(X509_add1_ext_i2d(made.x509, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT), 1);
    GENERAL_NAMES_free(names);
    X509_sign(made.x509, made.key, EVP_sha256());
    struct mxt_arena arena;
    struct mxt_certificate_facts facts = facts_of(&made, &arena);
    assert_string_equal(facts.subject, "CN=a\\x1b[2Jb");
    assert_int_equal(facts.subject_alt_names.count, 1);
    assert_string_equal(facts.subject_alt_names.items[0], "mx.example.net\\x00.evil.example");
    assert_int_equal(mxt_certificate_matches(&facts, "mx.example.net"), MXT_NO);
    mxt_arena_free(&arena);
    free_made(&made);
}

static void test_many_names(void **state)
{
    (void)state;
    char san[4096] = "DNS:mx0.example.net";
    for (int i = 1; i < 120; i++)
        snprintf(san + strlen(san), sizeof san - strlen(san), ",DNS:mx%d.example.net", i);
    struct made made = make_certificate(&(struct recipe){.cn = "many", .san = san}, NULL);
    struct mxt_arena arena;
    struct mxt_certificate_facts facts = facts_of(&made, &arena);
    assert_int_equal(facts.subject_alt_names.count, 100);
    assert_int_equal(facts.subject_alt_names.total, 120);
    mxt_arena_free(&arena);
    free_made(&made);
}

static void test_other_keys(void **state)
{
    (void)state;
    static const struct {
        const char *type, *key;
    } cases[] = {{"ED25519", "Ed25519"}, {"ED448", "Ed448"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct made made = make_certificate(&(struct recipe){.cn = "mx"}, NULL);
        EVP_PKEY_free(made.key);
        made.key = EVP_PKEY_Q_keygen(NULL, NULL, cases[i].type);
        X509_set_pubkey(made.x509, made.key);
        assert_true(X509_sign(made.x509, made.key, NULL) > 0);
        struct mxt_arena arena;
        struct mxt_certificate_facts facts = facts_of(&made, &arena);
        assert_string_equal(facts.key, cases[i].key);
        assert_int_equal(facts.key_is_rsa, MXT_NO);
        assert_int_equal(facts.key_is_ec, MXT_NO);
        assert_int_equal(facts.has_weak_signature, MXT_NO);
        mxt_arena_free(&arena);
        free_made(&made);
    }
}

/* Years beyond UTCTime's, before and after. */
static void test_times(void **state)
{
    (void)state;
    struct made made = make_certificate(&(struct recipe){.cn = "mx", .from = -631152000, .until = INT64_C(253402300799)}, NULL);
    struct mxt_arena arena;
    struct mxt_certificate_facts facts = facts_of(&made, &arena);
    assert_true(facts.not_before_us == INT64_C(-631152000000000)); /* 1950 */
    assert_true(facts.not_after_us == INT64_C(253402300799000000)); /* 9999 */
    mxt_arena_free(&arena);
    free_made(&made);
}

static void test_malformed(void **state)
{
    (void)state;
    struct made made = make_certificate(&(struct recipe){.cn = "mx"}, NULL);
    unsigned char *der;
    size_t n = encode_made(&made, &der);
    struct mxt_arena arena = {0};
    struct mxt_certificate_facts facts;
    for (size_t part = 0; part < n; part++) {
        uint8_t *copy = malloc(part + 1);
        assert_non_null(copy);
        memcpy(copy, der, part);
        facts.subject = "left over";
        assert_int_equal(mxt_certificate_read(&arena, copy, part, &facts), MXT_EMALFORMED);
        assert_null(facts.subject);
        free(copy);
    }
    uint8_t *longer = calloc(1, n + 1);
    assert_non_null(longer);
    memcpy(longer, der, n);
    assert_int_equal(mxt_certificate_read(&arena, longer, n + 1, &facts), MXT_EMALFORMED);
    free(longer);
    mxt_arena_free(&arena);
    OPENSSL_free(der);
    free_made(&made);
}

static void test_memory_ends(void **state)
{
    (void)state;
    struct made made = make_certificate(&(struct recipe){.cn = "mx", .org = "Example", .san = "DNS:a.example,IP:192.0.2.1"}, NULL);
    unsigned char *der;
    size_t n = encode_made(&made, &der);
    uint32_t refused = 0;
    for (uint32_t at = 1; refused + 1 == at; at++) {
        struct mxt_arena arena = {.fail_at = at};
        struct mxt_certificate_facts facts;
        enum mxt_status status = mxt_certificate_read(&arena, der, n, &facts);
        assert_int_equal(status, arena.failures > 0 ? MXT_ENOMEM : MXT_OK);
        refused += arena.failures > 0;
        mxt_arena_free(&arena);
    }
    assert_true(refused > 10);
    OPENSSL_free(der);
    free_made(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_facts),       cmocka_unit_test(test_digests),         cmocka_unit_test(test_issuer_without_organisation),
        cmocka_unit_test(test_weak_signatures), cmocka_unit_test(test_deceiving_names), cmocka_unit_test(test_many_names),
        cmocka_unit_test(test_other_keys),  cmocka_unit_test(test_times),           cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_memory_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
