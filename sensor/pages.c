#include "sensor/pages.h"

#include <stdint.h>
#include <sys/mman.h>

#define LARGE ((size_t)2 << 20) /* a large page of x86-64 and ARM64 */

static size_t rounded(size_t size)
{
    return (size + LARGE - 1) / LARGE * LARGE;
}

void *mxt_pages_new(size_t size)
{
    if (size > SIZE_MAX / 4)
        return NULL;
    /* A large page must begin where it is a multiple of itself: what lies before and behind is given back. */
    size_t wanted = rounded(size), taken = wanted + LARGE;
    char *all = mmap(NULL, taken, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED)
        return NULL;
    size_t before = (LARGE - (uintptr_t)all % LARGE) % LARGE;
    if (before > 0)
        munmap(all, before);
    if (before < LARGE)
        munmap(all + before + wanted, LARGE - before);
    madvise(all + before, wanted, MADV_HUGEPAGE); /* a hint */
    return all + before;
}

void mxt_pages_free(void *pages, size_t size)
{
    if (pages != NULL)
        munmap(pages, rounded(size));
}
