/* Most text in JSON is plain ASCII: it is looked at eight bytes at a time. For the writer and the reader alone. */
#ifndef MXT_RULES_JSON_PLAIN_H
#define MXT_RULES_JSON_PLAIN_H

#include <stdint.h>
#include <string.h>

#define MXT_JSON_PLAIN_STEP 8u

/* How many of the 8 bytes at `p` lie between space and tilde and are neither quote nor backslash, up to the first that does not. */
static inline unsigned mxt_json_plain_run(const char *p)
{
    const uint64_t each = UINT64_C(0x0101010101010101), high = each * 0x80;
    uint64_t word;
    memcpy(&word, p, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    /* A borrow or carry into the next byte comes only from one that is found anyway: the lowest bit found is right. */
    uint64_t quote = word ^ each * '"', backslash = word ^ each * '\\';
    uint64_t is_control = (word - each * 0x20) & ~word, is_quote = (quote - each) & ~quote, is_backslash = (backslash - each) & ~backslash;
    uint64_t is_del_or_more = (word + each) | word;
    uint64_t found = (is_control | is_quote | is_backslash | is_del_or_more) & high;
    return found == 0 ? MXT_JSON_PLAIN_STEP : (unsigned)__builtin_ctzll(found) / 8;
}

#endif
