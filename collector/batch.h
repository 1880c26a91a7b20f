/*
 * What one batch of entries changes in a partition, gathered for the one script that applies it (collector/script.h). Everything said here is absolute: applied
 * twice it changes nothing more.
 */
#ifndef MXT_COLLECTOR_BATCH_H
#define MXT_COLLECTOR_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/stream_id.h"
#include "decoders/status.h"

/* A field of a hash or of a stream's entry. */
struct mxt_field {
    const char *name;
    const char *value;
    size_t n;
};

struct mxt_batch;

/* An empty batch for the partition whose keys begin with `prefix` (copied). NULL: out of memory. */
struct mxt_batch *mxt_batch_new(const char *prefix);

/* NULL is accepted. */
void mxt_batch_free(struct mxt_batch *batch);

/* Empties it; its memory is kept. */
void mxt_batch_reset(struct mxt_batch *batch);

/* How a hash is written. */
enum mxt_batch_put {
    MXT_PUT,        /* the fields are set, whatever it held */
    MXT_PUT_ALERT,  /* likewise, and it is open if nobody said otherwise, and stands in the index of alerts */
    MXT_PUT_PRESENT /* only where it is there */
};

/*
 * The hash `class`:`name` gets fields, and lives `life_ms` from then on (0: as long as before). What is said is copied. Memory that is refused shows in
 * mxt_batch_has_failed. Puts of one hash in a row become one.
 */
void mxt_batch_put(struct mxt_batch *batch, enum mxt_batch_put how, const char *class, const char *name, uint64_t life_ms, const struct mxt_field *fields,
                   size_t count);

/* A field of the hash goes. */
void mxt_batch_delete_field(struct mxt_batch *batch, const char *class, const char *name, const char *field);

/* The hash goes. */
void mxt_batch_delete(struct mxt_batch *batch, const char *class, const char *name);

/* The stream `name` gets an entry, and keeps about `length` of them. Ids must rise, and lie behind the stream's last. */
void mxt_batch_add(struct mxt_batch *batch, const char *name, struct mxt_stream_id id, uint64_t length, const struct mxt_field *fields, size_t count);

/* Out of memory: it is not whole and must not be applied. */
bool mxt_batch_has_failed(const struct mxt_batch *batch);

/* What the script holds against Redis before it changes anything, and where the cursor goes. Texts are borrowed. */
struct mxt_batch_terms {
    const char *lease;       /* its value */
    uint64_t lease_ms;       /* it is renewed for */
    const char *old_cursor;  /* "" where there is none */
    const char *new_cursor;
    const char *last_alert;  /* the last id of `alerts`, and of `rejected`; "" where there is no such stream, "-" where nothing is added */
    const char *last_reject;
    uint64_t alerts_kept;    /* hashes of alerts, at most */
    uint64_t now_ms;         /* by Redis' clock: orders the alerts */
};

/*
 * The command that applies it: EVALSHA `sha`. *argv and *lengths are the batch's and valid until it is next changed. MXT_OK; MXT_ENOMEM.
 */
enum mxt_status mxt_batch_command(struct mxt_batch *batch, const char *sha, const struct mxt_batch_terms *terms, size_t *argc, const char *const **argv,
                                  const size_t **lengths) MXT_MUST_CHECK;

#endif
