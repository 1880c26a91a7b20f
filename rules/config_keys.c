#include "rules/config_keys.h"

#include <stdio.h>
#include <string.h>

#include "rules/nearest.h"
#include "rules/rule.h"

void mxt_keys_of(const struct mxt_program *program, struct mxt_keys *out)
{
    *out = (struct mxt_keys){.program = program};
    for (size_t i = 0; i < program->table_count; i++)
        for (size_t j = 0; j < program->tables[i].table->count && out->count < MXT_KEYS_MAX; j++) {
            out->key[out->count] = &program->tables[i].table->keys[j];
            out->object_at[out->count++] = program->tables[i].object_at;
        }
}

const char *mxt_key_option(const struct mxt_key *key)
{
    return key->option != NULL ? key->option : key->name;
}

const char *mxt_key_own_name(const struct mxt_key *key)
{
    const char *dot = strrchr(key->name, '.');
    return dot == NULL ? key->name : dot + 1;
}

bool mxt_key_is_in(const struct mxt_key *key, const char *parent)
{
    size_t n = strlen(parent), own = (size_t)(mxt_key_own_name(key) - key->name);
    return (key->place & MXT_KEY_IN_FILE) != 0 && own == (n == 0 ? 0 : n + 1) && strncmp(key->name, parent, n) == 0;
}

size_t mxt_keys_option(const struct mxt_keys *keys, const char *option, char letter)
{
    size_t i = 0;
    for (; i < keys->count; i++) {
        if ((keys->key[i]->place & MXT_KEY_ON_COMMAND_LINE) == 0)
            continue;
        if (letter != 0 ? keys->key[i]->letter == letter : strcmp(mxt_key_option(keys->key[i]), option) == 0)
            break;
    }
    return i;
}

size_t mxt_keys_in_file(const struct mxt_keys *keys, const char *parent, const char *name)
{
    size_t i = 0;
    while (i < keys->count && !(mxt_key_is_in(keys->key[i], parent) && strcmp(mxt_key_own_name(keys->key[i]), name) == 0))
        i++;
    return i;
}

struct mxt_setting mxt_keys_setting(const struct mxt_keys *keys, size_t i, void *options)
{
    return (struct mxt_setting){.object = (char *)options + keys->object_at[i], .texts = (void *)((char *)options + keys->program->texts_at)};
}

static enum mxt_status set_one(const struct mxt_key *key, struct mxt_setting *to, const char *value)
{
    enum mxt_status status = MXT_OK;
    to->why[0] = '\0';
    if (value[0] == '\0' && key->shape != MXT_KEY_ACTION)
        status = MXT_EUSAGE;
    else if (key->set != NULL)
        status = key->set(to, value);
    else
        memcpy((char *)to->object + key->text_at, &value, sizeof value);
    if (status == MXT_EUSAGE && to->why[0] == '\0')
        snprintf(to->why, sizeof to->why, "\"%.80s\" is not %s", value, key->expects);
    return status;
}

static enum mxt_status set_list(const struct mxt_key *key, struct mxt_setting *to, const char *value)
{
    enum mxt_status status = MXT_OK;
    const char *p = value;
    do {
        p += strspn(p, " ");
        size_t n = strcspn(p, ","), used = n;
        while (used > 0 && p[used - 1] == ' ')
            used--;
        const char *item = mxt_arena_copy(to->texts, p, used);
        status = item == NULL ? MXT_ENOMEM : set_one(key, to, item);
        p += n;
    } while (status == MXT_OK && *p++ == ',');
    return status;
}

enum mxt_status mxt_keys_set(const struct mxt_keys *keys, size_t i, void *options, const char *value, char *why)
{
    struct mxt_setting to = mxt_keys_setting(keys, i, options);
    enum mxt_status status = keys->key[i]->shape == MXT_KEY_LIST ? set_list(keys->key[i], &to, value) : set_one(keys->key[i], &to, value);
    memcpy(why, to.why, sizeof to.why);
    return status;
}

/* Whether the key stands in the entries of a list: who begins an entry fills in its defaults. */
static bool is_repeated(const struct mxt_keys *keys, const struct mxt_key *key)
{
    for (size_t i = 0; i < keys->count; i++)
        if (keys->key[i]->shape == MXT_KEY_MAPS && mxt_key_is_in(key, keys->key[i]->name))
            return true;
    return false;
}

enum mxt_status mxt_keys_fill_defaults(const struct mxt_keys *keys, const struct mxt_given *given, void *options)
{
    enum mxt_status status = MXT_OK;
    char why[MXT_KEY_WHY];
    for (size_t i = 0; i < keys->count && status == MXT_OK; i++)
        if (keys->key[i]->fallback != NULL && !given->is_set[i] && !is_repeated(keys, keys->key[i]))
            status = mxt_keys_set(keys, i, options, keys->key[i]->fallback, why);
    return status;
}

enum mxt_rule mxt_key_rule(const char *name, char *why)
{
    enum mxt_rule rule = mxt_rule_from_name(name);
    if (rule != MXT_RULE_NONE)
        return rule;
    size_t count;
    const struct mxt_rule_info *rules = mxt_rule_catalogue(&count);
    struct mxt_nearest nearest = {.wanted = name};
    for (size_t i = 0; i < count; i++)
        mxt_nearest_offer(&nearest, rules[i].name);
    if (nearest.word != NULL)
        snprintf(why, MXT_KEY_WHY, "\"%.80s\" is not a rule; did you mean %s?", name, nearest.word);
    else
        snprintf(why, MXT_KEY_WHY, "\"%.80s\" is not a rule; mxtap-sensor --rules lists them", name);
    return MXT_RULE_NONE;
}
