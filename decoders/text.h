/*
 * Text that is safe to keep and to print. Everything that comes from the wire and is kept as a string passes through mxt_text_keep:
 * the result is valid UTF-8 without NUL, C0, DEL, C1 controls or bidirectional overrides; every other byte stands as \xNN.
 * So a banner cannot drive a terminal or break a JSON line, and strings are plain NUL-terminated `const char *` from here on.
 */
#ifndef MXT_DECODERS_TEXT_H
#define MXT_DECODERS_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "decoders/arena.h"

/* Strings in the order seen. `count` are kept in `items`; `total` counts all, those not kept for a bound too. Zeroed is empty. */
struct mxt_text_list {
    const char **items;
    uint16_t count;
    uint16_t capacity;
    uint32_t total;
};

/*
 * A safe copy in the arena of at most `max` of the `n` bytes at `p` (cut at a character's border, then marked by "..." at its end).
 * NULL when the arena refuses. `p` may be NULL where n is 0.
 */
const char *mxt_text_keep(struct mxt_arena *arena, const uint8_t *p, size_t n, size_t max);

/* Appends a string that lives as long as the arena. Beyond `max` items only `total` counts up.
 * MXT_OK, also where only counted; MXT_ENOMEM when the arena refuses (only `total` has changed). */
enum mxt_status mxt_text_list_add(struct mxt_text_list *list, struct mxt_arena *arena, const char *text, size_t max);

/* Whether two strings are equal without regard to ASCII case; NULL equals nothing. */
int mxt_text_is_equal_nocase(const char *a, const char *b);

#endif
