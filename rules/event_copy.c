/* Records copied by the field table: whatever an event tells, in memory of its own. */
#include <string.h>

#include "rules/event.h"
#include "rules/event_fields.h"

static const void *load_pointer(const void *at)
{
    const void *pointer;
    memcpy(&pointer, at, sizeof pointer);
    return pointer;
}

static void store_pointer(void *at, const void *pointer)
{
    memcpy(at, &pointer, sizeof pointer);
}

static const char *copy_string(struct mxt_arena *arena, const char *text)
{
    return text == NULL ? NULL : mxt_arena_copy(arena, text, strlen(text));
}

static void copy_texts(struct mxt_arena *arena, const struct mxt_text_list *list, struct mxt_text_list *out)
{
    *out = (struct mxt_text_list){.total = list->total};
    if (list->count == 0 || (out->items = mxt_arena_alloc(arena, list->count * sizeof *out->items)) == NULL)
        return;
    for (uint16_t i = 0; i < list->count; i++)
        out->items[i] = copy_string(arena, list->items[i]);
    out->count = out->capacity = list->count;
}

static struct mxt_evidence *copy_evidence(struct mxt_arena *arena, const struct mxt_evidence *evidence)
{
    struct mxt_evidence *first = NULL, **end = &first;
    for (; evidence != NULL; evidence = evidence->next) {
        struct mxt_evidence *copy = mxt_arena_alloc(arena, sizeof *copy);
        if (copy == NULL)
            break;
        *copy = (struct mxt_evidence){.key = copy_string(arena, evidence->key), .type = evidence->type, .number = evidence->number};
        copy->text = copy_string(arena, evidence->text);
        copy_texts(arena, &evidence->list, &copy->list);
        *end = copy;
        end = &copy->next;
    }
    return first;
}

/* NOLINTBEGIN(misc-no-recursion): as deep as the field table, which no input can change. */

static void copy_members(struct mxt_arena *arena, const struct mxt_field_table *table, const char *from, char *to);

static void *copy_object(struct mxt_arena *arena, const struct mxt_field_table *table, const void *from)
{
    void *to = from == NULL ? NULL : mxt_arena_alloc(arena, table->size);
    if (to != NULL)
        copy_members(arena, table, from, to);
    return to;
}

static void copy_list(struct mxt_arena *arena, const struct mxt_field_table *table, const char *from, char *link)
{
    for (; from != NULL; from = load_pointer(from + table->next)) {
        char *to = copy_object(arena, table, from);
        if (to == NULL)
            break;
        store_pointer(link, to);
        link = to + table->next;
    }
}

static void copy_field(struct mxt_arena *arena, const struct mxt_field *field, const char *from, char *to)
{
    const void *at = from + field->offset;
    void *out = to + field->offset;
    switch (field->type) {
    case MXT_FIELD_CONSTANT:
    case MXT_FIELD_TITLE: /* this one and the next tell what another field holds, and so does a list's total */
    case MXT_FIELD_DERIVED:
    case MXT_FIELD_TEXTS_TOTAL: break;
    case MXT_FIELD_STRING: store_pointer(out, copy_string(arena, load_pointer(at))); break;
    case MXT_FIELD_TEXTS: copy_texts(arena, at, out); break;
    case MXT_FIELD_GROUP: copy_members(arena, field->as.table, from, to); break;
    case MXT_FIELD_PART: copy_members(arena, field->as.table, at, out); break;
    case MXT_FIELD_POINTER: store_pointer(out, copy_object(arena, field->as.table, load_pointer(at))); break;
    case MXT_FIELD_LIST: copy_list(arena, field->as.table, load_pointer(at), out); break;
    case MXT_FIELD_EVIDENCE: store_pointer(out, copy_evidence(arena, load_pointer(at))); break;
    case MXT_FIELD_FACT:
    case MXT_FIELD_BOOL:
    case MXT_FIELD_UNSIGNED:
    case MXT_FIELD_TIME:
    case MXT_FIELD_ADDRESS:
    case MXT_FIELD_HEX:
    case MXT_FIELD_NAME:
    case MXT_FIELD_TAGS: memcpy(out, at, field->size); break;
    }
    if (field->other != 0) /* a count or a flag, a byte either way */
        to[field->other] = from[field->other];
}

static void copy_members(struct mxt_arena *arena, const struct mxt_field_table *table, const char *from, char *to)
{
    for (const struct mxt_field *field = table->fields; field < table->fields + table->count; field++)
        copy_field(arena, field, from, to);
}

/* NOLINTEND(misc-no-recursion) */

enum mxt_status mxt_event_copy_record(const struct mxt_record *record, struct mxt_arena *arena, struct mxt_record *out)
{
    uint32_t failures = arena->failures;
    memset(out, 0, sizeof *out);
    copy_members(arena, &mxt_session_fields, (const char *)record, (char *)out);
    return arena->failures == failures ? MXT_OK : MXT_ENOMEM;
}
