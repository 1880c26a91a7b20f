/* Digests as text. */
#ifndef MXT_DECODERS_HEX_H
#define MXT_DECODERS_HEX_H

#include <stddef.h>
#include <stdint.h>

#include "decoders/arena.h"

/* The `n` bytes in lower-case hex, "0a1b2c", in the arena; NULL when it refuses. */
const char *mxt_hex_keep(struct mxt_arena *arena, const uint8_t *p, size_t n);

/* "0a:1b:2c", in upper case "0A:1B:2C"; "" for no bytes; NULL when the arena refuses. */
const char *mxt_hex_keep_colons(struct mxt_arena *arena, const uint8_t *p, size_t n, int is_upper);

#endif
