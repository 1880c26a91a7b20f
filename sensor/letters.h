/* Letters of the publisher in lists, and as bytes in the spool. */
#ifndef MXT_SENSOR_LETTERS_H
#define MXT_SENSOR_LETTERS_H

#include <stdbool.h>

#include "sensor/outbox.h"
#include "sensor/spool.h"

/* One record on its way; owns its text. */
struct mxt_letter {
    struct mxt_letter *next;
    bool is_spooled; /* it lives in the spool as well, up to `place` */
    struct mxt_spool_place place;
    int64_t arrived_us; /* 0: not of this run */
    uint32_t type;      /* of the parcel */
    uint64_t session_id;
    struct mxt_address server;
    size_t n;
    char json[];
};

/* First in, first out. Zeroed is empty. */
struct mxt_letters {
    struct mxt_letter *first, *last;
    size_t count, bytes;
};

void mxt_letters_push(struct mxt_letters *list, struct mxt_letter *letter);

/* The first, owned by the caller; NULL: empty. */
struct mxt_letter *mxt_letters_pop(struct mxt_letters *list);

/* Puts all of `front` before those of `list`; `front` is empty then. */
void mxt_letters_prepend(struct mxt_letters *list, struct mxt_letters *front);

void mxt_letters_clear(struct mxt_letters *list);

/* A copy of a parcel. NULL: out of memory. */
struct mxt_letter *mxt_letter_of(const struct mxt_parcel *parcel);

/* As mxt_spool_append. */
enum mxt_status mxt_letter_spool(const struct mxt_letter *letter, struct mxt_spool *spool) MXT_MUST_CHECK;
enum mxt_status mxt_parcel_spool(const struct mxt_parcel *parcel, struct mxt_spool *spool) MXT_MUST_CHECK;

/* The spool's next. MXT_OK; MXT_DONE: there is none; MXT_ENOMEM: the spool is to be rewound. */
enum mxt_status mxt_letter_unspool(struct mxt_spool *spool, struct mxt_letter **out) MXT_MUST_CHECK;

#endif
