/*
 * TLS as seen from outside (RFC 8446, 5246, 4346, 2246, 6101 (SSL 3), SSL 2's hello): hellos, certificates, alerts, and what came of it.
 *
 * Bytes of both directions are fed in the order in which they crossed, from the first record on. Handshake messages may span records, records may
 * span segments. Only what is in the clear is read; encrypted records are counted by their headers and passed over.
 * Malformed input makes facts unknown; it is never an error.
 */
#ifndef MXT_DECODERS_TLS_H
#define MXT_DECODERS_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decoders/arena.h"
#include "decoders/certificate.h"
#include "decoders/smtp.h"
#include "decoders/status.h"

struct mxt_tls_limits {
    uint32_t handshake; /* bytes held for one unfinished handshake message; default 128 KiB (a long chain) */
    uint16_t chain;     /* certificates kept of a chain; default 10 */
};
#define MXT_TLS_LIMITS_DEFAULT ((struct mxt_tls_limits){.handshake = 131072, .chain = 10})

enum mxt_tls_outcome {
    MXT_TLS_OUTCOME_UNKNOWN = 0, /* a gap or a missing direction hides it; left out of records */
    MXT_TLS_ESTABLISHED, /* 1.2 and below: both sides sent encrypted data behind their Finished. 1.3: the client sent more than its Finished flight and the server answered it */
    MXT_TLS_FAILED,      /* an alert, a reset or a close before that; in 1.3 a lone alert-sized record of the client */
    MXT_TLS_INCOMPLETE,  /* the capture ends first */
    MXT_TLS_DECRYPTED    /* set by the session: plaintext SMTP goes on (decoders/smtp.h) */
};

enum mxt_ended_by { MXT_ENDED_BY_UNKNOWN = 0, MXT_ENDED_BY_CLIENT, MXT_ENDED_BY_SERVER };

enum mxt_close { MXT_CLOSE_FIN, MXT_CLOSE_RST };

/* Zeroed says nothing. Strings live in the arena given to mxt_tls_new. */
struct mxt_tls_facts {
    enum mxt_tls_mode mode;            /* set by the session */
    enum mxt_tls_outcome outcome;
    uint16_t version;                  /* agreed, as on the wire: 0x0304 is TLS 1.3, 0x0002 SSL 2; 0 unknown */
    uint16_t client_max_version;       /* highest offered (supported_versions, else the hello's version), GREASE aside; 0 unknown */
    uint16_t cipher_id;                /* agreed; meaningful where cipher is not NULL */
    const char *cipher;                /* IANA name, "0x1234" where it has none; NULL unknown */
    const char *sni;                   /* lower case as safe text */
    const char *alpn;                  /* chosen by the server (visible up to TLS 1.2), else NULL */
    struct mxt_text_list alpn_offered; /* by the client, at most 8 */
    const char *ja3_hash, *ja3_string; /* https://github.com/salesforce/ja3, GREASE aside */
    const char *ja3s_hash, *ja3s_string;
    const char *ja4;                   /* FoxIO JA4, TCP form: t13d1516h2_8daaf6152771_... */
    enum mxt_fact downgrade_sentinel;  /* the server's random bears the mark of RFC 8446 4.1.3; rightly so for a client that offers no more than was agreed */
    enum mxt_fact fallback_scsv;       /* RFC 7507 */
    enum mxt_fact session_resumed;     /* by session id, ticket or PSK; unknown in doubt */
    enum mxt_fact hello_retry;         /* HelloRetryRequest seen */
    const char *alert;                 /* name of the plaintext alert that ended it ("handshake_failure"), "encrypted" for one whose text is hidden */
    enum mxt_ended_by alert_by;        /* who sent it */
    enum mxt_ended_by ended_by;        /* who ended a failed handshake */
    const char *ended_how;             /* "alert", "reset", "close", "alert_sized_record" or NULL */
    uint64_t encrypted_toserver, encrypted_toclient; /* bytes of encrypted records seen before the decoder was done */
    bool has_certificate;              /* `certificate` is filled (by the session from the chain) */
    struct mxt_certificate_facts certificate;
};

struct mxt_tls;

/* How many bytes of memory it holds beside its arena. */
size_t mxt_tls_memory(const struct mxt_tls *tls);

/* A decoder before the first record. `arena` must outlive it and keeps the facts. `limits` is copied. NULL: out of memory. */
struct mxt_tls *mxt_tls_new(struct mxt_arena *arena, const struct mxt_tls_limits *limits);

/* NULL is accepted. Facts (given by the caller's copy or pointer into the arena) stay valid; the chain does not. */
void mxt_tls_free(struct mxt_tls *tls);

/*
 * Feeds bytes of one direction; all are consumed.
 * MXT_OK: go on. MXT_DONE: the outcome is decided and nothing that follows can change a fact (further calls answer the same).
 * MXT_ENOMEM: sticky, facts so far stay valid.
 */
enum mxt_status mxt_tls_feed(struct mxt_tls *tls, enum mxt_direction direction, const uint8_t *p, size_t n) MXT_MUST_CHECK;

/* `missing` bytes of this direction were not captured. */
void mxt_tls_gap(struct mxt_tls *tls, enum mxt_direction direction, uint64_t missing);

/* This direction was closed (FIN) or the connection reset by its sender (RST). The first close of an undecided handshake makes it fail. */
void mxt_tls_close(struct mxt_tls *tls, enum mxt_direction direction, enum mxt_close how);

/* The capture or the flow ends: an undecided outcome becomes INCOMPLETE (UNKNOWN where a gap or a missing direction hides it). */
void mxt_tls_finish(struct mxt_tls *tls);

/* The facts so far, in the arena: valid as long as it, even after mxt_tls_free. */
struct mxt_tls_facts *mxt_tls_facts(struct mxt_tls *tls);

/* A DER certificate inside the decoder's buffer. */
struct mxt_der {
    const uint8_t *bytes;
    size_t length;
};

/*
 * The server's certificate chain, leaf first, once its Certificate message (TLS 1.2 and below; in 1.3 it is encrypted) is whole; *count 0 before, or where
 * it holds none. A client's Certificate never counts. Valid until mxt_tls_free.
 */
const struct mxt_der *mxt_tls_chain(const struct mxt_tls *tls, size_t *count);

/* "TLS 1.2" and so on, EVE's names: "SSLv2", "SSLv3", "TLSv1", "TLS 1.1", "TLS 1.2", "TLS 1.3"; NULL for anything else. */
const char *mxt_tls_version_name(uint16_t version);

/* The inverse; 0 where no version is called so. NULL is accepted. */
uint16_t mxt_tls_version_from_name(const char *name);

#endif
