/*
 * Histories for tests of the judge: sessions in the order of their time, judged in any order of arrival over a store in memory. What is found in each is kept
 * by rule, as it was last judged.
 */
#ifndef MXT_TESTS_HISTORY_H
#define MXT_TESTS_HISTORY_H

#include "rules/knowledge.h"
#include "scene.h"

#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)

enum { VISITS_MAX = 80 };

/* One session. */
struct visit {
    unsigned minute;
    const char *client, *server; /* NULL: 10.1.0.25, 192.0.2.25 */
    struct facts facts;
};

struct found {
    enum mxt_severity severity[MXT_RULES];
    bool is_lost, is_mixed, is_late;
};

struct history {
    struct mxt_memory *memory;
    struct mxt_judge_config config;
    int64_t newest_us;
    unsigned again; /* sessions judged again */
    struct found found[VISITS_MAX];
};

static inline void history_begin(struct history *history)
{
    *history = (struct history){.memory = mxt_memory_new(), .newest_us = INT64_MIN};
    mxt_judge_config_init(&history->config);
    assert_non_null(history->memory);
}

static inline void history_end(struct history *history)
{
    mxt_memory_free(history->memory);
}

static inline bool history_is_true(const struct mxt_finding *finding, const char *key)
{
    const struct mxt_evidence *evidence = scene_evidence(finding, key);
    return evidence != NULL && evidence->number != 0;
}

/* Judges a record, applies what follows and remembers what was found. */
static inline struct mxt_judgement history_judge(struct history *history, const struct mxt_record *record, struct mxt_arena *arena)
{
    struct mxt_knowledge knowledge = mxt_memory_knowledge(history->memory);
    struct mxt_judgement judgement;
    assert_int_equal(mxt_judge_network(record, &knowledge, &history->config, history->newest_us, arena, &judgement), MXT_OK);
    struct found *found = &history->found[record->session_id - 1];
    *found = (struct found){.is_late = judgement.is_late};
    for (const struct mxt_finding *finding = judgement.findings; finding != NULL; finding = finding->next) {
        assert_int_equal(history_is_true(finding, "late"), judgement.is_late);
        found->severity[finding->rule] = finding->severity;
        found->is_lost = found->is_lost || history_is_true(finding, "lost");
        found->is_mixed = found->is_mixed || history_is_true(finding, "mixed_farm");
    }
    assert_int_equal(mxt_memory_apply(history->memory, &judgement.changes), MXT_OK);
    return judgement;
}

static inline void history_again(struct history *history, uint64_t session)
{
    struct mxt_knowledge knowledge = mxt_memory_knowledge(history->memory);
    const struct mxt_record *record = knowledge.record(knowledge.store, session);
    struct mxt_arena arena = {0};
    if (record == NULL)
        return;
    struct mxt_judgement judgement = history_judge(history, record, &arena);
    assert_null(judgement.changes.first); /* or it would never end */
    mxt_arena_free(&arena);
    history->again++;
}

static inline void history_scene(struct scene *scene, const struct visit *visit, size_t index)
{
    scene_make(scene, &visit->facts);
    struct mxt_record *record = &scene->record;
    record->session_id = index + 1;
    record->snapshot = 1;
    record->sensor = "test";
    record->version = MXT_RECORD_VERSION;
    record->start_us = NOW + visit->minute * MINUTE;
    record->timestamp_us = record->start_us + SECOND;
    if (visit->client != NULL)
        assert_int_equal(mxt_address_parse(visit->client, &record->src_ip), MXT_OK);
    if (visit->server != NULL)
        assert_int_equal(mxt_address_parse(visit->server, &record->dest_ip), MXT_OK);
    assert_int_equal(mxt_judge_session(record, &scene->arena, &record->findings), MXT_OK);
}

static inline void history_take(struct history *history, const struct visit *visits, size_t index)
{
    struct scene scene;
    history_scene(&scene, &visits[index], index);
    if (scene.record.timestamp_us > history->newest_us)
        history->newest_us = scene.record.timestamp_us;
    struct mxt_judgement judgement = history_judge(history, &scene.record, &scene.arena);
    for (size_t i = 0; i < judgement.again_count; i++)
        history_again(history, judgement.again[i]);
    scene_free(&scene);
}

/* What the last of the sessions is found to be by the rule, when they come in order. */
static inline struct found history_last(const struct visit *visits, size_t count)
{
    struct history history;
    history_begin(&history);
    for (size_t i = 0; i < count; i++)
        history_take(&history, visits, i);
    struct found found = history.found[count - 1];
    history_end(&history);
    return found;
}

#endif
