#include "rules/alert.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "rules/alert_text.h"

#define NUMBER_TEXT 24 /* bytes that hold any 64-bit number as text */

/* A digest in the making; what is fed is told apart by NUL, which no string holds. */
struct digest {
    EVP_MD_CTX *context;
    bool has_failed;
};

static struct digest digest_new(void)
{
    struct digest digest = {.context = EVP_MD_CTX_new()};
    digest.has_failed = digest.context == NULL || EVP_DigestInit_ex(digest.context, EVP_sha256(), NULL) != 1;
    return digest;
}

static void digest_text(struct digest *digest, const char *text)
{
    if (!digest->has_failed)
        digest->has_failed = EVP_DigestUpdate(digest->context, text, strlen(text) + 1) != 1;
}

static void digest_number(struct digest *digest, uint64_t number)
{
    char text[NUMBER_TEXT];
    snprintf(text, sizeof text, "%" PRIu64, number);
    digest_text(digest, text);
}

static void digest_address(struct digest *digest, const struct mxt_address *address)
{
    if (!digest->has_failed)
        digest->has_failed = EVP_DigestUpdate(digest->context, address->bytes, sizeof address->bytes) != 1;
}

static enum mxt_status digest_end(struct digest *digest, uint64_t *out)
{
    unsigned char bytes[EVP_MAX_MD_SIZE];
    bool is_done = !digest->has_failed && EVP_DigestFinal_ex(digest->context, bytes, NULL) == 1;
    EVP_MD_CTX_free(digest->context);
    if (!is_done)
        return MXT_ENOMEM;
    *out = 0;
    for (size_t i = 0; i < sizeof *out; i++)
        *out = *out << 8 | bytes[i];
    return MXT_OK;
}

static enum mxt_status alert_id(const struct mxt_record *record, const struct mxt_finding *finding, uint64_t *out)
{
    struct digest digest = digest_new();
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
    return digest_end(&digest, out);
}

static enum mxt_status incident_id(const struct mxt_record *record, uint64_t *out)
{
    struct digest digest = digest_new();
    digest_text(&digest, "incident");
    digest_number(&digest, record->session_id);
    digest_address(&digest, &record->src_ip);
    digest_number(&digest, record->src_port);
    digest_address(&digest, &record->dest_ip);
    digest_number(&digest, record->dest_port);
    return digest_end(&digest, out);
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
    enum mxt_status status = mxt_text_list_add(&out->sessions, arena, kept, 1);
    if (status == MXT_OK)
        status = alert_id(record, finding, &out->alert_id);
    return status == MXT_OK ? incident_id(record, &out->incident_id) : status;
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
