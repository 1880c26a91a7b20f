#include "collector/batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct mxt_batch_terms terms = {.lease = "7 me", .lease_ms = 5000, .old_cursor = "1-0", .new_cursor = "2-0", .last_alert = "-", .last_reject = "", .alerts_kept = 9, .now_ms = 2};

/* The command as one text, words apart by a bar. */
static void assert_command(struct mxt_batch *batch, const char *expected)
{
    const char *const *argv;
    const size_t *lengths;
    size_t argc;
    char text[4096];
    size_t n = 0;
    assert_int_equal(mxt_batch_command(batch, "SHA", &terms, &argc, &argv, &lengths), MXT_OK);
    for (size_t i = 0; i < argc; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%.*s", i == 0 ? "" : "|", (int)lengths[i], argv[i]);
    assert_string_equal(text, expected);
}

#define FIXED "p:lease|p:cursor|p:events|p:alerts|p:rejected|p:alert_index"
#define HEAD  "7 me|5000|1-0|2-0|-||9|2|p:"

static struct mxt_batch *new_batch(void)
{
    struct mxt_batch *batch = mxt_batch_new("p:");
    assert_non_null(batch);
    return batch;
}

static void test_nothing(void **state)
{
    (void)state;
    struct mxt_batch *batch = new_batch();
    assert_command(batch, "EVALSHA|SHA|6|" FIXED "|" HEAD);
    mxt_batch_free(batch);
    mxt_batch_free(NULL);
}

static void test_each_operation(void **state)
{
    (void)state;
    struct mxt_batch *batch = new_batch();
    const struct mxt_field fields[] = {{"a", "one", 3}, {"b", "", 0}};
    mxt_batch_put(batch, MXT_PUT, "server", "192.0.2.1:25", 60, fields, 2);
    mxt_batch_put(batch, MXT_PUT_ALERT, "alert", "0123", 0, fields, 1);
    mxt_batch_put(batch, MXT_PUT_PRESENT, "alert", "0123", 0, fields, 1);
    mxt_batch_delete_field(batch, "server", "x", "3");
    mxt_batch_delete(batch, "session", "y");
    mxt_batch_add(batch, "alerts", (struct mxt_stream_id){5, 6}, 100, fields, 1);
    assert_command(batch, "EVALSHA|SHA|12|" FIXED "|p:server:192.0.2.1:25|p:alert:0123|p:alert:0123|p:server:x|p:session:y|p:alerts|" HEAD
                          "|P|60|0002|a|one|b||A|0|0001|a|one|U|0|0001|a|one|F|3|D|X|100|5-6|1|a|one");
    mxt_batch_free(batch);
}

/* Puts of one hash in a row are one; of another hash, or with something between, they are not. */
static void test_puts_in_a_row(void **state)
{
    (void)state;
    struct mxt_batch *batch = new_batch();
    const struct mxt_field a = {"a", "1", 1}, b = {"b", "2", 1};
    mxt_batch_put(batch, MXT_PUT, "mx", "n", 60, &a, 1);
    mxt_batch_put(batch, MXT_PUT, "mx", "n", 0, &b, 1);
    mxt_batch_put(batch, MXT_PUT, "mx", "no", 60, &a, 1);
    mxt_batch_put(batch, MXT_PUT, "mxn", "o", 60, &a, 1);
    mxt_batch_delete(batch, "mxn", "o");
    mxt_batch_put(batch, MXT_PUT, "mxn", "o", 60, &b, 1);
    assert_command(batch, "EVALSHA|SHA|11|" FIXED "|p:mx:n|p:mx:no|p:mxn:o|p:mxn:o|p:mxn:o|" HEAD "|P|60|0002|a|1|b|2|P|60|0001|a|1|P|60|0001|a|1|D|P|60|0001|b|2");
    mxt_batch_free(batch);
}

static void test_reset(void **state)
{
    (void)state;
    struct mxt_batch *batch = new_batch();
    const struct mxt_field a = {"a", "1", 1};
    mxt_batch_put(batch, MXT_PUT, "mx", "n", 60, &a, 1);
    assert_command(batch, "EVALSHA|SHA|7|" FIXED "|p:mx:n|" HEAD "|P|60|0001|a|1");
    mxt_batch_reset(batch);
    mxt_batch_put(batch, MXT_PUT, "mx", "n", 0, &a, 1);
    assert_command(batch, "EVALSHA|SHA|7|" FIXED "|p:mx:n|" HEAD "|P|0|0001|a|1");
    mxt_batch_free(batch);
}

/* A put that would have more fields than a script may spread goes on in another. */
static void test_many_fields_and_growth(void **state)
{
    (void)state;
    struct mxt_batch *batch = new_batch();
    const char *const *argv;
    const size_t *lengths;
    size_t argc;
    const struct mxt_field a = {"a", "a value of some length, so that the bytes move while they grow, and more than once", 80};
    for (size_t i = 0; i < 2500; i++)
        mxt_batch_put(batch, MXT_PUT, "mx", "n", 60, &a, 1);
    assert_false(mxt_batch_has_failed(batch));
    assert_int_equal(mxt_batch_command(batch, "SHA", &terms, &argc, &argv, &lengths), MXT_OK);
    assert_int_equal(argc, 3 + 6 + 3 + 9 + 3 * 3 + 2 * 2500);
    assert_memory_equal(argv[3], "p:lease", 7);
    assert_memory_equal(argv[argc - 1], a.value, 80);
    mxt_batch_free(batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing),       cmocka_unit_test(test_each_operation), cmocka_unit_test(test_puts_in_a_row),
        cmocka_unit_test(test_reset), cmocka_unit_test(test_many_fields_and_growth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
