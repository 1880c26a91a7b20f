/* Policies by domain and by MX. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "rules/knowledge_memory_int.h"

#define BUCKETS_FIRST 64u /* a power of two, as every later size */

/* One pattern of one policy. */
struct pattern {
    const char *text;
    const struct mxt_policy_entry *entry;
    struct pattern *next; /* in the bucket, in the order added */
};

/* A policy with everything that dies with it. */
struct mxt_policy_entry {
    struct mxt_policy policy;
    struct mxt_arena arena;
    struct pattern *patterns;      /* policy.mx.count of them */
    struct mxt_policy_entry *next; /* in the bucket */
};

/* Popular MX names stand in thousands of policies: their chain grows at its tail in one step. */
struct mxt_pattern_chain {
    struct pattern *head, *tail;
};

/* FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/ */
static uint64_t hash(const char *text)
{
    uint64_t value = UINT64_C(0xcbf29ce484222325);
    for (; *text != '\0'; text++)
        value = (value ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return value;
}

static struct mxt_policy_entry **domain_slot(const struct mxt_policy_table *table, const char *domain)
{
    struct mxt_policy_entry **slot = &table->domains[hash(domain) & (table->domain_buckets - 1)];
    while (*slot != NULL && strcmp((*slot)->policy.domain, domain) != 0)
        slot = &(*slot)->next;
    return slot;
}

static struct mxt_pattern_chain *pattern_chain(const struct mxt_policy_table *table, const char *text)
{
    return &table->patterns[hash(text) & (table->pattern_buckets - 1)];
}

static void append_pattern(struct mxt_policy_table *table, struct pattern *pattern)
{
    struct mxt_pattern_chain *chain = pattern_chain(table, pattern->text);
    pattern->next = NULL;
    if (chain->head == NULL)
        chain->head = pattern;
    else
        chain->tail->next = pattern;
    chain->tail = pattern;
}

/* Twice the buckets where there are more items than buckets. Failing is harmless: the chains grow longer. */
static void grow_domains(struct mxt_policy_table *table)
{
    size_t old = table->domain_buckets;
    struct mxt_policy_entry **buckets = table->domain_count <= old ? NULL : calloc(old * 2, sizeof(struct mxt_policy_entry *));
    if (buckets == NULL)
        return;
    struct mxt_policy_entry **previous = table->domains;
    table->domains = buckets;
    table->domain_buckets = old * 2;
    for (size_t i = 0; i < old; i++)
        for (struct mxt_policy_entry *entry = previous[i], *next; entry != NULL; entry = next) {
            next = entry->next;
            entry->next = NULL;
            *domain_slot(table, entry->policy.domain) = entry;
        }
    free(previous);
}

static void grow_patterns(struct mxt_policy_table *table)
{
    size_t old = table->pattern_buckets;
    struct mxt_pattern_chain *chains = table->pattern_count <= old ? NULL : calloc(old * 2, sizeof *chains);
    if (chains == NULL)
        return;
    struct mxt_pattern_chain *previous = table->patterns;
    table->patterns = chains;
    table->pattern_buckets = old * 2;
    for (size_t i = 0; i < old; i++)
        for (struct pattern *pattern = previous[i].head, *next; pattern != NULL; pattern = next) {
            next = pattern->next;
            append_pattern(table, pattern);
        }
    free(previous);
}

static void entry_free(struct mxt_policy_entry *entry)
{
    if (entry == NULL)
        return;
    mxt_arena_free(&entry->arena);
    free(entry->patterns);
    free(entry);
}

static void remove_patterns(struct mxt_policy_table *table, const struct mxt_policy_entry *entry)
{
    for (uint16_t i = 0; i < entry->policy.mx.count; i++) {
        const struct pattern *gone = &entry->patterns[i];
        struct mxt_pattern_chain *chain = pattern_chain(table, gone->text);
        struct pattern *previous = NULL;
        for (struct pattern *at = chain->head; at != gone; at = at->next)
            previous = at;
        if (previous == NULL)
            chain->head = gone->next;
        else
            previous->next = gone->next;
        if (chain->tail == gone)
            chain->tail = previous;
        table->pattern_count--;
    }
}

enum mxt_status mxt_policy_table_init(struct mxt_policy_table *table)
{
    *table = (struct mxt_policy_table){.domain_buckets = BUCKETS_FIRST, .pattern_buckets = BUCKETS_FIRST};
    table->domains = calloc(BUCKETS_FIRST, sizeof(struct mxt_policy_entry *));
    table->patterns = calloc(BUCKETS_FIRST, sizeof *table->patterns);
    return table->domains == NULL || table->patterns == NULL ? MXT_ENOMEM : MXT_OK;
}

void mxt_policy_table_free(struct mxt_policy_table *table)
{
    for (size_t i = 0; table->domains != NULL && i < table->domain_buckets; i++)
        for (struct mxt_policy_entry *entry = table->domains[i], *next; entry != NULL; entry = next) {
            next = entry->next;
            entry_free(entry);
        }
    free(table->domains);
    free(table->patterns);
}

const struct mxt_policy *mxt_policy_table_find(const struct mxt_policy_table *table, const char *domain, int64_t time_us)
{
    const struct mxt_policy_entry *entry = *domain_slot(table, domain);
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
static size_t collect(const struct mxt_policy_table *table, const char *text, const char *counted, int64_t time_us, const struct mxt_policy **out, size_t max,
                      size_t count)
{
    for (const struct pattern *pattern = pattern_chain(table, text)->head; pattern != NULL && count < max; pattern = pattern->next) {
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

size_t mxt_policy_table_find_mx(const struct mxt_policy_table *table, const char *mx, int64_t time_us, const struct mxt_policy **out, size_t max)
{
    size_t count = collect(table, mx, NULL, time_us, out, max, 0);
    const char *dot = strchr(mx, '.');
    char wildcard[256]; /* longer names are no host names (RFC 1035 2.3.4) and match nothing */
    if (dot == NULL || dot == mx || strlen(dot) + 1 >= sizeof wildcard)
        return count;
    wildcard[0] = '*';
    memcpy(wildcard + 1, dot, strlen(dot) + 1);
    return collect(table, wildcard, mx, time_us, out, max, count);
}

static void put(struct mxt_policy_table *table, struct mxt_policy_entry *entry)
{
    struct mxt_policy_entry **slot = domain_slot(table, entry->policy.domain);
    struct mxt_policy_entry *old = *slot;
    if (old != NULL) {
        remove_patterns(table, old);
        entry->next = old->next;
        entry_free(old);
        table->domain_count--;
    }
    *slot = entry;
    table->domain_count++;
    for (uint16_t i = 0; i < entry->policy.mx.count; i++) {
        entry->patterns[i] = (struct pattern){.text = entry->policy.mx.items[i], .entry = entry};
        append_pattern(table, &entry->patterns[i]);
        table->pattern_count++;
    }
    grow_domains(table);
    grow_patterns(table);
}

enum mxt_status mxt_policy_table_add(struct mxt_policy_table *table, const char *domain, const char *text, size_t n, char *fault, size_t fault_size)
{
    struct mxt_policy_entry *entry = calloc(1, sizeof *entry);
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
    put(table, entry);
    return MXT_OK;
}
