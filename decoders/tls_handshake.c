#include "decoders/tls_handshake.h"

#include <stdlib.h>
#include <string.h>

#define HEADER 4u
#define FIRST_HOLD 2048u /* most hellos and many chains fit */

/* What a handshake may consist of in the clear; after a gap, anything else is not taken for the beginning of a message. */
static const uint32_t known_types = 1u << 1 | 1u << 2 | 1u << 4 | 1u << 11 | 1u << 12 | 1u << 13 | 1u << 14 | 1u << 15 | 1u << 16 | 1u << 20 | 1u << 22;

void mxt_tls_joiner_clear(struct mxt_tls_joiner *joiner)
{
    free(joiner->held);
    joiner->held = NULL;
    joiner->capacity = 0;
}

static bool is_wanted(const struct mxt_tls_joiner *joiner)
{
    uint8_t type = joiner->header[0];
    return type < 32 && (joiner->wanted & MXT_TLS_MESSAGE_BIT(type)) != 0 && joiner->length <= joiner->limit && !joiner->is_spoilt;
}

/* Makes room for `n` more bytes of the body; grows with what arrived, never with what was announced. */
static bool reserve(struct mxt_tls_joiner *joiner, uint32_t n)
{
    uint32_t needed = joiner->have + n;
    if (needed <= joiner->capacity)
        return true;
    uint32_t capacity = joiner->capacity == 0 ? FIRST_HOLD : joiner->capacity;
    while (capacity < needed)
        capacity *= 2;
    uint8_t *held = realloc(joiner->held, capacity);
    if (held == NULL)
        return false;
    joiner->held = held;
    joiner->capacity = capacity;
    return true;
}

static bool read_header(struct mxt_tls_joiner *joiner, struct mxt_cursor *in)
{
    while (joiner->header_have < HEADER && mxt_cursor_left(in) > 0)
        joiner->header[joiner->header_have++] = mxt_cursor_u8(in);
    if (joiner->header_have < HEADER)
        return false;
    joiner->length = (uint32_t)joiner->header[1] << 16 | (uint32_t)joiner->header[2] << 8 | joiner->header[3];
    return true;
}

static void end_message(struct mxt_tls_joiner *joiner, struct mxt_tls_message *message, const uint8_t *body)
{
    *message = (struct mxt_tls_message){.type = joiner->header[0], .body = body, .length = joiner->length};
    joiner->header_have = 0;
    joiner->have = 0;
    joiner->is_spoilt = false;
}

/* After a gap the record may begin in the midst of a message; its first byte tells, or all of it is passed over. */
static bool has_found_message(struct mxt_tls_joiner *joiner, struct mxt_cursor *in)
{
    if (!joiner->is_lost)
        return true;
    uint8_t type = *in->p;
    joiner->is_lost = !joiner->is_record_start || type >= 32 || (known_types & MXT_TLS_MESSAGE_BIT(type)) == 0;
    joiner->is_record_start = false;
    return !joiner->is_lost;
}

enum mxt_status mxt_tls_joiner_next(struct mxt_tls_joiner *joiner, struct mxt_cursor *in, struct mxt_tls_message *message)
{
    if (joiner->header_have == 0)
        mxt_tls_joiner_clear(joiner);
    if (mxt_cursor_left(in) > 0 && !has_found_message(joiner, in)) {
        mxt_cursor_bytes(in, mxt_cursor_left(in));
        return MXT_MORE;
    }
    if (joiner->header_have < HEADER && !read_header(joiner, in))
        return MXT_MORE;
    uint32_t rest = joiner->length - joiner->have;
    uint32_t n = mxt_cursor_left(in) < rest ? (uint32_t)mxt_cursor_left(in) : rest;
    const uint8_t *p = mxt_cursor_bytes(in, n);
    if (joiner->have == 0 && n == rest) {
        end_message(joiner, message, is_wanted(joiner) ? p : NULL);
        return MXT_OK;
    }
    if (n > 0 && is_wanted(joiner)) {
        if (!reserve(joiner, n)) {
            joiner->is_spoilt = true;
            mxt_tls_joiner_clear(joiner);
            joiner->have += n;
            return MXT_ENOMEM;
        }
        memcpy(joiner->held + joiner->have, p, n);
    }
    joiner->have += n;
    if (n < rest)
        return MXT_MORE;
    end_message(joiner, message, is_wanted(joiner) ? joiner->held : NULL);
    return MXT_OK;
}

void mxt_tls_joiner_record(struct mxt_tls_joiner *joiner, bool is_ssl2, uint16_t length)
{
    joiner->is_record_start = true;
    if (!is_ssl2)
        return;
    joiner->is_lost = false;
    joiner->header[0] = MXT_TLS_SSL2_MESSAGE;
    joiner->header_have = HEADER;
    joiner->length = length;
    joiner->have = 0;
    joiner->is_spoilt = false;
}

void mxt_tls_joiner_gap(struct mxt_tls_joiner *joiner, uint64_t missing)
{
    mxt_tls_joiner_clear(joiner);
    if (joiner->header_have == HEADER && missing <= joiner->length - joiner->have) {
        joiner->have += (uint32_t)missing;
        joiner->is_spoilt = true;
        return;
    }
    joiner->header_have = 0;
    joiner->have = 0;
    joiner->is_lost = true;
}
