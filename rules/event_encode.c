/* Events written by the field table. */
#include <string.h>

#include "rules/event.h"
#include "rules/event_fields.h"

/* A place in the writer to go back to. */
struct mark {
    size_t length;
    bool needs_comma;
    unsigned depth;
};

static struct mark mark_here(const struct mxt_json *json)
{
    return (struct mark){json->length, json->needs_comma, json->depth};
}

static void go_back(struct mxt_json *json, const struct mark *mark)
{
    json->length = mark->length;
    json->needs_comma = mark->needs_comma;
    json->depth = mark->depth;
}

static const void *load_pointer(const void *at)
{
    const void *pointer;
    memcpy(&pointer, at, sizeof pointer);
    return pointer;
}

static uint64_t load_unsigned(const void *at, size_t size)
{
    if (size == sizeof(uint8_t)) {
        uint8_t value;
        memcpy(&value, at, sizeof value);
        return value;
    }
    if (size == sizeof(uint16_t)) {
        uint16_t value;
        memcpy(&value, at, sizeof value);
        return value;
    }
    if (size == sizeof(uint32_t)) {
        uint32_t value;
        memcpy(&value, at, sizeof value);
        return value;
    }
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static bool load_bool(const void *at)
{
    bool value;
    memcpy(&value, at, sizeof value);
    return value;
}

static void encode_texts(struct mxt_json *json, const char *key, const struct mxt_text_list *list)
{
    mxt_json_array_begin(json, key);
    for (size_t i = 0; i < list->count; i++)
        mxt_json_string(json, NULL, list->items[i]);
    mxt_json_array_end(json);
}

static void encode_tags(struct mxt_json *json, const char *key, const uint16_t *tags, uint8_t count)
{
    if (count == 0)
        return;
    mxt_json_array_begin(json, key);
    for (uint8_t i = 0; i < count && i < MXT_VLAN_MAX; i++)
        mxt_json_unsigned(json, NULL, tags[i]);
    mxt_json_array_end(json);
}

static void encode_address(struct mxt_json *json, const struct mxt_field *field, const struct mxt_address *address)
{
    static const struct mxt_address none;
    if (field->presence == MXT_OPTIONAL && memcmp(address, &none, sizeof none) == 0)
        return;
    char text[MXT_ADDRESS_TEXT];
    mxt_address_format(address, text);
    mxt_json_string(json, field->name, text);
}

static void encode_evidence(struct mxt_json *json, const char *key, const struct mxt_evidence *evidence)
{
    mxt_json_object_begin(json, key);
    for (; evidence != NULL; evidence = evidence->next)
        switch (evidence->type) {
        case MXT_EVIDENCE_TEXT: mxt_json_string(json, evidence->key, evidence->text); break;
        case MXT_EVIDENCE_NUMBER: mxt_json_number(json, evidence->key, evidence->number); break;
        case MXT_EVIDENCE_BOOL: mxt_json_bool(json, evidence->key, evidence->number != 0); break;
        case MXT_EVIDENCE_LIST: encode_texts(json, evidence->key, &evidence->list); break;
        }
    mxt_json_object_end(json);
}

/* NOLINTBEGIN(misc-no-recursion): as deep as the field table, which no input can change. */

static bool encode_members(struct mxt_json *json, const struct mxt_field_table *table, const void *base);

/* An object is left out where it would be empty and may be. False where it lacks a required name. */
static bool encode_object(struct mxt_json *json, const struct mxt_field *field, const void *base, bool may_be_left_out)
{
    struct mark before = mark_here(json);
    mxt_json_object_begin(json, field->name);
    size_t opened = json->length;
    if (!encode_members(json, field->as.table, base))
        return false;
    if (may_be_left_out && json->length == opened)
        go_back(json, &before);
    else
        mxt_json_object_end(json);
    return true;
}

/* Elements that lack a required name are left out. */
static void encode_list(struct mxt_json *json, const struct mxt_field *field, const char *element)
{
    if (element == NULL && field->presence == MXT_OPTIONAL)
        return;
    mxt_json_array_begin(json, field->name);
    while (element != NULL) {
        struct mark before = mark_here(json);
        mxt_json_object_begin(json, NULL);
        if (encode_members(json, field->as.table, element))
            mxt_json_object_end(json);
        else
            go_back(json, &before);
        element = load_pointer(element + field->as.table->next);
    }
    mxt_json_array_end(json);
}

static void encode_string(struct mxt_json *json, const struct mxt_field *field, const char *text)
{
    if (text != NULL || field->presence != MXT_OPTIONAL)
        mxt_json_string(json, field->name, text == NULL ? "" : text);
}

/* False where a required name is missing. */
static bool encode_name(struct mxt_json *json, const struct mxt_field *field, unsigned value, bool is_known)
{
    const char *name = is_known ? field->as.vocabulary->name(value) : NULL;
    if (name == NULL)
        return field->presence != MXT_REQUIRED;
    mxt_json_string(json, field->name, name);
    return true;
}

static bool encode_number(struct mxt_json *json, const struct mxt_field *field, const void *at)
{
    uint64_t value = load_unsigned(at, field->size);
    if (value == 0 && field->presence == MXT_OPTIONAL)
        return true;
    if (field->type == MXT_FIELD_TIME)
        mxt_json_time(json, field->name, (int64_t)value);
    else if (field->type == MXT_FIELD_HEX)
        mxt_json_hex(json, field->name, value);
    else
        mxt_json_unsigned(json, field->name, value);
    return true;
}

/* False where a required name is missing. */
static bool encode_field(struct mxt_json *json, const struct mxt_field *field, const char *base)
{
    const char *at = base + field->offset;
    bool is_optional = field->presence == MXT_OPTIONAL;
    bool is_known = field->other == 0 || field->type == MXT_FIELD_TAGS || load_bool(base + field->other);
    switch (field->type) {
    case MXT_FIELD_CONSTANT: mxt_json_string(json, field->name, field->as.constant); return true;
    case MXT_FIELD_TITLE: encode_string(json, field, field->as.title((unsigned)load_unsigned(at, field->size))); return true;
    case MXT_FIELD_DERIVED: mxt_json_unsigned(json, field->name, field->as.derive((unsigned)load_unsigned(at, field->size))); return true;
    case MXT_FIELD_STRING: encode_string(json, field, load_pointer(at)); return true;
    case MXT_FIELD_FACT:
        if (load_unsigned(at, field->size) != MXT_UNKNOWN)
            mxt_json_bool(json, field->name, load_unsigned(at, field->size) == MXT_YES);
        return true;
    case MXT_FIELD_BOOL:
        if (load_bool(at) || !is_optional)
            mxt_json_bool(json, field->name, load_bool(at));
        return true;
    case MXT_FIELD_UNSIGNED:
    case MXT_FIELD_TIME:
    case MXT_FIELD_HEX: return encode_number(json, field, at);
    case MXT_FIELD_ADDRESS: encode_address(json, field, (const struct mxt_address *)at); return true;
    case MXT_FIELD_NAME: return encode_name(json, field, (unsigned)load_unsigned(at, field->size), is_known);
    case MXT_FIELD_TAGS: encode_tags(json, field->name, (const void *)at, (uint8_t)base[field->other]); return true;
    case MXT_FIELD_TEXTS: {
        const struct mxt_text_list *list = (const void *)at;
        if (field->other != 0 ? is_known : list->count > 0 || !is_optional)
            encode_texts(json, field->name, list);
        return true;
    }
    case MXT_FIELD_TEXTS_TOTAL: {
        const struct mxt_text_list *list = (const void *)at;
        if (list->total > list->count)
            mxt_json_unsigned(json, field->name, list->total);
        return true;
    }
    case MXT_FIELD_GROUP: return encode_object(json, field, base, is_optional);
    case MXT_FIELD_PART: return encode_object(json, field, at, is_optional);
    case MXT_FIELD_POINTER: return load_pointer(at) == NULL || encode_object(json, field, load_pointer(at), false);
    case MXT_FIELD_LIST: encode_list(json, field, load_pointer(at)); return true;
    case MXT_FIELD_EVIDENCE: encode_evidence(json, field->name, load_pointer(at)); return true;
    }
    return true;
}

static bool encode_members(struct mxt_json *json, const struct mxt_field_table *table, const void *base)
{
    for (const struct mxt_field *field = table->fields; field < table->fields + table->count; field++)
        if (!encode_field(json, field, base))
            return false;
    return true;
}

/* NOLINTEND(misc-no-recursion) */

static enum mxt_status encode_event(struct mxt_json *json, const struct mxt_field_table *table, const void *event)
{
    struct mark before = mark_here(json);
    mxt_json_object_begin(json, NULL);
    if (!encode_members(json, table, event)) {
        go_back(json, &before);
        return MXT_EUSAGE;
    }
    mxt_json_object_end(json);
    return json->has_failed ? MXT_ENOMEM : MXT_OK;
}

enum mxt_status mxt_event_encode_record(struct mxt_json *json, const struct mxt_record *record)
{
    return encode_event(json, &mxt_session_fields, record);
}

enum mxt_status mxt_event_encode_alert(struct mxt_json *json, const struct mxt_alert *alert)
{
    return encode_event(json, &mxt_alert_fields, alert);
}

enum mxt_status mxt_event_encode_health(struct mxt_json *json, const struct mxt_health *health)
{
    return encode_event(json, &mxt_health_fields, health);
}
