/* Stories: the gravest are kept, one a session, never more than there is room for. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "sensor/stories.h"

static void keep(struct mxt_stories *stories, uint64_t session, enum mxt_severity severity, const char *text)
{
    mxt_stories_keep(stories, session, severity, strdup(text));
}

static void one_story_a_session(void **state)
{
    (void)state;
    struct mxt_stories *stories = calloc(1, sizeof *stories);
    assert_null(mxt_stories_find(stories, 7));
    keep(stories, 7, MXT_SEVERITY_LOW, "first");
    keep(stories, 8, MXT_SEVERITY_LOW, "other");
    keep(stories, 7, MXT_SEVERITY_HIGH, "again");
    assert_int_equal(stories->count, 2);
    assert_string_equal(mxt_stories_find(stories, 7)->text, "again");
    assert_int_equal(mxt_stories_find(stories, 7)->severity, MXT_SEVERITY_HIGH);
    mxt_stories_keep(stories, 9, MXT_SEVERITY_HIGH, NULL);
    assert_null(mxt_stories_find(stories, 9));
    mxt_stories_free(stories);
    assert_int_equal(stories->count, 0);
    free(stories);
}

static void a_flood_keeps_the_gravest(void **state)
{
    (void)state;
    struct mxt_stories *stories = calloc(1, sizeof *stories);
    for (uint64_t i = 0; i < MXT_STORIES_MAX; i++)
        keep(stories, i + 1, i == 500 ? MXT_SEVERITY_LOW : MXT_SEVERITY_MEDIUM, "x");
    assert_false(mxt_stories_has_room(stories, 5000, MXT_SEVERITY_LOW));
    assert_true(mxt_stories_has_room(stories, 5000, MXT_SEVERITY_MEDIUM));
    assert_true(mxt_stories_has_room(stories, 3, MXT_SEVERITY_LOW));
    keep(stories, 5000, MXT_SEVERITY_MEDIUM, "y");
    assert_null(mxt_stories_find(stories, 501));
    assert_non_null(mxt_stories_find(stories, 5000));
    keep(stories, 5001, MXT_SEVERITY_MEDIUM, "z");
    assert_null(mxt_stories_find(stories, 5001));
    keep(stories, 5002, MXT_SEVERITY_CRITICAL, "z");
    assert_non_null(mxt_stories_find(stories, 5002));
    assert_non_null(mxt_stories_find(stories, 1));
    assert_int_equal(stories->count, MXT_STORIES_MAX);
    mxt_stories_free(stories);
    free(stories);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_story_a_session),
        cmocka_unit_test(a_flood_keeps_the_gravest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
