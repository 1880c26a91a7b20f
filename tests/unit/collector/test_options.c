#include "check.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "collector/options.h"

#define WORDS    12
#define TOLD_MAX 4096

static void keep(void *context, const char *sentence)
{
    size_t used = strlen(context);
    snprintf((char *)context + used, TOLD_MAX - used, "%s\n", sentence);
}

/* Runs the program's parser over the words; `text`, where there is one, is the file of --config. */
static enum mxt_status parse(const char *text, const char *const *words, struct mxt_collector_options *out, char *told)
{
    static char path[] = "/tmp/mxtap-options-XXXXXX";
    const struct mxt_faults faults = {.tell = keep, .context = told};
    char *argv[WORDS + 4] = {(char *)(uintptr_t) "mxtap-collector"};
    int argc = 1;
    for (; words[argc - 1] != NULL; argc++)
        argv[argc] = (char *)(uintptr_t)words[argc - 1];
    if (text != NULL) {
        strcpy(strrchr(path, '-'), "-XXXXXX");
        int fd = mkstemp(path);
        assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
        close(fd);
        argv[argc++] = (char *)(uintptr_t) "--config";
        argv[argc++] = path;
    }
    told[0] = '\0';
    enum mxt_status status = mxt_collector_options_parse(argc, argv, out, &faults);
    if (text != NULL)
        unlink(path);
    return status;
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *words[WORDS];
        const char *named;
    } cases[] = {
        {{NULL}, "which Redis? Write --redis URL"},
        {{"--check-config", NULL}, "--config FILE"},
        {{"--redis", NULL}, "--redis needs a value; see mxtap-collector --help"},
        {{"--rediss", "x", NULL}, "did you mean --redis?"},
        {{"--redis", "unix:/r", "--partitions", "0", NULL}, "--partitions 0: \"0\" is not a number from 1 to 256"},
        {{"--redis", "unix:/r", "--metrics", "localhost", NULL}, "is not a port, or an address and a port"},
        {{"--redis", "unix:/r", "--once=maybe", NULL}, "unknown option"},
        {{"--redis", "unix:/r", "once", NULL}, "what is \"once\"? See mxtap-collector --help"},
        {{"--redis.url", "unix:/r", NULL}, "unknown option --redis.url"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct mxt_collector_options options;
        char told[TOLD_MAX];
        enum mxt_status status = parse(NULL, cases[i].words, &options, told);
        if (status != MXT_EUSAGE || strstr(told, cases[i].named) == NULL)
            fail_msg("%zu: %d \"%s\" does not say \"%s\"", i, status, told, cases[i].named);
        mxt_collector_options_free(&options);
    }
}

static void test_faults_in_the_file(void **state)
{
    (void)state;
    static const struct {
        const char *text, *told;
    } cases[] = {
        {"redis: unix:/r\n", ":1: redis: a mapping is expected"},
        {"redis.url: unix:/r\n", ":1: redis.url: unknown key"},
        {"redis:\n  uri: x\n", ":2: redis.uri: unknown key; did you mean url?"},
        {"redis:\n  nothing: x\n", ":2: redis.nothing: unknown key; known are url, password_file, ca, certificate, key"},
        {"redis: {url: a}\nredis: {ca: b}\n", ":2: redis: given twice, first in line 1"},
        {"url: x\n", ":1: url: unknown key"},
        {"once: yes\n", ":1: once: unknown key"},
        {"metrics: {listen: 0}\n", ":1: metrics.listen: \"0\" is not a port"},
        {"limits:\n  servers: 0\n", ":2: limits.servers: \"0\" is not a number from 1"},
        {"limits:\n  record_bytes: 64MB\n", ":2: limits.record_bytes: \"64MB\" is not a size"},
        {"windows:\n  fallback: 2d\n", ":1: windows: fallback is longer than judge"},
        {"sinks:\n  - file: /a\n", ":2: sinks: a sink without a name"},
        {"sinks:\n  - name: a\n", ":2: sinks: a sink that goes nowhere"},
        {"sinks:\n  - name: a\n    file: a\n", ":3: sinks.file: write the whole path"},
        {"sinks:\n  - {name: a, file: /a, webhook: \"https://x\"}\n", ":2: sinks.webhook: a sink is one of"},
        {"sinks:\n  - {name: a, file: /a}\n  - {name: a, file: /b}\n", ":3: sinks: two sinks of one name"},
        {"sinks:\n  - {name: A, file: /a}\n", ":2: sinks.name: \"A\" is not a name"},
        {"sinks:\n  - {name: a, syslog: localhost}\n", ":2: sinks.syslog: \"localhost\" is not an address"},
        {"sinks:\n  - {name: a, syslog: \"udp://h:1\", facility: postal}\n", ":2: sinks.facility: \"postal\" is not a facility"},
        {"sinks:\n  - {name: a, webhook: ftp://x}\n", ":2: sinks.webhook: \"ftp://x\" is not a URL"},
        {"sinks:\n  - {name: a, command: page}\n", ":2: sinks.command: write the program's whole path"},
        {"sinks:\n  - {name: a, file: /a, secret_file: /k}\n", ":2: sinks: secret_file and ca belong to webhooks"},
        {"sinks:\n  - {name: a, file: /a, severity: loud}\n", ":2: sinks.severity: \"loud\" is not info, low"},
        {"sinks:\n  - {name: a, file: /a, timeout: 0s}\n", ":2: sinks.timeout: \"0s\" is not a time"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct mxt_collector_options options;
        char told[TOLD_MAX];
        enum mxt_status status = parse(cases[i].text, (const char *const[]){"--redis", "unix:/r", NULL}, &options, told);
        if (status != MXT_EUSAGE || strstr(told, cases[i].told) == NULL)
            fail_msg("%s-> %d \"%s\" does not say \"%s\"", cases[i].text, status, told, cases[i].told);
        mxt_collector_options_free(&options);
    }
}

static void test_every_kind_of_value(void **state)
{
    (void)state;
    struct mxt_collector_options options;
    char told[TOLD_MAX];
    assert_int_equal(parse("redis: {url: rediss://u@h, password_file: p, ca: c, certificate: e, key: k}\n"
                           "policies: d\npartitions: 4\nname: one\nhome-domain: Example.org\n"
                           "sinks:\n"
                           "  - {name: a, file: \"/a,b\"}\n"
                           "  - {name: b, command: [/bin/x, \"-y,z\"], severity: high, timeout: 1m}\n"
                           "  - {name: c, webhook: \"https://x/y\", secret_file: /k, ca: /c}\n"
                           "  - {name: d, syslog: unix:/dev/log, facility: mail}\n"
                           "metrics: {listen: \"[::1]:99\"}\n"
                           "limits: {servers: 5, record_bytes: 1MiB, alert_stream: 7}\n",
                           (const char *const[]){"--once", "--partitions", "2", "--redis", "unix:/r", NULL}, &options, told),
                     MXT_OK);
    assert_string_equal(told, "");
    assert_string_equal(options.redis.url, "unix:/r");
    assert_string_equal(options.redis.key_file, "k");
    assert_true(options.is_once && options.partitions == 2 && options.metrics.port == 99);
    assert_string_equal(options.judge.home_domains.items[0], "example.org");
    assert_true(options.limits.memory.servers == 5 && options.limits.memory.names == 20000 && options.limits.memory.record_bytes == 1 << 20);
    assert_true(options.limits.alert_stream == 7 && options.limits.rejected == 10000);
    assert_int_equal(options.sinks.count, 4);
    const struct mxt_sink_config *sinks = options.sinks.items;
    assert_true(sinks[0].type == MXT_SINK_FILE && sinks[0].severity == MXT_SEVERITY_INFO && sinks[0].timeout_us == INT64_C(10000000));
    assert_string_equal(sinks[0].target, "/a,b");
    assert_true(sinks[1].type == MXT_SINK_COMMAND && sinks[1].words == 2 && sinks[1].command[2] == NULL && sinks[1].severity == MXT_SEVERITY_HIGH);
    assert_string_equal(sinks[1].command[1], "-y,z");
    assert_string_equal(sinks[2].secret_file, "/k");
    assert_true(sinks[3].type == MXT_SINK_SYSLOG && sinks[3].facility == 2);
    mxt_collector_options_free(&options);
}

static void test_defaults_are_those_of_the_judge(void **state)
{
    (void)state;
    struct mxt_collector_options options;
    char told[TOLD_MAX];
    struct mxt_keys keys;
    const struct mxt_memory_limits memory = MXT_MEMORY_LIMITS_DEFAULT;
    const struct mxt_alerts_limits alerts = MXT_ALERTS_LIMITS_DEFAULT;
    mxt_keys_of(&mxt_collector_program, &keys);
    assert_true(keys.count < MXT_KEYS_MAX); /* none is left out */
    assert_int_equal(parse(NULL, (const char *const[]){"--redis", "unix:/r", NULL}, &options, told), MXT_OK);
    assert_memory_equal(&options.limits.memory, &memory, sizeof memory);
    assert_memory_equal(&options.limits.alerts, &alerts, sizeof alerts);
    assert_true(options.partitions == 0 && options.metrics.port == 0 && options.sinks.count == 0 && options.limits.alert_stream > 0);
    mxt_collector_options_free(&options);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_faults_in_the_file),
        cmocka_unit_test(test_every_kind_of_value),
        cmocka_unit_test(test_defaults_are_those_of_the_judge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
