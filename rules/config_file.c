#include "rules/config_file.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "decoders/text.h"
#include "rules/nearest.h"

#define NAMES_MAX 512        /* bytes that name the known keys */

struct reader {
    const char *path;
    yaml_document_t document;
    const struct mxt_faults *faults;
    const struct mxt_keys *keys;
    struct mxt_given *given;                   /* gets what the file gives */
    const struct mxt_given *on_command_line;   /* what was given there, so that the file's value goes into `ignored` */
    void *options, *ignored;
    enum mxt_status status; /* MXT_OK until the first fault; MXT_ENOMEM ends all */
};

/* Where in the file something stands: "windows.judge" of line 12. */
struct place {
    const char *parent; /* "" at the top */
    const char *name;
    size_t line;
};

static void tell(struct reader *reader, const struct place *place, const char *why)
{
    char sentence[MXT_FAULT_TEXT];
    snprintf(sentence, sizeof sentence, "%.400s:%zu: %s%s%.80s%s%s", reader->path, place->line, place->parent, place->parent[0] != '\0' ? "." : "", place->name,
             place->name[0] != '\0' ? ": " : "", why);
    reader->faults->tell(reader->faults->context, sentence);
    if (reader->status == MXT_OK)
        reader->status = MXT_EUSAGE;
}

static size_t line_of(const yaml_node_t *node)
{
    return node->start_mark.line + 1;
}

static bool is_empty(const yaml_node_t *node)
{
    const char *value = (const char *)node->data.scalar.value;
    return node->data.scalar.length == 0 || (node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && (strcmp(value, "~") == 0 || strcmp(value, "null") == 0));
}

/*
 * A scalar as a text that lives as long as the options; NULL where it is none, which is told. Values go into messages, records and system calls, so that they
 * have to be safe as they stand (decoders/text.h).
 */
static const char *text_of(struct reader *reader, const struct place *place, const yaml_node_t *node, const char *expects)
{
    char why[MXT_KEY_WHY];
    if (node->type != YAML_SCALAR_NODE)
        snprintf(why, sizeof why, "a %s stands here; write %s", node->type == YAML_SEQUENCE_NODE ? "list" : "mapping", expects);
    else if (is_empty(node))
        snprintf(why, sizeof why, "no value; write %s, or take the line away", expects);
    else {
        size_t n = node->data.scalar.length;
        struct mxt_arena *texts = (void *)((char *)reader->options + reader->keys->program->texts_at);
        const char *text = mxt_text_keep(texts, node->data.scalar.value, n, n);
        if (text == NULL)
            reader->status = MXT_ENOMEM;
        if (text == NULL || (strlen(text) == n && memcmp(text, node->data.scalar.value, n) == 0))
            return text;
        snprintf(why, sizeof why, "a control character stands in the value; write %s", expects);
    }
    tell(reader, place, why);
    return NULL;
}

static void note(struct reader *reader, const struct place *place, enum mxt_status status, const char *why)
{
    if (status == MXT_EUSAGE)
        tell(reader, place, why);
    else if (status != MXT_OK)
        reader->status = status;
}

/* The struct that the key at `i` goes into: what the command line has set is put aside, so that its faults are told all the same. */
static void *target_of(const struct reader *reader, size_t i)
{
    return reader->on_command_line->is_set[i] ? reader->ignored : reader->options;
}

static void set_scalar(struct reader *reader, struct place place, size_t i, const yaml_node_t *node)
{
    char why[MXT_KEY_WHY];
    place.line = line_of(node);
    const char *text = text_of(reader, &place, node, reader->keys->key[i]->expects);
    if (text != NULL)
        note(reader, &place, mxt_keys_set(reader->keys, i, target_of(reader, i), text, why), why);
}

/* The names that a mapping may hold, for people. */
static void join_names(const struct mxt_keys *keys, const char *parent, char *names)
{
    size_t used = 0;
    names[0] = '\0';
    for (size_t i = 0; i < keys->count; i++)
        if (mxt_key_is_in(keys->key[i], parent) && used < NAMES_MAX)
            used += (size_t)snprintf(names + used, NAMES_MAX - used, "%s%s", used == 0 ? "" : ", ", mxt_key_own_name(keys->key[i]));
}

static void tell_unknown(struct reader *reader, const struct place *place)
{
    char why[NAMES_MAX + 64], names[NAMES_MAX];
    struct mxt_nearest nearest = {.wanted = place->name};
    for (size_t i = 0; i < reader->keys->count; i++)
        if (mxt_key_is_in(reader->keys->key[i], place->parent))
            mxt_nearest_offer(&nearest, mxt_key_own_name(reader->keys->key[i]));
    join_names(reader->keys, place->parent, names);
    if (nearest.word != NULL)
        snprintf(why, sizeof why, "unknown key; did you mean %s?", nearest.word);
    else
        snprintf(why, sizeof why, "unknown key; known are %s", names);
    tell(reader, place, why);
}

/* Whether a name stands in its mapping for the first time; first[i] keeps the line. */
static bool is_first(struct reader *reader, const struct place *place, size_t *first)
{
    char why[MXT_KEY_WHY];
    if (*first == 0) {
        *first = place->line;
        return true;
    }
    snprintf(why, sizeof why, "given twice, first in line %zu; keep one", *first);
    tell(reader, place, why);
    return false;
}

/* The name of a pair of a mapping, or NULL: told. */
static const char *name_of(struct reader *reader, const struct place *parent, const yaml_node_t *node)
{
    const struct place place = {parent->parent, parent->name, line_of(node)};
    return text_of(reader, &place, node, "a key and its value as \"key: value\"");
}

static bool is_mapping(struct reader *reader, const struct place *place, const yaml_node_t *node)
{
    if (node->type == YAML_MAPPING_NODE)
        return true;
    tell(reader, place, "a mapping is expected: lines \"key: value\", further in");
    return false;
}

static const yaml_node_t *node_at(struct reader *reader, int index)
{
    return yaml_document_get_node(&reader->document, index);
}

static void set_rule(struct reader *reader, const struct place *place, size_t i, enum mxt_rule rule, const yaml_node_t *node)
{
    const char *value = text_of(reader, place, node, reader->keys->key[i]->expects);
    struct mxt_setting to = mxt_keys_setting(reader->keys, i, target_of(reader, i));
    enum mxt_status status = value == NULL ? MXT_OK : reader->keys->key[i]->set_rule(&to, rule, value);
    if (status == MXT_EUSAGE && to.why[0] == '\0')
        snprintf(to.why, sizeof to.why, "\"%.80s\" is not %s", value, reader->keys->key[i]->expects);
    note(reader, place, status, to.why);
}

static void set_rules(struct reader *reader, const struct place *place, size_t i, const yaml_node_t *node)
{
    size_t first[MXT_RULES] = {0};
    char why[MXT_KEY_WHY];
    if (!is_mapping(reader, place, node))
        return;
    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top && reader->status != MXT_ENOMEM; pair++) {
        const char *name = name_of(reader, place, node_at(reader, pair->key));
        if (name == NULL)
            continue;
        const struct place at = {place->name, name, line_of(node_at(reader, pair->key))};
        enum mxt_rule rule = mxt_key_rule(name, why);
        if (rule == MXT_RULE_NONE)
            tell(reader, &(struct place){"", place->name, at.line}, why);
        else if (is_first(reader, &at, &first[rule]))
            set_rule(reader, &at, i, rule, node_at(reader, pair->value));
    }
}

static void set_list(struct reader *reader, const struct place *place, size_t i, const yaml_node_t *node)
{
    if (node->type != YAML_SEQUENCE_NODE) {
        set_scalar(reader, *place, i, node);
        return;
    }
    for (const yaml_node_item_t *item = node->data.sequence.items.start; item < node->data.sequence.items.top && reader->status != MXT_ENOMEM; item++)
        set_scalar(reader, *place, i, node_at(reader, *item));
}

static void set_key(struct reader *reader, const struct place *place, size_t i, const yaml_node_t *node);

/* NOLINTBEGIN(misc-no-recursion): as deep as names of keys have dots */

/* What stands in a mapping. `parent` is its key's name, "" for the whole file; names of keys hold no more dots than the tables', so that this ends. */
static void set_members(struct reader *reader, const struct place *place, const char *parent, const yaml_node_t *node)
{
    size_t first[MXT_KEYS_MAX] = {0};
    if (!is_mapping(reader, place, node))
        return;
    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top && reader->status != MXT_ENOMEM; pair++) {
        const char *name = name_of(reader, place, node_at(reader, pair->key));
        if (name == NULL)
            continue;
        const struct place at = {parent, name, line_of(node_at(reader, pair->key))};
        size_t i = mxt_keys_in_file(reader->keys, parent, name);
        if (i == reader->keys->count)
            tell_unknown(reader, &at);
        else if (is_first(reader, &at, &first[i]))
            set_key(reader, &at, i, node_at(reader, pair->value));
    }
}

/* A mapping with what is to be said of it as a whole, where nothing in it was refused. */
static void set_map(struct reader *reader, const struct place *place, size_t i, const yaml_node_t *node)
{
    const struct mxt_key *key = reader->keys->key[i];
    enum mxt_status before = reader->status;
    reader->status = MXT_OK;
    set_members(reader, place, key->name, node);
    if (reader->status == MXT_OK && key->end != NULL) {
        struct mxt_setting to = mxt_keys_setting(reader->keys, i, target_of(reader, i));
        note(reader, place, key->end(&to), to.why);
    }
    if (reader->status == MXT_OK)
        reader->status = before;
}

static void set_maps(struct reader *reader, struct place place, size_t i, const yaml_node_t *node)
{
    if (node->type != YAML_SEQUENCE_NODE) {
        tell(reader, &place, "a list is expected: entries that begin with \"- \"");
        return;
    }
    for (const yaml_node_item_t *item = node->data.sequence.items.start; item < node->data.sequence.items.top && reader->status != MXT_ENOMEM; item++) {
        struct mxt_setting to = mxt_keys_setting(reader->keys, i, target_of(reader, i));
        enum mxt_status status = reader->keys->key[i]->begin(&to);
        place.line = line_of(node_at(reader, *item));
        note(reader, &place, status, to.why);
        if (status == MXT_OK)
            set_map(reader, &place, i, node_at(reader, *item));
    }
}

static void set_key(struct reader *reader, const struct place *place, size_t i, const yaml_node_t *node)
{
    reader->given->is_set[i] = true;
    switch (reader->keys->key[i]->shape) {
    case MXT_KEY_ACTION: break; /* stands on the command line only */
    case MXT_KEY_FLAG:
    case MXT_KEY_ONE: set_scalar(reader, *place, i, node); break;
    case MXT_KEY_PATHS:
    case MXT_KEY_LIST: set_list(reader, place, i, node); break;
    case MXT_KEY_MAP: set_map(reader, place, i, node); break;
    case MXT_KEY_MAPS: set_maps(reader, *place, i, node); break;
    case MXT_KEY_RULES: set_rules(reader, place, i, node); break;
    }
}

/* NOLINTEND(misc-no-recursion) */

/* What libyaml could not read. Its reader's faults come with a byte, the others with a line. */
static void tell_syntax(struct reader *reader, const yaml_parser_t *parser, const unsigned char *text)
{
    char why[MXT_KEY_WHY];
    struct place place = {"", "", parser->problem_mark.line + 1};
    if (parser->error == YAML_MEMORY_ERROR) {
        reader->status = MXT_ENOMEM;
        return;
    }
    if (parser->error == YAML_READER_ERROR) {
        place.line = 1;
        for (size_t i = 0; i < parser->problem_offset; i++)
            place.line += text[i] == '\n';
    }
    snprintf(why, sizeof why, "this is not YAML: %s; look at the indentation and quotes here and in the line before",
             parser->problem == NULL ? "unreadable" : parser->problem);
    tell(reader, &place, why);
}

/* What follows the first document must be nothing. */
static void refuse_second(struct reader *reader, yaml_parser_t *parser, const unsigned char *text)
{
    yaml_document_t second;
    if (!yaml_parser_load(parser, &second)) {
        tell_syntax(reader, parser, text);
        return;
    }
    const yaml_node_t *root = yaml_document_get_root_node(&second);
    if (root != NULL)
        tell(reader, &(struct place){"", "", line_of(root)}, "a second document begins here; take the line \"---\" before it away");
    yaml_document_delete(&second);
}

static void read_text(struct reader *reader, const unsigned char *text, size_t n)
{
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) {
        reader->status = MXT_ENOMEM;
        return;
    }
    yaml_parser_set_input_string(&parser, text, n);
    if (yaml_parser_load(&parser, &reader->document)) {
        const yaml_node_t *root = yaml_document_get_root_node(&reader->document);
        if (root != NULL && !(root->type == YAML_SCALAR_NODE && is_empty(root)))
            set_members(reader, &(struct place){"", "", line_of(root)}, "", root);
        if (root != NULL)
            refuse_second(reader, &parser, text);
        yaml_document_delete(&reader->document);
    } else {
        tell_syntax(reader, &parser, text);
    }
    yaml_parser_delete(&parser);
}

enum mxt_status mxt_config_text(const char *path, const unsigned char *text, size_t n, const struct mxt_keys *keys, void *options, struct mxt_given *given,
                                const struct mxt_faults *faults)
{
    const struct mxt_given on_command_line = *given;
    struct reader reader = {.path = path, .faults = faults, .keys = keys, .given = given, .on_command_line = &on_command_line, .options = options};
    reader.ignored = calloc(1, keys->program->size);
    if (reader.ignored == NULL)
        return MXT_ENOMEM;
    read_text(&reader, text, n);
    keys->program->free(reader.ignored);
    free(reader.ignored);
    return reader.status;
}
