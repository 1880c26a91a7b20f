/* Certificates made on the spot, for tests. */
#ifndef MXT_TESTS_MAKE_CERTIFICATE_H
#define MXT_TESTS_MAKE_CERTIFICATE_H

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "check.h"

struct made {
    X509 *x509;
    EVP_PKEY *key;
};

/* Zero and NULL mean: a common one. */
struct recipe {
    const char *cn, *org;
    const char *san;         /* OpenSSL's form: "DNS:mx.example.net,IP:192.0.2.1" */
    int64_t from, until;     /* seconds since 1970; default 2020 to 2030 */
    bool is_ca;
    unsigned rsa_bits;       /* 0: EC on P-256 */
    const EVP_MD *digest;    /* default SHA-256 */
    const char *usage;       /* extendedKeyUsage */
};

static inline void add_extension(X509 *x509, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, x509, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(x509, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static inline void add_name(X509_NAME *name, const char *field, const char *value)
{
    if (value != NULL)
        assert_int_equal(X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, (const unsigned char *)value, -1, -1, 0), 1);
}

/* A certificate by `issuer`; NULL: by itself. The caller frees it by free_made. */
static inline struct made make_certificate(const struct recipe *recipe, const struct made *issuer)
{
    static long serial = 0x0a1b2c;
    struct made made = {.x509 = X509_new()};
    made.key = recipe->rsa_bits != 0 ? EVP_RSA_gen(recipe->rsa_bits) : EVP_EC_gen("P-256");
    assert_non_null(made.key);
    X509_set_version(made.x509, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made.x509), serial++);
    ASN1_TIME_set(X509_getm_notBefore(made.x509), recipe->from == 0 ? 1577836800 : recipe->from);
    ASN1_TIME_set(X509_getm_notAfter(made.x509), recipe->until == 0 ? 1893456000 : recipe->until);
    X509_NAME *name = X509_get_subject_name(made.x509);
    add_name(name, "C", recipe->org == NULL ? NULL : "DE");
    add_name(name, "O", recipe->org);
    add_name(name, "CN", recipe->cn);
    X509 *by = issuer == NULL ? made.x509 : issuer->x509;
    X509_set_issuer_name(made.x509, X509_get_subject_name(by));
    X509_set_pubkey(made.x509, made.key);
    add_extension(made.x509, by, NID_basic_constraints, recipe->is_ca ? "critical,CA:TRUE" : "CA:FALSE");
    add_extension(made.x509, by, NID_subject_key_identifier, "hash");
    if (recipe->san != NULL)
        add_extension(made.x509, by, NID_subject_alt_name, recipe->san);
    if (recipe->usage != NULL)
        add_extension(made.x509, by, NID_ext_key_usage, recipe->usage);
    const EVP_MD *digest = recipe->digest == NULL ? EVP_sha256() : recipe->digest;
    assert_true(X509_sign(made.x509, issuer == NULL ? made.key : issuer->key, digest) > 0);
    return made;
}

static inline void free_made(struct made *made)
{
    X509_free(made->x509);
    EVP_PKEY_free(made->key);
}

/* Its DER; the caller frees *der by OPENSSL_free. */
static inline size_t encode_made(const struct made *made, unsigned char **der)
{
    *der = NULL;
    int n = i2d_X509(made->x509, der);
    assert_true(n > 0);
    return (size_t)n;
}

#endif
