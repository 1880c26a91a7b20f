/* The store in memory: baselines and kept records, their order and their bounds. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "rules/knowledge.h"

#define NOW INT64_C(1700000000000000)

static struct mxt_memory *store(uint32_t servers, uint32_t records)
{
    struct mxt_memory_limits limits = MXT_MEMORY_LIMITS_DEFAULT;
    limits.servers = servers;
    limits.records = records;
    struct mxt_memory *memory = mxt_memory_new_limited(&limits);
    assert_non_null(memory);
    return memory;
}

static const struct mxt_baseline *baseline(struct mxt_memory *memory, enum mxt_subject_kind kind, const char *key)
{
    struct mxt_knowledge knowledge = mxt_memory_knowledge(memory);
    struct mxt_subject subject = {.kind = kind};
    snprintf(subject.key, sizeof subject.key, "%s", key);
    return knowledge.baseline(knowledge.store, &subject);
}

static void teach(struct mxt_memory *memory, const char *key, uint64_t session, int64_t minute, enum mxt_fact offered)
{
    struct mxt_change change = {
        .kind = MXT_CHANGE_SIGHTING,
        .subject = {.kind = MXT_SUBJECT_SERVER},
        .sighting = {.time_us = NOW + minute * 60000000, .session = session, .offered = offered},
        .marks = {.last_offer_us = (int64_t)session},
    };
    const struct mxt_changes changes = {.first = &change};
    snprintf(change.subject.key, sizeof change.subject.key, "%s", key);
    assert_int_equal(mxt_memory_apply(memory, &changes), MXT_OK);
}

static void sightings_stand_in_order(void **state)
{
    (void)state;
    struct mxt_memory *memory = store(10, 10);
    static const unsigned minutes[] = {5, 1, 9, 3, 7, 2, 8, 4, 6};
    for (size_t i = 0; i < COUNT(minutes); i++)
        teach(memory, "a", minutes[i], minutes[i], MXT_YES);
    const struct mxt_baseline *a = baseline(memory, MXT_SUBJECT_SERVER, "a");
    assert_int_equal(a->count, COUNT(minutes));
    for (size_t i = 0; i < a->count; i++)
        assert_int_equal(a->sightings[i].session, i + 1);
    assert_int_equal(a->marks.last_offer_us, 6);
    assert_null(baseline(memory, MXT_SUBJECT_GREETING, "a"));
    assert_null(baseline(memory, MXT_SUBJECT_SERVER, "b"));
    mxt_memory_free(memory);
}

static void a_session_is_seen_once(void **state)
{
    (void)state;
    struct mxt_memory *memory = store(10, 10);
    for (unsigned i = 0; i < 3; i++)
        teach(memory, "a", 1, 1, i < 2 ? MXT_UNKNOWN : MXT_YES);
    const struct mxt_baseline *a = baseline(memory, MXT_SUBJECT_SERVER, "a");
    assert_int_equal(a->count, 1);
    assert_int_equal(a->sightings[0].offered, MXT_YES);
    mxt_memory_free(memory);
}

/* Whatever the number, the latest stay, in order. */
static void the_latest_are_kept(void **state)
{
    (void)state;
    struct mxt_memory *memory = store(10, 10);
    for (unsigned i = 1; i <= 1000; i++) {
        teach(memory, "a", i, i % 2 == 0 ? i : i + 2, MXT_YES);
        const struct mxt_baseline *a = baseline(memory, MXT_SUBJECT_SERVER, "a");
        assert_int_equal(a->count, i < MXT_SIGHTINGS_MAX ? i : MXT_SIGHTINGS_MAX);
        for (size_t k = 1; k < a->count; k++)
            assert_true(mxt_sighting_is_earlier(a->sightings[k - 1].time_us, a->sightings[k - 1].session, a->sightings[k].time_us, a->sightings[k].session));
    }
    mxt_memory_free(memory);
}

/* A flood of servers that offer nothing forgets its own kind; one that offers is kept, and a new one finds a place. */
static void what_offers_is_kept_longest(void **state)
{
    (void)state;
    enum { BOUND = 16 };
    struct mxt_memory *memory = store(BOUND, 10);
    char key[20];
    for (unsigned i = 0; i < 8; i++) {
        snprintf(key, sizeof key, "good %u", i);
        teach(memory, key, i + 1, i, MXT_YES);
    }
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "flood %u", i);
        teach(memory, key, i + 100, i, MXT_NO);
        assert_non_null(baseline(memory, MXT_SUBJECT_SERVER, key));
        assert_true(mxt_memory_counters(memory).baselines <= BOUND);
    }
    for (unsigned i = 0; i < 8; i++) {
        snprintf(key, sizeof key, "good %u", i);
        assert_non_null(baseline(memory, MXT_SUBJECT_SERVER, key));
    }
    assert_int_equal(mxt_memory_counters(memory).forgotten, 1008 - BOUND);
    for (unsigned i = 0; i < 100; i++) {
        snprintf(key, sizeof key, "new %u", i);
        teach(memory, key, i + 2000, i, MXT_NO);
        teach(memory, key, i + 3000, i, MXT_YES);
        assert_int_equal(baseline(memory, MXT_SUBJECT_SERVER, key)->count, 2);
    }
    assert_null(baseline(memory, MXT_SUBJECT_SERVER, "good 0"));
    assert_non_null(baseline(memory, MXT_SUBJECT_SERVER, "new 99"));
    mxt_memory_free(memory);
}

static void reload(void *context, const struct mxt_baseline *each)
{
    assert_int_equal(mxt_memory_load_baseline(context, each), MXT_OK);
}

static void baselines_go_out_and_in_again(void **state)
{
    (void)state;
    struct mxt_memory *memory = store(100, 10), *copy = store(100, 10), *small = store(4, 10);
    char key[20];
    for (unsigned i = 0; i < 10; i++) {
        snprintf(key, sizeof key, "server %u", i);
        for (unsigned k = 0; k <= i; k++)
            teach(memory, key, i * 100 + k + 1, k, MXT_YES);
    }
    mxt_memory_each_baseline(memory, reload, copy);
    mxt_memory_each_baseline(memory, reload, copy); /* in place of the same */
    mxt_memory_each_baseline(memory, reload, small);
    assert_int_equal(mxt_memory_counters(copy).baselines, 10);
    for (unsigned i = 0; i < 10; i++) {
        snprintf(key, sizeof key, "server %u", i);
        const struct mxt_baseline *out = baseline(memory, MXT_SUBJECT_SERVER, key), *in = baseline(copy, MXT_SUBJECT_SERVER, key);
        assert_int_equal(in->count, i + 1);
        assert_memory_equal(&in->marks, &out->marks, sizeof in->marks);
        for (size_t k = 0; k < in->count; k++)
            assert_true(mxt_sighting_is_same(&in->sightings[k], &out->sightings[k]));
        assert_int_equal(baseline(small, MXT_SUBJECT_SERVER, key) != NULL, i >= 6);
    }
    mxt_memory_free(memory);
    mxt_memory_free(copy);
    mxt_memory_free(small);
}

static void keep(struct mxt_memory *memory, uint64_t session, uint32_t snapshot)
{
    const struct mxt_record record = {
        .session_id = session, .snapshot = snapshot, .sensor = "test", .version = MXT_RECORD_VERSION, .timestamp_us = NOW, .start_us = NOW};
    struct mxt_change change = {.kind = MXT_CHANGE_KEEP_RECORD, .record = &record};
    const struct mxt_changes changes = {.first = &change};
    assert_int_equal(mxt_memory_apply(memory, &changes), MXT_OK);
}

static const struct mxt_record *kept(struct mxt_memory *memory, uint64_t session)
{
    struct mxt_knowledge knowledge = mxt_memory_knowledge(memory);
    return knowledge.record(knowledge.store, session);
}

static void the_last_record_of_a_session_is_kept(void **state)
{
    (void)state;
    struct mxt_memory *memory = store(10, 3);
    keep(memory, 1, 1);
    keep(memory, 2, 1);
    keep(memory, 1, 2);
    const struct mxt_record *first = kept(memory, 1), *second = kept(memory, 2);
    assert_int_equal(first->snapshot, 2);
    assert_int_equal(first->start_us, NOW);
    assert_string_equal(first->sensor, "test");
    assert_int_equal(second->session_id, 2); /* both are valid until something changes */
    assert_null(kept(memory, 3));
    for (uint64_t i = 3; i < 10; i++)
        keep(memory, i + 4096 * i, 1);
    assert_int_equal(mxt_memory_counters(memory).records, 3);
    assert_null(kept(memory, 1));
    assert_non_null(kept(memory, 9 + 4096 * 9));
    mxt_memory_free(memory);
}

/* What was handed out may be kept again. */
static void a_record_outlives_its_own_keeping(void **state)
{
    (void)state;
    struct mxt_memory *memory = store(10, 3);
    keep(memory, 1, 1);
    struct mxt_change change = {.kind = MXT_CHANGE_KEEP_RECORD, .record = kept(memory, 1)};
    const struct mxt_changes changes = {.first = &change};
    assert_int_equal(mxt_memory_apply(memory, &changes), MXT_OK);
    assert_int_equal(kept(memory, 1)->session_id, 1);
    mxt_memory_free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sightings_stand_in_order),
        cmocka_unit_test(a_session_is_seen_once),
        cmocka_unit_test(the_latest_are_kept),
        cmocka_unit_test(what_offers_is_kept_longest),
        cmocka_unit_test(baselines_go_out_and_in_again),
        cmocka_unit_test(the_last_record_of_a_session_is_kept),
        cmocka_unit_test(a_record_outlives_its_own_keeping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
