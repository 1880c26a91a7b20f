/*
 * Events as JSON lines: session records, alerts and health, encoded, decoded and described by the field table (rules/event_fields.c).
 *
 * Unknown facts are left out; times are RFC 3339 in UTC with microseconds. What mxt_event_encode_* writes, mxt_event_decode_* reads back to the same facts.
 */
#ifndef MXT_RULES_EVENT_H
#define MXT_RULES_EVENT_H

#include "decoders/arena.h"
#include "rules/alert.h"
#include "rules/json.h"
#include "rules/record.h"

/* The sensor's counters, for people and dashboards. Causes are field names. */
struct mxt_health {
    int64_t timestamp_us;
    const char *sensor;
    bool final;
    uint64_t packets, bytes;
    uint64_t kernel_drops, interface_drops; /* live: frames lost for want of room in the kernel's ring; in the card or its driver */
    uint64_t lost_queue;             /* live: records lost for want of room on their way to the judge, or to the publisher */
    uint64_t published, spooled, spool_records, spool_bytes, lost_spool; /* events to Redis: acknowledged; put to disk; now on disk; lost there */
    uint64_t redis_latency_us; /* the longest of the last minute */
    uint64_t handed_on, handed_lost; /* live: segments that another packet thread decoded than the one that owns their connection; those lost on the way */
    uint64_t segments;               /* TCP segments of mail ports */
    uint64_t other, fragments_pending, malformed, unsupported, snapped, fragments_dropped;
    uint64_t flows, flows_peak, flows_active;
    uint64_t newcomers_forgotten; /* off the mail ports: forgotten for a bound before they said what they are */
    uint64_t passed_flows, passed_segments, passed_forgotten, claimed; /* off the mail ports: no mail; of those, passed over; forgotten for a bound; mail */
    uint64_t evicted_for_memory, relieved; /* connections given up for memory, the closed included; whose holes were given up for memory */
    uint64_t memory, memory_peak;          /* bytes for connections and what is held of them */
    uint64_t unidentified; /* connections that nDPI could not be asked about, for a bound or for want of memory */
    uint64_t evicted, refused;       /* flows given up for a bound; allocations refused */
    uint64_t sessions, sessions_encrypted, sessions_plaintext; /* final records; established; with a message exposed */
    uint64_t messages, messages_exposed, messages_delivered;
    uint64_t certificate_unseen;     /* established sessions whose certificate was not visible */
    uint64_t one_sided, midstream, gap_bytes, retransmitted, duplicates, conflicting_overlaps;
    uint64_t kept, kept_no_room, kept_lost; /* -w: sessions written; connections given up for memory; sessions that the file did not take */
    uint64_t gapped;      /* sessions with bytes that were not captured */
    uint64_t clock_jumps; /* frames whose time lies a second or more before the one before */
    uint64_t bad_checksums_dropped, bad_checksums_accepted;
    uint64_t ends_revoked;           /* FINs and RSTs behind which the connection went on: forged, or not received */
    uint64_t chains_verified, chains_cached;
    uint64_t findings, suppressed, alerts;
    const char *advice;              /* one sentence where the counters speak of a bad mirror, or NULL */
};

/* Adds the counters of a part (a worker) to *sum; the later timestamp stays, all else is left as it is. A peak becomes the sum of the parts' peaks: no more than that. */
void mxt_health_add(struct mxt_health *sum, const struct mxt_health *part);

/* Takes away what had been counted before: the counters of the time between two healths of one sensor. Counters that went down are 0. */
void mxt_health_subtract(struct mxt_health *health, const struct mxt_health *before);

/*
 * Appends one JSON object (no newline) to the writer. MXT_OK; MXT_ENOMEM; MXT_EUSAGE for an alert whose rule or severity has no name, with nothing appended. A
 * finding without a named rule or severity is left out.
 */
enum mxt_status mxt_event_encode_record(struct mxt_json *json, const struct mxt_record *record) MXT_MUST_CHECK;
enum mxt_status mxt_event_encode_alert(struct mxt_json *json, const struct mxt_alert *alert) MXT_MUST_CHECK;
enum mxt_status mxt_event_encode_health(struct mxt_json *json, const struct mxt_health *health) MXT_MUST_CHECK;

/*
 * Reads one event back; everything lives in `arena`. MXT_OK; MXT_EMALFORMED, with one sentence in `error` (error_size bytes) that names the place;
 * MXT_ENOMEM. Unknown fields are passed over, so that a newer sensor can be read.
 */
enum mxt_status mxt_event_decode_record(const char *text, size_t n, struct mxt_arena *arena, struct mxt_record *out, char *error, size_t error_size) MXT_MUST_CHECK;
enum mxt_status mxt_event_decode_alert(const char *text, size_t n, struct mxt_arena *arena, struct mxt_alert *out, char *error, size_t error_size) MXT_MUST_CHECK;
enum mxt_status mxt_event_decode_health(const char *text, size_t n, struct mxt_arena *arena, struct mxt_health *out, char *error, size_t error_size) MXT_MUST_CHECK;

/*
 * Copies a record: everything that its event tells, into `arena`, so that it outlives its session. MXT_OK; MXT_ENOMEM: something is missing from *out, which can be
 * read all the same.
 */
enum mxt_status mxt_event_copy_record(const struct mxt_record *record, struct mxt_arena *arena, struct mxt_record *out) MXT_MUST_CHECK;

/* Writes the JSON Schema (draft 2020-12) of all events, made from the field table; kept in the repository as rules/schema.json. */
enum mxt_status mxt_event_schema(struct mxt_json *json) MXT_MUST_CHECK;

#endif
