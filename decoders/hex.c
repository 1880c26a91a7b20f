#include "decoders/hex.h"

static const char lower[] = "0123456789abcdef";
static const char upper[] = "0123456789ABCDEF";

const char *mxt_hex_keep(struct mxt_arena *arena, const uint8_t *p, size_t n)
{
    char *text = mxt_arena_alloc(arena, n * 2 + 1);
    for (size_t i = 0; text != NULL && i < n; i++) {
        text[i * 2] = lower[p[i] >> 4];
        text[i * 2 + 1] = lower[p[i] & 15];
    }
    return text;
}

const char *mxt_hex_keep_colons(struct mxt_arena *arena, const uint8_t *p, size_t n, int is_upper)
{
    const char *digits = is_upper ? upper : lower;
    char *text = mxt_arena_alloc(arena, n * 3 + 1);
    for (size_t i = 0; text != NULL && i < n; i++) {
        text[i * 3] = digits[p[i] >> 4];
        text[i * 3 + 1] = digits[p[i] & 15];
        text[i * 3 + 2] = i + 1 < n ? ':' : '\0';
    }
    return text;
}
