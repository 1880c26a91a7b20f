/* Connections of random segments, followed whole and folded: what comes out, and what is known in the end, must be the same. */
#include "tcp_script.h"

#include "sensor/tcp_fold.h"

#define ROUNDS   60000
#define SEGMENTS 12

/* The same connection twice: whole, and folded while that is possible. */
struct twins {
    struct script whole, other;
    struct mxt_tcp_folded folded;
    bool is_folded;
    unsigned taken, skipped, unfolded; /* segments, by the way that the folded one took */
};

static uint64_t random_state;

/* xorshift64 */
static unsigned below(unsigned n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)(random_state >> 33) % n;
}

/* A segment of an ordinary connection's beginning, or one that is out of the ordinary; `at` are the offsets that each side has come to. */
static struct mxt_segment segment_of(const struct script *script, enum mxt_direction direction, uint32_t at[2], uint8_t *packet)
{
    static const uint8_t flags[] = {MXT_SYN, MXT_SYN | MXT_ACK, MXT_ACK, MXT_ACK, MXT_ACK, MXT_ACK, MXT_ACK, MXT_PSH | MXT_ACK, MXT_FIN | MXT_ACK, MXT_RST | MXT_ACK, MXT_RST, MXT_URG | MXT_ACK, 0};
    static const char *const checksums[] = {"good", "good", "good", "good", "good", "good", "bad", "partial"};
    static const uint8_t unknown[20] = {[12] = 6 << 4};
    enum mxt_direction other = mxt_direction_other(direction);
    struct mxt_segment segment = {.tcp = unknown, .time_us = script->now_us, .frame_bytes = 60 + below(40), .window = (uint16_t)below(65536)};
    segment.flags = flags[below(sizeof flags)];
    bool has_syn = (segment.flags & MXT_SYN) != 0;
    segment.seq = script->isn[direction] + 1 + (has_syn ? UINT32_MAX : at[direction]) + (below(20) == 0 ? below(7) - 3 : 0);
    segment.ack = (segment.flags & MXT_ACK) == 0 ? 0 : script->isn[other] + 1 + at[other] + (below(20) == 0 ? below(7) - 3 : 0);
    segment.has_window_scale = has_syn && below(2) == 0;
    segment.window_scale = (uint8_t)below(15);
    segment.has_timestamp = below(2) == 0;
    segment.timestamp_value = below(3);
    segment.has_good_ip = below(2) == 0;
    segment.is_ip_damaged = below(50) == 0;
    segment.urgent = (uint16_t)below(3);
    segment.payload = packet + 20;
    segment.payload_length = has_syn ? below(20) / 18 : below(2) * below(6);
    segment.payload_missing = below(40) == 0;
    memset(packet + 20, 'a' + (int)below(26), segment.payload_length);
    if (below(10) > 0)
        script_checksum(&segment, packet, checksums[below(8)]);
    at[direction] += segment.payload_length + ((segment.flags & MXT_FIN) != 0);
    return segment;
}

/* The folded twin takes the segment as the flow table has it take one. */
static void take_folded(struct twins *twins, enum mxt_direction direction, const struct mxt_segment *segment)
{
    bool was_closed = mxt_tcp_folded_is_closed(&twins->folded);
    enum mxt_tcp_folded_step step = mxt_tcp_folded_take(&twins->folded, direction, segment);
    twins->taken += step == MXT_TCP_FOLDED_TAKEN;
    if (step == MXT_TCP_FOLDED_TAKEN && !was_closed && mxt_tcp_folded_is_closed(&twins->folded))
        script_close(&twins->other, direction, MXT_CLOSE_RST, segment->time_us); /* a refusal has nobody to tell */
    if (step == MXT_TCP_FOLDED_TAKEN)
        return;
    if (step == MXT_TCP_FOLDED_WORDS && mxt_tcp_folded_skip(&twins->folded, direction, segment)) {
        script_data(&twins->other, direction, segment->payload, segment->payload_length, segment->time_us);
        twins->skipped++;
        return;
    }
    mxt_tcp_unfold(&twins->folded, twins->other.tcp);
    mxt_tcp_segment(twins->other.tcp, direction, segment, &twins->other.limits, &script_sink, &twins->other);
    twins->is_folded = mxt_tcp_fold(twins->other.tcp, &twins->folded);
    twins->unfolded++;
}

static void check_alike(const struct twins *twins)
{
    struct mxt_tcp_folded whole;
    assert_string_equal(twins->whole.output, twins->other.output);
    assert_int_equal(mxt_tcp_fold(twins->whole.tcp, &whole), twins->is_folded);
    if (!twins->is_folded)
        return;
    for (enum mxt_direction direction = MXT_TOSERVER; direction <= MXT_TOCLIENT; direction++) {
        assert_memory_equal(&whole.half[direction], &twins->folded.half[direction], sizeof whole.half[direction]);
        assert_int_equal(mxt_tcp_delivered(twins->whole.tcp, direction), mxt_tcp_folded_delivered(&twins->folded, direction));
    }
    assert_int_equal(whole.retransmitted, twins->folded.retransmitted);
    assert_int_equal(whole.duplicates, twins->folded.duplicates);
    assert_int_equal(whole.bad_checksums_accepted, twins->folded.bad_checksums_accepted);
    assert_int_equal(mxt_tcp_is_closed(twins->whole.tcp), mxt_tcp_folded_is_closed(&twins->folded));
}

static void begin(struct twins *twins)
{
    *twins = (struct twins){.is_folded = true};
    uint32_t client = below(3) == 0 ? UINT32_MAX - below(4) : below(1000), server = below(1000000);
    script_begin(&twins->whole, client, server, false);
    script_begin(&twins->other, client, server, false);
    for (enum mxt_direction direction = MXT_TOSERVER; direction <= MXT_TOCLIENT; direction++) {
        mxt_tcp_keep_history(twins->whole.tcp, direction, false);
        mxt_tcp_keep_history(twins->other.tcp, direction, false);
    }
    assert_true(mxt_tcp_fold(twins->whole.tcp, &twins->folded));
}

static void test_folded_is_as_whole(void **state)
{
    static uint8_t packet[20 + 64];
    unsigned taken = 0, skipped = 0, unfolded = 0;
    (void)state;
    random_state = 88172645463325252u;
    for (int round = 0; round < ROUNDS; round++) {
        struct twins twins;
        begin(&twins);
        uint32_t at[2] = {0, 0};
        for (int i = 0; i < SEGMENTS && twins.is_folded; i++) {
            enum mxt_direction direction = below(2) == 0 ? MXT_TOSERVER : MXT_TOCLIENT;
            const struct mxt_segment segment = segment_of(&twins.whole, direction, at, packet);
            mxt_tcp_segment(twins.whole.tcp, direction, &segment, &twins.whole.limits, &script_sink, &twins.whole);
            take_folded(&twins, direction, &segment);
            check_alike(&twins);
            twins.whole.now_us += 700;
            twins.other.now_us += 700;
        }
        taken += twins.taken;
        skipped += twins.skipped;
        unfolded += twins.unfolded;
        script_end(&twins.whole);
        if (twins.is_folded)
            mxt_tcp_init(twins.other.tcp); /* as it was left, it holds nothing */
        script_end(&twins.other);
    }
    assert_true(taken > ROUNDS / 4 && skipped > ROUNDS / 100 && unfolded > ROUNDS / 4);
}

/* The ways that are meant to be short are. */
static void test_a_usual_connection_is_never_unfolded(void **state)
{
    static const struct { enum mxt_direction direction; uint8_t flags; uint32_t seq, ack; const char *text; } steps[] = {
        {MXT_TOSERVER, MXT_SYN, 100, 0, ""},           {MXT_TOCLIENT, MXT_SYN | MXT_ACK, 200, 101, ""},  {MXT_TOSERVER, MXT_ACK, 101, 201, ""},
        {MXT_TOSERVER, MXT_PSH | MXT_ACK, 101, 201, "GET /"}, {MXT_TOCLIENT, MXT_ACK, 201, 106, ""}, {MXT_TOCLIENT, MXT_ACK, 201, 106, "HTTP/1.1 200"},
    };
    static const uint8_t unknown[20] = {[12] = 6 << 4};
    struct twins twins;
    (void)state;
    begin(&twins);
    script_run(&twins.whole, "rest");
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        const struct mxt_segment segment = {.tcp = unknown, .time_us = twins.other.now_us, .flags = steps[i].flags, .seq = steps[i].seq, .ack = steps[i].ack,
                                            .payload = (const uint8_t *)steps[i].text, .payload_length = (uint32_t)strlen(steps[i].text)};
        take_folded(&twins, steps[i].direction, &segment);
    }
    assert_int_equal(twins.taken, 4);
    assert_int_equal(twins.skipped, 2);
    assert_string_equal(twins.other.output, ">GET /<HTTP/1.1 200");
    script_end(&twins.whole);
    script_end(&twins.other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_folded_is_as_whole),
        cmocka_unit_test(test_a_usual_connection_is_never_unfolded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
