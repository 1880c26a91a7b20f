#include "check.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sensor/flow.h"

#define OUTPUT 16384
#define SECOND INT64_C(1000000)

/*
 * What the handler saw, one event after the other: "PORT>data" to the server, "PORT<data" to the client, "[N]" for gaps, "$" and "#" for closes,
 * "PORT=" for what is settled, "PORT!why" for ends; PORT is the client's.
 */
struct fixture {
    struct mxt_flow_table *table;
    char output[OUTPUT];
    size_t length;
    struct mxt_flow last; /* a copy, as it ended */
    int64_t now_us;
    uint64_t bytes;
    bool is_silent;
    bool stops_content; /* as where TLS is established */
};

static void print(struct fixture *fixture, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void print(struct fixture *fixture, const char *format, ...)
{
    if (fixture->is_silent)
        return;
    va_list list;
    va_start(list, format);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): va_start is right above */
    int n = vsnprintf(fixture->output + fixture->length, OUTPUT - fixture->length, format, list);
    va_end(list);
    assert_in_range(n, 0, OUTPUT - 1 - (int)fixture->length);
    fixture->length += (size_t)n;
}

static void on_data(void *owner, struct mxt_flow *flow, enum mxt_direction direction, const uint8_t *p, size_t n, int64_t time_us)
{
    struct fixture *fixture = owner;
    assert_int_equal(time_us, fixture->now_us);
    fixture->bytes += n;
    if (fixture->stops_content)
        mxt_tcp_stop_content(flow->tcp);
    print(fixture, "%u%c%.*s ", flow->client_port, direction == MXT_TOSERVER ? '>' : '<', (int)n, (const char *)p);
}

static void on_gap(void *owner, struct mxt_flow *flow, enum mxt_direction direction, uint64_t missing, int64_t time_us)
{
    (void)time_us;
    print(owner, "%u%c[%" PRIu64 "] ", flow->client_port, direction == MXT_TOSERVER ? '>' : '<', missing);
}

static void on_close(void *owner, struct mxt_flow *flow, enum mxt_direction direction, enum mxt_close how, int64_t time_us)
{
    (void)time_us;
    print(owner, "%u%c%c ", flow->client_port, direction == MXT_TOSERVER ? '>' : '<', how == MXT_CLOSE_FIN ? '$' : '#');
}

static void on_conflict(void *owner, struct mxt_flow *flow, enum mxt_direction direction, uint64_t offset, int64_t time_us)
{
    (void)time_us;
    print(owner, "%u%c{%" PRIu64 "} ", flow->client_port, direction == MXT_TOSERVER ? '>' : '<', offset);
}

static void on_end(void *owner, struct mxt_flow *flow, enum mxt_flow_end why)
{
    static const char *const names[MXT_FLOW_ENDS] = {"closed", "idle", "half_open", "reused", "evicted", "capture_end"};
    struct fixture *fixture = owner;
    fixture->last = *flow;
    print(fixture, "%u!%s ", flow->client_port, names[why]);
}

static void on_settled(void *owner, struct mxt_flow *flow)
{
    print(owner, "%u= ", flow->client_port);
}

static enum mxt_fact is_server_speech(const uint8_t *p, size_t n)
{
    if (n >= 3 && memcmp(p, "220", 3) == 0)
        return MXT_YES;
    return n >= 4 && memcmp(p, "EHLO", 4) == 0 ? MXT_NO : MXT_UNKNOWN;
}

static const struct mxt_flow_handler handler = {
    .data = on_data, .gap = on_gap, .close = on_close, .conflict = on_conflict, .end = on_end, .settled = on_settled, .is_server_speech = is_server_speech};

static void begin_with(struct fixture *fixture, const struct mxt_flow_limits *limits)
{
    static struct mxt_port_set ports;
    mxt_port_set_add(&ports, 25);
    mxt_port_set_add(&ports, 2525);
    const struct mxt_tcp_limits tcp_limits = MXT_TCP_LIMITS_DEFAULT;
    *fixture = (struct fixture){.now_us = 1700000000 * SECOND};
    fixture->table = mxt_flow_table_new(limits, &tcp_limits, &ports, 42, &handler, fixture);
    assert_non_null(fixture->table);
}

static void begin(struct fixture *fixture)
{
    begin_with(fixture, &MXT_FLOW_LIMITS_DEFAULT);
}

static void end(struct fixture *fixture)
{
    mxt_flow_table_free(fixture->table);
}

static struct mxt_segment segment(const struct fixture *fixture, uint16_t src_port, uint16_t dst_port, uint8_t flags, uint32_t seq, uint32_t ack,
                                  const char *text)
{
    static const uint8_t header[20] = {[12] = 6 << 4}; /* does not lead to the payload: the checksum is unknown */
    struct mxt_segment out = {.time_us = fixture->now_us,
                              .src_port = src_port,
                              .dst_port = dst_port,
                              .seq = seq,
                              .ack = ack,
                              .flags = flags,
                              .tcp = header,
                              .payload = (const uint8_t *)text,
                              .payload_length = (uint32_t)strlen(text),
                              .frame_bytes = 60};
    out.src.bytes[15] = src_port < 10000 ? 1 : 2;
    out.dst.bytes[15] = dst_port < 10000 ? 1 : 2;
    return out;
}

static void feed(struct fixture *fixture, uint16_t src_port, uint16_t dst_port, uint8_t flags, uint32_t seq, uint32_t ack, const char *text)
{
    const struct mxt_segment one = segment(fixture, src_port, dst_port, flags, seq, ack, text);
    mxt_flow_table_segment(fixture->table, &one);
}

/* SYN, SYN-ACK, ACK, banner; client 100, server 200. */
static void open_session(struct fixture *fixture, uint16_t port)
{
    feed(fixture, port, 25, MXT_SYN, 100, 0, "");
    feed(fixture, 25, port, MXT_SYN | MXT_ACK, 200, 101, "");
    feed(fixture, port, 25, MXT_ACK, 101, 201, "");
    feed(fixture, 25, port, MXT_ACK, 201, 101, "220");
}

static void pass(struct fixture *fixture, int64_t us)
{
    fixture->now_us += us;
    mxt_flow_table_tick(fixture->table, fixture->now_us);
}

static void forget(struct fixture *fixture)
{
    fixture->length = 0;
    fixture->output[0] = '\0';
}

static void expect(struct fixture *fixture, const char *expected)
{
    assert_string_equal(fixture->output, expected);
    forget(fixture);
}

static void test_a_session(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    open_session(&f, 40000);
    feed(&f, 40000, 25, MXT_ACK, 101, 204, "QUIT");
    feed(&f, 25, 40000, MXT_ACK | MXT_FIN, 204, 105, "221");
    feed(&f, 40000, 25, MXT_ACK | MXT_FIN, 105, 208, "");
    expect(&f, "40000<220 40000>QUIT 40000<221 40000<$ 40000>$ ");
    pass(&f, 5 * SECOND - 1);
    expect(&f, "");
    pass(&f, 1);
    expect(&f, "40000!closed ");
    assert_int_equal(f.last.client_port, 40000);
    assert_int_equal(f.last.server_port, 25);
    assert_int_equal(f.last.client.bytes[15], 2);
    assert_true(f.last.is_orientation_certain);
    assert_int_equal(f.last.start_us, 1700000000 * SECOND);
    assert_int_equal(f.last.last_us, 1700000000 * SECOND);
    const struct mxt_flow_counters *counters = mxt_flow_table_counters(f.table);
    assert_int_equal(counters->opened, 1);
    assert_int_equal(counters->active, 0);
    assert_int_equal(counters->peak, 1);
    assert_int_equal(counters->ended[MXT_FLOW_CLOSED], 1);
    end(&f);
}

/* Both FINs acknowledged: told at once, whatever is repeated or made up behind it; the flow stays to swallow that. */
static void test_a_certain_end_is_settled(void **state)
{
    (void)state;
    for (int stops_content = 0; stops_content < 2; stops_content++) {
        struct fixture f;
        begin(&f);
        f.stops_content = stops_content != 0;
        open_session(&f, 40000);
        feed(&f, 40000, 25, MXT_ACK | MXT_FIN, 101, 204, "");
        feed(&f, 25, 40000, MXT_ACK | MXT_FIN, 204, 102, "");
        expect(&f, "40000<220 40000>$ 40000<$ ");
        feed(&f, 40000, 25, MXT_ACK, 102, 205, "");
        expect(&f, "40000= ");
        feed(&f, 40000, 25, MXT_ACK, 102, 205, "");
        feed(&f, 40000, 25, MXT_ACK | MXT_FIN, 101, 204, "");
        feed(&f, 25, 40000, MXT_ACK, 201, 101, "250");
        feed(&f, 40000, 25, MXT_RST, 102, 0, "");
        forget(&f); /* whether the RST is told is no matter */
        feed(&f, 40000, 25, MXT_ACK, 102, 205, "MAIL FROM");
        feed(&f, 25, 40000, MXT_ACK, 205, 111, "250 OK");
        feed(&f, 40000, 25, MXT_ACK, 111, 211, "RCPT TO");
        expect(&f, "");
        pass(&f, 5 * SECOND);
        expect(&f, "40000!closed ");
        assert_int_equal(mxt_flow_table_counters(f.table)->opened, 1);
        end(&f);
    }
}

/* What may yet come, or was never seen, keeps the end open: it is told when the time is over. */
static void test_an_uncertain_end_is_not_settled(void **state)
{
    (void)state;
    static const struct {
        uint8_t flags;     /* of the client's last segment */
        uint32_t seq, ack; /* after the server's FIN at 204, which acknowledges the client's at 101 */
    } last[] = {
        {MXT_ACK, 102, 204}, /* the server's FIN is not acknowledged */
        {MXT_RST, 102, 0},   /* forged, it may be */
        {MXT_ACK, 102, 9999999},
    };
    for (size_t i = 0; i < sizeof last / sizeof last[0]; i++) {
        struct fixture f;
        begin(&f);
        open_session(&f, 40000);
        feed(&f, 40000, 25, MXT_ACK | MXT_FIN, 101, 204, "");
        feed(&f, 25, 40000, MXT_ACK | MXT_FIN, 204, 102, "");
        forget(&f);
        feed(&f, 40000, 25, last[i].flags, last[i].seq, last[i].ack, "");
        assert_null(strchr(f.output, '='));
        pass(&f, 5 * SECOND);
        assert_non_null(strstr(f.output, "40000!closed "));
        end(&f);
    }
}

static void test_what_opens_no_flow(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    feed(&f, 40000, 25, MXT_ACK, 1, 1, "");
    feed(&f, 40000, 25, MXT_ACK | MXT_FIN, 1, 1, "");
    feed(&f, 40000, 25, MXT_RST, 1, 1, "");
    feed(&f, 40000, 25, MXT_RST | MXT_ACK, 1, 1, "cookie");
    feed(&f, 40000, 25, MXT_SYN | MXT_FIN, 1, 1, "");
    assert_int_equal(mxt_flow_table_counters(f.table)->opened, 0);
    end(&f);
}

static void check_orientation(const char *text, uint8_t flags, uint16_t src_port, uint16_t dst_port, uint16_t server_port, bool is_certain)
{
    struct fixture f;
    begin(&f);
    feed(&f, src_port, dst_port, flags, 1, 1, text);
    mxt_flow_table_finish(f.table);
    assert_int_equal(f.last.server_port, server_port);
    assert_int_equal(f.last.is_orientation_certain, is_certain);
    end(&f);
}

static void test_orientation(void **state)
{
    (void)state;
    check_orientation("", MXT_SYN, 25, 40000, 40000, true);
    check_orientation("", MXT_SYN | MXT_ACK, 25, 40000, 25, true);
    check_orientation("x", MXT_ACK, 25, 40000, 25, false);
    check_orientation("x", MXT_ACK, 40000, 25, 25, false);
    check_orientation("x", MXT_ACK, 25, 2525, 25, false);        /* both are mail ports: the lower one */
    check_orientation("220 hi", MXT_ACK, 2525, 25, 2525, false); /* but speech tells */
    check_orientation("EHLO x", MXT_ACK, 25, 2525, 2525, false);
    check_orientation("x", MXT_ACK, 40001, 40000, 40000, false); /* neither is */
    check_orientation("EHLO x", MXT_ACK, 25, 40000, 40000, false);
    check_orientation("220 hi", MXT_ACK, 40000, 25, 40000, false);
}

static void test_half_open_expires_soon(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    feed(&f, 40000, 25, MXT_SYN, 100, 0, "");
    feed(&f, 40001, 25, MXT_SYN, 100, 0, "");
    feed(&f, 25, 40001, MXT_SYN | MXT_ACK, 200, 101, "");
    feed(&f, 40002, 25, MXT_SYN, 100, 0, "");
    feed(&f, 25, 40002, MXT_SYN | MXT_ACK, 200, 101, "");
    feed(&f, 40002, 25, MXT_ACK, 101, 201, ""); /* the handshake is complete: a greeting may take its time */
    pass(&f, 30 * SECOND);
    expect(&f, "40000!half_open 40001!half_open ");
    feed(&f, 25, 40002, MXT_ACK, 201, 101, "220");
    expect(&f, "40002<220 ");
    end(&f);
}

static void test_idle_expires_by_its_last_packet(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    open_session(&f, 40000);
    open_session(&f, 40001);
    pass(&f, 300 * SECOND);
    feed(&f, 40000, 25, MXT_ACK, 101, 204, "NOOP");
    expect(&f, "40000<220 40001<220 40000>NOOP ");
    pass(&f, 300 * SECOND);
    expect(&f, "40001!idle ");
    pass(&f, 300 * SECOND);
    expect(&f, "40000!idle ");
    end(&f);
}

static void test_a_refused_or_reset_flow_is_closed(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    feed(&f, 40000, 25, MXT_SYN, 100, 0, "");
    feed(&f, 25, 40000, MXT_RST | MXT_ACK, 0, 101, "");
    open_session(&f, 40001);
    feed(&f, 40001, 25, MXT_RST, 101, 0, "");
    expect(&f, "40000<# 40001<220 40001># ");
    pass(&f, 4 * SECOND);
    feed(&f, 25, 40001, MXT_ACK, 201, 101, "220"); /* late retransmissions neither open a flow nor keep one */
    pass(&f, 1 * SECOND);
    expect(&f, "40000!closed 40001!closed ");
    end(&f);
}

static void test_holes_are_given_up_without_a_packet_of_the_flow(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    open_session(&f, 40000);
    open_session(&f, 40001);
    feed(&f, 40000, 25, MXT_ACK, 106, 204, "NOOP");
    f.now_us += SECOND / 10;
    feed(&f, 40001, 25, MXT_ACK, 107, 204, "NOOP");
    feed(&f, 25, 40001, MXT_ACK, 204, 111, "");
    f.now_us += SECOND / 10;
    feed(&f, 25, 40000, MXT_ACK, 204, 110, "");
    expect(&f, "40000<220 40001<220 ");
    f.now_us += SECOND * 4 / 10;
    feed(&f, 50000, 25, MXT_SYN, 1, 0, "");
    expect(&f, "40001>[6] 40001>NOOP ");
    f.now_us += SECOND / 10;
    feed(&f, 50000, 25, MXT_SYN, 1, 0, "");
    expect(&f, "40000>[5] 40000>NOOP ");
    end(&f);
}

static void test_a_hole_that_fills_is_forgotten(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    open_session(&f, 40000);
    feed(&f, 40000, 25, MXT_ACK, 103, 204, "OP");
    feed(&f, 25, 40000, MXT_ACK, 204, 105, "");
    feed(&f, 40000, 25, MXT_ACK, 101, 204, "NO");
    pass(&f, SECOND);
    feed(&f, 25, 40000, MXT_ACK, 204, 120, "");
    mxt_flow_table_finish(f.table); /* ends while a hole is due: must leave its list */
    expect(&f, "40000<220 40000>NO 40000>OP 40000>[15] 40000!capture_end ");
    end(&f);
}

static void test_port_reuse(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    open_session(&f, 40000);
    feed(&f, 40000, 25, MXT_ACK | MXT_FIN, 101, 204, "");
    feed(&f, 25, 40000, MXT_ACK | MXT_FIN, 204, 102, "");
    feed(&f, 40000, 25, MXT_SYN, 100, 0, ""); /* the old one again */
    expect(&f, "40000<220 40000>$ 40000<$ ");
    feed(&f, 40000, 25, MXT_SYN, 777, 0, "");
    feed(&f, 40000, 25, MXT_SYN, 777, 0, "");
    feed(&f, 25, 40000, MXT_SYN | MXT_ACK, 888, 778, "");
    feed(&f, 40000, 25, MXT_ACK, 778, 889, "EHLO");
    expect(&f, "40000!reused 40000>EHLO ");
    assert_int_equal(mxt_flow_table_counters(f.table)->opened, 2);
    end(&f);
}

static void test_a_spoofed_syn_ends_nothing(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    open_session(&f, 40000);
    feed(&f, 40000, 25, MXT_SYN, 5000000, 0, "");
    feed(&f, 40000, 25, MXT_ACK, 101, 204, "EHLO");
    expect(&f, "40000<220 40000>EHLO ");
    feed(&f, 25, 40000, MXT_SYN | MXT_ACK, 9000, 5000001, ""); /* the server takes it up: it had lost the old one */
    feed(&f, 25, 40000, MXT_ACK, 9001, 5000001, "220");
    expect(&f, "40000!reused 40000<220 ");
    end(&f);
}

static void test_a_full_table_spares_sessions(void **state)
{
    (void)state;
    struct fixture f;
    struct mxt_flow_limits limits = MXT_FLOW_LIMITS_DEFAULT;
    limits.flows = 4;
    begin_with(&f, &limits);
    open_session(&f, 40000);
    feed(&f, 40001, 25, MXT_SYN, 1, 0, "");
    feed(&f, 40001, 25, MXT_ACK, 2, 1, "");
    feed(&f, 40002, 25, MXT_SYN, 1, 0, "");
    feed(&f, 25, 40002, MXT_RST | MXT_ACK, 0, 2, "");
    expect(&f, "40000<220 40002<# ");
    for (uint16_t port = 50000; port < 50003; port++)
        feed(&f, port, 25, MXT_SYN, 1, 0, "");
    expect(&f, "50000!evicted 50001!evicted ");
    feed(&f, 50002, 25, MXT_ACK, 2, 1, "EHLO");
    feed(&f, 50003, 25, MXT_ACK, 2, 1, "EHLO"); /* no half-open left: the closed one goes */
    expect(&f, "50002>EHLO 40002!closed 50003>EHLO ");
    feed(&f, 50004, 25, MXT_ACK, 2, 1, "EHLO"); /* then the one without content */
    expect(&f, "40001!evicted 50004>EHLO ");
    f.now_us += SECOND;
    feed(&f, 25, 40000, MXT_ACK, 204, 101, "x");
    feed(&f, 50005, 25, MXT_ACK, 2, 1, "EHLO"); /* then the longest idle */
    expect(&f, "40000<x 50002!evicted 50005>EHLO ");
    assert_int_equal(mxt_flow_table_counters(f.table)->active, 4);
    assert_int_equal(mxt_flow_table_counters(f.table)->peak, 4);
    end(&f);
}

static void test_a_table_without_room(void **state)
{
    (void)state;
    struct fixture f;
    struct mxt_flow_limits limits = MXT_FLOW_LIMITS_DEFAULT;
    limits.flows = 0;
    begin_with(&f, &limits);
    open_session(&f, 40000);
    expect(&f, "");
    end(&f);
}

static void test_the_clock_never_goes_back(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    open_session(&f, 40000);
    struct mxt_segment early = segment(&f, 40000, 25, MXT_ACK, 101, 204, "EHLO");
    early.time_us -= 7200 * SECOND;
    mxt_flow_table_segment(f.table, &early); /* on_data asserts the time it is given */
    expect(&f, "40000<220 40000>EHLO ");
    pass(&f, 599 * SECOND);
    expect(&f, "");
    f.now_us = INT64_MAX;
    feed(&f, 40001, 25, MXT_SYN, 1, 0, "");
    expect(&f, "40000!idle ");
    feed(&f, 40001, 25, MXT_RST, 2, 0, "");
    mxt_flow_table_finish(f.table);
    expect(&f, "40001># 40001!closed ");
    end(&f);
}

static void test_finish_ends_the_longest_idle_first(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    open_session(&f, 40000);
    f.now_us += SECOND;
    feed(&f, 40001, 25, MXT_SYN, 1, 0, "");
    f.now_us += SECOND;
    feed(&f, 40002, 25, MXT_ACK, 1, 0, "EHLO");
    f.now_us += SECOND;
    feed(&f, 40000, 25, MXT_ACK, 101, 204, "EHLO");
    mxt_flow_table_finish(f.table);
    expect(&f, "40000<220 40002>EHLO 40000>EHLO 40001!capture_end 40002!capture_end 40000!capture_end ");
    assert_int_equal(mxt_flow_table_counters(f.table)->ended[MXT_FLOW_CAPTURE_END], 3);
    end(&f);
}

static void test_freed_without_finish(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    open_session(&f, 40000);
    feed(&f, 40000, 25, MXT_ACK, 120, 204, "held");
    end(&f);
    assert_string_equal(f.output, "40000<220 ");
    mxt_flow_table_free(NULL);
}

static void test_rest_forgets_what_was_said(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    open_session(&f, 40000);
    feed(&f, 25, 40000, MXT_ACK, 201, 101, "2X0");
    expect(&f, "40000<220 40000<{1} ");
    pass(&f, 5 * SECOND);
    feed(&f, 25, 40000, MXT_ACK, 201, 101, "2X0");
    feed(&f, 25, 40000, MXT_ACK, 204, 101, "abc");
    feed(&f, 25, 40000, MXT_ACK, 204, 101, "aXc");
    expect(&f, "40000<abc 40000<{4} ");
    pass(&f, 5 * SECOND); /* and again: it was busy since */
    feed(&f, 25, 40000, MXT_ACK, 204, 101, "aXc");
    expect(&f, "");
    end(&f);
}

static void test_many_flows(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    f.is_silent = true;
    for (int round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < 20000; i++) {
            struct mxt_segment one = segment(&f, 40000, 25, MXT_ACK, 1 + 4 * (uint32_t)round, 1, "EHLO");
            memcpy(one.src.bytes + 8, &i, sizeof i);
            mxt_flow_table_segment(f.table, &one);
        }
        f.now_us += SECOND;
    }
    assert_int_equal(mxt_flow_table_counters(f.table)->opened, 20000);
    assert_int_equal(f.bytes, 3 * 20000 * 4);
    pass(&f, 600 * SECOND);
    assert_int_equal(mxt_flow_table_counters(f.table)->ended[MXT_FLOW_IDLE], 20000);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_session),
        cmocka_unit_test(test_a_certain_end_is_settled),
        cmocka_unit_test(test_an_uncertain_end_is_not_settled),
        cmocka_unit_test(test_what_opens_no_flow),
        cmocka_unit_test(test_orientation),
        cmocka_unit_test(test_half_open_expires_soon),
        cmocka_unit_test(test_idle_expires_by_its_last_packet),
        cmocka_unit_test(test_a_refused_or_reset_flow_is_closed),
        cmocka_unit_test(test_holes_are_given_up_without_a_packet_of_the_flow),
        cmocka_unit_test(test_a_hole_that_fills_is_forgotten),
        cmocka_unit_test(test_port_reuse),
        cmocka_unit_test(test_a_spoofed_syn_ends_nothing),
        cmocka_unit_test(test_a_full_table_spares_sessions),
        cmocka_unit_test(test_a_table_without_room),
        cmocka_unit_test(test_the_clock_never_goes_back),
        cmocka_unit_test(test_finish_ends_the_longest_idle_first),
        cmocka_unit_test(test_freed_without_finish),
        cmocka_unit_test(test_rest_forgets_what_was_said),
        cmocka_unit_test(test_many_flows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
