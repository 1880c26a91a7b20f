/* The alerts of all partitions in Redis, as `mxtap-collector alerts` needs them. */
#ifndef MXT_COLLECTOR_ALERTS_STORE_H
#define MXT_COLLECTOR_ALERTS_STORE_H

#include <hiredis/hiredis.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/link.h"
#include "collector/partition.h"
#include "decoders/status.h"

/* All functions: MXT_OK; MXT_EIO: a sentence is in `error` (MXT_LINK_ERROR bytes); MXT_ENOMEM. */
struct mxt_alerts_store {
    struct mxt_link *link;
    uint32_t partitions; /* as `meta` says; 0: nobody has written here yet */
};

/* The prefixes of keys: as many as are returned, from 0. */
uint32_t mxt_alerts_store_count(const struct mxt_alerts_store *store);
void mxt_alerts_store_key(const struct mxt_alerts_store *store, uint32_t i, const char *name, char out[MXT_PARTITION_KEY]);

/* Connects and reads how Redis is divided; changes nothing there. */
enum mxt_status mxt_alerts_store_open(struct mxt_alerts_store *store, const struct mxt_link_config *config, char *error) MXT_MUST_CHECK;

/* NULL members are accepted. */
void mxt_alerts_store_close(struct mxt_alerts_store *store);

/* Hands every alert's hash of every partition to `each`, which may keep it (mxt_reply_free is its own then) and answers whether it did. */
enum mxt_status mxt_alerts_store_each(struct mxt_alerts_store *store, bool (*each)(void *context, redisReply *fields), void *context, char *error) MXT_MUST_CHECK;

/* The hash of one alert, the caller's; *out NULL: there is none. *place: the partition. */
enum mxt_status mxt_alerts_store_find(struct mxt_alerts_store *store, const char *id, redisReply **out, uint32_t *place, char *error) MXT_MUST_CHECK;

/* Adds what a person does to the stream that the alert's collector works off. */
enum mxt_status mxt_alerts_store_command(struct mxt_alerts_store *store, uint32_t place, const char *command, const char *id, const char *by,
                                         char *error) MXT_MUST_CHECK;

#endif
