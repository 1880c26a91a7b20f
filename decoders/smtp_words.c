/* Pure scanners: slices of the input in, slices of the input out. */
#include <ctype.h>
#include <string.h>

#include "decoders/certificate.h"
#include "decoders/smtp_int.h"

#define OVERWRITTEN_X_MIN 8u    /* STARTTLS has 8 letters; shorter runs of X are words of somebody's own */
#define OVERWRITTEN_MARK_MIN 4u /* four stars are nobody's keyword */
#define HEADER_NAME_MAX 76u

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

struct mxt_smtp_word mxt_smtp_word_first(const uint8_t *p, size_t n)
{
    size_t i = 0;
    while (i < n && !is_blank(p[i]))
        i++;
    return (struct mxt_smtp_word){p, i};
}

struct mxt_smtp_word mxt_smtp_word_rest(const uint8_t *p, size_t n)
{
    size_t i = mxt_smtp_word_first(p, n).n;
    while (i < n && is_blank(p[i]))
        i++;
    while (n > i && is_blank(p[n - 1]))
        n--;
    return (struct mxt_smtp_word){p + i, n - i};
}

bool mxt_smtp_word_is(struct mxt_smtp_word word, const char *text)
{
    if (strlen(text) != word.n)
        return false;
    for (size_t i = 0; i < word.n; i++)
        if (toupper(word.p[i]) != toupper((unsigned char)text[i]))
            return false;
    return true;
}

/* The index of the bracket that closes the path; `n` where none does. A quoted local part may hold any character. */
static size_t path_end(const uint8_t *p, size_t n)
{
    bool is_quoted = false;
    for (size_t i = 0; i < n; i++) {
        if (is_quoted && p[i] == '\\')
            i++;
        else if (p[i] == '"')
            is_quoted = !is_quoted;
        else if (p[i] == '>' && !is_quoted)
            return i;
    }
    const uint8_t *bracket = n == 0 ? NULL : memchr(p, '>', n);
    return bracket == NULL ? n : (size_t)(bracket - p);
}

struct mxt_smtp_word mxt_smtp_word_address(const uint8_t *argument, size_t n)
{
    const uint8_t *colon = n == 0 ? NULL : memchr(argument, ':', n);
    const uint8_t *p = colon == NULL ? argument : colon + 1;
    n -= (size_t)(p - argument);
    while (n > 0 && is_blank(*p)) {
        p++;
        n--;
    }
    if (n == 0 || *p != '<')
        return mxt_smtp_word_first(p, n);
    p++;
    n = path_end(p, n - 1);
    const uint8_t *route = n > 0 && *p == '@' ? memchr(p, ':', n) : NULL; /* RFC 5321 C: source routes are ignored */
    if (route != NULL) {
        n -= (size_t)(route + 1 - p);
        p = route + 1;
    }
    return (struct mxt_smtp_word){p, n};
}

struct mxt_smtp_word mxt_smtp_word_domain(struct mxt_smtp_word address)
{
    const uint8_t *at = address.n == 0 ? NULL : memrchr(address.p, '@', address.n);
    if (at == NULL)
        return (struct mxt_smtp_word){address.p, 0};
    return (struct mxt_smtp_word){at, address.n - (size_t)(at - address.p)};
}

bool mxt_smtp_word_is_overwritten(struct mxt_smtp_word word)
{
    if (word.n < OVERWRITTEN_MARK_MIN)
        return false;
    size_t run = 1;
    while (run < word.n && word.p[run] == word.p[0])
        run++;
    if (word.p[0] == '*' || word.p[0] == '#')
        return run == word.n;
    if (word.p[0] != 'X' && word.p[0] != 'x')
        return false;
    bool is_whole = run == word.n || (run == word.n - 1 && word.p[run] >= 'A' && word.p[run] <= 'Z');
    return is_whole && word.n >= OVERWRITTEN_X_MIN;
}

bool mxt_smtp_word_is_domain(struct mxt_smtp_word word)
{
    return mxt_name_is_domain_of((const char *)word.p, word.n);
}

bool mxt_smtp_word_number(struct mxt_smtp_word word, uint64_t max, uint64_t *value)
{
    uint64_t number = 0;
    for (size_t i = 0; i < word.n; i++) {
        if (word.p[i] < '0' || word.p[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(word.p[i] - '0');
        if (digit > max || number > (max - digit) / 10)
            return false;
        number = number * 10 + digit;
    }
    *value = number;
    return word.n > 0;
}

uint16_t mxt_smtp_word_reply(const uint8_t *p, size_t n, bool *is_last, struct mxt_smtp_word *text)
{
    if (n < 3 || p[0] < '2' || p[0] > '5' || p[1] < '0' || p[1] > '9' || p[2] < '0' || p[2] > '9')
        return 0;
    if (n > 3 && p[3] != ' ' && p[3] != '-')
        return 0;
    *is_last = n == 3 || p[3] == ' ';
    *text = n <= 4 ? (struct mxt_smtp_word){p + n, 0} : (struct mxt_smtp_word){p + 4, n - 4};
    return (uint16_t)((p[0] - '0') * 100 + (p[1] - '0') * 10 + (p[2] - '0'));
}

bool mxt_smtp_word_is_header(const uint8_t *p, size_t n)
{
    size_t i = 0;
    while (i < n && i < HEADER_NAME_MAX && p[i] > ' ' && p[i] < 0x7F && p[i] != ':')
        i++;
    return i > 1 && i + 1 < n && p[i] == ':' && is_blank(p[i + 1]);
}
