/*
 * Certificates: any bytes are survived, as one certificate and as a chain of two (a length of 16 bits parts them), read, judged and read from the cache; the
 * cache answers as the first reading did.
 */
#include <stdlib.h>
#include <string.h>

#include "decoders/cursor.h"
#include "sensor/trust.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define ARENA_LIMIT (1u << 20)
#define SOME_TIME INT64_C(1735689600000000)

static struct mxt_trust *trust;

static bool is_same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void describe_twice(const struct mxt_der *chain, size_t count)
{
    struct mxt_arena arena;
    struct mxt_certificate_facts facts[2];
    enum mxt_status status[2];
    mxt_arena_init(&arena, ARENA_LIMIT);
    for (int i = 0; i < 2; i++)
        status[i] = mxt_trust_describe(trust, chain, count, SOME_TIME, &arena, &facts[i]);
    if (arena.failures == 0 &&
        (status[0] != status[1] || facts[0].trust != facts[1].trust || facts[0].has_weak_signature != facts[1].has_weak_signature ||
         facts[0].subject_alt_names.total != facts[1].subject_alt_names.total || !is_same_text(facts[0].subject, facts[1].subject) ||
         !is_same_text(facts[0].sha256, facts[1].sha256) || !is_same_text(facts[0].key, facts[1].key)))
        abort();
    if (status[0] == MXT_OK)
        (void)mxt_certificate_matches(&facts[0], "mx.example.net");
    mxt_arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char error[256];
    if (trust == NULL)
        trust = mxt_trust_open(NULL, error, sizeof error);
    if (trust == NULL || n < 2)
        return 0;
    struct mxt_cursor in = mxt_cursor_over(data, n);
    size_t first = mxt_cursor_u16(&in);
    first = first < mxt_cursor_left(&in) ? first : mxt_cursor_left(&in);
    struct mxt_der chain[2] = {{.bytes = in.p, .length = first}, {.bytes = in.p + first, .length = mxt_cursor_left(&in) - first}};
    describe_twice(chain, chain[1].length > 0 ? 2 : 1);
    return 0;
}
