/* Replies as hiredis's reader parses them, each in an arena of its own: the answer to a large read is tens of thousands of objects, which come and go together. */
#include <stdlib.h>
#include <string.h>

#include "collector/link_int.h"

#define ELEMENTS_MAX (1 << 20) /* of one array: memory is asked for as many as the server claims */

/* A reply with all that hangs on it. */
struct whole {
    redisReply reply; /* first: it is known by this */
    struct mxt_arena arena;
    char text[]; /* where the reply is no more than a text */
};

static redisReply *new_whole(struct mxt_link *link, size_t text)
{
    struct whole *whole = malloc(sizeof *whole + text);
    if (whole == NULL)
        return NULL;
    memset(whole, 0, sizeof *whole);
    link->growing = &whole->arena;
    return &whole->reply;
}

/* An object in its place. `text` bytes more belong to it where it is a reply of its own. NULL: out of memory. */
static redisReply *new_object(const redisReadTask *task, int type, size_t text)
{
    struct mxt_link *link = task->privdata;
    redisReply *reply = task->parent == NULL ? new_whole(link, text) : mxt_arena_alloc(link->growing, sizeof *reply);
    if (reply == NULL)
        return NULL;
    reply->type = type;
    if (task->parent != NULL) {
        const redisReply *parent = task->parent->obj;
        parent->element[task->idx] = reply;
    }
    return reply;
}

static void *create_string(const redisReadTask *task, char *text, size_t n)
{
    const struct mxt_link *link = task->privdata;
    redisReply *reply = new_object(task, task->type, n + 1);
    if (reply == NULL)
        return NULL;
    if (task->parent == NULL) {
        reply->str = ((struct whole *)reply)->text;
        memcpy(reply->str, text, n);
        reply->str[n] = '\0';
    } else {
        reply->str = mxt_arena_copy(link->growing, text, n);
    }
    reply->len = n;
    return reply->str == NULL ? NULL : reply;
}

static void *create_array(const redisReadTask *task, int elements)
{
    const struct mxt_link *link = task->privdata;
    redisReply *reply = elements > ELEMENTS_MAX ? NULL : new_object(task, REDIS_REPLY_ARRAY, 0);
    if (reply == NULL || elements <= 0)
        return reply;
    reply->element = mxt_arena_alloc(link->growing, (size_t)elements * sizeof(redisReply *));
    reply->elements = (size_t)elements;
    return reply->element == NULL ? NULL : reply;
}

static void *create_integer(const redisReadTask *task, long long value)
{
    redisReply *reply = new_object(task, REDIS_REPLY_INTEGER, 0);
    if (reply != NULL)
        reply->integer = value;
    return reply;
}

static void *create_nil(const redisReadTask *task)
{
    return new_object(task, REDIS_REPLY_NIL, 0);
}

static void free_object(void *reply)
{
    mxt_reply_free(reply);
}

void mxt_reply_free(redisReply *reply)
{
    struct whole *whole = (struct whole *)reply;
    if (whole == NULL)
        return;
    mxt_arena_free(&whole->arena);
    free(whole);
}

enum mxt_status mxt_link_new_reader(struct mxt_link *link)
{
    if ((link->reader = redisReaderCreate()) == NULL)
        return mxt_link_break(link, "out of memory");
    link->functions = (redisReplyObjectFunctions){
        .createString = create_string, .createArray = create_array, .createInteger = create_integer, .createNil = create_nil, .freeObject = free_object};
    link->reader->fn = &link->functions;
    link->reader->privdata = link;
    return MXT_OK;
}
