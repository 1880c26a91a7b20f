/*
 * Events: any text is survived by the decoder, and what it takes is written back to the same text again and again; so is every record and alert that the
 * field table can describe, and a record's copy. The first byte chooses: text, record, alert or health.
 */
#include <stdlib.h>

#include "rules/json_read.h"
#include "tests/fuzz/build_event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define ARENA_LIMIT (8u << 20)

/* One of the two kinds that are read back. */
struct event {
    bool is_alert;
    struct mxt_record record;
    struct mxt_alert alert;
};

static enum mxt_status encode(struct mxt_json *json, const struct event *event)
{
    mxt_json_reset(json);
    enum mxt_status status = event->is_alert ? mxt_event_encode_alert(json, &event->alert) : mxt_event_encode_record(json, &event->record);
    return mxt_json_end(json) == NULL ? MXT_ENOMEM : status;
}

static enum mxt_status decode(const char *text, size_t n, struct mxt_arena *arena, struct event *event)
{
    char error[256] = "";
    enum mxt_status status = event->is_alert ? mxt_event_decode_alert(text, n, arena, &event->alert, error, sizeof error)
                                             : mxt_event_decode_record(text, n, arena, &event->record, error, sizeof error);
    if ((status == MXT_OK) != (error[0] == '\0'))
        abort();
    return status;
}

/* A copy of the record is written as `text`, also when the original is gone. */
static void go_by_copy(const struct mxt_record *record, const struct mxt_json *text, struct mxt_arena *original)
{
    struct mxt_arena arena;
    mxt_arena_init(&arena, ARENA_LIMIT);
    struct mxt_json json = {0};
    struct event copy = {.is_alert = false};
    enum mxt_status status = mxt_event_copy_record(record, &arena, &copy.record);
    mxt_arena_free(original);
    if (status != MXT_OK || encode(&json, &copy) != MXT_OK || json.length != text->length || memcmp(json.text, text->text, json.length) != 0)
        abort();
    mxt_json_free(&json);
    mxt_arena_free(&arena);
}

/* Encoded, decoded and encoded again, an event is the same text. */
static void go_round(const struct event *event)
{
    struct mxt_arena arena;
    mxt_arena_init(&arena, ARENA_LIMIT);
    struct mxt_json first = {0}, second = {0};
    struct event read_back = {.is_alert = event->is_alert};
    if (encode(&first, event) != MXT_OK || decode(first.text, first.length, &arena, &read_back) != MXT_OK || encode(&second, &read_back) != MXT_OK)
        abort();
    if (first.length != second.length || memcmp(first.text, second.text, first.length) != 0)
        abort();
    if (!event->is_alert)
        go_by_copy(&read_back.record, &first, &arena);
    mxt_json_free(&first);
    mxt_json_free(&second);
    mxt_arena_free(&arena);
}

/* The text in a block of its exact size, so that a byte read behind it is noticed. */
static void try_text(struct mxt_arena *arena, const uint8_t *data, size_t n)
{
    char *text = malloc(n == 0 ? 1 : n);
    if (text == NULL)
        return;
    if (n > 0)
        memcpy(text, data, n);
    for (int kind = 0; kind < 2; kind++) {
        struct event event = {.is_alert = kind == 1};
        if (decode(text, n, arena, &event) == MXT_OK)
            go_round(&event);
    }
    struct mxt_json_reader reader;
    mxt_json_reader_init(&reader, text, n);
    mxt_json_skip(&reader);
    if (mxt_json_finish(&reader) != (reader.fault == NULL))
        abort();
    free(text);
}

static void try_built(struct mxt_arena *arena, const uint8_t *data, size_t n, bool is_alert)
{
    struct event event = {.is_alert = is_alert};
    build_event(arena, is_alert ? &mxt_alert_fields : &mxt_session_fields, data, n, is_alert ? (void *)&event.alert : (void *)&event.record);
    go_round(&event);
}

static void try_health(struct mxt_arena *arena, const uint8_t *data, size_t n)
{
    struct mxt_health health = {0};
    struct mxt_json json = {0};
    build_event(arena, &mxt_health_fields, data, n, &health);
    if (mxt_event_encode_health(&json, &health) != MXT_OK)
        abort();
    struct mxt_json_reader reader;
    mxt_json_reader_init(&reader, json.text, json.length);
    mxt_json_skip(&reader);
    if (!mxt_json_finish(&reader))
        abort();
    mxt_json_free(&json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n == 0)
        return 0;
    struct mxt_arena arena;
    mxt_arena_init(&arena, ARENA_LIMIT);
    switch (data[0] % 4) {
    case 1: try_built(&arena, data + 1, n - 1, false); break;
    case 2: try_built(&arena, data + 1, n - 1, true); break;
    case 3: try_health(&arena, data + 1, n - 1); break;
    default: try_text(&arena, data + 1, n - 1);
    }
    mxt_arena_free(&arena);
    return 0;
}
