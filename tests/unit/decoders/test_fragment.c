#include "decoders/packet_build.h"

#include "decoders/fragment.h"

#define START_US 1700000000000000
#define PAYLOAD  "DATA of a message that is long enough to be cut into pieces of eight bytes each, and some more of it.\r\n"

/* A datagram to be cut: everything behind the IP header, which goes around each piece. */
struct whole {
    uint8_t bytes[BUILD_MAX];
    size_t length;
    uint8_t protocol;
};

static struct whole whole_of(const char *layers, const char *payload)
{
    struct build b;
    struct whole whole = {.length = 0};
    build_frame(&b, layers, payload);
    whole.length = build_length(&b);
    whole.protocol = b.protocol;
    memcpy(whole.bytes, b.bytes + b.at, whole.length);
    return whole;
}

/* A fragment as a test sends it. */
struct send {
    size_t offset, length;
    bool has_more;
    bool is_ipv6;
    uint32_t id;
    const char *link; /* layers around it */
    int64_t time_us;
    size_t cut;   /* bytes that the snap length takes off */
    uint8_t flip; /* changes the fragment's last byte */
};

static enum mxt_packet_verdict send(struct mxt_packet_decoder *decoder, const struct whole *whole, const struct send *s, struct mxt_segment *out)
{
    struct build b = {.at = BUILD_MAX, .protocol = whole->protocol};
    uint8_t *piece = build_put(&b, s->length);
    memcpy(piece, whole->bytes + s->offset, s->length);
    if (s->length > 0)
        piece[s->length - 1] ^= s->flip;
    if (s->is_ipv6) {
        build_fragment6(&b, s->id, (unsigned)s->offset | s->has_more);
        build_ip6(&b, "");
    } else {
        build_ip4(&b, "", s->id, (unsigned)(s->offset / 8) | (s->has_more ? 0x2000u : 0));
    }
    build_around(&b, s->link == NULL ? "eth" : s->link);
    size_t length = build_length(&b);
    uint8_t *copy = malloc(length - s->cut);
    assert_non_null(copy);
    memcpy(copy, b.bytes + b.at, length - s->cut);
    struct mxt_frame frame = {
        .time_us = s->time_us == 0 ? START_US : s->time_us, .data = copy, .captured = (uint32_t)(length - s->cut), .wire = (uint32_t)length, .link_type = 1};
    enum mxt_packet_verdict verdict = mxt_packet_decode(decoder, &frame, out);
    free(copy); /* what comes out of a whole datagram must not lead into its last fragment */
    return verdict;
}

static uint64_t dropped(const struct mxt_packet_decoder *decoder)
{
    return mxt_packet_decoder_counters(decoder)->fragments_dropped;
}

static void check_whole(const struct mxt_segment *segment, const char *payload)
{
    assert_int_equal(segment->dst_port, 25);
    assert_int_equal(segment->seq, BUILD_SEQ);
    assert_int_equal(segment->payload_length, strlen(payload));
    assert_memory_equal(segment->payload, payload, strlen(payload));
    assert_int_equal(segment->payload_missing, 0);
}

/* Four pieces in each of their 24 orders, for both versions. */
static void test_orders(void **state)
{
    (void)state;
    struct mxt_packet_decoder *decoder = build_decoder(NULL);
    struct whole whole = whole_of("tcp=t", PAYLOAD);
    uint32_t id = 1;
    for (unsigned version = 0; version < 2; version++) {
        for (unsigned code = 0; code < 256; code++) {
            unsigned order[4] = {code & 3, code >> 2 & 3, code >> 4 & 3, code >> 6};
            if ((1u << order[0] | 1u << order[1] | 1u << order[2] | 1u << order[3]) != 15)
                continue;
            struct mxt_segment segment;
            id++;
            for (unsigned i = 0; i < 4; i++) {
                size_t at = order[i] * 32;
                bool is_last = order[i] == 3;
                struct send s = {.offset = at, .length = is_last ? whole.length - at : 32, .has_more = !is_last, .is_ipv6 = version == 1, .id = id};
                assert_int_equal(send(decoder, &whole, &s, &segment), i == 3 ? MXT_PACKET_SEGMENT : MXT_PACKET_FRAGMENT);
            }
            check_whole(&segment, PAYLOAD);
            assert_true(segment.has_timestamp);
            assert_int_equal(segment.ttl, version == 1 ? 62 : 61);
        }
    }
    assert_int_equal(dropped(decoder), 0);
    mxt_packet_decoder_free(decoder);
}

/* The smallest pieces there can be, backwards, each sent twice. */
static void test_tiny_and_twice(void **state)
{
    (void)state;
    struct mxt_packet_decoder *decoder = build_decoder(NULL);
    struct whole whole = whole_of("tcp", PAYLOAD);
    struct mxt_segment segment;
    for (size_t at = (whole.length - 1) / 8 * 8;; at -= 8) {
        bool is_last = at + 8 >= whole.length;
        struct send s = {.offset = at, .length = is_last ? whole.length - at : 8, .has_more = !is_last};
        if (at > 0)
            assert_int_equal(send(decoder, &whole, &s, &segment), MXT_PACKET_FRAGMENT);
        assert_int_equal(send(decoder, &whole, &s, &segment), at == 0 ? MXT_PACKET_SEGMENT : MXT_PACKET_FRAGMENT);
        if (at == 0)
            break;
    }
    check_whole(&segment, PAYLOAD);
    assert_int_equal(dropped(decoder), 0);
    mxt_packet_decoder_free(decoder);
}

/* Equal bytes may overlap in any way, also across several pieces at once. */
static void test_equal_overlap(void **state)
{
    (void)state;
    struct mxt_packet_decoder *decoder = build_decoder(NULL);
    struct whole whole = whole_of("tcp", PAYLOAD);
    struct mxt_segment segment;
    struct send sends[] = {
        {.offset = 16, .length = 16, .has_more = true},
        {.offset = 48, .length = 16, .has_more = true},
        {.offset = 8, .length = 64, .has_more = true}, /* over both, and into the gaps */
        {.offset = 24, .length = 8, .has_more = true}, /* inside */
        {.offset = 64, .length = whole.length - 64, .has_more = false},
        {.offset = 0, .length = 16, .has_more = true},
    };
    for (size_t i = 0; i < COUNT(sends); i++)
        assert_int_equal(send(decoder, &whole, &sends[i], &segment), i + 1 == COUNT(sends) ? MXT_PACKET_SEGMENT : MXT_PACKET_FRAGMENT);
    check_whole(&segment, PAYLOAD);
    assert_int_equal(dropped(decoder), 0);
    mxt_packet_decoder_free(decoder);
}

/* Fragments that contradict each other: nothing comes of them, nor of what is sent after them (RFC 5722 3). */
static void test_contradictions(void **state)
{
    (void)state;
    struct whole whole = whole_of("tcp", PAYLOAD);
    static const struct {
        const char *name;
        struct send bad;
    } cases[] = {
        {"other bytes over the same place", {.offset = 32, .length = 32, .has_more = true, .flip = 1}},
        {"other bytes over a part", {.offset = 24, .length = 16, .has_more = true, .flip = 0x80}},
        {"the end before bytes that came", {.offset = 32, .length = 24, .has_more = false}},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct mxt_packet_decoder *decoder = build_decoder(NULL);
        struct mxt_segment segment;
        struct send middle = {.offset = 32, .length = 32, .has_more = true};
        struct send first = {.offset = 0, .length = 32, .has_more = true};
        struct send last = {.offset = 64, .length = whole.length - 64, .has_more = false};
        print_message("%s\n", cases[i].name);
        assert_int_equal(send(decoder, &whole, &middle, &segment), MXT_PACKET_FRAGMENT);
        assert_int_equal(send(decoder, &whole, &cases[i].bad, &segment), MXT_PACKET_FRAGMENT);
        assert_int_equal(dropped(decoder), 2);
        assert_int_equal(send(decoder, &whole, &first, &segment), MXT_PACKET_FRAGMENT);
        assert_int_equal(send(decoder, &whole, &middle, &segment), MXT_PACKET_FRAGMENT);
        assert_int_equal(send(decoder, &whole, &last, &segment), MXT_PACKET_FRAGMENT);
        assert_int_equal(dropped(decoder), 5);
        mxt_packet_decoder_free(decoder);
    }
}

/* Two ends that differ, and bytes behind the end. */
static void test_two_ends(void **state)
{
    (void)state;
    struct whole whole = whole_of("tcp", PAYLOAD);
    struct send end = {.offset = 32, .length = 20, .has_more = false};
    struct send bad[] = {{.offset = 40, .length = 20, .has_more = false}, {.offset = 48, .length = 16, .has_more = true}};
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct mxt_packet_decoder *decoder = build_decoder(NULL);
        struct mxt_segment segment;
        assert_int_equal(send(decoder, &whole, &end, &segment), MXT_PACKET_FRAGMENT);
        assert_int_equal(send(decoder, &whole, &bad[i], &segment), MXT_PACKET_FRAGMENT);
        assert_int_equal(dropped(decoder), 2);
        mxt_packet_decoder_free(decoder);
    }
}

static void test_impossible(void **state)
{
    (void)state;
    struct whole whole = whole_of("tcp", PAYLOAD);
    struct mxt_packet_decoder *decoder = build_decoder(NULL);
    struct mxt_segment segment;
    struct send odd = {.offset = 0, .length = 33, .has_more = true}, empty = {.offset = 8, .length = 0, .has_more = true};
    assert_int_equal(send(decoder, &whole, &odd, &segment), MXT_PACKET_MALFORMED);
    assert_int_equal(send(decoder, &whole, &empty, &segment), MXT_PACKET_MALFORMED);
    struct build b = {.at = BUILD_MAX, .protocol = 6}; /* beyond the 65,535 bytes that a datagram can have */
    build_put(&b, 16);
    build_ip4(&b, "", 9, 0x1fff);
    build_around(&b, "eth");
    struct mxt_frame frame = {.data = b.bytes + b.at, .captured = (uint32_t)build_length(&b), .wire = (uint32_t)build_length(&b), .link_type = 1};
    assert_int_equal(mxt_packet_decode(decoder, &frame, &segment), MXT_PACKET_MALFORMED);
    mxt_packet_decoder_free(decoder);
}

/* Fragments belong together by addresses, identification and VLAN. */
static void test_keys(void **state)
{
    (void)state;
    struct mxt_packet_decoder *decoder = build_decoder(NULL);
    struct whole whole = whole_of("tcp", PAYLOAD);
    struct mxt_segment segment;
    struct send first = {.offset = 0, .length = 32, .has_more = true, .id = 5};
    struct send others[] = {
        {.offset = 32, .length = whole.length - 32, .id = 6},
        {.offset = 32, .length = whole.length - 32, .id = 5, .link = "eth vlan=3"},
        {.offset = 32, .length = whole.length - 32, .id = 5, .is_ipv6 = true},
    };
    assert_int_equal(send(decoder, &whole, &first, &segment), MXT_PACKET_FRAGMENT);
    for (size_t i = 0; i < COUNT(others); i++)
        assert_int_equal(send(decoder, &whole, &others[i], &segment), MXT_PACKET_FRAGMENT);
    struct send second = {.offset = 32, .length = whole.length - 32, .id = 5};
    assert_int_equal(send(decoder, &whole, &second, &segment), MXT_PACKET_SEGMENT);
    check_whole(&segment, PAYLOAD);
    mxt_packet_decoder_free(decoder);
}

/* What the first fragment shows not to be mail is not held; another datagram under the same number may be. */
static void test_unwanted(void **state)
{
    (void)state;
    struct mxt_packet_decoder *decoder = build_decoder(NULL);
    struct whole mail = whole_of("tcp", PAYLOAD), web = mail, dns = whole_of("udp=53", PAYLOAD), ping = {.length = 64, .protocol = 1};
    build_u16(web.bytes + 2, 443);
    struct mxt_segment segment;
    struct send first = {.offset = 0, .length = 32, .has_more = true}, rest = {.offset = 32, .length = mail.length - 32};
    assert_int_equal(send(decoder, &ping, &first, &segment), MXT_PACKET_OTHER);
    assert_int_equal(send(decoder, &dns, &first, &segment), MXT_PACKET_OTHER);
    assert_int_equal(send(decoder, &web, &rest, &segment), MXT_PACKET_FRAGMENT);
    assert_int_equal(send(decoder, &web, &first, &segment), MXT_PACKET_OTHER);
    assert_int_equal(send(decoder, &web, &rest, &segment), MXT_PACKET_OTHER);
    assert_int_equal(send(decoder, &mail, &first, &segment), MXT_PACKET_FRAGMENT);
    assert_int_equal(send(decoder, &mail, &rest, &segment), MXT_PACKET_SEGMENT);
    check_whole(&segment, PAYLOAD);
    assert_int_equal(dropped(decoder), 0);
    mxt_packet_decoder_free(decoder);
}

/* Unfinished datagrams end by capture time, which does not go back. */
static void test_timeout(void **state)
{
    (void)state;
    struct mxt_packet_decoder *decoder = build_decoder(NULL);
    struct whole whole = whole_of("tcp", PAYLOAD);
    struct mxt_segment segment;
    struct send first = {.offset = 0, .length = 32, .has_more = true}, rest = {.offset = 32, .length = whole.length - 32};
    assert_int_equal(send(decoder, &whole, &first, &segment), MXT_PACKET_FRAGMENT);
    rest.time_us = START_US + 29999999;
    assert_int_equal(send(decoder, &whole, &rest, &segment), MXT_PACKET_SEGMENT);
    assert_int_equal(send(decoder, &whole, &first, &segment), MXT_PACKET_FRAGMENT); /* an earlier time, out of order */
    rest.time_us = START_US + 29999999 + 30000000;
    assert_int_equal(send(decoder, &whole, &rest, &segment), MXT_PACKET_FRAGMENT);
    assert_int_equal(dropped(decoder), 1);
    mxt_packet_decoder_free(decoder);
}

/* However many datagrams are begun, what is held stays within the limit: the oldest go, the newest can be finished. */
static void test_limit(void **state)
{
    (void)state;
    struct mxt_packet_limits limits = {.fragment_bytes = 2000, .fragment_timeout_us = 30000000};
    struct mxt_packet_decoder *decoder = build_decoder(&limits);
    struct whole whole = whole_of("tcp", PAYLOAD);
    struct mxt_segment segment;
    for (uint32_t id = 1; id <= 100; id++) {
        struct send first = {.offset = 0, .length = 32, .has_more = true, .id = id};
        assert_int_equal(send(decoder, &whole, &first, &segment), MXT_PACKET_FRAGMENT);
    }
    assert_true(dropped(decoder) >= 100 - 2000 / (32 + 100));
    struct send rest = {.offset = 32, .length = whole.length - 32, .id = 1};
    assert_int_equal(send(decoder, &whole, &rest, &segment), MXT_PACKET_FRAGMENT);
    rest.id = 100;
    assert_int_equal(send(decoder, &whole, &rest, &segment), MXT_PACKET_SEGMENT);
    check_whole(&segment, PAYLOAD);
    mxt_packet_decoder_free(decoder);
}

/* A datagram that alone is beyond the limit, and a limit that holds nothing. */
static void test_too_large(void **state)
{
    (void)state;
    struct whole whole = whole_of("tcp", PAYLOAD);
    for (uint32_t bytes = 0; bytes <= 200; bytes += 200) {
        struct mxt_packet_limits limits = {.fragment_bytes = bytes, .fragment_timeout_us = 30000000};
        struct mxt_packet_decoder *decoder = build_decoder(&limits);
        struct mxt_segment segment;
        struct send first = {.offset = 0, .length = 32, .has_more = true}, rest = {.offset = 32, .length = whole.length - 32};
        assert_int_equal(send(decoder, &whole, &first, &segment), MXT_PACKET_FRAGMENT);
        assert_int_equal(send(decoder, &whole, &rest, &segment), MXT_PACKET_FRAGMENT);
        assert_int_equal(dropped(decoder), 2);
        mxt_packet_decoder_free(decoder);
    }
}

/* A fragment cut by the snap length leaves a hole that nothing fills. */
static void test_cut_fragment(void **state)
{
    (void)state;
    struct mxt_packet_decoder *decoder = build_decoder(NULL);
    struct whole whole = whole_of("tcp", PAYLOAD);
    struct mxt_segment segment;
    struct send first = {.offset = 0, .length = 32, .has_more = true}, rest = {.offset = 32, .length = whole.length - 32, .cut = 1};
    assert_int_equal(send(decoder, &whole, &first, &segment), MXT_PACKET_FRAGMENT);
    assert_int_equal(send(decoder, &whole, &rest, &segment), MXT_PACKET_FRAGMENT);
    assert_int_equal(dropped(decoder), 1);
    rest.cut = 0;
    assert_int_equal(send(decoder, &whole, &rest, &segment), MXT_PACKET_SEGMENT);
    mxt_packet_decoder_free(decoder);
}

/* Tunnels in fragments, fragments in tunnels, and both. */
static void test_tunnels(void **state)
{
    (void)state;
    static const char *const layers[] = {"ip4 tcp", "ip6 dest tcp", "gre=k ip4 tcp", "udp=4789 vxlan eth vlan=2 ip4 tcp"};
    struct mxt_packet_decoder *decoder = build_decoder(NULL);
    struct mxt_segment segment;
    for (size_t i = 0; i < COUNT(layers); i++) {
        struct whole whole = whole_of(layers[i], PAYLOAD);
        struct send first = {.offset = 0, .length = 32, .has_more = true, .link = "eth ip6 gre"},
                    rest = {.offset = 32, .length = whole.length - 32, .link = "eth ip6 gre"};
        assert_int_equal(send(decoder, &whole, &rest, &segment), MXT_PACKET_FRAGMENT);
        assert_int_equal(send(decoder, &whole, &first, &segment), MXT_PACKET_SEGMENT);
        check_whole(&segment, PAYLOAD);
    }
    /* The inner packet is a fragment that completes a datagram while the outer one is being looked at. */
    struct whole inner = whole_of("tcp", PAYLOAD);
    struct send first = {.offset = 0, .length = 32, .has_more = true, .id = 77};
    assert_int_equal(send(decoder, &inner, &first, &segment), MXT_PACKET_FRAGMENT);
    struct build b = {.at = BUILD_MAX, .protocol = 6};
    memcpy(build_put(&b, inner.length - 32), inner.bytes + 32, inner.length - 32);
    build_ip4(&b, "", 77, 4);
    struct whole outer = {.length = build_length(&b), .protocol = 4};
    memcpy(outer.bytes, b.bytes + b.at, outer.length);
    struct send outer_first = {.offset = 0, .length = 16, .has_more = true, .is_ipv6 = true, .id = 3};
    struct send outer_rest = {.offset = 16, .length = outer.length - 16, .is_ipv6 = true, .id = 3};
    assert_int_equal(send(decoder, &outer, &outer_first, &segment), MXT_PACKET_FRAGMENT);
    assert_int_equal(send(decoder, &outer, &outer_rest, &segment), MXT_PACKET_SEGMENT);
    check_whole(&segment, PAYLOAD);
    assert_int_equal(dropped(decoder), 0);
    mxt_packet_decoder_free(decoder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_orders),   cmocka_unit_test(test_tiny_and_twice), cmocka_unit_test(test_equal_overlap), cmocka_unit_test(test_contradictions),
        cmocka_unit_test(test_two_ends), cmocka_unit_test(test_impossible),     cmocka_unit_test(test_keys),          cmocka_unit_test(test_unwanted),
        cmocka_unit_test(test_timeout),  cmocka_unit_test(test_limit),          cmocka_unit_test(test_too_large),     cmocka_unit_test(test_cut_fragment),
        cmocka_unit_test(test_tunnels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
