/*
 * One partition's knowledge, in memory and in Redis: entries of the stream `events` are taken in order, what they mean is judged by the ledger, and what changes
 * is gathered into batches that Redis applies at once. Nothing is held that Redis does not know after the batch: dropped at any point and loaded anew, it goes
 * on as if nothing had happened.
 */
#ifndef MXT_COLLECTOR_KEEPER_H
#define MXT_COLLECTOR_KEEPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/batch.h"
#include "collector/link.h"
#include "collector/metrics.h"
#include "collector/options.h"
#include "collector/stream_id.h"

#define MXT_KEEPER_ERROR MXT_LINK_ERROR /* bytes that hold any sentence of it */

struct mxt_keeper_config {
    const struct mxt_collector_options *options; /* outlive the keeper */
    const char *prefix;                          /* of the partition's keys; likewise */
    const struct mxt_faults *faults;             /* what is found on the way is told here */
    struct mxt_histogram *latency;               /* gets the time from an entry's arrival to its alerts; NULL: nobody asks */
};

/* What it did since it was made. */
struct mxt_keeper_counters {
    uint64_t entries;  /* taken */
    uint64_t records;  /* sessions' records judged, */
    uint64_t skipped;  /* and those that were not newer than what was known */
    uint64_t rejected; /* entries that do not parse */
    uint64_t refused;  /* times that memory or a bound refused part of what records say, which is missing since */
    uint64_t alerts;   /* told, */
    uint64_t alerts_of[MXT_RULES]; /* and by rule */
};

struct mxt_keeper;

/* Knows nothing yet but the policies. NULL: out of memory, or the folder of policies cannot be read. */
struct mxt_keeper *mxt_keeper_new(const struct mxt_keeper_config *config);

/* NULL is accepted. */
void mxt_keeper_free(struct mxt_keeper *keeper);

/*
 * Loads what Redis holds, where `cursor` is the last entry that was applied. `renew` is called now and then, so that the lease does not run out meanwhile. MXT_OK;
 * MXT_EIO: told in `error`; MXT_ENOMEM. On failure the keeper is to be freed.
 */
enum mxt_status mxt_keeper_load(struct mxt_keeper *keeper, struct mxt_link *link, struct mxt_stream_id cursor, void (*renew)(void *context), void *context,
                                char *error) MXT_MUST_CHECK;

/*
 * Takes an entry of `events`: `fields` is the list of its names and values. What cannot be understood goes to `rejected` and stops nothing. MXT_OK; MXT_ENOMEM:
 * the keeper is to be freed.
 */
enum mxt_status mxt_keeper_take(struct mxt_keeper *keeper, struct mxt_stream_id id, const redisReply *fields) MXT_MUST_CHECK;

/* Tells every alert that changed since the load once more, behind the entry `id`. As mxt_keeper_take. */
enum mxt_status mxt_keeper_retell(struct mxt_keeper *keeper, struct mxt_stream_id id) MXT_MUST_CHECK;

/*
 * Puts all that changed since the last mxt_keeper_sent into a command (mxt_batch_command), valid until the next call of the keeper. The terms' lease and cursors are the
 * caller's, the rest is filled in here. MXT_OK; MXT_ENOMEM: the keeper is to be freed.
 */
enum mxt_status mxt_keeper_command(struct mxt_keeper *keeper, const char *sha, struct mxt_batch_terms *terms, size_t *argc, const char *const **argv,
                                   const size_t **lengths) MXT_MUST_CHECK;

/* The command is on its way: what it holds is known. */
void mxt_keeper_sent(struct mxt_keeper *keeper);

struct mxt_keeper_counters mxt_keeper_counters(const struct mxt_keeper *keeper);

#endif
