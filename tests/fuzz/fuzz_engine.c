/*
 * A whole packet sequence: the input is cut into frames, each a byte of time, two of length and its bytes, of the link type that the first byte names, with mail
 * looked for on any port, and under want of memory, where two of its bits say so.
 */
#include <stdlib.h>
#include <string.h>

#include "sensor/engine.h"

static void take_record(void *context, struct mxt_record *record)
{
    struct mxt_json *json = context;
    mxt_json_reset(json);
    if (mxt_event_encode_record(json, record) != MXT_OK)
        abort();
}

static void feed_frames(struct mxt_engine *engine, int link_type, const uint8_t *data, size_t size)
{
    int64_t now = 1700000000000000;
    while (size >= 3) {
        size_t n = (size_t)data[1] << 8 | data[2];
        now += data[0] * 10000;
        data += 3, size -= 3;
        if (n > size)
            n = size;
        uint8_t *exact = malloc(n == 0 ? 1 : n); /* its own block, so that a read past the frame is seen */
        if (exact == NULL)
            return;
        memcpy(exact, data, n);
        const struct mxt_frame frame = {.time_us = now, .data = exact, .captured = (uint32_t)n, .wire = (uint32_t)n, .link_type = link_type};
        mxt_engine_frames(engine, &frame, 1);
        free(exact);
        data += n, size -= n;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int link_types[] = {1, 101, 113, 276, 0, 108};
    struct mxt_json json = {0};
    struct mxt_networks home = {0};
    char error[160];
    if (size == 0 || mxt_networks_add(&home, MXT_NETWORKS_PRIVATE, error, sizeof error) != MXT_OK)
        return 0;
    struct mxt_engine_config config = {
        .session = {.sensor = "fuzz", .arena_bytes = 256u << 10, .smtp_limits = MXT_SMTP_LIMITS_DEFAULT, .tls_limits = MXT_TLS_LIMITS_DEFAULT, .home = &home},
        .packet_limits = MXT_PACKET_LIMITS_DEFAULT,
        .tcp_limits = MXT_TCP_LIMITS_DEFAULT,
        .flow_limits = MXT_FLOW_LIMITS_DEFAULT,
        .record = take_record,
        .context = &json,
    };
    config.any_port = (data[0] & 0x40) != 0;
    config.flow_limits.memory = (data[0] & 0x20) != 0 ? 16384 : config.flow_limits.memory; /* soon at its bound */
    mxt_port_set_add(&config.ports, 25);
    mxt_port_set_add(&config.ports, 465);
    struct mxt_engine *engine = mxt_engine_new(&config);
    if (engine != NULL) {
        feed_frames(engine, link_types[(data[0] & 0x1f) % (sizeof link_types / sizeof link_types[0])], data + 1, size - 1);
        mxt_engine_finish(engine);
    }
    mxt_engine_free(engine);
    mxt_networks_free(&home);
    mxt_json_free(&json);
    return 0;
}
