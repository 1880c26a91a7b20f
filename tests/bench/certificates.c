#include "certificates.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/asn1.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

struct mxt_authority {
    EVP_PKEY *root_key;
    EVP_PKEY *intermediate_key;
    EVP_PKEY *rsa_key;
    EVP_PKEY *ec_key;
    X509 *root;
    X509 *intermediate;
};

/* What a certificate is made of. */
struct request {
    const char *name;
    long serial;
    EVP_PKEY *key;
    const char *alternative; /* "DNS:..." of a server; NULL for an authority */
};

static bool add_extension(X509 *certificate, int kind, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, kind, value);
    bool is_added = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return is_added;
}

static bool fill(X509 *certificate, const struct request *request)
{
    X509_NAME *name = X509_get_subject_name(certificate);
    bool is_server = request->alternative != NULL;
    return X509_set_version(certificate, X509_VERSION_3) == 1 && ASN1_INTEGER_set(X509_get_serialNumber(certificate), request->serial) == 1 &&
           ASN1_TIME_set_string_X509(X509_getm_notBefore(certificate), "20240101000000Z") == 1 &&
           ASN1_TIME_set_string_X509(X509_getm_notAfter(certificate), "20440101000000Z") == 1 &&
           X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC, (const unsigned char *)"Benchmark", -1, -1, 0) == 1 &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)request->name, -1, -1, 0) == 1 &&
           X509_set_pubkey(certificate, request->key) == 1 &&
           add_extension(certificate, NID_basic_constraints, is_server ? "critical,CA:FALSE" : "critical,CA:TRUE") &&
           add_extension(certificate, NID_key_usage, is_server ? "critical,digitalSignature" : "critical,keyCertSign,cRLSign") &&
           (!is_server ||
            (add_extension(certificate, NID_ext_key_usage, "serverAuth") && add_extension(certificate, NID_subject_alt_name, request->alternative)));
}

/* A certificate signed by `issuer` and its key; by itself where `issuer` is NULL. */
static X509 *make(const struct request *request, X509 *issuer, EVP_PKEY *issuer_key)
{
    X509 *certificate = X509_new();
    if (certificate == NULL)
        return NULL;
    X509_NAME *issuer_name = X509_get_subject_name(issuer == NULL ? certificate : issuer);
    if (fill(certificate, request) && X509_set_issuer_name(certificate, issuer_name) == 1 && X509_sign(certificate, issuer_key, EVP_sha256()) > 0)
        return certificate;
    X509_free(certificate);
    return NULL;
}

struct mxt_authority *mxt_authority_new(void)
{
    struct mxt_authority *authority = calloc(1, sizeof *authority);
    if (authority == NULL)
        return NULL;
    /* RSA signatures are all of one length: the same seed gives the same packets, whatever the keys. */
    authority->root_key = EVP_RSA_gen(2048);
    authority->intermediate_key = EVP_RSA_gen(2048);
    authority->ec_key = EVP_EC_gen("P-256");
    authority->rsa_key = EVP_RSA_gen(2048);
    if (authority->root_key != NULL && authority->intermediate_key != NULL && authority->ec_key != NULL && authority->rsa_key != NULL) {
        struct request root = {"Benchmark Root", 1, authority->root_key, NULL};
        struct request intermediate = {"Benchmark Intermediate", 2, authority->intermediate_key, NULL};
        authority->root = make(&root, NULL, authority->root_key);
        if (authority->root != NULL)
            authority->intermediate = make(&intermediate, authority->root, authority->root_key);
    }
    if (authority->intermediate == NULL) {
        mxt_authority_free(authority);
        return NULL;
    }
    return authority;
}

void mxt_authority_free(struct mxt_authority *authority)
{
    if (authority == NULL)
        return;
    X509_free(authority->root);
    X509_free(authority->intermediate);
    EVP_PKEY_free(authority->root_key);
    EVP_PKEY_free(authority->intermediate_key);
    EVP_PKEY_free(authority->rsa_key);
    EVP_PKEY_free(authority->ec_key);
    free(authority);
}

static bool append_der(struct mxt_bytes *out, X509 *certificate)
{
    unsigned char *der = NULL;
    int length = i2d_X509(certificate, &der);
    if (length <= 0)
        return false;
    mxt_bytes_number(out, (uint32_t)length, 3);
    mxt_bytes_append(out, der, (size_t)length);
    OPENSSL_free(der);
    return true;
}

bool mxt_authority_chain(struct mxt_authority *authority, unsigned number, const char *name, struct mxt_bytes *out)
{
    char alternative[128];
    int length = snprintf(alternative, sizeof alternative, "DNS:%s", name);
    if (length < 0 || (size_t)length >= sizeof alternative)
        return false;
    struct request request = {name, 1000 + (long)number, number % 2 == 0 ? authority->rsa_key : authority->ec_key, alternative};
    X509 *leaf = make(&request, authority->intermediate, authority->intermediate_key);
    if (leaf == NULL)
        return false;
    size_t at = mxt_bytes_open(out, 3);
    bool is_whole = append_der(out, leaf) && append_der(out, authority->intermediate);
    mxt_bytes_close(out, at, 3);
    X509_free(leaf);
    return is_whole;
}

bool mxt_authority_write_root(const struct mxt_authority *authority, const char *path)
{
    FILE *file = fopen(path, "we");
    if (file == NULL)
        return false;
    bool is_written = PEM_write_X509(file, authority->root) == 1;
    if (fclose(file) != 0)
        return false;
    if (!is_written)
        errno = EIO;
    return is_written;
}
