/* Addresses as text. */
#include <arpa/inet.h>
#include <stdio.h>
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

/* Written here since inet_ntop turns ::a.b.c.d forms dotted, which RFC 5952 5 allows for known prefixes only. */
static void format_ipv6(const uint8_t *bytes, char *text)
{
    unsigned groups[8];
    for (size_t i = 0; i < 8; i++)
        groups[i] = (unsigned)bytes[2 * i] << 8 | bytes[2 * i + 1];
    int zeros, zeros_at = longest_zeros(groups, &zeros);
    char *end = text + MXT_ADDRESS_TEXT;
    for (int i = 0; i < 8; i++) {
        if (zeros > 0 && i == zeros_at) {
            text += snprintf(text, (size_t)(end - text), "::");
            i += zeros - 1;
            continue;
        }
        const char *colon = i == 0 || (zeros > 0 && i == zeros_at + zeros) ? "" : ":";
        text += snprintf(text, (size_t)(end - text), "%s%x", colon, groups[i]);
    }
}

/* Decimal digits; returns what is behind them. Addresses stand in every record, and printf would be a fifth of its cost. */
static char *put_octet(char *text, unsigned octet)
{
    if (octet >= 100)
        *text++ = (char)('0' + octet / 100);
    if (octet >= 10)
        *text++ = (char)('0' + octet / 10 % 10);
    *text++ = (char)('0' + octet % 10);
    return text;
}

void mxt_address_format(const struct mxt_address *address, char *text)
{
    const uint8_t *b = address->bytes;
    if (!mxt_address_is_ipv4(address)) {
        format_ipv6(b, text);
        return;
    }
    for (size_t i = 12; i < 16; i++) {
        text = put_octet(text, b[i]);
        *text++ = i == 15 ? '\0' : '.';
    }
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
