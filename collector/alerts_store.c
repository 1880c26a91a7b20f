#include "collector/alerts_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/ask.h"

#define WINDOW 256 /* hashes asked for at once */

uint32_t mxt_alerts_store_count(const struct mxt_alerts_store *store)
{
    return store->partitions > 1 ? store->partitions + 1 : store->partitions; /* where there are several, what concerns no server is one more */
}

void mxt_alerts_store_key(const struct mxt_alerts_store *store, uint32_t i, const char *name, char out[MXT_PARTITION_KEY])
{
    mxt_partition_key(i == store->partitions ? MXT_PARTITION_CONTROL : i, store->partitions, name, out);
}

enum mxt_status mxt_alerts_store_open(struct mxt_alerts_store *store, const struct mxt_link_config *config, char *error)
{
    char *text = NULL;
    *store = (struct mxt_alerts_store){.link = mxt_link_new(config, error)};
    if (store->link == NULL)
        return MXT_EIO;
    if (mxt_link_connect(store->link) != MXT_OK) {
        snprintf(error, MXT_LINK_ERROR, "%s", mxt_link_error(store->link));
        return MXT_EIO;
    }
    enum mxt_status status = mxt_ask_text(store->link, error, 3, (const char *const[]){"HGET", MXT_PARTITION_META, "partitions"}, &text);
    unsigned long partitions = text == NULL ? 0 : strtoul(text, NULL, 10);
    if (status == MXT_OK && text != NULL && (partitions == 0 || partitions > MXT_PARTITIONS_MAX)) {
        snprintf(error, MXT_LINK_ERROR, "%.120s: " MXT_PARTITION_META " says no number of partitions from 1 to %u", mxt_link_name(store->link), MXT_PARTITIONS_MAX);
        status = MXT_EIO;
    }
    store->partitions = status == MXT_OK ? (uint32_t)partitions : 0;
    free(text);
    return status;
}

void mxt_alerts_store_close(struct mxt_alerts_store *store)
{
    mxt_link_free(store->link);
    *store = (struct mxt_alerts_store){0};
}

/* Sends HGETALL for the ids from `from` on; how many. */
static size_t ask_some(struct mxt_alerts_store *store, uint32_t place, const redisReply *ids, size_t from)
{
    size_t n = 0;
    for (; n < WINDOW && from + n < ids->elements; n++) {
        char name[40], key[MXT_PARTITION_KEY];
        snprintf(name, sizeof name, "alert:%.20s", mxt_reply_is_text(ids->element[from + n], NULL) ? ids->element[from + n]->str : "");
        mxt_alerts_store_key(store, place, name, key);
        if (mxt_link_append(store->link, 2, (const char *const[]){"HGETALL", key}, NULL) != MXT_OK)
            break;
    }
    return n;
}

/* Takes `n` answers. */
static enum mxt_status take_some(struct mxt_alerts_store *store, size_t n, bool (*each)(void *context, redisReply *fields), void *context, char *error)
{
    while (n > 0) {
        redisReply *reply = mxt_link_reply(store->link);
        if (reply == NULL) {
            if (mxt_link_pump(store->link, 1000, -1) == MXT_OK)
                continue;
            snprintf(error, MXT_LINK_ERROR, "%s", mxt_link_error(store->link));
            return MXT_EIO;
        }
        n--;
        bool is_alert = reply->type == REDIS_REPLY_ARRAY && reply->elements > 0; /* one that expired meanwhile is empty */
        bool is_refused = reply->type == REDIS_REPLY_ERROR;
        if (is_refused)
            mxt_link_explain(store->link, reply, error);
        if (!is_alert || !each(context, reply))
            mxt_reply_free(reply);
        if (is_refused)
            return MXT_EIO;
    }
    return MXT_OK;
}

enum mxt_status mxt_alerts_store_each(struct mxt_alerts_store *store, bool (*each)(void *context, redisReply *fields), void *context, char *error)
{
    enum mxt_status status = MXT_OK;
    for (uint32_t i = 0; i < mxt_alerts_store_count(store) && status == MXT_OK; i++) {
        char key[MXT_PARTITION_KEY];
        mxt_alerts_store_key(store, i, "alert_index", key);
        redisReply *ids = mxt_ask(store->link, error, 4, (const char *const[]){"ZRANGE", key, "0", "-1"});
        if (ids == NULL)
            return MXT_EIO;
        for (size_t from = 0, n; status == MXT_OK && ids->type == REDIS_REPLY_ARRAY && from < ids->elements; from += n) {
            n = ask_some(store, i, ids, from);
            status = n == 0 ? MXT_ENOMEM : take_some(store, n, each, context, error);
        }
        mxt_reply_free(ids);
    }
    return status;
}

enum mxt_status mxt_alerts_store_find(struct mxt_alerts_store *store, const char *id, redisReply **out, uint32_t *place, char *error)
{
    *out = NULL;
    for (uint32_t i = 0; i < mxt_alerts_store_count(store) && *out == NULL; i++) {
        char name[40], key[MXT_PARTITION_KEY];
        snprintf(name, sizeof name, "alert:%.20s", id);
        mxt_alerts_store_key(store, i, name, key);
        redisReply *reply = mxt_ask(store->link, error, 2, (const char *const[]){"HGETALL", key});
        if (reply == NULL)
            return MXT_EIO;
        *place = i;
        if (reply->type == REDIS_REPLY_ARRAY && reply->elements > 0)
            *out = reply;
        else
            mxt_reply_free(reply);
    }
    return MXT_OK;
}

enum mxt_status mxt_alerts_store_command(struct mxt_alerts_store *store, uint32_t place, const char *command, const char *id, const char *by, char *error)
{
    char key[MXT_PARTITION_KEY];
    mxt_alerts_store_key(store, place, "events", key);
    redisReply *reply =
        mxt_ask(store->link, error, 11, (const char *const[]){"XADD", key, "*", "type", "command", "command", command, "alert", id, "by", by});
    mxt_reply_free(reply);
    return reply == NULL ? MXT_EIO : MXT_OK;
}
