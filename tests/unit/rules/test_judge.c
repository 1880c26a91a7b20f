/* What holds for the judge as a whole. */
#include "scene.h"

#define Y MXT_YES

/* Raises a rule of every family, in one session that could hardly be. */
static const struct facts worst = {
    .masked = "XXXXXXXA",
    .offered = Y,
    .requested = Y,
    .reply_code = 454,
    .exposed = 2,
    .before = {"EHLO"},
    .injected_toserver = 4,
    .injected_toclient = 4,
    .has_tls = true,
    .outcome = MXT_TLS_ESTABLISHED,
    .version = 0x0301,
    .client_max_version = 0x0303,
    .cipher = "TLS_RSA_WITH_RC4_128_SHA",
    .downgrade_sentinel = Y,
    .sni = "mx.example.net",
    .visible = Y,
    .names = {"a.example"},
    .not_after = NOW - DAY,
    .trust = MXT_TRUST_SELF_SIGNED,
    .is_rsa = Y,
    .key_bits = 1024,
    .mechanism = "PLAIN",
    .secret = Y,
    .auth_code = 235,
    .attempts = 1,
    .mark = "\\n.\\n",
    .verb = "MAIL",
    .overlaps = 1,
    .recipients = {"a@example.net"},
    .content = Y,
    .hop = MXT_HOP_OUTBOUND,
};

static void what_says_nothing_raises_nothing(void **state)
{
    (void)state;
    const struct mxt_smtp_facts smtp = {0};
    const struct mxt_tls_facts tls = {0};
    struct mxt_knowledge knowledge = mxt_memory_knowledge(NULL);
    struct mxt_judge_config config;
    mxt_judge_config_init(&config);
    for (unsigned i = 0; i < 8; i++) {
        struct mxt_record record = {.final = (i & 1) != 0, .smtp = (i & 2) != 0 ? &smtp : NULL, .tls = (i & 4) != 0 ? &tls : NULL};
        struct mxt_arena arena = {0};
        struct mxt_finding *findings = NULL;
        assert_int_equal(mxt_judge_session(&record, &arena, &findings), MXT_OK);
        struct mxt_judgement judgement;
        assert_int_equal(mxt_judge_network(&record, &knowledge, &config, 0, &arena, &judgement), MXT_OK);
        assert_null(judgement.findings);
        assert_null(judgement.changes.first);
        assert_null(findings);
        assert_int_equal(arena.reserved, 0);
    }
}

static void findings_come_in_the_order_of_the_catalogue(void **state)
{
    (void)state;
    struct scene scene;
    scene_make(&scene, &worst);
    struct mxt_finding *findings = NULL;
    assert_int_equal(mxt_judge_session(&scene.record, &scene.arena, &findings), MXT_OK);
    size_t count = 0;
    for (const struct mxt_finding *finding = findings; finding != NULL; finding = finding->next, count++) {
        assert_non_null(mxt_rule_info(finding->rule));
        assert_non_null(finding->evidence);
        if (finding->next != NULL)
            assert_true(finding->rule < finding->next->rule);
    }
    assert_int_equal(count, 15);
    scene_free(&scene);
}

/* A snapshot says nothing that the session's end, the facts being the same, does not say as gravely. */
static void snapshots_say_no_more_than_the_end(void **state)
{
    (void)state;
    struct scene early, late;
    struct facts facts = worst;
    scene_make(&late, &facts);
    facts.is_snapshot = true;
    scene_make(&early, &facts);
    struct mxt_finding *now = NULL;
    struct mxt_finding *then = NULL;
    assert_int_equal(mxt_judge_session(&early.record, &early.arena, &now), MXT_OK);
    assert_int_equal(mxt_judge_session(&late.record, &late.arena, &then), MXT_OK);
    for (; now != NULL; now = now->next) {
        const struct mxt_finding *same = scene_find(then, now->rule);
        assert_non_null(same);
        assert_int_equal(same->severity, now->severity);
    }
    scene_free(&early);
    scene_free(&late);
}

/* However early the arena refuses, nothing breaks, and it is told. */
static void refused_memory_is_told(void **state)
{
    (void)state;
    uint32_t refusals = 0;
    for (uint32_t fail_at = 1;; fail_at++) {
        struct scene scene;
        scene_make(&scene, &worst);
        scene.arena.fail_at = fail_at;
        struct mxt_finding *findings = NULL;
        enum mxt_status status = mxt_judge_session(&scene.record, &scene.arena, &findings);
        bool has_refused = scene.arena.failures > 0;
        assert_int_equal(status, has_refused ? MXT_ENOMEM : MXT_OK);
        scene_free(&scene);
        if (!has_refused)
            break;
        refusals++;
    }
    assert_true(refusals > 15);
}

static void the_network_keeps_what_the_session_found(void **state)
{
    (void)state;
    struct scene scene;
    scene_make(&scene, &worst);
    struct mxt_memory *memory = mxt_memory_new();
    struct mxt_knowledge knowledge = mxt_memory_knowledge(memory);
    assert_int_equal(mxt_judge_session(&scene.record, &scene.arena, &scene.record.findings), MXT_OK);
    struct mxt_judge_config config;
    struct mxt_judgement judgement;
    mxt_judge_config_init(&config);
    assert_int_equal(mxt_judge_network(&scene.record, &knowledge, &config, NOW, &scene.arena, &judgement), MXT_OK);
    const struct mxt_finding *judged = judgement.findings;
    for (const struct mxt_finding *finding = scene.record.findings; finding != NULL; finding = finding->next, judged = judged->next) {
        assert_non_null(judged);
        assert_int_equal(judged->rule, finding->rule);
        assert_int_equal(judged->severity, finding->severity);
        assert_ptr_equal(judged->evidence, finding->evidence);
    }
    assert_null(judged);
    mxt_memory_free(memory);
    scene_free(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_says_nothing_raises_nothing),         cmocka_unit_test(findings_come_in_the_order_of_the_catalogue),
        cmocka_unit_test(snapshots_say_no_more_than_the_end),       cmocka_unit_test(refused_memory_is_told),
        cmocka_unit_test(the_network_keeps_what_the_session_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
