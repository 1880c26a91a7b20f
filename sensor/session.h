/*
 * One SMTP connection as the sensor understands it: hands the two byte streams to the SMTP decoder and, from where TLS begins, to the TLS decoder,
 * and turns their facts into a record.
 */
#ifndef MXT_SENSOR_SESSION_H
#define MXT_SENSOR_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decoders/smtp.h"
#include "decoders/tls.h"
#include "rules/record.h"
#include "sensor/flow.h"
#include "rules/networks.h"
#include "sensor/slab.h"
#include "sensor/trust.h"

#define MXT_SESSION_RECORD_BYTES (1u << 20) /* that a finished session may take for its last record: findings and their evidence */
#define MXT_SESSION_FIRST 176u         /* of them in the session's own slot: greeting, names and capabilities of most */

/* What all sessions of a sensor share; outlives them. */
struct mxt_session_context {
    const char *sensor; /* its name */
    uint32_t arena_bytes; /* of facts that one session may keep beside its messages */
    struct mxt_smtp_limits smtp_limits;
    struct mxt_tls_limits tls_limits;
    struct mxt_trust *trust; /* NULL: certificates stay unchecked */
    const struct mxt_networks *home;
};

struct mxt_session;

/* Prepares a slab that has room for a session, its decoder and its first facts in each slot, and for `own` bytes of the owner's. */
void mxt_session_slab_init(struct mxt_slab *slab, size_t own);

/* The owner's bytes of a session's slot, their content undefined at first; aligned for any object. */
void *mxt_session_own(struct mxt_session *session);

/* A session at its first byte (or gap), in a slot of `slab`. `context` is borrowed. NULL: out of memory. */
struct mxt_session *mxt_session_new(struct mxt_slab *slab, const struct mxt_session_context *context, bool is_midstream);

/*
 * Finished sessions that are given back from other threads than their slab's: any thread adds, the slab's takes all, to free them. Zeroed is empty.
 */
struct mxt_sessions_back {
    _Atomic(struct mxt_session *) first;
};
void mxt_session_give_back(struct mxt_sessions_back *back, struct mxt_session *session);
void mxt_sessions_take_back(struct mxt_sessions_back *back, struct mxt_slab *slab);

/* Frees what it holds and gives its slot back. NULL is accepted. */
void mxt_session_free(struct mxt_slab *slab, struct mxt_session *session);

/* Begins to fetch into the cache what the next bytes will need; in two steps, since the first finds what the second fetches. NULL is accepted. */
void mxt_session_prefetch(const struct mxt_session *session);
void mxt_session_prefetch_message(const struct mxt_session *session);

/* The next bytes of a direction, `n` at least 1. Out of memory makes later facts unknown. */
void mxt_session_data(struct mxt_session *session, enum mxt_direction direction, const uint8_t *p, size_t n, int64_t time_us);

/* `missing` bytes of a direction were not captured. */
void mxt_session_gap(struct mxt_session *session, enum mxt_direction direction, uint64_t missing);

/* The sender of a direction closed it. */
void mxt_session_close(struct mxt_session *session, enum mxt_direction direction, enum mxt_close how);

/* How far a session has come. */
struct mxt_session_progress {
    uint64_t said;                /* differs where something was said, by either side, on which a finding can rest */
    bool is_exposed;              /* a message's content crossed in the clear */
    enum mxt_tls_outcome outcome; /* so far */
};

/* Tells how far it has come. Costs no more than looking at some counters. */
void mxt_session_progress(const struct mxt_session *session, struct mxt_session_progress *out);

/* Where commands stand and TLS begins, as mxt_smtp_spoken and mxt_smtp_tls_start tell. */
const struct mxt_smtp_span *mxt_session_spoken(const struct mxt_session *session, size_t *count);
bool mxt_session_tls_start(const struct mxt_session *session, enum mxt_direction direction, uint64_t *offset);

/* Whether nothing that follows in the streams can add a fact: TLS is established, or has failed. */
bool mxt_session_is_done(const struct mxt_session *session);

/* Whether a direction is in bulk (a message body): its bytes need not be kept for comparison. */
bool mxt_session_is_bulk(const struct mxt_session *session, enum mxt_direction direction);

/* About how many bytes of memory it holds, its slot included. */
size_t mxt_session_memory(const struct mxt_session *session);

/* Whether what was said so far is SMTP beyond doubt (mxt_smtp_is_evident). */
bool mxt_session_is_evident(const struct mxt_session *session);

/* The connection is over, `why`: settles the facts. Nothing may be fed afterwards. */
void mxt_session_finish(struct mxt_session *session, enum mxt_flow_end why);

/*
 * Fills a record of the session on `flow` with the facts so far; where it was not finished, what its end would settle is unknown. Strings live in the session.
 * Findings, Community ID, snapshot and sequence are the caller's.
 */
void mxt_session_record(struct mxt_session *session, const struct mxt_flow *flow, struct mxt_record *out);

/* Where a finished session's findings go, to live as long as it does: MXT_SESSION_RECORD_BYTES beyond what its facts take. */
struct mxt_arena *mxt_session_arena(struct mxt_session *session);

#endif
