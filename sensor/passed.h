/*
 * Connections that are passed over: a set of 64-bit hashes, eight bytes each, of fixed size. Where it is full the connection that was quiet longest among a few is
 * forgotten; should it still live, it is looked at once more. Hashes are seeded, so that nobody can have another connection passed over by aiming at its hash.
 */
#ifndef MXT_SENSOR_PASSED_H
#define MXT_SENSOR_PASSED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mxt_passed;

/* A set of about `capacity` connections (at least 1; rounded up). Memory is used as it fills. NULL: out of memory. Free with mxt_passed_free. */
struct mxt_passed *mxt_passed_new(size_t capacity);

/* NULL is accepted. */
void mxt_passed_free(struct mxt_passed *passed);

/* Begins to fetch what mxt_passed_has will look at. */
void mxt_passed_expect(const struct mxt_passed *passed, uint64_t hash);

/* Whether the connection is passed over; it goes on being as old as it was. */
bool mxt_passed_is(const struct mxt_passed *passed, uint64_t hash);

/* Whether the connection is passed over. One that is was just heard of. */
bool mxt_passed_has(struct mxt_passed *passed, uint64_t hash);

/* Adds a connection. True: another one was forgotten for it. */
bool mxt_passed_add(struct mxt_passed *passed, uint64_t hash);

/* Takes it out, if it is there: its ports are used anew. */
void mxt_passed_remove(struct mxt_passed *passed, uint64_t hash);

#endif
