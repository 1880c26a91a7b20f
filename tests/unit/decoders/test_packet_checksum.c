#include "decoders/packet_build.h"

/* Adds up 16 bits at a time, as RFC 1071 1 words it: slow and plain, to compare with. */
static uint16_t plain_checksum(const struct mxt_segment *segment, const uint8_t *tcp, size_t n)
{
    uint32_t sum = 6 + (uint32_t)n;
    size_t skip = mxt_address_is_ipv4(&segment->src) ? 12 : 0;
    for (size_t i = skip; i < 16; i += 2) {
        sum += (uint32_t)(segment->src.bytes[i] << 8 | segment->src.bytes[i + 1]);
        sum += (uint32_t)(segment->dst.bytes[i] << 8 | segment->dst.bytes[i + 1]);
    }
    for (size_t i = 0; i < n; i++)
        sum += i % 2 == 0 ? (uint32_t)tcp[i] << 8 : tcp[i];
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

/* The checksum of the pseudo header alone, for `n` bytes that are not looked at. */
static uint16_t plain_pseudo(const struct mxt_segment *segment, size_t n)
{
    uint8_t *zeros = calloc(1, n);
    assert_non_null(zeros);
    uint16_t checksum = plain_checksum(segment, zeros, n);
    free(zeros);
    return checksum;
}

/* Every length, odd ones too, at every alignment, for both versions: right when right, wrong when one bit is. */
static void test_lengths(void **state)
{
    (void)state;
    enum { LENGTHS = 70 };
    for (size_t offset = 0; offset < 8; offset++) {
        for (size_t length = 0; length < LENGTHS; length++) {
            uint8_t *memory = malloc(offset + 20 + length), *tcp = memory + offset;
            struct mxt_segment segment = {.tcp = tcp, .payload = tcp + 20, .payload_length = (uint32_t)length};
            assert_non_null(memory);
            for (size_t i = 0; i < 20 + length; i++)
                tcp[i] = (uint8_t)(i * 37 + length * 11 + 200);
            tcp[12] = 0x50;
            assert_int_equal(mxt_address_parse(length % 2 == 0 ? "192.0.2.1" : "2001:db8::ff01", &segment.src), MXT_OK);
            assert_int_equal(mxt_address_parse(length % 2 == 0 ? "198.51.100.255" : "fe80::1", &segment.dst), MXT_OK);
            build_u16(tcp + 16, 0);
            build_u16(tcp + 16, plain_checksum(&segment, tcp, 20 + length));
            assert_int_equal(mxt_segment_checksum(&segment), MXT_CHECKSUM_GOOD);
            for (size_t i = 0; i < 20 + length; i += 3) {
                if (i == 12)
                    continue;
                tcp[i] ^= 0x10;
                assert_int_equal(mxt_segment_checksum(&segment), MXT_CHECKSUM_BAD);
                tcp[i] ^= 0x10;
            }
            build_u16(tcp + 16, (uint16_t)~plain_pseudo(&segment, 20 + length)); /* what is left to a network card, which adds the rest */
            assert_int_equal(mxt_segment_checksum(&segment), MXT_CHECKSUM_PARTIAL);
            segment.payload_missing = 1;
            assert_int_equal(mxt_segment_checksum(&segment), MXT_CHECKSUM_UNKNOWN);
            free(memory);
        }
    }
}

/* A value worked out by other means, so that the two sums here cannot be wrong alike. */
static void test_known(void **state)
{
    (void)state;
    struct build b;
    struct mxt_segment segment;
    struct mxt_packet_decoder *decoder = build_decoder(NULL);
    build_frame(&b, "ip4 tcp", "QUIT\r\n!");
    uint8_t *ip = b.bytes + b.at;
    memcpy(ip + 12, "\xc0\x00\x02\x01\xc6\x33\x64\x02", 8);
    build_u32(ip + 24, 1);
    build_u32(ip + 28, 2);
    build_u16(ip + 36, 0x5c7e);
    struct mxt_frame frame = {.data = ip, .captured = (uint32_t)build_length(&b), .wire = (uint32_t)build_length(&b), .link_type = 101};
    assert_int_equal(mxt_packet_decode(decoder, &frame, &segment), MXT_PACKET_SEGMENT);
    assert_int_equal(mxt_segment_checksum(&segment), MXT_CHECKSUM_GOOD);
    build_u16(ip + 36, 0x5c7f);
    assert_int_equal(mxt_segment_checksum(&segment), MXT_CHECKSUM_BAD);
    mxt_packet_decoder_free(decoder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lengths), cmocka_unit_test(test_known)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
