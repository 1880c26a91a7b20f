#include "decoders/tls_hello.h"

#include <string.h>

#include "decoders/cursor.h"
#include "decoders/tls_names.h"

#define RANDOM 32u
#define FALLBACK_SCSV 0x5600u
#define SSL2_CLIENT_HELLO 1u
#define SSL2_SERVER_HELLO 4u
#define SSL2_X509 1u

/* The random of a HelloRetryRequest: SHA-256 of "HelloRetryRequest" (RFC 8446 4.1.3). */
static const uint8_t retry_random[RANDOM] = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
                                             0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};

static struct mxt_tls_slice take(struct mxt_cursor *in, size_t n)
{
    const uint8_t *p = mxt_cursor_bytes(in, n);
    return (struct mxt_tls_slice){.p = p, .n = p == NULL ? 0 : n};
}

/* A list that fills what is left of an extension behind its own length of `width` bytes; empty where it does not. */
static struct mxt_tls_slice whole_list(struct mxt_cursor in, unsigned width)
{
    size_t n = width == 1 ? mxt_cursor_u8(&in) : mxt_cursor_u16(&in);
    if (in.has_failed || n != mxt_cursor_left(&in))
        return (struct mxt_tls_slice){.p = NULL, .n = 0};
    return take(&in, n);
}

/* The host_name of a ServerNameList (RFC 6066 3): the only type there is. */
static struct mxt_tls_slice host_name(struct mxt_cursor in)
{
    mxt_cursor_u16(&in);
    uint8_t type = mxt_cursor_u8(&in);
    struct mxt_tls_slice name = take(&in, mxt_cursor_u16(&in));
    if (in.has_failed || type != 0)
        return (struct mxt_tls_slice){.p = NULL, .n = 0};
    return name;
}

static uint16_t highest_version(struct mxt_tls_slice list)
{
    uint16_t highest = 0;
    struct mxt_cursor in = mxt_cursor_over(list.p, list.n);
    while (mxt_cursor_left(&in) >= 2) {
        uint16_t version = mxt_cursor_u16(&in);
        if (mxt_tls_is_1_3(version))
            version = MXT_TLS_1_3;
        if (version >= MXT_TLS_SSL3 && version <= MXT_TLS_1_3 && version > highest)
            highest = version;
    }
    return highest;
}

/* Versions beyond TLS 1.2 are not offered by the hello's own version (RFC 8446 4.1.2). */
static uint16_t version_of_hello(uint16_t legacy)
{
    return legacy > MXT_TLS_1_2 && legacy >> 8 == 3 ? MXT_TLS_1_2 : legacy;
}

static void read_client_extension(struct mxt_tls_client_hello *out, uint16_t type, struct mxt_cursor in)
{
    uint16_t highest;
    switch (type) {
    case MXT_TLS_EXT_SERVER_NAME: out->server_name = host_name(in); break;
    case MXT_TLS_EXT_SUPPORTED_GROUPS: out->groups = whole_list(in, 2); break;
    case MXT_TLS_EXT_POINT_FORMATS: out->point_formats = whole_list(in, 1); break;
    case MXT_TLS_EXT_SIGNATURE_ALGORITHMS: out->signature_algorithms = whole_list(in, 2); break;
    case MXT_TLS_EXT_ALPN: out->alpn = whole_list(in, 2); break;
    case MXT_TLS_EXT_EARLY_DATA: out->has_early_data = true; break;
    case MXT_TLS_EXT_SUPPORTED_VERSIONS:
        highest = highest_version(whole_list(in, 1));
        if (highest != 0)
            out->max_version = highest;
        break;
    default: break;
    }
}

/* The block of extensions: whole, or the hello is malformed. Absent in old hellos. */
static struct mxt_tls_slice extension_block(struct mxt_cursor *in)
{
    if (mxt_cursor_left(in) == 0)
        return (struct mxt_tls_slice){.p = NULL, .n = 0};
    return take(in, mxt_cursor_u16(in));
}

static bool has_cipher(struct mxt_tls_slice ciphers, size_t width, uint16_t wanted)
{
    struct mxt_cursor in = mxt_cursor_over(ciphers.p, ciphers.n);
    while (mxt_cursor_left(&in) >= width) {
        uint32_t cipher = width == 2 ? mxt_cursor_u16(&in) : mxt_cursor_u24(&in);
        if (cipher == wanted)
            return true;
    }
    return false;
}

bool mxt_tls_client_hello_read(struct mxt_tls_client_hello *out, const uint8_t *p, size_t n)
{
    struct mxt_cursor in = mxt_cursor_over(p, n);
    *out = (struct mxt_tls_client_hello){.legacy_version = mxt_cursor_u16(&in)};
    out->max_version = version_of_hello(out->legacy_version);
    mxt_cursor_bytes(&in, RANDOM);
    out->session_id = take(&in, mxt_cursor_u8(&in));
    out->ciphers = take(&in, mxt_cursor_u16(&in));
    mxt_cursor_bytes(&in, mxt_cursor_u8(&in)); /* compression methods */
    out->extensions = extension_block(&in);
    if (in.has_failed || out->ciphers.n % 2 != 0 || out->session_id.n > 32)
        return false;
    out->has_fallback_scsv = has_cipher(out->ciphers, 2, FALLBACK_SCSV);
    struct mxt_cursor extensions = mxt_cursor_over(out->extensions.p, out->extensions.n);
    while (mxt_cursor_left(&extensions) > 0) {
        uint16_t type = mxt_cursor_u16(&extensions);
        struct mxt_cursor content = mxt_cursor_sub(&extensions, mxt_cursor_u16(&extensions));
        if (!extensions.has_failed)
            read_client_extension(out, type, content);
    }
    return !extensions.has_failed;
}

bool mxt_tls_client_hello_read_ssl2(struct mxt_tls_client_hello *out, const uint8_t *p, size_t n)
{
    struct mxt_cursor in = mxt_cursor_over(p, n);
    uint8_t type = mxt_cursor_u8(&in);
    *out = (struct mxt_tls_client_hello){.is_ssl2 = true, .legacy_version = mxt_cursor_u16(&in)};
    out->max_version = version_of_hello(out->legacy_version);
    uint16_t ciphers = mxt_cursor_u16(&in);
    uint16_t session_id = mxt_cursor_u16(&in);
    uint16_t challenge = mxt_cursor_u16(&in);
    out->ciphers = take(&in, ciphers);
    out->session_id = take(&in, session_id);
    mxt_cursor_bytes(&in, challenge);
    if (in.has_failed || type != SSL2_CLIENT_HELLO || ciphers % 3 != 0 || session_id > 32)
        return false;
    out->has_fallback_scsv = has_cipher(out->ciphers, 3, FALLBACK_SCSV);
    return true;
}

/* RFC 8446 4.1.3: "DOWNGRD" and 1 (TLS 1.2 agreed) or 0 (below) at the random's end. */
static bool is_downgrade_mark(const uint8_t *random)
{
    return memcmp(random + RANDOM - 8, "DOWNGRD", 7) == 0 && random[RANDOM - 1] <= 1;
}

static struct mxt_tls_slice chosen_protocol(struct mxt_tls_slice list)
{
    struct mxt_cursor in = mxt_cursor_over(list.p, list.n);
    return take(&in, mxt_cursor_u8(&in));
}

static void read_server_extension(struct mxt_tls_server_hello *out, uint16_t type, struct mxt_cursor in)
{
    if (type == MXT_TLS_EXT_SUPPORTED_VERSIONS && mxt_cursor_left(&in) == 2)
        out->version = mxt_cursor_u16(&in);
    else if (type == MXT_TLS_EXT_ALPN)
        out->alpn = chosen_protocol(whole_list(in, 2));
    else if (type == MXT_TLS_EXT_PRE_SHARED_KEY)
        out->has_psk = true;
}

bool mxt_tls_server_hello_read(struct mxt_tls_server_hello *out, const uint8_t *p, size_t n)
{
    struct mxt_cursor in = mxt_cursor_over(p, n);
    *out = (struct mxt_tls_server_hello){.legacy_version = mxt_cursor_u16(&in)};
    out->version = out->legacy_version;
    const uint8_t *random = mxt_cursor_bytes(&in, RANDOM);
    /* Drafts of TLS 1.3 up to 21 have neither session id nor compression here; none is in use. */
    out->session_id = take(&in, mxt_cursor_u8(&in));
    out->cipher = mxt_cursor_u16(&in);
    mxt_cursor_u8(&in); /* compression method */
    out->extensions = extension_block(&in);
    if (in.has_failed || random == NULL || out->session_id.n > 32)
        return false;
    out->is_retry = memcmp(random, retry_random, RANDOM) == 0;
    out->has_downgrade_mark = is_downgrade_mark(random);
    struct mxt_cursor extensions = mxt_cursor_over(out->extensions.p, out->extensions.n);
    while (mxt_cursor_left(&extensions) > 0) {
        uint16_t type = mxt_cursor_u16(&extensions);
        struct mxt_cursor content = mxt_cursor_sub(&extensions, mxt_cursor_u16(&extensions));
        if (!extensions.has_failed)
            read_server_extension(out, type, content);
    }
    return !extensions.has_failed;
}

bool mxt_tls_server_hello_read_ssl2(struct mxt_tls_ssl2_server_hello *out, const uint8_t *p, size_t n)
{
    struct mxt_cursor in = mxt_cursor_over(p, n);
    uint8_t type = mxt_cursor_u8(&in);
    *out = (struct mxt_tls_ssl2_server_hello){.is_session_hit = mxt_cursor_u8(&in) != 0};
    uint8_t certificate_type = mxt_cursor_u8(&in);
    uint16_t version = mxt_cursor_u16(&in);
    uint16_t certificate = mxt_cursor_u16(&in);
    uint16_t ciphers = mxt_cursor_u16(&in);
    uint16_t connection_id = mxt_cursor_u16(&in);
    struct mxt_tls_slice bytes = take(&in, certificate);
    mxt_cursor_bytes(&in, (size_t)ciphers + connection_id);
    if (certificate_type == SSL2_X509)
        out->certificate = bytes;
    return !in.has_failed && type == SSL2_SERVER_HELLO && version == MXT_TLS_SSL2;
}
