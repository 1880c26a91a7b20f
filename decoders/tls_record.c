#include "decoders/tls_record.h"

static size_t header_size(const struct mxt_tls_reader *reader)
{
    if (!reader->is_ssl2)
        return 5;
    return reader->header[0] & 0x80 ? 2 : 3; /* SSL 2 draft 1.1: the longer form carries a count of padding */
}

/* A version 3.x is asked for, and of a reader that lost its way one that exists. */
static bool has_record_form(const struct mxt_tls_reader *reader)
{
    const uint8_t *h = reader->header;
    if (h[0] < MXT_TLS_CHANGE_CIPHER_SPEC || h[0] > MXT_TLS_HEARTBEAT || h[1] != 3)
        return false;
    return (uint32_t)(h[3] << 8 | h[4]) <= MXT_TLS_PAYLOAD_MAX && (reader->state != MXT_TLS_READER_LOST || h[2] <= 4);
}

static void begin_payload(struct mxt_tls_reader *reader, uint8_t type, uint16_t length)
{
    reader->state = MXT_TLS_READER_PAYLOAD;
    reader->type = type;
    reader->length = length;
    reader->left = length;
    reader->header_have = 0;
    reader->is_skipped = false;
}

/* A whole header is there. false: it is none. */
static bool read_header(struct mxt_tls_reader *reader)
{
    const uint8_t *h = reader->header;
    if (reader->is_ssl2) {
        uint8_t mask = h[0] & 0x80 ? 0x7f : 0x3f;
        begin_payload(reader, MXT_TLS_SSL2_RECORD, (uint16_t)((h[0] & mask) << 8 | h[1]));
        return true;
    }
    if (!has_record_form(reader))
        return false;
    begin_payload(reader, h[0], (uint16_t)(h[3] << 8 | h[4]));
    return true;
}

/* A client that still speaks SSL 2 opens in its form, whatever it offers, and goes on as the server answers (RFC 5246 E.2). */
static void choose_form(struct mxt_tls_reader *reader)
{
    uint8_t first = reader->header[0];
    if (reader->state == MXT_TLS_READER_FIRST) {
        reader->is_ssl2 = (first & 0x80) != 0;
        reader->state = MXT_TLS_READER_IDLE;
    } else if (first >= MXT_TLS_CHANGE_CIPHER_SPEC && first <= MXT_TLS_HEARTBEAT) {
        reader->is_ssl2 = false;
    }
}

static bool is_header_whole(struct mxt_tls_reader *reader, struct mxt_cursor *in)
{
    while (mxt_cursor_left(in) > 0) {
        reader->header[reader->header_have++] = mxt_cursor_u8(in);
        if (reader->header_have == 1)
            choose_form(reader);
        if (reader->header_have == header_size(reader))
            return true;
    }
    return false;
}

static bool next_payload(struct mxt_tls_reader *reader, struct mxt_cursor *in, struct mxt_tls_piece *piece)
{
    size_t n = mxt_cursor_left(in) < reader->left ? mxt_cursor_left(in) : reader->left;
    const uint8_t *p = mxt_cursor_bytes(in, n);
    reader->left = (uint16_t)(reader->left - n);
    if (reader->left == 0)
        reader->state = MXT_TLS_READER_IDLE;
    *piece = (struct mxt_tls_piece){.kind = MXT_TLS_PIECE_PAYLOAD, .p = p, .n = n};
    return n > 0 && !reader->is_skipped;
}

bool mxt_tls_reader_next(struct mxt_tls_reader *reader, struct mxt_cursor *in, struct mxt_tls_piece *piece)
{
    for (;;) {
        if (reader->state == MXT_TLS_READER_BROKEN || (mxt_cursor_left(in) == 0 && reader->state != MXT_TLS_READER_PAYLOAD))
            return false;
        if (reader->state == MXT_TLS_READER_PAYLOAD) {
            if (reader->left > 0 && mxt_cursor_left(in) == 0)
                return false;
            if (next_payload(reader, in, piece))
                return true;
            continue;
        }
        if (!is_header_whole(reader, in))
            return false;
        if (read_header(reader)) {
            *piece = (struct mxt_tls_piece){.kind = MXT_TLS_PIECE_BEGIN, .p = in->p, .n = 0};
            return true;
        }
        reader->header_have = 0;
        mxt_cursor_bytes(in, mxt_cursor_left(in));
        if (reader->state == MXT_TLS_READER_LOST)
            return false;
        reader->state = MXT_TLS_READER_BROKEN;
        *piece = (struct mxt_tls_piece){.kind = MXT_TLS_PIECE_BROKEN, .p = in->p, .n = 0};
        return true;
    }
}

bool mxt_tls_reader_gap(struct mxt_tls_reader *reader, uint64_t missing)
{
    if (reader->state == MXT_TLS_READER_PAYLOAD && missing <= reader->left) {
        reader->left = (uint16_t)(reader->left - missing);
        if (reader->left == 0)
            reader->state = MXT_TLS_READER_IDLE;
        return true;
    }
    reader->header_have = 0;
    reader->state = reader->is_ssl2 ? MXT_TLS_READER_BROKEN : MXT_TLS_READER_LOST; /* any two bytes pass for a header of SSL 2 */
    return false;
}
