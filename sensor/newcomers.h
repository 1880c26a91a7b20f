/*
 * Connections off the mail ports of which it is not known yet whether they are mail: most never are. A table of fixed size, 72 bytes each, that costs nothing but
 * two looks at memory a packet; no list, no timer. Each stays until a time of its own, then it counts as gone; where there is no room the one whose time comes
 * first makes it.
 *
 * A connection is known by 32 bits of its hash and by its place, some 46 bits in all. Hashes are seeded, so that nobody can aim at another's; should two meet,
 * sequence numbers still keep their words apart.
 */
#ifndef MXT_SENSOR_NEWCOMERS_H
#define MXT_SENSOR_NEWCOMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sensor/tcp_fold.h"

/* What a flow will want to know; its user's. In one cache line. */
struct mxt_newcomer {
    struct mxt_tcp_folded tcp;
    unsigned is_client_first : 1; /* of the two ends in the order of their ports and addresses, the client is the first */
    unsigned vlan_count : 2;      /* of its first frame, as what follows */
    unsigned outer_vlan : 12, inner_vlan : 12;
    int64_t start_us;
    const char *interface;
};

struct mxt_newcomers;

/* Room for about `capacity` connections (at least 1; rounded up). Memory is used as it fills. NULL: out of memory. Free with mxt_newcomers_free. */
struct mxt_newcomers *mxt_newcomers_new(size_t capacity);

/* NULL is accepted. */
void mxt_newcomers_free(struct mxt_newcomers *newcomers);

/* Begin to fetch what mxt_newcomers_find or mxt_newcomers_add will look at; in two steps, since the first finds what the second fetches. */
void mxt_newcomers_announce(const struct mxt_newcomers *newcomers, uint64_t hash);
void mxt_newcomers_expect(const struct mxt_newcomers *newcomers, uint64_t hash);

/* The connection, where its time has not come; else NULL. Valid until it is removed, or another is added. */
struct mxt_newcomer *mxt_newcomers_find(const struct mxt_newcomers *newcomers, uint64_t hash, int64_t now_us);

/* A place for a connection that is not there, its content undefined, until `until_us`. *is_forgotten: one whose time had not come was forgotten for it. */
struct mxt_newcomer *mxt_newcomers_add(struct mxt_newcomers *newcomers, uint64_t hash, int64_t now_us, int64_t until_us, bool *is_forgotten);

/* It stays until `until_us`. */
void mxt_newcomers_keep(struct mxt_newcomers *newcomers, const struct mxt_newcomer *newcomer, int64_t until_us);

/* It is gone. */
void mxt_newcomers_remove(struct mxt_newcomers *newcomers, const struct mxt_newcomer *newcomer);

#endif
