#include "decoders/arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

struct mxt_arena_block {
    struct mxt_arena_block *previous;
    uint32_t size : 31; /* of the whole block */
    uint32_t is_lent : 1;
    uint32_t used; /* header included */
};

#define ALIGNMENT alignof(max_align_t)

void mxt_arena_init(struct mxt_arena *arena, uint32_t limit)
{
    *arena = (struct mxt_arena){.limit = limit};
}

void mxt_arena_init_with(struct mxt_arena *arena, uint32_t limit, void *first, uint32_t size)
{
    struct mxt_arena_block *block = first;
    *block = (struct mxt_arena_block){.size = size & INT32_MAX, .is_lent = 1, .used = sizeof *block};
    *arena = (struct mxt_arena){.head = block, .reserved = size, .limit = limit};
}

static struct mxt_arena_block *grow(struct mxt_arena *arena, size_t wanted)
{
    size_t size = arena->head == NULL ? MXT_ARENA_FIRST : (size_t)arena->head->size * 2;
    if (size > MXT_ARENA_BLOCK_MAX)
        size = MXT_ARENA_BLOCK_MAX;
    if (size < wanted + sizeof(struct mxt_arena_block))
        size = wanted + sizeof(struct mxt_arena_block);
    if (size > INT32_MAX - arena->reserved || (arena->limit != 0 && arena->reserved + size > arena->limit))
        return NULL;
    struct mxt_arena_block *block = malloc(size);
    if (block == NULL)
        return NULL;
    *block = (struct mxt_arena_block){.previous = arena->head, .size = (uint32_t)size & INT32_MAX, .used = sizeof *block};
    arena->head = block;
    arena->reserved += (uint32_t)size;
    return block;
}

/* `size` bytes at an offset that is a multiple of `align`. Text needs no alignment, which keeps small arenas dense. */
static void *take(struct mxt_arena *arena, size_t size, size_t align)
{
    if (arena->fail_at != 0 && --arena->fail_at == 0) {
        arena->failures++;
        return NULL;
    }
    struct mxt_arena_block *block = arena->head;
    size_t start = block == NULL ? 0 : (block->used + align - 1) / align * align;
    if (block == NULL || start > block->size || size > block->size - start) {
        if (size > UINT32_MAX / 2 || (block = grow(arena, size + align)) == NULL) {
            arena->failures++;
            return NULL;
        }
        start = (block->used + align - 1) / align * align;
    }
    block->used = (uint32_t)(start + size);
    return (char *)block + start;
}

void *mxt_arena_alloc(struct mxt_arena *arena, size_t size)
{
    void *p = take(arena, size, ALIGNMENT);
    if (p != NULL)
        memset(p, 0, size);
    return p;
}

char *mxt_arena_copy(struct mxt_arena *arena, const void *p, size_t n)
{
    if (n == SIZE_MAX)
        return NULL;
    char *copy = take(arena, n + 1, 1);
    if (copy != NULL) {
        if (n > 0)
            memcpy(copy, p, n);
        copy[n] = '\0';
    }
    return copy;
}

void mxt_arena_free(struct mxt_arena *arena)
{
    struct mxt_arena_block *block = arena->head;
    while (block != NULL) {
        struct mxt_arena_block *previous = block->previous;
        if (!block->is_lent)
            free(block);
        block = previous;
    }
    arena->head = NULL;
    arena->reserved = 0;
}
