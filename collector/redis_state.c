#include "collector/redis_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/ask.h"
#include "collector/partition.h"

#define POLICY_LINE "\r\nmaxmemory_policy:"
#define POLICY_OK   "noeviction"
#define NUMBER      16

/* What evicts would take away what the collector has learned, one key here, one there. */
static enum mxt_status check_eviction(struct mxt_link *link, char *error)
{
    char *info;
    enum mxt_status status = mxt_ask_text(link, error, 2, (const char *const[]){"INFO", "memory"}, &info);
    if (status != MXT_OK || info == NULL)
        return status == MXT_ENOMEM ? MXT_EIO : status;
    const char *policy = strstr(info, POLICY_LINE);
    if (policy != NULL && strncmp(policy + strlen(POLICY_LINE), POLICY_OK, strlen(POLICY_OK)) != 0) {
        policy += strlen(POLICY_LINE);
        snprintf(error, MXT_LINK_ERROR, "%.100s: its maxmemory-policy is %.*s, which deletes what is still needed: set it to " POLICY_OK, mxt_link_name(link),
                 (int)strcspn(policy, "\r\n"), policy);
        status = MXT_EUSAGE;
    }
    free(info);
    return status;
}

/* The version of the keys, set where there is none. */
static enum mxt_status check_schema(struct mxt_link *link, char *error)
{
    char ours[NUMBER], *text;
    snprintf(ours, sizeof ours, "%d", MXT_REDIS_SCHEMA);
    redisReply *reply = mxt_ask(link, error, 4, (const char *const[]){"HSETNX", MXT_PARTITION_META, "schema", ours});
    if (reply == NULL)
        return MXT_EIO;
    mxt_reply_free(reply);
    enum mxt_status status = mxt_ask_text(link, error, 3, (const char *const[]){"HGET", MXT_PARTITION_META, "schema"}, &text);
    if (status == MXT_OK && (text == NULL || strtol(text, NULL, 10) > MXT_REDIS_SCHEMA)) {
        snprintf(error, MXT_LINK_ERROR, "%.100s: " MXT_PARTITION_META " says that a newer mxtap has written here (schema %.20s, ours is %d): update this collector",
                 mxt_link_name(link), text == NULL ? "?" : text, MXT_REDIS_SCHEMA);
        status = MXT_EUSAGE;
    }
    free(text);
    return status == MXT_ENOMEM ? MXT_EIO : status;
}

enum mxt_status mxt_redis_check(struct mxt_link *link, uint32_t wanted, uint32_t *partitions, char *error)
{
    enum mxt_status status = check_eviction(link, error);
    if (status == MXT_OK)
        status = check_schema(link, error);
    if (status != MXT_OK)
        return status;
    status = mxt_partition_agree(link, wanted == 0 ? 1 : wanted, partitions, error);
    if (status == MXT_EIO)
        snprintf(error, MXT_LINK_ERROR, "%s", mxt_link_error(link));
    return status == MXT_OK ? MXT_OK : MXT_EIO;
}
