#include "sensor/flow_int.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "sensor/newcomers.h"
#include "sensor/passed.h"

#define BUCKETS_FIRST 1024u
#define CACHE_LINE    64u
#define TIME_MAX_US   (INT64_MAX / 4) /* a damaged capture may claim any time; sums with a timeout must not overflow */

/* ---- the stream's sink ---- */

static void on_data(void *context, enum mxt_direction direction, const uint8_t *p, size_t n, int64_t time_us)
{
    struct mxt_flow_call *call = context;
    if (call->entry == NULL && !mxt_flow_hear_newcomer(call, direction, p, n))
        return;
    call->has_content = true;
    call->table->handler.data(call->table->owner, &call->entry->flow, direction, p, n, time_us);
}

static void on_gap(void *context, enum mxt_direction direction, uint64_t missing, int64_t time_us)
{
    struct mxt_flow_call *call = context;
    if (call->entry == NULL && !mxt_flow_hear_newcomer(call, direction, NULL, missing))
        return;
    call->has_content = true;
    call->table->handler.gap(call->table->owner, &call->entry->flow, direction, missing, time_us);
}

static void on_close(void *context, enum mxt_direction direction, enum mxt_close how, int64_t time_us)
{
    struct mxt_flow_call *call = context;
    call->has_close = true;
    if (call->entry != NULL) /* a newcomer's close is known to its connection */
        call->table->handler.close(call->table->owner, &call->entry->flow, direction, how, time_us);
}

static void on_conflict(void *context, enum mxt_direction direction, uint64_t offset, int64_t time_us)
{
    struct mxt_flow_call *call = context;
    if (call->entry != NULL)
        call->table->handler.conflict(call->table->owner, &call->entry->flow, direction, offset, time_us);
}

const struct mxt_tcp_sink mxt_flow_sink = {.data = on_data, .gap = on_gap, .close = on_close, .conflict = on_conflict};

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

static struct mxt_flow_entry *find(const struct mxt_flow_table *table, uint32_t hash, const struct mxt_segment *segment, enum mxt_direction *direction)
{
    for (struct mxt_flow_entry *entry = table->buckets[hash & table->bucket_mask].first; entry != NULL; entry = entry->chain) {
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
    struct mxt_flow_bucket *buckets = calloc(count, sizeof *buckets);
    if (buckets == NULL)
        return;
    for (size_t i = 0; i <= table->bucket_mask; i++) {
        for (struct mxt_flow_entry *entry = table->buckets[i].first, *next; entry != NULL; entry = next) {
            next = entry->chain;
            entry->chain = buckets[entry->hash & (count - 1)].first;
            buckets[entry->hash & (count - 1)].first = entry;
        }
    }
    free(table->buckets);
    table->buckets = buckets;
    table->bucket_mask = count - 1;
}

void mxt_flow_bucket_remove(struct mxt_flow_table *table, struct mxt_flow_entry *entry)
{
    struct mxt_flow_entry **link = &table->buckets[entry->hash & table->bucket_mask].first;
    while (*link != entry)
        link = &(*link)->chain;
    *link = entry->chain;
}

/* ---- life of a flow ---- */

bool mxt_flow_is_from_server(const struct mxt_flow_table *table, const struct mxt_segment *segment)
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

bool mxt_flow_is_opening(const struct mxt_segment *segment)
{
    return (segment->flags & (MXT_SYN | MXT_FIN | MXT_RST)) == MXT_SYN ||
           ((segment->flags & (MXT_SYN | MXT_RST)) == 0 && segment->payload_length + segment->payload_missing > 0);
}

struct mxt_flow_entry *mxt_flow_open(struct mxt_flow_table *table, uint32_t hash, const struct mxt_segment *segment, enum mxt_direction direction)
{
    if (table->counters.active >= table->limits.flows)
        mxt_flow_evict(table);
    if (table->counters.active >= table->limits.flows)
        return NULL;
    struct mxt_flow_entry *entry = mxt_slab_take(&table->entries);
    if (entry == NULL) {
        table->counters.allocation_failures++;
        return NULL;
    }
    *entry = (struct mxt_flow_entry){.hash = hash};
    entry->flow.tcp = (struct mxt_tcp *)(entry + 1);
    mxt_tcp_init(entry->flow.tcp);
    describe(&entry->flow, segment, direction);
    if (table->counters.active > table->bucket_mask)
        grow_buckets(table);
    struct mxt_flow_bucket *bucket = &table->buckets[hash & table->bucket_mask];
    entry->chain = bucket->first;
    bucket->first = entry;
    mxt_flow_list_append(table, entry, MXT_STATE_HALF_OPEN);
    mxt_flow_account(table, entry);
    if (++table->counters.active > table->counters.peak)
        table->counters.peak = table->counters.active;
    return entry;
}

/* A new flow for a segment that has none; NULL where it says nothing, or there is no room. */
static struct mxt_flow_entry *open_flow(struct mxt_flow_table *table, uint32_t hash, const struct mxt_segment *segment, enum mxt_direction *direction)
{
    if (!mxt_flow_is_opening(segment))
        return NULL;
    *direction = mxt_flow_is_from_server(table, segment) ? MXT_TOCLIENT : MXT_TOSERVER;
    struct mxt_flow_entry *entry = mxt_flow_open(table, hash, segment, *direction);
    table->counters.opened += entry != NULL;
    return entry;
}

/* The end is certain: who waits for it need not wait until nothing is repeated any more. */
static void settle(struct mxt_flow_table *table, struct mxt_flow_entry *entry)
{
    entry->flow.is_settled = true;
    mxt_tcp_stop_content(entry->flow.tcp);
    if (table->handler.settled != NULL)
        table->handler.settled(table->owner, &entry->flow);
}

void mxt_flow_pass_over(struct mxt_flow_table *table, struct mxt_flow_entry *entry)
{
    if (table->passed != NULL)
        table->counters.passed_forgotten += mxt_passed_add(table->passed, hash_flow(table, &entry->flow));
    mxt_flow_retire(table, entry, MXT_FLOW_PASSED);
}

void mxt_flow_taken(struct mxt_flow_call *call, const struct mxt_segment *segment, int64_t due)
{
    struct mxt_flow_table *table = call->table;
    struct mxt_flow_entry *entry = call->entry;
    if (!entry->flow.is_settled && mxt_tcp_is_settled(entry->flow.tcp))
        settle(table, entry);
    mxt_flow_due_update(table, entry, due);
    mxt_flow_account(table, entry);
    if (entry->flow.standing == MXT_FLOW_FOREIGN)
        mxt_flow_pass_over(table, entry);
    else
        mxt_flow_place(table, entry, mxt_flow_state_after(call, (segment->flags & (MXT_SYN | MXT_RST)) == 0 ? MXT_STATE_QUIET : MXT_STATE_HALF_OPEN));
}

static void take(struct mxt_flow_table *table, struct mxt_flow_entry *entry, enum mxt_direction direction, const struct mxt_segment *segment)
{
    struct mxt_flow_call call = {.table = table, .entry = entry};
    int64_t due = mxt_tcp_due(entry->flow.tcp, &table->tcp_limits);
    entry->flow.last_us = table->clock_us;
    uint32_t dropped = mxt_tcp_counters(entry->flow.tcp)->bad_checksums_dropped;
    mxt_tcp_segment(entry->flow.tcp, direction, segment, &table->tcp_limits, &mxt_flow_sink, &call);
    if (table->handler.segment != NULL)
        table->handler.segment(table->owner, &entry->flow, direction, segment, mxt_tcp_counters(entry->flow.tcp)->bad_checksums_dropped != dropped);
    mxt_flow_taken(&call, segment, due);
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
    mxt_slab_init(&table->entries, sizeof(struct mxt_flow_entry) + mxt_tcp_size());
    table->buckets = calloc(BUCKETS_FIRST, sizeof *table->buckets);
    table->passed = limits->passed > 0 ? mxt_passed_new(limits->passed) : NULL;
    bool has_newcomers = limits->newcomers > 0 && limits->passed > 0 && handler->first_words != NULL && handler->segment == NULL;
    if (has_newcomers) {
        table->newcomers = mxt_newcomers_new(limits->newcomers);
        table->unfolded = malloc(mxt_tcp_size());
    }
    if (table->buckets == NULL || (limits->passed > 0 && table->passed == NULL) || (has_newcomers && (table->newcomers == NULL || table->unfolded == NULL))) {
        mxt_flow_table_free(table);
        return NULL;
    }
    return table;
}

void mxt_flow_table_free(struct mxt_flow_table *table)
{
    if (table == NULL)
        return;
    for (size_t i = 0; i < MXT_FLOW_STATES; i++) {
        for (struct mxt_flow_entry *entry = table->lists[i].oldest, *next; entry != NULL; entry = next) {
            next = entry->newer;
            mxt_tcp_clear(entry->flow.tcp);
            mxt_slab_give(&table->entries, entry);
        }
    }
    mxt_slab_free(&table->entries);
    mxt_passed_free(table->passed);
    mxt_newcomers_free(table->newcomers);
    free(table->unfolded);
    free(table->buckets);
    free(table);
}

uint64_t mxt_flow_table_announce(const struct mxt_flow_table *table, const struct mxt_segment *segment)
{
    uint64_t hash = hash_segment(table, segment);
    if (table->passed != NULL)
        mxt_passed_expect(table->passed, hash);
    if (table->newcomers != NULL)
        mxt_newcomers_announce(table->newcomers, hash);
    __builtin_prefetch(&table->buckets[hash & table->bucket_mask]);
    return hash;
}

void mxt_flow_table_expect(const struct mxt_flow_table *table, uint64_t key)
{
    if (table->passed != NULL && mxt_passed_is(table->passed, key))
        return;
    if (table->newcomers != NULL)
        mxt_newcomers_expect(table->newcomers, key);
    const char *entry = (const char *)table->buckets[key & table->bucket_mask].first;
    if (entry == NULL)
        return;
    for (size_t line = 0; line < sizeof(struct mxt_flow_entry) + mxt_tcp_size(); line += CACHE_LINE)
        __builtin_prefetch(entry + line, 1);
}

const struct mxt_session *mxt_flow_table_reader(const struct mxt_flow_table *table, const struct mxt_segment *segment, uint64_t key)
{
    const struct mxt_flow_entry *entry = segment->payload_length > 0 ? table->buckets[key & table->bucket_mask].first : NULL;
    return entry == NULL || !mxt_tcp_wants_content(entry->flow.tcp) ? NULL : entry->flow.session;
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
        mxt_flow_run_timers(table);
    if (is_passed_over(table, segment, key))
        return;
    struct mxt_segment late;
    if (segment->time_us != table->clock_us) {
        late = *segment;
        late.time_us = table->clock_us;
        segment = &late;
    }
    enum mxt_direction direction = MXT_TOSERVER;
    struct mxt_flow_entry *entry = find(table, (uint32_t)key, segment, &direction);
    if (entry != NULL && (segment->flags & (MXT_SYN | MXT_RST)) == MXT_SYN && mxt_tcp_is_reuse(entry->flow.tcp, direction, segment)) {
        mxt_flow_retire(table, entry, MXT_FLOW_REUSED);
        entry = NULL;
    }
    if (entry == NULL && mxt_flow_is_newcomers(table, segment)) {
        mxt_flow_take_newcomer(table, segment, key);
    } else if (entry == NULL) {
        entry = open_flow(table, (uint32_t)key, segment, &direction);
    }
    if (entry != NULL)
        take(table, entry, direction, segment);
    if (table->counters.memory > table->limits.memory)
        mxt_flow_keep_within_memory(table);
}

void mxt_flow_table_tick(struct mxt_flow_table *table, int64_t now_us)
{
    advance(table, now_us);
    mxt_flow_run_timers(table);
}

void mxt_flow_table_finish(struct mxt_flow_table *table)
{
    for (;;) {
        struct mxt_flow_entry *oldest = NULL;
        for (size_t i = 0; i < MXT_FLOW_STATES; i++) {
            struct mxt_flow_entry *entry = table->lists[i].oldest;
            if (entry != NULL && (oldest == NULL || entry->listed_us < oldest->listed_us))
                oldest = entry;
        }
        if (oldest == NULL)
            return;
        mxt_flow_retire(table, oldest, MXT_FLOW_CAPTURE_END);
    }
}

const struct mxt_flow_counters *mxt_flow_table_counters(const struct mxt_flow_table *table)
{
    return &table->counters;
}
