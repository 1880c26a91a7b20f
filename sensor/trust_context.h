/*
 * An OpenSSL context in which certificates are read faster. OpenSSL 3 decodes a certificate's key as soon as it parses it, and for each key sets up every decoder
 * that it has, for private keys, PEM and old formats too: 0.3 ms, five sixths of it for nothing. This context has the default provider's algorithms and of its
 * decoders those alone that certificates' keys need.
 */
#ifndef MXT_SENSOR_TRUST_CONTEXT_H
#define MXT_SENSOR_TRUST_CONTEXT_H

#include <openssl/types.h>

struct mxt_trust_context {
    OSSL_LIB_CTX *library; /* NULL: OpenSSL's own context serves */
    OSSL_PROVIDER *provider;
};

/* Any thread. Where OpenSSL refuses, its own context serves: slower, and with the same answers. */
struct mxt_trust_context mxt_trust_context_new(void);

/* What was parsed in it must be freed before. */
void mxt_trust_context_free(struct mxt_trust_context *context);

#endif
