#include "collector/partition.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define FIELD "partitions"

uint32_t mxt_partition_of(const struct mxt_address *server, uint32_t partitions)
{
    return partitions <= 1 ? 0 : (uint32_t)(XXH64(server->bytes, sizeof server->bytes, 0) % partitions);
}

void mxt_partition_key(uint32_t partition, uint32_t partitions, const char *name, char out[MXT_PARTITION_KEY])
{
    if (partitions <= 1)
        snprintf(out, MXT_PARTITION_KEY, "mxtap:%s", name);
    else if (partition == MXT_PARTITION_CONTROL)
        snprintf(out, MXT_PARTITION_KEY, "mxtap:{control}:%s", name);
    else
        snprintf(out, MXT_PARTITION_KEY, "mxtap:{%u}:%s", partition, name);
}

/* What `meta` says. MXT_OK; MXT_MORE: nothing; else as mxt_partition_agree. */
static enum mxt_status read_meta(struct mxt_link *link, uint32_t *out, char *error)
{
    const char *const argv[] = {"HGET", MXT_PARTITION_META, FIELD};
    redisReply *reply = mxt_link_call(link, 3, argv, NULL);
    if (reply == NULL)
        return MXT_EIO;
    enum mxt_status status = MXT_OK;
    if (reply->type == REDIS_REPLY_STRING) {
        char *end;
        unsigned long count = strtoul(reply->str, &end, 10);
        if (*end != '\0' || count == 0 || count > MXT_PARTITIONS_MAX) {
            snprintf(error, MXT_LINK_ERROR, "%.120s: " MXT_PARTITION_META " says a number of partitions that is not 1 to %u: HSET it right, or use another database",
                     mxt_link_name(link), MXT_PARTITIONS_MAX);
            status = MXT_EMALFORMED;
        } else {
            *out = (uint32_t)count;
        }
    } else if (reply->type == REDIS_REPLY_NIL) {
        status = MXT_MORE;
    } else {
        mxt_link_explain(link, reply, error);
        status = MXT_EMALFORMED;
    }
    mxt_reply_free(reply);
    return status;
}

/* Fixes the number, unless somebody was faster. */
static enum mxt_status write_meta(struct mxt_link *link, uint32_t wanted, char *error)
{
    char text[12];
    const char *const argv[] = {"HSETNX", MXT_PARTITION_META, FIELD, text};
    snprintf(text, sizeof text, "%u", wanted);
    redisReply *reply = mxt_link_call(link, 4, argv, NULL);
    if (reply == NULL)
        return MXT_EIO;
    enum mxt_status status = reply->type == REDIS_REPLY_INTEGER ? MXT_OK : MXT_EMALFORMED;
    if (status != MXT_OK)
        mxt_link_explain(link, reply, error);
    mxt_reply_free(reply);
    return status;
}

enum mxt_status mxt_partition_agree(struct mxt_link *link, uint32_t wanted, uint32_t *out, char *error)
{
    enum mxt_status status = read_meta(link, out, error);
    if (status != MXT_MORE)
        return status;
    if ((status = write_meta(link, wanted, error)) != MXT_OK || (status = read_meta(link, out, error)) != MXT_MORE)
        return status;
    snprintf(error, MXT_LINK_ERROR, "%.120s: " MXT_PARTITION_META " does not keep what is written into it", mxt_link_name(link));
    return MXT_EMALFORMED;
}
