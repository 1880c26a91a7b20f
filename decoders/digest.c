#define OPENSSL_SUPPRESS_DEPRECATED /* the low-level functions; why, says the header */
#include "decoders/digest.h"

#include <assert.h>
#include <openssl/md5.h>
#include <openssl/sha.h>
#include <string.h>

static_assert(sizeof(SHA256_CTX) <= sizeof(struct mxt_sha256), "SHA256_CTX fits");

void mxt_md5(const void *p, size_t n, uint8_t out[MXT_MD5_BYTES])
{
    MD5_CTX context;
    MD5_Init(&context);
    MD5_Update(&context, p, n);
    MD5_Final(out, &context);
}

void mxt_sha1(const void *p, size_t n, uint8_t out[MXT_SHA1_BYTES])
{
    SHA_CTX context;
    SHA1_Init(&context);
    SHA1_Update(&context, p, n);
    SHA1_Final(out, &context);
}

void mxt_sha256_begin(struct mxt_sha256 *digest)
{
    SHA256_CTX context;
    SHA256_Init(&context);
    memcpy(digest->state, &context, sizeof context);
}

void mxt_sha256_add(struct mxt_sha256 *digest, const void *p, size_t n)
{
    SHA256_CTX context;
    memcpy(&context, digest->state, sizeof context);
    SHA256_Update(&context, p, n);
    memcpy(digest->state, &context, sizeof context);
}

void mxt_sha256_end(struct mxt_sha256 *digest, uint8_t out[MXT_SHA256_BYTES])
{
    SHA256_CTX context;
    memcpy(&context, digest->state, sizeof context);
    SHA256_Final(out, &context);
}

void mxt_sha256(const void *p, size_t n, uint8_t out[MXT_SHA256_BYTES])
{
    struct mxt_sha256 digest;
    mxt_sha256_begin(&digest);
    mxt_sha256_add(&digest, p, n);
    mxt_sha256_end(&digest, out);
}
