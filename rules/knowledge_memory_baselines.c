/* Baselines in a hash table, with lists by class and last touch, so that the least useful can be forgotten. */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "rules/knowledge_memory_int.h"

#define BUCKETS_FIRST   64u /* a power of two, as every later size */
#define SIGHTINGS_FIRST 2u  /* places for sightings that a new baseline has */
#define PLAIN_SHARE     8u  /* of a class's bound, an eighth is left to baselines that never offered: a new server must find a place to begin in */

struct mxt_baseline_entry {
    struct mxt_baseline baseline; /* its sightings lie in `places` */
    struct mxt_sighting *places;
    size_t start, capacity;
    uint64_t hash;
    uint64_t used, changed; /* of the fields that keep sightings, a bit each */
    bool has_offered;
    bool are_marks_changed, is_listed; /* among the changed */
    bool is_drained;                   /* a keeper may have fields of it */
    struct mxt_baseline_entry *next_changed;
    struct mxt_baseline_entry *next;          /* in the bucket */
    struct mxt_baseline_entry *older, *newer; /* in its list */
};

/* With a seed: names and addresses come from the wire. */
static uint64_t hash_of(const struct mxt_baseline_table *table, const struct mxt_subject *subject)
{
    return XXH3_64bits_withSeed(subject->key, strlen(subject->key), table->seed + (uint64_t)subject->kind);
}

static enum mxt_baseline_class class_of(enum mxt_subject_kind kind)
{
    switch (kind) {
    case MXT_SUBJECT_SERVER: return MXT_CLASS_SERVERS;
    case MXT_SUBJECT_GREETING:
    case MXT_SUBJECT_MX: return MXT_CLASS_NAMES;
    case MXT_SUBJECT_CLIENT_SERVER:
    case MXT_SUBJECT_HELO_DOMAIN: break;
    }
    return MXT_CLASS_PAIRS;
}

static struct mxt_baseline_list *list_of(struct mxt_baseline_table *table, const struct mxt_baseline_entry *entry)
{
    enum mxt_baseline_class class = class_of(entry->baseline.subject.kind);
    return entry->has_offered ? &table->offering[class] : &table->plain[class];
}

static void unlink_entry(struct mxt_baseline_list *list, struct mxt_baseline_entry *entry)
{
    *(entry->older != NULL ? &entry->older->newer : &list->oldest) = entry->newer;
    *(entry->newer != NULL ? &entry->newer->older : &list->newest) = entry->older;
    list->count--;
}

static void link_newest(struct mxt_baseline_list *list, struct mxt_baseline_entry *entry)
{
    entry->older = list->newest;
    entry->newer = NULL;
    *(list->newest != NULL ? &list->newest->newer : &list->oldest) = entry;
    list->newest = entry;
    list->count++;
}

enum mxt_status mxt_baseline_table_init(struct mxt_baseline_table *table, const struct mxt_memory_limits *limits)
{
    *table = (struct mxt_baseline_table){.seed = limits->seed, .bucket_count = BUCKETS_FIRST};
    table->limits[MXT_CLASS_SERVERS] = limits->servers;
    table->limits[MXT_CLASS_NAMES] = limits->names;
    table->limits[MXT_CLASS_PAIRS] = limits->pairs;
    table->buckets = calloc(BUCKETS_FIRST, sizeof(struct mxt_baseline_entry *));
    return table->buckets == NULL ? MXT_ENOMEM : MXT_OK;
}

static void free_gone(struct mxt_baseline_table *table)
{
    while (table->gone != NULL) {
        struct mxt_baseline_entry *entry = table->gone;
        table->gone = entry->next;
        free(entry);
    }
}

void mxt_baseline_table_free(struct mxt_baseline_table *table)
{
    for (size_t i = 0; table->buckets != NULL && i < table->bucket_count; i++)
        for (struct mxt_baseline_entry *entry = table->buckets[i], *next; entry != NULL; entry = next) {
            next = entry->next;
            free(entry->places);
            free(entry);
        }
    free_gone(table);
    free(table->buckets);
}

static struct mxt_baseline_entry *find(const struct mxt_baseline_table *table, const struct mxt_subject *subject, uint64_t hash)
{
    struct mxt_baseline_entry *entry = table->buckets[hash & (table->bucket_count - 1)];
    while (entry != NULL && (entry->hash != hash || entry->baseline.subject.kind != subject->kind || strcmp(entry->baseline.subject.key, subject->key) != 0))
        entry = entry->next;
    return entry;
}

const struct mxt_baseline *mxt_baseline_table_find(const struct mxt_baseline_table *table, const struct mxt_subject *subject)
{
    const struct mxt_baseline_entry *entry = find(table, subject, hash_of(table, subject));
    return entry == NULL ? NULL : &entry->baseline;
}

/* Twice the buckets where there are more entries than buckets. Failing is harmless: the chains grow longer. */
static void grow(struct mxt_baseline_table *table)
{
    size_t old = table->bucket_count;
    struct mxt_baseline_entry **buckets = table->count <= old ? NULL : calloc(old * 2, sizeof(struct mxt_baseline_entry *));
    if (buckets == NULL)
        return;
    for (size_t i = 0; i < old; i++)
        for (struct mxt_baseline_entry *entry = table->buckets[i], *next; entry != NULL; entry = next) {
            struct mxt_baseline_entry **bucket = &buckets[entry->hash & (old * 2 - 1)];
            next = entry->next;
            entry->next = *bucket;
            *bucket = entry;
        }
    free(table->buckets);
    table->buckets = buckets;
    table->bucket_count = old * 2;
}

static void list(struct mxt_baseline_table *table, struct mxt_baseline_entry *entry)
{
    if (!table->is_kept || entry->is_listed)
        return;
    entry->is_listed = true;
    entry->next_changed = table->changed;
    table->changed = entry;
}

/* Seldom, and among what one batch has changed. */
static void unlist(struct mxt_baseline_table *table, struct mxt_baseline_entry *entry)
{
    struct mxt_baseline_entry **at = &table->changed;
    if (!entry->is_listed)
        return;
    while (*at != entry)
        at = &(*at)->next_changed;
    *at = entry->next_changed;
}

static void forget(struct mxt_baseline_table *table, struct mxt_baseline_entry *entry)
{
    struct mxt_baseline_entry **at = &table->buckets[entry->hash & (table->bucket_count - 1)];
    while (*at != entry)
        at = &(*at)->next;
    *at = entry->next;
    unlink_entry(list_of(table, entry), entry);
    table->count--;
    table->forgotten++;
    free(entry->places);
    entry->places = NULL;
    unlist(table, entry);
    if (entry->is_drained) {
        entry->next = table->gone;
        table->gone = entry;
    } else {
        free(entry);
    }
}

/*
 * Who has to go for a new one; NULL: there is room. Whoever sends much nonsense fills the table with servers that offer nothing: they go first, save for a
 * share.
 */
static struct mxt_baseline_entry *least_useful(const struct mxt_baseline_table *table, enum mxt_baseline_class class)
{
    const struct mxt_baseline_list *plain = &table->plain[class], *offering = &table->offering[class];
    if (plain->count + offering->count < table->limits[class])
        return NULL;
    bool is_plain_first = plain->count > table->limits[class] / PLAIN_SHARE || offering->count == 0;
    return is_plain_first ? plain->oldest : offering->oldest;
}

static struct mxt_baseline_entry *add(struct mxt_baseline_table *table, const struct mxt_subject *subject, uint64_t hash)
{
    struct mxt_baseline_entry *entry = calloc(1, sizeof *entry);
    struct mxt_baseline_entry *gone = least_useful(table, class_of(subject->kind));
    if (entry == NULL)
        return NULL;
    if (gone != NULL)
        forget(table, gone);
    struct mxt_baseline_entry **bucket = &table->buckets[hash & (table->bucket_count - 1)];
    entry->baseline.subject = *subject;
    entry->hash = hash;
    entry->next = *bucket;
    *bucket = entry;
    link_newest(list_of(table, entry), entry);
    table->count++;
    grow(table);
    return entry;
}

/* A place behind the last sighting. The kept ones wander through twice as many places, so that a full baseline moves them once in many sessions. */
static bool make_place(struct mxt_baseline_entry *entry)
{
    struct mxt_baseline *baseline = &entry->baseline;
    if (baseline->count == MXT_SIGHTINGS_MAX) {
        entry->used &= ~(UINT64_C(1) << baseline->sightings[0].place);
        entry->start++;
        baseline->count--;
    }
    if (entry->start + baseline->count == entry->capacity && entry->start > 0 && entry->start >= entry->capacity / 2) {
        memmove(entry->places, entry->places + entry->start, baseline->count * sizeof *entry->places);
        entry->start = 0;
    }
    if (entry->start + baseline->count == entry->capacity) {
        size_t capacity = entry->capacity == 0 ? SIGHTINGS_FIRST : entry->capacity * 2;
        struct mxt_sighting *places = realloc(entry->places, capacity * sizeof *places);
        if (places == NULL)
            return false;
        entry->places = places;
        entry->capacity = capacity;
    }
    baseline->sightings = entry->places + entry->start;
    return true;
}

static uint8_t first_free(uint64_t used)
{
    uint8_t at = 0;
    while ((used >> at & 1) != 0)
        at++;
    return at;
}

/* Takes the session's sighting out, which may have another time in the next one. The field that kept it; MXT_SIGHTINGS_MAX: there was none. */
static uint8_t take_out(struct mxt_baseline_entry *entry, uint64_t session)
{
    struct mxt_baseline *baseline = &entry->baseline;
    struct mxt_sighting *sightings = entry->places + entry->start;
    size_t at = baseline->count;
    while (at > 0 && sightings[at - 1].session != session)
        at--;
    if (at == 0)
        return MXT_SIGHTINGS_MAX;
    uint8_t field = sightings[at - 1].place;
    memmove(&sightings[at - 1], &sightings[at], (baseline->count - at) * sizeof *sightings);
    baseline->count--;
    return field;
}

static bool place(struct mxt_baseline_entry *entry, const struct mxt_sighting *sighting, uint8_t wanted)
{
    struct mxt_baseline *baseline = &entry->baseline;
    uint8_t field = baseline->count == 0 ? MXT_SIGHTINGS_MAX : take_out(entry, sighting->session);
    if (!make_place(entry))
        return false;
    if (field == MXT_SIGHTINGS_MAX)
        field = wanted != MXT_SIGHTINGS_MAX ? wanted : first_free(entry->used);
    entry->used |= UINT64_C(1) << field;
    entry->changed |= UINT64_C(1) << field;
    struct mxt_sighting *sightings = entry->places + entry->start;
    size_t at = baseline->count;
    while (at > 0 && mxt_sighting_is_earlier(sighting->time_us, sighting->session, sightings[at - 1].time_us, sightings[at - 1].session)) {
        sightings[at] = sightings[at - 1];
        at--;
    }
    sightings[at] = *sighting;
    sightings[at].place = field;
    baseline->count++;
    return true;
}

/* The newest of its list, which may be another than before. */
static void touch(struct mxt_baseline_table *table, struct mxt_baseline_entry *entry, bool has_offered)
{
    unlink_entry(list_of(table, entry), entry);
    entry->has_offered = entry->has_offered || has_offered;
    link_newest(list_of(table, entry), entry);
}

static bool is_useful(const struct mxt_sighting *sighting)
{
    return sighting->offered == MXT_YES || sighting->attempt == MXT_ATTEMPT_ESTABLISHED;
}

enum mxt_status mxt_baseline_table_apply(struct mxt_baseline_table *table, const struct mxt_change *change)
{
    uint64_t hash = hash_of(table, &change->subject);
    struct mxt_baseline_entry *entry = find(table, &change->subject, hash);
    if (entry == NULL)
        entry = add(table, &change->subject, hash);
    if (entry == NULL || !place(entry, &change->sighting, MXT_SIGHTINGS_MAX))
        return MXT_ENOMEM;
    entry->are_marks_changed = entry->are_marks_changed || !mxt_marks_is_same(&entry->baseline.marks, &change->marks);
    entry->baseline.marks = change->marks;
    list(table, entry);
    touch(table, entry, is_useful(&change->sighting));
    return MXT_OK;
}

enum mxt_status mxt_baseline_table_load(struct mxt_baseline_table *table, const struct mxt_baseline *baseline)
{
    uint64_t hash = hash_of(table, &baseline->subject);
    struct mxt_baseline_entry *old = find(table, &baseline->subject, hash);
    if (old != NULL)
        forget(table, old);
    struct mxt_baseline_entry *entry = add(table, &baseline->subject, hash);
    if (entry == NULL)
        return MXT_ENOMEM;
    bool has_offered = baseline->marks.last_offer_us != 0;
    for (size_t i = 0; i < baseline->count; i++) {
        if (!place(entry, &baseline->sightings[i], MXT_SIGHTINGS_MAX))
            return MXT_ENOMEM;
        has_offered = has_offered || is_useful(&baseline->sightings[i]);
    }
    entry->baseline.marks = baseline->marks;
    entry->are_marks_changed = true;
    list(table, entry);
    touch(table, entry, has_offered);
    return MXT_OK;
}

static void each_of(const struct mxt_baseline_list *list, void (*each)(void *context, const struct mxt_baseline *baseline), void *context)
{
    for (const struct mxt_baseline_entry *entry = list->oldest; entry != NULL; entry = entry->newer)
        each(context, &entry->baseline);
}

void mxt_baseline_table_each(const struct mxt_baseline_table *table, void (*each)(void *context, const struct mxt_baseline *baseline), void *context)
{
    for (size_t i = 0; i < MXT_CLASSES; i++) {
        each_of(&table->plain[i], each, context);
        each_of(&table->offering[i], each, context);
    }
}

/* Both marks and sightings must be there, from whichever came first on. */
enum mxt_status mxt_baseline_table_load_part(struct mxt_baseline_table *table, const struct mxt_baseline_part *part)
{
    uint64_t hash = hash_of(table, part->subject);
    struct mxt_baseline_entry *entry = find(table, part->subject, hash);
    if (entry == NULL)
        entry = add(table, part->subject, hash);
    if (entry == NULL)
        return MXT_ENOMEM;
    entry->is_drained = true;
    if (part->marks != NULL) {
        entry->baseline.marks = *part->marks;
        touch(table, entry, part->marks->last_offer_us != 0);
        return MXT_OK;
    }
    bool is_placed = place(entry, part->sighting, part->place);
    entry->changed = 0;
    touch(table, entry, is_useful(part->sighting));
    return is_placed ? MXT_OK : MXT_ENOMEM;
}

static void drain_entry(struct mxt_baseline_entry *entry, void (*each)(void *context, const struct mxt_baseline_part *part), void *context)
{
    struct mxt_baseline_part part = {.subject = &entry->baseline.subject};
    if (entry->are_marks_changed) {
        part.marks = &entry->baseline.marks;
        each(context, &part);
        part.marks = NULL;
    }
    for (size_t i = 0; i < entry->baseline.count; i++) {
        part.sighting = &entry->baseline.sightings[i];
        part.place = part.sighting->place;
        if ((entry->changed >> part.place & 1) != 0)
            each(context, &part);
    }
    entry->changed = 0;
    entry->are_marks_changed = entry->is_listed = false;
    entry->is_drained = true;
}

void mxt_baseline_table_drain(struct mxt_baseline_table *table, void (*each)(void *context, const struct mxt_baseline_part *part), void *context)
{
    for (const struct mxt_baseline_entry *entry = table->gone; entry != NULL; entry = entry->next)
        each(context, &(struct mxt_baseline_part){.subject = &entry->baseline.subject});
    free_gone(table);
    for (struct mxt_baseline_entry *entry = table->changed; entry != NULL; entry = entry->next_changed)
        drain_entry(entry, each, context);
    table->changed = NULL;
}
