/*
 * Connections off the mail ports until they say something that may be mail: folded (tcp_fold.h), in a table of their own (newcomers.h). A flow is opened for what
 * is worth one, and for what cannot be folded: then it is what it would be had it been there from the first segment on.
 */
#include "sensor/flow_int.h"

#include <string.h>

#include "sensor/newcomers.h"
#include "sensor/passed.h"
#include "sensor/tcp_fold.h"

bool mxt_flow_is_newcomers(const struct mxt_flow_table *table, const struct mxt_segment *segment)
{
    return table->newcomers != NULL && !mxt_port_set_has(&table->ports, segment->dst_port) && !mxt_port_set_has(&table->ports, segment->src_port);
}

/* Whether the sender is the first of the two ends, in an order that is the same whoever sends. */
static bool is_from_first(const struct mxt_segment *segment)
{
    if (segment->src_port != segment->dst_port)
        return segment->src_port < segment->dst_port;
    return memcmp(segment->src.bytes, segment->dst.bytes, sizeof segment->src.bytes) < 0;
}

static struct mxt_newcomer begin(const struct mxt_flow_table *table, const struct mxt_segment *segment)
{
    return (struct mxt_newcomer){.is_client_first = mxt_flow_is_from_server(table, segment) != is_from_first(segment),
                                 .vlan_count = segment->vlan_count & 3u,
                                 .outer_vlan = segment->vlan[0] & 0xfffu,
                                 .inner_vlan = segment->vlan[1] & 0xfffu,
                                 .start_us = segment->time_us,
                                 .interface = segment->interface};
}

/* How long it is remembered. One that nobody answers gives way to those that have an answer, so that a flood of SYNs moves only itself out. */
static int64_t timeout_of(const struct mxt_flow_limits *limits, const struct mxt_tcp_folded *tcp)
{
    if (mxt_tcp_folded_is_closed(tcp))
        return limits->closed_timeout_us;
    return tcp->half[MXT_TOSERVER].packets > 0 && tcp->half[MXT_TOCLIENT].packets > 0 ? limits->idle_timeout_us : limits->half_open_timeout_us;
}

/* A newcomer's segment on its way. */
struct mxt_flow_arrival {
    uint64_t key;
    struct mxt_newcomer *newcomer;
    struct mxt_newcomer *known; /* its place, where it has one already: then the newcomer itself */
    const struct mxt_segment *segment;
    enum mxt_direction direction; /* the segment's */
};

/* The newcomer goes on as one. What began without a SYN and has said nothing is looked at anew when it speaks. */
static void keep(struct mxt_flow_table *table, const struct mxt_flow_arrival *arrival)
{
    int64_t until_us = table->clock_us + timeout_of(&table->limits, &arrival->newcomer->tcp);
    if (arrival->known != NULL) {
        mxt_newcomers_keep(table->newcomers, arrival->known, until_us);
    } else if ((arrival->segment->flags & MXT_SYN) != 0) {
        bool is_forgotten;
        *mxt_newcomers_add(table->newcomers, arrival->key, table->clock_us, until_us, &is_forgotten) = *arrival->newcomer;
        table->counters.newcomers_forgotten += is_forgotten;
        table->counters.opened++;
    }
}

/* It is no newcomer any more. */
static void leave(struct mxt_flow_table *table, const struct mxt_flow_arrival *arrival)
{
    if (arrival->known != NULL)
        mxt_newcomers_remove(table->newcomers, arrival->known);
    else
        table->counters.opened++;
}

static void pass_over(struct mxt_flow_table *table, const struct mxt_flow_arrival *arrival)
{
    leave(table, arrival);
    table->counters.ended[MXT_FLOW_PASSED]++;
    table->counters.passed_forgotten += mxt_passed_add(table->passed, arrival->key);
}

/* ---- unfolded ---- */

/* Opens the call's flow, whose connection stays where it is until the segment is taken. `skipped`: bytes towards the server that nobody was given. */
static void promote(struct mxt_flow_call *call, uint64_t skipped)
{
    const struct mxt_flow_arrival *arrival = call->arrival;
    const struct mxt_newcomer *newcomer = arrival->newcomer;
    struct mxt_flow_table *table = call->table;
    call->entry = mxt_flow_open(table, (uint32_t)arrival->key, arrival->segment, arrival->direction);
    if (call->entry == NULL)
        return;
    call->has_close = mxt_tcp_is_closed(table->unfolded);
    struct mxt_flow *flow = &call->entry->flow;
    flow->is_orientation_certain = !mxt_tcp_is_midstream(table->unfolded);
    flow->vlan_count = newcomer->vlan_count;
    flow->vlan[0] = newcomer->outer_vlan;
    flow->vlan[1] = newcomer->inner_vlan;
    flow->skipped = skipped < UINT16_MAX ? (uint16_t)skipped : UINT16_MAX;
    flow->start_us = newcomer->start_us;
    flow->last_us = table->clock_us;
    flow->interface = newcomer->interface;
    flow->tcp = table->unfolded;
    mxt_tcp_want(flow->tcp);
}

bool mxt_flow_hear_newcomer(struct mxt_flow_call *call, enum mxt_direction direction, const uint8_t *p, uint64_t n)
{
    struct mxt_flow_table *table = call->table;
    struct mxt_tcp *tcp = table->unfolded;
    if (call->is_foreign)
        return false;
    uint64_t skipped = mxt_tcp_delivered(tcp, MXT_TOSERVER) - (direction == MXT_TOSERVER ? n : 0);
    if (p != NULL) {
        enum mxt_flow_standing standing = table->handler.first_words(direction, p, (size_t)n, skipped, mxt_tcp_is_midstream(tcp));
        call->is_foreign = standing == MXT_FLOW_FOREIGN;
        if (standing != MXT_FLOW_CANDIDATE)
            return false;
    }
    promote(call, skipped);
    if (call->entry != NULL && p != NULL)
        mxt_tcp_remember(tcp, direction, p, (size_t)n, &table->tcp_limits);
    return call->entry != NULL;
}

/* The newcomer has become a flow, which takes its connection over. */
static void hand_over(struct mxt_flow_call *call)
{
    struct mxt_flow_entry *entry = call->entry;
    entry->flow.tcp = (struct mxt_tcp *)(entry + 1);
    memcpy(entry->flow.tcp, call->table->unfolded, mxt_tcp_size());
    mxt_flow_taken(call, call->arrival->segment, INT64_MAX);
}

/* What is out of the ordinary goes the way of all connections, in the memory that is there for it. */
static void take_unfolded(struct mxt_flow_table *table, const struct mxt_flow_arrival *arrival)
{
    struct mxt_flow_call call = {.table = table, .arrival = arrival};
    mxt_tcp_segment(table->unfolded, arrival->direction, arrival->segment, &table->tcp_limits, &mxt_flow_sink, &call);
    if (call.is_foreign) {
        mxt_tcp_clear(table->unfolded);
        pass_over(table, arrival);
        return;
    }
    if (call.entry == NULL && mxt_tcp_fold(table->unfolded, &arrival->newcomer->tcp)) {
        keep(table, arrival);
        return;
    }
    if (call.entry == NULL)
        promote(&call, mxt_tcp_delivered(table->unfolded, MXT_TOSERVER));
    leave(table, arrival);
    if (call.entry != NULL)
        hand_over(&call);
    else
        mxt_tcp_clear(table->unfolded);
}

/* ---- folded ---- */

/* True: the words are no mail, or need not be read yet. */
static bool skip_words(struct mxt_flow_table *table, const struct mxt_flow_arrival *arrival)
{
    const struct mxt_segment *segment = arrival->segment;
    struct mxt_tcp_folded *tcp = &arrival->newcomer->tcp;
    switch (table->handler.first_words(arrival->direction, segment->payload, segment->payload_length, mxt_tcp_folded_delivered(tcp, MXT_TOSERVER), false)) {
    case MXT_FLOW_CANDIDATE: return false;
    case MXT_FLOW_FOREIGN: pass_over(table, arrival); return true;
    default:
        if (!mxt_tcp_folded_skip(tcp, arrival->direction, segment))
            return false;
        keep(table, arrival);
        return true;
    }
}

/* The segment is the first of another connection over the same ports. */
static void begin_again(struct mxt_flow_table *table, struct mxt_flow_arrival *arrival)
{
    *arrival->newcomer = begin(table, arrival->segment);
    arrival->direction = (arrival->segment->flags & MXT_ACK) != 0 ? MXT_TOCLIENT : MXT_TOSERVER;
    mxt_tcp_unfold(&arrival->newcomer->tcp, table->unfolded);
    table->counters.ended[MXT_FLOW_REUSED]++;
    table->counters.opened++;
}

void mxt_flow_take_newcomer(struct mxt_flow_table *table, const struct mxt_segment *segment, uint64_t key)
{
    struct mxt_newcomer fresh, *known = mxt_newcomers_find(table->newcomers, key, table->clock_us);
    if (known == NULL) {
        if (!mxt_flow_is_opening(segment))
            return;
        fresh = begin(table, segment);
    }
    struct mxt_flow_arrival arrival = {.key = key, .newcomer = known == NULL ? &fresh : known, .known = known, .segment = segment};
    arrival.direction = is_from_first(segment) == arrival.newcomer->is_client_first ? MXT_TOSERVER : MXT_TOCLIENT;
    enum mxt_tcp_folded_step step = mxt_tcp_folded_take(&arrival.newcomer->tcp, arrival.direction, segment);
    if (step == MXT_TCP_FOLDED_TAKEN) {
        keep(table, &arrival);
        return;
    }
    if (step == MXT_TCP_FOLDED_WORDS && skip_words(table, &arrival))
        return;
    mxt_tcp_unfold(&arrival.newcomer->tcp, table->unfolded);
    if (known != NULL && (segment->flags & (MXT_SYN | MXT_RST)) == MXT_SYN && mxt_tcp_is_reuse(table->unfolded, arrival.direction, segment))
        begin_again(table, &arrival);
    take_unfolded(table, &arrival);
}
