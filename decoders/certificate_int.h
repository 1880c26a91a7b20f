/* Certificates that are parsed once and asked twice: for their facts here, for their chain in sensor/trust.c. */
#ifndef MXT_DECODERS_CERTIFICATE_INT_H
#define MXT_DECODERS_CERTIFICATE_INT_H

#include <openssl/x509.h>
#include <stddef.h>
#include <stdint.h>

#include "decoders/arena.h"
#include "decoders/certificate.h"
#include "decoders/status.h"

#define MXT_CERTIFICATE_MAX 131072u /* bytes of one certificate; real ones have 1 to 8 KiB */

/* The certificate, which must fill the `n` bytes, parsed in a context of OpenSSL's (NULL: its own); NULL where they hold none. The caller frees it by X509_free. */
X509 *mxt_certificate_parse(OSSL_LIB_CTX *library, const uint8_t *der, size_t n);

/* As mxt_certificate_read, of a certificate parsed from these bytes. MXT_OK or MXT_ENOMEM. */
enum mxt_status mxt_certificate_facts_of(struct mxt_arena *arena, X509 *x509, const uint8_t *der, size_t n,
                                         struct mxt_certificate_facts *out) MXT_MUST_CHECK;

/* Whether MD5, SHA-1 or older sign it; NO for a certificate that truly signs itself, UNKNOWN for an algorithm that OpenSSL does not know. */
enum mxt_fact mxt_certificate_weak_signature(X509 *x509);

#endif
