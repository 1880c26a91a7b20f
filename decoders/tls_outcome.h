/*
 * What came of a TLS handshake, told from outside: from the kinds and sizes of records, alerts and closes, in the order in which they crossed.
 *
 * TLS 1.2 and below: behind ChangeCipherSpec the record types still tell Finished (handshake), data and alerts apart. TLS 1.3: everything encrypted
 * looks like data, but sizes speak: a Finished has the length of its hash, an alert two bytes, and no handshake message or line of SMTP is that short.
 * Where a gap or a missing direction may hide something, absence proves nothing: only what is unmistakable is told.
 */
#ifndef MXT_DECODERS_TLS_OUTCOME_H
#define MXT_DECODERS_TLS_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

#include "decoders/tls.h"
#include "decoders/tls_record.h"

/* What one side did. */
struct mxt_tls_side {
    bool has_sent;    /* any byte, or closed */
    bool has_changed_cipher;
    bool has_data;    /* encrypted data behind its Finished (TLS 1.2 and below) */
    uint32_t records; /* of SSL 2 */
};

/* Zeroed stands before the first record. */
struct mxt_tls_progress {
    struct mxt_tls_side side[2]; /* by enum mxt_direction */
    bool has_client_hello, has_server_hello; /* a HelloRetryRequest is none */
    bool has_early_data;  /* the client offered it: its records then tell nothing by their size */
    bool is_hidden;       /* records may have been missed */
    bool has_finished;    /* TLS 1.3: a record of the client has the size of a Finished */
    bool has_more;        /* TLS 1.3: and one that is no alert followed it */
    uint8_t turns;        /* encrypted data changed hands so often, the client's first counted */
    uint8_t warning;      /* description of the last plaintext warning, where has_warning */
    bool has_warning;
    enum mxt_direction warning_by;
};

/* A record begins. Decides facts->outcome where it can. */
void mxt_tls_outcome_record(struct mxt_tls_progress *progress, struct mxt_tls_facts *facts, enum mxt_direction direction,
                            enum mxt_tls_record_type type, uint16_t length);

/* A plaintext alert is whole. true: it ends the session, the outcome is decided (facts->alert is the caller's to name). */
bool mxt_tls_outcome_alert(struct mxt_tls_progress *progress, struct mxt_tls_facts *facts, enum mxt_direction direction, uint8_t level,
                           uint8_t description);

/* The sender of `direction` closed or reset. */
void mxt_tls_outcome_close(struct mxt_tls_progress *progress, struct mxt_tls_facts *facts, enum mxt_direction direction, enum mxt_close how);

/* Nothing more comes. */
void mxt_tls_outcome_finish(const struct mxt_tls_progress *progress, struct mxt_tls_facts *facts);

/* Whether a record of this type is encrypted in this direction, as far as was seen. An alert of two bytes is none the less plain. */
bool mxt_tls_outcome_is_encrypted(const struct mxt_tls_progress *progress, const struct mxt_tls_facts *facts, enum mxt_direction direction,
                                  enum mxt_tls_record_type type);

/* Whether an alert record of this length can be read: no cipher leaves an alert its two bytes. */
bool mxt_tls_outcome_is_plain_alert(const struct mxt_tls_progress *progress, const struct mxt_tls_facts *facts, enum mxt_direction direction,
                                    uint16_t length);

#endif
