/* What may be stored of another protocol's first bytes: the words that its specification fixes, by which it is told; never what somebody said with them. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "sensor/redact_lines.h"

#define FILL       'a' /* takes the place of all else: IMAP's tags (RFC 9051 2.2.1) and URLs have letters */
#define CODE_BYTES 3   /* of a reply's code (RFC 9112 4) */

/* Those that end in a hyphen begin a word. */
static const char *const words[] = {
    "GET",      "HEAD",     "POST",    "PUT",     "CONNECT", "HTTP/1.0", "HTTP/1.1", /* RFC 9110, 9112 */
    "SSH-2.0-", "SSH-1.99-",                                                         /* RFC 4253 4.2 */
    "+OK",      "-ERR",     "USER",    "PASS",    "CAPA",    "STAT",     "LIST",     "RETR",       "UIDL",      "QUIT",      /* RFC 1939 */
    "*",        "OK",       "NO",      "BAD",     "LOGIN",   "LOGOUT",   "SELECT",   "CAPABILITY", "IMAP4rev1", "IMAP4rev2", /* RFC 3501, 9051 */
    "NICK",     "JOIN",     "PING",    "PONG",    "NOTICE",                          /* RFC 2812 */
    "RFB",      "003.003",  "003.007", "003.008",                                    /* RFC 6143 7.1.1 */
};

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

/* Bytes that stay of the word at p. */
static size_t known_length(const uint8_t *p, size_t n, bool is_server)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t length = strlen(words[i]);
        bool is_prefix = words[i][length - 1] == '-';
        if ((n == length || (is_prefix && n > length)) && strncasecmp((const char *)p, words[i], length) == 0)
            return length;
    }
    bool is_code = is_server && n == CODE_BYTES && isdigit(p[0]) && isdigit(p[1]) && isdigit(p[2]);
    return is_code ? CODE_BYTES : 0;
}

void mxt_redact_foreign(uint8_t *p, size_t n, bool is_server)
{
    for (size_t at = 0; at < n;) {
        size_t length = 0, blanks = 0;
        while (at + length < n && !is_blank(p[at + length]))
            length++;
        while (at + length + blanks < n && is_blank(p[at + length + blanks]))
            blanks++;
        size_t known = known_length(p + at, length, is_server);
        memset(p + at + known, FILL, length - known);
        at += length + blanks;
    }
}
