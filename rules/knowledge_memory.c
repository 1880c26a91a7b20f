#include <stdlib.h>

#include "rules/knowledge_memory_int.h"

struct mxt_memory *mxt_memory_new(void)
{
    return mxt_memory_new_limited(&MXT_MEMORY_LIMITS_DEFAULT);
}

struct mxt_memory *mxt_memory_new_limited(const struct mxt_memory_limits *limits)
{
    struct mxt_memory *memory = calloc(1, sizeof *memory);
    if (memory == NULL)
        return NULL;
    enum mxt_status policies = mxt_policy_table_init(&memory->policies);
    enum mxt_status baselines = mxt_baseline_table_init(&memory->baselines, limits);
    enum mxt_status records = mxt_record_table_init(&memory->records, limits);
    if (policies == MXT_OK && baselines == MXT_OK && records == MXT_OK)
        return memory;
    mxt_memory_free(memory);
    return NULL;
}

void mxt_memory_free(struct mxt_memory *memory)
{
    if (memory == NULL)
        return;
    mxt_policy_table_free(&memory->policies);
    mxt_baseline_table_free(&memory->baselines);
    mxt_record_table_free(&memory->records);
    free(memory);
}

static const struct mxt_policy *find_policy(void *store, const char *domain, int64_t time_us)
{
    const struct mxt_memory *memory = store;
    return mxt_policy_table_find(&memory->policies, domain, time_us);
}

static size_t find_policies_of_mx(void *store, const char *mx, int64_t time_us, const struct mxt_policy **out, size_t max)
{
    const struct mxt_memory *memory = store;
    return mxt_policy_table_find_mx(&memory->policies, mx, time_us, out, max);
}

static const struct mxt_baseline *find_baseline(void *store, const struct mxt_subject *subject)
{
    const struct mxt_memory *memory = store;
    return mxt_baseline_table_find(&memory->baselines, subject);
}

static const struct mxt_record *find_record(void *store, uint64_t session_id)
{
    struct mxt_memory *memory = store;
    return mxt_record_table_find(&memory->records, session_id);
}

struct mxt_knowledge mxt_memory_knowledge(struct mxt_memory *memory)
{
    return (struct mxt_knowledge){
        .store = memory, .policy = find_policy, .policies_of_mx = find_policies_of_mx, .baseline = find_baseline, .record = find_record};
}

enum mxt_status mxt_memory_add_policy(struct mxt_memory *memory, const char *domain, const char *text, size_t n, char *fault, size_t fault_size)
{
    return mxt_policy_table_add(&memory->policies, domain, text, n, fault, fault_size);
}

size_t mxt_memory_policies(const struct mxt_memory *memory)
{
    return memory->policies.domain_count;
}

/* A change may name a record that was handed out: that memory goes when all are applied. */
enum mxt_status mxt_memory_apply(struct mxt_memory *memory, const struct mxt_changes *changes)
{
    enum mxt_status status = MXT_OK;
    for (const struct mxt_change *change = changes->first; change != NULL; change = change->next) {
        enum mxt_status applied = MXT_OK;
        switch (change->kind) {
        case MXT_CHANGE_SIGHTING: applied = mxt_baseline_table_apply(&memory->baselines, change); break;
        case MXT_CHANGE_KEEP_RECORD: applied = mxt_record_table_keep(&memory->records, change->record); break;
        }
        if (applied != MXT_OK) {
            memory->refused++;
            status = applied;
        }
    }
    if (changes->first != NULL)
        mxt_arena_free(&memory->records.asked);
    return status;
}

void mxt_memory_each_baseline(const struct mxt_memory *memory, void (*each)(void *context, const struct mxt_baseline *baseline), void *context)
{
    mxt_baseline_table_each(&memory->baselines, each, context);
}

enum mxt_status mxt_memory_load_baseline(struct mxt_memory *memory, const struct mxt_baseline *baseline)
{
    return mxt_baseline_table_load(&memory->baselines, baseline);
}

void mxt_memory_keep_changes(struct mxt_memory *memory)
{
    memory->baselines.is_kept = true;
}

void mxt_memory_drain(struct mxt_memory *memory, void (*each)(void *context, const struct mxt_baseline_part *part), void *context)
{
    mxt_baseline_table_drain(&memory->baselines, each, context);
}

enum mxt_status mxt_memory_load_part(struct mxt_memory *memory, const struct mxt_baseline_part *part)
{
    return mxt_baseline_table_load_part(&memory->baselines, part);
}

struct mxt_memory_counters mxt_memory_counters(const struct mxt_memory *memory)
{
    return (struct mxt_memory_counters){
        .baselines = memory->baselines.count,
        .records = memory->records.count,
        .forgotten = memory->baselines.forgotten + memory->records.forgotten,
        .refused = memory->refused,
    };
}
