#include "collector/ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

redisReply *mxt_ask(struct mxt_link *link, char *error, size_t argc, const char *const *argv)
{
    redisReply *reply = mxt_link_call(link, argc, argv, NULL);
    if (reply == NULL) {
        snprintf(error, MXT_LINK_ERROR, "%s", mxt_link_error(link));
        return NULL;
    }
    if (reply->type != REDIS_REPLY_ERROR)
        return reply;
    mxt_link_explain(link, reply, error);
    mxt_reply_free(reply);
    return NULL;
}

enum mxt_status mxt_ask_text(struct mxt_link *link, char *error, size_t argc, const char *const *argv, char **out)
{
    *out = NULL;
    redisReply *reply = mxt_ask(link, error, argc, argv);
    if (reply == NULL)
        return MXT_EIO;
    enum mxt_status status = MXT_OK;
    if (mxt_reply_is_text(reply, NULL)) {
        *out = strdup(reply->str);
        status = *out == NULL ? MXT_ENOMEM : MXT_OK;
    } else if (reply->type != REDIS_REPLY_NIL) {
        mxt_link_explain(link, reply, error);
        status = MXT_EIO;
    }
    mxt_reply_free(reply);
    return status;
}

const redisReply *mxt_reply_field(const redisReply *reply, const char *name)
{
    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY)
        return NULL;
    for (size_t i = 0; i + 1 < reply->elements; i += 2)
        if (mxt_reply_is_text(reply->element[i], name))
            return reply->element[i + 1];
    return NULL;
}

bool mxt_reply_is_text(const redisReply *reply, const char *text)
{
    if (reply == NULL || (reply->type != REDIS_REPLY_STRING && reply->type != REDIS_REPLY_STATUS))
        return false;
    return text == NULL || (reply->len == strlen(text) && memcmp(reply->str, text, reply->len) == 0);
}
