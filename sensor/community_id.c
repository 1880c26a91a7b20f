#include "sensor/community_id.h"

#include <openssl/evp.h>
#include <string.h>

#include "decoders/digest.h"

#define PROTOCOL_TCP 6
#define IPV4_OFFSET 12 /* of the IPv4 address in its mapped form */

void mxt_community_id(const struct mxt_address *a, uint16_t a_port, const struct mxt_address *b, uint16_t b_port, char *text)
{
    int order = memcmp(a->bytes, b->bytes, sizeof a->bytes);
    if (order > 0 || (order == 0 && a_port > b_port)) {
        const struct mxt_address *address = a;
        uint16_t port = a_port;
        a = b, a_port = b_port;
        b = address, b_port = port;
    }
    size_t offset = mxt_address_is_ipv4(a) && mxt_address_is_ipv4(b) ? IPV4_OFFSET : 0, width = 16 - offset;
    unsigned char input[2 + 16 + 16 + 2 + 4] = {0, 0}; /* the seed, 0, comes first */
    size_t n = 2;
    memcpy(input + n, a->bytes + offset, width), n += width;
    memcpy(input + n, b->bytes + offset, width), n += width;
    const unsigned char tail[6] = {PROTOCOL_TCP, 0, (unsigned char)(a_port >> 8), (unsigned char)a_port, (unsigned char)(b_port >> 8), (unsigned char)b_port};
    memcpy(input + n, tail, sizeof tail), n += sizeof tail;

    uint8_t digest[MXT_SHA1_BYTES];
    mxt_sha1(input, n, digest);
    text[0] = '1', text[1] = ':';
    EVP_EncodeBlock((unsigned char *)text + 2, digest, sizeof digest);
}
