#include "collector/batch.h"

#include <stdlib.h>
#include <string.h>

#include "collector/script.h"

#define NUMBER 24         /* bytes of a number as text */
#define COMMAND_WORDS 3   /* before the keys: EVALSHA, the script, the number of keys */
#define COUNT_WIDTH 4       /* digits of a number of fields, which may grow */
#define FIELDS_MAX 1000     /* of one put: what a script may spread at once has a bound */
#define FIRST_BYTES (1u << 16)
#define FIRST_WORDS 256u

/* Words over the batch's bytes, which may move while it grows. */
struct word {
    size_t at, n;
};

struct words {
    struct word *items;
    size_t count, capacity;
};

struct mxt_batch {
    char *prefix;
    char *bytes;
    size_t length, capacity;
    struct words keys, arguments;
    size_t put_count;     /* fields of the put that came last; 0: something else did */
    size_t put_count_at;  /* its argument that says so */
    enum mxt_batch_put put_how;
    const char **argv;
    size_t *lengths;
    size_t argv_capacity;
    bool has_failed;
};

struct mxt_batch *mxt_batch_new(const char *prefix)
{
    struct mxt_batch *batch = calloc(1, sizeof *batch);
    if (batch == NULL || (batch->prefix = strdup(prefix)) == NULL) {
        mxt_batch_free(batch);
        return NULL;
    }
    return batch;
}

void mxt_batch_free(struct mxt_batch *batch)
{
    if (batch == NULL)
        return;
    free(batch->prefix);
    free(batch->bytes);
    free(batch->keys.items);
    free(batch->arguments.items);
    free(batch->argv);
    free(batch->lengths);
    free(batch);
}

void mxt_batch_reset(struct mxt_batch *batch)
{
    batch->length = 0;
    batch->keys.count = 0;
    batch->arguments.count = 0;
    batch->put_count = 0;
    batch->has_failed = false;
}

bool mxt_batch_has_failed(const struct mxt_batch *batch)
{
    return batch->has_failed;
}

/* `items` with room for `wanted` of them; NULL when refused, *capacity unchanged. */
static void *grown(void *items, size_t *capacity, size_t wanted, size_t first, size_t size)
{
    size_t larger = *capacity == 0 ? first : *capacity;
    while (larger < wanted)
        larger *= 2;
    if (larger == *capacity)
        return items;
    void *moved = realloc(items, larger * size);
    if (moved != NULL)
        *capacity = larger;
    return moved;
}

/* Room for `n` more bytes and one more word. */
static bool has_room(struct mxt_batch *batch, struct words *words, size_t n)
{
    char *bytes = batch->has_failed ? NULL : grown(batch->bytes, &batch->capacity, batch->length + n, FIRST_BYTES, 1);
    if (bytes != NULL) {
        batch->bytes = bytes;
        struct word *items = grown(words->items, &words->capacity, words->count + 1, FIRST_WORDS, sizeof *items);
        if (items != NULL) {
            words->items = items;
            return true;
        }
    }
    batch->has_failed = true;
    return false;
}

static void append(struct mxt_batch *batch, const char *text, size_t n)
{
    if (n > 0)
        memcpy(batch->bytes + batch->length, text, n);
    batch->length += n;
}

static void add_argument(struct mxt_batch *batch, const char *text, size_t n)
{
    if (!has_room(batch, &batch->arguments, n))
        return;
    batch->arguments.items[batch->arguments.count++] = (struct word){.at = batch->length, .n = n};
    append(batch, text, n);
}

static void add_number(struct mxt_batch *batch, uint64_t number)
{
    char text[NUMBER];
    size_t at = sizeof text;
    do {
        text[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    add_argument(batch, text + at, sizeof text - at);
}

/* A key of the partition: a fixed one, or `class`:`name`. */
static void add_key(struct mxt_batch *batch, const char *class, const char *name)
{
    size_t prefix = strlen(batch->prefix), begin = strlen(class), end = name == NULL ? 0 : strlen(name) + 1;
    if (!has_room(batch, &batch->keys, prefix + begin + end))
        return;
    batch->keys.items[batch->keys.count++] = (struct word){.at = batch->length, .n = prefix + begin + end};
    append(batch, batch->prefix, prefix);
    append(batch, class, begin);
    if (name != NULL) {
        append(batch, ":", 1);
        append(batch, name, end - 1);
    }
}

static void add_field(struct mxt_batch *batch, const struct mxt_field *field)
{
    add_argument(batch, field->name, strlen(field->name));
    add_argument(batch, field->value, field->n);
}

static void add_fields(struct mxt_batch *batch, const struct mxt_field *fields, size_t count)
{
    add_number(batch, count);
    for (size_t i = 0; i < count; i++)
        add_field(batch, &fields[i]);
}

/* Whether the last thing said was a put of this kind to this hash, which takes more fields. */
static bool goes_on(const struct mxt_batch *batch, enum mxt_batch_put how, const char *class, const char *name, size_t more)
{
    if (batch->has_failed || batch->put_count == 0 || batch->put_how != how || batch->put_count + more > FIELDS_MAX)
        return false;
    const struct word *key = &batch->keys.items[batch->keys.count - 1];
    const char *text = batch->bytes + key->at + strlen(batch->prefix);
    size_t begin = strlen(class), end = strlen(name);
    return key->n == strlen(batch->prefix) + begin + 1 + end && memcmp(text, class, begin) == 0 && memcmp(text + begin + 1, name, end) == 0;
}

/* Rewrites the number of fields, which has a fixed width. */
static void set_put_count(struct mxt_batch *batch, size_t count)
{
    batch->put_count = count;
    for (size_t i = COUNT_WIDTH; i > 0; i--, count /= 10)
        batch->bytes[batch->arguments.items[batch->put_count_at].at + i - 1] = (char)('0' + count % 10);
}

void mxt_batch_put(struct mxt_batch *batch, enum mxt_batch_put how, const char *class, const char *name, uint64_t life_ms, const struct mxt_field *fields,
                   size_t count)
{
    static const char *const operations[] = {[MXT_PUT] = MXT_SCRIPT_PUT, [MXT_PUT_ALERT] = MXT_SCRIPT_ALERT, [MXT_PUT_PRESENT] = MXT_SCRIPT_PRESENT_ONLY};
    if (!goes_on(batch, how, class, name, count)) {
        add_key(batch, class, name);
        add_argument(batch, operations[how], 1);
        add_number(batch, life_ms);
        batch->put_count = 0;
        batch->put_how = how;
        batch->put_count_at = batch->arguments.count;
        add_argument(batch, "0000", COUNT_WIDTH);
    }
    for (size_t i = 0; i < count; i++)
        add_field(batch, &fields[i]);
    if (!batch->has_failed)
        set_put_count(batch, batch->put_count + count);
}

void mxt_batch_delete_field(struct mxt_batch *batch, const char *class, const char *name, const char *field)
{
    add_key(batch, class, name);
    add_argument(batch, MXT_SCRIPT_FIELD, 1);
    add_argument(batch, field, strlen(field));
    batch->put_count = 0;
}

void mxt_batch_delete(struct mxt_batch *batch, const char *class, const char *name)
{
    add_key(batch, class, name);
    add_argument(batch, MXT_SCRIPT_DELETE, 1);
    batch->put_count = 0;
}

void mxt_batch_add(struct mxt_batch *batch, const char *name, struct mxt_stream_id id, uint64_t length, const struct mxt_field *fields, size_t count)
{
    char text[MXT_STREAM_ID_TEXT];
    mxt_stream_id_format(id, text);
    add_key(batch, name, NULL);
    add_argument(batch, MXT_SCRIPT_ADD, 1);
    add_number(batch, length);
    add_argument(batch, text, strlen(text));
    add_fields(batch, fields, count);
    batch->put_count = 0;
}

/* Room for all words of the command. */
static bool has_argv(struct mxt_batch *batch, size_t wanted)
{
    size_t capacity = batch->argv_capacity;
    const char **argv = grown(batch->argv, &capacity, wanted, FIRST_WORDS, sizeof *argv);
    if (argv == NULL)
        return false;
    batch->argv = argv;
    capacity = batch->argv_capacity;
    size_t *lengths = grown(batch->lengths, &capacity, wanted, FIRST_WORDS, sizeof *lengths);
    if (lengths == NULL)
        return false;
    batch->lengths = lengths;
    batch->argv_capacity = capacity;
    return true;
}

/* The words that stand before what has changed: fixed keys first, then terms, both by the script's order. */
static void add_head(struct mxt_batch *batch, const struct mxt_batch_terms *terms)
{
    static const char *const fixed[MXT_SCRIPT_KEYS] = {"lease", "cursor", "events", "alerts", "rejected", "alert_index"};
    for (size_t i = 0; i < MXT_SCRIPT_KEYS; i++)
        add_key(batch, fixed[i], NULL);
    add_argument(batch, terms->lease, strlen(terms->lease));
    add_number(batch, terms->lease_ms);
    add_argument(batch, terms->old_cursor, strlen(terms->old_cursor));
    add_argument(batch, terms->new_cursor, strlen(terms->new_cursor));
    add_argument(batch, terms->last_alert, strlen(terms->last_alert));
    add_argument(batch, terms->last_reject, strlen(terms->last_reject));
    add_number(batch, terms->alerts_kept);
    add_number(batch, terms->now_ms);
    add_argument(batch, batch->prefix, strlen(batch->prefix));
}

/* Copies words from `from` to `to` into the command. */
static void take_words(struct mxt_batch *batch, const struct words *words, size_t from, size_t to, size_t *argc)
{
    for (size_t i = from; i < to; i++, (*argc)++) {
        batch->argv[*argc] = batch->bytes + words->items[i].at;
        batch->lengths[*argc] = words->items[i].n;
    }
}

enum mxt_status mxt_batch_command(struct mxt_batch *batch, const char *sha, const struct mxt_batch_terms *terms, size_t *argc, const char *const **argv,
                                  const size_t **lengths)
{
    size_t keys = batch->keys.count, arguments = batch->arguments.count;
    add_head(batch, terms); /* at the end of the lists, where nothing has to move, and put first here */
    add_number(batch, batch->keys.count);
    if (batch->has_failed || !has_argv(batch, COMMAND_WORDS + batch->keys.count + batch->arguments.count))
        return MXT_ENOMEM;
    size_t last = batch->arguments.count - 1;
    *argc = 0;
    batch->argv[*argc] = "EVALSHA";
    batch->lengths[(*argc)++] = strlen("EVALSHA");
    batch->argv[*argc] = sha;
    batch->lengths[(*argc)++] = strlen(sha);
    take_words(batch, &batch->arguments, last, last + 1, argc);
    take_words(batch, &batch->keys, keys, batch->keys.count, argc);
    take_words(batch, &batch->keys, 0, keys, argc);
    take_words(batch, &batch->arguments, arguments, last, argc);
    take_words(batch, &batch->arguments, 0, arguments, argc);
    *argv = batch->argv;
    *lengths = batch->lengths;
    return MXT_OK;
}
