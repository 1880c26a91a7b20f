#include "sensor/redact_names.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "decoders/smtp.h"
#include "sensor/redact_lines.h"

#define BASE64_BITS 6
#define ROOM_FIRST  1024u

struct mxt_redact_names {
    char *text; /* of all, in small letters, a NUL behind each */
    size_t n, room, count;
    const char **sorted; /* NULL until finished, and where there are none */
    bool has_failed;
};

struct mxt_redact_names *mxt_redact_names_new(void)
{
    return calloc(1, sizeof(struct mxt_redact_names));
}

void mxt_redact_names_free(struct mxt_redact_names *names)
{
    if (names == NULL)
        return;
    free(names->text);
    free(names->sorted);
    free(names);
}

/* ---- words ---- */

/* What stands between the words of a text; of a local part dots, signs and letters of any script are part. */
static bool is_border(uint8_t byte)
{
    static const char borders[] = "<>()[]{}:;,\"'`=/\\!?|*@";
    return byte <= ' ' || byte == 0x7f || memchr(borders, byte, sizeof borders - 1) != NULL;
}

/* Bytes of the word at p, without the dots that end a sentence; 0: there is none. */
static size_t word_length(const uint8_t *p, size_t n)
{
    size_t length = 0;
    while (length < n && !is_border(p[length]))
        length++;
    while (length > 0 && p[length - 1] == '.')
        length--;
    return length;
}

static void add(struct mxt_redact_names *names, const uint8_t *p, size_t n)
{
    if (n == 0 || memchr(p, '\0', n) != NULL)
        return;
    if (names->n + n + 1 > names->room) {
        size_t room = (names->n + n + 1) * 2 + ROOM_FIRST;
        char *text = realloc(names->text, room);
        if (text == NULL) {
            names->has_failed = true;
            return;
        }
        names->text = text;
        names->room = room;
    }
    for (size_t i = 0; i < n; i++)
        names->text[names->n++] = (char)tolower(p[i]);
    names->text[names->n++] = '\0';
    names->count++;
}

/* A word, and what stands in it before a + (a subaddress, RFC 5233), by which servers may call it. */
static void add_name(struct mxt_redact_names *names, const uint8_t *p, size_t n)
{
    const uint8_t *plus = memchr(p, '+', n);
    add(names, p, n);
    if (plus != NULL)
        add(names, p, (size_t)(plus - p));
}

static void add_words(struct mxt_redact_names *names, const uint8_t *p, size_t n)
{
    for (size_t at = 0; at < n;) {
        size_t length = word_length(p + at, n - at);
        add_name(names, p + at, length);
        at += length > 0 ? length : 1;
    }
}

/* Words of a path or what is asked for: no domains, nothing of parameters but the local part behind "ORCPT=rfc822;" (RFC 3461 4.2). */
static void add_path(struct mxt_redact_names *names, const uint8_t *p, size_t n)
{
    for (size_t at = 0; at < n;) {
        size_t length = word_length(p + at, n - at);
        uint8_t before = at > 0 ? p[at - 1] : ' ', behind = at + length < n ? p[at + length] : ' ';
        if (before != '@' && before != '=' && behind != '=')
            add_name(names, p + at, length);
        at += length > 0 ? length : 1;
    }
}

/* ---- base64 ---- */

static unsigned value_of(uint8_t byte)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = byte == '\0' ? NULL : strchr(digits, byte);
    return at == NULL ? sizeof digits : (unsigned)(at - digits);
}

void mxt_redact_names_answer(struct mxt_redact_names *names, const uint8_t *p, size_t n)
{
    uint8_t *plain = malloc(n + 1);
    size_t length = 0;
    uint32_t bits = 0, count = 0;
    if (plain == NULL) {
        names->has_failed = true;
        return;
    }
    for (size_t i = 0; i < n && value_of(p[i]) < 1u << BASE64_BITS; i++) {
        bits = bits << BASE64_BITS | value_of(p[i]);
        count += BASE64_BITS;
        if (count >= 8) {
            count -= 8;
            plain[length++] = (uint8_t)(bits >> count);
        }
    }
    add_words(names, plain, length);
    free(plain);
}

/* ---- the interface ---- */

void mxt_redact_names_command(struct mxt_redact_names *names, const uint8_t *p, size_t n)
{
    size_t verb = mxt_redact_verb(p, n), at = verb;
    while (at < n && p[at] == ' ')
        at++;
    if (verb != 4)
        return;
    const char *word = (const char *)p;
    if (strncasecmp(word, "MAIL", verb) == 0 || strncasecmp(word, "RCPT", verb) == 0) {
        const uint8_t *colon = memchr(p + at, ':', n - at);
        if (colon != NULL)
            add_path(names, colon, n - (size_t)(colon - p));
    } else if (strncasecmp(word, "VRFY", verb) == 0 || strncasecmp(word, "EXPN", verb) == 0) {
        add_path(names, p + at, n - at);
    } else if (strncasecmp(word, "AUTH", verb) == 0) {
        const uint8_t *blank = memchr(p + at, ' ', n - at);
        if (blank != NULL)
            mxt_redact_names_answer(names, blank + 1, n - (size_t)(blank + 1 - p));
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

enum mxt_status mxt_redact_names_finish(struct mxt_redact_names *names)
{
    if (names->has_failed)
        return MXT_ENOMEM;
    if (names->count == 0)
        return MXT_OK;
    names->sorted = calloc(names->count, sizeof *names->sorted);
    if (names->sorted == NULL)
        return MXT_ENOMEM;
    const char *text = names->text;
    for (size_t i = 0; i < names->count; i++, text += strlen(text) + 1)
        names->sorted[i] = text;
    qsort(names->sorted, names->count, sizeof *names->sorted, by_text);
    return MXT_OK;
}

struct key {
    const uint8_t *p;
    size_t n;
};

static int compare(const void *key, const void *element)
{
    const struct key *word = key;
    const char *name = *(const char *const *)element;
    for (size_t i = 0; i < word->n; i++) {
        int difference = tolower(word->p[i]) - (int)(uint8_t)name[i];
        if (difference != 0)
            return difference;
    }
    return name[word->n] == '\0' ? 0 : -1;
}

void mxt_redact_names_fill(const struct mxt_redact_names *names, uint8_t *p, size_t n)
{
    for (size_t at = 0; names->sorted != NULL && at < n;) {
        size_t length = word_length(p + at, n - at);
        const struct key key = {p + at, length};
        bool is_named = length > 0 && bsearch(&key, names->sorted, names->count, sizeof *names->sorted, compare) != NULL;
        if (is_named && mxt_smtp_verb_length(p + at, length) != length)
            memset(p + at, MXT_REDACT_FILL, length);
        at += length > 0 ? length : 1;
    }
}
