/* What was kept of a ledger, taken back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/baseline_json.h"
#include "rules/event.h"
#include "rules/json_read.h"
#include "rules/ledger_int.h"

#define ID_DIGITS 16 /* of a session's key */

static enum mxt_status fault(char *error, size_t error_size, const char *sentence)
{
    snprintf(error, error_size, "%s", sentence);
    return MXT_EMALFORMED;
}

/* "server 192.0.2.25:25" */
static bool read_subject(const char *key, struct mxt_subject *out)
{
    const char *space = strchr(key, ' ');
    unsigned kind = space == NULL ? MXT_SUBJECT_KINDS : mxt_subject_kind_from_name(key, (size_t)(space - key));
    size_t n = space == NULL ? 0 : strlen(space + 1);
    if (kind == MXT_SUBJECT_KINDS || n == 0 || n >= sizeof out->key)
        return false;
    out->kind = (enum mxt_subject_kind)kind;
    memcpy(out->key, space + 1, n + 1);
    return true;
}

/* The number of a place; MXT_SIGHTINGS_MAX where it is none. */
static unsigned read_place(const char *field)
{
    unsigned place = 0;
    for (const char *p = field; *p != '\0'; p++) {
        if (*p < '0' || *p > '9' || p - field > 1)
            return MXT_SIGHTINGS_MAX;
        place = place * 10 + (unsigned)(*p - '0');
    }
    return field[0] == '\0' || place > MXT_SIGHTINGS_MAX ? MXT_SIGHTINGS_MAX : place;
}

static enum mxt_status load_part(struct mxt_ledger *ledger, const struct mxt_kept *kept, char *error, size_t error_size)
{
    struct mxt_subject subject;
    struct mxt_marks marks;
    struct mxt_sighting sighting;
    struct mxt_baseline_part part = {.subject = &subject};
    if (kept->field == NULL || !read_subject(kept->key, &subject))
        return fault(error, error_size, "a baseline's key, kind and subject, and a field expected");
    enum mxt_status status = MXT_OK;
    if (strcmp(kept->field, "marks") == 0) {
        status = mxt_marks_decode(kept->text, kept->n, &marks, error, error_size);
        part.marks = &marks;
    } else {
        part.place = (uint8_t)read_place(kept->field);
        if (part.place == MXT_SIGHTINGS_MAX)
            return fault(error, error_size, "a field \"marks\" or 0 to 63 expected");
        status = mxt_sighting_decode(kept->text, kept->n, &sighting, error, error_size);
        part.sighting = &sighting;
    }
    return status == MXT_OK ? mxt_memory_load_part(ledger->config.memory, &part) : status;
}

/* A session's text on its way back. */
struct load {
    struct mxt_ledger *ledger;
    struct mxt_json_reader reader;
    const char *text;
    struct mxt_arena arena;
    struct mxt_record records[VIEWS_MAX];
    struct mxt_json_slice texts[VIEWS_MAX];
    size_t count;
    struct mxt_finding *judged;
    uint64_t order;
    int64_t touched_us, newest_us;
    bool may_change;
    char *error;
    size_t error_size;
    enum mxt_status status;
};

/* The next value, an event, decoded. */
static struct mxt_json_slice read_record(struct load *load, struct mxt_record *out)
{
    (void)mxt_json_peek(&load->reader);
    size_t at = load->reader.at;
    mxt_json_skip(&load->reader);
    const struct mxt_json_slice slice = {load->text + at, load->reader.at - at};
    if (load->reader.status == MXT_OK)
        load->status = mxt_event_decode_record(slice.bytes, slice.length, &load->arena, out, load->error, load->error_size);
    return slice;
}

static void read_records(struct load *load)
{
    mxt_json_enter_array(&load->reader);
    while (load->status == MXT_OK && mxt_json_next_item(&load->reader)) {
        if (load->count == VIEWS_MAX) {
            mxt_json_fail(&load->reader, load->reader.at, "at most 16 records expected");
            return;
        }
        load->texts[load->count] = read_record(load, &load->records[load->count]);
        load->count++;
    }
}

static bool is_called(const struct mxt_json_slice *slice, const char *name)
{
    return slice->length == strlen(name) && memcmp(slice->bytes, name, slice->length) == 0;
}

static void read_member(struct load *load, const struct mxt_json_slice *name)
{
    struct mxt_json_reader *reader = &load->reader;
    if (is_called(name, "order")) {
        load->order = mxt_json_read_unsigned(reader, UINT64_MAX);
    } else if (is_called(name, "touched_us")) {
        load->touched_us = mxt_json_read_time(reader);
    } else if (is_called(name, "newest_us")) {
        load->newest_us = mxt_json_read_time(reader);
    } else if (is_called(name, "may_change")) {
        load->may_change = mxt_json_read_bool(reader);
    } else if (is_called(name, "records")) {
        read_records(load);
    } else if (is_called(name, "judged")) {
        struct mxt_record bare;
        read_record(load, &bare);
        load->judged = load->status == MXT_OK && reader->status == MXT_OK ? bare.findings : NULL;
    } else {
        mxt_json_skip(reader);
    }
}

static enum mxt_status read_session(struct load *load)
{
    struct mxt_json_slice name;
    mxt_json_enter_object(&load->reader);
    while (load->status == MXT_OK && mxt_json_next_key(&load->reader, &name))
        read_member(load, &name);
    if (load->status == MXT_OK && !mxt_json_finish(&load->reader)) {
        snprintf(load->error, load->error_size, "%s at byte %zu", load->reader.fault, load->reader.fault_at);
        return load->reader.status;
    }
    if (load->status == MXT_OK && load->count == 0)
        return fault(load->error, load->error_size, "a session's records expected");
    return load->status;
}

static enum mxt_status restore(struct load *load, uint64_t id)
{
    struct mxt_ledger *ledger = load->ledger;
    struct ledger_session *session = mxt_ledger_put(ledger, NULL, id, &load->records[0], load->texts[0].bytes, load->texts[0].length);
    for (size_t i = 1; i < load->count && session != NULL; i++)
        session = mxt_ledger_put(ledger, session, id, &load->records[i], load->texts[i].bytes, load->texts[i].length);
    if (session == NULL)
        return MXT_ENOMEM;
    session->order = load->order;
    mxt_ledger_clocks_learn(ledger, session);
    session->touched_us = load->touched_us;
    session->may_change = load->may_change;
    session->is_drained = true;
    ledger->is_sorted = false;
    ledger->order = load->order > ledger->order ? load->order : ledger->order;
    ledger->clock_us = load->touched_us > ledger->clock_us ? load->touched_us : ledger->clock_us;
    ledger->newest_us = load->newest_us > ledger->newest_us ? load->newest_us : ledger->newest_us;
    const struct mxt_record *joined = mxt_ledger_join(session, NULL, &load->arena);
    if (joined == NULL || mxt_ledger_set_judged(ledger, session, joined, load->judged) != MXT_OK)
        return MXT_ENOMEM;
    mxt_ledger_drop_judged(session);
    return load->judged == NULL ? MXT_OK : mxt_alerts_restore(ledger->alerts, joined, load->judged);
}

static bool read_id(const char *key, uint64_t *out)
{
    static const char digits[] = "0123456789abcdef";
    *out = 0;
    for (size_t i = 0; i < ID_DIGITS; i++) {
        const char *digit = key[i] == '\0' ? NULL : strchr(digits, key[i]);
        if (digit == NULL)
            return false;
        *out = *out << 4 | (uint64_t)(digit - digits);
    }
    return key[ID_DIGITS] == '\0';
}

static enum mxt_status load_session(struct mxt_ledger *ledger, const struct mxt_kept *kept, char *error, size_t error_size)
{
    uint64_t id;
    if (!read_id(kept->key, &id))
        return fault(error, error_size, "a session's key, 16 lower-case hex digits, expected");
    const struct ledger_session *held = mxt_ledger_find(ledger, id);
    if (held != NULL && held->id == id)
        return MXT_OK;
    struct load *load = calloc(1, sizeof *load);
    if (load == NULL)
        return MXT_ENOMEM;
    *load = (struct load){.ledger = ledger, .text = kept->text, .touched_us = INT64_MIN, .newest_us = INT64_MIN, .error = error, .error_size = error_size};
    mxt_json_reader_init(&load->reader, kept->text, kept->n);
    enum mxt_status status = read_session(load);
    if (status == MXT_OK)
        status = restore(load, id);
    mxt_arena_free(&load->arena);
    free(load);
    return status;
}

static enum mxt_status load_sensor(struct mxt_ledger *ledger, const struct mxt_kept *kept, char *error, size_t error_size)
{
    struct mxt_watch watch;
    enum mxt_status status = mxt_watch_decode(kept->text, kept->n, &watch, error, error_size);
    struct ledger_sensor *sensor = status == MXT_OK ? mxt_ledger_sensor(ledger, kept->key) : NULL;
    if (sensor == NULL)
        return status == MXT_OK ? MXT_ENOMEM : status;
    sensor->watch = watch;
    return MXT_OK;
}

enum mxt_status mxt_ledger_load(struct mxt_ledger *ledger, const struct mxt_kept *kept, char *error, size_t error_size)
{
    if (kept->text == NULL)
        return fault(error, error_size, "a text expected");
    switch (kept->kind) {
    case MXT_KEPT_BASELINE: return load_part(ledger, kept, error, error_size);
    case MXT_KEPT_SESSION: return load_session(ledger, kept, error, error_size);
    case MXT_KEPT_SENSOR: return load_sensor(ledger, kept, error, error_size);
    case MXT_KEPT_ALERT: break;
    }
    return mxt_alerts_load(ledger->alerts, kept->key, kept->text, kept->n, error, error_size);
}
