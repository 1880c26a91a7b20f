/* Dealing out to packet threads: the owner as user space and as the kernel's program compute it; segments handed on between real threads. Also run under TSan. */
#include "check.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "sensor/exchange.h"

#define FRAME 80
#define SEED  UINT64_C(0x0123456789abcdef)

/* ---- the program, as the kernel runs it ---- */

/* A frame from its network header on, and the protocol that the kernel knows. */
struct seen {
    unsigned protocol;
    uint8_t bytes[FRAME];
};

static uint32_t load(const struct seen *seen, uint32_t k, unsigned size)
{
    if (k == (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL))
        return seen->protocol;
    uint32_t at = k - (uint32_t)SKF_NET_OFF, value = 0;
    assert_true(at + size <= FRAME);
    for (unsigned i = 0; i < size; i++)
        value = value << 8 | seen->bytes[at + i];
    return value;
}

static uint32_t calculate(unsigned code, uint32_t a, uint32_t operand)
{
    switch (BPF_OP(code)) {
    case BPF_ADD: return a + operand;
    case BPF_MUL: return a * operand;
    case BPF_RSH: return a >> operand;
    default: fail_msg("operation %u", BPF_OP(code)); return 0;
    }
}

static uint32_t execute(const struct sock_filter *program, size_t count, const struct seen *seen)
{
    uint32_t a = 0, x = 0, memory[16] = {0};
    for (size_t i = 0; i < count; i++) {
        const struct sock_filter *op = &program[i];
        switch (BPF_CLASS(op->code)) {
        case BPF_LD:
            a = BPF_MODE(op->code) == BPF_MEM ? memory[op->k] : load(seen, op->k, BPF_SIZE(op->code) == BPF_W ? 4 : BPF_SIZE(op->code) == BPF_H ? 2 : 1);
            break;
        case BPF_ST: memory[op->k] = a; break;
        case BPF_ALU: a = calculate(op->code, a, BPF_SRC(op->code) == BPF_X ? x : op->k); break;
        case BPF_JMP: i += (BPF_OP(op->code) == BPF_JEQ ? a == op->k : (a & op->k) != 0) ? op->jt : op->jf; break;
        case BPF_MISC: x = a; break;
        case BPF_RET: return a;
        default: fail_msg("class %u", BPF_CLASS(op->code));
        }
    }
    fail_msg("the program runs out");
    return 0;
}

static void put16(uint8_t *p, unsigned value)
{
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}

static struct seen ipv4_of(const struct mxt_segment *segment)
{
    struct seen seen = {.protocol = 0x0800};
    seen.bytes[0] = 0x45;
    seen.bytes[9] = 6;
    memcpy(seen.bytes + 12, segment->src.bytes + 12, 4);
    memcpy(seen.bytes + 16, segment->dst.bytes + 12, 4);
    put16(seen.bytes + 20, segment->src_port);
    put16(seen.bytes + 22, segment->dst_port);
    return seen;
}

static struct seen ipv6_of(const struct mxt_segment *segment)
{
    struct seen seen = {.protocol = 0x86dd};
    seen.bytes[0] = 0x60;
    seen.bytes[6] = 6;
    memcpy(seen.bytes + 8, segment->src.bytes, 16);
    memcpy(seen.bytes + 24, segment->dst.bytes, 16);
    put16(seen.bytes + 40, segment->src_port);
    put16(seen.bytes + 42, segment->dst_port);
    return seen;
}

/* Connection number `i`, in one direction. */
static struct mxt_segment segment_of(unsigned i, bool is_ipv6)
{
    struct mxt_segment segment = {.src_port = (uint16_t)(1024 + i * 7), .dst_port = 25};
    memset(segment.src.bytes, 0, sizeof segment.src.bytes);
    memset(segment.dst.bytes, 0, sizeof segment.dst.bytes);
    if (!is_ipv6) {
        memset(segment.src.bytes + 10, 0xff, 2);
        memset(segment.dst.bytes + 10, 0xff, 2);
    }
    memcpy(segment.src.bytes + (is_ipv6 ? 0 : 12), (const uint8_t[]){10, (uint8_t)i, (uint8_t)(i >> 8), 25}, 4);
    memcpy(segment.dst.bytes + 12, (const uint8_t[]){192, 0, 2, (uint8_t)(i * 3)}, 4);
    return segment;
}

static struct mxt_segment reversed(struct mxt_segment segment)
{
    struct mxt_segment other = segment;
    other.src = segment.dst;
    other.dst = segment.src;
    other.src_port = segment.dst_port;
    other.dst_port = segment.src_port;
    return other;
}

static void test_the_kernel_deals_out_as_we_do(void **state)
{
    (void)state;
    struct sock_filter program[MXT_FANOUT_PROGRAM];
    for (uint32_t workers = 1; workers <= 7; workers++) {
        struct mxt_fanout fanout;
        mxt_fanout_init(&fanout, workers, SEED + workers);
        size_t count = mxt_fanout_program(&fanout, program);
        assert_true(count <= MXT_FANOUT_PROGRAM);
        for (unsigned i = 0; i < 1000; i++) {
            bool is_ipv6 = (i & 1) != 0;
            const struct mxt_segment there = segment_of(i, is_ipv6), back = reversed(there);
            const struct seen seen_there = is_ipv6 ? ipv6_of(&there) : ipv4_of(&there), seen_back = is_ipv6 ? ipv6_of(&back) : ipv4_of(&back);
            uint32_t owner = mxt_fanout_owner(&fanout, &there);
            assert_true(owner < workers);
            assert_int_equal(mxt_fanout_owner(&fanout, &back), owner);
            assert_int_equal(execute(program, count, &seen_there) % workers, owner);
            assert_int_equal(execute(program, count, &seen_back) % workers, owner);
        }
    }
}

/* Fragments of one datagram must meet, and so must both directions': no port may count. */
static void test_fragments_go_by_addresses_alone(void **state)
{
    (void)state;
    struct mxt_fanout fanout;
    struct sock_filter program[MXT_FANOUT_PROGRAM];
    mxt_fanout_init(&fanout, 16, SEED);
    size_t count = mxt_fanout_program(&fanout, program);
    for (unsigned i = 0; i < 100; i++) {
        const struct mxt_segment segment = segment_of(i, false);
        struct seen first = ipv4_of(&segment), last = first, next = ipv6_of(&segment), options = first;
        put16(first.bytes + 6, 0x2000);
        put16(last.bytes + 6, 0x00b9);
        memset(last.bytes + 20, 0xa5, FRAME - 20);
        assert_int_equal(execute(program, count, &first), execute(program, count, &last));
        next.bytes[6] = 44;
        uint32_t hash = execute(program, count, &next);
        memset(next.bytes + 40, 0xa5, FRAME - 40);
        assert_int_equal(execute(program, count, &next), hash);
        options.bytes[0] = 0x46;
        assert_int_equal(execute(program, count, &options), execute(program, count, &first));
        first.bytes[6] = 0x40; /* "do not fragment" is none */
        assert_int_equal(execute(program, count, &first) % 16, mxt_fanout_owner(&fanout, &segment));
    }
}

static void test_owners_are_spread(void **state)
{
    (void)state;
    struct mxt_fanout fanout;
    unsigned owned[4] = {0};
    mxt_fanout_init(&fanout, 4, SEED);
    for (unsigned i = 0; i < 4000; i++) {
        const struct mxt_segment segment = segment_of(i, false);
        owned[mxt_fanout_owner(&fanout, &segment)]++;
    }
    for (size_t i = 0; i < 4; i++)
        assert_in_range(owned[i], 700, 1300);
}

/* ---- the ring ---- */

/* A segment whose TCP bytes tell its number. */
static struct mxt_segment numbered(uint8_t *bytes, uint32_t number, uint32_t payload)
{
    memset(bytes, (int)(number & 0xff), 20 + payload);
    memcpy(bytes, &number, sizeof number);
    return (struct mxt_segment){.time_us = number, .tcp = bytes, .payload = bytes + 20, .payload_length = payload};
}

static void check_numbered(const struct mxt_segment *segment, uint32_t number)
{
    uint32_t told;
    memcpy(&told, segment->tcp, sizeof told);
    assert_int_equal(told, number);
    assert_int_equal(segment->time_us, number);
    assert_ptr_equal(segment->payload, segment->tcp + 20);
    for (uint32_t i = 0; i < segment->payload_length; i++)
        assert_int_equal(segment->payload[i], number & 0xff);
}

static void test_a_full_ring_refuses_and_goes_on(void **state)
{
    (void)state;
    struct mxt_ring *ring = mxt_ring_new(4096);
    uint8_t bytes[4096];
    struct mxt_segment out[64];
    uint32_t put = 0, taken = 0;
    assert_non_null(ring);
    for (unsigned round = 0; round < 200; round++) {
        struct mxt_segment segment = numbered(bytes, put, round * 13 % 700);
        while (mxt_ring_put(ring, &segment, 0)) {
            put++;
            segment = numbered(bytes, put, (round + put) * 13 % 700);
        }
        assert_false(mxt_ring_is_empty(ring));
        size_t count = mxt_ring_take(ring, out, 1 + round % 5, 0);
        assert_true(count > 0);
        for (size_t i = 0; i < count; i++)
            check_numbered(&out[i], taken++);
        mxt_ring_release(ring);
    }
    const struct mxt_segment huge = numbered(bytes, 0, 3000);
    assert_false(mxt_ring_put(ring, &huge, 0));
    mxt_ring_free(ring);
}

static void test_what_is_too_young_waits(void **state)
{
    (void)state;
    struct mxt_ring *ring = mxt_ring_new(4096);
    uint8_t bytes[64];
    struct mxt_segment out[4];
    const struct mxt_segment first = numbered(bytes, 1, 8);
    assert_non_null(ring);
    assert_true(mxt_ring_put(ring, &first, 100));
    const struct mxt_segment second = numbered(bytes, 2, 8);
    assert_true(mxt_ring_put(ring, &second, 200));
    assert_int_equal(mxt_ring_take(ring, out, 4, 99), 0);
    assert_int_equal(mxt_ring_take(ring, out, 4, 199), 1);
    check_numbered(&out[0], 1);
    mxt_ring_release(ring);
    assert_false(mxt_ring_is_empty(ring));
    assert_int_equal(mxt_ring_take(ring, out, 4, 200), 1);
    mxt_ring_release(ring);
    assert_true(mxt_ring_is_empty(ring));
    mxt_ring_free(ring);
}

static void test_a_frame_travels_whole_and_a_datagram_put_together_without_one(void **state)
{
    (void)state;
    struct mxt_ring *ring = mxt_ring_new(4096);
    uint8_t bytes[100], elsewhere[60];
    struct mxt_segment out[2];
    assert_non_null(ring);
    memset(bytes, 0x11, sizeof bytes);
    memset(elsewhere, 0x22, sizeof elsewhere);
    const struct mxt_frame frame = {.data = bytes, .captured = sizeof bytes, .wire = 200, .link_type = 1, .interface = "eth1"};
    struct mxt_segment segment = {.frame = &frame, .tcp = bytes + 34, .payload = bytes + 54, .payload_length = 40};
    assert_true(mxt_ring_put(ring, &segment, 0));
    segment.tcp = elsewhere;
    segment.payload = elsewhere + 20;
    assert_true(mxt_ring_put(ring, &segment, 0));
    memset(bytes, 0, sizeof bytes);
    memset(elsewhere, 0, sizeof elsewhere);
    assert_int_equal(mxt_ring_take(ring, out, 2, 0), 2);
    assert_int_equal(out[0].frame->captured, 100);
    assert_int_equal(out[0].frame->wire, 200);
    assert_string_equal(out[0].frame->interface, "eth1");
    assert_ptr_equal(out[0].tcp, out[0].frame->data + 34);
    assert_ptr_equal(out[0].payload, out[0].frame->data + 54);
    assert_int_equal(out[0].frame->data[0], 0x11);
    assert_int_equal(out[0].frame->data[99], 0x11);
    assert_int_equal(out[1].frame->captured, 0);
    assert_null(out[1].frame->data);
    assert_ptr_equal(out[1].payload, out[1].tcp + 20);
    assert_int_equal(out[1].payload[39], 0x22);
    mxt_ring_release(ring);
    mxt_ring_free(ring);
}

/* ---- threads ---- */

#define WORKERS  3
#define SEGMENTS 20000

struct party {
    struct mxt_exchange *exchange;
    const struct mxt_fanout *fanout;
    uint32_t number;
    uint32_t next[WORKERS]; /* expected of each other one */
    uint32_t taken, kept;
    bool has_fault;
};

static void on_segments(void *context, const struct mxt_segment *segments, size_t count)
{
    struct party *party = context;
    for (size_t i = 0; i < count; i++) {
        uint32_t from = (uint32_t)segments[i].seq, number;
        memcpy(&number, segments[i].tcp, sizeof number);
        if (mxt_fanout_owner(party->fanout, &segments[i]) != party->number || from == party->number || number < party->next[from])
            party->has_fault = true;
        party->next[from] = number + 1;
        party->taken++;
    }
}

static void *run_party(void *context)
{
    struct party *party = context;
    uint8_t bytes[600];
    for (uint32_t i = 0; i < SEGMENTS; i++) {
        struct mxt_segment segment = numbered(bytes, i, i * 31 % 500);
        struct mxt_segment ends = segment_of(i, false);
        segment.src = ends.src;
        segment.dst = ends.dst;
        segment.src_port = ends.src_port;
        segment.dst_port = ends.dst_port;
        segment.seq = party->number;
        party->kept += !mxt_exchange_hand_on(party->exchange, party->number, &segment);
        if (i % 16 == 0) {
            mxt_exchange_wake(party->exchange, party->number);
            mxt_exchange_take(party->exchange, party->number, 0, on_segments, party);
        }
        if (i % 1000 == 0 && mxt_exchange_may_sleep(party->exchange, party->number))
            mxt_exchange_awake(party->exchange, party->number);
    }
    mxt_exchange_leave(party->exchange, party->number);
    while (!mxt_exchange_is_over(party->exchange, party->number))
        if (!mxt_exchange_take(party->exchange, party->number, 0, on_segments, party))
            sched_yield();
    return NULL;
}

static void test_threads_get_what_is_theirs_in_order(void **state)
{
    (void)state;
    struct mxt_fanout fanout;
    struct party parties[WORKERS];
    pthread_t threads[WORKERS];
    mxt_fanout_init(&fanout, WORKERS, SEED);
    struct mxt_exchange *exchange = mxt_exchange_new(&fanout, 64u << 10);
    assert_non_null(exchange);
    for (uint32_t i = 0; i < WORKERS; i++) {
        parties[i] = (struct party){.exchange = exchange, .fanout = &fanout, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, run_party, &parties[i]), 0);
    }
    uint64_t taken = 0, kept = 0, handed = 0, lost = 0;
    for (uint32_t i = 0; i < WORKERS; i++) {
        pthread_join(threads[i], NULL);
        const struct mxt_exchange_counters counters = mxt_exchange_counters(exchange, i);
        assert_false(parties[i].has_fault);
        taken += parties[i].taken;
        kept += parties[i].kept;
        handed += counters.handed;
        lost += counters.lost;
    }
    assert_int_equal(kept + handed, (uint64_t)WORKERS * SEGMENTS);
    assert_int_equal(taken, handed - lost);
    assert_true(taken > 0);
    mxt_exchange_free(exchange);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_kernel_deals_out_as_we_do),     cmocka_unit_test(test_fragments_go_by_addresses_alone), cmocka_unit_test(test_owners_are_spread),
        cmocka_unit_test(test_a_full_ring_refuses_and_goes_on),   cmocka_unit_test(test_what_is_too_young_waits),
        cmocka_unit_test(test_a_frame_travels_whole_and_a_datagram_put_together_without_one),
        cmocka_unit_test(test_threads_get_what_is_theirs_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
