#include "sensor/passed.h"

#include <stdlib.h>
#include <string.h>

#include "sensor/pages.h"

#define WAYS 8 /* hashes in one cache line of 64 bytes */

/* The latest heard of first; 0 is an empty place, and stands behind all others. */
struct line {
    uint64_t hash[WAYS];
};

struct mxt_passed {
    size_t mask;
    struct line *lines;
};

struct mxt_passed *mxt_passed_new(size_t capacity)
{
    size_t count = 1;
    while (count < SIZE_MAX / 2 / sizeof(struct line) && count * WAYS < capacity)
        count *= 2;
    struct mxt_passed *passed = malloc(sizeof *passed);
    struct line *lines = mxt_pages_new(count * sizeof *lines);
    if (passed == NULL || lines == NULL) {
        mxt_pages_free(lines, count * sizeof *lines);
        free(passed);
        return NULL;
    }
    *passed = (struct mxt_passed){.mask = count - 1, .lines = lines};
    return passed;
}

void mxt_passed_free(struct mxt_passed *passed)
{
    if (passed == NULL)
        return;
    mxt_pages_free(passed->lines, (passed->mask + 1) * sizeof *passed->lines);
    free(passed);
}

/* The upper half chooses the line: the flow table's buckets are chosen by the lower one. */
static struct line *line_of(const struct mxt_passed *passed, uint64_t hash)
{
    return &passed->lines[hash >> 32 & passed->mask];
}

/* An empty place is 0; a connection with that hash shares the next one's. */
static uint64_t stored(uint64_t hash)
{
    return hash == 0 ? 1 : hash;
}

static size_t place_of(const struct line *line, uint64_t hash)
{
    size_t i = 0;
    while (i < WAYS && line->hash[i] != hash)
        i++;
    return i;
}

void mxt_passed_expect(const struct mxt_passed *passed, uint64_t hash)
{
    __builtin_prefetch(line_of(passed, hash), 1);
}

bool mxt_passed_is(const struct mxt_passed *passed, uint64_t hash)
{
    return place_of(line_of(passed, hash), stored(hash)) < WAYS;
}

/* Moves the first `n` hashes one place back and puts `hash` in front of them. */
static void to_front(struct line *line, size_t n, uint64_t hash)
{
    memmove(&line->hash[1], &line->hash[0], n * sizeof line->hash[0]);
    line->hash[0] = hash;
}

bool mxt_passed_has(struct mxt_passed *passed, uint64_t hash)
{
    struct line *line = line_of(passed, hash);
    size_t place = place_of(line, stored(hash));
    if (place == WAYS)
        return false;
    if (place > 0)
        to_front(line, place, stored(hash));
    return true;
}

bool mxt_passed_add(struct mxt_passed *passed, uint64_t hash)
{
    struct line *line = line_of(passed, hash);
    if (mxt_passed_has(passed, hash))
        return false;
    bool is_full = line->hash[WAYS - 1] != 0;
    to_front(line, WAYS - 1, stored(hash));
    return is_full;
}

void mxt_passed_remove(struct mxt_passed *passed, uint64_t hash)
{
    struct line *line = line_of(passed, hash);
    size_t place = place_of(line, stored(hash));
    if (place == WAYS)
        return;
    memmove(&line->hash[place], &line->hash[place + 1], (WAYS - 1 - place) * sizeof line->hash[0]);
    line->hash[WAYS - 1] = 0;
}
