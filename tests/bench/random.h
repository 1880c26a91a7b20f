/* Repeatable random numbers: the same seed writes the same traffic. */
#ifndef MXT_BENCH_RANDOM_H
#define MXT_BENCH_RANDOM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct mxt_random {
    uint64_t state;
};

/* The next 64 bits (splitmix64). */
static inline uint64_t mxt_random_next(struct mxt_random *random)
{
    uint64_t z = random->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* A number from 0 to n - 1; n must not be 0. The bias is one in 2^32. */
static inline uint32_t mxt_random_below(struct mxt_random *random, uint32_t n)
{
    return (uint32_t)(((mxt_random_next(random) >> 32) * n) >> 32);
}

/* Fills `size` bytes. */
static inline void mxt_random_fill(struct mxt_random *random, uint8_t *bytes, size_t size)
{
    while (size > 0) {
        uint64_t word = mxt_random_next(random);
        size_t n = size < sizeof word ? size : sizeof word;
        memcpy(bytes, &word, n);
        bytes += n;
        size -= n;
    }
}

/* A size between `least` and `most`, each power of two as likely as the next: many small ones, a long tail. */
static inline uint32_t mxt_random_size(struct mxt_random *random, uint32_t least, uint32_t most)
{
    uint32_t doublings = 0;
    while (doublings < 31 && (uint64_t)least << (doublings + 1) <= most)
        doublings++;
    uint64_t floor = (uint64_t)least << mxt_random_below(random, doublings + 1);
    uint64_t size = floor + mxt_random_below(random, (uint32_t)floor);
    return size > most ? most : (uint32_t)size;
}

#endif
