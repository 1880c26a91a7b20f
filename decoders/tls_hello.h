/*
 * ClientHello and ServerHello (RFC 8446 4.1, RFC 5246 7.4.1, SSL 2's in RFC 5246 E.2), read into slices of the message. Pure: nothing is copied or kept.
 */
#ifndef MXT_DECODERS_TLS_HELLO_H
#define MXT_DECODERS_TLS_HELLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes within the message; n 0 where absent. */
struct mxt_tls_slice {
    const uint8_t *p;
    size_t n;
};

enum mxt_tls_extension {
    MXT_TLS_EXT_SERVER_NAME = 0,
    MXT_TLS_EXT_SUPPORTED_GROUPS = 10,
    MXT_TLS_EXT_POINT_FORMATS = 11,
    MXT_TLS_EXT_SIGNATURE_ALGORITHMS = 13,
    MXT_TLS_EXT_ALPN = 16,
    MXT_TLS_EXT_PRE_SHARED_KEY = 41,
    MXT_TLS_EXT_EARLY_DATA = 42,
    MXT_TLS_EXT_SUPPORTED_VERSIONS = 43
};

struct mxt_tls_client_hello {
    bool is_ssl2;                /* in SSL 2's form: ciphers have three bytes each, there are no extensions */
    uint16_t legacy_version;     /* the hello's own */
    uint16_t max_version;        /* highest offered, GREASE aside; a draft of TLS 1.3 counts as TLS 1.3 */
    struct mxt_tls_slice session_id;
    struct mxt_tls_slice ciphers;
    struct mxt_tls_slice extensions; /* the whole block: type, length, content, ... */
    struct mxt_tls_slice server_name;
    struct mxt_tls_slice alpn;   /* length-prefixed names */
    struct mxt_tls_slice groups, point_formats, signature_algorithms; /* lists without their length */
    bool has_fallback_scsv;      /* RFC 7507 */
    bool has_early_data;
};

struct mxt_tls_server_hello {
    uint16_t legacy_version;
    uint16_t version;            /* agreed */
    bool is_retry;               /* HelloRetryRequest */
    bool has_downgrade_mark;     /* RFC 8446 4.1.3 */
    struct mxt_tls_slice session_id;
    uint16_t cipher;
    struct mxt_tls_slice extensions;
    struct mxt_tls_slice alpn;   /* the chosen name */
    bool has_psk;
};

/* SSL 2's SERVER-HELLO. */
struct mxt_tls_ssl2_server_hello {
    bool is_session_hit;
    struct mxt_tls_slice certificate; /* n 0 where it holds none of X.509 */
};

/* The body of a ClientHello. false: malformed, *out is not to be used. An extension that is malformed in itself counts as absent. */
bool mxt_tls_client_hello_read(struct mxt_tls_client_hello *out, const uint8_t *p, size_t n);

/* A CLIENT-HELLO in SSL 2's form, its type byte included. false: malformed or another message. */
bool mxt_tls_client_hello_read_ssl2(struct mxt_tls_client_hello *out, const uint8_t *p, size_t n);

/* The body of a ServerHello. false: malformed. */
bool mxt_tls_server_hello_read(struct mxt_tls_server_hello *out, const uint8_t *p, size_t n);

/* A SERVER-HELLO of SSL 2, its type byte included. false: malformed or another message. */
bool mxt_tls_server_hello_read_ssl2(struct mxt_tls_ssl2_server_hello *out, const uint8_t *p, size_t n);

#endif
