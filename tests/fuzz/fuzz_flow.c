/* A small table of connections fed with any segments: every flow ends once, is told nothing behind its end, and the counters add up. */
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sensor/flow.h"

struct owner {
    uint64_t ended, alive;
};

/* A flow's session: a use behind its end is seen, and time in it never goes back. */
struct mxt_session {
    int64_t last_us;
};

static void note(struct owner *owner, struct mxt_flow *flow, int64_t time_us)
{
    struct mxt_session *session = flow->session;
    if (session == NULL) {
        flow->session = session = calloc(1, sizeof *session);
        assert(session != NULL);
        owner->alive++;
    }
    assert(time_us >= session->last_us && time_us >= flow->start_us && time_us >= flow->last_us);
    session->last_us = time_us;
}

static void on_data(void *context, struct mxt_flow *flow, enum mxt_direction direction, const uint8_t *p, size_t n, int64_t time_us)
{
    assert(n > 0);
    note(context, flow, time_us);
    if (p[0] == 's')
        mxt_tcp_stop_content(flow->tcp);
    if (p[0] == 'k')
        mxt_tcp_keep_history(flow->tcp, direction, false);
}

static void on_gap(void *context, struct mxt_flow *flow, enum mxt_direction direction, uint64_t missing, int64_t time_us)
{
    (void)direction;
    assert(missing > 0);
    note(context, flow, time_us);
}

static void on_close(void *context, struct mxt_flow *flow, enum mxt_direction direction, enum mxt_close how, int64_t time_us)
{
    (void)direction;
    (void)how;
    note(context, flow, time_us);
}

static void on_conflict(void *context, struct mxt_flow *flow, enum mxt_direction direction, uint64_t offset, int64_t time_us)
{
    (void)direction;
    assert(offset < UINT64_C(1) << 40);
    note(context, flow, time_us);
}

static void on_end(void *context, struct mxt_flow *flow, enum mxt_flow_end why)
{
    struct owner *owner = context;
    assert((unsigned)why < MXT_FLOW_ENDS);
    owner->ended++;
    if (flow->session != NULL)
        owner->alive--;
    free(flow->session);
}

static enum mxt_fact is_server_speech(const uint8_t *p, size_t n)
{
    return n > 0 && p[0] == '2' ? MXT_YES : MXT_UNKNOWN;
}

static const struct mxt_flow_handler handler = {
    .data = on_data, .gap = on_gap, .close = on_close, .conflict = on_conflict, .end = on_end, .is_server_speech = is_server_speech};

/* Eight bytes a step: ends, flags, sequence, acknowledgement, length, time. */
static void step(struct mxt_flow_table *table, const uint8_t *p, const uint8_t *rest, size_t rest_length, int64_t *now_us)
{
    static const uint8_t header[20] = {[12] = 6 << 4};
    static const int64_t steps_us[8] = {0, 1, 1000, 100000, 600000, 6000000, 40000000, -1000000};
    uint16_t client = (uint16_t)(40000 + (p[0] & 3));
    bool is_client = (p[0] & 4) != 0;
    *now_us += steps_us[p[7] & 7];
    struct mxt_segment segment = {.time_us = *now_us,
                                  .src_port = is_client ? client : 25,
                                  .dst_port = is_client ? 25 : client,
                                  .seq = (uint32_t)(p[2] * 3 - 100),
                                  .ack = (uint32_t)(p[3] * 3 - 100),
                                  .flags = p[1],
                                  .tcp = header,
                                  .payload = rest,
                                  .frame_bytes = 60,
                                  .payload_length = p[4] < rest_length ? p[4] : (uint32_t)rest_length,
                                  .payload_missing = p[5] > 250 ? p[5] : 0};
    if (p[6] > 240) {
        segment.seq <<= 20;
        segment.ack <<= 20;
    }
    segment.src.bytes[15] = is_client ? 1 : 2;
    segment.dst.bytes[15] = is_client ? 2 : 1;
    if (p[0] == 255)
        mxt_flow_table_tick(table, *now_us);
    else
        mxt_flow_table_segment(table, &segment);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct mxt_flow_limits limits = {
        .flows = 3, .half_open_timeout_us = 30000000, .idle_timeout_us = 60000000, .closed_timeout_us = 5000000, .rest_timeout_us = 5000000};
    const struct mxt_tcp_limits tcp_limits = {.held_bytes = 2048, .gap_timeout_us = 500000, .history = 256};
    struct mxt_port_set ports = {0};
    mxt_port_set_add(&ports, 25);
    struct owner owner = {0};
    struct mxt_flow_table *table = mxt_flow_table_new(&limits, &tcp_limits, &ports, 7, &handler, &owner);
    assert(table != NULL);
    int64_t now_us = 1000000000;
    const struct mxt_flow_counters *counters = mxt_flow_table_counters(table);
    for (size_t i = 0; i + 8 <= size; i += 8) {
        step(table, data + i, data + i + 8, size - i - 8, &now_us);
        assert(counters->active <= limits.flows && counters->opened == counters->active + owner.ended);
    }
    mxt_flow_table_finish(table);
    assert(counters->active == 0 && counters->opened == owner.ended && owner.alive == 0);
    mxt_flow_table_free(table);
    return 0;
}
