/* One chain against one store at one time. */
#ifndef MXT_SENSOR_TRUST_VERIFY_H
#define MXT_SENSOR_TRUST_VERIFY_H

#include <openssl/x509.h>
#include <stdint.h>

#include "decoders/certificate.h"

/* A verdict, and the seconds since 1970 between which (both included) it holds: validity of issuers begins and ends. */
struct mxt_trust_judgement {
    enum mxt_trust_verdict verdict;
    int64_t from, until;
};

/*
 * Judges `leaf` with the other certificates sent (`others`; the leaf may be among them) against the store at `time` (seconds since 1970), for a TLS server.
 * The leaf's own validity and the strength of keys and digests do not count here: other rules judge them.
 *
 *   TRUSTED         a path to an anchor in the store
 *   SELF_SIGNED     the leaf signs itself, and is no anchor
 *   INCOMPLETE      the leaf's issuer was neither sent nor is it an anchor: an intermediate was left out, or the issuer is a root unknown here that was
 *                   left out, as it may be; from outside the two are one
 *   UNKNOWN_ISSUER  an issuer was sent, and no path leads on to an anchor: an unknown root, sent or left out as RFC 5246 7.4.2 allows; also a path that
 *                   does not hold: a signature that fails, an issuer expired or without the right to issue, a leaf not meant for servers
 *   UNCHECKED       out of memory
 */
struct mxt_trust_judgement mxt_trust_verify(X509_STORE *store, X509 *leaf, STACK_OF(X509) *others, int64_t time);

#endif
