/* The JSON Schema of all events (draft 2020-12), printed from the field table. */
#include "rules/event.h"
#include "rules/event_fields.h"

/* NOLINTBEGIN(misc-no-recursion): as deep as the field table, which no input can change. */

static void write_object(struct mxt_json *json, const struct mxt_field_table *table);

static void write_type(struct mxt_json *json, const char *type)
{
    mxt_json_string(json, "type", type);
}

static void write_pattern(struct mxt_json *json, const char *pattern)
{
    write_type(json, "string");
    if (pattern != NULL)
        mxt_json_string(json, "pattern", pattern);
}

static void write_unsigned(struct mxt_json *json, size_t size)
{
    write_type(json, "integer");
    mxt_json_unsigned(json, "minimum", 0);
    mxt_json_unsigned(json, "maximum", size == sizeof(uint16_t) ? UINT16_MAX : size == sizeof(uint32_t) ? UINT32_MAX : UINT64_MAX);
}

static void write_names(struct mxt_json *json, const struct mxt_vocabulary *vocabulary)
{
    mxt_json_array_begin(json, "enum");
    for (unsigned value = 0; value < vocabulary->count; value++)
        if (vocabulary->name(value) != NULL)
            mxt_json_string(json, NULL, vocabulary->name(value));
    mxt_json_array_end(json);
}

static void write_strings(struct mxt_json *json)
{
    mxt_json_object_begin(json, "items");
    write_type(json, "string");
    mxt_json_object_end(json);
}

static void write_tags(struct mxt_json *json)
{
    write_type(json, "array");
    mxt_json_object_begin(json, "items");
    write_unsigned(json, sizeof(uint16_t));
    mxt_json_object_end(json);
    mxt_json_unsigned(json, "minItems", 1);
    mxt_json_unsigned(json, "maxItems", MXT_VLAN_MAX);
}

static void write_list(struct mxt_json *json, const struct mxt_field_table *table)
{
    write_type(json, "array");
    mxt_json_object_begin(json, "items");
    write_object(json, table);
    mxt_json_object_end(json);
}

static void write_evidence(struct mxt_json *json)
{
    static const char *const types[] = {"string", "integer", "boolean", "array"};
    write_type(json, "object");
    mxt_json_object_begin(json, "propertyNames");
    mxt_json_string(json, "pattern", MXT_EVIDENCE_KEY_PATTERN);
    mxt_json_object_end(json);
    mxt_json_object_begin(json, "additionalProperties");
    mxt_json_array_begin(json, "type");
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        mxt_json_string(json, NULL, types[i]);
    mxt_json_array_end(json);
    write_strings(json);
    mxt_json_object_end(json);
}

static void write_property(struct mxt_json *json, const struct mxt_field *field)
{
    mxt_json_object_begin(json, field->name);
    mxt_json_string(json, "description", field->about);
    switch (field->type) {
    case MXT_FIELD_CONSTANT: mxt_json_string(json, "const", field->as.constant); break;
    case MXT_FIELD_TITLE: write_type(json, "string"); break;
    case MXT_FIELD_DERIVED: write_unsigned(json, sizeof(uint32_t)); break;
    case MXT_FIELD_STRING: write_pattern(json, field->as.pattern); break;
    case MXT_FIELD_FACT:
    case MXT_FIELD_BOOL: write_type(json, "boolean"); break;
    case MXT_FIELD_UNSIGNED: write_unsigned(json, field->size); break;
    case MXT_FIELD_TIME: write_pattern(json, MXT_TIME_PATTERN); break;
    case MXT_FIELD_ADDRESS: write_pattern(json, MXT_ADDRESS_PATTERN); break;
    case MXT_FIELD_HEX: write_pattern(json, MXT_HEX_PATTERN); break;
    case MXT_FIELD_NAME: write_names(json, field->as.vocabulary); break;
    case MXT_FIELD_TAGS: write_tags(json); break;
    case MXT_FIELD_TEXTS:
        write_type(json, "array");
        write_strings(json);
        break;
    case MXT_FIELD_TEXTS_TOTAL: write_unsigned(json, sizeof(uint32_t)); break;
    case MXT_FIELD_GROUP:
    case MXT_FIELD_PART:
    case MXT_FIELD_POINTER: write_object(json, field->as.table); break;
    case MXT_FIELD_LIST: write_list(json, field->as.table); break;
    case MXT_FIELD_EVIDENCE: write_evidence(json); break;
    }
    mxt_json_object_end(json);
}

static void write_object(struct mxt_json *json, const struct mxt_field_table *table)
{
    write_type(json, "object");
    mxt_json_bool(json, "additionalProperties", false);
    mxt_json_array_begin(json, "required");
    for (unsigned i = 0; i < table->count; i++)
        if (table->fields[i].presence != MXT_OPTIONAL)
            mxt_json_string(json, NULL, table->fields[i].name);
    mxt_json_array_end(json);
    mxt_json_object_begin(json, "properties");
    for (unsigned i = 0; i < table->count; i++)
        write_property(json, &table->fields[i]);
    mxt_json_object_end(json);
}

/* NOLINTEND(misc-no-recursion) */

enum mxt_status mxt_event_schema(struct mxt_json *json)
{
    static const struct {
        const char *name, *reference;
        const struct mxt_field_table *table;
    } events[] = {
        {"session", "#/$defs/session", &mxt_session_fields},
        {"alert", "#/$defs/alert", &mxt_alert_fields},
        {"health", "#/$defs/health", &mxt_health_fields},
    };
    const size_t count = sizeof events / sizeof events[0];

    mxt_json_object_begin(json, NULL);
    mxt_json_string(json, "$schema", "https://json-schema.org/draft/2020-12/schema");
    mxt_json_string(json, "title", "mxtap events");
    mxt_json_string(json, "description", "One JSON object a line; what is unknown is left out.");
    mxt_json_array_begin(json, "oneOf");
    for (size_t i = 0; i < count; i++) {
        mxt_json_object_begin(json, NULL);
        mxt_json_string(json, "$ref", events[i].reference);
        mxt_json_object_end(json);
    }
    mxt_json_array_end(json);
    mxt_json_object_begin(json, "$defs");
    for (size_t i = 0; i < count; i++) {
        mxt_json_object_begin(json, events[i].name);
        write_object(json, events[i].table);
        mxt_json_object_end(json);
    }
    mxt_json_object_end(json);
    mxt_json_object_end(json);
    return json->has_failed ? MXT_ENOMEM : MXT_OK;
}
