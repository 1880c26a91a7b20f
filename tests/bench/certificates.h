/* A small certification authority: root, intermediate, and a certificate for each server, valid while the capture's clock runs. */
#ifndef MXT_BENCH_CERTIFICATES_H
#define MXT_BENCH_CERTIFICATES_H

#include <stdbool.h>

#include "bytes.h"

struct mxt_authority;

/* Makes keys and the two upper certificates; NULL when OpenSSL fails. Pair with mxt_authority_free, which accepts NULL. */
struct mxt_authority *mxt_authority_new(void);
void mxt_authority_free(struct mxt_authority *authority);
/* Appends the body of a Certificate message (RFC 5246 7.4.2): the server's certificate and the intermediate.
 * Even numbers have RSA keys, odd ones EC keys, shared by all servers of the kind. Returns false when OpenSSL fails. */
bool mxt_authority_chain(struct mxt_authority *authority, unsigned number, const char *name, struct mxt_bytes *out);
/* Writes the root as PEM, for the trust store of the program under test. Returns false, with errno set, when that fails. */
bool mxt_authority_write_root(const struct mxt_authority *authority, const char *path);

#endif
