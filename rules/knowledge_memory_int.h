/*
 * The parts of the store in memory: policies, baselines, kept records. Inside rules/ only.
 */
#ifndef MXT_RULES_KNOWLEDGE_MEMORY_INT_H
#define MXT_RULES_KNOWLEDGE_MEMORY_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decoders/arena.h"
#include "rules/json.h"
#include "rules/knowledge.h"

struct mxt_policy_entry;
struct mxt_pattern_chain;

/*
 * Policies in a hash table by domain, their patterns in another by pattern, so that a session costs two lookups however many policies there are. Keys are the
 * operator's files, not the wire's bytes: nobody outside can choose them to collide, so the hash needs no seed.
 */
struct mxt_policy_table {
    struct mxt_policy_entry **domains;
    struct mxt_pattern_chain *patterns;
    size_t domain_buckets, pattern_buckets;
    size_t domain_count, pattern_count;
};

enum mxt_status mxt_policy_table_init(struct mxt_policy_table *table) MXT_MUST_CHECK;
void mxt_policy_table_free(struct mxt_policy_table *table);
/* As mxt_memory_add_policy, policy and policies_of_mx (rules/knowledge.h). */
enum mxt_status mxt_policy_table_add(struct mxt_policy_table *table, const char *domain, const char *text, size_t n, char *fault,
                                     size_t fault_size) MXT_MUST_CHECK;
const struct mxt_policy *mxt_policy_table_find(const struct mxt_policy_table *table, const char *domain, int64_t time_us);
size_t mxt_policy_table_find_mx(const struct mxt_policy_table *table, const char *mx, int64_t time_us, const struct mxt_policy **out, size_t max);

struct mxt_baseline_entry;

/* Entries by when they were last touched. */
struct mxt_baseline_list {
    struct mxt_baseline_entry *oldest, *newest;
    uint32_t count;
};

/* Baselines that share a bound. Those that have offered STARTTLS are worth more than those that never did. */
enum mxt_baseline_class { MXT_CLASS_SERVERS, MXT_CLASS_NAMES, MXT_CLASS_PAIRS, MXT_CLASSES };

struct mxt_baseline_table {
    struct mxt_baseline_entry **buckets;
    size_t bucket_count, count;
    uint64_t seed;
    uint32_t limits[MXT_CLASSES];
    struct mxt_baseline_list offering[MXT_CLASSES], plain[MXT_CLASSES];
    uint64_t forgotten;
    bool is_kept;                              /* changes are remembered until they are drained */
    struct mxt_baseline_entry *changed, *gone; /* since then */
};

enum mxt_status mxt_baseline_table_init(struct mxt_baseline_table *table, const struct mxt_memory_limits *limits) MXT_MUST_CHECK;
void mxt_baseline_table_free(struct mxt_baseline_table *table);
const struct mxt_baseline *mxt_baseline_table_find(const struct mxt_baseline_table *table, const struct mxt_subject *subject);
enum mxt_status mxt_baseline_table_apply(struct mxt_baseline_table *table, const struct mxt_change *change) MXT_MUST_CHECK;
enum mxt_status mxt_baseline_table_load(struct mxt_baseline_table *table, const struct mxt_baseline *baseline) MXT_MUST_CHECK;
enum mxt_status mxt_baseline_table_load_part(struct mxt_baseline_table *table, const struct mxt_baseline_part *part) MXT_MUST_CHECK;
void mxt_baseline_table_drain(struct mxt_baseline_table *table, void (*each)(void *context, const struct mxt_baseline_part *part), void *context);
void mxt_baseline_table_each(const struct mxt_baseline_table *table, void (*each)(void *context, const struct mxt_baseline *baseline), void *context);

struct mxt_kept_record;

/* Records as JSON, which is their deep copy; few are ever asked for. */
struct mxt_record_table {
    struct mxt_kept_record **buckets;
    size_t bucket_count;
    struct mxt_kept_record *oldest, *newest;
    uint32_t count, limit;
    uint64_t bytes, bytes_limit;
    uint64_t forgotten;
    struct mxt_json writer; /* its buffer is reused */
    struct mxt_arena asked; /* holds the records that were asked for since the last change */
};

enum mxt_status mxt_record_table_init(struct mxt_record_table *table, const struct mxt_memory_limits *limits) MXT_MUST_CHECK;
void mxt_record_table_free(struct mxt_record_table *table);
const struct mxt_record *mxt_record_table_find(struct mxt_record_table *table, uint64_t session_id);
enum mxt_status mxt_record_table_keep(struct mxt_record_table *table, const struct mxt_record *record) MXT_MUST_CHECK;

struct mxt_memory {
    struct mxt_policy_table policies;
    struct mxt_baseline_table baselines;
    struct mxt_record_table records;
    uint64_t refused; /* changes that found no memory */
};

#endif
