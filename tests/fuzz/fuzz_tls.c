/*
 * TLS: any bytes in both directions, gaps and closes are survived; and without gaps it does not matter how the bytes are cut.
 * Input: chunks of a control byte (bit 0: direction; bits 1 and 2: bytes, bytes, a gap, a close), a length of 16 bits, and as many bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "decoders/cursor.h"
#include "decoders/tls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define CHUNKS 64
#define ARENA_LIMIT (1u << 20)

struct decoded {
    struct mxt_arena arena;
    struct mxt_tls *tls;
    bool has_gap;
};

/* In an exact block, so that a byte read beyond it is noticed. */
static void feed(struct mxt_tls *tls, enum mxt_direction direction, const uint8_t *p, size_t n)
{
    uint8_t *copy = malloc(n);
    if (copy == NULL)
        return;
    memcpy(copy, p, n);
    (void)!mxt_tls_feed(tls, direction, copy, n);
    free(copy);
}

static void decode(struct decoded *out, const uint8_t *data, size_t n, size_t segment)
{
    struct mxt_tls_limits limits = MXT_TLS_LIMITS_DEFAULT;
    struct mxt_cursor in = mxt_cursor_over(data, n);
    mxt_arena_init(&out->arena, ARENA_LIMIT);
    out->has_gap = false;
    out->tls = mxt_tls_new(&out->arena, &limits);
    for (int i = 0; out->tls != NULL && i < CHUNKS && mxt_cursor_left(&in) > 0; i++) {
        uint8_t control = mxt_cursor_u8(&in);
        size_t length = mxt_cursor_u16(&in);
        enum mxt_direction direction = control & 1 ? MXT_TOCLIENT : MXT_TOSERVER;
        if ((control >> 1 & 3) == 3) {
            mxt_tls_close(out->tls, direction, length & 1 ? MXT_CLOSE_RST : MXT_CLOSE_FIN);
        } else if ((control >> 1 & 3) == 2) {
            mxt_tls_gap(out->tls, direction, length);
            out->has_gap = true;
        } else {
            length = length < mxt_cursor_left(&in) ? length : mxt_cursor_left(&in);
            const uint8_t *p = mxt_cursor_bytes(&in, length);
            for (size_t at = 0; at < length; at += segment)
                feed(out->tls, direction, p + at, length - at < segment ? length - at : segment);
        }
    }
    if (out->tls != NULL)
        mxt_tls_finish(out->tls);
}

static void release(struct decoded *decoded)
{
    mxt_tls_free(decoded->tls);
    mxt_arena_free(&decoded->arena);
}

static bool is_same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void compare(const struct decoded *one, const struct decoded *other)
{
    const struct mxt_tls_facts *a = mxt_tls_facts(one->tls), *b = mxt_tls_facts(other->tls);
    size_t chain_a, chain_b;
    (void)mxt_tls_chain(one->tls, &chain_a);
    (void)mxt_tls_chain(other->tls, &chain_b);
    if (a->outcome != b->outcome || a->version != b->version || a->client_max_version != b->client_max_version || chain_a != chain_b ||
        a->session_resumed != b->session_resumed || a->certificate.visible != b->certificate.visible || a->ended_by != b->ended_by ||
        a->encrypted_toserver != b->encrypted_toserver || a->encrypted_toclient != b->encrypted_toclient ||
        !is_same_text(a->cipher, b->cipher) || !is_same_text(a->sni, b->sni) || !is_same_text(a->ja3_string, b->ja3_string) ||
        !is_same_text(a->ja4, b->ja4) || !is_same_text(a->ja3s_string, b->ja3s_string) || !is_same_text(a->alert, b->alert))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct decoded whole, bytewise;
    decode(&whole, data, n, SIZE_MAX / 2);
    decode(&bytewise, data, n, 1);
    if (whole.tls != NULL && bytewise.tls != NULL && !whole.has_gap && whole.arena.failures == 0 && bytewise.arena.failures == 0)
        compare(&whole, &bytewise);
    release(&whole);
    release(&bytewise);
    return 0;
}
