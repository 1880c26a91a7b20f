/*
 * The record layer of one direction (RFC 8446 5.1, RFC 5246 6.2.1): cuts a stream of bytes into records, of which payloads may come in pieces.
 * Bytes without record form end the reading, until a gap gives a reason to look for the next record.
 *
 *   idle --5 bytes--> payload --length bytes--> idle         (SSL 2: a header of 2 or 3 bytes)
 *   any --no record--> broken                                any --gap across a border--> lost --header at a start of data--> payload
 */
#ifndef MXT_DECODERS_TLS_RECORD_H
#define MXT_DECODERS_TLS_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "decoders/cursor.h"

#define MXT_TLS_PAYLOAD_MAX (16384u + 2048u) /* RFC 5246 6.2.3; TLS 1.3 allows less */

enum mxt_tls_record_type {
    MXT_TLS_CHANGE_CIPHER_SPEC = 20,
    MXT_TLS_ALERT = 21,
    MXT_TLS_HANDSHAKE = 22,
    MXT_TLS_APPLICATION_DATA = 23,
    MXT_TLS_HEARTBEAT = 24,
    MXT_TLS_SSL2_RECORD = 255 /* no number on the wire: SSL 2 has one kind of record */
};

/* Zeroed stands before the first record. */
struct mxt_tls_reader {
    enum { MXT_TLS_READER_FIRST = 0, MXT_TLS_READER_IDLE, MXT_TLS_READER_PAYLOAD, MXT_TLS_READER_BROKEN, MXT_TLS_READER_LOST } state;
    uint8_t header[5];
    uint8_t header_have;
    bool is_ssl2;     /* records are in SSL 2's form */
    bool is_skipped;  /* the caller does not want the rest of this payload */
    uint8_t type;     /* enum mxt_tls_record_type of the current record */
    uint16_t length;  /* bytes of its payload */
    uint16_t left;    /* of these, not yet read */
};

enum mxt_tls_piece_kind {
    MXT_TLS_PIECE_BEGIN,   /* a header was read: type and length of the reader tell which */
    MXT_TLS_PIECE_PAYLOAD, /* bytes of the current record */
    MXT_TLS_PIECE_BROKEN   /* no record; nothing more is read until a gap */
};

struct mxt_tls_piece {
    enum mxt_tls_piece_kind kind;
    const uint8_t *p; /* within the input */
    size_t n;
};

/* The next piece of the input. false: the input is used up (an unfinished header is held). Payloads the caller has set is_skipped for are passed over. */
bool mxt_tls_reader_next(struct mxt_tls_reader *reader, struct mxt_cursor *in, struct mxt_tls_piece *piece);

/* `missing` bytes were not captured. true: they lie within the current record, whose border is still known; false: the border is lost. */
bool mxt_tls_reader_gap(struct mxt_tls_reader *reader, uint64_t missing);

#endif
