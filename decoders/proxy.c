#include "decoders/proxy.h"

#include <arpa/inet.h>
#include <string.h>

#include "decoders/cursor.h"

static const uint8_t signature_v2[12] = {0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A};
static const uint8_t signature_v1[6] = {'P', 'R', 'O', 'X', 'Y', ' '};

#define V2_FIXED 16u     /* signature, version and command, family, length */
#define V2_COMMAND_PROXY 0x21
#define V2_COMMAND_LOCAL 0x20
#define V2_FAMILY_INET 1
#define V2_FAMILY_INET6 2
#define V2_INET_LENGTH 12u  /* two addresses, two ports */
#define V2_INET6_LENGTH 36u

/* Whether the `n` bytes begin with the signature as far as they go. */
static bool is_prefix(const uint8_t *p, size_t n, const uint8_t *signature, size_t length)
{
    return memcmp(p, signature, n < length ? n : length) == 0;
}

static enum mxt_status parse_v2(const uint8_t *p, size_t n, struct mxt_proxy *out)
{
    struct mxt_cursor c = mxt_cursor_over(p, n);
    (void)mxt_cursor_bytes(&c, sizeof signature_v2);
    uint8_t command = mxt_cursor_u8(&c);
    uint8_t family = mxt_cursor_u8(&c) >> 4;
    uint16_t length = mxt_cursor_u16(&c);
    if (n > sizeof signature_v2 && command != V2_COMMAND_PROXY && command != V2_COMMAND_LOCAL)
        return MXT_EMALFORMED;
    if (c.has_failed)
        return MXT_MORE;
    struct mxt_proxy proxy = {.length = V2_FIXED + length};
    size_t wanted = family == V2_FAMILY_INET ? V2_INET_LENGTH : family == V2_FAMILY_INET6 ? V2_INET6_LENGTH : 0;
    if (command == V2_COMMAND_PROXY && wanted > 0) {
        if (length < wanted)
            return MXT_EMALFORMED;
        if (mxt_cursor_left(&c) < wanted)
            return MXT_MORE;
        size_t address = (wanted - 4) / 2;
        const uint8_t *src = mxt_cursor_bytes(&c, address);
        (void)mxt_cursor_bytes(&c, address);
        proxy.src_port = mxt_cursor_u16(&c);
        (void)inet_ntop(family == V2_FAMILY_INET ? AF_INET : AF_INET6, src, proxy.src_ip, sizeof proxy.src_ip);
    }
    *out = proxy;
    return MXT_OK;
}

/* Copies the next word of the line into `word` (NUL-terminated); false where there is none or it does not fit. */
static bool next_word(const uint8_t **p, const uint8_t *end, char *word, size_t size)
{
    const uint8_t *start = *p;
    const uint8_t *space = start == end ? NULL : memchr(start, ' ', (size_t)(end - start));
    const uint8_t *stop = space == NULL ? end : space;
    size_t n = (size_t)(stop - start);
    if (n == 0 || n >= size || memchr(start, '\0', n) != NULL)
        return false;
    memcpy(word, start, n);
    word[n] = '\0';
    *p = space == NULL ? end : space + 1;
    return true;
}

/* A decimal port without sign or leading zeros (section 2.1); false where it is none. */
static bool parse_port(const char *word, uint16_t *port)
{
    uint32_t value = 0;
    if (word[0] == '0' && word[1] != '\0')
        return false;
    for (const char *c = word; *c != '\0'; c++) {
        if (*c < '0' || *c > '9' || value > UINT16_MAX)
            return false;
        value = value * 10 + (uint32_t)(*c - '0');
    }
    *port = (uint16_t)value;
    return value <= UINT16_MAX;
}

static enum mxt_status parse_v1_line(const uint8_t *p, const uint8_t *end, struct mxt_proxy *proxy)
{
    char family[8], word[MXT_PROXY_ADDRESS];
    uint8_t binary[16];
    if (!next_word(&p, end, family, sizeof family))
        return MXT_EMALFORMED;
    if (strcmp(family, "UNKNOWN") == 0)
        return MXT_OK;
    int af = strcmp(family, "TCP4") == 0 ? AF_INET : strcmp(family, "TCP6") == 0 ? AF_INET6 : AF_UNSPEC;
    if (af == AF_UNSPEC || !next_word(&p, end, word, sizeof word) || inet_pton(af, word, binary) != 1)
        return MXT_EMALFORMED;
    (void)inet_ntop(af, binary, proxy->src_ip, sizeof proxy->src_ip);
    if (!next_word(&p, end, word, sizeof word) || inet_pton(af, word, binary) != 1)
        return MXT_EMALFORMED;
    uint16_t dest_port;
    if (!next_word(&p, end, word, sizeof word) || !parse_port(word, &proxy->src_port))
        return MXT_EMALFORMED;
    if (!next_word(&p, end, word, sizeof word) || !parse_port(word, &dest_port))
        return MXT_EMALFORMED;
    return p == end ? MXT_OK : MXT_EMALFORMED;
}

static enum mxt_status parse_v1(const uint8_t *p, size_t n, struct mxt_proxy *out)
{
    size_t window = n < MXT_PROXY_HEAD_MAX ? n : MXT_PROXY_HEAD_MAX;
    const uint8_t *lf = memchr(p, '\n', window);
    if (lf == NULL)
        return n < MXT_PROXY_HEAD_MAX ? MXT_MORE : MXT_EMALFORMED;
    if (lf[-1] != '\r')
        return MXT_EMALFORMED;
    struct mxt_proxy proxy = {.length = (size_t)(lf - p) + 1};
    enum mxt_status status = parse_v1_line(p + sizeof signature_v1, lf - 1, &proxy);
    if (status == MXT_OK)
        *out = proxy;
    return status;
}

enum mxt_status mxt_proxy_parse(const uint8_t *p, size_t n, struct mxt_proxy *out)
{
    if (n == 0)
        return MXT_MORE;
    if (is_prefix(p, n, signature_v2, sizeof signature_v2))
        return n < sizeof signature_v2 ? MXT_MORE : parse_v2(p, n, out);
    if (is_prefix(p, n, signature_v1, sizeof signature_v1))
        return n < sizeof signature_v1 ? MXT_MORE : parse_v1(p, n, out);
    return MXT_EMALFORMED;
}
