#include "check.h"

#include "sensor/community_id.h"

/* From the specification's baseline (github.com/corelight/community-id-spec, baseline/baseline_deflt.json). */
static const struct {
    const char *source, *destination;
    uint16_t source_port, destination_port;
    const char *id;
} cases[] = {
    {"128.232.110.120", "66.35.250.204", 34855, 80, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
    {"66.35.250.204", "128.232.110.120", 80, 34855, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
};

static void test_baseline(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct mxt_address a, b;
        char text[MXT_COMMUNITY_ID_TEXT];
        assert_int_equal(mxt_address_parse(cases[i].source, &a), MXT_OK);
        assert_int_equal(mxt_address_parse(cases[i].destination, &b), MXT_OK);
        mxt_community_id(&a, cases[i].source_port, &b, cases[i].destination_port, text);
        assert_string_equal(text, cases[i].id);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_baseline)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
