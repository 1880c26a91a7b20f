/* Frames of any bytes: each has a byte of link type, one of time, one of bytes that the snap length took, two of length, and its bytes. */
#include <stdlib.h>
#include <string.h>

#include "decoders/packet.h"

/* What the rest of the sensor relies on: the payload lies within memory that can be read, and text fits. */
static void use_segment(const struct mxt_segment *segment)
{
    char text[MXT_ADDRESS_TEXT];
    volatile uint8_t last = 0;
    if (segment->payload_length > 0)
        last = segment->payload[0] ^ segment->payload[segment->payload_length - 1];
    (void)last;
    if (segment->src_port != 25 && segment->dst_port != 25)
        abort();
    (void)mxt_segment_checksum(segment);
    mxt_address_format(&segment->src, text);
    struct mxt_address again;
    if (mxt_address_parse(text, &again) != MXT_OK || memcmp(&again, &segment->src, sizeof again) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int link_types[] = {1, 0, 9, 12, 50, 51, 101, 108, 113, 228, 229, 276, 14, 147};
    static const struct mxt_packet_limits limits = {.fragment_bytes = 4096, .fragment_timeout_us = 30000000};
    struct mxt_port_set ports = {{0}};
    mxt_port_set_add(&ports, 25);
    struct mxt_packet_decoder *decoder = mxt_packet_decoder_new(&ports, &limits);
    if (decoder == NULL)
        return 0;
    struct mxt_frame frame = {.time_us = 1700000000000000};
    while (size >= 5) {
        frame.link_type = link_types[data[0] % (sizeof link_types / sizeof link_types[0])];
        frame.time_us += data[1] * INT64_C(100000);
        size_t n = (size_t)data[3] << 8 | data[4], lost = data[2];
        data += 5, size -= 5;
        n = n > size ? size : n;
        uint8_t *exact = malloc(n == 0 ? 1 : n); /* its own block, so that a read past the frame is seen */
        if (exact == NULL)
            break;
        memcpy(exact, data, n);
        frame.data = exact;
        frame.captured = (uint32_t)n;
        frame.wire = (uint32_t)(n + lost);
        struct mxt_segment segment;
        if (mxt_packet_decode(decoder, &frame, &segment) == MXT_PACKET_SEGMENT)
            use_segment(&segment);
        free(exact);
        data += n, size -= n;
    }
    mxt_packet_decoder_free(decoder);
    return 0;
}
