#include "sensor/flow.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "sensor/passed.h"
#include "sensor/slab.h"

#define BUCKETS_FIRST  1024u
#define CACHE_LINE     64u
#define TIMER_GRAIN_US 10000           /* of capture time between two looks at what is due */
#define LIST_GRAIN_US  100000          /* a flow moves in its list at most so often; what is listed may be that much younger than its place says */
#define TIME_MAX_US    (INT64_MAX / 4) /* a damaged capture may claim any time; sums with a timeout must not overflow */

#define RELIEF_STEPS   256             /* flows looked at for early data before one is evicted instead */

/* In this order; a flow never goes back. TALKING: mail, and both sides were seen. A flood from strangers has no answers and stays below. */
enum state { HALF_OPEN, QUIET, ACTIVE, TALKING, CLOSED };
#define STATES 5
static const enum state eviction_order[STATES] = {HALF_OPEN, CLOSED, QUIET, ACTIVE, TALKING};

struct entry {
    struct entry *chain; /* in its bucket */
    uint32_t hash;
    uint32_t memory;   /* as it is in the table's sum */
    struct mxt_flow flow;
    int64_t listed_us; /* when it took its place in its list */
    enum state state;
    int64_t ticked_us; /* when a hole was last given up between packets; what is told later must not be earlier */
    struct entry *older, *newer;
    struct entry *due_older, *due_newer;
};

struct bucket {
    struct entry *first;
};

struct list {
    struct entry *oldest, *newest;
};

struct mxt_flow_table {
    int64_t clock_us, next_timers_us;
    uint64_t seed, port_factor;
    struct bucket *buckets;
    struct mxt_slab entries; /* each with its TCP state behind it */
    size_t bucket_mask;
    struct mxt_passed *passed; /* NULL: no connection is foreign */
    struct list lists[STATES];
    struct list due;        /* flows with a hole to be given up, the next first */
    struct entry *unrested[STATES]; /* ACTIVE and TALKING: the oldest that was not put to rest */
    struct entry *hand[STATES];     /* where the search for early data goes on; NULL: at the oldest */
    struct mxt_flow_limits limits;
    struct mxt_tcp_limits tcp_limits;
    struct mxt_flow_handler handler;
    void *owner;
    struct mxt_flow_counters counters;
    struct mxt_port_set ports;
};

/* The sink's context. */
struct call {
    struct mxt_flow_table *table;
    struct entry *entry;
    bool has_content, has_close;
};

/* ---- the stream's sink ---- */

static void on_data(void *context, enum mxt_direction direction, const uint8_t *p, size_t n, int64_t time_us)
{
    struct call *call = context;
    call->has_content = true;
    call->table->handler.data(call->table->owner, &call->entry->flow, direction, p, n, time_us);
}

static void on_gap(void *context, enum mxt_direction direction, uint64_t missing, int64_t time_us)
{
    struct call *call = context;
    call->has_content = true;
    call->table->handler.gap(call->table->owner, &call->entry->flow, direction, missing, time_us);
}

static void on_close(void *context, enum mxt_direction direction, enum mxt_close how, int64_t time_us)
{
    struct call *call = context;
    call->has_close = true;
    call->table->handler.close(call->table->owner, &call->entry->flow, direction, how, time_us);
}

static void on_conflict(void *context, enum mxt_direction direction, uint64_t offset, int64_t time_us)
{
    struct call *call = context;
    call->table->handler.conflict(call->table->owner, &call->entry->flow, direction, offset, time_us);
}

static const struct mxt_tcp_sink stream_sink = {.data = on_data, .gap = on_gap, .close = on_close, .conflict = on_conflict};

/* ---- lists ---- */

static void list_append(struct mxt_flow_table *table, struct entry *entry, enum state state)
{
    struct list *list = &table->lists[state];
    entry->state = state;
    entry->listed_us = table->clock_us;
    entry->older = list->newest;
    entry->newer = NULL;
    if (list->newest != NULL)
        list->newest->newer = entry;
    else
        list->oldest = entry;
    list->newest = entry;
    if (table->unrested[state] == NULL)
        table->unrested[state] = entry;
}

static void list_remove(struct mxt_flow_table *table, struct entry *entry)
{
    struct list *list = &table->lists[entry->state];
    if (table->unrested[entry->state] == entry)
        table->unrested[entry->state] = entry->newer;
    if (table->hand[entry->state] == entry)
        table->hand[entry->state] = entry->newer;
    if (entry->older != NULL)
        entry->older->newer = entry->newer;
    else
        list->oldest = entry->newer;
    if (entry->newer != NULL)
        entry->newer->older = entry->older;
    else
        list->newest = entry->older;
}

static void due_append(struct mxt_flow_table *table, struct entry *entry)
{
    entry->due_older = table->due.newest;
    entry->due_newer = NULL;
    if (table->due.newest != NULL)
        table->due.newest->due_newer = entry;
    else
        table->due.oldest = entry;
    table->due.newest = entry;
}

static void due_remove(struct mxt_flow_table *table, struct entry *entry)
{
    if (entry->due_older != NULL)
        entry->due_older->due_newer = entry->due_newer;
    else
        table->due.oldest = entry->due_newer;
    if (entry->due_newer != NULL)
        entry->due_newer->due_older = entry->due_older;
    else
        table->due.newest = entry->due_older;
}

/* Keeps the list of holes in step with the connection, whose due time was `before`. A due time only ever moves to the latest of all. */
static void due_update(struct mxt_flow_table *table, struct entry *entry, int64_t before)
{
    int64_t now = mxt_tcp_due(entry->flow.tcp, &table->tcp_limits);
    if (now == before)
        return;
    if (before != INT64_MAX)
        due_remove(table, entry);
    if (now != INT64_MAX)
        due_append(table, entry);
}

/* ---- the hash ---- */

/* One end's share. The factor is as secret as the seed: else a step of the port could be made up for in the address. */
static uint64_t hash_end(const struct mxt_flow_table *table, const struct mxt_address *address, uint16_t port)
{
    return XXH3_64bits_withSeed(address->bytes, sizeof address->bytes, table->seed + port * table->port_factor);
}

/* A sum, so that both directions of a connection have one hash. */
static uint64_t hash_segment(const struct mxt_flow_table *table, const struct mxt_segment *segment)
{
    return hash_end(table, &segment->src, segment->src_port) + hash_end(table, &segment->dst, segment->dst_port);
}

static uint64_t hash_flow(const struct mxt_flow_table *table, const struct mxt_flow *flow)
{
    return hash_end(table, &flow->client, flow->client_port) + hash_end(table, &flow->server, flow->server_port);
}

static bool is_same(const struct mxt_address *a, const struct mxt_address *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

static struct entry *find(const struct mxt_flow_table *table, uint32_t hash, const struct mxt_segment *segment, enum mxt_direction *direction)
{
    for (struct entry *entry = table->buckets[hash & table->bucket_mask].first; entry != NULL; entry = entry->chain) {
        const struct mxt_flow *flow = &entry->flow;
        if (entry->hash != hash)
            continue;
        if (flow->client_port == segment->src_port && flow->server_port == segment->dst_port && is_same(&flow->client, &segment->src) &&
            is_same(&flow->server, &segment->dst)) {
            *direction = MXT_TOSERVER;
            return entry;
        }
        if (flow->client_port == segment->dst_port && flow->server_port == segment->src_port && is_same(&flow->client, &segment->dst) &&
            is_same(&flow->server, &segment->src)) {
            *direction = MXT_TOCLIENT;
            return entry;
        }
    }
    return NULL;
}

/* Doubles the buckets when there are as many flows. Short of memory the chains just get longer. */
static void grow_buckets(struct mxt_flow_table *table)
{
    size_t count = (table->bucket_mask + 1) * 2;
    struct bucket *buckets = calloc(count, sizeof *buckets);
    if (buckets == NULL)
        return;
    for (size_t i = 0; i <= table->bucket_mask; i++) {
        for (struct entry *entry = table->buckets[i].first, *next; entry != NULL; entry = next) {
            next = entry->chain;
            entry->chain = buckets[entry->hash & (count - 1)].first;
            buckets[entry->hash & (count - 1)].first = entry;
        }
    }
    free(table->buckets);
    table->buckets = buckets;
    table->bucket_mask = count - 1;
}

static void bucket_remove(struct mxt_flow_table *table, struct entry *entry)
{
    struct entry **link = &table->buckets[entry->hash & table->bucket_mask].first;
    while (*link != entry)
        link = &(*link)->chain;
    *link = entry->chain;
}

/* ---- memory ---- */

static void account(struct mxt_flow_table *table, struct entry *entry)
{
    uint64_t now = table->entries.slot + mxt_tcp_memory(entry->flow.tcp) + entry->flow.held;
    if (now == entry->memory)
        return;
    table->counters.memory += now - entry->memory;
    if (table->counters.memory > table->counters.memory_peak)
        table->counters.memory_peak = table->counters.memory;
    entry->memory = (uint32_t)now;
}

/* ---- life of a flow ---- */

static void retire(struct mxt_flow_table *table, struct entry *entry, enum mxt_flow_end why)
{
    struct call call = {.table = table, .entry = entry};
    if (mxt_tcp_due(entry->flow.tcp, &table->tcp_limits) != INT64_MAX)
        due_remove(table, entry);
    int64_t last_us = entry->flow.last_us > entry->ticked_us ? entry->flow.last_us : entry->ticked_us;
    mxt_tcp_finish(entry->flow.tcp, last_us, &table->tcp_limits, &stream_sink, &call);
    if (why != MXT_FLOW_REUSED && mxt_tcp_is_closed(entry->flow.tcp))
        why = MXT_FLOW_CLOSED;
    table->handler.end(table->owner, &entry->flow, why);
    table->counters.ended[why]++;
    table->counters.active--;
    table->counters.memory -= entry->memory;
    list_remove(table, entry);
    bucket_remove(table, entry);
    mxt_tcp_clear(entry->flow.tcp);
    mxt_slab_give(&table->entries, entry);
}

static void evict(struct mxt_flow_table *table)
{
    for (size_t i = 0; i < STATES; i++) {
        struct entry *entry = table->lists[eviction_order[i]].oldest;
        if (entry != NULL) {
            retire(table, entry, MXT_FLOW_EVICTED);
            return;
        }
    }
}

/* Whether a segment that belongs to no flow comes from the server. */
static bool is_from_server(const struct mxt_flow_table *table, const struct mxt_segment *segment)
{
    if ((segment->flags & MXT_SYN) != 0)
        return (segment->flags & MXT_ACK) != 0;
    enum mxt_fact speech = MXT_UNKNOWN;
    if (table->handler.is_server_speech != NULL && segment->payload_length > 0)
        speech = table->handler.is_server_speech(segment->payload, segment->payload_length);
    if (speech != MXT_UNKNOWN)
        return speech == MXT_YES;
    bool is_src_mail = mxt_port_set_has(&table->ports, segment->src_port), is_dst_mail = mxt_port_set_has(&table->ports, segment->dst_port);
    return is_src_mail != is_dst_mail ? is_src_mail : segment->src_port < segment->dst_port;
}

static void describe(struct mxt_flow *flow, const struct mxt_segment *segment, enum mxt_direction direction)
{
    bool is_client = direction == MXT_TOSERVER;
    flow->client = is_client ? segment->src : segment->dst;
    flow->server = is_client ? segment->dst : segment->src;
    flow->client_port = is_client ? segment->src_port : segment->dst_port;
    flow->server_port = is_client ? segment->dst_port : segment->src_port;
    flow->vlan_count = segment->vlan_count & 3u;
    memcpy(flow->vlan, segment->vlan, sizeof flow->vlan);
    flow->is_orientation_certain = (segment->flags & MXT_SYN) != 0;
    flow->start_us = segment->time_us;
    flow->interface = segment->interface;
}

/* A new flow for a segment that has none; NULL where it says nothing, or there is no room. */
static struct entry *open_flow(struct mxt_flow_table *table, uint32_t hash, const struct mxt_segment *segment, enum mxt_direction *direction)
{
    bool is_syn = (segment->flags & (MXT_SYN | MXT_FIN | MXT_RST)) == MXT_SYN;
    bool is_content = (segment->flags & (MXT_SYN | MXT_RST)) == 0 && segment->payload_length + segment->payload_missing > 0;
    if (!is_syn && !is_content)
        return NULL;
    if (table->counters.active >= table->limits.flows)
        evict(table);
    if (table->counters.active >= table->limits.flows)
        return NULL;
    struct entry *entry = mxt_slab_take(&table->entries);
    if (entry == NULL) {
        table->counters.allocation_failures++;
        return NULL;
    }
    *entry = (struct entry){.hash = hash};
    entry->flow.tcp = (struct mxt_tcp *)(entry + 1);
    mxt_tcp_init(entry->flow.tcp);
    *direction = is_from_server(table, segment) ? MXT_TOCLIENT : MXT_TOSERVER;
    describe(&entry->flow, segment, *direction);
    if (table->counters.active > table->bucket_mask)
        grow_buckets(table);
    struct bucket *bucket = &table->buckets[hash & table->bucket_mask];
    entry->chain = bucket->first;
    bucket->first = entry;
    list_append(table, entry, HALF_OPEN);
    account(table, entry);
    table->counters.opened++;
    if (++table->counters.active > table->counters.peak)
        table->counters.peak = table->counters.active;
    return entry;
}

/* Puts the flow where its state and its last packet want it. A closed flow stays, as it has only so long from its end; unless the end turns out to be none. */
static void place(struct mxt_flow_table *table, struct entry *entry, enum state state)
{
    if (entry->state == CLOSED && mxt_tcp_is_closed(entry->flow.tcp))
        return;
    if (entry->state != CLOSED && state <= entry->state) {
        if (table->clock_us - entry->listed_us < LIST_GRAIN_US)
            return;
        state = entry->state;
    }
    list_remove(table, entry);
    list_append(table, entry, state);
}

static enum state state_after(const struct call *call, enum state at_least)
{
    if (call->has_close && mxt_tcp_is_closed(call->entry->flow.tcp))
        return CLOSED;
    if (!call->has_content)
        return at_least;
    const struct mxt_flow *flow = &call->entry->flow;
    const struct mxt_tcp_counters *counters = mxt_tcp_counters(flow->tcp);
    return flow->standing == MXT_FLOW_MAIL && counters->packets_toserver > 0 && counters->packets_toclient > 0 ? TALKING : ACTIVE;
}

/* Ends a flow that turned out to be foreign. */
static void pass_over(struct mxt_flow_table *table, struct entry *entry)
{
    if (table->passed != NULL)
        table->counters.passed_forgotten += mxt_passed_add(table->passed, hash_flow(table, &entry->flow));
    retire(table, entry, MXT_FLOW_PASSED);
}

static void take(struct mxt_flow_table *table, struct entry *entry, enum mxt_direction direction, const struct mxt_segment *segment)
{
    struct call call = {.table = table, .entry = entry};
    int64_t due = mxt_tcp_due(entry->flow.tcp, &table->tcp_limits);
    entry->flow.last_us = table->clock_us;
    uint32_t dropped = mxt_tcp_counters(entry->flow.tcp)->bad_checksums_dropped;
    mxt_tcp_segment(entry->flow.tcp, direction, segment, &table->tcp_limits, &stream_sink, &call);
    if (table->handler.segment != NULL)
        table->handler.segment(table->owner, &entry->flow, direction, segment, mxt_tcp_counters(entry->flow.tcp)->bad_checksums_dropped != dropped);
    due_update(table, entry, due);
    account(table, entry);
    if (entry->flow.standing == MXT_FLOW_FOREIGN)
        pass_over(table, entry);
    else
        place(table, entry, state_after(&call, (segment->flags & (MXT_SYN | MXT_RST)) == 0 ? QUIET : HALF_OPEN));
}

/* ---- time ---- */

static void give_up_due(struct mxt_flow_table *table)
{
    for (struct entry *entry = table->due.oldest; entry != NULL; entry = table->due.oldest) {
        int64_t due = mxt_tcp_due(entry->flow.tcp, &table->tcp_limits);
        if (due > table->clock_us)
            return;
        struct call call = {.table = table, .entry = entry};
        entry->ticked_us = table->clock_us;
        mxt_tcp_tick(entry->flow.tcp, table->clock_us, &table->tcp_limits, &stream_sink, &call);
        due_update(table, entry, due);
        if (entry->flow.standing == MXT_FLOW_FOREIGN) {
            pass_over(table, entry);
            continue;
        }
        account(table, entry);
        enum state state = state_after(&call, HALF_OPEN);
        if (state > entry->state)
            place(table, entry, state);
    }
}

static void rest_quiet(struct mxt_flow_table *table, enum state state)
{
    for (struct entry *entry = table->unrested[state]; entry != NULL; entry = table->unrested[state]) {
        if (table->clock_us - entry->flow.last_us < table->limits.rest_timeout_us)
            return;
        mxt_tcp_rest(entry->flow.tcp);
        account(table, entry);
        table->unrested[state] = entry->newer;
    }
}

static void expire(struct mxt_flow_table *table, enum state state, int64_t timeout_us, enum mxt_flow_end why)
{
    for (struct entry *entry = table->lists[state].oldest; entry != NULL; entry = table->lists[state].oldest) {
        int64_t since = state == CLOSED ? entry->listed_us : entry->flow.last_us;
        if (table->clock_us - since < timeout_us)
            return;
        retire(table, entry, why);
    }
}

/* Gives up the holes of the next flow that holds early data, in turn so that none is looked at twice before all others. False: a number of flows held none. */
static bool relieve_one(struct mxt_flow_table *table)
{
    for (enum state state = QUIET; state <= TALKING; state++) {
        for (size_t steps = 0; steps < RELIEF_STEPS; steps++) {
            struct entry *entry = table->hand[state] != NULL ? table->hand[state] : table->lists[state].oldest;
            if (entry == NULL)
                break;
            table->hand[state] = entry->newer;
            if (!mxt_tcp_has_held(entry->flow.tcp))
                continue;
            struct call call = {.table = table, .entry = entry};
            int64_t due = mxt_tcp_due(entry->flow.tcp, &table->tcp_limits);
            uint64_t before = table->counters.memory;
            entry->ticked_us = table->clock_us;
            mxt_tcp_finish(entry->flow.tcp, table->clock_us, &table->tcp_limits, &stream_sink, &call);
            due_update(table, entry, due);
            account(table, entry);
            table->counters.relieved++;
            if (entry->flow.standing == MXT_FLOW_FOREIGN)
                pass_over(table, entry);
            if (table->counters.memory < before)
                return true;
        }
    }
    return false;
}

/* Early data goes first: giving up a hole costs a gap, giving up a flow all of it. */
static void keep_within_memory(struct mxt_flow_table *table)
{
    while (table->counters.memory > table->limits.memory && table->counters.active > 0) {
        if (relieve_one(table))
            continue;
        table->counters.evicted_for_memory++;
        evict(table);
    }
}

static void run_timers(struct mxt_flow_table *table)
{
    table->next_timers_us = table->clock_us + TIMER_GRAIN_US;
    give_up_due(table);
    rest_quiet(table, ACTIVE);
    rest_quiet(table, TALKING);
    expire(table, HALF_OPEN, table->limits.half_open_timeout_us, MXT_FLOW_HALF_OPEN);
    expire(table, QUIET, table->limits.idle_timeout_us, MXT_FLOW_IDLE);
    expire(table, ACTIVE, table->limits.idle_timeout_us, MXT_FLOW_IDLE);
    expire(table, TALKING, table->limits.idle_timeout_us, MXT_FLOW_IDLE);
    expire(table, CLOSED, table->limits.closed_timeout_us, MXT_FLOW_CLOSED);
}

static void advance(struct mxt_flow_table *table, int64_t now_us)
{
    if (now_us > table->clock_us)
        table->clock_us = now_us < TIME_MAX_US ? now_us : TIME_MAX_US;
}

/* ---- the interface ---- */

struct mxt_flow_table *mxt_flow_table_new(const struct mxt_flow_limits *limits, const struct mxt_tcp_limits *tcp_limits, const struct mxt_port_set *ports,
                                          uint64_t seed, const struct mxt_flow_handler *handler, void *owner)
{
    struct mxt_flow_table *table = malloc(sizeof *table);
    if (table == NULL)
        return NULL;
    *table = (struct mxt_flow_table){.seed = seed,
                                     .port_factor = XXH3_64bits_withSeed("port", 4, seed) | 1,
                                     .bucket_mask = BUCKETS_FIRST - 1,
                                     .limits = *limits,
                                     .tcp_limits = *tcp_limits,
                                     .handler = *handler,
                                     .owner = owner,
                                     .ports = *ports};
    mxt_slab_init(&table->entries, sizeof(struct entry) + mxt_tcp_size());
    table->buckets = calloc(BUCKETS_FIRST, sizeof *table->buckets);
    table->passed = limits->passed > 0 ? mxt_passed_new(limits->passed) : NULL;
    if (table->buckets == NULL || (limits->passed > 0 && table->passed == NULL)) {
        mxt_flow_table_free(table);
        return NULL;
    }
    return table;
}

void mxt_flow_table_free(struct mxt_flow_table *table)
{
    if (table == NULL)
        return;
    for (size_t i = 0; i < STATES; i++) {
        for (struct entry *entry = table->lists[i].oldest, *next; entry != NULL; entry = next) {
            next = entry->newer;
            mxt_tcp_clear(entry->flow.tcp);
            mxt_slab_give(&table->entries, entry);
        }
    }
    mxt_slab_free(&table->entries);
    mxt_passed_free(table->passed);
    free(table->buckets);
    free(table);
}

uint64_t mxt_flow_table_announce(const struct mxt_flow_table *table, const struct mxt_segment *segment)
{
    uint64_t hash = hash_segment(table, segment);
    if (table->passed != NULL)
        mxt_passed_expect(table->passed, hash);
    __builtin_prefetch(&table->buckets[hash & table->bucket_mask]);
    return hash;
}

void mxt_flow_table_expect(const struct mxt_flow_table *table, uint64_t key)
{
    const char *entry = (const char *)table->buckets[key & table->bucket_mask].first;
    if (entry == NULL)
        return;
    for (size_t line = 0; line < sizeof(struct entry) + mxt_tcp_size(); line += CACHE_LINE)
        __builtin_prefetch(entry + line, 1);
}

const struct mxt_session *mxt_flow_table_session(const struct mxt_flow_table *table, uint64_t key)
{
    const struct entry *entry = table->buckets[key & table->bucket_mask].first;
    return entry == NULL ? NULL : entry->flow.session;
}

/* A SYN opens another connection. */
static bool is_passed_over(struct mxt_flow_table *table, const struct mxt_segment *segment, uint64_t key)
{
    if (table->passed == NULL || !mxt_passed_has(table->passed, key))
        return false;
    if ((segment->flags & (MXT_SYN | MXT_RST)) == MXT_SYN) {
        mxt_passed_remove(table->passed, key);
        return false;
    }
    table->counters.passed_segments++;
    return true;
}

void mxt_flow_table_segment(struct mxt_flow_table *table, const struct mxt_segment *segment)
{
    mxt_flow_table_take(table, segment, hash_segment(table, segment));
}

void mxt_flow_table_take(struct mxt_flow_table *table, const struct mxt_segment *segment, uint64_t key)
{
    advance(table, segment->time_us);
    if (table->clock_us >= table->next_timers_us)
        run_timers(table);
    if (is_passed_over(table, segment, key))
        return;
    struct mxt_segment late;
    if (segment->time_us != table->clock_us) {
        late = *segment;
        late.time_us = table->clock_us;
        segment = &late;
    }
    enum mxt_direction direction = MXT_TOSERVER;
    struct entry *entry = find(table, (uint32_t)key, segment, &direction);
    if (entry != NULL && (segment->flags & (MXT_SYN | MXT_RST)) == MXT_SYN && mxt_tcp_is_reuse(entry->flow.tcp, direction, segment)) {
        retire(table, entry, MXT_FLOW_REUSED);
        entry = NULL;
    }
    if (entry == NULL)
        entry = open_flow(table, (uint32_t)key, segment, &direction);
    if (entry != NULL)
        take(table, entry, direction, segment);
    if (table->counters.memory > table->limits.memory)
        keep_within_memory(table);
}

void mxt_flow_table_tick(struct mxt_flow_table *table, int64_t now_us)
{
    advance(table, now_us);
    run_timers(table);
}

void mxt_flow_table_finish(struct mxt_flow_table *table)
{
    for (;;) {
        struct entry *oldest = NULL;
        for (size_t i = 0; i < STATES; i++) {
            struct entry *entry = table->lists[i].oldest;
            if (entry != NULL && (oldest == NULL || entry->listed_us < oldest->listed_us))
                oldest = entry;
        }
        if (oldest == NULL)
            return;
        retire(table, oldest, MXT_FLOW_CAPTURE_END);
    }
}

const struct mxt_flow_counters *mxt_flow_table_counters(const struct mxt_flow_table *table)
{
    return &table->counters;
}
