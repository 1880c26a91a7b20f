/*
 * One connection fed with any segments. The streams' contents are a function of direction and offset in most segments, so that what comes out can be
 * checked: whatever the order, a delivered byte is the one of its offset, unless a segment lied about it.
 */
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sensor/tcp.h"
#include "sensor/tcp_order.h"

struct stream {
    uint64_t offset; /* of the next byte to come out */
    bool is_closed, is_reset;
};

struct sink {
    struct mxt_tcp *tcp;
    struct stream streams[2];
    bool has_lies; /* some segment carried bytes that are not of the stream */
    uint8_t stop_at;
    int64_t now_us;
};

static uint8_t byte_at(enum mxt_direction direction, int64_t offset)
{
    return (uint8_t)((uint64_t)offset * 167 + (uint64_t)offset / 256 + (direction == MXT_TOSERVER ? 0 : 91));
}

/* An end that was told may turn out to be none; then it may be told again. */
static void go_on(struct sink *sink, enum mxt_direction direction)
{
    assert(!sink->tcp->half[direction].is_closed && !sink->tcp->half[direction].is_reset);
    sink->streams[direction].is_closed = sink->streams[direction].is_reset = false;
}

static void on_data(void *context, enum mxt_direction direction, const uint8_t *p, size_t n, int64_t time_us)
{
    struct sink *sink = context;
    struct stream *stream = &sink->streams[direction];
    assert(n > 0 && time_us == sink->now_us);
    go_on(sink, direction);
    for (size_t i = 0; i < n && !sink->has_lies; i++)
        assert(p[i] == byte_at(direction, (int64_t)(stream->offset + i)));
    stream->offset += n;
    if (sink->stop_at != 0 && n % 64 == sink->stop_at)
        mxt_tcp_stop_content(sink->tcp);
}

static void on_gap(void *context, enum mxt_direction direction, uint64_t missing, int64_t time_us)
{
    struct sink *sink = context;
    struct stream *stream = &sink->streams[direction];
    assert(missing > 0 && missing < UINT64_C(1) << 33 && time_us == sink->now_us);
    go_on(sink, direction);
    stream->offset += missing;
}

static void on_close(void *context, enum mxt_direction direction, enum mxt_close how, int64_t time_us)
{
    struct sink *sink = context;
    bool *is_told = how == MXT_CLOSE_FIN ? &sink->streams[direction].is_closed : &sink->streams[direction].is_reset;
    assert(time_us == sink->now_us);
    if (*is_told) /* again: in between it was revoked, which nothing but data would have told */
        assert(sink->tcp->counters.ends_revoked > 0);
    *is_told = true;
}

static void on_conflict(void *context, enum mxt_direction direction, uint64_t offset, int64_t time_us)
{
    const struct sink *sink = context;
    (void)direction;
    assert(sink->has_lies && time_us == sink->now_us && offset < UINT64_C(1) << 40);
}

static const struct mxt_tcp_sink stream_sink = {.data = on_data, .gap = on_gap, .close = on_close, .conflict = on_conflict};

/* What must hold between two calls. */
static void check(const struct mxt_tcp *tcp, const struct mxt_tcp_limits *limits)
{
    for (enum mxt_direction direction = MXT_TOSERVER; direction <= MXT_TOCLIENT; direction++) {
        const struct mxt_tcp_half *half = &tcp->half[direction];
        uint64_t held_bytes = 0;
        int64_t end = half->next;
        for (const struct mxt_tcp_held *held = half->held; held != NULL; held = held->next) {
            assert(held->start >= end && held->length <= held->capacity);
            end = held->start + held->length;
            held_bytes += sizeof *held + held->capacity;
        }
        assert(held_bytes == half->held_bytes && held_bytes <= limits->held_bytes);
        const struct mxt_tcp_history *history = half->history;
        assert(history == NULL || (history->length <= history->capacity && history->capacity <= limits->history));
    }
    assert(tcp->stuck_us != MXT_TCP_NEVER || tcp->half[0].held == NULL || tcp->half[0].held->start > tcp->half[0].next);
}

/* Six bytes a step: what, sequence, acknowledgement, length. */
static void step(struct sink *sink, const uint8_t *p, const struct mxt_tcp_limits *limits, uint32_t isn)
{
    static uint8_t payload[512];
    static const uint8_t header[20] = {[12] = 6 << 4}; /* not in front of the payload: the checksum is unknown */
    static const int64_t steps_us[4] = {0, 1000, 300000, 600000};
    enum mxt_direction direction = (p[0] & 1) != 0 ? MXT_TOCLIENT : MXT_TOSERVER;
    const int64_t far = 1 << 24;
    bool is_far = p[2] == 255;
    int64_t offset = (int64_t)sink->streams[direction].offset + (int8_t)p[1] * (is_far ? far : 4);
    int64_t acked = (int64_t)sink->streams[mxt_direction_other(direction)].offset + (int8_t)p[3] * (is_far ? far : 1);
    uint32_t length = p[4];
    for (uint32_t i = 0; i < length; i++)
        payload[i] = byte_at(direction, offset + i);
    if ((p[2] & 0x70) == 0x70 && !is_far && length > 0) {
        payload[length / 2] ^= 1;
        sink->has_lies = true;
    }
    uint8_t flags = (uint8_t)(((p[2] & 1) != 0 ? 0 : MXT_ACK) | ((p[2] & 0x0e) == 0x0e ? MXT_FIN : 0) | ((p[2] & 0x8e) == 0x8c ? MXT_RST : 0) |
                              ((p[2] & 0x8e) == 0x8a ? MXT_SYN : 0));
    sink->now_us += steps_us[p[5] & 3];
    const struct mxt_segment segment = {.time_us = sink->now_us,
                                        .seq = isn + (uint32_t)offset - ((flags & MXT_SYN) != 0 ? 1 : 0),
                                        .ack = isn + (uint32_t)acked,
                                        .flags = flags,
                                        .tcp = header,
                                        .payload = payload,
                                        .payload_length = length,
                                        .payload_missing = (p[5] & 0xe0) == 0xe0 ? 9 : 0,
                                        .frame_bytes = 54 + length};
    switch (p[0] >> 4) {
    case 0: mxt_tcp_tick(sink->tcp, sink->now_us, limits, &stream_sink, sink); break;
    case 1: mxt_tcp_rest(sink->tcp); break;
    case 2: mxt_tcp_keep_history(sink->tcp, direction, (p[5] & 4) != 0); break;
    case 3: (void)mxt_tcp_is_reuse(sink->tcp, direction, &segment); break;
    default: mxt_tcp_segment(sink->tcp, direction, &segment, limits, &stream_sink, sink); break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 4)
        return 0;
    const struct mxt_tcp_limits limits = {.held_bytes = data[0] * 16u + 64, .gap_timeout_us = 500000, .history = (uint16_t)(data[1] * 4)};
    struct sink sink = {.tcp = malloc(mxt_tcp_size()), .stop_at = data[2] < 64 ? data[2] : 0, .now_us = 1000};
    assert(sink.tcp != NULL);
    mxt_tcp_init(sink.tcp);
    uint32_t isn = (data[3] & 1) != 0 ? 0xffffff00 : 5000;
    /* Both SYNs first, so that offsets mean the same here and there; mid-stream starts are for fuzz_flow. */
    const uint8_t syn[6] = {0x40, 0, 0x8b, 0, 0, 0}, answer[6] = {0x41, 0, 0x8a, 0, 0, 0};
    step(&sink, syn, &limits, isn);
    step(&sink, answer, &limits, isn);
    for (size_t i = 4; i + 6 <= size; i += 6) {
        step(&sink, data + i, &limits, isn);
        check(sink.tcp, &limits);
    }
    mxt_tcp_finish(sink.tcp, sink.now_us, &limits, &stream_sink, &sink);
    const struct mxt_tcp_counters *counters = mxt_tcp_counters(sink.tcp);
    assert(counters->gap_bytes_toserver <= sink.streams[MXT_TOSERVER].offset && counters->gap_bytes_toclient <= sink.streams[MXT_TOCLIENT].offset);
    assert(sink.tcp->half[MXT_TOSERVER].held == NULL && sink.tcp->half[MXT_TOCLIENT].held == NULL);
    mxt_tcp_clear(sink.tcp);
    free(sink.tcp);
    return 0;
}
