#include "rules/alert.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "decoders/digest.h"
#include "rules/alert_text.h"

#define NUMBER_TEXT 24 /* bytes that hold any 64-bit number as text */

/* What is fed is told apart by NUL, which no string holds. */
static void digest_text(struct mxt_sha256 *digest, const char *text)
{
    mxt_sha256_add(digest, text, strlen(text) + 1);
}

static void digest_number(struct mxt_sha256 *digest, uint64_t number)
{
    char text[NUMBER_TEXT];
    snprintf(text, sizeof text, "%" PRIu64, number);
    digest_text(digest, text);
}

static void digest_address(struct mxt_sha256 *digest, const struct mxt_address *address)
{
    mxt_sha256_add(digest, address->bytes, sizeof address->bytes);
}

/* The first 64 bits. */
static uint64_t digest_end(struct mxt_sha256 *digest)
{
    uint8_t bytes[MXT_SHA256_BYTES];
    uint64_t id = 0;
    mxt_sha256_end(digest, bytes);
    for (size_t i = 0; i < sizeof id; i++)
        id = id << 8 | bytes[i];
    return id;
}

static uint64_t alert_id(const struct mxt_record *record, const struct mxt_finding *finding)
{
    struct mxt_sha256 digest;
    mxt_sha256_begin(&digest);
    digest_text(&digest, "alert");
    digest_number(&digest, mxt_rule_info(finding->rule)->sid);
    digest_address(&digest, &record->dest_ip);
    digest_number(&digest, record->dest_port);
    digest_number(&digest, (uint64_t)record->hop);
    if (finding->domain != NULL)
        digest_text(&digest, finding->domain);
    else
        digest_address(&digest, &record->src_ip);
    digest_number(&digest, record->session_id);
    return digest_end(&digest);
}

static uint64_t incident_id(const struct mxt_record *record)
{
    struct mxt_sha256 digest;
    mxt_sha256_begin(&digest);
    digest_text(&digest, "incident");
    digest_number(&digest, record->session_id);
    digest_address(&digest, &record->src_ip);
    digest_number(&digest, record->src_port);
    digest_address(&digest, &record->dest_ip);
    digest_number(&digest, record->dest_port);
    return digest_end(&digest);
}

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

static enum mxt_status fill(struct mxt_arena *arena, const struct mxt_record *record, const struct mxt_finding *finding, struct mxt_alert *out)
{
    const struct mxt_rule_info *info = mxt_rule_info(finding->rule);
    char session[NUMBER_TEXT];
    int n = snprintf(session, sizeof session, "%016" PRIx64, record->session_id);
    const char *kept = mxt_arena_copy(arena, session, (size_t)n);
    if (kept == NULL)
        return MXT_ENOMEM;
    out->explanation = mxt_alert_text(arena, info->explanation, record, finding);
    out->remedy = mxt_alert_text(arena, info->remedy, record, finding);
    if (out->explanation == NULL || out->remedy == NULL)
        return MXT_ENOMEM;
    out->alert_id = alert_id(record, finding);
    out->incident_id = incident_id(record);
    return mxt_text_list_add(&out->sessions, arena, kept, 1);
}

enum mxt_status mxt_alert_from_finding(struct mxt_arena *arena, const struct mxt_record *record, const struct mxt_finding *finding, struct mxt_alert *out)
{
    *out = (struct mxt_alert){
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
        .server_name = mxt_alert_server_name(record),
        .result_type = finding->result_type,
        .count = 1,
        .first_seen_us = record->start_us,
        .last_seen_us = record->timestamp_us,
        .evidence = finding->evidence,
    };
    enum mxt_status status = mxt_rule_info(finding->rule) == NULL ? MXT_EMALFORMED : fill(arena, record, finding, out);
    if (status != MXT_OK)
        *out = (struct mxt_alert){.rule = MXT_RULE_NONE};
    return status;
}
