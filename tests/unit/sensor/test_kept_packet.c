#include "sensor/kept_packet.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "decoders/link.h"

#define HEADER 20
static const char said[] = "250-mx.example.net\r\n250 STARTTLS\r\n";

/* A segment as it comes out of fragments: its bytes lie in no frame. */
struct fixture {
    struct mxt_frame frame;
    struct mxt_segment segment;
    uint8_t tcp[HEADER + sizeof said - 1];
};

static void make(struct fixture *fixture, const char *src, const char *dst, int link_type, uint8_t vlans)
{
    *fixture = (struct fixture){.frame = {.time_us = 1700000000000000, .link_type = link_type}};
    static const uint8_t header[HEADER] = {0, 25, 0x9c, 0x40, 0, 0, 0, 7, 0, 0, 0, 9, 0x50, MXT_PSH | MXT_ACK, 0x10, 0};
    memcpy(fixture->tcp, header, sizeof header);
    memcpy(fixture->tcp + HEADER, said, sizeof said - 1);
    struct mxt_segment *segment = &fixture->segment;
    *segment = (struct mxt_segment){.time_us = fixture->frame.time_us, .src_port = 25, .dst_port = 40000, .seq = 7, .ack = 9, .flags = MXT_PSH | MXT_ACK, .ttl = 63, .vlan_count = vlans,
                                    .vlan = {12, 400}, .payload = fixture->tcp + HEADER, .payload_length = sizeof said - 1, .tcp = fixture->tcp, .frame = &fixture->frame};
    assert_int_equal(mxt_address_parse(src, &segment->src), MXT_OK);
    assert_int_equal(mxt_address_parse(dst, &segment->dst), MXT_OK);
    for (unsigned checksum = 0; mxt_segment_checksum(segment) != MXT_CHECKSUM_GOOD; checksum++) {
        assert_true(checksum <= UINT16_MAX);
        fixture->tcp[16] = (uint8_t)(checksum >> 8);
        fixture->tcp[17] = (uint8_t)checksum;
    }
}

/* What the decoder makes of the packet, which stays the caller's. */
static struct mxt_segment decode(struct mxt_packet_decoder *decoder, const struct mxt_kept_packet *packet, struct mxt_frame *frame)
{
    struct mxt_segment segment;
    *frame = (struct mxt_frame){.time_us = packet->time_us, .data = packet->bytes, .captured = packet->captured, .wire = packet->wire, .link_type = packet->link_type};
    assert_int_equal(mxt_packet_decode(decoder, frame, &segment), MXT_PACKET_SEGMENT);
    return segment;
}

static struct mxt_packet_decoder *new_decoder(void)
{
    static struct mxt_port_set ports;
    mxt_port_set_add(&ports, 25);
    struct mxt_packet_decoder *decoder = mxt_packet_decoder_new(&ports, &MXT_PACKET_LIMITS_DEFAULT);
    assert_non_null(decoder);
    return decoder;
}

static void test_what_was_put_together_is_framed_anew(void **state)
{
    (void)state;
    static const struct {
        const char *src, *dst;
        int from, to;
        uint8_t vlans;
    } cases[] = {
        {"192.0.2.25", "10.1.0.25", MXT_LINKTYPE_ETHERNET, MXT_LINKTYPE_ETHERNET, 0},
        {"192.0.2.25", "10.1.0.25", MXT_LINKTYPE_ETHERNET, MXT_LINKTYPE_ETHERNET, 2},
        {"192.0.2.25", "10.1.0.25", MXT_LINKTYPE_LINUX_SLL, MXT_LINKTYPE_ETHERNET, 0},
        {"192.0.2.25", "10.1.0.25", MXT_LINKTYPE_IPV4, MXT_LINKTYPE_RAW, 0},
        {"2001:db8::25", "2001:db8:1::9", MXT_LINKTYPE_ETHERNET, MXT_LINKTYPE_ETHERNET, 1},
        {"2001:db8::25", "2001:db8:1::9", MXT_LINKTYPE_RAW, MXT_LINKTYPE_RAW, 0},
    };
    struct mxt_packet_decoder *decoder = new_decoder();
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fixture fixture;
        struct mxt_frame frame;
        make(&fixture, cases[i].src, cases[i].dst, cases[i].from, cases[i].vlans);
        struct mxt_kept_packet *packet = mxt_kept_packet_new(&fixture.segment);
        assert_non_null(packet);
        assert_int_equal(packet->link_type, cases[i].to);
        assert_int_equal(mxt_kept_packet_size(packet), mxt_kept_packet_needs(&fixture.segment));
        struct mxt_segment segment = decode(decoder, packet, &frame);
        assert_memory_equal(segment.src.bytes, fixture.segment.src.bytes, sizeof segment.src.bytes);
        assert_memory_equal(segment.dst.bytes, fixture.segment.dst.bytes, sizeof segment.dst.bytes);
        assert_int_equal(segment.vlan_count, cases[i].vlans);
        assert_memory_equal(segment.vlan, fixture.segment.vlan, cases[i].vlans * sizeof segment.vlan[0]);
        assert_int_equal(segment.ttl, 63);
        assert_int_equal(segment.seq, 7);
        assert_int_equal(segment.payload_length, sizeof said - 1);
        assert_memory_equal(segment.payload, said, sizeof said - 1);
        assert_int_equal(mxt_segment_checksum(&segment), MXT_CHECKSUM_GOOD);
        assert_false(segment.is_ip_damaged);
        free(packet);
    }
    mxt_packet_decoder_free(decoder);
}

/* Its bytes were cut, or its header was damaged: that stays so. */
static void test_faults_stay(void **state)
{
    (void)state;
    struct mxt_packet_decoder *decoder = new_decoder();
    struct fixture fixture;
    struct mxt_frame frame;
    make(&fixture, "192.0.2.25", "10.1.0.25", MXT_LINKTYPE_ETHERNET, 0);
    fixture.segment.payload_missing = 900;
    fixture.segment.is_ip_damaged = true;
    struct mxt_kept_packet *packet = mxt_kept_packet_new(&fixture.segment);
    assert_non_null(packet);
    struct mxt_segment segment = decode(decoder, packet, &frame);
    assert_int_equal(segment.payload_missing, 900);
    assert_true(segment.is_ip_damaged);
    free(packet);
    mxt_packet_decoder_free(decoder);
}

static void test_the_checksum_follows_the_payload(void **state)
{
    (void)state;
    struct mxt_packet_decoder *decoder = new_decoder();
    for (unsigned wrong = 0; wrong < 2; wrong++) {
        struct fixture fixture;
        struct mxt_frame frame;
        make(&fixture, "192.0.2.25", "10.1.0.25", MXT_LINKTYPE_ETHERNET, 0);
        fixture.tcp[17] ^= (uint8_t)wrong;
        struct mxt_kept_packet *packet = mxt_kept_packet_new(&fixture.segment);
        assert_non_null(packet);
        uint32_t before = mxt_kept_packet_sum(packet);
        memset(packet->bytes + packet->payload_at, '-', packet->payload_n);
        mxt_kept_packet_mend(packet, before);
        struct mxt_segment segment = decode(decoder, packet, &frame);
        assert_int_equal(mxt_segment_checksum(&segment), wrong == 0 ? MXT_CHECKSUM_GOOD : MXT_CHECKSUM_BAD);
        free(packet);
    }
    mxt_packet_decoder_free(decoder);
}

static void test_a_frame_is_kept_as_it_was(void **state)
{
    (void)state;
    struct fixture fixture;
    struct mxt_frame frame;
    struct mxt_packet_decoder *decoder = new_decoder();
    make(&fixture, "192.0.2.25", "10.1.0.25", MXT_LINKTYPE_ETHERNET, 1);
    struct mxt_kept_packet *made = mxt_kept_packet_new(&fixture.segment);
    assert_non_null(made);
    struct mxt_segment segment = decode(decoder, made, &frame);
    struct mxt_kept_packet *copy = mxt_kept_packet_new(&segment);
    assert_non_null(copy);
    assert_int_equal(copy->captured, made->captured);
    assert_memory_equal(copy->bytes, made->bytes, made->captured);
    assert_int_equal(copy->payload_at, made->payload_at);
    assert_int_equal(copy->tcp_at, made->tcp_at);
    free(made);
    free(copy);
    mxt_packet_decoder_free(decoder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_put_together_is_framed_anew),
        cmocka_unit_test(test_faults_stay),
        cmocka_unit_test(test_the_checksum_follows_the_payload),
        cmocka_unit_test(test_a_frame_is_kept_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
