/*
 * Builds events from bytes by walking the field table, so that whatever field is added there is tried too. For the fuzz target and for the schema's test.
 * Strings with a pattern get a text that fits it.
 */
#ifndef MXT_TESTS_FUZZ_BUILD_EVENT_H
#define MXT_TESTS_FUZZ_BUILD_EVENT_H

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "decoders/arena.h"
#include "decoders/text.h"
#include "rules/event.h"
#include "rules/event_fields.h"

#define BUILD_ITEMS 3u  /* most items of any list */
#define BUILD_TEXT  24u /* most bytes of any text, before escaping */

/* Bytes to build from; zeros behind the end. */
struct build {
    struct mxt_arena *arena;
    const uint8_t *bytes;
    size_t left;
};

static uint64_t build_number(struct build *build, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        value = value << 8 | (build->left > 0 ? *build->bytes : 0);
        if (build->left > 0) {
            build->bytes++;
            build->left--;
        }
    }
    return value;
}

static const char *build_text(struct build *build)
{
    size_t n = build_number(build, 1) % (BUILD_TEXT + 1);
    if (n > build->left)
        n = build->left;
    const char *text = mxt_text_keep(build->arena, build->bytes, n, BUILD_TEXT);
    if (n > 0)
        build->bytes += n;
    build->left -= n;
    return text;
}

/* The first of some texts that fits the pattern; NULL where none does. */
static const char *build_fitting_text(const char *pattern)
{
    static const char *const texts[] = {
        "fin",
        "close",
        "00112233445566778899aabbccddeeff",
        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
        "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33",
    };
    regex_t regex;
    const char *fitting = NULL;
    if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
        return NULL;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0] && fitting == NULL; i++)
        if (regexec(&regex, texts[i], 0, NULL, 0) == 0)
            fitting = texts[i];
    regfree(&regex);
    return fitting;
}

static void build_texts(struct build *build, struct mxt_text_list *list)
{
    for (uint64_t n = build_number(build, 1) % (BUILD_ITEMS + 1); n > 0; n--) {
        const char *text = build_text(build);
        if (text == NULL || mxt_text_list_add(list, build->arena, text, BUILD_ITEMS - 1) != MXT_OK)
            return;
    }
}

static void build_evidence(struct build *build, void *out)
{
    static const char *const keys[] = {"version", "names", "count", "a_flag_2"};
    struct mxt_finding finding = {0};
    for (uint64_t n = build_number(build, 1) % (BUILD_ITEMS + 1); n > 0; n--) {
        const char *key = keys[n];
        struct mxt_text_list list = {0};
        switch (build_number(build, 1) % 4) {
        case 0: mxt_evidence_text(&finding, build->arena, key, build_text(build)); break;
        case 1: mxt_evidence_number(&finding, build->arena, key, (int64_t)build_number(build, 8)); break;
        case 2: mxt_evidence_bool(&finding, build->arena, key, build_number(build, 1) % 2 == 1); break;
        default: build_texts(build, &list); mxt_evidence_list(&finding, build->arena, key, &list);
        }
    }
    memcpy(out, &finding.evidence, sizeof finding.evidence);
}

/* A value with a name, or 0; with a name in any case where the field is required. */
static unsigned build_named(struct build *build, const struct mxt_field *field)
{
    unsigned start = (unsigned)build_number(build, 2) % field->as.vocabulary->count;
    for (unsigned i = 0; i < field->as.vocabulary->count; i++) {
        unsigned value = (start + i) % field->as.vocabulary->count;
        if (field->as.vocabulary->name(value) != NULL || (value == 0 && field->presence != MXT_REQUIRED))
            return value;
    }
    return 0;
}

static void build_store(void *at, size_t size, uint64_t value)
{
    uint16_t value16 = (uint16_t)value;
    uint32_t value32 = (uint32_t)value;
    memcpy(at, size == sizeof value16 ? (void *)&value16 : size == sizeof value32 ? (void *)&value32 : (void *)&value, size);
}

static void build_members(struct build *build, const struct mxt_field_table *table, char *base);

static void build_list(struct build *build, const struct mxt_field_table *table, char *out, uint64_t n)
{
    for (; n > 0; n--) {
        char *element = mxt_arena_alloc(build->arena, table->size);
        if (element == NULL)
            return;
        build_members(build, table, element);
        memcpy(out, &element, sizeof element);
        out = element + table->next;
    }
}

static void build_field(struct build *build, const struct mxt_field *field, char *base)
{
    char *at = base + field->offset;
    bool flag = build_number(build, 1) % 2 == 1;
    switch (field->type) {
    case MXT_FIELD_STRING: {
        const char *text = !flag ? NULL : field->as.pattern != NULL ? build_fitting_text(field->as.pattern) : build_text(build);
        memcpy(at, &text, sizeof text);
        break;
    }
    case MXT_FIELD_FACT: build_store(at, field->size, build_number(build, 1) % 3); break;
    case MXT_FIELD_BOOL: memcpy(at, &flag, sizeof flag); break;
    case MXT_FIELD_UNSIGNED:
    case MXT_FIELD_TIME:
    case MXT_FIELD_HEX: build_store(at, field->size, build_number(build, flag ? field->size : 1)); break;
    case MXT_FIELD_ADDRESS:
        for (size_t i = 0; i < sizeof(struct mxt_address); i++)
            at[i] = flag ? (char)build_number(build, 1) : "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\1"[i];
        break;
    case MXT_FIELD_NAME: build_store(at, field->size, build_named(build, field)); break;
    case MXT_FIELD_TAGS:
        base[field->other] = (char)(build_number(build, 1) % (MXT_VLAN_MAX + 1));
        for (int i = 0; i < base[field->other]; i++)
            build_store(at + (size_t)i * sizeof(uint16_t), sizeof(uint16_t), build_number(build, 2));
        break;
    case MXT_FIELD_TEXTS: build_texts(build, (void *)at); break;
    case MXT_FIELD_GROUP: build_members(build, field->as.table, base); break;
    case MXT_FIELD_PART: build_members(build, field->as.table, at); break;
    case MXT_FIELD_POINTER:
    case MXT_FIELD_LIST:
        if (field->type == MXT_FIELD_POINTER)
            build_list(build, field->as.table, at, flag ? 1 : 0);
        else
            build_list(build, field->as.table, at, build_number(build, 1) % (BUILD_ITEMS + 1));
        break;
    case MXT_FIELD_EVIDENCE: build_evidence(build, at); break;
    case MXT_FIELD_CONSTANT:
    case MXT_FIELD_TITLE:
    case MXT_FIELD_DERIVED:
    case MXT_FIELD_TEXTS_TOTAL: break;
    }
    if (field->other != 0 && field->type != MXT_FIELD_TAGS)
        memcpy(base + field->other, &flag, sizeof flag);
}

static void build_members(struct build *build, const struct mxt_field_table *table, char *base)
{
    for (unsigned i = 0; i < table->count; i++)
        build_field(build, &table->fields[i], base);
}

/* Fills the zeroed struct at `out`, which is the table's, from the `n` bytes. */
static void build_event(struct mxt_arena *arena, const struct mxt_field_table *table, const uint8_t *bytes, size_t n, void *out)
{
    struct build build = {arena, bytes, n};
    build_members(&build, table, out);
}

#endif
