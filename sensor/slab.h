/*
 * Memory of one size, for what there is one of per connection: no overhead a piece, and all of them on few large pages. Of thousands of connections each packet
 * is for another one; on pages of 4 KiB looking up where its memory lies costs more than the packet.
 *
 *   chunk (2 MiB, a large page where the system has one)
 *   |slot|slot|slot|slot| ... fresh -> |    never used yet    |
 *             given back: a list through the slots themselves
 *
 * What was taken once stays with the slab until it is freed: its owner bounds how many slots are in use. Not thread safe.
 */
#ifndef MXT_SENSOR_SLAB_H
#define MXT_SENSOR_SLAB_H

#include <stddef.h>
#include <stdint.h>

/* Under AddressSanitizer every slot is a block by itself, so that its borders and its end are seen. GCC says so in one way, clang in another. */
#if defined(__SANITIZE_ADDRESS__)
#define MXT_SLAB_IS_MALLOC
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MXT_SLAB_IS_MALLOC
#endif
#endif

struct mxt_slab {
    size_t slot; /* bytes */
    struct mxt_slab_chunk *chunks;
    struct mxt_slab_given *given;
    uint8_t *fresh;
    size_t fresh_left; /* bytes */
};

/* Prepares a slab of slots of `size` bytes (up to 64 KiB), aligned to 16 bytes where `size` is a multiple of them, else to 8. Takes no memory yet. */
void mxt_slab_init(struct mxt_slab *slab, size_t size);

/* Frees all slots, those in use too. */
void mxt_slab_free(struct mxt_slab *slab);

/* A slot, its content undefined; NULL: out of memory. */
void *mxt_slab_take(struct mxt_slab *slab);

/* Gives a slot back. NULL is accepted. */
void mxt_slab_give(struct mxt_slab *slab, void *slot);

#endif
