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

/* Empty; NULL: out of memory. */
struct mxt_memory *mxt_memory_new(void);
/* NULL is accepted. */
void mxt_memory_free(struct mxt_memory *memory);
/* The interface over it; valid as long as the store. */
struct mxt_knowledge mxt_memory_knowledge(struct mxt_memory *memory);

/* Adds a policy from text as served, replacing one of the same domain, in force for the whole capture. Answers and faults as mxt_policy_read; on failure the
 * store is unchanged. */
enum mxt_status mxt_memory_add_policy(struct mxt_memory *memory, const char *domain, const char *text, size_t n, char *fault, size_t fault_size) MXT_MUST_CHECK;

/*
 * Applies what the judge wants changed: baselines, kept records, marks. All bounded by `limits`; the least useful is forgotten first (records, then pairs, then
 * baselines that know nothing special, each the longest untouched). MXT_OK; MXT_ENOMEM: what is missing is counted in the store and becomes unknown.
 */
enum mxt_status mxt_memory_apply(struct mxt_memory *memory, const struct mxt_changes *changes) MXT_MUST_CHECK;

/* Calls `each` for every baseline that it holds, the longest untouched first, so that loading them in this order forgets in the same order: for keeping them
 * beyond the program's end. */
void mxt_memory_each_baseline(const struct mxt_memory *memory, void (*each)(void *context, const struct mxt_baseline *baseline), void *context);

/* Takes a baseline as it was kept, in place of one of the same subject. MXT_OK, also where a bound made it forget another; MXT_ENOMEM. */
enum mxt_status mxt_memory_load_baseline(struct mxt_memory *memory, const struct mxt_baseline *baseline) MXT_MUST_CHECK;

/* How many policies it holds. */
size_t mxt_memory_policies(const struct mxt_memory *memory);

#endif
