#include "decoders/ja.h"

#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decoders/cursor.h"
#include "decoders/hex.h"
#include "decoders/tls_names.h"

#define JA4_DIGEST 12u /* hex digits of each hash that JA4 keeps */

/* Text under construction; `is_full` is sticky. */
struct builder {
    char text[MXT_JA_STRING];
    size_t length;
    bool is_full;
};

__attribute__((format(printf, 2, 3))) static void put(struct builder *b, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(b->text + b->length, sizeof b->text - b->length, format, arguments);
    va_end(arguments);
    if (n < 0 || (size_t)n >= sizeof b->text - b->length)
        b->is_full = true;
    else
        b->length += (size_t)n;
}

static const char *keep(const struct builder *b, struct mxt_arena *arena)
{
    return b->is_full ? NULL : mxt_arena_copy(arena, b->text, b->length);
}

/* Numbers of a list or extension block, GREASE left out. */
struct values {
    uint16_t items[MXT_JA_VALUES];
    size_t count;
    bool is_full;
};

static void add(struct values *values, uint16_t value)
{
    if (mxt_tls_is_grease(value))
        return;
    if (values->count == MXT_JA_VALUES)
        values->is_full = true;
    else
        values->items[values->count++] = value;
}

static void read_list(struct values *values, struct mxt_tls_slice list)
{
    values->count = 0;
    values->is_full = false;
    struct mxt_cursor in = mxt_cursor_over(list.p, list.n);
    while (mxt_cursor_left(&in) >= 2)
        add(values, mxt_cursor_u16(&in));
}

static void read_extension_types(struct values *values, struct mxt_tls_slice extensions)
{
    values->count = 0;
    values->is_full = false;
    struct mxt_cursor in = mxt_cursor_over(extensions.p, extensions.n);
    while (mxt_cursor_left(&in) > 0) {
        add(values, mxt_cursor_u16(&in));
        mxt_cursor_bytes(&in, mxt_cursor_u16(&in));
    }
}

static void put_decimals(struct builder *b, const struct values *values)
{
    b->is_full = b->is_full || values->is_full;
    for (size_t i = 0; i < values->count && !b->is_full; i++)
        put(b, i == 0 ? "%u" : "-%u", (unsigned)values->items[i]);
}

static void put_hex(struct builder *b, const struct values *values)
{
    b->is_full = b->is_full || values->is_full;
    for (size_t i = 0; i < values->count && !b->is_full; i++)
        put(b, i == 0 ? "%04x" : ",%04x", (unsigned)values->items[i]);
}

const char *mxt_ja3_string(struct mxt_arena *arena, const struct mxt_tls_client_hello *hello)
{
    if (hello->is_ssl2)
        return NULL;
    struct builder b = {.length = 0, .is_full = false};
    struct values values;
    put(&b, "%u,", (unsigned)hello->legacy_version);
    read_list(&values, hello->ciphers);
    put_decimals(&b, &values);
    put(&b, ",");
    read_extension_types(&values, hello->extensions);
    put_decimals(&b, &values);
    put(&b, ",");
    read_list(&values, hello->groups);
    put_decimals(&b, &values);
    put(&b, ",");
    for (size_t i = 0; i < hello->point_formats.n; i++)
        put(&b, i == 0 ? "%u" : "-%u", (unsigned)hello->point_formats.p[i]);
    return keep(&b, arena);
}

const char *mxt_ja3s_string(struct mxt_arena *arena, const struct mxt_tls_server_hello *hello)
{
    struct builder b = {.length = 0, .is_full = false};
    struct values values;
    put(&b, "%u,%u,", (unsigned)hello->legacy_version, (unsigned)hello->cipher);
    read_extension_types(&values, hello->extensions);
    put_decimals(&b, &values);
    return keep(&b, arena);
}

const char *mxt_ja3_hash(struct mxt_arena *arena, const char *string)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (string == NULL || EVP_Digest(string, strlen(string), digest, &size, EVP_md5(), NULL) != 1)
        return NULL;
    return mxt_hex_keep(arena, digest, size);
}

static const char *ja4_version(uint16_t version)
{
    switch (version) {
    case MXT_TLS_1_3: return "13";
    case MXT_TLS_1_2: return "12";
    case 0x0302: return "11";
    case 0x0301: return "10";
    case MXT_TLS_SSL3: return "s3";
    case MXT_TLS_SSL2: return "s2";
    default: return "00";
    }
}

static bool is_alphanumeric(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* First and last character of the first protocol offered, of its hex form where either is not alphanumeric; "00" where there is none. */
static void put_protocol(struct builder *b, struct mxt_tls_slice alpn)
{
    static const char hex[] = "0123456789abcdef";
    struct mxt_cursor in = mxt_cursor_over(alpn.p, alpn.n);
    size_t n = mxt_cursor_u8(&in);
    const uint8_t *name = mxt_cursor_bytes(&in, n);
    if (name == NULL || n == 0)
        put(b, "00");
    else if (is_alphanumeric(name[0]) && is_alphanumeric(name[n - 1]))
        put(b, "%c%c", name[0], name[n - 1]);
    else
        put(b, "%c%c", hex[name[0] >> 4], hex[name[n - 1] & 15]);
}

static int compare(const void *a, const void *b)
{
    return (int)*(const uint16_t *)a - (int)*(const uint16_t *)b;
}

/* "_" and the beginning of the SHA-256 of `text`; zeros for an empty one. */
static void put_digest(struct builder *b, const struct builder *text)
{
    uint8_t digest[EVP_MAX_MD_SIZE] = {0};
    if (text->length > 0 && EVP_Digest(text->text, text->length, digest, NULL, EVP_sha256(), NULL) != 1)
        b->is_full = true;
    b->is_full = b->is_full || text->is_full;
    put(b, "_");
    for (size_t i = 0; i < JA4_DIGEST / 2; i++)
        put(b, "%02x", (unsigned)digest[i]);
}

static void sort(struct values *values)
{
    qsort(values->items, values->count, sizeof values->items[0], compare);
}

/* What JA4 hashes of the extensions: sorted, without SNI and ALPN, then the signature algorithms in their order. */
static void put_extensions(struct builder *text, struct values *values, const struct mxt_tls_client_hello *hello)
{
    size_t kept = 0;
    for (size_t i = 0; i < values->count; i++) {
        if (values->items[i] != MXT_TLS_EXT_SERVER_NAME && values->items[i] != MXT_TLS_EXT_ALPN)
            values->items[kept++] = values->items[i];
    }
    values->count = kept;
    sort(values);
    put_hex(text, values);
    read_list(values, hello->signature_algorithms);
    if (values->count > 0)
        put(text, "_");
    put_hex(text, values);
}

const char *mxt_ja4(struct mxt_arena *arena, const struct mxt_tls_client_hello *hello)
{
    if (hello->is_ssl2)
        return NULL;
    struct values ciphers;
    struct values extensions;
    read_list(&ciphers, hello->ciphers);
    read_extension_types(&extensions, hello->extensions);
    bool has_name = false;
    for (size_t i = 0; i < extensions.count; i++)
        has_name = has_name || extensions.items[i] == MXT_TLS_EXT_SERVER_NAME;
    struct builder b = {.length = 0, .is_full = false};
    put(&b, "t%s%c", ja4_version(hello->max_version), has_name ? 'd' : 'i');
    put(&b, "%02zu", ciphers.count > 99 ? 99 : ciphers.count);
    put(&b, "%02zu", extensions.count > 99 ? 99 : extensions.count);
    put_protocol(&b, hello->alpn);
    struct builder text = {.length = 0, .is_full = false};
    sort(&ciphers);
    put_hex(&text, &ciphers);
    put_digest(&b, &text);
    text.length = 0;
    put_extensions(&text, &extensions, hello);
    put_digest(&b, &text);
    return keep(&b, arena);
}
