#include "sensor/newcomers.h"

#include <stdlib.h>

#include "sensor/pages.h"

#define WAYS       8u  /* connections in one line of 64 bytes */
#define GRAIN_BITS 16u /* of a microsecond clock that a time leaves out: 65 ms; its 32 bits come round after nine years */
#define CACHE_LINE 64u
#define LINE_BYTES (sizeof(struct line) + WAYS * sizeof(struct mxt_newcomer)) /* of memory for one line */

/* Where the connections of one line are told apart. */
struct line {
    uint32_t tag[WAYS];   /* of the hash; 0: an empty place */
    uint32_t until[WAYS]; /* in grains */
};

struct mxt_newcomers {
    size_t mask;
    struct line *lines;
    struct mxt_newcomer *places; /* WAYS a line; in the same pages */
};

_Static_assert(sizeof(struct line) == CACHE_LINE && sizeof(struct mxt_newcomer) == CACHE_LINE, "one look at memory each");

struct mxt_newcomers *mxt_newcomers_new(size_t capacity)
{
    size_t count = 1;
    while (count < SIZE_MAX / 2 / LINE_BYTES && count * WAYS < capacity)
        count *= 2;
    struct mxt_newcomers *newcomers = malloc(sizeof *newcomers);
    struct line *lines = mxt_pages_new(count * LINE_BYTES);
    if (newcomers == NULL || lines == NULL) {
        mxt_pages_free(lines, count * LINE_BYTES);
        free(newcomers);
        return NULL;
    }
    *newcomers = (struct mxt_newcomers){.mask = count - 1, .lines = lines, .places = (struct mxt_newcomer *)(lines + count)};
    return newcomers;
}

void mxt_newcomers_free(struct mxt_newcomers *newcomers)
{
    if (newcomers == NULL)
        return;
    mxt_pages_free(newcomers->lines, (newcomers->mask + 1) * LINE_BYTES);
    free(newcomers);
}

/* The middle bits choose the line: the flow table's buckets are chosen by the lower ones, and the tag is the upper half. */
static size_t line_at(const struct mxt_newcomers *newcomers, uint64_t hash)
{
    return hash >> 8 & newcomers->mask;
}

static uint32_t tag_of(uint64_t hash)
{
    uint32_t tag = (uint32_t)(hash >> 32);
    return tag == 0 ? 1 : tag;
}

static uint32_t grains(int64_t time_us)
{
    return (uint32_t)((uint64_t)time_us >> GRAIN_BITS);
}

/* Grains from `now` to a time; negative: it has come. */
static int32_t left(uint32_t until, uint32_t now)
{
    return (int32_t)(until - now);
}

static unsigned way_of(const struct line *line, uint32_t tag)
{
    unsigned way = 0;
    while (way < WAYS && line->tag[way] != tag)
        way++;
    return way;
}

void mxt_newcomers_announce(const struct mxt_newcomers *newcomers, uint64_t hash)
{
    __builtin_prefetch(&newcomers->lines[line_at(newcomers, hash)], 1);
}

struct mxt_newcomer *mxt_newcomers_find(const struct mxt_newcomers *newcomers, uint64_t hash, int64_t now_us)
{
    size_t at = line_at(newcomers, hash);
    const struct line *line = &newcomers->lines[at];
    unsigned way = way_of(line, tag_of(hash));
    return way < WAYS && left(line->until[way], grains(now_us)) >= 0 ? &newcomers->places[at * WAYS + way] : NULL;
}

/* The place to take: the connection's own where it has one still, an empty one, or that of the one whose time comes first. */
static unsigned choose(const struct line *line, uint32_t tag)
{
    unsigned best = way_of(line, tag);
    if (best < WAYS)
        return best;
    best = way_of(line, 0);
    if (best < WAYS)
        return best;
    best = 0;
    for (unsigned way = 1; way < WAYS; way++)
        if (left(line->until[way], line->until[best]) < 0)
            best = way;
    return best;
}

void mxt_newcomers_expect(const struct mxt_newcomers *newcomers, uint64_t hash)
{
    size_t at = line_at(newcomers, hash);
    __builtin_prefetch(&newcomers->places[at * WAYS + choose(&newcomers->lines[at], tag_of(hash))], 1);
}

struct mxt_newcomer *mxt_newcomers_add(struct mxt_newcomers *newcomers, uint64_t hash, int64_t now_us, int64_t until_us, bool *is_forgotten)
{
    size_t at = line_at(newcomers, hash);
    struct line *line = &newcomers->lines[at];
    uint32_t tag = tag_of(hash), now = grains(now_us);
    unsigned way = choose(line, tag);
    *is_forgotten = line->tag[way] != 0 && line->tag[way] != tag && left(line->until[way], now) >= 0;
    line->tag[way] = tag;
    line->until[way] = grains(until_us);
    return &newcomers->places[at * WAYS + way];
}

void mxt_newcomers_keep(struct mxt_newcomers *newcomers, const struct mxt_newcomer *newcomer, int64_t until_us)
{
    size_t at = (size_t)(newcomer - newcomers->places);
    newcomers->lines[at / WAYS].until[at % WAYS] = grains(until_us);
}

void mxt_newcomers_remove(struct mxt_newcomers *newcomers, const struct mxt_newcomer *newcomer)
{
    size_t at = (size_t)(newcomer - newcomers->places);
    newcomers->lines[at / WAYS].tag[at % WAYS] = 0;
}
