/* The sensors themselves: their health, their silence, and the alerts of them. */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "decoders/text.h"
#include "rules/ledger_int.h"

#define SENSORS_MAX   4096u             /* watched at once: names come with the events, and the one that was heard of longest ago goes for another */
#define BREAK_US      INT64_C(30000000) /* the clock ticks every ten seconds: after a longer pause it was the keeper who heard nothing */
#define LOOK_US       INT64_C(10000000) /* between two looks at all sensors */
#define REPEAT_US     INT64_C(60000000) /* after which it is told anew how long a matter lasts */
#define NAME_MAX_KEPT 128u              /* bytes of a sensor's name in an event that could not be read */
#define UNKNOWN       "(unknown)"

static struct ledger_sensor *find(const struct mxt_ledger *ledger, const char *name, uint64_t hash)
{
    for (struct mxt_hash_node *node = mxt_hash_table_bucket(&ledger->sensors, hash); node != NULL; node = node->next) {
        struct ledger_sensor *sensor = (struct ledger_sensor *)node;
        if (strcmp(sensor->name, name) == 0)
            return sensor;
    }
    return NULL;
}

static int64_t heard_us(const struct ledger_sensor *sensor)
{
    return sensor->watch.heard_us > sensor->watch.rejected_us ? sensor->watch.heard_us : sensor->watch.rejected_us;
}

/* Forgets the sensor that was heard of longest ago; a keeper is told with the next drain. */
static void forget_oldest(struct mxt_ledger *ledger)
{
    struct ledger_sensor *oldest = NULL;
    for (struct mxt_hash_node *node = mxt_hash_table_next(&ledger->sensors, NULL); node != NULL; node = mxt_hash_table_next(&ledger->sensors, node)) {
        struct ledger_sensor *sensor = (struct ledger_sensor *)node;
        if (oldest == NULL || heard_us(sensor) < heard_us(oldest))
            oldest = sensor;
    }
    if (oldest == NULL)
        return;
    mxt_hash_table_remove(&ledger->sensors, &oldest->node);
    if (ledger->config.is_kept) {
        oldest->next_gone = ledger->gone_sensors;
        ledger->gone_sensors = oldest;
    } else {
        free(oldest);
    }
}

struct ledger_sensor *mxt_ledger_sensor_find(const struct mxt_ledger *ledger, const char *name)
{
    return find(ledger, name, XXH3_64bits_withSeed(name, strlen(name), ledger->config.alerts_limits.seed));
}

struct ledger_sensor *mxt_ledger_sensor(struct mxt_ledger *ledger, const char *name)
{
    uint64_t hash = XXH3_64bits_withSeed(name, strlen(name), ledger->config.alerts_limits.seed);
    struct ledger_sensor *sensor = find(ledger, name, hash);
    if (sensor != NULL)
        return sensor;
    if (ledger->sensors.count >= SENSORS_MAX)
        forget_oldest(ledger);
    sensor = calloc(1, sizeof *sensor + strlen(name) + 1);
    if (sensor == NULL)
        return NULL;
    memcpy(sensor->name, name, strlen(name) + 1);
    sensor->raised_us = INT64_MIN;
    sensor->node.hash = hash;
    if (mxt_hash_table_add(&ledger->sensors, &sensor->node) != MXT_OK) {
        free(sensor);
        return NULL;
    }
    return sensor;
}

void mxt_ledger_sensors_free(struct mxt_ledger *ledger)
{
    for (struct mxt_hash_node *node; (node = mxt_hash_table_next(&ledger->sensors, NULL)) != NULL;) {
        mxt_hash_table_remove(&ledger->sensors, node);
        free(node);
    }
    mxt_hash_table_free(&ledger->sensors);
    while (ledger->gone_sensors != NULL) {
        struct ledger_sensor *sensor = ledger->gone_sensors;
        ledger->gone_sensors = sensor->next_gone;
        free(sensor);
    }
}

static void raise(struct mxt_ledger *ledger, const struct ledger_sensor *sensor, const struct mxt_watch_finding *finding, const char *reason)
{
    struct mxt_arena arena = {0};
    struct mxt_record record;
    if (finding->rule == MXT_RULE_NONE)
        return;
    if (mxt_watch_record(finding, sensor->name, reason, &arena, &record) == MXT_OK)
        mxt_ledger_take_watched(ledger, &record);
    else
        ledger->refused++;
    mxt_arena_free(&arena);
}

enum mxt_status mxt_ledger_health(struct mxt_ledger *ledger, const struct mxt_health *health)
{
    uint64_t refused = ledger->refused;
    struct mxt_watch_finding finding;
    struct ledger_sensor *sensor = mxt_ledger_sensor(ledger, health->sensor == NULL ? UNKNOWN : health->sensor);
    if (sensor == NULL) {
        ledger->refused++;
        return MXT_ENOMEM;
    }
    mxt_watch_health(&sensor->watch, health, ledger->clock_us, ledger->config.judge->loss_ppm, &finding);
    sensor->is_changed = true;
    sensor->raised_us = INT64_MIN;
    raise(ledger, sensor, &finding, NULL);
    return ledger->refused == refused ? MXT_OK : MXT_ENOMEM;
}

/* Where an event cannot be read its sender's name may hold anything. */
enum mxt_status mxt_ledger_reject(struct mxt_ledger *ledger, const char *sensor, const char *reason)
{
    uint64_t refused = ledger->refused;
    struct mxt_arena arena = {0};
    struct mxt_watch_finding finding;
    const char *safe = sensor == NULL ? UNKNOWN : mxt_text_keep(&arena, (const uint8_t *)sensor, strlen(sensor), NAME_MAX_KEPT);
    struct ledger_sensor *watched = safe == NULL ? NULL : mxt_ledger_sensor(ledger, safe);
    if (watched == NULL) {
        ledger->refused++;
    } else {
        mxt_watch_reject(&watched->watch, ledger->clock_us, &finding);
        watched->is_changed = true;
        raise(ledger, watched, &finding, reason);
    }
    mxt_arena_free(&arena);
    return ledger->refused == refused ? MXT_OK : MXT_ENOMEM;
}

static void look_at(struct mxt_ledger *ledger, struct ledger_sensor *sensor, int64_t now_us)
{
    struct mxt_watch_finding finding;
    mxt_watch_look(&sensor->watch, now_us, ledger->listening_us, &finding);
    bool is_due = finding.rule != MXT_RULE_NONE && (sensor->raised_us == INT64_MIN || now_us - sensor->raised_us >= REPEAT_US);
    if (!is_due)
        return;
    sensor->raised_us = now_us;
    raise(ledger, sensor, &finding, NULL);
}

void mxt_ledger_look(struct mxt_ledger *ledger, int64_t before_us, int64_t now_us)
{
    if (before_us == INT64_MIN || ledger->listening_us == INT64_MIN || now_us - before_us > BREAK_US)
        ledger->listening_us = now_us;
    if (ledger->looked_us != INT64_MIN && now_us - ledger->looked_us < LOOK_US)
        return;
    ledger->looked_us = now_us;
    for (struct mxt_hash_node *node = mxt_hash_table_next(&ledger->sensors, NULL); node != NULL; node = mxt_hash_table_next(&ledger->sensors, node))
        look_at(ledger, (struct ledger_sensor *)node, now_us);
}
