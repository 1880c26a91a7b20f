/*
 * What rules may ask beyond the session. The judge sees this interface only; under it lies memory (a replay) or Redis (collectors). It never blocks: what the
 * store does not hold is unknown.
 */
#ifndef MXT_RULES_KNOWLEDGE_H
#define MXT_RULES_KNOWLEDGE_H

#include <stddef.h>
#include <stdint.h>

#include "rules/baseline.h"
#include "rules/policy.h"

/* A store behind function pointers. What they return is owned by the store and valid until it is next changed. */
struct mxt_knowledge {
    void *store;
    /* The policy of a domain (lower case) in force at `time_us`, or NULL: unknown or none. */
    const struct mxt_policy *(*policy)(void *store, const char *domain, int64_t time_us);
    /* Policies (mode testing or enforce, in force at `time_us`) one of whose patterns matches the MX name (lower case): at most `max` are put into `out`: those
     * that name the host before those that match by wildcard, each in the order added. How many were put. */
    size_t (*policies_of_mx)(void *store, const char *mx, int64_t time_us, const struct mxt_policy **out, size_t max);
    /* What is known of a subject; NULL: nothing. */
    const struct mxt_baseline *(*baseline)(void *store, const struct mxt_subject *subject);
    /* The last record of a session that may have to be judged again, findings included; NULL: not kept (any more), it stays as it was judged. */
    const struct mxt_record *(*record)(void *store, uint64_t session_id);
};

/* A store in memory. */
struct mxt_memory;

struct mxt_memory_limits {
    uint32_t servers;      /* baselines by address and port; a busy one takes 13 KiB, one seen once less than 1 */
    uint32_t names;        /* by greeting and MX name */
    uint32_t pairs;        /* of clients with servers, and of HELO domains */
    uint32_t records;      /* kept for judging again, */
    uint64_t record_bytes; /* as JSON */
    uint64_t seed;         /* of the hash tables, so that nobody can aim collisions at them; 0 in tests */
};
#define MXT_MEMORY_LIMITS_DEFAULT ((struct mxt_memory_limits){.servers = 20000, .names = 20000, .pairs = 50000, .records = 20000, .record_bytes = 64 << 20})

/* Empty, with the limits given or the default ones; NULL: out of memory. */
struct mxt_memory *mxt_memory_new(void);
struct mxt_memory *mxt_memory_new_limited(const struct mxt_memory_limits *limits);
/* NULL is accepted. */
void mxt_memory_free(struct mxt_memory *memory);
/* The interface over it; valid as long as the store. */
struct mxt_knowledge mxt_memory_knowledge(struct mxt_memory *memory);

/* Adds a policy from text as served, replacing one of the same domain, in force for the whole capture. Answers and faults as mxt_policy_read; on failure the
 * store is unchanged. */
enum mxt_status mxt_memory_add_policy(struct mxt_memory *memory, const char *domain, const char *text, size_t n, char *fault, size_t fault_size) MXT_MUST_CHECK;

/*
 * Applies what the judge wants changed: baselines and kept records. All bounded; beyond a bound the least useful goes first: baselines that never offered or
 * encrypted before those that did, each the longest untouched. MXT_OK; MXT_ENOMEM: what is missing is counted and becomes unknown.
 */
enum mxt_status mxt_memory_apply(struct mxt_memory *memory, const struct mxt_changes *changes) MXT_MUST_CHECK;

/* Calls `each` for every baseline that it holds, the longest untouched first, so that loading them in this order forgets in the same order: for keeping them
 * beyond the program's end. */
void mxt_memory_each_baseline(const struct mxt_memory *memory, void (*each)(void *context, const struct mxt_baseline *baseline), void *context);

/* Takes a baseline as it was kept, in place of one of the same subject. MXT_OK, also where a bound made it forget another; MXT_ENOMEM. */
enum mxt_status mxt_memory_load_baseline(struct mxt_memory *memory, const struct mxt_baseline *baseline) MXT_MUST_CHECK;

/* A part of a baseline that changed: its marks or one sighting; neither: the baseline was forgotten. Valid during the call. */
struct mxt_baseline_part {
    const struct mxt_subject *subject;
    const struct mxt_marks *marks;
    const struct mxt_sighting *sighting;
    uint8_t place; /* of the sighting, below MXT_SIGHTINGS_MAX, its own in its baseline as long as it is kept */
};

/* From now on what changes is remembered until it is drained. */
void mxt_memory_keep_changes(struct mxt_memory *memory);

/* Calls `each` for every part that changed since the last call: first for what was forgotten, which may have begun anew. */
void mxt_memory_drain(struct mxt_memory *memory, void (*each)(void *context, const struct mxt_baseline_part *part), void *context);

/* Takes back a part as it was drained, in any order; it counts as drained. MXT_OK; MXT_ENOMEM. */
enum mxt_status mxt_memory_load_part(struct mxt_memory *memory, const struct mxt_baseline_part *part) MXT_MUST_CHECK;

/* What it holds, what it had to forget for a bound, and what found no memory. */
struct mxt_memory_counters {
    uint64_t baselines, records, forgotten, refused;
};

struct mxt_memory_counters mxt_memory_counters(const struct mxt_memory *memory);

/* How many policies it holds. */
size_t mxt_memory_policies(const struct mxt_memory *memory);

#endif
