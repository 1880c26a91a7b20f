/* Events read by the field table. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "rules/event.h"
#include "rules/event_fields.h"
#include "rules/json_read.h"

#define KEPT_DEPTH  2 /* an event is kept in a list of an object's (rules/ledger_keep.c, rules/alerts_keep.c): what is taken here must be read there */
#define WHOLE_NAME  INT_MAX /* length of a step's name that ends in NUL */
#define PLACE_DEPTH 8 /* names from the event to the innermost field: smtp, messages, [0], rcpt_rejected, [0], rcpt */

/* A step on the way to the value being read: a name, or an element of an array. */
struct step {
    struct mxt_json_slice name; /* bytes NULL: element */
    size_t element;
};

struct decoder {
    struct mxt_json_reader reader;
    struct mxt_arena *arena;
    struct step place[PLACE_DEPTH]; /* stands still at the fault */
    unsigned depth;
    bool is_foreign; /* a required name was one that this version does not know */
};

static void enter_place(struct decoder *decoder, const char *name, size_t length, size_t element)
{
    if (decoder->depth < PLACE_DEPTH)
        decoder->place[decoder->depth] = (struct step){{name, length}, element};
    decoder->depth++;
}

static void leave_place(struct decoder *decoder)
{
    if (decoder->reader.status == MXT_OK)
        decoder->depth--;
}

static bool has_failed(const struct decoder *decoder)
{
    return decoder->reader.status != MXT_OK;
}

static void fail_for_memory(struct decoder *decoder)
{
    if (has_failed(decoder))
        return;
    mxt_json_fail(&decoder->reader, decoder->reader.at, "memory expected");
    decoder->reader.status = MXT_ENOMEM;
}

static void *allocate(struct decoder *decoder, size_t size)
{
    void *memory = mxt_arena_alloc(decoder->arena, size);
    if (memory == NULL)
        fail_for_memory(decoder);
    return memory;
}

static void store_unsigned(void *at, size_t size, uint64_t value)
{
    uint8_t value8 = (uint8_t)value;
    uint16_t value16 = (uint16_t)value;
    uint32_t value32 = (uint32_t)value;
    if (size == sizeof value8)
        memcpy(at, &value8, sizeof value8);
    else if (size == sizeof value16)
        memcpy(at, &value16, sizeof value16);
    else if (size == sizeof value32)
        memcpy(at, &value32, sizeof value32);
    else
        memcpy(at, &value, sizeof value);
}

static uint64_t max_of(size_t size)
{
    return size == sizeof(uint8_t) ? UINT8_MAX : size == sizeof(uint16_t) ? UINT16_MAX : size == sizeof(uint32_t) ? UINT32_MAX : UINT64_MAX;
}

/* A short string without escapes into `text` of `size` bytes; false, and failed, where it is none. What is too long becomes "", which no form allows. */
static bool read_short(struct decoder *decoder, char *text, size_t size)
{
    struct mxt_json_slice slice = mxt_json_read_plain(&decoder->reader);
    size_t n = slice.length < size ? slice.length : 0;
    memcpy(text, slice.bytes, n);
    text[n] = '\0';
    return !has_failed(decoder);
}

static void decode_constant(struct decoder *decoder, const struct mxt_field *field)
{
    char text[64];
    size_t at = decoder->reader.at;
    if (read_short(decoder, text, sizeof text) && strcmp(text, field->as.constant) != 0)
        mxt_json_fail(&decoder->reader, at, "the one name that this kind of event has here expected");
}

static void decode_time(struct decoder *decoder, void *out)
{
    char text[MXT_JSON_TIME];
    int64_t time_us;
    size_t at = decoder->reader.at;
    if (!read_short(decoder, text, sizeof text))
        return;
    if (mxt_json_time_parse(text, &time_us) == MXT_OK)
        memcpy(out, &time_us, sizeof time_us);
    else
        mxt_json_fail(&decoder->reader, at, "time like 2026-01-31T23:59:59.000001Z expected");
}

static void decode_address(struct decoder *decoder, struct mxt_address *out)
{
    char text[MXT_ADDRESS_TEXT];
    size_t at = decoder->reader.at;
    if (read_short(decoder, text, sizeof text) && mxt_address_parse(text, out) != MXT_OK)
        mxt_json_fail(&decoder->reader, at, "IPv4 or IPv6 address expected");
}

static void decode_hex(struct decoder *decoder, void *out)
{
    static const char digits[] = "0123456789abcdef";
    char text[17];
    size_t at = decoder->reader.at;
    if (!read_short(decoder, text, sizeof text))
        return;
    uint64_t value = 0;
    for (size_t i = 0; i < 16; i++) {
        const char *digit = text[i] == '\0' ? NULL : strchr(digits, text[i]);
        if (digit == NULL) {
            mxt_json_fail(&decoder->reader, at, "16 lower-case hex digits expected");
            return;
        }
        value = value << 4 | (uint64_t)(digit - digits);
    }
    memcpy(out, &value, sizeof value);
}

static unsigned value_of_name(const struct mxt_vocabulary *vocabulary, const char *name)
{
    if (vocabulary->value != NULL)
        return vocabulary->value(name);
    for (unsigned value = 0; value < vocabulary->count; value++)
        if (vocabulary->name(value) != NULL && strcmp(vocabulary->name(value), name) == 0)
            return value;
    return 0;
}

/* A name that this version does not know is a newer one's: the fact is unknown. */
static void decode_name(struct decoder *decoder, const struct mxt_field *field, void *out)
{
    char name[64];
    if (!read_short(decoder, name, sizeof name))
        return;
    unsigned value = value_of_name(field->as.vocabulary, name);
    store_unsigned(out, field->size, value);
    if (value == 0 && field->presence == MXT_REQUIRED)
        decoder->is_foreign = true;
}

static void decode_tags(struct decoder *decoder, uint16_t *tags, uint8_t *count)
{
    mxt_json_enter_array(&decoder->reader);
    while (mxt_json_next_item(&decoder->reader)) {
        uint64_t tag = mxt_json_read_unsigned(&decoder->reader, UINT16_MAX);
        if (*count < MXT_VLAN_MAX && !has_failed(decoder))
            tags[(*count)++] = (uint16_t)tag;
    }
}

static void decode_texts(struct decoder *decoder, struct mxt_text_list *list)
{
    uint32_t total = list->total; /* may stand before the list */
    list->total = 0;
    mxt_json_enter_array(&decoder->reader);
    while (mxt_json_next_item(&decoder->reader)) {
        const char *text = mxt_json_read_string(&decoder->reader, decoder->arena);
        if (text != NULL && mxt_text_list_add(list, decoder->arena, text, UINT16_MAX) != MXT_OK)
            fail_for_memory(decoder);
    }
    if (list->total < total)
        list->total = total;
}

static bool is_evidence_key(const struct mxt_json_slice *key)
{
    if (key->length == 0 || key->length > MXT_EVIDENCE_KEY_MAX || key->bytes[0] < 'a' || key->bytes[0] > 'z')
        return false;
    for (size_t i = 0; i < key->length; i++) {
        char c = key->bytes[i];
        if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_')
            return false;
    }
    return true;
}

static void decode_evidence_value(struct decoder *decoder, enum mxt_json_kind kind, struct mxt_evidence *evidence)
{
    switch (kind) {
    case MXT_JSON_STRING:
        evidence->type = MXT_EVIDENCE_TEXT;
        evidence->text = mxt_json_read_string(&decoder->reader, decoder->arena);
        break;
    case MXT_JSON_BOOL:
        evidence->type = MXT_EVIDENCE_BOOL;
        evidence->number = mxt_json_read_bool(&decoder->reader) ? 1 : 0;
        break;
    case MXT_JSON_ARRAY:
        evidence->type = MXT_EVIDENCE_LIST;
        decode_texts(decoder, &evidence->list);
        break;
    default: evidence->type = MXT_EVIDENCE_NUMBER; evidence->number = mxt_json_read_number(&decoder->reader);
    }
}

/* NULL where memory is refused. */
static struct mxt_evidence *decode_evidence_member(struct decoder *decoder, const struct mxt_json_slice *key, enum mxt_json_kind kind)
{
    struct mxt_evidence *evidence = allocate(decoder, sizeof *evidence);
    if (evidence == NULL)
        return NULL;
    evidence->key = mxt_arena_copy(decoder->arena, key->bytes, key->length);
    if (evidence->key == NULL)
        fail_for_memory(decoder);
    else
        decode_evidence_value(decoder, kind, evidence);
    return evidence;
}

static void decode_evidence(struct decoder *decoder, void *out)
{
    struct mxt_evidence *first = NULL, **end = &first;
    struct mxt_json_slice key;
    mxt_json_enter_object(&decoder->reader);
    while (mxt_json_next_key(&decoder->reader, &key)) {
        enum mxt_json_kind kind = mxt_json_peek(&decoder->reader);
        bool is_ours = kind != MXT_JSON_OBJECT && kind != MXT_JSON_NULL && is_evidence_key(&key);
        enter_place(decoder, is_ours ? key.bytes : "?", is_ours ? key.length : 1, 0);
        if (!is_ours)
            mxt_json_skip(&decoder->reader);
        else if ((*end = decode_evidence_member(decoder, &key, kind)) != NULL)
            end = &(*end)->next;
        leave_place(decoder);
    }
    memcpy(out, &first, sizeof(const void *));
}

/* NOLINTBEGIN(misc-no-recursion): as deep as the field table, which no input can change. */

static void decode_members(struct decoder *decoder, const struct mxt_field_table *table, char *base);

static void decode_pointer(struct decoder *decoder, const struct mxt_field *field, void *out)
{
    void *object = allocate(decoder, field->as.table->size);
    if (object == NULL)
        return;
    decode_members(decoder, field->as.table, object);
    memcpy(out, &object, sizeof object);
}

/* Elements whose required name is foreign are left out. */
static void decode_list(struct decoder *decoder, const struct mxt_field *field, char *out)
{
    const struct mxt_field_table *table = field->as.table;
    mxt_json_enter_array(&decoder->reader);
    for (size_t i = 0; mxt_json_next_item(&decoder->reader); i++) {
        enter_place(decoder, NULL, 0, i);
        char *element = allocate(decoder, table->size);
        if (element != NULL)
            decode_members(decoder, table, element);
        if (element != NULL && !decoder->is_foreign) {
            memcpy(out, &element, sizeof element);
            out = element + table->next;
        }
        decoder->is_foreign = false;
        leave_place(decoder);
    }
}

static void decode_field(struct decoder *decoder, const struct mxt_field *field, char *base)
{
    struct mxt_json_reader *reader = &decoder->reader;
    char *at = base + field->offset;
    switch (field->type) {
    case MXT_FIELD_CONSTANT: decode_constant(decoder, field); break;
    case MXT_FIELD_TITLE:
    case MXT_FIELD_DERIVED: mxt_json_skip(reader); break;
    case MXT_FIELD_STRING: {
        const char *text = mxt_json_read_string(reader, decoder->arena);
        memcpy(at, &text, sizeof text);
        break;
    }
    case MXT_FIELD_FACT: store_unsigned(at, field->size, mxt_json_read_bool(reader) ? MXT_YES : MXT_NO); break;
    case MXT_FIELD_BOOL: {
        bool value = mxt_json_read_bool(reader);
        memcpy(at, &value, sizeof value);
        break;
    }
    case MXT_FIELD_UNSIGNED: store_unsigned(at, field->size, mxt_json_read_unsigned(reader, max_of(field->size))); break;
    case MXT_FIELD_TIME: decode_time(decoder, at); break;
    case MXT_FIELD_ADDRESS: decode_address(decoder, (struct mxt_address *)at); break;
    case MXT_FIELD_HEX: decode_hex(decoder, at); break;
    case MXT_FIELD_NAME: decode_name(decoder, field, at); break;
    case MXT_FIELD_TAGS: decode_tags(decoder, (void *)at, (uint8_t *)base + field->other); break;
    case MXT_FIELD_TEXTS: decode_texts(decoder, (void *)at); break;
    case MXT_FIELD_TEXTS_TOTAL: {
        struct mxt_text_list *list = (void *)at;
        uint64_t total = mxt_json_read_unsigned(reader, UINT32_MAX);
        if (list->total < total)
            list->total = (uint32_t)total;
        break;
    }
    case MXT_FIELD_GROUP: decode_members(decoder, field->as.table, base); break;
    case MXT_FIELD_PART: decode_members(decoder, field->as.table, at); break;
    case MXT_FIELD_POINTER: decode_pointer(decoder, field, at); break;
    case MXT_FIELD_LIST: decode_list(decoder, field, at); break;
    case MXT_FIELD_EVIDENCE: decode_evidence(decoder, at); break;
    }
    bool is_known = true;
    if (field->other != 0 && field->type != MXT_FIELD_TAGS)
        memcpy(base + field->other, &is_known, sizeof is_known);
}

/* The field of that name, sought from the place behind the last one found. NULL: unknown. */
static const struct mxt_field *find_field(const struct mxt_field_table *table, const struct mxt_json_slice *key, unsigned *next)
{
    for (unsigned tried = 0; tried < table->count; tried++) {
        const struct mxt_field *field = &table->fields[*next];
        *next = *next + 1u < table->count ? *next + 1u : 0;
        if (strncmp(field->name, key->bytes, key->length) == 0 && field->name[key->length] == '\0')
            return field;
    }
    return NULL;
}

/* Steps to the next member: *field is NULL where its name is unknown. False behind the last. Our own events have them in the table's order. */
static bool next_member(struct decoder *decoder, const struct mxt_field_table *table, unsigned *next, const struct mxt_field **field)
{
    struct mxt_json_slice key;
    for (unsigned i = *next; i < table->count; i++)
        if (mxt_json_pass_key(&decoder->reader, table->fields[i].name)) {
            *next = i + 1u < table->count ? i + 1u : 0;
            *field = &table->fields[i];
            return true;
        }
    if (!mxt_json_next_key(&decoder->reader, &key))
        return false;
    *field = find_field(table, &key, next);
    return true;
}

static void decode_members(struct decoder *decoder, const struct mxt_field_table *table, char *base)
{
    uint64_t seen = 0;
    unsigned next = 0;
    const struct mxt_field *field;
    mxt_json_enter_object(&decoder->reader);
    while (next_member(decoder, table, &next, &field)) {
        if (field == NULL) {
            mxt_json_skip(&decoder->reader);
            continue;
        }
        enter_place(decoder, field->name, WHOLE_NAME, 0);
        uint64_t bit = UINT64_C(1) << (field - table->fields);
        if ((seen & bit) != 0)
            mxt_json_fail(&decoder->reader, decoder->reader.at, "no second value of one name expected");
        else
            decode_field(decoder, field, base);
        seen |= bit;
        leave_place(decoder);
    }
    for (unsigned i = 0; i < table->count && !has_failed(decoder); i++)
        if (table->fields[i].presence == MXT_REQUIRED && (seen >> i & 1) == 0) {
            enter_place(decoder, table->fields[i].name, WHOLE_NAME, 0);
            mxt_json_fail(&decoder->reader, decoder->reader.at - 1, "a value expected, which is missing");
        }
}

/* NOLINTEND(misc-no-recursion) */

/* "column 120: smtp.starttls.offered: true or false expected" */
static void describe_fault(const struct decoder *decoder, char *error, size_t size)
{
    char place[256] = "";
    size_t length = 0;
    for (unsigned i = 0; i < decoder->depth && i < PLACE_DEPTH; i++) {
        const struct step *step = &decoder->place[i];
        int written = step->name.bytes == NULL
                          ? snprintf(place + length, sizeof place - length, "[%zu]", step->element)
                          : snprintf(place + length, sizeof place - length, "%s%.*s", i == 0 ? "" : ".", (int)step->name.length, step->name.bytes);
        if (written < 0 || (size_t)written >= sizeof place - length)
            break;
        length += (size_t)written;
    }
    snprintf(error, size, "column %zu: %s%s%s", decoder->reader.fault_at + 1, place, place[0] == '\0' ? "" : ": ", decoder->reader.fault);
}

static enum mxt_status decode_event(const struct mxt_field_table *table, const char *text, size_t n, struct mxt_arena *arena, void *out, char *error,
                                    size_t error_size)
{
    struct decoder decoder = {.arena = arena};
    mxt_json_reader_init(&decoder.reader, text, n);
    decoder.reader.depth = KEPT_DEPTH;
    memset(out, 0, table->size);
    decode_members(&decoder, table, out);
    if (mxt_json_finish(&decoder.reader) && decoder.is_foreign)
        mxt_json_fail(&decoder.reader, 0, "rule and severity that this version knows expected");
    if (has_failed(&decoder) && error_size > 0)
        describe_fault(&decoder, error, error_size);
    return decoder.reader.status;
}

enum mxt_status mxt_event_decode_record(const char *text, size_t n, struct mxt_arena *arena, struct mxt_record *out, char *error, size_t error_size)
{
    return decode_event(&mxt_session_fields, text, n, arena, out, error, error_size);
}

enum mxt_status mxt_event_decode_alert(const char *text, size_t n, struct mxt_arena *arena, struct mxt_alert *out, char *error, size_t error_size)
{
    return decode_event(&mxt_alert_fields, text, n, arena, out, error, error_size);
}

enum mxt_status mxt_event_decode_health(const char *text, size_t n, struct mxt_arena *arena, struct mxt_health *out, char *error, size_t error_size)
{
    return decode_event(&mxt_health_fields, text, n, arena, out, error, error_size);
}
