/* Addresses as text. */
#include <arpa/inet.h>
#include <string.h>

#include "decoders/packet.h"
#include "decoders/status.h"

static const uint8_t ipv4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool mxt_address_is_ipv4(const struct mxt_address *address)
{
    return memcmp(address->bytes, ipv4_prefix, sizeof ipv4_prefix) == 0;
}

/* The longest run of zero groups, the first of equals, and none of a single group (RFC 5952 4.2). `*length` is 0 where there is none. */
static int longest_zeros(const unsigned groups[8], int *length)
{
    int best = 0;
    *length = 0;
    for (int i = 0; i < 8; i++) {
        int run = 0;
        while (i + run < 8 && groups[i + run] == 0)
            run++;
        if (run > *length && run > 1) {
            best = i;
            *length = run;
        }
        i += run;
    }
    return best;
}

/* Both write a number and return the place behind it. Not printf: addresses are written several times a session. */
static char *put_decimal(char *text, unsigned byte)
{
    if (byte >= 100)
        *text++ = (char)('0' + byte / 100);
    if (byte >= 10)
        *text++ = (char)('0' + byte / 10 % 10);
    *text++ = (char)('0' + byte % 10);
    return text;
}

static char *put_hex(char *text, unsigned group)
{
    bool has_begun = false;
    for (int shift = 12; shift >= 0; shift -= 4) {
        unsigned digit = group >> shift & 0xf;
        has_begun = has_begun || digit != 0 || shift == 0;
        if (has_begun)
            *text++ = "0123456789abcdef"[digit];
    }
    return text;
}

/* Written here since inet_ntop turns ::a.b.c.d forms dotted, which RFC 5952 5 allows for known prefixes only. */
static void format_ipv6(const uint8_t *bytes, char *text)
{
    unsigned groups[8];
    for (size_t i = 0; i < 8; i++)
        groups[i] = (unsigned)bytes[2 * i] << 8 | bytes[2 * i + 1];
    int zeros, zeros_at = longest_zeros(groups, &zeros);
    for (int i = 0; i < 8; i++) {
        if (zeros > 0 && i == zeros_at) {
            *text++ = ':';
            *text++ = ':';
            i += zeros - 1;
            continue;
        }
        if (i != 0 && !(zeros > 0 && i == zeros_at + zeros))
            *text++ = ':';
        text = put_hex(text, groups[i]);
    }
    *text = '\0';
}

static void format_ipv4(const uint8_t *bytes, char *text)
{
    for (int i = 0; i < 4; i++) {
        if (i > 0)
            *text++ = '.';
        text = put_decimal(text, bytes[i]);
    }
    *text = '\0';
}

void mxt_address_format(const struct mxt_address *address, char *text)
{
    if (mxt_address_is_ipv4(address))
        format_ipv4(address->bytes + sizeof ipv4_prefix, text);
    else
        format_ipv6(address->bytes, text);
}

enum mxt_status mxt_address_parse(const char *text, struct mxt_address *out)
{
    struct mxt_address parsed;
    if (inet_pton(AF_INET, text, parsed.bytes + sizeof ipv4_prefix) == 1)
        memcpy(parsed.bytes, ipv4_prefix, sizeof ipv4_prefix);
    else if (inet_pton(AF_INET6, text, parsed.bytes) != 1)
        return MXT_EMALFORMED;
    *out = parsed;
    return MXT_OK;
}
