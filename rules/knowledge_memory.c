#include "rules/knowledge.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/*
 * Policies in a hash table by domain, their patterns in another by pattern, so that a session costs two lookups however many policies there are. Keys are the
 * operator's files, not the wire's bytes: nobody outside can choose them to collide, so the hash needs no seed.
 */
#define BUCKETS_FIRST 64u /* a power of two, as every later size */

struct entry;

/* One pattern of one policy. */
struct pattern {
    const char *text;
    const struct entry *entry;
    struct pattern *next; /* in the bucket, in the order added */
};

/* A policy with everything that dies with it. */
struct entry {
    struct mxt_policy policy;
    struct mxt_arena arena;
    struct pattern *patterns; /* policy.mx.count of them */
    struct entry *next;       /* in the bucket */
};

/* Popular MX names stand in thousands of policies: their chain grows at its tail in one step. */
struct chain {
    struct pattern *head, *tail;
};

struct mxt_memory {
    struct entry **domains;
    struct chain *patterns;
    size_t domain_buckets, pattern_buckets;
    size_t domain_count, pattern_count;
};

/* FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/ */
static uint64_t hash(const char *text)
{
    uint64_t value = UINT64_C(0xcbf29ce484222325);
    for (; *text != '\0'; text++)
        value = (value ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return value;
}

static struct entry **domain_slot(const struct mxt_memory *memory, const char *domain)
{
    struct entry **slot = &memory->domains[hash(domain) & (memory->domain_buckets - 1)];
    while (*slot != NULL && strcmp((*slot)->policy.domain, domain) != 0)
        slot = &(*slot)->next;
    return slot;
}

static struct chain *pattern_chain(const struct mxt_memory *memory, const char *text)
{
    return &memory->patterns[hash(text) & (memory->pattern_buckets - 1)];
}

static void append_pattern(struct mxt_memory *memory, struct pattern *pattern)
{
    struct chain *chain = pattern_chain(memory, pattern->text);
    pattern->next = NULL;
    if (chain->head == NULL)
        chain->head = pattern;
    else
        chain->tail->next = pattern;
    chain->tail = pattern;
}

/* Twice the buckets where there are more items than buckets. Failing is harmless: the chains grow longer. */
static void grow_domains(struct mxt_memory *memory)
{
    size_t old = memory->domain_buckets;
    struct entry **buckets = memory->domain_count <= old ? NULL : calloc(old * 2, sizeof(struct entry *));
    if (buckets == NULL)
        return;
    struct entry **previous = memory->domains;
    memory->domains = buckets;
    memory->domain_buckets = old * 2;
    for (size_t i = 0; i < old; i++)
        for (struct entry *entry = previous[i], *next; entry != NULL; entry = next) {
            next = entry->next;
            entry->next = NULL;
            *domain_slot(memory, entry->policy.domain) = entry;
        }
    free(previous);
}

static void grow_patterns(struct mxt_memory *memory)
{
    size_t old = memory->pattern_buckets;
    struct chain *chains = memory->pattern_count <= old ? NULL : calloc(old * 2, sizeof *chains);
    if (chains == NULL)
        return;
    struct chain *previous = memory->patterns;
    memory->patterns = chains;
    memory->pattern_buckets = old * 2;
    for (size_t i = 0; i < old; i++)
        for (struct pattern *pattern = previous[i].head, *next; pattern != NULL; pattern = next) {
            next = pattern->next;
            append_pattern(memory, pattern);
        }
    free(previous);
}

static void entry_free(struct entry *entry)
{
    if (entry == NULL)
        return;
    mxt_arena_free(&entry->arena);
    free(entry->patterns);
    free(entry);
}

static void remove_patterns(struct mxt_memory *memory, const struct entry *entry)
{
    for (uint16_t i = 0; i < entry->policy.mx.count; i++) {
        const struct pattern *gone = &entry->patterns[i];
        struct chain *chain = pattern_chain(memory, gone->text);
        struct pattern *previous = NULL;
        for (struct pattern *at = chain->head; at != gone; at = at->next)
            previous = at;
        if (previous == NULL)
            chain->head = gone->next;
        else
            previous->next = gone->next;
        if (chain->tail == gone)
            chain->tail = previous;
        memory->pattern_count--;
    }
}

struct mxt_memory *mxt_memory_new(void)
{
    struct mxt_memory *memory = calloc(1, sizeof *memory);
    if (memory == NULL)
        return NULL;
    memory->domains = calloc(BUCKETS_FIRST, sizeof(struct entry *));
    memory->patterns = calloc(BUCKETS_FIRST, sizeof *memory->patterns);
    memory->domain_buckets = memory->pattern_buckets = BUCKETS_FIRST;
    if (memory->domains == NULL || memory->patterns == NULL) {
        memory->domain_buckets = 0;
        mxt_memory_free(memory);
        return NULL;
    }
    return memory;
}

void mxt_memory_free(struct mxt_memory *memory)
{
    if (memory == NULL)
        return;
    for (size_t i = 0; i < memory->domain_buckets; i++)
        for (struct entry *entry = memory->domains[i], *next; entry != NULL; entry = next) {
            next = entry->next;
            entry_free(entry);
        }
    free(memory->domains);
    free(memory->patterns);
    free(memory);
}

static const struct mxt_policy *policy_of_domain(void *store, const char *domain, int64_t time_us)
{
    const struct entry *entry = *domain_slot(store, domain);
    return entry != NULL && mxt_policy_is_in_force(&entry->policy, time_us) ? &entry->policy : NULL;
}

static bool has_pattern(const struct mxt_policy *policy, const char *text)
{
    for (uint16_t i = 0; i < policy->mx.count; i++)
        if (strcmp(policy->mx.items[i], text) == 0)
            return true;
    return false;
}

/* Puts the policies that hold the pattern `text` behind the `count` that are there; those that hold `counted` too are there already. */
static size_t collect(const struct mxt_memory *memory, const char *text, const char *counted, int64_t time_us, const struct mxt_policy **out, size_t max,
                      size_t count)
{
    for (const struct pattern *pattern = pattern_chain(memory, text)->head; pattern != NULL && count < max; pattern = pattern->next) {
        const struct mxt_policy *policy = &pattern->entry->policy;
        if (strcmp(pattern->text, text) != 0 || policy->mode == MXT_POLICY_NONE || !mxt_policy_is_in_force(policy, time_us))
            continue;
        /* A policy's patterns are neighbours in a chain, so one that repeats a line is met twice in a row. */
        if ((count > 0 && out[count - 1] == policy) || (counted != NULL && has_pattern(policy, counted)))
            continue;
        out[count++] = policy;
    }
    return count;
}

static size_t policies_of_mx(void *store, const char *mx, int64_t time_us, const struct mxt_policy **out, size_t max)
{
    const struct mxt_memory *memory = store;
    size_t count = collect(memory, mx, NULL, time_us, out, max, 0);
    const char *dot = strchr(mx, '.');
    char wildcard[256]; /* longer names are no host names (RFC 1035 2.3.4) and match nothing */
    if (dot == NULL || dot == mx || strlen(dot) + 1 >= sizeof wildcard)
        return count;
    wildcard[0] = '*';
    memcpy(wildcard + 1, dot, strlen(dot) + 1);
    return collect(memory, wildcard, mx, time_us, out, max, count);
}

struct mxt_knowledge mxt_memory_knowledge(struct mxt_memory *memory)
{
    return (struct mxt_knowledge){.store = memory, .policy = policy_of_domain, .policies_of_mx = policies_of_mx};
}

static void put(struct mxt_memory *memory, struct entry *entry)
{
    struct entry **slot = domain_slot(memory, entry->policy.domain);
    struct entry *old = *slot;
    if (old != NULL) {
        remove_patterns(memory, old);
        entry->next = old->next;
        entry_free(old);
        memory->domain_count--;
    }
    *slot = entry;
    memory->domain_count++;
    for (uint16_t i = 0; i < entry->policy.mx.count; i++) {
        entry->patterns[i] = (struct pattern){.text = entry->policy.mx.items[i], .entry = entry};
        append_pattern(memory, &entry->patterns[i]);
        memory->pattern_count++;
    }
    grow_domains(memory);
    grow_patterns(memory);
}

enum mxt_status mxt_memory_add_policy(struct mxt_memory *memory, const char *domain, const char *text, size_t n, char *fault, size_t fault_size)
{
    struct entry *entry = calloc(1, sizeof *entry);
    if (entry == NULL)
        return MXT_ENOMEM;
    enum mxt_status status = mxt_policy_read(&entry->arena, domain, text, n, &entry->policy, fault, fault_size);
    if (status == MXT_OK) {
        entry->patterns = calloc((size_t)entry->policy.mx.count + 1, sizeof *entry->patterns);
        if (entry->patterns == NULL)
            status = MXT_ENOMEM;
    }
    if (status != MXT_OK) {
        entry_free(entry);
        return status;
    }
    put(memory, entry);
    return MXT_OK;
}

size_t mxt_memory_policies(const struct mxt_memory *memory)
{
    return memory->domain_count;
}
