/*
 * The session record: what one sensor says about one SMTP session, and what follows from it: the only thing that travels.
 *
 * One table (rules/event_fields.c) names every field of record, alert and health; the JSON encoder, the decoder and the JSON Schema come from it.
 */
#ifndef MXT_RULES_RECORD_H
#define MXT_RULES_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decoders/arena.h"
#include "decoders/packet.h"
#include "decoders/smtp.h"
#include "decoders/tls.h"
#include "rules/rule.h"

#define MXT_RECORD_VERSION 1 /* schema version; counts up when a field changes its meaning */

/* A fact that a finding rests on: a name and a text, a number, a truth or a list. Names are snake case. */
enum mxt_evidence_type { MXT_EVIDENCE_TEXT, MXT_EVIDENCE_NUMBER, MXT_EVIDENCE_BOOL, MXT_EVIDENCE_LIST };

struct mxt_evidence {
    const char *key;
    enum mxt_evidence_type type;
    const char *text;          /* TEXT */
    int64_t number;            /* NUMBER; BOOL: 0 or 1 */
    struct mxt_text_list list; /* LIST */
    struct mxt_evidence *next;
};

/* What a rule says about one session. */
struct mxt_finding {
    enum mxt_rule rule;
    enum mxt_severity severity;
    const char *domain;      /* the domain it is about, where the rule has one; else NULL */
    const char *result_type; /* RFC 8460 4.3, where it has one; else NULL */
    struct mxt_evidence *evidence;
    struct mxt_finding *next;
};

/* Whose hop the session was, by the home networks. */
enum mxt_hop { MXT_HOP_UNKNOWN = 0, MXT_HOP_OUTBOUND, MXT_HOP_INBOUND, MXT_HOP_INTERNAL, MXT_HOP_TRANSIT };

struct mxt_capture_facts {
    uint64_t packets, bytes;
    uint64_t gap_bytes_toserver, gap_bytes_toclient;
    bool midstream, one_sided;
    uint32_t conflicting_overlaps;
    const char *ended; /* "fin", "rst", "half_closed", "idle", "reused", "evicted", "capture_end"; NULL: still open */
};

/* A record. Pointers are borrowed: by the sensor from its session, by a reader from the arena it decoded into. */
struct mxt_record {
    int64_t timestamp_us;       /* of the newest packet it rests on, the capture's clock */
    const char *sensor;
    int64_t sensor_start_us;    /* when the sensor began (wall clock; 0 in a replay, so that replays compare) */
    uint64_t sequence;          /* of the record at its sensor since then, from 1 */
    uint32_t version;           /* MXT_RECORD_VERSION */
    uint64_t session_id;
    uint32_t snapshot;          /* from 1 */
    bool final;
    int64_t start_us;
    uint64_t duration_ms;
    struct mxt_address src_ip, dest_ip; /* client, server */
    uint16_t src_port, dest_port;
    const char *proxied_src_ip; /* true client from a PROXY header, or NULL */
    uint8_t vlan_count;
    uint16_t vlan[MXT_VLAN_MAX];
    const char *community_id;   /* https://github.com/corelight/community-id-spec, seed 0 */
    enum mxt_hop hop;
    const char *in_iface;       /* NULL: unknown */
    const char *app_proto;      /* what the server speaks on a mail port that is neither SMTP nor TLS, in lower case; NULL: SMTP, TLS, or not known */
    struct mxt_capture_facts capture;
    const struct mxt_smtp_facts *smtp; /* NULL: no SMTP seen (implicit TLS) */
    const struct mxt_tls_facts *tls;   /* NULL: no TLS */
    struct mxt_finding *findings;
};

/* Appends a finding to the end of a list. Its rule and severity are set, the rest is empty. NULL when the arena refuses (the list is unchanged). */
struct mxt_finding *mxt_finding_add(struct mxt_finding **list, struct mxt_arena *arena, enum mxt_rule rule, enum mxt_severity severity);

/* Append evidence; `key` must be a literal, `text` must live as long as the arena. A NULL text, or an arena that refuses, adds nothing. */
void mxt_evidence_text(struct mxt_finding *finding, struct mxt_arena *arena, const char *key, const char *text);
void mxt_evidence_number(struct mxt_finding *finding, struct mxt_arena *arena, const char *key, int64_t number);
void mxt_evidence_bool(struct mxt_finding *finding, struct mxt_arena *arena, const char *key, bool value);
void mxt_evidence_list(struct mxt_finding *finding, struct mxt_arena *arena, const char *key, const struct mxt_text_list *list);

/* The names that records use, NULL for unknown or out of range. mxt_trust_name(MXT_TRUST_UNCHECKED) is "unchecked". */
const char *mxt_hop_name(enum mxt_hop hop);
const char *mxt_tls_mode_name(enum mxt_tls_mode mode);
const char *mxt_tls_outcome_name(enum mxt_tls_outcome outcome);
const char *mxt_transfer_name(enum mxt_transfer transfer);
const char *mxt_ended_by_name(enum mxt_ended_by side);
const char *mxt_trust_name(enum mxt_trust_verdict verdict);

#endif
