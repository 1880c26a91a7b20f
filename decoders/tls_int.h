/* The TLS decoder's inside, shared by tls.c (bytes, records, the session's course) and tls_messages.c (what handshake messages say). */
#ifndef MXT_DECODERS_TLS_INT_H
#define MXT_DECODERS_TLS_INT_H

#include "decoders/tls.h"
#include "decoders/tls_handshake.h"
#include "decoders/tls_outcome.h"
#include "decoders/tls_record.h"

#define MXT_TLS_SESSION_ID_MAX 32u /* RFC 5246 7.4.1.2 */
#define MXT_TLS_SNI_MAX 255u       /* a host name in DNS */
#define MXT_TLS_ALPN_MAX 64u       /* bytes kept of a protocol's name; registered ones are short */
#define MXT_TLS_ALPN_OFFERED 8u

struct mxt_tls {
    struct mxt_arena *arena;
    struct mxt_tls_limits limits;
    struct mxt_tls_facts *facts;
    enum mxt_status status; /* MXT_OK, or the sticky answer of every later call */

    /* By enum mxt_direction. */
    struct mxt_tls_reader reader[2];
    struct mxt_tls_joiner joiner[2];
    uint8_t alert[2][2];
    uint8_t alert_have[2];
    bool has_loss[2]; /* handshake messages may have been missed: that one was not seen proves nothing */

    struct mxt_tls_progress progress;
    uint8_t session_id[MXT_TLS_SESSION_ID_MAX]; /* offered by the client */
    uint8_t session_id_size;
    bool has_certificate_message;

    uint8_t *chain_bytes; /* owns what `chain` points into */
    struct mxt_der *chain;
    size_t chain_count;
};

/* Takes the facts from a handshake message. MXT_OK, or MXT_ENOMEM. */
enum mxt_status mxt_tls_take_message(struct mxt_tls *tls, enum mxt_direction direction, const struct mxt_tls_message *message) MXT_MUST_CHECK;

/* The server changes its cipher: behind a ServerHello without a full handshake this is a resumption (RFC 5246 7.3, RFC 5077 3.1). */
void mxt_tls_take_server_change(struct mxt_tls *tls);

#endif
