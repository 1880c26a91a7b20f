#include "sensor/redact_lines.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "decoders/proxy.h"
#include "decoders/smtp.h"

static bool is_line_end(uint8_t byte)
{
    return byte == '\r' || byte == '\n';
}

static void fill(uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!is_line_end(p[i]))
            p[i] = MXT_REDACT_FILL;
}

void mxt_redact_content(uint8_t *p, size_t n, bool is_start)
{
    uint8_t before = is_start ? '\n' : 0;
    for (size_t i = 0; i < n; i++) {
        uint8_t byte = p[i];
        if (!is_line_end(byte) && !(byte == '.' && is_line_end(before)))
            p[i] = MXT_REDACT_FILL;
        before = byte;
    }
}

size_t mxt_redact_verb(const uint8_t *p, size_t n)
{
    size_t line = 0;
    while (line < n && !is_line_end(p[line]))
        line++;
    return mxt_smtp_verb_length(p, line);
}

/* Local parts become fill, back from each @ to what cannot be in one; a quoted one back to its quote. */
static void fill_local_parts(uint8_t *p, size_t n)
{
    static const char borders[] = " \t<>:,;()[]=";
    for (size_t at = 1; at < n; at++) {
        if (p[at] != '@')
            continue;
        bool is_quoted = p[at - 1] == '"';
        for (size_t i = at; i-- > 0;) {
            bool is_border = is_quoted ? p[i] == '"' && i + 1 < at : memchr(borders, p[i], sizeof borders - 1) != NULL;
            if (is_border || is_line_end(p[i]))
                break;
            p[i] = 'x';
        }
    }
}

/* Bytes of the word at p, up to a blank or line end; and of the blanks there. */
static size_t word_length(const uint8_t *p, size_t n)
{
    size_t i = 0;
    while (i < n && p[i] != ' ' && p[i] != '\t' && !is_line_end(p[i]))
        i++;
    return i;
}

static size_t blank_length(const uint8_t *p, size_t n)
{
    size_t i = 0;
    while (i < n && (p[i] == ' ' || p[i] == '\t'))
        i++;
    return i;
}

static bool is_word(const uint8_t *p, size_t n, const char *word)
{
    return n == strlen(word) && strncasecmp((const char *)p, word, n) == 0;
}

/* "AUTH mechanism [initial response]": an empty one, "=", stays. */
static void redact_auth(uint8_t *p, size_t n)
{
    size_t word = word_length(p, n), at = word + blank_length(p + word, n - word);
    if (!mxt_smtp_is_mechanism(p, word)) {
        fill(p, n);
        return;
    }
    if (at < n && !is_word(p + at, word_length(p + at, n - at), "="))
        fill(p + at, n - at);
}

/* "name=value ...": names stay. */
static void redact_values(uint8_t *p, size_t n)
{
    bool is_value = false;
    for (size_t i = 0; i < n; i++) {
        if (p[i] == ' ' || is_line_end(p[i]))
            is_value = false;
        else if (is_value)
            p[i] = MXT_REDACT_FILL;
        else if (p[i] == '=')
            is_value = true;
    }
}

static void redact_first_only(uint8_t *p, size_t n)
{
    for (size_t i = word_length(p, n); i < n; i++)
        if (!is_line_end(p[i]))
            p[i] = ' '; /* an argument more would be another command */
}

/* "size [LAST]" */
static void redact_chunk(uint8_t *p, size_t n)
{
    size_t size = word_length(p, n), at = size + blank_length(p + size, n - size);
    for (size_t i = 0; i < size; i++)
        if (!isdigit(p[i]))
            at = 0;
    if (at == 0 || !is_word(p + at, word_length(p + at, n - at), "LAST"))
        fill(p + at, n - at);
}

static void redact_argument(const uint8_t *verb, size_t length, uint8_t *p, size_t n)
{
    if (is_word(verb, length, "MAIL") || is_word(verb, length, "RCPT")) {
        if (n < 3 || (strncasecmp((const char *)p, "FROM:", n < 5 ? n : 5) != 0 && strncasecmp((const char *)p, "TO:", 3) != 0))
            fill(p, n);
    } else if (is_word(verb, length, "EHLO") || is_word(verb, length, "HELO") || is_word(verb, length, "LHLO")) {
        redact_first_only(p, n);
    } else if (is_word(verb, length, "AUTH")) {
        redact_auth(p, n);
    } else if (is_word(verb, length, "XCLIENT")) {
        redact_values(p, n);
    } else if (is_word(verb, length, "BDAT")) {
        redact_chunk(p, n);
    } else {
        fill(p, n);
    }
}

size_t mxt_redact_head_length(const uint8_t *p, size_t n)
{
    struct mxt_proxy proxy;
    const uint8_t *lf = memchr(p, '\n', n);
    if (mxt_proxy_parse(p, n, &proxy) == MXT_OK)
        return proxy.length < n ? proxy.length : n;
    return lf == NULL ? n : (size_t)(lf - p) + 1;
}

void mxt_redact_command(uint8_t *p, size_t n, bool drop_local_parts)
{
    struct mxt_proxy proxy;
    if (mxt_proxy_parse(p, n, &proxy) == MXT_OK)
        return;
    size_t verb = mxt_redact_verb(p, n);
    if (verb == 0) { /* read as a command overwritten on the way: XXXXXXXX */
        bool is_mark = n > 0;
        for (size_t i = 0; i < n; i++)
            is_mark = is_mark && (p[i] == 'X' || p[i] == 'x' || p[i] == '*' || p[i] == '#' || is_line_end(p[i]) || isupper(p[i]));
        if (!is_mark)
            fill(p, n);
        return;
    }
    size_t at = verb + blank_length(p + verb, n - verb);
    redact_argument(p, verb, p + at, n - at);
    if (drop_local_parts)
        fill_local_parts(p, n);
}

/* An enhanced status code (RFC 3463 2), as "5.5.1". */
static size_t status_length(const uint8_t *p, size_t n)
{
    size_t i = 0;
    while (i < n && (isdigit(p[i]) || p[i] == '.'))
        i++;
    return i >= sizeof "5.5.1" - 1 && i <= sizeof "5.555.555" - 1 && i < n && (p[i] == ' ' || is_line_end(p[i])) ? i : 0;
}

void mxt_redact_reply(uint8_t *p, size_t n, bool drop_local_parts)
{
    bool is_reply = n >= 4 && isdigit(p[0]) && isdigit(p[1]) && isdigit(p[2]) && (p[3] == ' ' || p[3] == '-' || is_line_end(p[3]));
    if (!is_reply) {
        fill(p, n);
        return;
    }
    size_t at = 4;
    bool is_syntax = p[0] >= '4' && p[1] == '0'; /* RFC 5321 4.2.1: what was not understood may be a secret, and be repeated anywhere */
    if (is_syntax)
        at += status_length(p + at, n - at);
    else if (p[0] >= '4') /* refusals repeat what was refused, in quotes or behind a colon */
        while (at < n && p[at] != '"' && p[at] != '\'' && p[at] != '<' && p[at] != ':' && p[at] != '`')
            at++;
    if (p[0] >= '4' || memcmp(p, "334", 3) == 0)
        fill(p + at, n - at);
    if (drop_local_parts)
        fill_local_parts(p, n);
}
