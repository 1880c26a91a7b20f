#include "sensor/engine.h"

#include <stdalign.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "rules/judge.h"
#include "sensor/keep.h"
#include "sensor/probe.h"
#include "sensor/slab.h"
#include "sensor/snapshot.h"

#define JUDGE_ARENA (1u << 20) /* bytes that findings and alerts of one record may take */
#define LOOK_ARENA  4096       /* bytes that most looks at a session need, on the stack */
#define TICK_GRAIN_US 10000 /* the flow table's timers are no finer */
#define CACHE_LINE 64u
#define PAYLOAD_AHEAD 256u /* bytes */
#define BATCH 16 /* segments under way at once: as many as a core can wait for, measured flat from 12 to 32 */

struct mxt_engine {
    struct mxt_engine_config config;
    struct mxt_intake *intake;
    struct mxt_flow_table *flows;
    struct mxt_slab sessions;
    struct mxt_sessions_back back; /* that were lent with their last records */
    struct mxt_probes probes;
    struct mxt_keep *keep; /* NULL: nothing is kept */
    struct mxt_health health; /* what only the engine counts; the rest is asked for */
    int64_t tick_us;          /* capture time of the last tick */
    struct mxt_segment segments[BATCH]; /* of frames, that wait to be taken together */
    size_t waiting;
};

/* The session of a flow, opened with its first byte. NULL: out of memory, the flow goes on unread. */
static struct mxt_session *session_of(struct mxt_engine *engine, struct mxt_flow *flow)
{
    if (flow->session == NULL) {
        mxt_sessions_take_back(&engine->back, &engine->sessions);
        flow->session = mxt_session_new(&engine->sessions, &engine->config.session, mxt_tcp_is_midstream(flow->tcp));
        if (flow->session == NULL)
            engine->health.refused++;
        else if (engine->config.has_snapshots)
            *(struct mxt_snapshot *)mxt_session_own(flow->session) = (struct mxt_snapshot){.count = 0};
    }
    return flow->session;
}

/* A record of the session as it is now, with its findings. */
static void make_record(struct mxt_engine *engine, struct mxt_flow *flow, bool is_final, struct mxt_arena *arena, struct mxt_record *out)
{
    mxt_session_record(flow->session, flow, out);
    out->final = is_final;
    out->app_proto = mxt_probe_protocol(flow);
    if (mxt_judge_session(out, arena, &out->findings) != MXT_OK)
        engine->health.refused++;
}

/* Looks whether the session is worth telling while it goes on. */
static void look(struct mxt_engine *engine, struct mxt_flow *flow)
{
    struct mxt_snapshot *snapshot = mxt_session_own(flow->session);
    struct mxt_session_progress progress;
    mxt_session_progress(flow->session, &progress);
    if (!mxt_snapshot_has_news(snapshot, &progress))
        return;
    alignas(max_align_t) char first[LOOK_ARENA];
    struct mxt_arena arena;
    struct mxt_record record;
    mxt_arena_init_with(&arena, JUDGE_ARENA, first, sizeof first);
    make_record(engine, flow, false, &arena, &record);
    if (mxt_snapshot_is_due(snapshot, &record)) {
        record.snapshot = snapshot->count;
        engine->config.record(engine->config.context, &record);
    }
    mxt_arena_free(&arena);
}

static void on_data(void *owner, struct mxt_flow *flow, enum mxt_direction direction, const uint8_t *p, size_t n, int64_t time_us)
{
    struct mxt_engine *engine = owner;
    bool is_settled = flow->standing == MXT_FLOW_MAIL;
    uint64_t skipped = 0;
    if (flow->standing == MXT_FLOW_FOREIGN || (!is_settled && !mxt_probe_admit(&engine->probes, flow, direction, p, n, &skipped)))
        return;
    struct mxt_session *session = session_of(engine, flow);
    if (session == NULL)
        return;
    if (skipped > 0)
        mxt_session_gap(session, MXT_TOSERVER, skipped);
    mxt_session_data(session, direction, p, n, time_us);
    bool is_bulk = mxt_session_is_bulk(session, direction);
    if (!is_settled)
        mxt_probe_look(&engine->probes, flow, session, direction, p, n, time_us);
    if (engine->config.has_snapshots && (flow->standing == MXT_FLOW_MAIL || flow->standing == MXT_FLOW_MAIL_PORT))
        look(engine, flow);
    if (mxt_session_is_done(session))
        mxt_tcp_stop_content(flow->tcp);
    else
        mxt_tcp_keep_history(flow->tcp, direction, !is_bulk);
    if (!is_bulk)
        flow->held = (uint32_t)mxt_session_memory(session);
}

static void on_gap(void *owner, struct mxt_flow *flow, enum mxt_direction direction, uint64_t missing, int64_t time_us)
{
    struct mxt_engine *engine = owner;
    (void)time_us;
    if (flow->standing != MXT_FLOW_MAIL)
        mxt_probe_gap(&engine->probes, flow, direction, missing);
    if (flow->standing == MXT_FLOW_FOREIGN || (flow->standing == MXT_FLOW_CANDIDATE && flow->session == NULL))
        return;
    struct mxt_session *session = session_of(engine, flow);
    if (session != NULL)
        mxt_session_gap(session, direction, missing);
}

static void on_close(void *owner, struct mxt_flow *flow, enum mxt_direction direction, enum mxt_close how, int64_t time_us)
{
    (void)owner, (void)time_us;
    if (flow->session != NULL && !flow->is_told)
        mxt_session_close(flow->session, direction, how);
}

/* Counted by TCP itself; the finding rests on the count. */
static void on_conflict(void *owner, struct mxt_flow *flow, enum mxt_direction direction, uint64_t offset, int64_t time_us)
{
    (void)owner, (void)flow, (void)direction, (void)offset, (void)time_us;
}

static void count_record(struct mxt_health *health, const struct mxt_record *record)
{
    health->sessions++;
    if (record->tls != NULL && (record->tls->outcome == MXT_TLS_ESTABLISHED || record->tls->outcome == MXT_TLS_DECRYPTED)) {
        health->sessions_encrypted++;
        health->certificate_unseen += !record->tls->has_certificate;
    }
    if (record->smtp != NULL) {
        health->sessions_plaintext += record->smtp->exposed_total > 0;
        health->messages += record->smtp->messages_total;
        health->messages_exposed += record->smtp->exposed_total;
        health->messages_delivered += record->smtp->delivered_total;
    }
    for (const struct mxt_finding *finding = record->findings; finding != NULL; finding = finding->next)
        health->findings++;
}

/* What TCP counted over the whole connection. */
static void count_flow(struct mxt_health *health, const struct mxt_flow *flow)
{
    const struct mxt_tcp_counters *counters = mxt_tcp_counters(flow->tcp);
    health->gapped += counters->gap_bytes_toserver + counters->gap_bytes_toclient > 0;
    health->gap_bytes += counters->gap_bytes_toserver + counters->gap_bytes_toclient;
    health->retransmitted += counters->retransmitted;
    health->duplicates += counters->duplicates;
    health->conflicting_overlaps += counters->conflicting_overlaps;
    health->ends_revoked += counters->ends_revoked;
    health->bad_checksums_dropped += counters->bad_checksums_dropped;
    health->bad_checksums_accepted += counters->bad_checksums_accepted;
    health->midstream += mxt_tcp_is_midstream(flow->tcp);
    health->one_sided += mxt_tcp_is_one_sided(flow->tcp);
}

static void on_segment(void *owner, struct mxt_flow *flow, enum mxt_direction direction, const struct mxt_segment *segment, bool is_dropped)
{
    struct mxt_engine *engine = owner;
    if (flow->standing == MXT_FLOW_FOREIGN) {
        mxt_keep_end(engine->keep, flow, NULL, false);
        return;
    }
    size_t borne = mxt_keep_segment(engine->keep, flow, direction, segment, is_dropped);
    if (flow->session == NULL)
        flow->held = (uint32_t)borne;
}

static void forget(struct mxt_engine *engine, struct mxt_flow *flow)
{
    if (engine->keep != NULL)
        mxt_keep_end(engine->keep, flow, NULL, false); /* nothing, where it was handed over */
    mxt_probe_close(&engine->probes, flow);
    mxt_session_free(&engine->sessions, flow->session);
    flow->session = NULL;
    flow->held = 0;
}

static bool is_mail(const struct mxt_flow *flow)
{
    return flow->standing != MXT_FLOW_FOREIGN && flow->standing != MXT_FLOW_CANDIDATE;
}

/* From any thread. */
static void give_back(void *owner, void *what)
{
    struct mxt_engine *engine = owner;
    mxt_session_give_back(&engine->back, what);
}

/* The last record of a session, which goes with it. Where packets are kept it stays until its last one was. */
static void tell_final(struct mxt_engine *engine, struct mxt_flow *flow, enum mxt_flow_end why)
{
    struct mxt_session *session = flow->session;
    struct mxt_record record;
    mxt_session_finish(session, why);
    make_record(engine, flow, true, mxt_session_arena(session), &record);
    record.snapshot = 1 + (engine->config.has_snapshots ? ((const struct mxt_snapshot *)mxt_session_own(session))->count : 0);
    count_record(&engine->health, &record);
    flow->has_findings = record.findings != NULL;
    flow->is_told = true;
    if (engine->keep != NULL || engine->config.lend == NULL) {
        engine->config.record(engine->config.context, &record);
        return;
    }
    const struct mxt_loan loan = {.give_back = give_back, .owner = engine, .what = session, .bytes = mxt_session_memory(session)};
    flow->session = NULL;
    forget(engine, flow);
    engine->config.lend(engine->config.context, &record, &loan);
}

/* A session whose end is certain is told at once: what is repeated later says nothing of it. */
static void on_settled(void *owner, struct mxt_flow *flow)
{
    struct mxt_engine *engine = owner;
    if (is_mail(flow) && flow->session != NULL)
        tell_final(engine, flow, MXT_FLOW_CLOSED);
}

static void on_end(void *owner, struct mxt_flow *flow, enum mxt_flow_end why)
{
    struct mxt_engine *engine = owner;
    if (is_mail(flow)) {
        count_flow(&engine->health, flow);
        if (flow->session != NULL && !flow->is_told) /* without a session not a byte of content came: a scan, or only its handshake was captured */
            tell_final(engine, flow, why);
        if (flow->session != NULL && engine->keep != NULL)
            mxt_keep_end(engine->keep, flow, flow->session, flow->has_findings);
    }
    forget(engine, flow);
}

static const struct mxt_flow_handler handler = {
    .data = on_data,
    .gap = on_gap,
    .close = on_close,
    .conflict = on_conflict,
    .end = on_end,
    .settled = on_settled,
    .is_server_speech = mxt_smtp_is_server_speech,
    .first_words = mxt_probe_first_words,
};

struct mxt_engine *mxt_engine_new(const struct mxt_engine_config *config)
{
    struct mxt_engine *engine = calloc(1, sizeof *engine);
    if (engine == NULL)
        return NULL;
    engine->config = *config;
    mxt_session_slab_init(&engine->sessions, config->has_snapshots ? sizeof(struct mxt_snapshot) : 0);
    struct mxt_flow_limits flow_limits = config->flow_limits;
    if (!config->any_port)
        flow_limits.passed = flow_limits.newcomers = 0;
    struct mxt_packet_limits packet_limits = config->packet_limits;
    packet_limits.seed = config->hash_seed;
    engine->intake = mxt_intake_new(config->any_port ? NULL : &config->ports, &packet_limits);
    struct mxt_flow_handler own = handler;
    own.segment = config->keep != NULL ? on_segment : NULL;
    engine->flows = mxt_flow_table_new(&flow_limits, &config->tcp_limits, &config->ports, config->hash_seed, &own, engine);
    engine->keep = config->keep != NULL ? mxt_keep_new(config->keep, config->session.smtp_limits.drop_local_parts) : NULL;
    if (!mxt_probes_init(&engine->probes, &config->ports) || engine->intake == NULL || engine->flows == NULL || (config->keep != NULL && engine->keep == NULL)) {
        mxt_engine_free(engine);
        return NULL;
    }
    return engine;
}

void mxt_engine_free(struct mxt_engine *engine)
{
    if (engine == NULL)
        return;
    mxt_flow_table_free(engine->flows);
    mxt_keep_free(engine->keep);
    mxt_intake_free(engine->intake);
    mxt_probes_clear(&engine->probes);
    mxt_sessions_take_back(&engine->back, &engine->sessions);
    mxt_slab_free(&engine->sessions);
    free(engine);
}

/* Its beginning: the rest the processor fetches by itself, once it sees that it is read on. */
static void prefetch_payload(const struct mxt_segment *segment)
{
    size_t n = segment->payload_length < PAYLOAD_AHEAD ? segment->payload_length : PAYLOAD_AHEAD;
    for (size_t i = 0; i < n; i += CACHE_LINE)
        __builtin_prefetch(segment->payload + i);
}

/* Takes up to BATCH segments. Each loop fetches what the next one looks at. */
static void take_batch(struct mxt_engine *engine, const struct mxt_segment *segments, size_t count)
{
    uint64_t keys[BATCH];
    const struct mxt_session *sessions[BATCH];
    for (size_t i = 0; i < count; i++)
        keys[i] = mxt_flow_table_announce(engine->flows, &segments[i]);
    for (size_t i = 0; i < count; i++)
        mxt_flow_table_expect(engine->flows, keys[i]);
    for (size_t i = 0; i < count; i++) {
        sessions[i] = mxt_flow_table_reader(engine->flows, &segments[i], keys[i]);
        mxt_session_prefetch(sessions[i]);
        if (sessions[i] != NULL)
            prefetch_payload(&segments[i]);
    }
    for (size_t i = 0; i < count; i++)
        mxt_session_prefetch_message(sessions[i]);
    for (size_t i = 0; i < count; i++)
        mxt_flow_table_take(engine->flows, &segments[i], keys[i]);
}

static void take_waiting(struct mxt_engine *engine)
{
    take_batch(engine, engine->segments, engine->waiting);
    engine->waiting = 0;
}

static void take_frame(struct mxt_engine *engine, const struct mxt_frame *frame)
{
    struct mxt_segment *segment = &engine->segments[engine->waiting];
    if (mxt_intake_frame(engine->intake, frame, segment) && (engine->config.hand_on == NULL || !engine->config.hand_on(engine->config.others, segment))) {
        engine->tick_us = frame->time_us;
        if (++engine->waiting == BATCH || !mxt_segment_is_in_frame(segment)) /* else its bytes live until the next is decoded */
            take_waiting(engine);
    } else if (frame->time_us - engine->tick_us >= MXT_INTAKE_TICK_US) {
        take_waiting(engine);
        mxt_engine_tick(engine, frame->time_us);
    }
}

void mxt_engine_frames(struct mxt_engine *engine, const struct mxt_frame *frames, size_t count)
{
    for (size_t i = 0; i < count; i++)
        take_frame(engine, &frames[i]);
    take_waiting(engine);
}

void mxt_engine_segments(struct mxt_engine *engine, const struct mxt_segment *segments, size_t count)
{
    for (size_t i = 0; i < count; i += BATCH)
        take_batch(engine, segments + i, count - i < BATCH ? count - i : BATCH);
    if (count > 0)
        engine->tick_us = segments[count - 1].time_us;
}

struct mxt_intake *mxt_engine_intake(struct mxt_engine *engine)
{
    return engine->intake;
}

void mxt_engine_tick(struct mxt_engine *engine, int64_t now_us)
{
    if (now_us - engine->tick_us < TICK_GRAIN_US)
        return;
    mxt_flow_table_tick(engine->flows, now_us);
    engine->tick_us = now_us;
}

void mxt_engine_finish(struct mxt_engine *engine)
{
    mxt_flow_table_finish(engine->flows);
}

void mxt_engine_health(const struct mxt_engine *engine, struct mxt_health *out)
{
    const struct mxt_flow_counters *flows = mxt_flow_table_counters(engine->flows);
    *out = engine->health;
    out->sensor = engine->config.session.sensor;
    mxt_intake_health(engine->intake, out);
    out->flows = flows->opened;
    out->flows_peak = flows->peak;
    out->flows_active = flows->active;
    out->evicted = flows->ended[MXT_FLOW_EVICTED];
    out->refused += flows->allocation_failures;
    out->passed_flows = flows->ended[MXT_FLOW_PASSED];
    out->passed_segments = flows->passed_segments;
    out->passed_forgotten = flows->passed_forgotten;
    out->newcomers_forgotten = flows->newcomers_forgotten;
    out->claimed = engine->probes.claimed;
    out->evicted_for_memory = flows->evicted_for_memory;
    out->relieved = flows->relieved;
    out->memory = flows->memory;
    out->memory_peak = flows->memory_peak;
    out->unidentified = engine->probes.refused;
    if (engine->config.session.trust != NULL)
        mxt_trust_counters(engine->config.session.trust, &out->chains_verified, &out->chains_cached);
}
