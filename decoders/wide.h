/*
 * Loops over bytes for processors with wide vectors (AVX2), beside those that every processor can do: the same source, compiled twice. Which one runs is asked each time,
 * which costs a load: the linker's way of asking once (ifunc) goes ill with sanitizers.
 */
#ifndef MXT_DECODERS_WIDE_H
#define MXT_DECODERS_WIDE_H

#include <stdbool.h>

#ifdef __x86_64__
#define MXT_WIDE __attribute__((target("avx2")))
#else
#define MXT_WIDE
#endif

/* Whether what is marked MXT_WIDE may be called. */
static inline bool mxt_is_wide(void)
{
#ifdef __x86_64__
    return __builtin_cpu_supports("avx2") != 0;
#else
    return false;
#endif
}

#endif
