/* What a subject's whole replies come to. A history is written as a word: O an offer, n none, x EHLO refused, . a session that says nothing, | a day later. */
#include <string.h>

#include "check.h"
#include "rules/baseline.h"

#define HOUR   (INT64_C(3600) * 1000000)
#define DAY    (24 * HOUR)
#define BEGIN  (INT64_C(1700000000) * 1000000)
#define OWN    1
#define OTHERS 2

struct history {
    struct mxt_sighting sightings[MXT_SIGHTINGS_MAX];
    struct mxt_baseline baseline;
    int64_t end_us;
};

/* One session a minute; `client` alternates between OWN (capital O, n, x) and, behind a '+', OTHERS. */
static void tell(struct history *history, enum mxt_subject_kind kind, const char *word)
{
    *history = (struct history){.baseline = {.subject = {.kind = kind}, .sightings = history->sightings}, .end_us = BEGIN};
    uint64_t client = OWN;
    for (const char *p = word; *p != '\0'; p++) {
        if (*p == '|') {
            history->end_us += DAY;
            continue;
        }
        if (*p == '+') {
            client = OTHERS;
            continue;
        }
        struct mxt_sighting *sighting = &history->sightings[history->baseline.count++];
        sighting->time_us = history->end_us += HOUR / 60;
        sighting->session = history->baseline.count;
        sighting->client = client;
        sighting->offered = *p == 'O' ? MXT_YES : *p == 'n' ? MXT_NO : MXT_UNKNOWN;
        sighting->is_ehlo_refused = *p == 'x';
        client = OWN;
    }
    history->end_us += HOUR / 60;
}

static struct mxt_marks marks_at_the_end(const struct history *history, uint64_t without)
{
    return mxt_baseline_marks_before(&history->baseline, history->end_us, 0, without, DAY);
}

static const char *state_after(enum mxt_subject_kind kind, const char *word)
{
    struct history history;
    tell(&history, kind, word);
    struct mxt_marks marks = marks_at_the_end(&history, 0);
    bool is_lost = mxt_marks_is_lost(&marks, history.end_us, DAY);
    assert_false(marks.known_since_us != 0 && marks.mixed_since_us != 0);
    if (marks.mixed_since_us != 0)
        return marks.mixed_told_us != 0 ? "mixed, told" : "mixed";
    return marks.known_since_us == 0 ? "unknown" : is_lost ? "lost" : "known";
}

static void what_offers_come_to(void **state)
{
    (void)state;
    static const struct {
        enum mxt_subject_kind kind;
        const char *word, *state;
    } cases[] = {
        {MXT_SUBJECT_SERVER, "", "unknown"},
        {MXT_SUBJECT_SERVER, "....", "unknown"},
        {MXT_SUBJECT_SERVER, "O", "unknown"},
        {MXT_SUBJECT_SERVER, "OO", "known"},
        {MXT_SUBJECT_SERVER, "O..O", "known"},
        {MXT_SUBJECT_CLIENT_SERVER, "O", "known"},
        {MXT_SUBJECT_SERVER, "nO", "unknown"},
        {MXT_SUBJECT_SERVER, "nOOOOOOOO", "unknown"}, /* 8 of 9 */
        {MXT_SUBJECT_SERVER, "nOOOOOOOOO", "known"},  /* 9 of 10 */
        {MXT_SUBJECT_SERVER, "OOOOOOOOOOnnnnnnnnnn", "known"},
        {MXT_SUBJECT_SERVER, "OOxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "known"},
        {MXT_SUBJECT_SERVER, "OOnnnnO", "known"},   /* one break, which ended */
        {MXT_SUBJECT_SERVER, "OOnnnnOnO", "mixed"}, /* it came back twice */
        {MXT_SUBJECT_SERVER, "nOnO", "mixed"},
        {MXT_SUBJECT_SERVER, "nOnOn", "mixed, told"},
        {MXT_SUBJECT_SERVER, "xOxOx", "mixed, told"},
        {MXT_SUBJECT_SERVER, "nOnOOOOOOOOOOOOOO", "mixed"},
        {MXT_SUBJECT_SERVER, "nOnOOOOOOOOOOOOOOOOOO", "known"},                   /* 20 replies, 18 of them offers */
        {MXT_SUBJECT_SERVER, "nOnOnnnnnnnnnnnnnnnnnnnnnnnn", "unknown"},          /* it ceased to offer at all */
        {MXT_SUBJECT_SERVER, "OOOOOOOOOOOOOOOOOOOOOOOOOnOOOOOOOOnOOOO", "known"}, /* twice, and still 90 % */
        {MXT_SUBJECT_SERVER, "OO|n", "known"},
        {MXT_SUBJECT_SERVER, "OOn|n", "lost"},
        {MXT_SUBJECT_SERVER, "OOnnnnnnnnnnnnnnnnnnnnnn|||n", "lost"},
        {MXT_SUBJECT_SERVER, "OOnn|nO", "known"},
        {MXT_SUBJECT_SERVER, "OOnn|nOnO", "known"}, /* the long break counts no more */
        {MXT_SUBJECT_SERVER, "OOnn|OnO", "mixed"},  /* a break of which nothing was seen after its day is not lost */
        {MXT_SUBJECT_SERVER, "nn|n", "unknown"},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        if (strcmp(state_after(cases[i].kind, cases[i].word), cases[i].state) != 0)
            fail_msg("%s: %s instead of %s", cases[i].word, state_after(cases[i].kind, cases[i].word), cases[i].state);
}

static void a_client_can_be_left_out(void **state)
{
    (void)state;
    struct history history;
    tell(&history, MXT_SUBJECT_SERVER, "nnn+O+O");
    assert_int_equal(marks_at_the_end(&history, 0).known_since_us, 0);
    assert_int_equal(marks_at_the_end(&history, OTHERS).known_since_us, 0);
    assert_int_equal(marks_at_the_end(&history, OWN).known_since_us, history.sightings[4].time_us);
    assert_int_equal(marks_at_the_end(&history, OWN).recent_count, 2);
    assert_int_equal(mxt_baseline_marks_before(NULL, BEGIN, 0, OWN, DAY).recent_count, 0);
}

static void only_what_is_earlier_counts(void **state)
{
    (void)state;
    struct history history;
    tell(&history, MXT_SUBJECT_SERVER, "OOn");
    const struct mxt_sighting *second = &history.sightings[1];
    assert_int_equal(mxt_baseline_marks_before(&history.baseline, second->time_us, second->session, 0, DAY).recent_count, 1);
    assert_int_equal(mxt_baseline_marks_before(&history.baseline, second->time_us, second->session + 1, 0, DAY).recent_count, 2);
    assert_true(mxt_sighting_is_earlier(1, 9, 2, 1));
    assert_true(mxt_sighting_is_earlier(1, 1, 1, 2));
    assert_false(mxt_sighting_is_earlier(1, 1, 1, 1));
}

/* Sightings that are no longer kept leave their marks: what is known does not depend on how many are kept. */
static void marks_stand_for_what_is_forgotten(void **state)
{
    (void)state;
    struct history whole, rest;
    const char *const word = "nOnOnnOOOOOOOOOOOOOOOOOOOOnnnnnnnn|nnnOOOnOOn";
    tell(&whole, MXT_SUBJECT_SERVER, word);
    struct mxt_marks expected = marks_at_the_end(&whole, 0);
    for (size_t forgotten = 0; forgotten <= whole.baseline.count; forgotten++) {
        rest = whole;
        rest.baseline.sightings = whole.sightings + forgotten;
        rest.baseline.count = whole.baseline.count - forgotten;
        for (size_t i = 0; i < forgotten; i++)
            mxt_marks_take(&rest.baseline.marks, MXT_SUBJECT_SERVER, &whole.sightings[i], DAY);
        struct mxt_marks marks = marks_at_the_end(&rest, 0);
        assert_int_equal(marks.known_since_us, expected.known_since_us);
        assert_int_equal(marks.mixed_since_us, expected.mixed_since_us);
        assert_int_equal(marks.mixed_told_us, expected.mixed_told_us);
        assert_int_equal(marks.last_offer_us, expected.last_offer_us);
        assert_int_equal(marks.broken_since_us, expected.broken_since_us);
        assert_int_equal(marks.lost_since_us, expected.lost_since_us);
        assert_int_equal(marks.recent, expected.recent);
        assert_int_equal(marks.recent_count, expected.recent_count);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_offers_come_to),
        cmocka_unit_test(a_client_can_be_left_out),
        cmocka_unit_test(only_what_is_earlier_counts),
        cmocka_unit_test(marks_stand_for_what_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
