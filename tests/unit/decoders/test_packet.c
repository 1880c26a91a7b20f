#include "decoders/packet_build.h"

#include "decoders/link.h"

#define PAYLOAD "EHLO mail.example\r\n"

/* Frames with a segment inside. */
static const struct {
    const char *name;
    int link_type;
    const char *layers;
    uint8_t vlan_count;
    uint16_t vlan[MXT_VLAN_MAX];
} segments[] = {
    {"Ethernet, IPv4", 1, "eth ip4 tcp", 0, {0}},
    {"Ethernet, IPv6", 1, "eth ip6 tcp=t", 0, {0}},
    {"802.2 with SNAP", 1, "eth snap ip4 tcp", 0, {0}},
    {"cooked 1", 113, "sll ip4 tcp", 0, {0}},
    {"cooked 2", 276, "sll2 ip6 tcp", 0, {0}},
    {"cooked 1, VLAN", 113, "sll vlan=7 ip4 tcp", 1, {7}},
    {"raw, IPv4", 101, "ip4 tcp=T", 0, {0}},
    {"raw, IPv6", 101, "ip6 tcp", 0, {0}},
    {"raw as DLT 12", 12, "ip4 tcp", 0, {0}},
    {"raw as DLT 14", 14, "ip4 tcp", 0, {0}},
    {"LINKTYPE_IPV4", 228, "ip4 tcp", 0, {0}},
    {"LINKTYPE_IPV6", 229, "ip6 tcp", 0, {0}},
    {"BSD loopback, little-endian", 0, "null ip4 tcp", 0, {0}},
    {"BSD loopback, big-endian", 0, "loop ip4 tcp", 0, {0}},
    {"BSD loopback, IPv6 of OpenBSD", 108, "loop ip6 tcp", 0, {0}},
    {"BSD loopback, IPv6 of FreeBSD", 0, "null=1c ip6 tcp", 0, {0}},
    {"BSD loopback, IPv6 of macOS", 0, "null=1e ip6 tcp", 0, {0}},
    {"BSD loopback, IPv6 of Linux", 0, "null=a ip6 tcp", 0, {0}},
    {"PPP", 9, "ppp ip4 tcp", 0, {0}},
    {"PPP, IPv6", 9, "hdlc ip6 tcp", 0, {0}},
    {"PPP in HDLC framing", 50, "hdlc ip4 tcp", 0, {0}},
    {"PPP, one-byte protocol", 9, "pppshort ip4 tcp", 0, {0}},
    {"PPP, MPLS", 9, "ppp mpls=1 ip4 tcp", 0, {0}},
    {"PPPoE link type", 51, "pppoe ppp ip4 tcp", 0, {0}},
    {"VLAN", 1, "eth vlan=12 ip4 tcp", 1, {12}},
    {"VLAN, IPv6", 1, "eth vlan=4095 ip6 tcp", 1, {4095}},
    {"QinQ", 1, "eth qinq=100 vlan=12 ip4 tcp", 2, {100, 12}},
    {"three tags", 1, "eth qinq=100 vlan=12 vlan=13 ip4 tcp", 2, {100, 12}},
    {"MPLS", 1, "eth mpls=1 ip4 tcp", 0, {0}},
    {"MPLS, three labels, IPv6", 1, "eth mpls=3 ip6 tcp", 0, {0}},
    {"MPLS pseudowire", 1, "eth mpls=2 pw eth vlan=5 ip4 tcp", 1, {5}},
    {"PPPoE", 1, "eth pppoe ppp ip4 tcp", 0, {0}},
    {"PPPoE in a VLAN", 1, "eth vlan=9 pppoe ppp ip6 tcp", 1, {9}},
    {"GRE", 1, "eth ip4 gre ip4 tcp", 0, {0}},
    {"GRE with checksum, key and sequence", 1, "eth ip4 gre=cks ip6 tcp", 0, {0}},
    {"GRE with key", 1, "eth ip6 gre=k ip4 tcp", 0, {0}},
    {"GRE around Ethernet", 1, "eth ip4 gre eth vlan=3 ip4 tcp", 1, {3}},
    {"GRE around MPLS", 1, "eth ip4 gre mpls=1 ip4 tcp", 0, {0}},
    {"ERSPAN I", 1, "eth ip4 gre erspan1 eth ip4 tcp", 0, {0}},
    {"ERSPAN II", 1, "eth ip4 gre=s erspan2 eth vlan=44 ip4 tcp", 1, {44}},
    {"ERSPAN III", 1, "eth ip4 gre=s erspan3 eth ip4 tcp", 0, {0}},
    {"ERSPAN III with subheader", 1, "eth ip4 gre=s erspan3=s eth ip4 tcp", 0, {0}},
    {"ERSPAN III around IP", 1, "eth ip4 gre=s erspan3=i ip4 tcp", 0, {0}},
    {"VXLAN", 1, "eth ip4 udp=4789 vxlan eth ip4 tcp", 0, {0}},
    {"VXLAN on Linux' port, in a VLAN that is not the session's", 1, "eth vlan=2 ip6 udp=8472 vxlan eth vlan=8 ip4 tcp", 1, {8}},
    {"4in4", 1, "eth ip4 ip4 tcp", 0, {0}},
    {"6in4", 1, "eth ip4 ip6 tcp", 0, {0}},
    {"4in6", 1, "eth ip6 ip4 tcp", 0, {0}},
    {"6in6", 1, "eth ip6 ip6 tcp", 0, {0}},
    {"IPv4 options", 1, "eth ip4=o tcp", 0, {0}},
    {"IPv4 authentication header", 1, "eth ip4 ah tcp", 0, {0}},
    {"IPv6 extension headers", 1, "eth ip6 hbh dest route ah dest tcp", 0, {0}},
    {"IPv6 atomic fragment", 1, "eth ip6 atomic tcp", 0, {0}},
    {"IPv4 length 0 (offload)", 1, "eth ip4=0 tcp", 0, {0}},
    {"IPv6 length 0 (offload)", 1, "eth ip6=0 tcp", 0, {0}},
    {"as deep as is looked", 101, "ip4 ip4 ip6 ip4 ip6 ip6 ip4 ip4 tcp", 0, {0}},
};

/* Frames without one. */
static const struct {
    const char *name;
    int link_type;
    const char *layers;
    enum mxt_packet_verdict verdict;
} others[] = {
    {"unknown link type", 147, "eth ip4 tcp", MXT_PACKET_UNSUPPORTED},
    {"negative link type", -1, "eth ip4 tcp", MXT_PACKET_UNSUPPORTED},
    {"LLDP", 1, "eth=88cc ip4 tcp", MXT_PACKET_OTHER},
    {"ARP", 1, "eth=0806 ip4 tcp", MXT_PACKET_OTHER},
    {"802.3 without SNAP", 1, "eth=30 ip4 tcp", MXT_PACKET_OTHER},
    {"MACsec", 1, "eth=88e5 ip4 tcp", MXT_PACKET_UNSUPPORTED},
    {"IPv4 announced, version 5", 1, "eth ip4=4 tcp", MXT_PACKET_MALFORMED},
    {"cooked 1, not IP", 113, "sll=4 ip4 tcp", MXT_PACKET_OTHER},
    {"cooked 2, not IP", 276, "sll2=0806 ip4 tcp", MXT_PACKET_OTHER},
    {"raw, neither version", 101, "ip4=4 tcp", MXT_PACKET_MALFORMED},
    {"BSD loopback, not IP", 0, "null=7 ip4 tcp", MXT_PACKET_OTHER},
    {"BSD loopback, not IP, big-endian", 108, "loop=7 ip4 tcp", MXT_PACKET_OTHER},
    {"PPP control", 9, "ppp=c021 ip4 tcp", MXT_PACKET_OTHER},
    {"VLAN around something else", 1, "eth vlan=2 eth=88cc", MXT_PACKET_OTHER},
    {"PPPoE discovery", 1, "eth pppoe=9 ppp ip4 tcp", MXT_PACKET_OTHER},
    {"GRE version 1", 1, "eth ip4 gre=1 ip4 tcp", MXT_PACKET_UNSUPPORTED},
    {"GRE with routing", 1, "eth ip4 gre=r ip4 tcp", MXT_PACKET_UNSUPPORTED},
    {"ERSPAN of unknown version", 1, "eth ip4 gre=s erspan1 ip4 tcp", MXT_PACKET_UNSUPPORTED},
    {"ERSPAN III of unknown content", 1, "eth ip4 gre=s erspan3=x eth ip4 tcp", MXT_PACKET_UNSUPPORTED},
    {"UDP on another port", 1, "eth ip4 udp=4790 vxlan eth ip4 tcp", MXT_PACKET_OTHER},
    {"VXLAN without its flag", 1, "eth ip4 udp=4789 vxlan=0 eth ip4 tcp", MXT_PACKET_OTHER},
    {"IPv4 header too short", 1, "eth ip4=s tcp", MXT_PACKET_MALFORMED},
    {"inner IPv4 header too short", 1, "eth ip4 ip4=s tcp", MXT_PACKET_MALFORMED},
    {"TCP header too short", 1, "eth ip4 tcp=5", MXT_PACKET_MALFORMED},
    {"TCP header longer than the packet", 1, "eth ip4 tcp=f", MXT_PACKET_MALFORMED},
    {"one IP header too many", 101, "ip4 ip4 ip6 ip4 ip6 ip6 ip4 ip4 ip4 tcp", MXT_PACKET_UNSUPPORTED},
};

static struct mxt_frame frame_over(const uint8_t *data, size_t captured, size_t wire, int link_type)
{
    return (struct mxt_frame){
        .time_us = 1700000000000000, .data = data, .captured = (uint32_t)captured, .wire = (uint32_t)wire, .link_type = link_type, .interface = "eth9"};
}

static void check_addresses(const struct mxt_segment *segment, const char *layers)
{
    const char *last4 = strstr(layers, "ip4"), *last6 = strstr(layers, "ip6");
    for (const char *p = last4; p != NULL; p = strstr(p + 1, "ip4"))
        last4 = p;
    for (const char *p = last6; p != NULL; p = strstr(p + 1, "ip6"))
        last6 = p;
    bool is_ipv6 = last6 > last4;
    char text[MXT_ADDRESS_TEXT];
    mxt_address_format(&segment->src, text);
    assert_string_equal(text, is_ipv6 ? "2001:db8::1" : "10.0.0.1");
    mxt_address_format(&segment->dst, text);
    assert_string_equal(text, is_ipv6 ? "2001:db8::2" : "10.0.0.2");
    assert_int_equal(segment->ttl, is_ipv6 ? 62 : 61);
}

static void check_header(const struct mxt_segment *segment, const char *layers)
{
    assert_int_equal(segment->time_us, 1700000000000000);
    assert_int_equal(segment->src_port, 40000);
    assert_int_equal(segment->dst_port, 25);
    assert_int_equal(segment->seq, BUILD_SEQ);
    assert_int_equal(segment->ack, BUILD_ACK);
    assert_int_equal(segment->window, 512);
    assert_int_equal(segment->flags, MXT_PSH | MXT_ACK);
    assert_string_equal(segment->interface, "eth9");
    check_addresses(segment, layers);
}

static void test_segments(void **state)
{
    (void)state;
    struct mxt_packet_decoder *decoder = build_decoder(NULL);
    for (size_t i = 0; i < COUNT(segments); i++) {
        struct build b;
        struct mxt_segment segment;
        print_message("%s\n", segments[i].name);
        build_frame(&b, segments[i].layers, PAYLOAD);
        struct mxt_frame frame = frame_over(b.bytes + b.at, build_length(&b), build_length(&b), segments[i].link_type);
        assert_int_equal(mxt_packet_decode(decoder, &frame, &segment), MXT_PACKET_SEGMENT);
        check_header(&segment, segments[i].layers);
        assert_int_equal(segment.payload_length, strlen(PAYLOAD));
        assert_memory_equal(segment.payload, PAYLOAD, strlen(PAYLOAD));
        assert_int_equal(segment.payload_missing, 0);
        assert_int_equal(segment.frame_bytes, frame.wire);
        assert_int_equal(segment.vlan_count, segments[i].vlan_count);
        assert_memory_equal(segment.vlan, segments[i].vlan, sizeof segment.vlan);
        bool has_timestamp = strstr(segments[i].layers, "tcp=") != NULL;
        assert_int_equal(segment.has_timestamp, has_timestamp);
        assert_int_equal(segment.timestamp_value, has_timestamp ? BUILD_TIME : 0);
    }
    assert_int_equal(mxt_packet_decoder_counters(decoder)->verdicts[MXT_PACKET_SEGMENT], COUNT(segments));
    assert_int_equal(mxt_packet_decoder_counters(decoder)->snapped, 0);
    mxt_packet_decoder_free(decoder);
}

/* Each frame cut by the snap length at every place, in memory that ends there: a cut header is malformed, a cut payload is missing. */
static void test_cut(void **state)
{
    (void)state;
    struct mxt_packet_decoder *decoder = build_decoder(NULL);
    uint64_t cut = 0;
    for (size_t i = 0; i < COUNT(segments); i++) {
        struct build b;
        build_frame(&b, segments[i].layers, PAYLOAD);
        size_t whole = build_length(&b), options = strstr(segments[i].layers, "=T") ? 20 : strstr(segments[i].layers, "=t") ? 12 : 0;
        size_t payload_at = whole - strlen(PAYLOAD), fixed = payload_at - options;
        for (size_t n = 0; n < whole; n++, cut++) {
            struct mxt_segment segment;
            uint8_t *copy = malloc(n > 0 ? n : 1);
            assert_non_null(copy);
            memcpy(copy, b.bytes + b.at, n);
            struct mxt_frame frame = frame_over(copy, n, whole, segments[i].link_type);
            enum mxt_packet_verdict verdict = mxt_packet_decode(decoder, &frame, &segment);
            assert_int_equal(verdict, n < fixed ? MXT_PACKET_MALFORMED : MXT_PACKET_SEGMENT);
            if (verdict == MXT_PACKET_SEGMENT) {
                check_header(&segment, segments[i].layers);
                assert_int_equal(segment.payload_length, n > payload_at ? n - payload_at : 0);
                assert_int_equal(segment.payload_length + segment.payload_missing, strlen(PAYLOAD));
                assert_int_equal(mxt_segment_checksum(&segment), MXT_CHECKSUM_UNKNOWN);
            }
            free(copy);
        }
    }
    assert_int_equal(mxt_packet_decoder_counters(decoder)->snapped, cut);
    mxt_packet_decoder_free(decoder);
}

static void test_others(void **state)
{
    (void)state;
    struct mxt_packet_decoder *decoder = build_decoder(NULL);
    for (size_t i = 0; i < COUNT(others); i++) {
        struct build b;
        struct mxt_segment segment;
        print_message("%s\n", others[i].name);
        build_frame(&b, others[i].layers, PAYLOAD);
        struct mxt_frame frame = frame_over(b.bytes + b.at, build_length(&b), build_length(&b), others[i].link_type);
        assert_int_equal(mxt_packet_decode(decoder, &frame, &segment), others[i].verdict);
    }
    mxt_packet_decoder_free(decoder);
}

/* Ports outside the set are told so on every way through the layers, and the set counts for either side. */
static void test_ports(void **state)
{
    (void)state;
    struct mxt_packet_decoder *decoder = build_decoder(NULL);
    for (size_t i = 0; i < COUNT(segments); i++) {
        struct build b;
        struct mxt_segment segment;
        build_frame(&b, segments[i].layers, PAYLOAD);
        size_t options = strstr(segments[i].layers, "=T") ? 20 : strstr(segments[i].layers, "=t") ? 12 : 0;
        uint8_t *tcp = b.bytes + BUILD_MAX - strlen(PAYLOAD) - options - 20;
        struct mxt_frame frame = frame_over(b.bytes + b.at, build_length(&b), build_length(&b), segments[i].link_type);
        build_u16(tcp, 25);
        build_u16(tcp + 2, 40000);
        assert_int_equal(mxt_packet_decode(decoder, &frame, &segment), MXT_PACKET_SEGMENT);
        build_u16(tcp, 443);
        assert_int_equal(mxt_packet_decode(decoder, &frame, &segment), MXT_PACKET_OTHER);
    }
    mxt_packet_decoder_free(decoder);
}

/* Ethernet pads short frames to 60 bytes: what the IP length leaves out is no payload. */
static void test_padding(void **state)
{
    (void)state;
    static const char *const layers[] = {"eth ip4 tcp", "eth ip6 tcp", "eth vlan=1 ip4 tcp", "eth pppoe ppp ip4 tcp"};
    struct mxt_packet_decoder *decoder = build_decoder(NULL);
    for (size_t i = 0; i < COUNT(layers); i++) {
        struct build b;
        struct mxt_segment segment;
        uint8_t padded[128] = {0};
        build_frame(&b, layers[i], "");
        memcpy(padded, b.bytes + b.at, build_length(&b));
        struct mxt_frame frame = frame_over(padded, sizeof padded, sizeof padded, 1);
        assert_int_equal(mxt_packet_decode(decoder, &frame, &segment), MXT_PACKET_SEGMENT);
        assert_int_equal(segment.payload_length, 0);
        assert_int_equal(segment.payload_missing, 0);
    }
    mxt_packet_decoder_free(decoder);
}

/* A length field that promises more than the frame had is not believed. */
static void test_length_too_large(void **state)
{
    (void)state;
    struct mxt_packet_decoder *decoder = build_decoder(NULL);
    struct build b;
    struct mxt_segment segment;
    build_frame(&b, "eth ip4 tcp", PAYLOAD);
    build_u16(b.bytes + b.at + 14 + 2, 1400);
    struct mxt_frame frame = frame_over(b.bytes + b.at, build_length(&b), build_length(&b), 1);
    assert_int_equal(mxt_packet_decode(decoder, &frame, &segment), MXT_PACKET_SEGMENT);
    assert_int_equal(segment.payload_length, strlen(PAYLOAD));
    assert_int_equal(segment.payload_missing, 0);
    mxt_packet_decoder_free(decoder);
}

/* Offload hands up frames larger than an IP packet can say. */
static void test_offload(void **state)
{
    (void)state;
    enum { PAYLOAD_SIZE = 100000 };
    static const char *const layers[] = {"eth ip4=0 tcp", "eth ip6=0 tcp"};
    struct mxt_packet_decoder *decoder = build_decoder(NULL);
    for (size_t i = 0; i < COUNT(layers); i++) {
        struct build b;
        struct mxt_segment segment;
        build_frame(&b, layers[i], "");
        size_t headers = build_length(&b);
        uint8_t *large = calloc(1, headers + PAYLOAD_SIZE);
        assert_non_null(large);
        memcpy(large, b.bytes + b.at, headers);
        struct mxt_frame frame = frame_over(large, headers + PAYLOAD_SIZE, headers + PAYLOAD_SIZE, 1);
        assert_int_equal(mxt_packet_decode(decoder, &frame, &segment), MXT_PACKET_SEGMENT);
        assert_int_equal(segment.payload_length, PAYLOAD_SIZE);
        frame.captured = 96;
        assert_int_equal(mxt_packet_decode(decoder, &frame, &segment), MXT_PACKET_SEGMENT);
        assert_int_equal(segment.payload_length + segment.payload_missing, PAYLOAD_SIZE);
        free(large);
    }
    mxt_packet_decoder_free(decoder);
}

/* TCP options that contradict themselves end the search for the timestamp; the segment stands. */
static void test_options(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[12];
        bool has_timestamp;
    } cases[] = {
        {{1, 1, 8, 10, 0x0a, 0x0b, 0x0c, 0x0d, 0, 0, 0, 1}, true},
        {{8, 10, 0x0a, 0x0b, 0x0c, 0x0d, 0, 0, 0, 1, 0, 0}, true},
        {{1, 8, 10, 0x0a, 0x0b, 0x0c, 0x0d, 0, 0, 0, 1, 1}, true},
        {{0, 1, 8, 10, 0x0a, 0x0b, 0x0c, 0x0d, 0, 0, 0, 1}, false},  /* behind the end */
        {{8, 9, 0x0a, 0x0b, 0x0c, 0x0d, 0, 0, 0, 1, 1, 1}, false},   /* of another length */
        {{5, 0, 8, 10, 0x0a, 0x0b, 0x0c, 0x0d, 0, 0, 0, 1}, false},  /* length 0 */
        {{5, 1, 8, 10, 0x0a, 0x0b, 0x0c, 0x0d, 0, 0, 0, 1}, false},  /* length 1 */
        {{5, 40, 8, 10, 0x0a, 0x0b, 0x0c, 0x0d, 0, 0, 0, 1}, false}, /* beyond the header */
        {{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 8}, false},               /* cut by the header's end */
    };
    struct mxt_packet_decoder *decoder = build_decoder(NULL);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct build b;
        struct mxt_segment segment;
        build_frame(&b, "eth ip4 tcp=t", "");
        memcpy(b.bytes + BUILD_MAX - 12, cases[i].bytes, 12);
        struct mxt_frame frame = frame_over(b.bytes + b.at, build_length(&b), build_length(&b), 1);
        assert_int_equal(mxt_packet_decode(decoder, &frame, &segment), MXT_PACKET_SEGMENT);
        assert_int_equal(segment.has_timestamp, cases[i].has_timestamp);
        assert_int_equal(segment.timestamp_value, cases[i].has_timestamp ? BUILD_TIME : 0);
    }
    mxt_packet_decoder_free(decoder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segments), cmocka_unit_test(test_cut),     cmocka_unit_test(test_others),  cmocka_unit_test(test_ports),
        cmocka_unit_test(test_padding),  cmocka_unit_test(test_offload), cmocka_unit_test(test_options), cmocka_unit_test(test_length_too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
