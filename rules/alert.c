#include "rules/alert.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include "rules/alert_parts.h"
#include "rules/alert_text.h"

#define SESSION_TEXT 17 /* 16 hex digits and NUL */

unsigned mxt_alert_eve_severity(enum mxt_severity severity)
{
    switch (severity) {
    case MXT_SEVERITY_CRITICAL:
    case MXT_SEVERITY_HIGH: return 1;
    case MXT_SEVERITY_MEDIUM: return 2;
    case MXT_SEVERITY_LOW: return 3;
    case MXT_SEVERITY_INFO:
    case MXT_SEVERITY_NONE: break;
    }
    return 4;
}

/* SNI, which the client asked for, else what the server calls itself. */
static const char *server_name(const struct mxt_record *record)
{
    if (record->tls != NULL && record->tls->sni != NULL)
        return record->tls->sni;
    return record->smtp == NULL ? NULL : record->smtp->server_name;
}

struct mxt_alert mxt_alert_facts(const struct mxt_record *record, const struct mxt_finding *finding)
{
    return (struct mxt_alert){
        .timestamp_us = record->timestamp_us,
        .sensor = record->sensor,
        .src_ip = record->src_ip,
        .dest_ip = record->dest_ip,
        .src_port = record->src_port,
        .dest_port = record->dest_port,
        .community_id = record->community_id,
        .hop = record->hop,
        .rule = finding->rule,
        .severity = finding->severity,
        .domain = finding->domain,
        .server_name = server_name(record),
        .result_type = finding->result_type,
        .count = 1,
        .first_seen_us = record->start_us,
        .last_seen_us = record->timestamp_us,
        .evidence = finding->evidence,
    };
}

enum mxt_status mxt_alert_speak(struct mxt_arena *arena, struct mxt_alert *alert)
{
    const struct mxt_rule_info *info = mxt_rule_info(alert->rule);
    alert->explanation = mxt_alert_text(arena, info->explanation, alert);
    alert->remedy = mxt_alert_text(arena, info->remedy, alert);
    return alert->explanation != NULL && alert->remedy != NULL ? MXT_OK : MXT_ENOMEM;
}

enum mxt_status mxt_alert_name_session(struct mxt_arena *arena, struct mxt_alert *alert, uint64_t session, size_t max)
{
    char text[SESSION_TEXT];
    int n = snprintf(text, sizeof text, "%016" PRIx64, session);
    const char *kept = mxt_arena_copy(arena, text, (size_t)n);
    return kept == NULL ? MXT_ENOMEM : mxt_text_list_add(&alert->sessions, arena, kept, max);
}
