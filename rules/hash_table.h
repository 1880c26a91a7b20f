/*
 * A chained hash table over nodes that stand inside what they index. It owns its buckets, never the nodes. Hashes are the caller's, seeded where strangers
 * choose the keys. Inside rules/ only.
 */
#ifndef MXT_RULES_HASH_TABLE_H
#define MXT_RULES_HASH_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "decoders/status.h"

struct mxt_hash_node {
    struct mxt_hash_node *next; /* in the bucket */
    uint64_t hash;
};

/* Zeroed is a valid empty table. */
struct mxt_hash_table {
    struct mxt_hash_node **buckets;
    size_t bucket_count; /* 0 or a power of two */
    size_t count;
};

/* The first node of the hash's bucket, NULL where there is none: the caller follows `next` and compares hash and key. */
struct mxt_hash_node *mxt_hash_table_bucket(const struct mxt_hash_table *table, uint64_t hash);

/* Adds a node whose `hash` is set. MXT_OK; MXT_ENOMEM: the table is unchanged (only the very first buckets can be refused; later it gets slower instead). */
enum mxt_status mxt_hash_table_add(struct mxt_hash_table *table, struct mxt_hash_node *node) MXT_MUST_CHECK;

/* Takes out a node that is in the table. */
void mxt_hash_table_remove(struct mxt_hash_table *table, struct mxt_hash_node *node);

/* The node after `node` in no order, the first for NULL; NULL at the end. The node handed in must still be in the table. */
struct mxt_hash_node *mxt_hash_table_next(const struct mxt_hash_table *table, const struct mxt_hash_node *node);

/* Frees the buckets; the table is empty. */
void mxt_hash_table_free(struct mxt_hash_table *table);

#endif
