/*
 * The sensor's way from a frame to a record: intake, flow table, sessions. Knows neither files nor interfaces nor Redis: frames go in, or segments that another thread has
 * made of them, and records come out.
 */
#ifndef MXT_SENSOR_ENGINE_H
#define MXT_SENSOR_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#include "decoders/packet.h"
#include "rules/event.h"
#include "rules/record.h"
#include "sensor/flow.h"
#include "sensor/intake.h"
#include "sensor/keep_file.h"
#include "sensor/loan.h"
#include "sensor/session.h"

struct mxt_engine_config {
    struct mxt_session_context session; /* what it points to outlives the engine */
    struct mxt_port_set ports; /* mail ports */
    bool any_port;             /* look for mail on every other port too */
    struct mxt_packet_limits packet_limits;
    struct mxt_tcp_limits tcp_limits;
    struct mxt_flow_limits flow_limits;
    uint64_t hash_seed;
    /* Live with several engines: whether another one has the segment's connection; then it was given that segment. NULL: all is ours. */
    bool (*hand_on)(void *others, const struct mxt_segment *segment);
    void *others;
    struct mxt_keep_file *keep; /* where the packets of sessions with findings go; NULL: nowhere */
    bool has_snapshots; /* live: sessions that go on are told too (sensor/snapshot.h) */
    /* Takes a record with its session findings; its sequence number and its Community ID are the taker's to set. It dies when this returns. */
    void (*record)(void *context, struct mxt_record *record);
    /*
     * The same of final records, where it is not NULL and no packets are kept: the record itself dies, what it points to stays until the loan is given back, which must
     * be before mxt_engine_free.
     */
    void (*lend)(void *context, struct mxt_record *record, const struct mxt_loan *loan);
    void *context;
};

struct mxt_engine;

/* An engine; `config` is copied. NULL: out of memory. */
struct mxt_engine *mxt_engine_new(const struct mxt_engine_config *config);

/* Frees it; sessions still open are dropped (call mxt_engine_finish first), and none is lent. NULL is accepted. */
void mxt_engine_free(struct mxt_engine *engine);

/* Takes frames in their order; all must be valid until it returns. */
void mxt_engine_frames(struct mxt_engine *engine, const struct mxt_frame *frames, size_t count);

/* Takes segments that were decoded elsewhere; as mxt_engine_frames, and so are their frames, where packets are kept. */
void mxt_engine_segments(struct mxt_engine *engine, const struct mxt_segment *segments, size_t count);

/*
 * The engine's intake, whose counters are part of its health. Another thread may use it, if it is the only one: then this one takes no frames, and asks for the health when
 * that thread has ended.
 */
struct mxt_intake *mxt_engine_intake(struct mxt_engine *engine);

/* Time passes without a frame, to `now_us` on the frames' clock: idle sessions end, holes are given up. Cheap when less than 10 ms have passed. */
void mxt_engine_tick(struct mxt_engine *engine, int64_t now_us);

/* The capture ends: every open session becomes a record. */
void mxt_engine_finish(struct mxt_engine *engine);

/* The counters so far. `findings` counts session findings; `alerts` is the caller's. */
void mxt_engine_health(const struct mxt_engine *engine, struct mxt_health *out);

#endif
