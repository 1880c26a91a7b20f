#include "sensor/slab.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>

#define CHUNK     ((size_t)2 << 20) /* a large page of x86-64 and ARM64 */
#define ALIGNMENT 8u /* of a slot; more where its size is a multiple of more */

struct mxt_slab_chunk {
    alignas(max_align_t) struct mxt_slab_chunk *next;
};

struct mxt_slab_given {
    struct mxt_slab_given *next;
};

void mxt_slab_init(struct mxt_slab *slab, size_t size)
{
    *slab = (struct mxt_slab){.slot = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT};
}

#ifdef MXT_SLAB_IS_MALLOC

void mxt_slab_free(struct mxt_slab *slab)
{
    (void)slab;
}

void *mxt_slab_take(struct mxt_slab *slab)
{
    return malloc(slab->slot);
}

void mxt_slab_give(struct mxt_slab *slab, void *slot)
{
    (void)slab;
    free(slot);
}

#else

void mxt_slab_free(struct mxt_slab *slab)
{
    for (struct mxt_slab_chunk *chunk = slab->chunks, *next; chunk != NULL; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    mxt_slab_init(slab, slab->slot);
}

static bool add_chunk(struct mxt_slab *slab)
{
    struct mxt_slab_chunk *chunk = aligned_alloc(CHUNK, CHUNK);
    if (chunk == NULL)
        return false;
    madvise(chunk, CHUNK, MADV_HUGEPAGE); /* a hint */
    chunk->next = slab->chunks;
    slab->chunks = chunk;
    slab->fresh = (uint8_t *)(chunk + 1);
    slab->fresh_left = CHUNK - sizeof *chunk;
    return true;
}

void *mxt_slab_take(struct mxt_slab *slab)
{
    struct mxt_slab_given *given = slab->given;
    if (given != NULL) {
        slab->given = given->next;
        return given;
    }
    if (slab->fresh_left < slab->slot && !add_chunk(slab))
        return NULL;
    void *slot = slab->fresh;
    slab->fresh += slab->slot;
    slab->fresh_left -= slab->slot;
    return slot;
}

void mxt_slab_give(struct mxt_slab *slab, void *slot)
{
    struct mxt_slab_given *given = slot;
    if (given == NULL)
        return;
    given->next = slab->given;
    slab->given = given;
}

#endif
