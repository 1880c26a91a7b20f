/* TLS's vocabularies: numbers on the wire, names in records. Versions are named in decoders/tls.h. */
#ifndef MXT_DECODERS_TLS_NAMES_H
#define MXT_DECODERS_TLS_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#define MXT_TLS_SSL2 0x0002u
#define MXT_TLS_SSL3 0x0300u
#define MXT_TLS_1_2 0x0303u
#define MXT_TLS_1_3 0x0304u

/* The cipher suite's name in IANA's registry, or NULL. */
const char *mxt_tls_cipher_name(uint16_t id);

/* The alert's name as RFC 8446 6 and its predecessors spell it ("handshake_failure"), or NULL. */
const char *mxt_tls_alert_name(uint8_t description);

/* Whether a value is one of RFC 8701's, offered only to keep servers tolerant: 0x0a0a, 0x1a1a, ... 0xfafa. */
static inline bool mxt_tls_is_grease(uint16_t value)
{
    return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 0xff);
}

/* Whether the version is TLS 1.3, a draft of it (0x7f..) included: drafts look the same from outside. */
static inline bool mxt_tls_is_1_3(uint16_t version)
{
    return version == MXT_TLS_1_3 || version >> 8 == 0x7f;
}

#endif
