/* The table of connections from within: what its files share. Private to flow*.c. */
#ifndef MXT_SENSOR_FLOW_INT_H
#define MXT_SENSOR_FLOW_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sensor/flow.h"
#include "sensor/slab.h"

/* In this order; a flow never goes back. MXT_STATE_TALKING: mail, and both sides were seen. A flood from strangers has no answers and stays below. */
enum mxt_flow_state { MXT_STATE_HALF_OPEN, MXT_STATE_QUIET, MXT_STATE_ACTIVE, MXT_STATE_TALKING, MXT_STATE_CLOSED };
#define MXT_FLOW_STATES 5

struct mxt_flow_entry {
    struct mxt_flow_entry *chain; /* in its bucket */
    uint32_t hash;
    uint32_t memory;   /* as it is in the table's sum */
    struct mxt_flow flow;
    int64_t listed_us; /* when it took its place in its list */
    enum mxt_flow_state state;
    int64_t ticked_us; /* when a hole was last given up between packets; what is told later must not be earlier */
    struct mxt_flow_entry *older, *newer;
    struct mxt_flow_entry *due_older, *due_newer;
};

struct mxt_flow_bucket {
    struct mxt_flow_entry *first;
};

struct mxt_flow_list {
    struct mxt_flow_entry *oldest, *newest;
};

struct mxt_flow_table {
    int64_t clock_us, next_timers_us;
    uint64_t seed, port_factor;
    struct mxt_flow_bucket *buckets;
    struct mxt_slab entries; /* each with its TCP state behind it */
    size_t bucket_mask;
    struct mxt_passed *passed; /* NULL: no connection is foreign */
    struct mxt_newcomers *newcomers; /* NULL: every connection has a flow from its first segment on */
    struct mxt_tcp *unfolded;        /* a newcomer's, while it takes a segment */
    struct mxt_flow_list lists[MXT_FLOW_STATES];
    struct mxt_flow_list due;        /* flows with a hole to be given up, the next first */
    struct mxt_flow_entry *unrested[MXT_FLOW_STATES]; /* MXT_STATE_ACTIVE and MXT_STATE_TALKING: the oldest that was not put to rest */
    struct mxt_flow_entry *hand[MXT_FLOW_STATES];     /* where the search for early data goes on; NULL: at the oldest */
    struct mxt_flow_limits limits;
    struct mxt_tcp_limits tcp_limits;
    struct mxt_flow_handler handler;
    void *owner;
    struct mxt_flow_counters counters;
    struct mxt_port_set ports;
};

struct mxt_flow_arrival;

/* The sink's context. */
struct mxt_flow_call {
    struct mxt_flow_table *table;
    struct mxt_flow_entry *entry; /* NULL: it is a newcomer's */
    const struct mxt_flow_arrival *arrival; /* a newcomer's segment; flow_newcomers.c knows it */
    bool has_content, has_close;
    bool is_foreign; /* the newcomer is */
};

extern const struct mxt_tcp_sink mxt_flow_sink;

/* ---- flow_lists.c ---- */

/* Puts an entry that is in no list behind all others of its state. */
void mxt_flow_list_append(struct mxt_flow_table *table, struct mxt_flow_entry *entry, enum mxt_flow_state state);

/* Takes it out of its list. */
void mxt_flow_list_remove(struct mxt_flow_table *table, struct mxt_flow_entry *entry);

/* Keeps the list of holes in step with the connection, whose due time was `before`. A due time only ever moves to the latest of all. */
void mxt_flow_due_update(struct mxt_flow_table *table, struct mxt_flow_entry *entry, int64_t before);

/* Takes a flow with a hole out of the list of holes. */
void mxt_flow_due_remove(struct mxt_flow_table *table, struct mxt_flow_entry *entry);

/* Puts the flow where its state and its last packet want it. A closed flow stays, as it has only so long from its end; unless the end turns out to be none. */
void mxt_flow_place(struct mxt_flow_table *table, struct mxt_flow_entry *entry, enum mxt_flow_state state);

/* The state that a call to the connection leads to, `at_least` where it said nothing. */
enum mxt_flow_state mxt_flow_state_after(const struct mxt_flow_call *call, enum mxt_flow_state at_least);

/* ---- flow.c ---- */

/* Takes the entry out of its bucket. */
void mxt_flow_bucket_remove(struct mxt_flow_table *table, struct mxt_flow_entry *entry);

/* Ends a flow that turned out to be foreign. */
void mxt_flow_pass_over(struct mxt_flow_table *table, struct mxt_flow_entry *entry);

/* Whether the segment may open a connection: it has a SYN, or content. */
bool mxt_flow_is_opening(const struct mxt_segment *segment);

/* Whether a segment that belongs to no connection comes from the server. */
bool mxt_flow_is_from_server(const struct mxt_flow_table *table, const struct mxt_segment *segment);

/* A new flow, described by a segment that was sent in `direction`. NULL: there is no room, which was counted. */
struct mxt_flow_entry *mxt_flow_open(struct mxt_flow_table *table, uint32_t hash, const struct mxt_segment *segment, enum mxt_direction direction);

/* What follows when the call's flow has taken a segment. `due`: when it had a hole to give up before. */
void mxt_flow_taken(struct mxt_flow_call *call, const struct mxt_segment *segment, int64_t due);

/* ---- flow_newcomers.c ---- */

/* Whether the segment, which belongs to no flow, is a newcomer's: off the mail ports. */
bool mxt_flow_is_newcomers(const struct mxt_flow_table *table, const struct mxt_segment *segment);

/* Takes a segment of a newcomer. */
void mxt_flow_take_newcomer(struct mxt_flow_table *table, const struct mxt_segment *segment, uint64_t key);

/* What a newcomer says, or `n` missing bytes of it (`p` is NULL), which are always worth a flow: whether the call has one now that is to be told. */
bool mxt_flow_hear_newcomer(struct mxt_flow_call *call, enum mxt_direction direction, const uint8_t *p, uint64_t n);

/* ---- flow_ends.c ---- */

/* Brings the table's sum of memory up to date. */
void mxt_flow_account(struct mxt_flow_table *table, struct mxt_flow_entry *entry);

/* Ends a flow: what it held is delivered, its owner told, its memory given back. */
void mxt_flow_retire(struct mxt_flow_table *table, struct mxt_flow_entry *entry, enum mxt_flow_end why);

/* Ends the least worthy flow, if there is any. */
void mxt_flow_evict(struct mxt_flow_table *table);

/* Gives up what is due at the table's time. */
void mxt_flow_run_timers(struct mxt_flow_table *table);

/* Gives up what is least worthy until the limit on memory is kept. */
void mxt_flow_keep_within_memory(struct mxt_flow_table *table);

#endif
