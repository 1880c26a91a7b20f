/* The catalogue: what its numbers, names and texts promise. */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "rules/rule.h"

static const struct mxt_rule_info *catalogue(size_t *count)
{
    const struct mxt_rule_info *rules = mxt_rule_catalogue(count);
    assert_true(*count > 20);
    return rules;
}

static void rules_are_told_apart(void **state)
{
    (void)state;
    size_t count;
    const struct mxt_rule_info *rules = catalogue(&count);
    for (size_t i = 0; i < count; i++) {
        assert_true(i == 0 || rules[i - 1].rule < rules[i].rule);
        for (size_t k = 0; k < i; k++) {
            assert_int_not_equal(rules[i].sid, rules[k].sid);
            assert_string_not_equal(rules[i].name, rules[k].name);
            assert_string_not_equal(rules[i].signature, rules[k].signature);
        }
    }
}

static void signature_ids_are_those_of_the_rfc(void **state)
{
    (void)state;
    size_t count;
    const struct mxt_rule_info *rules = catalogue(&count);
    for (size_t i = 0; i < count; i++) {
        unsigned rfc = 1; /* what is about a sensor itself */
        assert_int_equal(strcmp(rules[i].rfc, "-") == 0 ? 1 : sscanf(rules[i].rfc, "RFC %u section", &rfc), 1);
        assert_int_equal(rules[i].sid / 1000, rfc);
        assert_int_not_equal(rules[i].sid % 1000, 0);
        assert_true(rules[i].rev >= 1);
    }
}

static void names_lead_to_their_rules(void **state)
{
    (void)state;
    size_t count;
    const struct mxt_rule_info *rules = catalogue(&count);
    for (size_t i = 0; i < count; i++) {
        assert_ptr_equal(mxt_rule_info(rules[i].rule), &rules[i]);
        assert_int_equal(mxt_rule_from_name(rules[i].name), rules[i].rule);
        assert_int_not_equal(rules[i].severity, MXT_SEVERITY_NONE);
    }
    assert_int_equal(mxt_rule_from_name("starttls"), MXT_RULE_NONE);
    assert_int_equal(mxt_rule_from_name(""), MXT_RULE_NONE);
    assert_int_equal(mxt_rule_from_name(NULL), MXT_RULE_NONE);
    assert_null(mxt_rule_info(MXT_RULE_NONE));
    assert_null(mxt_rule_info(MXT_RULES));
}

/* Braces hold one lower-case word, brackets hold at least one place, neither nests: the texts can be filled in. */
static void check_template(const char *name, const char *text)
{
    char open = '\0';
    bool has_place = false;
    size_t word = 0;
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '{') {
            if (word != 0)
                fail_msg("%s: a place in a place: %s", name, p);
            word = 1;
            has_place = true;
        } else if (*p == '}') {
            if (word < 2)
                fail_msg("%s: an empty place: %s", name, p);
            word = 0;
        } else if (word != 0) {
            if (!islower((unsigned char)*p) && *p != '_')
                fail_msg("%s: no place: %s", name, p);
            word++;
        } else if (*p == '[') {
            if (open != '\0')
                fail_msg("%s: an optional part in another: %s", name, p);
            open = '[';
            has_place = false;
        } else if (*p == ']') {
            if (open != '[' || !has_place)
                fail_msg("%s: a part that is not optional: %s", name, p);
            open = '\0';
        }
    }
    if (open != '\0' || word != 0)
        fail_msg("%s: not closed", name);
    size_t length = strlen(text);
    assert_int_equal(text[length - 1] == ']' ? text[length - 2] : text[length - 1], '.');
}

static void texts_can_be_filled_in(void **state)
{
    (void)state;
    size_t count;
    const struct mxt_rule_info *rules = catalogue(&count);
    for (size_t i = 0; i < count; i++) {
        check_template(rules[i].name, rules[i].explanation);
        check_template(rules[i].name, rules[i].remedy);
    }
}

static void severities_have_names(void **state)
{
    (void)state;
    for (unsigned i = MXT_SEVERITY_INFO; i <= MXT_SEVERITY_CRITICAL; i++)
        assert_int_equal(mxt_severity_from_name(mxt_severity_name((enum mxt_severity)i)), i);
    assert_string_equal(mxt_severity_name(MXT_SEVERITY_CRITICAL), "critical");
    assert_null(mxt_severity_name(MXT_SEVERITY_NONE));
    assert_int_equal(mxt_severity_from_name("grave"), MXT_SEVERITY_NONE);
    assert_int_equal(mxt_severity_from_name(NULL), MXT_SEVERITY_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_are_told_apart),      cmocka_unit_test(signature_ids_are_those_of_the_rfc),
        cmocka_unit_test(names_lead_to_their_rules), cmocka_unit_test(texts_can_be_filled_in),
        cmocka_unit_test(severities_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
