#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/config_read.h"
#include "rules/json.h"
#include "sensor/options.h"

#define TOLD_MAX 4096

/* All that was told, a sentence a line. */
struct told {
    char text[TOLD_MAX];
    unsigned count;
};

static void keep(void *context, const char *sentence)
{
    struct told *told = context;
    size_t used = strlen(told->text);
    snprintf(told->text + used, sizeof told->text - used, "%s\n", sentence);
    told->count++;
}

/* Runs the program's own parser over a file with the text, behind further words. The file is called NAME in what was told. */
static enum mxt_status parse_bytes(const char *text, size_t n, const char *const *words, struct mxt_options *out, struct told *told)
{
    static char path[] = "/tmp/mxtap-config-XXXXXX";
    char *argv[20] = {(char *)(uintptr_t) "mxtap-sensor", (char *)(uintptr_t) "--config", path};
    int argc = 3;
    for (; words != NULL && words[argc - 3] != NULL; argc++)
        argv[argc] = (char *)(uintptr_t)words[argc - 3];
    strcpy(strrchr(path, '-'), "-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, n), n);
    close(fd);
    *told = (struct told){0};
    const struct mxt_faults faults = {.tell = keep, .context = told};
    enum mxt_status status = mxt_options_parse(argc, argv, out, &faults);
    unlink(path);
    return status;
}

static enum mxt_status parse(const char *text, const char *const *words, struct mxt_options *out, struct told *told)
{
    return parse_bytes(text, strlen(text), words, out, told);
}

static void test_every_kind_of_value(void **state)
{
    (void)state;
    struct mxt_options options;
    struct told told;
    assert_int_equal(
        parse("read: [a, \"b,c\"]\n"
              "policies: p\nknowledge: k\ntrust: t\nfilter: not port 25\nprivacy: domains\noutput: json\nsensor: edge-1\n"
              "home-net:\n  - 192.0.2.0/24\n  - 2001:db8::/32\n"
              "home-domain: Example.org, example.net\n"
              "ports: [25, 26]\n"
              "relays: 192.0.2.25\n"
              "rules:\n  starttls.not_offered: off\n  certificate.weak: critical\n"
              "suppress:\n"
              "  - {rule: certificate.weak, network: 10.0.0.0/8, server: \"192.0.2.1:25\", domain: Example.net, until: 2026-12-31, reason: because}\n"
              "  - domain: example.org\n"
              "windows: {judge: 2d, fallback: 90m, quiet: 7d}\nloss-ppm: 20\n",
              NULL, &options, &told),
        MXT_OK);
    assert_string_equal(told.text, "");
    assert_int_equal(options.capture_count, 2);
    assert_string_equal(options.captures[1], "b,c");
    assert_string_equal(options.policies, "p");
    assert_string_equal(options.knowledge, "k");
    assert_string_equal(options.trust, "t");
    assert_string_equal(options.filter, "not port 25");
    assert_string_equal(options.sensor, "edge-1");
    assert_true(options.domains_only && options.output == MXT_OUTPUT_JSON);
    assert_int_equal(options.home.count, 2);
    assert_true(mxt_port_set_has(&options.ports, 26) && !mxt_port_set_has(&options.ports, 465));
    const struct mxt_judge_config *judge = &options.judge;
    assert_int_equal(judge->relays.count, 1);
    assert_int_equal(judge->home_domains.count, 2);
    assert_string_equal(judge->home_domains.items[0], "example.org");
    assert_true(judge->is_off[MXT_RULE_STARTTLS_NOT_OFFERED] && !judge->is_off[MXT_RULE_CERTIFICATE_WEAK]);
    assert_int_equal(judge->regraded[MXT_RULE_CERTIFICATE_WEAK], MXT_SEVERITY_CRITICAL);
    assert_true(judge->window_us == INT64_C(172800000000) && judge->fallback_window_us == INT64_C(5400000000) && judge->quiet_us == INT64_C(604800000000));
    assert_int_equal(judge->loss_ppm, 20);
    assert_int_equal(judge->suppression_count, 2);
    const struct mxt_suppression *first = &judge->suppressions[0], *second = &judge->suppressions[1];
    char until[MXT_JSON_TIME];
    mxt_json_time_format(first->until_us, until);
    assert_true(first->rule == MXT_RULE_CERTIFICATE_WEAK && first->has_network && first->network.prefix == 104);
    assert_string_equal(first->server, "192.0.2.1:25");
    assert_string_equal(first->domain, "example.net");
    assert_string_equal(until, "2027-01-01T00:00:00.000000Z");
    assert_true(second->rule == MXT_RULE_NONE && !second->has_network && second->server == NULL && second->until_us == 0);
    assert_string_equal(second->domain, "example.org");
    mxt_options_free(&options);
}

static void test_the_command_line_wins_key_by_key(void **state)
{
    (void)state;
    struct mxt_options options;
    struct told told;
    const char *const words[] = {"-r", "x", "--home-net", "10.0.0.0/8", "--ports", "587", "-o", "text", "--home-domain", "a.test", NULL};
    assert_int_equal(
        parse("read: [a, b]\nhome-net: [192.0.2.0/24, 198.51.100.0/24]\nports: 25\noutput: json\nhome-domain: b.test\nsensor: edge\n", words, &options, &told),
        MXT_OK);
    assert_int_equal(options.capture_count, 1);
    assert_string_equal(options.captures[0], "x");
    assert_int_equal(options.home.count, 1);
    assert_int_equal(options.home.items[0].prefix, 104);
    assert_true(mxt_port_set_has(&options.ports, 587) && !mxt_port_set_has(&options.ports, 25));
    assert_int_equal(options.output, MXT_OUTPUT_TEXT);
    assert_int_equal(options.judge.home_domains.count, 1);
    assert_string_equal(options.judge.home_domains.items[0], "a.test");
    assert_string_equal(options.sensor, "edge");
    mxt_options_free(&options);
}

static void test_what_the_command_line_overrides_must_be_right_all_the_same(void **state)
{
    (void)state;
    struct mxt_options options;
    struct told told;
    assert_int_equal(parse("ports: mail\n", (const char *const[]){"-r", "x", "--ports", "25", NULL}, &options, &told), MXT_EUSAGE);
    assert_non_null(strstr(told.text, ":1: ports: \"mail\" is not a port number"));
    mxt_options_free(&options);
}

static void test_faults_name_line_key_and_mend(void **state)
{
    (void)state;
    static const struct {
        const char *text, *told;
    } cases[] = {
        {"home_net: ::1\n", ":1: home_net: unknown key; did you mean home-net?"},
        {"\nnothing: 1\n", ":2: nothing: unknown key; known are read, interface"},
        {"config: x\n", ":1: config: unknown key"},
        {"check-config: x\n", ":1: check-config: unknown key"},
        {"policies: [a]\n", ":1: policies: a list stands here; write a folder"},
        {"policies: {a: b}\n", ":1: policies: a mapping stands here; write a folder"},
        {"filter:\n", ":1: filter: no value; write a filter"},
        {"filter: ~\n", ":1: filter: no value"},
        {"filter: null\n", ":1: filter: no value"},
        {"trust: \"a\\0b\"\n", ":1: trust: a control character"},
        {"trust: \"a\\eb\"\n", ":1: trust: a control character"},
        {"trust: \"a\\u202Eb\"\n", ":1: trust: a control character"},
        {"\"a\\eb\": x\n", ":1: a control character"},
        {"sensor: two words\n", ":1: sensor: \"two words\" is not a name of 1 to 64 letters"},
        {"ports:\n  - 25\n  - 65536\n", ":3: ports: \"65536\" is not a port number from 1 to 65535"},
        {"ports: [[25]]\n", ":1: ports: a list stands here; write a port number"},
        {"output: xml\n", ":1: output: \"xml\" is not text or json"},
        {"privacy: all\n", ":1: privacy: \"all\" is not the word domains"},
        {"home-net: 10.0.0.1/8\n", ":1: home-net: \"10.0.0.1/8\" has bits set behind its prefix; write"},
        {"home-domain: localhost\n", ":1: home-domain: \"localhost\" is not a domain name"},
        {"relays: x\n", ":1: relays: \"x\" is no address; write a network"},
        {"sensor: a\nports: 25\nsensor: b\n", ":3: sensor: given twice, first in line 1; keep one"},
        {"rules: off\n", ":1: rules: a mapping is expected"},
        {"rules:\n  certificate.week: off\n", ":2: rules: \"certificate.week\" is not a rule; did you mean certificate.weak?"},
        {"rules:\n  nothing: off\n", ":2: rules: \"nothing\" is not a rule; mxtap-sensor --rules lists them"},
        {"rules:\n  certificate.weak: loud\n", ":2: rules.certificate.weak: \"loud\" is not off, info, low, medium, high or critical"},
        {"rules:\n  certificate.weak: off\n  certificate.weak: low\n", ":3: rules.certificate.weak: given twice, first in line 2"},
        {"suppress:\n  rule: certificate.weak\n", ":1: suppress: a list is expected: entries that begin with \"- \""},
        {"suppress: [a]\n", ":1: suppress: a mapping is expected"},
        {"suppress:\n  - reason: none\n", ":2: suppress: an entry without rule, network, server and domain"},
        {"suppress:\n  - rule: certificate.week\n", ":2: suppress.rule: \"certificate.week\" is not a rule; did you mean certificate.weak?"},
        {"suppress:\n  - network: 10.0.0.0/8,192.0.2.0/24\n", ":2: suppress.network: one network is expected"},
        {"suppress:\n  - server: mx\n", ":2: suppress.server: \"mx\" is not a server such as mx.example.net"},
        {"suppress:\n  - domain: a.test\n    until: soon\n", ":3: suppress.until: \"soon\" is not a date such as"},
        {"suppress:\n  - sever: a.test\n", ":2: suppress.sever: unknown key; did you mean server?"},
        {"suppress:\n  - domain: a.test\n    domain: b.test\n", ":3: suppress.domain: given twice"},
        {"windows:\n  quiet: 1y\n", ":2: windows.quiet: \"1y\" is not a time from 1m to 31d"},
        {"windows:\n  quiet: 59s\n", ":2: windows.quiet: \"59s\" is not a time from 1m to 31d"},
        {"windows:\n  quiet: 32d\n", ":2: windows.quiet: \"32d\" is not a time"},
        {"windows:\n  fallback: 2d\n", ":1: windows: fallback is longer than judge"},
        {"loss-ppm: 0.1%\n", ":1: loss-ppm: \"0.1%\" is not a number from 0 to 1000000"},
        {"loss-ppm: 1000001\n", ":1: loss-ppm: \"1000001\" is not a number from 0 to 1000000"},
        {"windows: 24h\n", ":1: windows: a mapping is expected"},
        {"- a\n", ":1: a mapping is expected"},
        {"a: [\n", ": this is not YAML: "},
        {"\tports: 25\n", ":1: this is not YAML: "},
        {"ports: 25\nfilter: \xff\n", ":2: this is not YAML: "},
        {"ports: 25\n---\nfilter: x\n", ":3: a second document begins here"},
        {"ports: 25\n---\nfilter: [\n", "this is not YAML"},
        {"ports: *unset\n", ":1: this is not YAML: "},
        {"? [a]\n: b\n", ":1: a list stands here; write a key"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct mxt_options options;
        struct told told;
        enum mxt_status status = parse(cases[i].text, (const char *const[]){"-r", "x", NULL}, &options, &told);
        if (status != MXT_EUSAGE || told.count != 1 || strstr(told.text, cases[i].told) == NULL || strncmp(told.text, "/tmp/mxtap-config-", 18) != 0)
            fail_msg("%s-> %d, %u: %s is not: %s", cases[i].text, status, told.count, told.text, cases[i].told);
        mxt_options_free(&options);
    }
}

static void test_all_faults_are_told_not_the_first_only(void **state)
{
    (void)state;
    static const char *const lines[] = {
        ":1: home_net:", ":2: ports:", ":3: output:", ":5: suppress.until:", ":6: suppress.sever:", ":8: suppress.server:", ":10: windows.judge:"};
    struct mxt_options options;
    struct told told;
    assert_int_equal(parse("home_net: ::1\nports: mail\noutput: xml\nsuppress:\n  - until: soon\n    sever: x\n  - rule: certificate.weak\n    server: mx\n"
                           "windows:\n  judge: 1y\n  fallback: 30m\n",
                           NULL, &options, &told),
                     MXT_EUSAGE);
    assert_int_equal(told.count, COUNT(lines));
    for (size_t i = 0; i < COUNT(lines); i++)
        assert_non_null(strstr(told.text, lines[i]));
    mxt_options_free(&options);
}

static void test_aliases_that_turn_in_circles(void **state)
{
    (void)state;
    struct mxt_options options;
    struct told told;
    assert_int_equal(parse("suppress: &a [*a]\n", (const char *const[]){"-r", "x", NULL}, &options, &told), MXT_EUSAGE);
    mxt_options_free(&options);
    assert_int_equal(parse("windows: &a {judge: *a}\n", (const char *const[]){"-r", "x", NULL}, &options, &told), MXT_EUSAGE);
    mxt_options_free(&options);
    assert_int_equal(parse("policies: &here p\ntrust: *here\n", (const char *const[]){"-r", "x", NULL}, &options, &told), MXT_OK);
    assert_string_equal(options.trust, "p");
    mxt_options_free(&options);
}

static void test_files_that_say_nothing(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "\n", "# nothing\n", "---\n# nothing\n...\n", "relays: []\nsuppress: []\nrules: {}\nwindows: {}\n"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct mxt_options options;
        struct told told;
        enum mxt_status status = parse(texts[i], (const char *const[]){"-r", "x", NULL}, &options, &told);
        if (status != MXT_OK)
            fail_msg("%zu: %d %s", i, status, told.text);
        mxt_options_free(&options);
    }
}

static void test_files_that_cannot_be_read(void **state)
{
    (void)state;
    struct mxt_options options;
    struct told told = {0};
    struct mxt_keys keys;
    struct mxt_given given = {0};
    const struct mxt_faults faults = {.tell = keep, .context = &told};
    options = (struct mxt_options){0};
    mxt_keys_of(&mxt_sensor_program, &keys);
    assert_int_equal(mxt_config_read("/nonexistent/mxtap.yaml", &keys, &options, &given, &faults), MXT_EIO);
    assert_non_null(strstr(told.text, "/nonexistent/mxtap.yaml: No such file"));
    assert_int_equal(mxt_config_read("/tmp", &keys, &options, &given, &faults), MXT_EIO);
    assert_non_null(strstr(told.text, "/tmp: Is a directory"));
    assert_int_equal(mxt_config_read("/dev/zero", &keys, &options, &given, &faults), MXT_EIO);
    assert_non_null(strstr(told.text, "longer than"));
    assert_int_equal(told.count, 3);
}

/* Cut anywhere, a configuration is right or told, never worse. */
static void test_cut_anywhere(void **state)
{
    (void)state;
    static const char text[] =
        "read: [a, \"b\"]\nrules: {certificate.weak: off}\nsuppress:\n  - {rule: certificate.weak, until: 2026-12-31}\nwindows: &w {judge: 2d}\nx: *w\n";
    for (size_t n = 0; n < sizeof text - 1; n++) {
        struct mxt_options options;
        struct told told;
        enum mxt_status status = parse_bytes(text, n, (const char *const[]){"-r", "x", NULL}, &options, &told);
        assert_true(status == MXT_OK ? told.count == 0 : status == MXT_EUSAGE && told.count > 0);
        mxt_options_free(&options);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_of_value),
        cmocka_unit_test(test_the_command_line_wins_key_by_key),
        cmocka_unit_test(test_what_the_command_line_overrides_must_be_right_all_the_same),
        cmocka_unit_test(test_faults_name_line_key_and_mend),
        cmocka_unit_test(test_all_faults_are_told_not_the_first_only),
        cmocka_unit_test(test_aliases_that_turn_in_circles),
        cmocka_unit_test(test_files_that_say_nothing),
        cmocka_unit_test(test_files_that_cannot_be_read),
        cmocka_unit_test(test_cut_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
