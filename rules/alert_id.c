/* What alerts are about, and the ids that follow from it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "decoders/digest.h"
#include "rules/alert_parts.h"

#define NUMBER_TEXT 24 /* bytes that hold any 64-bit number as text */

static void put_bytes(struct mxt_alert_subject *subject, const void *p, size_t n)
{
    memcpy(subject->bytes + subject->length, p, n);
    subject->length += n;
}

static void put_number(struct mxt_alert_subject *subject, unsigned number)
{
    char text[NUMBER_TEXT];
    int n = snprintf(text, sizeof text, "%u", number);
    put_bytes(subject, text, (size_t)n + 1);
}

/* Names are compared without case (RFC 4343). NUL ends one, which no name holds. */
static void put_name(struct mxt_alert_subject *subject, const char *name)
{
    size_t n = strnlen(name, MXT_ALERT_NAME_MAX);
    for (size_t i = 0; i < n; i++) {
        char c = name[i];
        subject->bytes[subject->length++] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    subject->bytes[subject->length++] = '\0';
}

static void put_server(struct mxt_alert_subject *subject, const struct mxt_record *record)
{
    const char *sni = record->tls == NULL ? NULL : record->tls->sni;
    put_bytes(subject, sni != NULL ? "n" : "a", 1);
    if (sni != NULL) {
        put_name(subject, sni);
        return;
    }
    put_bytes(subject, record->dest_ip.bytes, sizeof record->dest_ip.bytes);
    put_number(subject, record->dest_port);
}

static void put_client(struct mxt_alert_subject *subject, const struct mxt_record *record)
{
    const char *helo = record->smtp == NULL ? NULL : record->smtp->helo;
    put_bytes(subject, record->src_ip.bytes, sizeof record->src_ip.bytes);
    put_name(subject, helo == NULL ? "" : helo);
}

bool mxt_alert_has_client(enum mxt_rule rule)
{
    switch (rule) {
    case MXT_RULE_STARTTLS_COMMAND_MANGLED:
    case MXT_RULE_STARTTLS_HANDSHAKE_ABORTED:
    case MXT_RULE_STARTTLS_FALLBACK:
    case MXT_RULE_STARTTLS_UNUSED:
    case MXT_RULE_STARTTLS_INJECTION_TOSERVER:
    case MXT_RULE_AUTH_PLAINTEXT_CREDENTIALS: return true;
    default: return false;
    }
}

static bool is_about_sensor(enum mxt_rule rule)
{
    return rule >= MXT_RULE_SENSOR_PACKET_LOSS && rule <= MXT_RULE_SENSOR_REJECTED;
}

void mxt_alert_subject_of(const struct mxt_record *record, const struct mxt_finding *finding, struct mxt_alert_subject *out)
{
    out->length = 0;
    put_number(out, mxt_rule_info(finding->rule)->sid);
    if (is_about_sensor(finding->rule)) {
        put_bytes(out, "s", 1);
        put_name(out, record->sensor == NULL ? "" : record->sensor);
        return;
    }
    put_number(out, record->hop);
    put_server(out, record);
    if (finding->domain != NULL) {
        put_bytes(out, "d", 1);
        put_name(out, finding->domain);
    } else if (mxt_alert_has_client(finding->rule)) {
        put_bytes(out, "c", 1);
        put_client(out, record);
    }
}

/* The first 64 bits of a SHA-256 over `kind`, the bytes and the session. */
static uint64_t digest_of(const char *kind, const char *p, size_t n, uint64_t session)
{
    uint8_t bytes[MXT_SHA256_BYTES];
    char text[NUMBER_TEXT];
    int length = snprintf(text, sizeof text, "%016" PRIx64, session);
    struct mxt_sha256 digest;
    mxt_sha256_begin(&digest);
    mxt_sha256_add(&digest, kind, strlen(kind) + 1);
    mxt_sha256_add(&digest, p, n);
    mxt_sha256_add(&digest, text, (size_t)length);
    mxt_sha256_end(&digest, bytes);
    uint64_t id = 0;
    for (size_t i = 0; i < sizeof id; i++)
        id = id << 8 | bytes[i];
    return id;
}

uint64_t mxt_alert_id(const char *subject, size_t length, uint64_t session)
{
    return digest_of("alert", subject, length, session);
}

uint64_t mxt_alert_incident_id(uint64_t session)
{
    return digest_of("incident", "", 0, session);
}
