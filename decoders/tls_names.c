#include "decoders/tls_names.h"

#include <stddef.h>
#include <string.h>

#include "decoders/tls.h"

struct named {
    uint16_t value;
    const char *name;
};

static const struct named versions[] = {
    {MXT_TLS_SSL2, "SSLv2"}, {MXT_TLS_SSL3, "SSLv3"}, {0x0301, "TLSv1"}, {0x0302, "TLS 1.1"}, {MXT_TLS_1_2, "TLS 1.2"}, {MXT_TLS_1_3, "TLS 1.3"},
};

static const struct named alerts[] = {
    {0, "close_notify"},
    {1, "end_of_early_data"},
    {10, "unexpected_message"},
    {20, "bad_record_mac"},
    {21, "decryption_failed"},
    {22, "record_overflow"},
    {30, "decompression_failure"},
    {40, "handshake_failure"},
    {41, "no_certificate"},
    {42, "bad_certificate"},
    {43, "unsupported_certificate"},
    {44, "certificate_revoked"},
    {45, "certificate_expired"},
    {46, "certificate_unknown"},
    {47, "illegal_parameter"},
    {48, "unknown_ca"},
    {49, "access_denied"},
    {50, "decode_error"},
    {51, "decrypt_error"},
    {60, "export_restriction"},
    {70, "protocol_version"},
    {71, "insufficient_security"},
    {80, "internal_error"},
    {86, "inappropriate_fallback"},
    {90, "user_canceled"},
    {100, "no_renegotiation"},
    {109, "missing_extension"},
    {110, "unsupported_extension"},
    {111, "certificate_unobtainable"},
    {112, "unrecognized_name"},
    {113, "bad_certificate_status_response"},
    {114, "bad_certificate_hash_value"},
    {115, "unknown_psk_identity"},
    {116, "certificate_required"},
    {120, "no_application_protocol"},
    {121, "ech_required"},
};

static const char *name_of(const struct named *table, size_t count, uint16_t value)
{
    for (size_t i = 0; i < count; i++) {
        if (table[i].value == value)
            return table[i].name;
    }
    return NULL;
}

const char *mxt_tls_version_name(uint16_t version)
{
    return name_of(versions, sizeof versions / sizeof versions[0], version);
}

uint16_t mxt_tls_version_from_name(const char *name)
{
    for (size_t i = 0; name != NULL && i < sizeof versions / sizeof versions[0]; i++) {
        if (strcmp(versions[i].name, name) == 0)
            return versions[i].value;
    }
    return 0;
}

const char *mxt_tls_alert_name(uint8_t description)
{
    return name_of(alerts, sizeof alerts / sizeof alerts[0], description);
}
