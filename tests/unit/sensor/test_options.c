#include "check.h"

#include <stdio.h>
#include <string.h>

#include "sensor/options.h"

#define WORDS 10

static void keep(void *context, const char *sentence)
{
    snprintf(context, MXT_FAULT_TEXT, "%s", sentence);
}

static enum mxt_status parse(const char *const *words, struct mxt_options *out, char *error)
{
    const struct mxt_faults faults = {.tell = keep, .context = error};
    char *argv[WORDS + 2] = {(char *)(uintptr_t) "mxtap-sensor"};
    int argc = 1;
    for (; argc <= WORDS && words[argc - 1] != NULL; argc++)
        argv[argc] = (char *)(uintptr_t)words[argc - 1];
    return mxt_options_parse(argc, argv, out, &faults);
}

static void test_refusals_name_the_option_and_the_mend(void **state)
{
    (void)state;
    static const struct {
        const char *words[WORDS];
        const char *named;
    } cases[] = {
        {{NULL}, "nothing to do"},
        {{"-r", NULL}, "-r needs a value"},
        {{"--read", NULL}, "--read needs a value"},
        {{"--nonsense", NULL}, "unknown option --nonsense"},
        {{"-x", NULL}, "unknown option -x"},
        {{"mail.pcap", NULL}, "-r FILE"},
        {{"-r", "a", "--ports", "25,x", NULL}, "\"x\" is not a port"},
        {{"-r", "a", "--ports", "0", NULL}, "1 to 65535"},
        {{"-r", "a", "--ports", "65536", NULL}, "1 to 65535"},
        {{"-r", "a", "--ports", "25,", NULL}, "is not a port"},
        {{"-r", "a", "-o", "xml", NULL}, "text or json"},
        {{"-r", "a", "--home-net", "10.0.0.0/99", NULL}, "--home-net"},
        {{"-r", "a", "--privacy", "all", NULL}, "the word domains"},
        {{"-r", "a", "--sensor", "two words", NULL}, "--sensor"},
        {{"-r", "a", "--polices", "d", NULL}, "did you mean --policies?"},
        {{"-r", "a", "--relays", "192.0.2.1", NULL}, "unknown option --relays"},
        {{"-r", "a", "--home-domain", "example", NULL}, "is not a domain name"},
        {{"-r", "", NULL}, "is not a path"},
        {{"--check-config", NULL}, "--config FILE"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct mxt_options options;
        char error[MXT_FAULT_TEXT] = "";
        assert_int_equal(parse(cases[i].words, &options, error), MXT_EUSAGE);
        if (strstr(error, cases[i].named) == NULL)
            fail_msg("\"%s\" does not say \"%s\"", error, cases[i].named);
        mxt_options_free(&options);
    }
}

static void test_defaults(void **state)
{
    (void)state;
    struct mxt_options options;
    char error[MXT_FAULT_TEXT];
    assert_int_equal(parse((const char *const[]){"-r", "a", NULL}, &options, error), MXT_OK);
    assert_int_equal(options.action, MXT_ACTION_REPLAY);
    assert_int_equal(options.output, MXT_OUTPUT_TEXT);
    assert_true(mxt_port_set_has(&options.ports, 25) && mxt_port_set_has(&options.ports, 465) && mxt_port_set_has(&options.ports, 587) &&
                mxt_port_set_has(&options.ports, 2525));
    assert_false(mxt_port_set_has(&options.ports, 26));
    assert_true(options.home.count > 0);
    assert_null(options.trust);
    assert_null(options.knowledge);
    assert_string_equal(options.sensor, "mxtap");
    mxt_options_free(&options);
}

static void test_several_captures_and_values(void **state)
{
    (void)state;
    struct mxt_options options;
    char error[MXT_FAULT_TEXT];
    assert_int_equal(parse((const char *const[]){"-r", "a", "b", "--output=json", "c", "--ports", "26", "--home-net", "192.0.2.0/24", NULL}, &options, error),
                     MXT_OK);
    assert_int_equal(options.capture_count, 3);
    assert_string_equal(options.captures[0], "a");
    assert_string_equal(options.captures[1], "b");
    assert_string_equal(options.captures[2], "c");
    assert_int_equal(options.output, MXT_OUTPUT_JSON);
    assert_true(mxt_port_set_has(&options.ports, 26));
    assert_false(mxt_port_set_has(&options.ports, 25));
    assert_int_equal(options.home.count, 1);
    mxt_options_free(&options);
}

static void test_home_domains_have_one_form(void **state)
{
    (void)state;
    struct mxt_options options;
    char error[MXT_FAULT_TEXT];
    assert_int_equal(
        parse((const char *const[]){"-r", "a", "--home-domain", "Example.ORG., xn--bcher-kva.example", "--home-domain", "a.test", NULL}, &options, error),
        MXT_OK);
    const struct mxt_text_list *domains = &options.judge.home_domains;
    assert_int_equal(domains->count, 3);
    assert_string_equal(domains->items[0], "example.org");
    assert_string_equal(domains->items[1], "xn--bcher-kva.example");
    assert_string_equal(domains->items[2], "a.test");
    mxt_options_free(&options);
}

/* The judge's own defaults and those in the table of keys are the same. */
static void test_windows_by_default(void **state)
{
    (void)state;
    struct mxt_options options = {0};
    struct mxt_judge_config config;
    struct mxt_keys keys;
    const struct mxt_given given = {0};
    mxt_keys_of(&mxt_sensor_program, &keys);
    assert_true(keys.count < MXT_KEYS_MAX); /* none is left out */
    assert_int_equal(mxt_keys_fill_defaults(&keys, &given, &options), MXT_OK);
    mxt_judge_config_init(&config);
    assert_true(options.judge.window_us == config.window_us && options.judge.fallback_window_us == config.fallback_window_us &&
                options.judge.quiet_us == config.quiet_us);
    mxt_options_free(&options);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals_name_the_option_and_the_mend),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_several_captures_and_values),
        cmocka_unit_test(test_home_domains_have_one_form),
        cmocka_unit_test(test_windows_by_default),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
