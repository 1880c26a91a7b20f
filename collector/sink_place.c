#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "collector/sink_int.h"

#define KEY 96 /* bytes of a sink's key */

bool mxt_sink_id_is_before(const char *a, const char *b)
{
    char *rest_a, *rest_b;
    uint64_t ms_a = strtoull(a, &rest_a, 10), ms_b = strtoull(b, &rest_b, 10);
    if (ms_a != ms_b)
        return ms_a < ms_b;
    return strtoull(rest_a + (*rest_a == '-'), NULL, 10) < strtoull(rest_b + (*rest_b == '-'), NULL, 10);
}

/* The reply, or NULL: broken, or Redis refused, which is told in `why`. */
static redisReply *ask(struct mxt_link *link, size_t argc, const char *const *argv, char *why)
{
    char error[MXT_LINK_ERROR];
    redisReply *reply = mxt_link_call(link, argc, argv, NULL);
    if (reply != NULL && reply->type != REDIS_REPLY_ERROR)
        return reply;
    if (reply == NULL)
        snprintf(error, sizeof error, "%s", mxt_link_error(link));
    else
        mxt_link_explain(link, reply, error);
    snprintf(why, MXT_SINK_WHY, "%s", error);
    mxt_reply_free(reply);
    return NULL;
}

static bool is_text(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_STRING;
}

enum mxt_status mxt_sink_place_load(struct mxt_sink_place *place, const char *name, struct mxt_link *link, char *why)
{
    char key[KEY];
    snprintf(key, sizeof key, "%ssink:%s", place->prefix, name);
    redisReply *reply = ask(link, 4, (const char *const[]){"HMGET", key, "cursor", "position"}, why);
    if (reply == NULL)
        return MXT_EIO;
    snprintf(place->id, sizeof place->id, "0-0");
    place->position = 0;
    place->is_loaded = true;
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 && is_text(reply->element[0]) && is_text(reply->element[1]) &&
        reply->element[0]->len < sizeof place->id) {
        snprintf(place->id, sizeof place->id, "%s", reply->element[0]->str);
        place->position = strtoull(reply->element[1]->str, NULL, 10);
    }
    mxt_reply_free(reply);
    return MXT_OK;
}

enum mxt_status mxt_sink_place_save(const struct mxt_sink_place *place, const char *name, struct mxt_link *link, char *why)
{
    char key[KEY], position[24];
    snprintf(key, sizeof key, "%ssink:%s", place->prefix, name);
    snprintf(position, sizeof position, "%" PRIu64, place->position);
    redisReply *reply = ask(link, 6, (const char *const[]){"HSET", key, "cursor", place->id, "position", position}, why);
    mxt_reply_free(reply);
    return reply == NULL ? MXT_EIO : MXT_OK;
}

/* What XINFO STREAM says. */
struct info {
    uint64_t length, added;
    const char *last_id;
};

static void read_info(const redisReply *reply, struct info *info)
{
    *info = (struct info){.last_id = "0-0"};
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i + 1 < reply->elements; i += 2) {
        const redisReply *name = reply->element[i], *value = reply->element[i + 1];
        if (name->type != REDIS_REPLY_STRING && name->type != REDIS_REPLY_STATUS)
            continue;
        if (strcmp(name->str, "length") == 0 && value->type == REDIS_REPLY_INTEGER)
            info->length = (uint64_t)value->integer;
        else if (strcmp(name->str, "entries-added") == 0 && value->type == REDIS_REPLY_INTEGER)
            info->added = (uint64_t)value->integer;
        else if (strcmp(name->str, "last-generated-id") == 0 && is_text(value))
            info->last_id = value->str;
    }
}

/*
 * Entries leave the stream at its front only, so the number that left is known, and the place as a number says which of them were read. At the end of the
 * stream the two must agree: whatever was trimmed between two looks comes to light there.
 */
static void compare(struct mxt_sink_place *place, const struct info *info, struct mxt_sink_look *look)
{
    uint64_t gone = info->added - info->length;
    bool is_new = place->position == 0 && strcmp(place->id, "0-0") == 0;
    if (mxt_sink_id_is_before(info->last_id, place->id) || place->position > info->added) {
        look->is_anew = true;
        snprintf(place->id, sizeof place->id, "0-0");
        is_new = true;
    }
    if (is_new)
        place->position = gone; /* what went before there was such a sink is not its loss */
    uint64_t least = strcmp(info->last_id, place->id) == 0 ? info->added : gone;
    if (place->position < least) {
        look->lost = least - place->position;
        place->position = least;
    }
    place->behind = info->added - place->position;
}

enum mxt_status mxt_sink_place_look(struct mxt_sink_place *place, struct mxt_link *link, struct mxt_sink_look *look, char *why)
{
    char key[KEY];
    struct info info = {.last_id = "0-0"};
    *look = (struct mxt_sink_look){0};
    snprintf(key, sizeof key, "%salerts", place->prefix);
    redisReply *reply = mxt_link_call(link, 3, (const char *const[]){"XINFO", "STREAM", key}, NULL);
    if (reply == NULL) {
        snprintf(why, MXT_SINK_WHY, "%s", mxt_link_error(link));
        return MXT_EIO;
    }
    bool is_none = reply->type == REDIS_REPLY_ERROR && strcasecmp(reply->str, "ERR no such key") == 0;
    if (reply->type == REDIS_REPLY_ERROR && !is_none) {
        char error[MXT_LINK_ERROR];
        mxt_link_explain(link, reply, error);
        snprintf(why, MXT_SINK_WHY, "%s", error);
        mxt_reply_free(reply);
        return MXT_EIO;
    }
    if (!is_none)
        read_info(reply, &info);
    compare(place, &info, look);
    mxt_reply_free(reply);
    return MXT_OK;
}
