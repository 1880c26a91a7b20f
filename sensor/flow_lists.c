#include "sensor/flow_int.h"

#define LIST_GRAIN_US 100000 /* a flow moves in its list at most so often; what is listed may be that much younger than its place says */

void mxt_flow_list_append(struct mxt_flow_table *table, struct mxt_flow_entry *entry, enum mxt_flow_state state)
{
    struct mxt_flow_list *list = &table->lists[state];
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

void mxt_flow_list_remove(struct mxt_flow_table *table, struct mxt_flow_entry *entry)
{
    struct mxt_flow_list *list = &table->lists[entry->state];
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

static void due_append(struct mxt_flow_table *table, struct mxt_flow_entry *entry)
{
    entry->due_older = table->due.newest;
    entry->due_newer = NULL;
    if (table->due.newest != NULL)
        table->due.newest->due_newer = entry;
    else
        table->due.oldest = entry;
    table->due.newest = entry;
}

void mxt_flow_due_remove(struct mxt_flow_table *table, struct mxt_flow_entry *entry)
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

void mxt_flow_due_update(struct mxt_flow_table *table, struct mxt_flow_entry *entry, int64_t before)
{
    int64_t now = mxt_tcp_due(entry->flow.tcp, &table->tcp_limits);
    if (now == before)
        return;
    if (before != INT64_MAX)
        mxt_flow_due_remove(table, entry);
    if (now != INT64_MAX)
        due_append(table, entry);
}

void mxt_flow_place(struct mxt_flow_table *table, struct mxt_flow_entry *entry, enum mxt_flow_state state)
{
    if (entry->state == MXT_STATE_CLOSED && mxt_tcp_is_closed(entry->flow.tcp))
        return;
    if (entry->state != MXT_STATE_CLOSED && state <= entry->state) {
        if (table->clock_us - entry->listed_us < LIST_GRAIN_US)
            return;
        state = entry->state;
    }
    mxt_flow_list_remove(table, entry);
    mxt_flow_list_append(table, entry, state);
}

enum mxt_flow_state mxt_flow_state_after(const struct mxt_flow_call *call, enum mxt_flow_state at_least)
{
    if (call->has_close && mxt_tcp_is_closed(call->entry->flow.tcp))
        return MXT_STATE_CLOSED;
    if (!call->has_content)
        return at_least;
    const struct mxt_flow *flow = &call->entry->flow;
    const struct mxt_tcp_counters *counters = mxt_tcp_counters(flow->tcp);
    return flow->standing == MXT_FLOW_MAIL && counters->packets_toserver > 0 && counters->packets_toclient > 0 ? MXT_STATE_TALKING : MXT_STATE_ACTIVE;
}
