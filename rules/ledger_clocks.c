/* How the clocks of sensors differ, as the sessions tell that two of them saw. */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "rules/ledger_int.h"

#define CLOCKS_MAX 4096u /* pairs of sensors; more are not learned */

/* Two names in their order. */
struct pair {
    const char *first, *second;
    uint64_t hash;
};

static struct pair pair_of(const struct mxt_ledger *ledger, const char *a, const char *b)
{
    struct pair pair = strcmp(a, b) < 0 ? (struct pair){a, b, 0} : (struct pair){b, a, 0};
    uint64_t hash = XXH3_64bits_withSeed(pair.first, strlen(pair.first), ledger->config.alerts_limits.seed);
    pair.hash = XXH3_64bits_withSeed(pair.second, strlen(pair.second), hash);
    return pair;
}

static struct ledger_clock *find(const struct mxt_ledger *ledger, const struct pair *pair)
{
    for (struct mxt_hash_node *node = mxt_hash_table_bucket(&ledger->clocks, pair->hash); node != NULL; node = node->next) {
        struct ledger_clock *clock = (struct ledger_clock *)node;
        if (strcmp(clock->names, pair->first) == 0 && strcmp(clock->names + strlen(clock->names) + 1, pair->second) == 0)
            return clock;
    }
    return NULL;
}

static struct ledger_clock *add(struct mxt_ledger *ledger, const struct pair *pair)
{
    size_t first = strlen(pair->first) + 1, second = strlen(pair->second) + 1;
    struct ledger_clock *clock = ledger->clocks.count >= CLOCKS_MAX ? NULL : calloc(1, sizeof *clock + first + second);
    if (clock == NULL)
        return NULL;
    memcpy(clock->names, pair->first, first);
    memcpy(clock->names + first, pair->second, second);
    clock->node.hash = pair->hash;
    if (mxt_hash_table_add(&ledger->clocks, &clock->node) != MXT_OK) {
        free(clock);
        return NULL;
    }
    return clock;
}

static void learn(struct mxt_ledger *ledger, const struct view *a, const struct view *b, uint64_t order)
{
    struct pair pair = pair_of(ledger, a->sensor, b->sensor);
    struct ledger_clock *clock = find(ledger, &pair);
    if (clock == NULL)
        clock = add(ledger, &pair);
    if (clock == NULL || clock->order > order)
        return; /* not known, it is taken for none */
    clock->order = order;
    clock->offset_us = strcmp(a->sensor, pair.first) == 0 ? a->start_us - b->start_us : b->start_us - a->start_us;
}

void mxt_ledger_clocks_learn(struct mxt_ledger *ledger, const struct ledger_session *session)
{
    for (const struct view *a = session->views; a != NULL; a = a->next)
        for (const struct view *b = a->next; b != NULL; b = b->next)
            if (a->session_id == b->session_id)
                learn(ledger, a, b, session->order);
}

int64_t mxt_ledger_clock_offset(const struct mxt_ledger *ledger, const char *sensor, const char *other)
{
    struct pair pair = pair_of(ledger, sensor, other);
    const struct ledger_clock *clock = find(ledger, &pair);
    if (clock == NULL)
        return 0;
    return strcmp(sensor, pair.first) == 0 ? clock->offset_us : -clock->offset_us;
}

void mxt_ledger_clocks_free(struct mxt_ledger *ledger)
{
    for (struct mxt_hash_node *node; (node = mxt_hash_table_next(&ledger->clocks, NULL)) != NULL;) {
        mxt_hash_table_remove(&ledger->clocks, node);
        free(node);
    }
    mxt_hash_table_free(&ledger->clocks);
}
