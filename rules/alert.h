/*
 * Alerts: findings made for people and for the tools that read EVE.
 */
#ifndef MXT_RULES_ALERT_H
#define MXT_RULES_ALERT_H

#include <stdbool.h>
#include <stdint.h>

#include "decoders/arena.h"
#include "rules/record.h"

#define MXT_ALERT_CATEGORY "Mail transport security"

struct mxt_alert {
    int64_t timestamp_us; /* of the newest evidence */
    const char *sensor;
    struct mxt_address src_ip, dest_ip;
    uint16_t src_port, dest_port;
    const char *community_id;
    enum mxt_hop hop;
    enum mxt_rule rule;
    enum mxt_severity severity;
    uint64_t alert_id;       /* 64 bits of a SHA-256 over rule, subject and first session: the same whenever the same records are judged */
    uint64_t incident_id;    /* alerts that rest on the same session share it */
    const char *domain;      /* or NULL */
    const char *server_name; /* or NULL */
    const char *result_type; /* or NULL */
    uint64_t count;
    int64_t first_seen_us, last_seen_us;
    struct mxt_text_list sessions; /* session ids, capped */
    const struct mxt_evidence *evidence;
    const char *explanation;
    const char *remedy;
};

/* EVE's severity: 1 critical and high, 2 medium, 3 low, 4 info. */
unsigned mxt_alert_eve_severity(enum mxt_severity severity);

/*
 * Whether a rule is about the client and not about the server alone: starttls.command_mangled, starttls.handshake_aborted, starttls.fallback, starttls.unused,
 * starttls.injection_toserver, auth.plaintext_credentials. Their alerts are kept apart by client (address and HELO name) where the finding names no domain.
 */
bool mxt_alert_has_client(enum mxt_rule rule);

#endif
