/* Keys for hash tables, so that nobody can aim collisions at them. */
#ifndef MXT_SENSOR_SEED_H
#define MXT_SENSOR_SEED_H

#include <stdint.h>

/* Another one with each call. */
uint64_t mxt_random_seed(void);

#endif
