/*
 * X.509 certificates as facts (RFC 5280), read by OpenSSL. Whether a chain is trusted is asked in sensor/trust.h, which owns the trust store.
 */
#ifndef MXT_DECODERS_CERTIFICATE_H
#define MXT_DECODERS_CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decoders/arena.h"
#include "decoders/status.h"
#include "decoders/text.h"

enum mxt_trust_verdict {
    MXT_TRUST_UNCHECKED = 0, /* no store, or the certificate was not seen */
    MXT_TRUST_TRUSTED,
    MXT_TRUST_SELF_SIGNED,
    MXT_TRUST_UNKNOWN_ISSUER, /* chain complete up to a root that the store does not hold */
    MXT_TRUST_INCOMPLETE      /* an intermediate was not sent */
};

/* Zeroed says nothing. Strings live in the arena. */
struct mxt_certificate_facts {
    const char *subject;      /* RFC 2253-like one line, as EVE prints it: "C=DE, O=Example, CN=mx.example.net" */
    const char *issuerdn;
    const char *issuer_org;   /* O of the issuer, else its CN; NULL unknown */
    const char *serial;       /* EVE's form: "0A:1B:..." */
    const char *fingerprint;  /* SHA-1, EVE's form: "0a:1b:..." lower case */
    int64_t not_before_us, not_after_us; /* microseconds since 1970; 0 unknown */
    struct mxt_text_list subject_alt_names; /* dNSName (as A-labels, lower case) and iPAddress, at most 100 */
    const char *sha256;       /* lower-case hex */
    const char *spki_sha256;
    struct mxt_text_list chain; /* SHA-256 of every certificate sent, leaf first */
    const char *key;          /* "RSA 2048", "EC 256", "Ed25519" */
    uint16_t key_bits;        /* 0 unknown */
    enum mxt_fact key_is_rsa, key_is_ec;
    const char *signature;    /* "sha256WithRSAEncryption" */
    enum mxt_fact has_weak_signature; /* MD5 or SHA-1 on any certificate sent, a self-signed one's own aside */
    enum mxt_trust_verdict trust;
    enum mxt_fact visible;    /* NO: TLS 1.3, resumption or an anonymous suite hid it */
};

/* Reads the facts of one certificate (chain, trust and visible are the caller's). MXT_OK; MXT_EMALFORMED: not a certificate, *out zeroed; MXT_ENOMEM. */
enum mxt_status mxt_certificate_read(struct mxt_arena *arena, const uint8_t *der, size_t n, struct mxt_certificate_facts *out) MXT_MUST_CHECK;

/*
 * Whether a name matches one in the certificate's subject alternative names (RFC 6125 6.4: case-blind, A-labels, `*` as the whole left-most label only, one label).
 * UNKNOWN where the certificate was not seen, or where none matches but it holds more names than were kept.
 */
enum mxt_fact mxt_certificate_matches(const struct mxt_certificate_facts *certificate, const char *name);

/*
 * One pattern against one name by the same rule (RFC 8461 4.1 uses it too). A trailing dot of either is ignored. An address matches its own text alone, never a
 * wildcard. Only A-labels compare: a U-label matches nothing, nor does a name with escaped bytes in it. NULL matches nothing.
 */
bool mxt_name_matches(const char *pattern, const char *name);

/* Whether the text is a host name that could stand in DNS: two labels or more of letters, digits, hyphens (underscore tolerated), not an address. */
bool mxt_name_is_domain(const char *name);
/* The same of `n` bytes. */
bool mxt_name_is_domain_of(const char *p, size_t n);

#endif
