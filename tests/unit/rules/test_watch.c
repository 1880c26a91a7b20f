/* Sensors that are silent, blind or losing packets, by the keeper's clock; and what is kept of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "rules/ledger.h"
#include "rules/watch.h"

#define SECOND INT64_C(1000000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define START  (1700000000 * SECOND)

struct kept {
    char *key, *text;
    size_t n;
    enum mxt_kept_kind kind;
};

enum { KEPT_MAX = 64 };

/* A keeper with a sensor that tells of its health once a minute. */
struct keeper {
    struct mxt_judge_config judge;
    struct mxt_memory *memory;
    struct mxt_ledger *ledger;
    struct mxt_health health;
    int64_t now_us;
    struct kept kept[KEPT_MAX];
    size_t kept_count;
    uint64_t counts[MXT_RULES];
    int64_t last_us[MXT_RULES];
    enum mxt_severity severity[MXT_RULES];
};

static void open_ledger(struct keeper *keeper)
{
    keeper->memory = mxt_memory_new();
    const struct mxt_ledger_config config = {.judge = &keeper->judge, .memory = keeper->memory, .alerts_limits = MXT_ALERTS_LIMITS_DEFAULT, .is_kept = true};
    keeper->ledger = mxt_ledger_new(&config);
    assert_non_null(keeper->ledger);
}

static void begin(struct keeper *keeper)
{
    *keeper = (struct keeper){.health = {.sensor = "edge-1", .packets = 1}, .now_us = START};
    mxt_judge_config_init(&keeper->judge);
    open_ledger(keeper);
}

static void on_kept(void *context, const struct mxt_kept *kept)
{
    struct keeper *keeper = context;
    size_t i = 0;
    while (i < keeper->kept_count && (keeper->kept[i].kind != kept->kind || strcmp(keeper->kept[i].key, kept->key) != 0))
        i++;
    assert_true(i < KEPT_MAX);
    if (i == keeper->kept_count)
        keeper->kept[keeper->kept_count++] = (struct kept){.key = strdup(kept->key), .kind = kept->kind};
    free(keeper->kept[i].text);
    keeper->kept[i].text = kept->text == NULL ? NULL : strndup(kept->text, kept->n);
    keeper->kept[i].n = kept->n;
}

static void ignore(void *context, const struct mxt_alert *alert)
{
    (void)context;
    (void)alert;
}

static void close_ledger(struct keeper *keeper)
{
    mxt_ledger_free(keeper->ledger);
    mxt_memory_free(keeper->memory);
}

/* Another keeper takes over. */
static void take_over(struct keeper *keeper)
{
    char error[200] = "";
    assert_int_equal(mxt_ledger_drain(keeper->ledger, on_kept, ignore, keeper), MXT_OK);
    close_ledger(keeper);
    open_ledger(keeper);
    for (size_t i = 0; i < keeper->kept_count; i++) {
        const struct kept *kept = &keeper->kept[i];
        const struct mxt_kept thing = {.kind = kept->kind, .key = kept->key, .text = kept->text, .n = kept->n};
        if (kept->text != NULL && mxt_ledger_load(keeper->ledger, &thing, error, sizeof error) != MXT_OK)
            fail_msg("%s: %s", kept->key, error);
    }
}

static void on_alert(void *context, const struct mxt_alert *alert)
{
    struct keeper *keeper = context;
    assert_string_equal(alert->sensor, "edge-1");
    assert_non_null(strstr(alert->explanation, "edge-1"));
    assert_null(strstr(alert->explanation, "(unknown)"));
    keeper->counts[alert->rule] = alert->count;
    keeper->severity[alert->rule] = alert->severity;
    keeper->last_us[alert->rule] = alert->last_seen_us;
}

static void count(struct keeper *keeper)
{
    memset(keeper->counts, 0, sizeof keeper->counts);
    assert_int_equal(mxt_ledger_alerts(keeper->ledger, on_alert, keeper), MXT_OK);
}

static void end(struct keeper *keeper)
{
    close_ledger(keeper);
    for (size_t i = 0; i < keeper->kept_count; i++) {
        free(keeper->kept[i].key);
        free(keeper->kept[i].text);
    }
}

/* The clock ticks for so long; the sensor tells of its health where it lives, of mail every `mail` minutes (0: of none). */
static void run(struct keeper *keeper, int64_t for_us, bool lives, unsigned mail)
{
    for (int64_t end_us = keeper->now_us + for_us; keeper->now_us < end_us;) {
        keeper->now_us += 10 * SECOND;
        assert_int_equal(mxt_ledger_clock(keeper->ledger, keeper->now_us), MXT_OK);
        int64_t minute = keeper->now_us / MINUTE;
        if (!lives || keeper->now_us % MINUTE >= 10 * SECOND)
            continue;
        keeper->health.packets += 100;
        keeper->health.sessions += mail != 0 && minute % mail == 0;
        assert_int_equal(mxt_ledger_health(keeper->ledger, &keeper->health), MXT_OK);
    }
}

static void a_sensor_that_stops_is_silent(void **state)
{
    (void)state;
    struct keeper keeper;
    begin(&keeper);
    run(&keeper, HOUR, true, 1);
    run(&keeper, 2 * MINUTE, false, 0);
    count(&keeper);
    assert_int_equal(keeper.counts[MXT_RULE_SENSOR_SILENT], 0);
    run(&keeper, 10 * MINUTE, false, 0);
    count(&keeper);
    assert_int_equal(keeper.counts[MXT_RULE_SENSOR_SILENT], 1);
    assert_int_equal(keeper.severity[MXT_RULE_SENSOR_SILENT], MXT_SEVERITY_HIGH);
    take_over(&keeper);
    run(&keeper, 10 * MINUTE, false, 0);
    count(&keeper);
    assert_int_equal(keeper.counts[MXT_RULE_SENSOR_SILENT], 1);
    assert_in_range(keeper.now_us - keeper.last_us[MXT_RULE_SENSOR_SILENT], 0, 2 * MINUTE);
    run(&keeper, HOUR, true, 1);
    run(&keeper, 10 * MINUTE, false, 0);
    count(&keeper);
    assert_int_equal(keeper.counts[MXT_RULE_SENSOR_SILENT], 2); /* once more */
    end(&keeper);
}

static void who_says_that_it_stops_is_not(void **state)
{
    (void)state;
    struct keeper keeper;
    begin(&keeper);
    run(&keeper, HOUR, true, 1);
    keeper.health.final = true;
    assert_int_equal(mxt_ledger_health(keeper.ledger, &keeper.health), MXT_OK);
    run(&keeper, DAY / 4, false, 0);
    count(&keeper);
    assert_int_equal(keeper.counts[MXT_RULE_SENSOR_SILENT], 0);
    end(&keeper);
}

/* The keeper was away: nobody could be heard. */
static void a_break_of_the_clock_is_no_silence(void **state)
{
    (void)state;
    struct keeper keeper;
    begin(&keeper);
    run(&keeper, HOUR, true, 1);
    keeper.now_us += 3 * HOUR;
    run(&keeper, 2 * MINUTE, false, 0);
    count(&keeper);
    assert_int_equal(keeper.counts[MXT_RULE_SENSOR_SILENT], 0);
    run(&keeper, 2 * MINUTE, false, 0);
    count(&keeper);
    assert_int_equal(keeper.counts[MXT_RULE_SENSOR_SILENT], 1);
    end(&keeper);
}

static void no_mail_where_there_was_is_blindness(void **state)
{
    (void)state;
    struct keeper keeper;
    begin(&keeper);
    run(&keeper, 26 * HOUR, true, 10);
    run(&keeper, 55 * MINUTE, true, 0);
    count(&keeper);
    assert_int_equal(keeper.counts[MXT_RULE_SENSOR_BLIND], 0);
    run(&keeper, 30 * MINUTE, true, 0);
    count(&keeper);
    assert_int_equal(keeper.counts[MXT_RULE_SENSOR_BLIND], 1);
    assert_int_equal(keeper.counts[MXT_RULE_SENSOR_SILENT], 0);
    end(&keeper);
}

static void long_pauses_are_learned(void **state)
{
    (void)state;
    struct keeper keeper;
    begin(&keeper);
    for (int day = 0; day < 3; day++) {
        run(&keeper, 14 * HOUR, true, 10);
        if (day == 1)
            take_over(&keeper);
        run(&keeper, 10 * HOUR, true, 0);
    }
    count(&keeper);
    assert_int_equal(keeper.counts[MXT_RULE_SENSOR_BLIND], 0);
    run(&keeper, 11 * HOUR, true, 0);
    count(&keeper);
    assert_int_equal(keeper.counts[MXT_RULE_SENSOR_BLIND], 1);
    end(&keeper);
}

static void losses_are_told_by_share(void **state)
{
    (void)state;
    struct keeper keeper;
    begin(&keeper);
    run(&keeper, HOUR, true, 1);
    keeper.health.kernel_drops += 1;
    keeper.health.packets += 1000000;
    run(&keeper, MINUTE, true, 1);
    count(&keeper);
    assert_int_equal(keeper.counts[MXT_RULE_SENSOR_PACKET_LOSS], 0);
    keeper.health.interface_drops += 50;
    run(&keeper, MINUTE, true, 1);
    count(&keeper);
    assert_int_equal(keeper.counts[MXT_RULE_SENSOR_PACKET_LOSS], 1);
    keeper.health = (struct mxt_health){.sensor = "edge-1", .packets = 1}; /* it was started anew */
    run(&keeper, 10 * MINUTE, true, 1);
    count(&keeper);
    assert_int_equal(keeper.counts[MXT_RULE_SENSOR_PACKET_LOSS], 1);
    end(&keeper);
}

static void what_cannot_be_read_is_told(void **state)
{
    (void)state;
    struct keeper keeper;
    begin(&keeper);
    run(&keeper, MINUTE, true, 1);
    assert_int_equal(mxt_ledger_reject(keeper.ledger, "edge-1", "no event"), MXT_OK);
    assert_int_equal(mxt_ledger_reject(keeper.ledger, "edge-1", "no event"), MXT_OK);
    count(&keeper);
    assert_int_equal(keeper.counts[MXT_RULE_SENSOR_REJECTED], 1); /* within the hour */
    end(&keeper);
}

static void count_kept(void *context, const struct mxt_kept *kept)
{
    int *sensors = context;
    *sensors += kept->kind != MXT_KEPT_SENSOR ? 0 : kept->text != NULL ? 1 : -1;
}

/* Names come with the events: however many there are, the keeper goes on, and forgets those that it heard of longest ago, where they are kept too. */
static void any_number_of_names_is_survived(void **state)
{
    enum { NAMES = 5000 };
    (void)state;
    struct keeper keeper;
    char name[32];
    int kept = 0;
    begin(&keeper);
    for (unsigned i = 0; i < NAMES; i++) {
        keeper.now_us += SECOND;
        snprintf(name, sizeof name, "box-%u", i);
        keeper.health.sensor = name;
        assert_int_equal(mxt_ledger_clock(keeper.ledger, keeper.now_us), MXT_OK);
        assert_int_equal(i % 2 == 0 ? mxt_ledger_health(keeper.ledger, &keeper.health) : mxt_ledger_reject(keeper.ledger, name, "malformed"), MXT_OK);
        keeper.health.sensor = "edge-1";
        if (i % 100 == 0) {
            assert_int_equal(mxt_ledger_health(keeper.ledger, &keeper.health), MXT_OK);
            assert_int_equal(mxt_ledger_drain(keeper.ledger, count_kept, ignore, &kept), MXT_OK);
            kept -= i > 0; /* edge-1 is written each time */
        }
    }
    assert_int_equal(mxt_ledger_drain(keeper.ledger, count_kept, ignore, &kept), MXT_OK);
    assert_int_equal(kept, 4096);
    end(&keeper);
}

static void what_is_kept_is_read_back(void **state)
{
    (void)state;
    const struct mxt_watch watch = {.heard_us = 1,
                                    .is_stopped = true,
                                    .packets = UINT64_MAX,
                                    .sessions = 3,
                                    .dropped = 4,
                                    .lost = 5,
                                    .first_mail_us = 6,
                                    .mail_us = 7,
                                    .day = 8,
                                    .pauses_us = {1, 2, 3, 4, 5, 6, 7, MXT_JSON_TIME_MAX_US},
                                    .rejected = 9,
                                    .rejected_us = 10};
    struct mxt_watch back;
    struct mxt_json json = {0};
    char error[200] = "";
    assert_int_equal(mxt_watch_encode(&json, &watch), MXT_OK);
    assert_int_equal(mxt_watch_decode(json.text, json.length, &back, error, sizeof error), MXT_OK);
    assert_memory_equal(back.pauses_us, watch.pauses_us, sizeof back.pauses_us);
    assert_true(back.is_stopped && back.packets == watch.packets && back.mail_us == watch.mail_us && back.rejected_us == watch.rejected_us);
    mxt_json_free(&json);
    static const char *const bad[] = {"", "[]", "{\"heard_us\":\"x\"}", "{\"pauses_us\":[1,2,3,4,5,6,7,8,9]}", "{\"day\":-1}",
                                      "{\"mail_us\":-9223372036854775808}", "{\"pauses_us\":[9223372036854775807]}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(mxt_watch_decode(bad[i], strlen(bad[i]), &back, error, sizeof error), MXT_EMALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sensor_that_stops_is_silent),
        cmocka_unit_test(who_says_that_it_stops_is_not),
        cmocka_unit_test(a_break_of_the_clock_is_no_silence),
        cmocka_unit_test(no_mail_where_there_was_is_blindness),
        cmocka_unit_test(long_pauses_are_learned),
        cmocka_unit_test(losses_are_told_by_share),
        cmocka_unit_test(what_cannot_be_read_is_told),
        cmocka_unit_test(any_number_of_names_is_survived),
        cmocka_unit_test(what_is_kept_is_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
