#include "sensor/config.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "sensor/config_keys.h"

#define FILE_MAX  (1u << 20) /* bytes of a configuration; larger is another kind of file */
#define KEYS_MAX  64         /* keys of one mapping */
#define NAMES_MAX 512        /* bytes that name the known keys */

struct reader {
    const char *path;
    yaml_document_t document;
    const struct mxt_faults *faults;
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
 * A scalar as a text that lives as long as `options`; NULL where it is none, which is told. Values go into messages, records and system calls, so that they
 * have to be safe as they stand (decoders/text.h).
 */
static const char *text_of(struct reader *reader, const struct place *place, const yaml_node_t *node, const char *expects, struct mxt_options *options)
{
    char why[MXT_KEY_WHY];
    if (node->type != YAML_SCALAR_NODE)
        snprintf(why, sizeof why, "a %s stands here; write %s", node->type == YAML_SEQUENCE_NODE ? "list" : "mapping", expects);
    else if (is_empty(node))
        snprintf(why, sizeof why, "no value; write %s, or take the line away", expects);
    else {
        size_t n = node->data.scalar.length;
        const char *text = mxt_text_keep(&options->texts, node->data.scalar.value, n, n);
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

static void set_scalar(struct reader *reader, struct place place, const struct mxt_key *key, const yaml_node_t *node, struct mxt_options *options)
{
    char why[MXT_KEY_WHY];
    place.line = line_of(node);
    const char *text = text_of(reader, &place, node, key->expects, options);
    if (text != NULL)
        note(reader, &place, mxt_key_set(key, options, text, why), why);
}

/* The names that a mapping may hold, for people. */
static void join_names(const struct mxt_key *keys, size_t count, char *names)
{
    size_t used = 0;
    names[0] = '\0';
    for (size_t i = 0; i < count; i++)
        if ((keys[i].place & MXT_KEY_IN_FILE) != 0 && used < NAMES_MAX)
            used += (size_t)snprintf(names + used, NAMES_MAX - used, "%s%s", used == 0 ? "" : ", ", keys[i].name);
}

static void tell_unknown(struct reader *reader, const struct place *place, const struct mxt_key *keys, size_t count)
{
    char why[NAMES_MAX + 64], names[NAMES_MAX];
    const char *meant = mxt_key_nearest(keys, count, MXT_KEY_IN_FILE, place->name);
    join_names(keys, count, names);
    if (meant != NULL)
        snprintf(why, sizeof why, "unknown key; did you mean %s?", meant);
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
static const char *name_of(struct reader *reader, const struct place *parent, const yaml_node_t *node, struct mxt_options *options)
{
    const struct place place = {parent->parent, parent->name, line_of(node)};
    return text_of(reader, &place, node, "a key and its value as \"key: value\"", options);
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

static void set_rules(struct reader *reader, const struct place *place, const struct mxt_key *key, const yaml_node_t *node, struct mxt_options *options)
{
    size_t first[MXT_RULES] = {0};
    char why[MXT_KEY_WHY];
    if (!is_mapping(reader, place, node))
        return;
    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top && reader->status != MXT_ENOMEM; pair++) {
        const char *name = name_of(reader, place, node_at(reader, pair->key), options);
        if (name == NULL)
            continue;
        const struct place at = {place->name, name, line_of(node_at(reader, pair->key))};
        enum mxt_rule rule = mxt_key_rule(name, why);
        if (rule == MXT_RULE_NONE) {
            tell(reader, &(struct place){"", place->name, at.line}, why);
        } else if (is_first(reader, &at, &first[rule])) {
            const char *value = text_of(reader, &at, node_at(reader, pair->value), key->expects, options);
            if (value != NULL)
                note(reader, &at, mxt_key_set_rule(options, rule, value, why), why);
        }
    }
}

/* The members of a mapping: single values only, so that this goes one level deep. */
static void set_members(struct reader *reader, const struct place *place, const struct mxt_key *key, const yaml_node_t *node, struct mxt_options *options)
{
    size_t first[KEYS_MAX] = {0};
    char why[MXT_KEY_WHY];
    if (!is_mapping(reader, place, node))
        return;
    enum mxt_status before = reader->status;
    reader->status = MXT_OK;
    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top && reader->status != MXT_ENOMEM; pair++) {
        const char *name = name_of(reader, place, node_at(reader, pair->key), options);
        if (name == NULL)
            continue;
        const struct place at = {place->name, name, line_of(node_at(reader, pair->key))};
        size_t i = mxt_key_find(key->members, key->member_count, MXT_KEY_IN_FILE, name);
        if (i == key->member_count)
            tell_unknown(reader, &at, key->members, key->member_count);
        else if (is_first(reader, &at, &first[i]))
            set_scalar(reader, at, &key->members[i], node_at(reader, pair->value), options);
    }
    if (reader->status == MXT_OK && key->end != NULL)
        note(reader, place, key->end(options, why), why);
    if (reader->status == MXT_OK)
        reader->status = before;
}

static void set_maps(struct reader *reader, struct place place, const struct mxt_key *key, const yaml_node_t *node, struct mxt_options *options)
{
    if (node->type != YAML_SEQUENCE_NODE) {
        tell(reader, &place, "a list is expected: entries that begin with \"- \"");
        return;
    }
    for (const yaml_node_item_t *item = node->data.sequence.items.start; item < node->data.sequence.items.top && reader->status != MXT_ENOMEM; item++) {
        place.line = line_of(node_at(reader, *item));
        note(reader, &place, key->begin(options), "");
        if (reader->status != MXT_ENOMEM)
            set_members(reader, &place, key, node_at(reader, *item), options);
    }
}

static void set_list(struct reader *reader, const struct place *place, const struct mxt_key *key, const yaml_node_t *node, struct mxt_options *options)
{
    if (node->type != YAML_SEQUENCE_NODE) {
        set_scalar(reader, *place, key, node, options);
        return;
    }
    for (const yaml_node_item_t *item = node->data.sequence.items.start; item < node->data.sequence.items.top && reader->status != MXT_ENOMEM; item++)
        set_scalar(reader, *place, key, node_at(reader, *item), options);
}

static void set_key(struct reader *reader, const struct place *place, const struct mxt_key *key, const yaml_node_t *node, struct mxt_options *options)
{
    switch (key->shape) {
    case MXT_KEY_ACTION: break; /* stands on the command line only */
    case MXT_KEY_ONE: set_scalar(reader, *place, key, node, options); break;
    case MXT_KEY_PATHS:
    case MXT_KEY_LIST: set_list(reader, place, key, node, options); break;
    case MXT_KEY_MAP: set_members(reader, place, key, node, options); break;
    case MXT_KEY_MAPS: set_maps(reader, *place, key, node, options); break;
    case MXT_KEY_RULES: set_rules(reader, place, key, node, options); break;
    }
}

/* The top of the file. What the command line has set is put into `ignored`, so that its faults are told all the same. */
static void set_all(struct reader *reader, const yaml_node_t *node, struct mxt_options *options, struct mxt_options *ignored, uint64_t *given)
{
    const struct place top = {"", "", line_of(node)};
    size_t count, first[KEYS_MAX] = {0};
    const struct mxt_key *keys = mxt_keys(&count);
    const uint64_t on_command_line = *given;
    if (!is_mapping(reader, &top, node))
        return;
    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top && reader->status != MXT_ENOMEM; pair++) {
        const char *name = name_of(reader, &top, node_at(reader, pair->key), options);
        if (name == NULL)
            continue;
        const struct place at = {"", name, line_of(node_at(reader, pair->key))};
        size_t i = mxt_key_find(keys, count, MXT_KEY_IN_FILE, name);
        if (i == count) {
            tell_unknown(reader, &at, keys, count);
        } else if (is_first(reader, &at, &first[i])) {
            *given |= UINT64_C(1) << i;
            set_key(reader, &at, &keys[i], node_at(reader, pair->value), (on_command_line >> i & 1) != 0 ? ignored : options);
        }
    }
}

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

static void read_text(struct reader *reader, const unsigned char *text, size_t n, struct mxt_options *options, uint64_t *given)
{
    yaml_parser_t parser;
    struct mxt_options ignored = {0};
    if (!yaml_parser_initialize(&parser)) {
        reader->status = MXT_ENOMEM;
        return;
    }
    yaml_parser_set_input_string(&parser, text, n);
    if (yaml_parser_load(&parser, &reader->document)) {
        const yaml_node_t *root = yaml_document_get_root_node(&reader->document);
        if (root != NULL && !(root->type == YAML_SCALAR_NODE && is_empty(root)))
            set_all(reader, root, options, &ignored, given);
        if (root != NULL)
            refuse_second(reader, &parser, text);
        yaml_document_delete(&reader->document);
    } else {
        tell_syntax(reader, &parser, text);
    }
    mxt_options_free(&ignored);
    yaml_parser_delete(&parser);
}

/* Reads the file whole into `text` of FILE_MAX + 1 bytes. The number of bytes, or -1: told. */
static long read_file(struct reader *reader, unsigned char *text)
{
    char sentence[MXT_FAULT_TEXT];
    FILE *file = fopen(reader->path, "r");
    size_t n = file == NULL ? 0 : fread(text, 1, FILE_MAX + 1, file);
    bool is_read = file != NULL && !ferror(file);
    if (!is_read)
        snprintf(sentence, sizeof sentence, "--config %.400s: %s; name a file that can be read", reader->path, strerror(errno));
    else if (n > FILE_MAX)
        snprintf(sentence, sizeof sentence, "--config %.400s: longer than %u bytes; is it a configuration?", reader->path, FILE_MAX);
    if (file != NULL)
        fclose(file);
    if (is_read && n <= FILE_MAX)
        return (long)n;
    reader->faults->tell(reader->faults->context, sentence);
    reader->status = MXT_EIO;
    return -1;
}

enum mxt_status mxt_config_read(const char *path, struct mxt_options *options, uint64_t *given, const struct mxt_faults *faults)
{
    struct reader reader = {.path = path, .faults = faults};
    unsigned char *text = malloc(FILE_MAX + 1);
    if (text == NULL)
        return MXT_ENOMEM;
    long n = read_file(&reader, text);
    if (n >= 0)
        read_text(&reader, text, (size_t)n, options, given);
    free(text);
    return reader.status;
}
