#include "sensor/seed.h"

#include <sys/random.h>
#include <time.h>

/* The clock serves where the kernel gives none. */
uint64_t mxt_random_seed(void)
{
    uint64_t seed;
    return getrandom(&seed, sizeof seed, GRND_NONBLOCK) == sizeof seed ? seed : (uint64_t)time(NULL);
}
