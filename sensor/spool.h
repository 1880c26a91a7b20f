/*
 * What waits on disk for Redis: a queue of records in files, first in first out, that survives the program's end, however it ends.
 *
 *     DIRECTORY/00000000000000000007.spool:  | length | checksum | record |  | length | checksum | record |  ...
 *
 * A record is in the queue from when its append returned MXT_OK until it is acknowledged. Files are removed when all they hold was acknowledged; whoever is killed
 * while a file is half acknowledged finds the whole file again (records are delivered at least once, in order). A tail that was not written whole, or what the disk
 * has spoilt, is recognised by the checksum, told and passed over.
 *
 * Durability: what was appended survives the end of the program at once; a power failure may take what came in the last second (fdatasync once a second, and when a
 * file is complete). One thread.
 */
#ifndef MXT_SENSOR_SPOOL_H
#define MXT_SENSOR_SPOOL_H

#include <stddef.h>
#include <stdint.h>

#include "decoders/status.h"
#include "rules/faults.h"

#define MXT_SPOOL_RECORD_MAX (16u << 20) /* bytes; the largest record is far below */

struct mxt_spool;

/* A place in the queue: behind a record. */
struct mxt_spool_place {
    uint64_t file, offset;
};

/*
 * Opens the spool in a folder, which is made where it is missing; no other process may have it open. `limit` bytes are the most it takes on disk. What is found
 * there comes first. `faults` is told of what is damaged. NULL: why was told.
 */
struct mxt_spool *mxt_spool_open(const char *directory, uint64_t limit, const struct mxt_faults *faults);

/* Closes it; what it holds stays on disk. NULL is accepted. */
void mxt_spool_close(struct mxt_spool *spool);

/* Appends one record, given in two parts. MXT_OK; nothing was appended: MXT_ELIMIT, it is full; MXT_EIO, the disk refuses, see mxt_spool_error; MXT_ENOMEM. */
enum mxt_status mxt_spool_append(struct mxt_spool *spool, const void *head, size_t head_n, const void *body, size_t body_n) MXT_MUST_CHECK;

/* The next record that was not read yet; valid until the next call of any function. MXT_OK; MXT_DONE: there is none; MXT_ENOMEM. */
enum mxt_status mxt_spool_next(struct mxt_spool *spool, const char **record, size_t *n, struct mxt_spool_place *place) MXT_MUST_CHECK;

/* The record that ends at `place`, and all before it, are needed no more. */
void mxt_spool_acknowledge(struct mxt_spool *spool, struct mxt_spool_place place);

/* What was read and not acknowledged is to be read again. */
void mxt_spool_rewind(struct mxt_spool *spool);

/* Hands what was appended to the disk itself, where a second has passed since the last time. */
void mxt_spool_sync(struct mxt_spool *spool);

/* What the disk said last, for messages. */
const char *mxt_spool_error(const struct mxt_spool *spool);

struct mxt_spool_counters {
    uint64_t records; /* not acknowledged */
    uint64_t unread;  /* of those, not read yet */
    uint64_t bytes;   /* on disk */
    uint64_t lost;    /* records that were damaged */
};
struct mxt_spool_counters mxt_spool_counters(const struct mxt_spool *spool);

#endif
