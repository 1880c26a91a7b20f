#include "sensor/intake.h"

#include <stdlib.h>
#include <string.h>

#define CLOCK_JUMP_US 1000000 /* back, by so much: no order of packets on their way explains it */

struct mxt_intake {
    struct mxt_packet_decoder *decoder;
    uint64_t packets, bytes, segments, clock_jumps;
    int64_t last_us;
};

struct mxt_intake *mxt_intake_new(const struct mxt_port_set *ports, const struct mxt_packet_limits *limits)
{
    struct mxt_port_set every_port;
    memset(&every_port, 0xff, sizeof every_port);
    struct mxt_intake *intake = calloc(1, sizeof *intake);
    if (intake != NULL && (intake->decoder = mxt_packet_decoder_new(ports == NULL ? &every_port : ports, limits)) != NULL)
        return intake;
    free(intake);
    return NULL;
}

void mxt_intake_free(struct mxt_intake *intake)
{
    if (intake == NULL)
        return;
    mxt_packet_decoder_free(intake->decoder);
    free(intake);
}

bool mxt_intake_frame(struct mxt_intake *intake, const struct mxt_frame *frame, struct mxt_segment *out)
{
    intake->packets++;
    intake->bytes += frame->wire;
    intake->clock_jumps += intake->last_us - frame->time_us >= CLOCK_JUMP_US;
    intake->last_us = frame->time_us;
    bool is_segment = mxt_packet_decode(intake->decoder, frame, out) == MXT_PACKET_SEGMENT;
    intake->segments += is_segment;
    return is_segment;
}

void mxt_intake_health(const struct mxt_intake *intake, struct mxt_health *out)
{
    const struct mxt_packet_counters *packets = mxt_packet_decoder_counters(intake->decoder);
    out->timestamp_us = intake->last_us;
    out->packets = intake->packets;
    out->bytes = intake->bytes;
    out->segments = intake->segments;
    out->clock_jumps = intake->clock_jumps;
    out->other = packets->verdicts[MXT_PACKET_OTHER];
    out->fragments_pending = packets->verdicts[MXT_PACKET_FRAGMENT];
    out->malformed = packets->verdicts[MXT_PACKET_MALFORMED];
    out->unsupported = packets->verdicts[MXT_PACKET_UNSUPPORTED];
    out->snapped = packets->snapped;
    out->fragments_dropped = packets->fragments_dropped;
}
