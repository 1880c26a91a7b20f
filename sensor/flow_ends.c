#include "sensor/flow_int.h"

#define TIMER_GRAIN_US 10000 /* of capture time between two looks at what is due */
#define RELIEF_STEPS   256   /* flows looked at for early data before one is evicted instead */

static const enum mxt_flow_state eviction_order[MXT_FLOW_STATES] = {MXT_STATE_HALF_OPEN, MXT_STATE_CLOSED, MXT_STATE_QUIET, MXT_STATE_ACTIVE, MXT_STATE_TALKING};

/* ---- memory ---- */

void mxt_flow_account(struct mxt_flow_table *table, struct mxt_flow_entry *entry)
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

void mxt_flow_retire(struct mxt_flow_table *table, struct mxt_flow_entry *entry, enum mxt_flow_end why)
{
    struct mxt_flow_call call = {.table = table, .entry = entry};
    if (mxt_tcp_due(entry->flow.tcp, &table->tcp_limits) != INT64_MAX)
        mxt_flow_due_remove(table, entry);
    int64_t last_us = entry->flow.last_us > entry->ticked_us ? entry->flow.last_us : entry->ticked_us;
    mxt_tcp_finish(entry->flow.tcp, last_us, &table->tcp_limits, &mxt_flow_sink, &call);
    if (why != MXT_FLOW_REUSED && mxt_tcp_is_closed(entry->flow.tcp))
        why = MXT_FLOW_CLOSED;
    table->handler.end(table->owner, &entry->flow, why);
    table->counters.ended[why]++;
    table->counters.active--;
    table->counters.memory -= entry->memory;
    mxt_flow_list_remove(table, entry);
    mxt_flow_bucket_remove(table, entry);
    mxt_tcp_clear(entry->flow.tcp);
    mxt_slab_give(&table->entries, entry);
}

void mxt_flow_evict(struct mxt_flow_table *table)
{
    for (size_t i = 0; i < MXT_FLOW_STATES; i++) {
        struct mxt_flow_entry *entry = table->lists[eviction_order[i]].oldest;
        if (entry != NULL) {
            mxt_flow_retire(table, entry, MXT_FLOW_EVICTED);
            return;
        }
    }
}

/* ---- time ---- */

static void give_up_due(struct mxt_flow_table *table)
{
    for (struct mxt_flow_entry *entry = table->due.oldest; entry != NULL; entry = table->due.oldest) {
        int64_t due = mxt_tcp_due(entry->flow.tcp, &table->tcp_limits);
        if (due > table->clock_us)
            return;
        struct mxt_flow_call call = {.table = table, .entry = entry};
        entry->ticked_us = table->clock_us;
        mxt_tcp_tick(entry->flow.tcp, table->clock_us, &table->tcp_limits, &mxt_flow_sink, &call);
        mxt_flow_due_update(table, entry, due);
        if (entry->flow.standing == MXT_FLOW_FOREIGN) {
            mxt_flow_pass_over(table, entry);
            continue;
        }
        mxt_flow_account(table, entry);
        enum mxt_flow_state state = mxt_flow_state_after(&call, MXT_STATE_HALF_OPEN);
        if (state > entry->state)
            mxt_flow_place(table, entry, state);
    }
}

static void rest_quiet(struct mxt_flow_table *table, enum mxt_flow_state state)
{
    for (struct mxt_flow_entry *entry = table->unrested[state]; entry != NULL; entry = table->unrested[state]) {
        if (table->clock_us - entry->flow.last_us < table->limits.rest_timeout_us)
            return;
        mxt_tcp_rest(entry->flow.tcp);
        mxt_flow_account(table, entry);
        table->unrested[state] = entry->newer;
    }
}

static void expire(struct mxt_flow_table *table, enum mxt_flow_state state, int64_t timeout_us, enum mxt_flow_end why)
{
    for (struct mxt_flow_entry *entry = table->lists[state].oldest; entry != NULL; entry = table->lists[state].oldest) {
        int64_t since = state == MXT_STATE_CLOSED ? entry->listed_us : entry->flow.last_us;
        if (table->clock_us - since < timeout_us)
            return;
        mxt_flow_retire(table, entry, why);
    }
}

/* Gives up the holes of the next flow that holds early data, in turn so that none is looked at twice before all others. False: a number of flows held none. */
static bool relieve_one(struct mxt_flow_table *table)
{
    for (enum mxt_flow_state state = MXT_STATE_QUIET; state <= MXT_STATE_TALKING; state++) {
        for (size_t steps = 0; steps < RELIEF_STEPS; steps++) {
            struct mxt_flow_entry *entry = table->hand[state] != NULL ? table->hand[state] : table->lists[state].oldest;
            if (entry == NULL)
                break;
            table->hand[state] = entry->newer;
            if (!mxt_tcp_has_held(entry->flow.tcp))
                continue;
            struct mxt_flow_call call = {.table = table, .entry = entry};
            int64_t due = mxt_tcp_due(entry->flow.tcp, &table->tcp_limits);
            uint64_t before = table->counters.memory;
            entry->ticked_us = table->clock_us;
            mxt_tcp_finish(entry->flow.tcp, table->clock_us, &table->tcp_limits, &mxt_flow_sink, &call);
            mxt_flow_due_update(table, entry, due);
            mxt_flow_account(table, entry);
            table->counters.relieved++;
            if (entry->flow.standing == MXT_FLOW_FOREIGN)
                mxt_flow_pass_over(table, entry);
            if (table->counters.memory < before)
                return true;
        }
    }
    return false;
}

/* Early data goes first: giving up a hole costs a gap, giving up a flow all of it. */
void mxt_flow_keep_within_memory(struct mxt_flow_table *table)
{
    while (table->counters.memory > table->limits.memory && table->counters.active > 0) {
        if (relieve_one(table))
            continue;
        table->counters.evicted_for_memory++;
        mxt_flow_evict(table);
    }
}

void mxt_flow_run_timers(struct mxt_flow_table *table)
{
    table->next_timers_us = table->clock_us + TIMER_GRAIN_US;
    give_up_due(table);
    rest_quiet(table, MXT_STATE_ACTIVE);
    rest_quiet(table, MXT_STATE_TALKING);
    expire(table, MXT_STATE_HALF_OPEN, table->limits.half_open_timeout_us, MXT_FLOW_HALF_OPEN);
    expire(table, MXT_STATE_QUIET, table->limits.idle_timeout_us, MXT_FLOW_IDLE);
    expire(table, MXT_STATE_ACTIVE, table->limits.idle_timeout_us, MXT_FLOW_IDLE);
    expire(table, MXT_STATE_TALKING, table->limits.idle_timeout_us, MXT_FLOW_IDLE);
    expire(table, MXT_STATE_CLOSED, table->limits.closed_timeout_us, MXT_FLOW_CLOSED);
}
