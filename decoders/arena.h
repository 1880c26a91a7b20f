/*
 * A region of memory that is freed at once. Each session has one: what a decoder wants to keep goes in here and dies with the session.
 *
 * The first block is small (MXT_ARENA_FIRST), or lent by the owner out of memory it has anyway; later blocks double up to
 * MXT_ARENA_BLOCK_MAX. Not thread safe: an arena belongs to the thread of its flow.
 */
#ifndef MXT_DECODERS_ARENA_H
#define MXT_DECODERS_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "decoders/status.h"

#define MXT_ARENA_FIRST 240u       /* bytes of the first block, header included */
#define MXT_ARENA_BLOCK_MAX 8192u  /* bytes of the largest regular block */

struct mxt_arena_block;

/* Zeroed is a valid empty arena without a limit. Embedded by its owner. */
struct mxt_arena {
    struct mxt_arena_block *head; /* newest block */
    uint32_t reserved;            /* bytes taken from malloc or lent, headers included */
    uint32_t limit;               /* most bytes to reserve; 0: no limit */
    uint32_t fail_at;             /* tests: the fail_at-th allocation from now fails; 0: none */
    uint32_t failures;            /* allocations refused so far */
};

/* Prepares an empty arena that reserves at most `limit` bytes (0: unlimited). Reserves nothing yet. */
void mxt_arena_init(struct mxt_arena *arena, uint32_t limit);

/* The same, with `size` bytes at `first` (aligned for any object, the caller's, at least 16) to be used up first. They must outlive the arena. */
void mxt_arena_init_with(struct mxt_arena *arena, uint32_t limit, void *first, uint32_t size);

/* `size` zeroed bytes aligned for any object, valid until mxt_arena_free; NULL when refused (counted in `failures`). */
void *mxt_arena_alloc(struct mxt_arena *arena, size_t size);

/* A NUL-terminated copy of the `n` bytes at `p`, unchanged; NULL when refused. */
char *mxt_arena_copy(struct mxt_arena *arena, const void *p, size_t n);

/* Frees everything; the arena is empty and usable again, its limit kept. */
void mxt_arena_free(struct mxt_arena *arena);

#endif
