#include "decoders/ja.h"

#include <stdlib.h>
#include <string.h>

#include "decoders/cursor.h"
#include "decoders/digest.h"
#include "decoders/hex.h"
#include "decoders/tls_names.h"

#define JA4_DIGEST 12u /* hex digits of each hash that JA4 keeps */

/* Text under construction; `is_full` is sticky. Written by hand: printf takes most of the time that a whole TLS session costs. */
struct builder {
    char text[MXT_JA_STRING];
    size_t length;
    bool is_full;
};

static void clear(struct builder *b)
{
    b->length = 0; /* the text itself is left as it is: it is long, and written before it is read */
    b->is_full = false;
}

static void put(struct builder *b, const char *p, size_t n)
{
    if (n > sizeof b->text - b->length) {
        b->is_full = true;
        return;
    }
    memcpy(b->text + b->length, p, n);
    b->length += n;
}

static void put_char(struct builder *b, char c)
{
    put(b, &c, 1);
}

static void put_decimal(struct builder *b, unsigned value)
{
    char digits[10];
    size_t start = sizeof digits;
    do {
        digits[--start] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    put(b, digits + start, sizeof digits - start);
}

/* Two decimal digits, 99 at most. */
static void put_count(struct builder *b, size_t value)
{
    if (value > 99)
        value = 99;
    put_char(b, (char)('0' + value / 10));
    put_char(b, (char)('0' + value % 10));
}

static void put_hex(struct builder *b, uint8_t value)
{
    static const char digits[] = "0123456789abcdef";
    put_char(b, digits[value >> 4]);
    put_char(b, digits[value & 15]);
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

/* JA3's way: "4865-4866". */
static void put_decimals(struct builder *b, const struct values *values)
{
    b->is_full = b->is_full || values->is_full;
    for (size_t i = 0; i < values->count && !b->is_full; i++) {
        if (i > 0)
            put_char(b, '-');
        put_decimal(b, values->items[i]);
    }
}

/* JA4's way: "1301,1302". */
static void put_hexes(struct builder *b, const struct values *values)
{
    b->is_full = b->is_full || values->is_full;
    for (size_t i = 0; i < values->count && !b->is_full; i++) {
        if (i > 0)
            put_char(b, ',');
        put_hex(b, (uint8_t)(values->items[i] >> 8));
        put_hex(b, (uint8_t)values->items[i]);
    }
}

const char *mxt_ja3_string(struct mxt_arena *arena, const struct mxt_tls_client_hello *hello)
{
    if (hello->is_ssl2)
        return NULL;
    struct builder b;
    struct values values;
    clear(&b);
    put_decimal(&b, hello->legacy_version);
    put_char(&b, ',');
    read_list(&values, hello->ciphers);
    put_decimals(&b, &values);
    put_char(&b, ',');
    read_extension_types(&values, hello->extensions);
    put_decimals(&b, &values);
    put_char(&b, ',');
    read_list(&values, hello->groups);
    put_decimals(&b, &values);
    put_char(&b, ',');
    for (size_t i = 0; i < hello->point_formats.n; i++) {
        if (i > 0)
            put_char(&b, '-');
        put_decimal(&b, hello->point_formats.p[i]);
    }
    return keep(&b, arena);
}

const char *mxt_ja3s_string(struct mxt_arena *arena, const struct mxt_tls_server_hello *hello)
{
    struct builder b;
    struct values values;
    clear(&b);
    put_decimal(&b, hello->legacy_version);
    put_char(&b, ',');
    put_decimal(&b, hello->cipher);
    put_char(&b, ',');
    read_extension_types(&values, hello->extensions);
    put_decimals(&b, &values);
    return keep(&b, arena);
}

const char *mxt_ja3_hash(struct mxt_arena *arena, const char *string)
{
    uint8_t digest[MXT_MD5_BYTES];
    if (string == NULL)
        return NULL;
    mxt_md5(string, strlen(string), digest);
    return mxt_hex_keep(arena, digest, sizeof digest);
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
    struct mxt_cursor in = mxt_cursor_over(alpn.p, alpn.n);
    size_t n = mxt_cursor_u8(&in);
    const uint8_t *name = mxt_cursor_bytes(&in, n);
    if (name == NULL || n == 0) {
        put(b, "00", 2);
    } else if (is_alphanumeric(name[0]) && is_alphanumeric(name[n - 1])) {
        put_char(b, (char)name[0]);
        put_char(b, (char)name[n - 1]);
    } else {
        put_hex(b, (uint8_t)((name[0] & 0xf0) | (name[n - 1] & 0x0f)));
    }
}

static int compare(const void *a, const void *b)
{
    return (int)*(const uint16_t *)a - (int)*(const uint16_t *)b;
}

/* "_" and the beginning of the SHA-256 of `text`; zeros for an empty one. */
static void put_digest(struct builder *b, const struct builder *text)
{
    uint8_t digest[MXT_SHA256_BYTES] = {0};
    if (text->length > 0)
        mxt_sha256(text->text, text->length, digest);
    b->is_full = b->is_full || text->is_full;
    put_char(b, '_');
    for (size_t i = 0; i < JA4_DIGEST / 2; i++)
        put_hex(b, digest[i]);
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
    put_hexes(text, values);
    read_list(values, hello->signature_algorithms);
    if (values->count > 0)
        put_char(text, '_');
    put_hexes(text, values);
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
    struct builder b;
    struct builder text;
    clear(&b);
    put_char(&b, 't');
    put(&b, ja4_version(hello->max_version), 2);
    put_char(&b, has_name ? 'd' : 'i');
    put_count(&b, ciphers.count);
    put_count(&b, extensions.count);
    put_protocol(&b, hello->alpn);
    clear(&text);
    sort(&ciphers);
    put_hexes(&text, &ciphers);
    put_digest(&b, &text);
    clear(&text);
    put_extensions(&text, &extensions, hello);
    put_digest(&b, &text);
    return keep(&b, arena);
}
