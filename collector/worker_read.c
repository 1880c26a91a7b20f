/* What a worker reads. */
#include <stdio.h>

#include "collector/ask.h"
#include "collector/worker_int.h"

#define READ_MAX   4000u       /* entries asked for at once, at most: the more of them, the more of what they change is written once for all of them, */
#define READ_BYTES (16u << 20) /* and about so many bytes */
#define BLOCK_MS   500u        /* how long a read waits for entries */
#define MOVE_EACH  16u         /* entries judged between two looks at the sockets */

bool mxt_worker_ask(struct mxt_worker *worker)
{
    char events[MXT_WORKER_KEY], from[MXT_STREAM_ID_TEXT], count[MXT_WORKER_NUMBER], block[MXT_WORKER_NUMBER];
    const bool is_once = worker->config.options->is_once;
    const char *argv[8] = {"XREAD", "COUNT", count};
    size_t argc = 3;
    mxt_worker_key(worker, "events", events);
    mxt_stream_id_format(worker->read, from);
    snprintf(count, sizeof count, "%zu", worker->read_count);
    snprintf(block, sizeof block, "%u", BLOCK_MS);
    if (!is_once) {
        argv[argc++] = "BLOCK";
        argv[argc++] = block;
    }
    argv[argc++] = "STREAMS";
    argv[argc++] = events;
    argv[argc++] = from;
    if (mxt_link_append(worker->reader, argc, argv, NULL) != MXT_OK || mxt_link_pump(worker->reader, 0, -1) != MXT_OK)
        return mxt_worker_break(worker, worker->reader);
    worker->is_asked = true;
    return true;
}

/* The entries in the answer to a read, or NULL: none. */
static const redisReply *entries_of(const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 1 || reply->element[0]->type != REDIS_REPLY_ARRAY || reply->element[0]->elements != 2 ||
        reply->element[0]->element[1]->type != REDIS_REPLY_ARRAY)
        return NULL;
    return reply->element[0]->element[1];
}

static bool read_entry_id(const redisReply *entry, struct mxt_stream_id *id)
{
    return entry->type == REDIS_REPLY_ARRAY && entry->elements == 2 && mxt_reply_is_text(entry->element[0], NULL) &&
           mxt_stream_id_parse(entry->element[0]->str, entry->element[0]->len, id);
}

static size_t bytes_of(const redisReply *entries)
{
    size_t bytes = 0;
    for (size_t i = 0; i < entries->elements; i++) {
        const redisReply *fields = entries->element[i]->elements == 2 ? entries->element[i]->element[1] : NULL;
        for (size_t k = 0; fields != NULL && k < fields->elements; k++)
            bytes += fields->element[k]->len;
    }
    return bytes;
}

/* How many entries the next read asks for: twice as many as long as they are small. */
static void adapt_count(struct mxt_worker *worker, const redisReply *entries)
{
    size_t bytes = bytes_of(entries);
    if (bytes > READ_BYTES)
        worker->read_count = worker->read_count > 1 ? worker->read_count / 2 : 1;
    else if (entries->elements == worker->read_count && bytes < READ_BYTES / 4)
        worker->read_count = worker->read_count * 2 < READ_MAX ? worker->read_count * 2 : READ_MAX;
}

/*
 * The answer to the next read and the last batch are far larger than what a socket holds: what has come and what can go is moved between two entries. Left for later,
 * Redis and this thread would wait for each other by turns.
 */
static bool move(struct mxt_worker *worker)
{
    return (mxt_link_pump(worker->reader, 0, -1) == MXT_OK || mxt_worker_break(worker, worker->reader)) && mxt_worker_pump(worker, 0);
}

/* Judges what was read, while Redis looks for more. */
static bool take_entries(struct mxt_worker *worker, const redisReply *entries)
{
    struct mxt_stream_id id;
    for (size_t i = 0; i < entries->elements; i++)
        if (!read_entry_id(entries->element[i], &id) || mxt_stream_id_compare(id, worker->read) <= 0)
            return mxt_worker_give_up(worker, MXT_WORKER_BROKEN, "the answer to XREAD is none");
        else
            worker->read = id;
    adapt_count(worker, entries);
    if (!mxt_worker_ask(worker))
        return false;
    for (size_t i = 0; i < entries->elements; i++) {
        if (read_entry_id(entries->element[i], &id) && mxt_keeper_take(worker->keeper, id, entries->element[i]->element[1]) != MXT_OK)
            return mxt_worker_give_up(worker, MXT_WORKER_BROKEN, "out of memory");
        if (i % MOVE_EACH == MOVE_EACH - 1 && (!move(worker) || !mxt_worker_keep_house(worker))) /* on a slow machine a batch can outlast the lease */
            return false;
    }
    return mxt_worker_send(worker);
}

bool mxt_worker_take(struct mxt_worker *worker, const redisReply *reply)
{
    char sentence[MXT_KEEPER_ERROR];
    const redisReply *entries = entries_of(reply);
    worker->is_asked = false;
    worker->is_drained = reply->type == REDIS_REPLY_NIL;
    if (worker->is_drained)
        return true;
    if (entries != NULL && entries->elements > 0)
        return take_entries(worker, entries);
    mxt_link_explain(worker->reader, reply, sentence);
    return mxt_worker_give_up(worker, MXT_WORKER_BROKEN, sentence);
}

