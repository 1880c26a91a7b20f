/* The ledger kept elsewhere: what changed, as texts. */
#include <stdlib.h>
#include <string.h>

#include "rules/baseline_json.h"
#include "rules/event.h"
#include "rules/ledger_int.h"

#define PLACE_TEXT 4  /* bytes of a place's number */
#define ID_DIGITS  16 /* of a session's key */

struct drain {
    struct mxt_ledger *ledger;
    void (*each)(void *context, const struct mxt_kept *kept);
    void (*alert)(void *context, const struct mxt_alert *alert);
    void *context;
    struct mxt_json json;
};

static void put(struct drain *drain, const char *key, const char *field, enum mxt_kept_kind kind, bool has_text)
{
    const char *text = has_text ? mxt_json_end(&drain->json) : NULL;
    if (has_text && text == NULL)
        return; /* the writer stays failed, which the end tells */
    drain->each(drain->context, &(struct mxt_kept){.kind = kind, .key = key, .field = field, .text = text, .n = text == NULL ? 0 : drain->json.length});
}

/* The key of a subject, as "kind key", cut where it does not fit. Several a record are drained: no printf. */
static void write_key(const struct mxt_subject *subject, char *key, size_t size)
{
    const char *kind = mxt_subject_kind_name(subject->kind);
    size_t n = strlen(kind), rest = strnlen(subject->key, size - n - 2);
    memcpy(key, kind, n);
    key[n++] = ' ';
    memcpy(key + n, subject->key, rest);
    key[n + rest] = '\0';
}

/* A place's number, below 100. */
static void write_place(unsigned place, char *text)
{
    if (place >= 10)
        *text++ = (char)('0' + place / 10 % 10);
    *text++ = (char)('0' + place % 10);
    *text = '\0';
}

static void drain_part(void *context, const struct mxt_baseline_part *part)
{
    struct drain *drain = context;
    char key[32 + MXT_SUBJECT_KEY], place[PLACE_TEXT];
    write_key(part->subject, key, sizeof key);
    if (drain->json.has_failed)
        return;
    mxt_json_reset(&drain->json);
    enum mxt_status status = MXT_OK;
    if (part->marks != NULL)
        status = mxt_marks_encode(&drain->json, part->marks);
    else if (part->sighting != NULL)
        status = mxt_sighting_encode(&drain->json, part->sighting);
    write_place((unsigned)part->place, place);
    if (status == MXT_OK)
        put(drain, key,
            part->marks != NULL      ? "marks"
            : part->sighting != NULL ? place
                                     : NULL,
            MXT_KEPT_BASELINE, part->marks != NULL || part->sighting != NULL);
}

static void drain_subject(void *context, const char *key, const char *text, size_t n)
{
    const struct drain *drain = context;
    drain->each(drain->context, &(struct mxt_kept){.kind = MXT_KEPT_ALERT, .key = key, .text = text, .n = n});
}

static void drain_alert(void *context, const struct mxt_alert *alert)
{
    const struct drain *drain = context;
    drain->alert(drain->context, alert);
}

/* A session's key. */
static void write_id(uint64_t id, char *text)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = ID_DIGITS; i > 0; i--, id >>= 4)
        text[i - 1] = digits[id & 15];
    text[ID_DIGITS] = '\0';
}

static void write_session(struct mxt_json *json, const struct mxt_ledger *ledger, const struct ledger_session *session)
{
    mxt_json_reset(json);
    mxt_json_object_begin(json, NULL);
    mxt_json_unsigned(json, "order", session->order);
    if (session->touched_us != INT64_MIN)
        mxt_json_number(json, "touched_us", session->touched_us);
    if (ledger->newest_us != INT64_MIN)
        mxt_json_number(json, "newest_us", ledger->newest_us);
    mxt_json_bool(json, "may_change", session->may_change);
    mxt_json_array_begin(json, "records");
    for (const struct view *view = session->views; view != NULL; view = view->next)
        mxt_json_raw(json, NULL, view->text, view->length);
    mxt_json_array_end(json);
    if (session->judged != NULL)
        mxt_json_raw(json, "judged", session->judged, session->judged_length);
    mxt_json_object_end(json);
}

static void drain_session(struct drain *drain, struct ledger_session *session)
{
    char key[ID_DIGITS + 1];
    write_id(session->id, key);
    write_session(&drain->json, drain->ledger, session);
    put(drain, key, NULL, MXT_KEPT_SESSION, true);
    mxt_ledger_drop_judged(session);
    session->is_listed = false;
    session->is_drained = true;
}

static void drain_gone_sensors(struct drain *drain)
{
    while (drain->ledger->gone_sensors != NULL) {
        struct ledger_sensor *sensor = drain->ledger->gone_sensors;
        drain->ledger->gone_sensors = sensor->next_gone;
        if (mxt_ledger_sensor_find(drain->ledger, sensor->name) == NULL)
            put(drain, sensor->name, NULL, MXT_KEPT_SENSOR, false);
        free(sensor);
    }
}

static void drain_sensors(struct drain *drain)
{
    const struct mxt_hash_table *sensors = &drain->ledger->sensors;
    for (struct mxt_hash_node *node = mxt_hash_table_next(sensors, NULL); node != NULL; node = mxt_hash_table_next(sensors, node)) {
        struct ledger_sensor *sensor = (struct ledger_sensor *)node;
        if (!sensor->is_changed || drain->json.has_failed)
            continue;
        mxt_json_reset(&drain->json);
        if (mxt_watch_encode(&drain->json, &sensor->watch) == MXT_OK)
            put(drain, sensor->name, NULL, MXT_KEPT_SENSOR, true);
        sensor->is_changed = false;
    }
}

static void drain_gone(struct drain *drain)
{
    while (drain->ledger->gone != NULL) {
        struct ledger_session *session = drain->ledger->gone;
        const struct ledger_session *again = mxt_ledger_find(drain->ledger, session->id);
        char key[ID_DIGITS + 1];
        write_id(session->id, key);
        drain->ledger->gone = session->next_changed;
        if (again == NULL || again->id != session->id)
            put(drain, key, NULL, MXT_KEPT_SESSION, false);
        free(session);
    }
}

enum mxt_status mxt_ledger_drain(struct mxt_ledger *ledger, void (*each)(void *context, const struct mxt_kept *kept),
                                 void (*alert)(void *context, const struct mxt_alert *alert), void *context)
{
    struct drain drain = {.ledger = ledger, .each = each, .alert = alert, .context = context};
    mxt_memory_drain(ledger->config.memory, drain_part, &drain);
    drain_gone_sensors(&drain);
    drain_sensors(&drain);
    drain_gone(&drain);
    while (ledger->changed != NULL) {
        struct ledger_session *session = ledger->changed;
        ledger->changed = session->next_changed;
        drain_session(&drain, session);
    }
    bool has_failed = drain.json.has_failed;
    mxt_json_free(&drain.json);
    enum mxt_status status = mxt_alerts_drain(ledger->alerts, drain_subject, drain_alert, &drain);
    return has_failed ? MXT_ENOMEM : status;
}
