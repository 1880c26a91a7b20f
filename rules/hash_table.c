#include "rules/hash_table.h"

#include <stdlib.h>

#define BUCKETS_FIRST 64u /* a power of two, as every later number */

static size_t place(const struct mxt_hash_table *table, uint64_t hash)
{
    return (size_t)hash & (table->bucket_count - 1);
}

static void push(struct mxt_hash_table *table, struct mxt_hash_node *node)
{
    struct mxt_hash_node **bucket = &table->buckets[place(table, node->hash)];
    node->next = *bucket;
    *bucket = node;
}

/* Where the kernel refuses, the old buckets serve on. */
static void grow(struct mxt_hash_table *table)
{
    struct mxt_hash_table old = *table;
    size_t bucket_count = old.bucket_count == 0 ? BUCKETS_FIRST : old.bucket_count * 2;
    struct mxt_hash_node **buckets = calloc(bucket_count, sizeof(struct mxt_hash_node *));
    if (buckets == NULL)
        return;
    table->buckets = buckets;
    table->bucket_count = bucket_count;
    for (size_t i = 0; i < old.bucket_count; i++) {
        for (struct mxt_hash_node *node = old.buckets[i], *next; node != NULL; node = next) {
            next = node->next;
            push(table, node);
        }
    }
    free(old.buckets);
}

struct mxt_hash_node *mxt_hash_table_bucket(const struct mxt_hash_table *table, uint64_t hash)
{
    return table->bucket_count == 0 ? NULL : table->buckets[place(table, hash)];
}

enum mxt_status mxt_hash_table_add(struct mxt_hash_table *table, struct mxt_hash_node *node)
{
    if (table->count >= table->bucket_count)
        grow(table);
    if (table->bucket_count == 0)
        return MXT_ENOMEM;
    push(table, node);
    table->count++;
    return MXT_OK;
}

void mxt_hash_table_remove(struct mxt_hash_table *table, struct mxt_hash_node *node)
{
    struct mxt_hash_node **link = &table->buckets[place(table, node->hash)];
    while (*link != node)
        link = &(*link)->next;
    *link = node->next;
    table->count--;
}

struct mxt_hash_node *mxt_hash_table_next(const struct mxt_hash_table *table, const struct mxt_hash_node *node)
{
    if (node != NULL && node->next != NULL)
        return node->next;
    for (size_t i = node == NULL ? 0 : place(table, node->hash) + 1; i < table->bucket_count; i++)
        if (table->buckets[i] != NULL)
            return table->buckets[i];
    return NULL;
}

void mxt_hash_table_free(struct mxt_hash_table *table)
{
    free(table->buckets);
    *table = (struct mxt_hash_table){0};
}
