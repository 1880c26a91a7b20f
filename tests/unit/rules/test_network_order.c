/* What is found depends on the sessions and not on the order in which their records come. */
#include "history.h"

#define N MXT_NO
#define Y MXT_YES

#define OFFERING  .offered = Y, .ehlo = Y, .ehlo_code = 250
#define ENCRYPTED OFFERING, .requested = Y, .reply_code = 220, .has_tls = true, .outcome = MXT_TLS_ESTABLISHED
#define PLAIN     .offered = N, .requested = N, .ehlo = Y, .ehlo_code = 250, .exposed = 1
#define ABORTED   OFFERING, .requested = Y, .reply_code = 220, .has_tls = true, .outcome = MXT_TLS_FAILED
#define UNUSED    OFFERING, .requested = N, .exposed = 1
#define HELO      .ehlo = N, .helo_code = 250, .requested = N, .exposed = 1
#define OTHER     "10.1.0.77"
#define KEY_A     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KEY_B     "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define SHOWN     ENCRYPTED, .visible = Y, .is_rsa = Y, .not_before = NOW - 10 * DAY, .not_after = NOW + 80 * DAY

enum { SESSIONS = 6 };

static const struct visit histories[][SESSIONS] = {
    /* Offered, stripped, a stranger, offered again, HELO */
    {{1, .facts = {ENCRYPTED}},
     {2, .facts = {PLAIN}},
     {3, OTHER, .facts = {PLAIN}},
     {4, .facts = {ENCRYPTED}},
     {5, OTHER, .facts = {HELO}},
     {6, .facts = {PLAIN}}},
    /* A farm */
    {{1, .facts = {PLAIN}}, {2, .facts = {UNUSED}}, {3, OTHER, .facts = {PLAIN}}, {4, .facts = {UNUSED}}, {5, OTHER, .facts = {PLAIN}}, {6, .facts = {PLAIN}}},
    /* A failure, plaintext at another MX, TLS in between, plaintext again */
    {{1, .facts = {ABORTED, .helo = "a.example.org", .banner_name = "mx1.example.net"}},
     {2, OTHER, .server = "192.0.2.26", .facts = {UNUSED, .helo = "b.example.org", .recipients = {"bob@example.net"}}},
     {3, .facts = {ENCRYPTED}},
     {4, .facts = {UNUSED, .helo = "a.example.org"}},
     {50, .facts = {ABORTED, .helo = "a.example.org"}},
     {70, .facts = {UNUSED, .helo = "a.example.org"}}},
    /* Habits, scanners */
    {{1, .facts = {ABORTED, .hop = MXT_HOP_INBOUND}},
     {2, .facts = {ENCRYPTED}},
     {3, .facts = {ENCRYPTED}},
     {4, .facts = {ENCRYPTED}},
     {5, .facts = {UNUSED}},
     {6, .facts = {ABORTED, .hop = MXT_HOP_INBOUND}}},
    /* Certificates in turn */
    {{1, .facts = {SHOWN, .spki = KEY_A, .issuer = "A"}},
     {2, .facts = {SHOWN, .spki = KEY_B, .issuer = "B"}},
     {3, .facts = {SHOWN, .spki = KEY_A, .issuer = "A"}},
     {4, .facts = {SHOWN, .spki = KEY_A, .issuer = "A", .sni = "mx.example.net"}},
     {5, .facts = {SHOWN, .spki = KEY_B, .issuer = "B", .sni = "mx.example.net"}},
     {6, .facts = {SHOWN, .spki = KEY_B, .issuer = "C", .sni = "mx.example.net"}}},
    /* Sessions that begin together */
    {{1, .facts = {ENCRYPTED}}, {1, .facts = {PLAIN}}, {1, .facts = {ABORTED}}, {1, .facts = {UNUSED}}, {1, .facts = {PLAIN}}, {1, .facts = {ENCRYPTED}}},
};

static void play(struct history *history, const struct visit *visits, const unsigned *order)
{
    history_begin(history);
    for (size_t i = 0; i < SESSIONS; i++)
        history_take(history, visits, order[i]);
    history_end(history);
}

static bool is_same(const struct found *a, const struct found *b)
{
    return memcmp(a->severity, b->severity, sizeof a->severity) == 0 && a->is_lost == b->is_lost && a->is_mixed == b->is_mixed && a->is_late == b->is_late;
}

static void compare(const struct history *expected, const struct history *actual, size_t which, const unsigned *order)
{
    for (size_t i = 0; i < SESSIONS; i++)
        if (!is_same(&expected->found[i], &actual->found[i]))
            fail_msg("history %zu, order %u %u %u %u %u %u: session %zu is judged otherwise", which, order[0], order[1], order[2], order[3], order[4], order[5],
                     i);
}

/* The next order of the same numbers by size; false behind the last. */
static bool next_order(unsigned *order)
{
    size_t i = SESSIONS - 1;
    while (i > 0 && order[i - 1] >= order[i])
        i--;
    if (i == 0)
        return false;
    size_t j = SESSIONS - 1;
    while (order[j] <= order[i - 1])
        j--;
    unsigned swapped = order[i - 1];
    order[i - 1] = order[j];
    order[j] = swapped;
    for (size_t k = SESSIONS - 1; i < k; i++, k--) {
        swapped = order[i];
        order[i] = order[k];
        order[k] = swapped;
    }
    return true;
}

static void any_order_finds_the_same(void **state)
{
    (void)state;
    unsigned again = 0;
    for (size_t which = 0; which < COUNT(histories); which++) {
        unsigned order[SESSIONS] = {0, 1, 2, 3, 4, 5};
        struct history expected, actual;
        play(&expected, histories[which], order);
        while (next_order(order)) {
            play(&actual, histories[which], order);
            compare(&expected, &actual, which, order);
            again += actual.again;
        }
    }
    assert_true(again > 1000);
}

/* A record that comes again, or an earlier snapshot's place taken by a later one, changes nothing else. */
static void what_comes_twice_is_judged_the_same(void **state)
{
    (void)state;
    for (size_t which = 0; which < COUNT(histories); which++) {
        unsigned order[SESSIONS] = {0, 1, 2, 3, 4, 5};
        struct history once, twice;
        play(&once, histories[which], order);
        history_begin(&twice);
        for (size_t i = 0; i < SESSIONS; i++)
            for (size_t times = 0; times < 2; times++)
                history_take(&twice, histories[which], i);
        history_end(&twice);
        compare(&once, &twice, which, order);
    }
}

static void late_records_teach_nothing(void **state)
{
    (void)state;
    const struct visit visits[] = {{2000, .facts = {PLAIN}}, {1, .facts = {UNUSED}}, {2001, .facts = {PLAIN}}};
    struct history history;
    history_begin(&history);
    for (size_t i = 0; i < COUNT(visits); i++)
        history_take(&history, visits, i);
    assert_true(history.found[1].is_late);
    assert_int_equal(history.found[1].severity[MXT_RULE_STARTTLS_UNUSED], MXT_SEVERITY_LOW);
    assert_int_equal(history.found[2].severity[MXT_RULE_STARTTLS_STRIPPED], MXT_SEVERITY_NONE);
    assert_int_equal(history.again, 0);
    history_end(&history);
}

/* However early memory is refused, nothing breaks, and it is told. */
static void refused_memory_is_told(void **state)
{
    (void)state;
    const struct visit visits[] = {{1, .facts = {ENCRYPTED}}, {2, .facts = {ABORTED, .helo = "a.example.org"}}, {3, .facts = {PLAIN, .helo = "a.example.org"}}};
    unsigned refusals = 0;
    struct history history;
    history_begin(&history);
    history_take(&history, visits, 0);
    history_take(&history, visits, 1);
    struct mxt_knowledge knowledge = mxt_memory_knowledge(history.memory);
    for (uint32_t fail_at = 1;; fail_at++) {
        struct scene scene;
        struct mxt_judgement judgement;
        history_scene(&scene, &visits[2], 2);
        uint32_t before = scene.arena.failures;
        scene.arena.fail_at = fail_at;
        enum mxt_status status = mxt_judge_network(&scene.record, &knowledge, &history.config, NOW, &scene.arena, &judgement);
        bool has_refused = scene.arena.failures > before;
        assert_int_equal(status, has_refused ? MXT_ENOMEM : MXT_OK);
        scene_free(&scene);
        if (!has_refused)
            break;
        refusals++;
    }
    assert_true(refusals > 10);
    history_end(&history);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_order_finds_the_same),
        cmocka_unit_test(what_comes_twice_is_judged_the_same),
        cmocka_unit_test(late_records_teach_nothing),
        cmocka_unit_test(refused_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
