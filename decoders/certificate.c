/* One certificate's facts. OpenSSL parses; every string passes through mxt_text_keep, since whoever made the certificate chose its bytes. */
#include "decoders/certificate.h"

#include <arpa/inet.h>
#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "decoders/certificate_int.h"
#include "decoders/digest.h"
#include "decoders/hex.h"

#define NAME_TEXT 1024u /* bytes of a distinguished name in text; RFC 5280 A.1 bounds each attribute to 64 characters or so */
#define SAN_TEXT 255u
#define SAN_KEPT 100u
#define SERIAL_KEPT 64u /* RFC 5280 4.1.2.2 allows 20 */
#define OBJECT_TEXT 80u

/* A distinguished name under construction. */
struct line {
    uint8_t bytes[NAME_TEXT];
    size_t length;
};

static void put(struct line *line, const void *p, size_t n)
{
    if (n > sizeof line->bytes - line->length)
        n = sizeof line->bytes - line->length;
    memcpy(line->bytes + line->length, p, n);
    line->length += n;
}

/* The short name ("CN"), or the numbers where OpenSSL knows none. */
static void put_attribute_type(struct line *line, const ASN1_OBJECT *object)
{
    int nid = OBJ_obj2nid(object);
    if (nid != NID_undef) {
        const char *name = OBJ_nid2sn(nid);
        put(line, name, strlen(name));
        return;
    }
    char numbers[OBJECT_TEXT];
    int n = OBJ_obj2txt(numbers, sizeof numbers, object, 1);
    if (n > 0)
        put(line, numbers, strlen(numbers));
}

static void put_value(struct line *line, const ASN1_STRING *value)
{
    unsigned char *utf8 = NULL;
    int n = ASN1_STRING_to_UTF8(&utf8, value);
    if (n > 0)
        put(line, utf8, (size_t)n);
    else if (n < 0) /* not a text type, or not valid in it: its bytes */
        put(line, ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
    OPENSSL_free(utf8);
}

/* "C=DE, O=Example, CN=mx.example.net": EVE's form, in the encoding's order, attributes of one set joined by " + ". */
static const char *keep_name(struct mxt_arena *arena, const X509_NAME *name)
{
    struct line line = {.length = 0};
    int previous_set = -1;
    for (int i = 0; i < X509_NAME_entry_count(name); i++) {
        const X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, i);
        int set = X509_NAME_ENTRY_set(entry);
        if (i > 0)
            put(&line, set == previous_set ? " + " : ", ", set == previous_set ? 3 : 2);
        previous_set = set;
        put_attribute_type(&line, X509_NAME_ENTRY_get_object(entry));
        put(&line, "=", 1);
        put_value(&line, X509_NAME_ENTRY_get_data(entry));
    }
    return mxt_text_keep(arena, line.bytes, line.length, NAME_TEXT);
}

/* The first organisation named, else the first common name; NULL also when the arena refuses, which its `failures` tell. */
static const char *keep_organisation(struct mxt_arena *arena, X509_NAME *name)
{
    int i = X509_NAME_get_index_by_NID(name, NID_organizationName, -1);
    if (i < 0)
        i = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
    if (i < 0)
        return NULL;
    struct line line = {.length = 0};
    put_value(&line, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, i)));
    return mxt_text_keep(arena, line.bytes, line.length, NAME_TEXT);
}

/* The content bytes of the INTEGER, a leading zero included, as Suricata prints them. */
static const char *keep_serial(struct mxt_arena *arena, const ASN1_INTEGER *serial)
{
    unsigned char *der = NULL;
    int n = i2d_ASN1_INTEGER(serial, &der);
    const char *text = NULL;
    if (n > 2 && der[1] < 0x80) {
        size_t length = der[1] < SERIAL_KEPT ? der[1] : SERIAL_KEPT;
        text = mxt_hex_keep_colons(arena, der + 2, length, true);
    }
    OPENSSL_free(der);
    return text;
}

static int64_t microseconds(const ASN1_TIME *time)
{
    struct tm tm = {0};
    if (time == NULL || ASN1_TIME_to_tm(time, &tm) != 1)
        return 0;
    return (int64_t)timegm(&tm) * 1000000;
}

/* A dNSName in lower case. A NUL inside it, once used to deceive, is kept escaped and matches nothing. */
static const char *keep_dns_name(struct mxt_arena *arena, const ASN1_STRING *name)
{
    uint8_t lower[SAN_TEXT];
    const unsigned char *p = ASN1_STRING_get0_data(name);
    size_t n = (size_t)ASN1_STRING_length(name);
    if (n > sizeof lower)
        n = sizeof lower;
    for (size_t i = 0; i < n; i++)
        lower[i] = p[i] >= 'A' && p[i] <= 'Z' ? (uint8_t)(p[i] | 0x20) : p[i];
    return mxt_text_keep(arena, lower, n, SAN_TEXT);
}

static const char *keep_address(struct mxt_arena *arena, const ASN1_OCTET_STRING *address)
{
    char text[INET6_ADDRSTRLEN];
    int n = ASN1_STRING_length(address);
    if (n != 4 && n != 16)
        return mxt_text_keep(arena, ASN1_STRING_get0_data(address), (size_t)n, SAN_TEXT);
    if (inet_ntop(n == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(address), text, sizeof text) == NULL)
        return mxt_arena_copy(arena, "", 0);
    return mxt_arena_copy(arena, text, strlen(text));
}

static enum mxt_status read_alt_names(struct mxt_arena *arena, X509 *x509, struct mxt_text_list *out)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);
    enum mxt_status status = MXT_OK;
    for (int i = 0; i < sk_GENERAL_NAME_num(names) && status == MXT_OK; i++) {
        int type = 0;
        const void *value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &type);
        if (type != GEN_DNS && type != GEN_IPADD)
            continue;
        const char *text = "";
        if (out->count < SAN_KEPT)
            text = type == GEN_DNS ? keep_dns_name(arena, value) : keep_address(arena, value);
        status = text == NULL ? MXT_ENOMEM : mxt_text_list_add(out, arena, text, SAN_KEPT);
    }
    GENERAL_NAMES_free(names);
    return status;
}

static void read_key(struct mxt_arena *arena, X509 *x509, struct mxt_certificate_facts *out)
{
    EVP_PKEY *key = X509_get0_pubkey(x509);
    if (key == NULL)
        return; /* an algorithm or curve that OpenSSL does not know */
    int type = EVP_PKEY_get_base_id(key);
    int bits = EVP_PKEY_get_bits(key);
    out->key_is_rsa = type == EVP_PKEY_RSA || type == EVP_PKEY_RSA_PSS ? MXT_YES : MXT_NO;
    out->key_is_ec = type == EVP_PKEY_EC ? MXT_YES : MXT_NO;
    out->key_bits = bits > 0 && bits <= UINT16_MAX ? (uint16_t)bits : 0;
    char text[64];
    int n = 0;
    switch (type) {
    case EVP_PKEY_RSA: n = snprintf(text, sizeof text, "RSA %d", bits); break;
    case EVP_PKEY_RSA_PSS: n = snprintf(text, sizeof text, "RSA-PSS %d", bits); break;
    case EVP_PKEY_EC: n = snprintf(text, sizeof text, "EC %d", bits); break;
    case EVP_PKEY_DSA: n = snprintf(text, sizeof text, "DSA %d", bits); break;
    case EVP_PKEY_ED25519: n = snprintf(text, sizeof text, "Ed25519"); break;
    case EVP_PKEY_ED448: n = snprintf(text, sizeof text, "Ed448"); break;
    default: n = snprintf(text, sizeof text, "%.40s %d", OBJ_nid2sn(type), bits); break;
    }
    out->key = mxt_arena_copy(arena, text, (size_t)n);
}

static const char *keep_signature(struct mxt_arena *arena, X509 *x509)
{
    const X509_ALGOR *algorithm = NULL;
    const ASN1_OBJECT *object = NULL;
    char text[OBJECT_TEXT];
    X509_get0_signature(NULL, &algorithm, x509);
    X509_ALGOR_get0(&object, NULL, NULL, algorithm);
    int n = OBJ_obj2txt(text, sizeof text, object, 0);
    return n <= 0 ? NULL : mxt_text_keep(arena, (const uint8_t *)text, strlen(text), OBJECT_TEXT);
}

enum mxt_fact mxt_certificate_weak_signature(X509 *x509)
{
    int digest = NID_undef;
    if (X509_get_signature_info(x509, &digest, NULL, NULL, NULL) != 1 && digest == NID_undef)
        return MXT_UNKNOWN;
    switch (digest) {
    case NID_md2:
    case NID_md4:
    case NID_md5:
    case NID_md5_sha1:
    case NID_sha1: return X509_self_signed(x509, 1) == 1 ? MXT_NO : MXT_YES;
    default: return MXT_NO;
    }
}

static void read_digests(struct mxt_arena *arena, X509 *x509, const uint8_t *der, size_t n, struct mxt_certificate_facts *out)
{
    uint8_t digest[MXT_SHA256_BYTES];
    mxt_sha1(der, n, digest);
    out->fingerprint = mxt_hex_keep_colons(arena, digest, MXT_SHA1_BYTES, false);
    mxt_sha256(der, n, digest);
    out->sha256 = mxt_hex_keep(arena, digest, MXT_SHA256_BYTES);
    unsigned char *spki = NULL;
    int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), &spki);
    if (length > 0) {
        mxt_sha256(spki, (size_t)length, digest);
        out->spki_sha256 = mxt_hex_keep(arena, digest, MXT_SHA256_BYTES);
    }
    OPENSSL_free(spki);
}

enum mxt_status mxt_certificate_facts_of(struct mxt_arena *arena, X509 *x509, const uint8_t *der, size_t n, struct mxt_certificate_facts *out)
{
    uint32_t failures = arena->failures;
    *out = (struct mxt_certificate_facts){0};
    out->subject = keep_name(arena, X509_get_subject_name(x509));
    out->issuerdn = keep_name(arena, X509_get_issuer_name(x509));
    out->issuer_org = keep_organisation(arena, X509_get_issuer_name(x509));
    out->serial = keep_serial(arena, X509_get0_serialNumber(x509));
    out->not_before_us = microseconds(X509_get0_notBefore(x509));
    out->not_after_us = microseconds(X509_get0_notAfter(x509));
    read_digests(arena, x509, der, n, out);
    read_key(arena, x509, out);
    out->signature = keep_signature(arena, x509);
    out->has_weak_signature = mxt_certificate_weak_signature(x509);
    enum mxt_status status = read_alt_names(arena, x509, &out->subject_alt_names);
    ERR_clear_error();
    return arena->failures != failures ? MXT_ENOMEM : status;
}

static X509 *parse_in(OSSL_LIB_CTX *library, const uint8_t *der, size_t n)
{
    const unsigned char *p = der;
    X509 *x509 = X509_new_ex(library, NULL);
    if (x509 == NULL || d2i_X509(&x509, &p, (long)n) == NULL) /* which frees it where it fails */
        return NULL;
    if (p == der + n)
        return x509;
    X509_free(x509);
    return NULL;
}

X509 *mxt_certificate_parse(OSSL_LIB_CTX *library, const uint8_t *der, size_t n)
{
    if (n == 0 || n > MXT_CERTIFICATE_MAX)
        return NULL;
    X509 *x509 = parse_in(library, der, n);
    if (x509 != NULL && library != NULL && X509_get0_pubkey(x509) == NULL) { /* a kind of key that OpenSSL may know elsewhere */
        X509_free(x509);
        x509 = parse_in(NULL, der, n);
    }
    ERR_clear_error();
    return x509;
}

enum mxt_status mxt_certificate_read(struct mxt_arena *arena, const uint8_t *der, size_t n, struct mxt_certificate_facts *out)
{
    *out = (struct mxt_certificate_facts){0};
    X509 *x509 = mxt_certificate_parse(NULL, der, n);
    if (x509 == NULL)
        return MXT_EMALFORMED;
    enum mxt_status status = mxt_certificate_facts_of(arena, x509, der, n, out);
    X509_free(x509);
    return status;
}
