/* What a keeper loads from Redis before it takes the first entry. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/ask.h"
#include "collector/keeper_int.h"

#define SCAN_COUNT  "1000"
#define WINDOW      256u  /* hashes asked for at once */
#define WAIT_MS     1000  /* between two looks at a slow answer */
#define AHEAD_MAX   "10000" /* alerts of a batch that was cut off */
#define KEYS_FIRST  1024u
#define SENTENCE    (2 * MXT_KEEPER_ERROR)

/* Names of keys behind the prefix. */
struct keys {
    char **items;
    size_t count, capacity;
};

struct loading {
    struct mxt_keeper *keeper;
    struct mxt_link *link;
    struct keys keys;
    void (*renew)(void *context);
    void *context;
    char *error;
    uint64_t passed_over; /* things that could not be read */
};

static void free_keys(struct keys *keys)
{
    for (size_t i = 0; i < keys->count; i++)
        free(keys->items[i]);
    free(keys->items);
}

/* Whether the ledger wants it: what it keeps, which alerts are not. */
static bool is_wanted(const char *name)
{
    static const char *const others[] = {MXT_CLASS_ALERT ":", "sink:"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strncmp(name, others[i], strlen(others[i])) == 0)
            return false;
    return strchr(name, ':') != NULL;
}

static enum mxt_status add_key(struct keys *keys, const char *name)
{
    if (keys->count == keys->capacity) {
        size_t capacity = keys->capacity == 0 ? KEYS_FIRST : keys->capacity * 2;
        char **moved = realloc(keys->items, capacity * sizeof *moved);
        if (moved == NULL)
            return MXT_ENOMEM;
        keys->items = moved;
        keys->capacity = capacity;
    }
    if ((keys->items[keys->count] = strdup(name)) == NULL)
        return MXT_ENOMEM;
    keys->count++;
    return MXT_OK;
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* A scan may name a key twice. */
static void sort_keys(struct keys *keys)
{
    size_t kept = 0;
    if (keys->count > 1)
        qsort(keys->items, keys->count, sizeof *keys->items, compare_keys);
    for (size_t i = 0; i < keys->count; i++)
        if (kept > 0 && strcmp(keys->items[kept - 1], keys->items[i]) == 0)
            free(keys->items[i]);
        else
            keys->items[kept++] = keys->items[i];
    keys->count = kept;
}

/* Takes the names of one page of a scan; *cursor becomes the next's. */
static enum mxt_status take_page(struct loading *loading, const redisReply *reply, char *cursor, size_t cursor_size)
{
    size_t prefix = strlen(loading->keeper->config.prefix);
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 || !mxt_reply_is_text(reply->element[0], NULL) || reply->element[1]->type != REDIS_REPLY_ARRAY) {
        mxt_link_explain(loading->link, reply, loading->error);
        return MXT_EIO;
    }
    snprintf(cursor, cursor_size, "%s", reply->element[0]->str);
    enum mxt_status status = MXT_OK;
    for (size_t i = 0; i < reply->element[1]->elements && status == MXT_OK; i++) {
        const redisReply *key = reply->element[1]->element[i];
        if (mxt_reply_is_text(key, NULL) && key->len > prefix && is_wanted(key->str + prefix))
            status = add_key(&loading->keys, key->str + prefix);
    }
    return status;
}

static enum mxt_status scan_keys(struct loading *loading)
{
    char cursor[32] = "0", pattern[128];
    enum mxt_status status;
    snprintf(pattern, sizeof pattern, "%s*", loading->keeper->config.prefix);
    do {
        redisReply *reply = mxt_ask(loading->link, loading->error, 8, (const char *const[]){"SCAN", cursor, "MATCH", pattern, "COUNT", SCAN_COUNT, "TYPE", "hash"});
        if (reply == NULL)
            return MXT_EIO;
        status = take_page(loading, reply, cursor, sizeof cursor);
        mxt_reply_free(reply);
        loading->renew(loading->context);
    } while (status == MXT_OK && strcmp(cursor, "0") != 0);
    sort_keys(&loading->keys);
    return status;
}

/* What a class and a field's name are to the ledger. `key` has room for the class, a space and the name. */
static struct mxt_kept kept_of(const char *name, char *key, size_t key_size, const redisReply *field, const redisReply *value)
{
    const char *colon = strchr(name, ':');
    size_t class = (size_t)(colon - name);
    struct mxt_kept kept = {.kind = MXT_KEPT_BASELINE, .key = key, .text = value->str, .n = value->len};
    if (class == strlen(MXT_CLASS_SESSION) && memcmp(name, MXT_CLASS_SESSION, class) == 0)
        kept.kind = MXT_KEPT_SESSION;
    else if (class == strlen(MXT_CLASS_SUBJECT) && memcmp(name, MXT_CLASS_SUBJECT, class) == 0)
        kept.kind = MXT_KEPT_ALERT;
    else if (class == strlen(MXT_CLASS_SENSOR) && memcmp(name, MXT_CLASS_SENSOR, class) == 0)
        kept.kind = MXT_KEPT_SENSOR;
    if (kept.kind == MXT_KEPT_BASELINE) {
        snprintf(key, key_size, "%.*s %s", (int)class, name, colon + 1);
        kept.field = field->str;
    } else {
        snprintf(key, key_size, "%s", colon + 1);
    }
    return kept;
}

static void tell_passed_over(struct loading *loading, const char *name, const char *why)
{
    const struct mxt_faults *faults = loading->keeper->config.faults;
    char sentence[SENTENCE];
    if (loading->passed_over++ > 0)
        return;
    snprintf(sentence, sizeof sentence, "%s%.100s: %.200s; it is passed over, as are others like it", loading->keeper->config.prefix, name, why);
    faults->tell(faults->context, sentence);
}

/* Hands a hash to the ledger. */
static enum mxt_status load_hash(struct loading *loading, const char *name, const redisReply *fields)
{
    char why[MXT_KEEPER_ERROR] = "it is no hash";
    size_t key_size = strlen(name) + 1;
    char *key = malloc(key_size);
    enum mxt_status status = key == NULL ? MXT_ENOMEM : fields->type == REDIS_REPLY_ARRAY ? MXT_OK : MXT_EMALFORMED;
    for (size_t i = 0; status == MXT_OK && i + 1 < fields->elements; i += 2) {
        if (!mxt_reply_is_text(fields->element[i], NULL) || !mxt_reply_is_text(fields->element[i + 1], NULL))
            continue;
        const struct mxt_kept kept = kept_of(name, key, key_size, fields->element[i], fields->element[i + 1]);
        status = mxt_ledger_load(loading->keeper->ledger, &kept, why, sizeof why);
    }
    free(key);
    if (status != MXT_EMALFORMED)
        return status;
    tell_passed_over(loading, name, why);
    return MXT_OK;
}

static enum mxt_status append_question(struct loading *loading, const char *name)
{
    size_t size = strlen(loading->keeper->config.prefix) + strlen(name) + 1;
    char *key = malloc(size);
    if (key == NULL)
        return MXT_ENOMEM;
    snprintf(key, size, "%s%s", loading->keeper->config.prefix, name);
    enum mxt_status status = mxt_link_append(loading->link, 2, (const char *const[]){"HGETALL", key}, NULL);
    free(key);
    return status;
}

/* The next answer, waited for. NULL: broken. */
static redisReply *await_reply(struct loading *loading)
{
    redisReply *reply = mxt_link_reply(loading->link);
    enum mxt_status status = MXT_OK;
    while (reply == NULL && status == MXT_OK) {
        status = mxt_link_pump(loading->link, WAIT_MS, -1);
        reply = mxt_link_reply(loading->link);
    }
    if (reply == NULL)
        snprintf(loading->error, MXT_KEEPER_ERROR, "%s", mxt_link_error(loading->link));
    return reply;
}

static enum mxt_status load_window(struct loading *loading, size_t from, size_t to)
{
    enum mxt_status status = MXT_OK;
    for (size_t i = from; i < to && status == MXT_OK; i++)
        status = append_question(loading, loading->keys.items[i]);
    for (size_t i = from; i < to && status == MXT_OK; i++) {
        redisReply *reply = await_reply(loading);
        if (reply == NULL)
            return MXT_EIO;
        status = load_hash(loading, loading->keys.items[i], reply);
        mxt_reply_free(reply);
    }
    return status;
}

static enum mxt_status load_hashes(struct loading *loading)
{
    enum mxt_status status = scan_keys(loading);
    for (size_t from = 0; from < loading->keys.count && status == MXT_OK; from += WINDOW) {
        size_t to = loading->keys.count - from < WINDOW ? loading->keys.count : from + WINDOW;
        status = load_window(loading, from, to);
        loading->renew(loading->context);
    }
    return status;
}

/* Where a stream ends. */
static enum mxt_status load_end(struct loading *loading, const char *name, struct mxt_stream_end *end)
{
    char key[160];
    snprintf(key, sizeof key, "%s%s", loading->keeper->config.prefix, name);
    *end = (struct mxt_stream_end){0};
    redisReply *reply = mxt_link_call(loading->link, 3, (const char *const[]){"XINFO", "STREAM", key}, NULL);
    if (reply == NULL) {
        snprintf(loading->error, MXT_KEEPER_ERROR, "%s", mxt_link_error(loading->link));
        return MXT_EIO;
    }
    bool is_missing = reply->type == REDIS_REPLY_ERROR && strstr(reply->str, "no such key") != NULL;
    const redisReply *last = mxt_reply_field(reply, "last-generated-id");
    enum mxt_status status = MXT_OK;
    if (last != NULL && mxt_reply_is_text(last, NULL) && mxt_stream_id_parse(last->str, last->len, &end->last))
        end->is_there = true;
    else if (!is_missing) {
        mxt_link_explain(loading->link, reply, loading->error);
        status = MXT_EIO;
    }
    mxt_reply_free(reply);
    return status;
}

/* Alerts behind what the cursor stands for: a batch was cut off after it had added them. */
static enum mxt_status load_ahead(struct loading *loading, struct mxt_stream_id cursor)
{
    struct mxt_keeper *keeper = loading->keeper;
    char key[160], from[MXT_STREAM_ID_TEXT];
    snprintf(key, sizeof key, "%salerts", keeper->config.prefix);
    mxt_stream_id_format(mxt_stream_id_derive(mxt_stream_id_next(cursor), 0), from);
    redisReply *reply = mxt_ask(loading->link, loading->error, 6, (const char *const[]){"XRANGE", key, from, "+", "COUNT", AHEAD_MAX});
    if (reply == NULL)
        return MXT_EIO;
    enum mxt_status status = MXT_OK;
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements > 0) {
        keeper->ahead = calloc(reply->elements, sizeof *keeper->ahead);
        status = keeper->ahead == NULL ? MXT_ENOMEM : MXT_OK;
        for (size_t i = 0; i < reply->elements && status == MXT_OK; i++) {
            const redisReply *entry = reply->element[i];
            if (entry->type == REDIS_REPLY_ARRAY && entry->elements > 0 && mxt_reply_is_text(entry->element[0], NULL) &&
                mxt_stream_id_parse(entry->element[0]->str, entry->element[0]->len, &keeper->ahead[keeper->ahead_count]))
                keeper->ahead_count++;
        }
    }
    mxt_reply_free(reply);
    return status;
}

enum mxt_status mxt_keeper_load(struct mxt_keeper *keeper, struct mxt_link *link, struct mxt_stream_id cursor, void (*renew)(void *context), void *context,
                                char *error)
{
    struct loading loading = {.keeper = keeper, .link = link, .renew = renew, .context = context};
    loading.error = error;
    keeper->entry = cursor;
    enum mxt_status status = load_end(&loading, "alerts", &keeper->alerts);
    if (status == MXT_OK)
        status = load_end(&loading, "rejected", &keeper->rejected);
    if (status == MXT_OK && keeper->alerts.is_there)
        status = load_ahead(&loading, cursor);
    if (status == MXT_OK)
        status = load_hashes(&loading);
    free_keys(&loading.keys);
    keeper->alerts_were = keeper->alerts;
    keeper->rejected_were = keeper->rejected;
    return status;
}
