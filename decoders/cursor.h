/*
 * A bounded reader of binary fields with a sticky error: a read past the end yields zeros and marks the cursor failed, so that a
 * parser checks once at its end. Big-endian, as all network formats here.
 */
#ifndef MXT_DECODERS_CURSOR_H
#define MXT_DECODERS_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mxt_cursor {
    const uint8_t *p;   /* next byte; within the input or at its end */
    const uint8_t *end;
    bool has_failed;
};

static inline struct mxt_cursor mxt_cursor_over(const uint8_t *p, size_t n)
{
    return (struct mxt_cursor){.p = p, .end = n == 0 ? p : p + n, .has_failed = false};
}

/* Bytes that are left; 0 after a failure. */
static inline size_t mxt_cursor_left(const struct mxt_cursor *c)
{
    return (size_t)(c->end - c->p);
}

/* `n` bytes in the input, or NULL (and failed, at the end) where fewer are left. */
static inline const uint8_t *mxt_cursor_bytes(struct mxt_cursor *c, size_t n)
{
    if (n > mxt_cursor_left(c)) {
        c->has_failed = true;
        c->p = c->end;
        return NULL;
    }
    const uint8_t *p = c->p;
    if (n > 0)
        c->p += n;
    return p;
}

static inline uint8_t mxt_cursor_u8(struct mxt_cursor *c)
{
    const uint8_t *p = mxt_cursor_bytes(c, 1);
    return p == NULL ? 0 : p[0];
}

static inline uint16_t mxt_cursor_u16(struct mxt_cursor *c)
{
    const uint8_t *p = mxt_cursor_bytes(c, 2);
    return p == NULL ? 0 : (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t mxt_cursor_u24(struct mxt_cursor *c)
{
    const uint8_t *p = mxt_cursor_bytes(c, 3);
    return p == NULL ? 0 : (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

/* A cursor over the next `n` bytes, which are passed over; an overrun inside it cannot leave it. Empty and failed where fewer are left. */
static inline struct mxt_cursor mxt_cursor_sub(struct mxt_cursor *c, size_t n)
{
    const uint8_t *p = mxt_cursor_bytes(c, n);
    struct mxt_cursor sub = mxt_cursor_over(p == NULL ? c->end : p, p == NULL ? 0 : n);
    sub.has_failed = p == NULL;
    return sub;
}

#endif
