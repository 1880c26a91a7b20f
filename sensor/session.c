#include "sensor/session.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <string.h>
#include <xxhash.h>

#define CACHE_LINE 64u
#define HOT        256u /* bytes of a session and its decoder that a segment may touch */

struct mxt_session {
    const struct mxt_session_context *context;
    struct mxt_arena arena;
    struct mxt_tls *tls;             /* from TLS's first byte until it is done */
    union {
        struct mxt_tls_facts *tls_facts; /* in the arena; outlives `tls` */
        struct mxt_session *next;        /* behind this one, when both were given back and nobody reads their facts any more */
    };
    bool is_done, is_closed, is_finished;
    uint8_t end; /* enum mxt_flow_end, where TCP does not say */
};

/* In one slot: the session, its SMTP decoder, the arena's first block. */
static size_t decoder_at(void)
{
    return sizeof(struct mxt_session);
}

static size_t arena_at(void)
{
    return (decoder_at() + mxt_smtp_size() + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
}

static size_t own_at(void)
{
    return arena_at() + MXT_SESSION_FIRST;
}

static struct mxt_smtp *smtp_of(const struct mxt_session *session)
{
    return (struct mxt_smtp *)((const char *)session + decoder_at());
}

void mxt_session_slab_init(struct mxt_slab *slab, size_t own)
{
    mxt_slab_init(slab, own_at() + own);
}

void *mxt_session_own(struct mxt_session *session)
{
    return (char *)session + own_at();
}

struct mxt_session *mxt_session_new(struct mxt_slab *slab, const struct mxt_session_context *context, bool is_midstream)
{
    struct mxt_session *session = mxt_slab_take(slab);
    if (session == NULL)
        return NULL;
    *session = (struct mxt_session){.context = context};
    mxt_arena_init_with(&session->arena, context->arena_bytes, (char *)session + arena_at(), MXT_SESSION_FIRST);
    if (mxt_smtp_init(smtp_of(session), &session->arena, &context->smtp_limits, is_midstream) == MXT_OK)
        return session;
    mxt_slab_give(slab, session);
    return NULL;
}

void mxt_session_free(struct mxt_slab *slab, struct mxt_session *session)
{
    if (session == NULL)
        return;
    mxt_tls_free(session->tls);
    mxt_smtp_clear(smtp_of(session));
    mxt_arena_free(&session->arena);
    mxt_slab_give(slab, session);
}

void mxt_session_give_back(struct mxt_sessions_back *back, struct mxt_session *session)
{
    session->next = atomic_load_explicit(&back->first, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&back->first, &session->next, session, memory_order_release, memory_order_relaxed))
        continue;
}

void mxt_sessions_take_back(struct mxt_sessions_back *back, struct mxt_slab *slab)
{
    if (atomic_load_explicit(&back->first, memory_order_relaxed) == NULL)
        return;
    struct mxt_session *session = atomic_exchange_explicit(&back->first, NULL, memory_order_acquire);
    while (session != NULL) {
        struct mxt_session *next = session->next;
        mxt_session_free(slab, session);
        session = next;
    }
}

void mxt_session_prefetch(const struct mxt_session *session)
{
    if (session == NULL)
        return;
    const char *slot = (const char *)session;
    for (size_t line = 0; line < HOT; line += CACHE_LINE)
        __builtin_prefetch(slot + line, 1);
}

void mxt_session_prefetch_message(const struct mxt_session *session)
{
    if (session != NULL)
        mxt_smtp_prefetch(smtp_of(session));
}

/* The TLS decoder, made when it is first needed; NULL when out of memory or done with. */
static struct mxt_tls *tls_of(struct mxt_session *session)
{
    if (session->tls == NULL && session->tls_facts == NULL) {
        session->tls = mxt_tls_new(&session->arena, &session->context->tls_limits);
        if (session->tls != NULL)
            session->tls_facts = mxt_tls_facts(session->tls);
    }
    return session->tls;
}

/* Reads the server's certificate once its chain is there. */
static void describe_certificate(struct mxt_session *session, int64_t time_us)
{
    size_t count = 0;
    if (session->tls_facts->has_certificate || session->context->trust == NULL)
        return;
    const struct mxt_der *chain = mxt_tls_chain(session->tls, &count);
    if (count == 0)
        return;
    enum mxt_fact visible = session->tls_facts->certificate.visible;
    if (mxt_trust_describe(session->context->trust, chain, count, time_us, &session->arena, &session->tls_facts->certificate) == MXT_OK)
        session->tls_facts->has_certificate = true;
    session->tls_facts->certificate.visible = visible;
}

/* The facts stay, the decoder's buffers go. */
static void leave_tls(struct mxt_session *session)
{
    mxt_tls_free(session->tls);
    session->tls = NULL;
    session->is_done = true;
}

static void feed_tls(struct mxt_session *session, enum mxt_direction direction, const uint8_t *p, size_t n, int64_t time_us)
{
    struct mxt_tls *tls = tls_of(session);
    if (tls == NULL)
        return;
    enum mxt_status status = mxt_tls_feed(tls, direction, p, n);
    if (direction == MXT_TOCLIENT || status == MXT_DONE)
        describe_certificate(session, time_us);
    if (status == MXT_DONE)
        leave_tls(session);
}

void mxt_session_data(struct mxt_session *session, enum mxt_direction direction, const uint8_t *p, size_t n, int64_t time_us)
{
    size_t consumed = 0;
    if (!mxt_smtp_is_tls(smtp_of(session), direction)) {
        enum mxt_status status = mxt_smtp_feed(smtp_of(session), direction, p, n, &consumed);
        if (status == MXT_ENOMEM)
            return;
    }
    if (consumed < n)
        feed_tls(session, direction, p + consumed, n - consumed, time_us);
}

void mxt_session_gap(struct mxt_session *session, enum mxt_direction direction, uint64_t missing)
{
    if (!mxt_smtp_is_tls(smtp_of(session), direction))
        mxt_smtp_gap(smtp_of(session), direction, missing);
    /* Behind a 220 the gap may have swallowed TLS's first records: the TLS decoder must know that it did not see the beginning. */
    if (mxt_smtp_tls_mode(smtp_of(session)) != MXT_TLS_NONE && !mxt_smtp_is_decrypted(smtp_of(session)) && tls_of(session) != NULL)
        mxt_tls_gap(session->tls, direction, missing);
}

void mxt_session_close(struct mxt_session *session, enum mxt_direction direction, enum mxt_close how)
{
    session->is_closed = true;
    /* A close right behind the 220, before any TLS byte, is a failed handshake too. */
    if (mxt_smtp_tls_mode(smtp_of(session)) != MXT_TLS_NONE && !mxt_smtp_is_decrypted(smtp_of(session)) && tls_of(session) != NULL)
        mxt_tls_close(session->tls, direction, how);
}

const struct mxt_smtp_span *mxt_session_spoken(const struct mxt_session *session, size_t *count)
{
    return mxt_smtp_spoken(smtp_of(session), count);
}

bool mxt_session_tls_start(const struct mxt_session *session, enum mxt_direction direction, uint64_t *offset)
{
    return mxt_smtp_tls_start(smtp_of(session), direction, offset);
}

bool mxt_session_is_done(const struct mxt_session *session)
{
    return session->is_done;
}

bool mxt_session_is_bulk(const struct mxt_session *session, enum mxt_direction direction)
{
    return mxt_smtp_is_body(smtp_of(session), direction);
}

size_t mxt_session_memory(const struct mxt_session *session)
{
    size_t n = arena_at() + session->arena.reserved + mxt_smtp_memory(smtp_of(session));
    return session->tls == NULL ? n : n + mxt_tls_memory(session->tls);
}

bool mxt_session_is_evident(const struct mxt_session *session)
{
    return mxt_smtp_is_evident(smtp_of(session));
}

/* TLS facts of a mirror that decrypts: the handshake is not there to be seen. */
static void note_decrypted(struct mxt_session *session)
{
    if (session->tls_facts == NULL)
        session->tls_facts = mxt_arena_alloc(&session->arena, sizeof *session->tls_facts);
    if (session->tls_facts != NULL)
        session->tls_facts->outcome = MXT_TLS_DECRYPTED;
}

static const char *flow_end_name(enum mxt_flow_end why)
{
    switch (why) {
    case MXT_FLOW_IDLE: return "idle";
    case MXT_FLOW_REUSED: return "reused";
    case MXT_FLOW_EVICTED: return "evicted";
    case MXT_FLOW_CAPTURE_END: return "capture_end";
    case MXT_FLOW_HALF_OPEN: return "idle";
    case MXT_FLOW_PASSED: /* has no record */
    case MXT_FLOW_CLOSED: break;
    }
    return "fin";
}

void mxt_session_finish(struct mxt_session *session, enum mxt_flow_end why)
{
    session->end = (uint8_t)why;
    session->is_finished = true;
    if (session->arena.limit != 0)
        session->arena.limit = session->arena.reserved + MXT_SESSION_RECORD_BYTES;
    mxt_smtp_finish(smtp_of(session), session->is_closed);
    if (!mxt_smtp_is_decrypted(smtp_of(session)) && mxt_smtp_tls_mode(smtp_of(session)) != MXT_TLS_NONE && tls_of(session) != NULL) {
        mxt_tls_finish(session->tls);
        leave_tls(session);
    }
}

/* What only the SMTP decoder knows of TLS. */
static void settle_tls(struct mxt_session *session)
{
    if (mxt_smtp_is_decrypted(smtp_of(session)))
        note_decrypted(session);
    if (session->tls_facts != NULL)
        session->tls_facts->mode = mxt_smtp_tls_mode(smtp_of(session));
}

/* FNV-1a's step, over whole numbers. */
static uint64_t mix(uint64_t hash, uint64_t value)
{
    return (hash ^ value) * UINT64_C(0x100000001b3);
}

void mxt_session_progress(const struct mxt_session *session, struct mxt_session_progress *out)
{
    const struct mxt_smtp_facts *smtp = mxt_smtp_facts(smtp_of(session));
    const struct mxt_tls_facts *tls = session->tls_facts;
    const uint64_t said[] = {
        smtp->banner_code,          smtp->ehlo_reply_code,  smtp->helo_reply_code,
        smtp->has_capabilities,     smtp->starttls.offered, smtp->starttls.reply_code,
        smtp->auth.attempts,        smtp->auth.reply_code,  (uint64_t)smtp->auth.plaintext,
        smtp->messages_total,       smtp->exposed_total,    smtp->delivered_total,
        smtp->recipients_total,     smtp->smuggling_total,  smtp->starttls.injected_toserver + (uint64_t)smtp->starttls.injected_toclient,
        tls == NULL ? 0 : tls->version, tls == NULL ? 0 : 1u + tls->has_certificate,
    };
    uint64_t hash = 0;
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++)
        hash = mix(hash, said[i]);
    *out = (struct mxt_session_progress){
        .said = hash,
        .is_exposed = smtp->exposed_total > 0,
        .outcome = mxt_smtp_is_decrypted(smtp_of(session)) ? MXT_TLS_DECRYPTED : tls == NULL ? MXT_TLS_OUTCOME_UNKNOWN : tls->outcome,
    };
}

/* The same at every sensor on the path; a session whose beginning was not seen takes the sensor's name in. */
static uint64_t session_id(const struct mxt_session *session, const struct mxt_flow *flow)
{
    struct {
        struct mxt_address client, server;
        uint16_t client_port, server_port;
        uint32_t isn;
    } key = {flow->client, flow->server, flow->client_port, flow->server_port, 0};
    enum mxt_fact is_known;
    key.isn = mxt_tcp_client_isn(flow->tcp, &is_known);
    uint64_t seed = is_known == MXT_YES ? 0 : XXH3_64bits(session->context->sensor, strlen(session->context->sensor)) ^ (uint64_t)flow->start_us;
    return XXH3_64bits_withSeed(&key, sizeof key, seed);
}

static void fill_capture(const struct mxt_session *session, const struct mxt_flow *flow, struct mxt_capture_facts *out)
{
    const struct mxt_tcp_counters *counters = mxt_tcp_counters(flow->tcp);
    const char *ended = mxt_tcp_ended(flow->tcp);
    *out = (struct mxt_capture_facts){
        .packets = (uint64_t)counters->packets_toserver + counters->packets_toclient,
        .bytes = counters->bytes_toserver + counters->bytes_toclient,
        .gap_bytes_toserver = counters->gap_bytes_toserver,
        .gap_bytes_toclient = counters->gap_bytes_toclient,
        .midstream = mxt_tcp_is_midstream(flow->tcp),
        .one_sided = mxt_tcp_is_one_sided(flow->tcp),
        .conflicting_overlaps = counters->conflicting_overlaps,
        .ended = ended != NULL || !session->is_finished ? ended : flow_end_name((enum mxt_flow_end)session->end),
    };
}

struct mxt_arena *mxt_session_arena(struct mxt_session *session)
{
    return &session->arena;
}

void mxt_session_record(struct mxt_session *session, const struct mxt_flow *flow, struct mxt_record *out)
{
    settle_tls(session);
    *out = (struct mxt_record){
        .timestamp_us = flow->last_us,
        .sensor = session->context->sensor,
        .version = MXT_RECORD_VERSION,
        .session_id = session_id(session, flow),
        .start_us = flow->start_us,
        .duration_ms = (uint64_t)(flow->last_us - flow->start_us) / 1000,
        .src_ip = flow->client,
        .dest_ip = flow->server,
        .src_port = flow->client_port,
        .dest_port = flow->server_port,
        .vlan_count = flow->vlan_count,
        .hop = mxt_networks_hop(session->context->home, &flow->client, &flow->server),
        .in_iface = flow->interface,
        .tls = session->tls_facts,
    };
    memcpy(out->vlan, flow->vlan, sizeof out->vlan);
    fill_capture(session, flow, &out->capture);
    /* TLS from the first byte on says nothing in SMTP; a banner that was read before it does. */
    const struct mxt_smtp_facts *facts = mxt_smtp_facts(smtp_of(session));
    out->proxied_src_ip = facts->proxied_src_ip;
    if (mxt_smtp_tls_mode(smtp_of(session)) != MXT_TLS_IMPLICIT || facts->banner != NULL)
        out->smtp = facts;
}
