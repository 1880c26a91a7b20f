/*
 * Handshake messages of one direction (RFC 8446 4, RFC 5246 7.4), joined over records. A message that is whole in what is fed is not copied;
 * else it is held, within a bound, and only where it is wanted: all others are passed over by their length.
 */
#ifndef MXT_DECODERS_TLS_HANDSHAKE_H
#define MXT_DECODERS_TLS_HANDSHAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "decoders/cursor.h"
#include "decoders/status.h"

enum mxt_tls_message_type {
    MXT_TLS_CLIENT_HELLO = 1,
    MXT_TLS_SERVER_HELLO = 2,
    MXT_TLS_CERTIFICATE = 11,
    MXT_TLS_SERVER_KEY_EXCHANGE = 12,
    MXT_TLS_CERTIFICATE_REQUEST = 13,
    MXT_TLS_SERVER_HELLO_DONE = 14,
    MXT_TLS_SSL2_MESSAGE = 31 /* no number on the wire: a whole record of SSL 2, its type being the body's first byte */
};

/* A set of message types below 32. */
#define MXT_TLS_MESSAGE_BIT(type) (1u << (type))

/* Zeroed stands before the first message and wants none. */
struct mxt_tls_joiner {
    uint32_t wanted;   /* message types whose body is asked for, of MXT_TLS_MESSAGE_BIT */
    uint32_t limit;    /* bytes of the longest body held */
    uint8_t header[4]; /* of the current message */
    uint8_t header_have;
    uint32_t length;   /* of its body */
    uint32_t have;     /* of these, seen or known missing */
    uint8_t *held;     /* the body so far; NULL where it is not held */
    uint32_t capacity;
    bool is_spoilt;    /* bytes of this message are missing */
    bool is_lost;      /* after a gap: where the next message begins is not known */
    bool is_record_start; /* nothing of the current record was read yet */
};

struct mxt_tls_message {
    uint8_t type;        /* enum mxt_tls_message_type or any other */
    const uint8_t *body; /* valid until the next call on the joiner; NULL where it is not wanted, too long or spoilt */
    uint32_t length;
};

/*
 * The next message that ends within the input.
 * MXT_OK: *message is it. MXT_MORE: the input is used up. MXT_ENOMEM: the message is given up, the input may go on.
 */
enum mxt_status mxt_tls_joiner_next(struct mxt_tls_joiner *joiner, struct mxt_cursor *in, struct mxt_tls_message *message) MXT_MUST_CHECK;

/* A record begins: after a gap, a message is looked for here. `length` is that of the record. */
void mxt_tls_joiner_record(struct mxt_tls_joiner *joiner, bool is_ssl2, uint16_t length);

/* `missing` bytes of handshake were not captured; UINT64_MAX: nobody knows how many. */
void mxt_tls_joiner_gap(struct mxt_tls_joiner *joiner, uint64_t missing);

/* Frees what is held. */
void mxt_tls_joiner_clear(struct mxt_tls_joiner *joiner);

#endif
