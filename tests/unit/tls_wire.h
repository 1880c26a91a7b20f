/* What crossed in both directions, and ways to feed it to the TLS decoder. */
#ifndef MXT_TESTS_TLS_WIRE_H
#define MXT_TESTS_TLS_WIRE_H

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "decoders/tls.h"

#define WIRE_CHUNKS 128

struct chunk {
    enum mxt_direction direction;
    enum { CHUNK_BYTES, CHUNK_CLOSE, CHUNK_RESET } kind;
    uint8_t *p;
    size_t n;
};

struct wire {
    struct chunk chunks[WIRE_CHUNKS];
    size_t count;
};

static inline void wire_add(struct wire *wire, enum mxt_direction direction, const void *p, size_t n)
{
    assert_true(wire->count < WIRE_CHUNKS);
    struct chunk *chunk = &wire->chunks[wire->count++];
    *chunk = (struct chunk){.direction = direction, .kind = CHUNK_BYTES, .p = malloc(n == 0 ? 1 : n), .n = n};
    assert_non_null(chunk->p);
    memcpy(chunk->p, p, n);
}

static inline void wire_close(struct wire *wire, enum mxt_direction direction, enum mxt_close how)
{
    assert_true(wire->count < WIRE_CHUNKS);
    wire->chunks[wire->count++] = (struct chunk){.direction = direction, .kind = how == MXT_CLOSE_RST ? CHUNK_RESET : CHUNK_CLOSE};
}

static inline void wire_free(struct wire *wire)
{
    for (size_t i = 0; i < wire->count; i++)
        free(wire->chunks[i].p);
    wire->count = 0;
}

/* Feeds exact copies, so that a byte read beyond a segment is noticed under ASan. */
static inline void feed_copy(struct mxt_tls *tls, enum mxt_direction direction, const uint8_t *p, size_t n)
{
    if (n == 0)
        return;
    uint8_t *copy = malloc(n);
    assert_non_null(copy);
    memcpy(copy, p, n);
    (void)!mxt_tls_feed(tls, direction, copy, n);
    free(copy);
}

/* Feeds one chunk in segments of at most `segment` bytes, cut once more at `cut` (0: not). */
static inline void feed_chunk(struct mxt_tls *tls, const struct chunk *chunk, size_t segment, size_t cut)
{
    if (chunk->kind != CHUNK_BYTES) {
        mxt_tls_close(tls, chunk->direction, chunk->kind == CHUNK_RESET ? MXT_CLOSE_RST : MXT_CLOSE_FIN);
        return;
    }
    for (size_t at = 0; at < chunk->n;) {
        size_t n = chunk->n - at < segment ? chunk->n - at : segment;
        if (at < cut && at + n > cut)
            n = cut - at;
        feed_copy(tls, chunk->direction, chunk->p + at, n);
        at += n;
    }
}

static inline void feed_wire(struct mxt_tls *tls, const struct wire *wire, size_t segment, size_t cut)
{
    for (size_t i = 0; i < wire->count; i++)
        feed_chunk(tls, &wire->chunks[i], segment, cut);
    mxt_tls_finish(tls);
}

static inline void assert_same_text(const char *a, const char *b)
{
    if (a == NULL || b == NULL)
        assert_ptr_equal(a, b);
    else
        assert_string_equal(a, b);
}

static inline void assert_same_facts(const struct mxt_tls_facts *a, const struct mxt_tls_facts *b)
{
    assert_int_equal(a->outcome, b->outcome);
    assert_int_equal(a->version, b->version);
    assert_int_equal(a->client_max_version, b->client_max_version);
    assert_int_equal(a->cipher_id, b->cipher_id);
    assert_same_text(a->cipher, b->cipher);
    assert_same_text(a->sni, b->sni);
    assert_same_text(a->alpn, b->alpn);
    assert_int_equal(a->alpn_offered.total, b->alpn_offered.total);
    assert_same_text(a->ja3_string, b->ja3_string);
    assert_same_text(a->ja3s_string, b->ja3s_string);
    assert_same_text(a->ja3_hash, b->ja3_hash);
    assert_same_text(a->ja3s_hash, b->ja3s_hash);
    assert_same_text(a->ja4, b->ja4);
    assert_int_equal(a->downgrade_sentinel, b->downgrade_sentinel);
    assert_int_equal(a->fallback_scsv, b->fallback_scsv);
    assert_int_equal(a->session_resumed, b->session_resumed);
    assert_int_equal(a->hello_retry, b->hello_retry);
    assert_same_text(a->alert, b->alert);
    assert_int_equal(a->alert_by, b->alert_by);
    assert_int_equal(a->ended_by, b->ended_by);
    assert_same_text(a->ended_how, b->ended_how);
    assert_true(a->encrypted_toserver == b->encrypted_toserver);
    assert_true(a->encrypted_toclient == b->encrypted_toclient);
    assert_int_equal(a->certificate.visible, b->certificate.visible);
}

/* A decoder with its arena. */
struct seen {
    struct mxt_arena arena;
    struct mxt_tls *tls;
    struct mxt_tls_facts *facts;
};

static inline void seen_new(struct seen *seen)
{
    mxt_arena_init(&seen->arena, 0);
    struct mxt_tls_limits limits = MXT_TLS_LIMITS_DEFAULT;
    seen->tls = mxt_tls_new(&seen->arena, &limits);
    assert_non_null(seen->tls);
    seen->facts = mxt_tls_facts(seen->tls);
}

static inline void seen_free(struct seen *seen)
{
    mxt_tls_free(seen->tls);
    mxt_arena_free(&seen->arena);
}

/* Decodes the wire whole, then byte by byte and cut at every place, and asserts that it says the same each time. Returns the first. */
static inline struct seen see_wire(const struct wire *wire)
{
    struct seen whole;
    seen_new(&whole);
    feed_wire(whole.tls, wire, SIZE_MAX, 0);
    size_t longest = 0;
    for (size_t i = 0; i < wire->count; i++)
        longest = wire->chunks[i].n > longest ? wire->chunks[i].n : longest;
    for (size_t cut = 0; cut < longest; cut++) {
        struct seen other;
        seen_new(&other);
        feed_wire(other.tls, wire, cut == 0 ? 1 : SIZE_MAX, cut);
        assert_same_facts(whole.facts, other.facts);
        size_t a, b;
        const struct mxt_der *chain = mxt_tls_chain(whole.tls, &a);
        const struct mxt_der *others = mxt_tls_chain(other.tls, &b);
        assert_int_equal(a, b);
        for (size_t i = 0; i < a; i++) {
            assert_int_equal(chain[i].length, others[i].length);
            assert_memory_equal(chain[i].bytes, others[i].bytes, chain[i].length);
        }
        seen_free(&other);
    }
    return whole;
}

#endif
