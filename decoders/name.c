/* Host names against patterns: the one rule of RFC 6125 6.4 and RFC 8461 4.1. Declared in decoders/certificate.h. */
#include <string.h>
#include <strings.h>

#include "decoders/certificate.h"

#define NAME_MAX_LENGTH 253u /* RFC 1035 2.3.4, in text */
#define LABEL_MAX_LENGTH 63u

/* Length without a trailing dot. */
static size_t length_without_dot(const char *name, size_t n)
{
    return n > 0 && name[n - 1] == '.' ? n - 1 : n;
}

static size_t length_of(const char *name)
{
    return length_without_dot(name, strlen(name));
}

static bool is_label_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static bool is_digits(const char *p, size_t n)
{
    size_t i = 0;
    while (i < n && p[i] >= '0' && p[i] <= '9')
        i++;
    return n > 0 && i == n;
}

/* Labels of letters, digits, hyphens and underscores between single dots: escaped bytes (a NUL in a certificate's name) never pass. Returns their number, 0 for no name. */
static unsigned count_labels(const char *name, size_t n)
{
    unsigned labels = 0;
    size_t start = 0;
    if (n == 0 || n > NAME_MAX_LENGTH)
        return 0;
    for (size_t i = 0; i <= n; i++) {
        if (i < n && name[i] != '.') {
            if (!is_label_byte(name[i]))
                return 0;
            continue;
        }
        if (i == start || i - start > LABEL_MAX_LENGTH)
            return 0;
        labels++;
        start = i + 1;
    }
    return labels;
}

/* No top-level domain is a number, so that a last label of digits alone means an IPv4 address. */
static bool is_address(const char *name, size_t n)
{
    size_t start = n;
    while (start > 0 && name[start - 1] != '.')
        start--;
    return is_digits(name + start, n - start);
}

bool mxt_name_is_domain_of(const char *p, size_t n)
{
    n = length_without_dot(p, n);
    return count_labels(p, n) >= 2 && !is_address(p, n);
}

bool mxt_name_is_domain(const char *name)
{
    return name != NULL && mxt_name_is_domain_of(name, strlen(name));
}

/* IPv6 addresses are written in one form only here (inet_ntop's), so that text compares. */
static bool is_equal(const char *a, size_t a_length, const char *b, size_t b_length)
{
    return a_length == b_length && strncasecmp(a, b, a_length) == 0;
}

static bool is_ipv6(const char *name, size_t n)
{
    return n > 0 && memchr(name, ':', n) != NULL && strspn(name, "0123456789abcdefABCDEF:.") >= n;
}

bool mxt_name_matches(const char *pattern, const char *name)
{
    if (pattern == NULL || name == NULL)
        return false;
    size_t pattern_length = length_of(pattern);
    size_t name_length = length_of(name);
    if (is_ipv6(name, name_length))
        return is_equal(pattern, pattern_length, name, name_length);
    if (count_labels(name, name_length) == 0)
        return false;
    if (pattern_length < 3 || pattern[0] != '*' || pattern[1] != '.')
        return is_equal(pattern, pattern_length, name, name_length);
    const char *dot = memchr(name, '.', name_length);
    if (dot == NULL || is_address(name, name_length))
        return false;
    return is_equal(pattern + 1, pattern_length - 1, dot, name_length - (size_t)(dot - name));
}

enum mxt_fact mxt_certificate_matches(const struct mxt_certificate_facts *certificate, const char *name)
{
    if (certificate->sha256 == NULL)
        return MXT_UNKNOWN;
    const struct mxt_text_list *names = &certificate->subject_alt_names;
    for (uint16_t i = 0; i < names->count; i++) {
        if (mxt_name_matches(names->items[i], name))
            return MXT_YES;
    }
    return names->total > names->count ? MXT_UNKNOWN : MXT_NO;
}
