/*
 * Digests for fingerprints and ids. Thin over OpenSSL's low-level functions: its EVP interface looks the algorithm up under locks at every call, which costs
 * more than digesting the short texts that are digested here.
 */
#ifndef MXT_DECODERS_DIGEST_H
#define MXT_DECODERS_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define MXT_MD5_BYTES 16
#define MXT_SHA1_BYTES 20
#define MXT_SHA256_BYTES 32

/* Write the digest of the `n` bytes at `p` to `out`, which holds as many bytes as the digest has. They cannot fail. */
void mxt_md5(const void *p, size_t n, uint8_t out[MXT_MD5_BYTES]);
void mxt_sha1(const void *p, size_t n, uint8_t out[MXT_SHA1_BYTES]);
void mxt_sha256(const void *p, size_t n, uint8_t out[MXT_SHA256_BYTES]);

/* SHA-256 of what comes in pieces. */
struct mxt_sha256 {
    uint32_t state[32]; /* OpenSSL's SHA256_CTX, which digest.c checks to fit */
};

void mxt_sha256_begin(struct mxt_sha256 *digest);
void mxt_sha256_add(struct mxt_sha256 *digest, const void *p, size_t n);
void mxt_sha256_end(struct mxt_sha256 *digest, uint8_t out[MXT_SHA256_BYTES]);

#endif
