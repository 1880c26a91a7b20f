/* Ids of stream entries: milliseconds of Redis' clock, then a number. They order what happened. */
#ifndef MXT_COLLECTOR_STREAM_ID_H
#define MXT_COLLECTOR_STREAM_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MXT_STREAM_ID_TEXT 42 /* bytes of an id as text, NUL included */

struct mxt_stream_id {
    uint64_t ms, number;
};

/* Reads "MS-NUMBER". False: it is no id; *out is zeroed. */
bool mxt_stream_id_parse(const char *text, size_t n, struct mxt_stream_id *out);

/* Writes it into `text` of MXT_STREAM_ID_TEXT bytes. */
void mxt_stream_id_format(struct mxt_stream_id id, char *text);

/* Below, at or above zero as `a` comes before, is, or comes after `b`. */
int mxt_stream_id_compare(struct mxt_stream_id a, struct mxt_stream_id b);

/* The id right behind. */
struct mxt_stream_id mxt_stream_id_next(struct mxt_stream_id id);

/*
 * The id of the nth thing (from 0) that follows from the entry `id`: in the order of entries, then of n, and the same whenever the entry is read. Ids whose
 * parts are beyond what this can say (an entry's number past 48 bits, n past 16) give the greatest that it can.
 */
struct mxt_stream_id mxt_stream_id_derive(struct mxt_stream_id id, uint32_t n);

#endif
