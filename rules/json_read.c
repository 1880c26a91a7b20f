#include "rules/json_read.h"

#include <string.h>

#include "decoders/text.h"
#include "rules/json.h"
#include "rules/json_plain.h"

void mxt_json_reader_init(struct mxt_json_reader *reader, const char *text, size_t n)
{
    *reader = (struct mxt_json_reader){.text = text, .length = n};
    if (n > MXT_JSON_MAX)
        mxt_json_fail(reader, MXT_JSON_MAX, "end of the text expected: it is too long");
}

void mxt_json_fail(struct mxt_json_reader *reader, size_t at, const char *fault)
{
    if (reader->status != MXT_OK)
        return;
    reader->status = MXT_EMALFORMED;
    reader->fault = fault;
    reader->fault_at = at;
}

/* The byte at the reader's place; 0 behind the end and after a failure (a NUL of the text is nowhere welcome either). */
static inline char here(const struct mxt_json_reader *reader)
{
    return reader->status == MXT_OK && reader->at < reader->length ? reader->text[reader->at] : '\0';
}

static inline void pass_space(struct mxt_json_reader *reader)
{
    char c = here(reader);
    while (c <= ' ' && (c == ' ' || c == '\t' || c == '\n' || c == '\r')) { /* our own events have none */
        reader->at++;
        c = here(reader);
    }
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

enum mxt_json_kind mxt_json_peek(struct mxt_json_reader *reader)
{
    pass_space(reader);
    switch (here(reader)) {
    case '{': return MXT_JSON_OBJECT;
    case '[': return MXT_JSON_ARRAY;
    case '"': return MXT_JSON_STRING;
    case 't':
    case 'f': return MXT_JSON_BOOL;
    case 'n': return MXT_JSON_NULL;
    default: return here(reader) == '-' || is_digit(here(reader)) ? MXT_JSON_NUMBER : MXT_JSON_NONE;
    }
}

static void enter(struct mxt_json_reader *reader, enum mxt_json_kind kind, const char *fault)
{
    if (mxt_json_peek(reader) != kind)
        mxt_json_fail(reader, reader->at, fault);
    else if (reader->depth == MXT_JSON_DEPTH)
        mxt_json_fail(reader, reader->at, "less depth expected");
    else {
        reader->at++;
        reader->depth++;
        reader->is_first = true;
    }
}

void mxt_json_enter_object(struct mxt_json_reader *reader)
{
    enter(reader, MXT_JSON_OBJECT, "object expected");
}

void mxt_json_enter_array(struct mxt_json_reader *reader)
{
    enter(reader, MXT_JSON_ARRAY, "array expected");
}

/* Between the members of an object or array: true where one more follows. */
static bool advance(struct mxt_json_reader *reader, char bracket, const char *fault)
{
    pass_space(reader);
    bool is_first = reader->is_first;
    reader->is_first = false;
    if (here(reader) == bracket) {
        reader->at++;
        reader->depth--;
        return false;
    }
    if (!is_first) {
        if (here(reader) != ',') {
            mxt_json_fail(reader, reader->at, fault);
            return false;
        }
        reader->at++;
        pass_space(reader);
    }
    return reader->status == MXT_OK;
}

/* Length of the UTF-8 character at `p` with `left` bytes, at least 1; 0 where there is none (RFC 3629: no overlong forms, no surrogates). */
static size_t utf8_length(const unsigned char *p, size_t left)
{
    if (p[0] < 0x80)
        return 1;
    size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || n > left)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return n;
}

/* What a string turned out to hold. */
struct raw_string {
    struct mxt_json_slice slice; /* between the quotes */
    bool has_escape;
    bool is_printable; /* ASCII from space to tilde: safe text as it stands */
};

/* The first place from `at`, at most the text's length, where the text is not plain, or ends. */
static size_t pass_plain(const struct mxt_json_reader *reader, size_t at)
{
    while (reader->length - at >= MXT_JSON_PLAIN_STEP) {
        unsigned run = mxt_json_plain_run(reader->text + at);
        at += run;
        if (run < MXT_JSON_PLAIN_STEP)
            return at;
    }
    while (at < reader->length && reader->text[at] >= ' ' && reader->text[at] <= '~' && reader->text[at] != '"' && reader->text[at] != '\\')
        at++;
    return at;
}

/* Checks a string from quote to quote, escapes' form excepted; the reader stands behind it. */
static bool scan_string(struct mxt_json_reader *reader, struct raw_string *out)
{
    *out = (struct raw_string){.is_printable = true};
    pass_space(reader);
    if (here(reader) != '"') {
        mxt_json_fail(reader, reader->at, "string expected");
        return false;
    }
    const unsigned char *p = (const unsigned char *)reader->text;
    size_t begin = reader->at + 1, at = begin;
    while ((at = pass_plain(reader, at)) < reader->length && p[at] != '"') {
        size_t n = utf8_length(p + at, reader->length - at);
        if (p[at] < 0x20 || n == 0) {
            mxt_json_fail(reader, at, p[at] < 0x20 ? "no bare control character expected in a string" : "UTF-8 expected");
            return false;
        }
        if (p[at] == '\\') {
            out->has_escape = true;
            at += reader->length - at > 1 ? 2 : 1; /* an escaped quote does not end the string */
        } else {
            out->is_printable = false;
            at += n;
        }
    }
    if (at >= reader->length) {
        mxt_json_fail(reader, reader->length, "end of the string expected");
        return false;
    }
    out->slice = (struct mxt_json_slice){reader->text + begin, at - begin};
    reader->at = at + 1;
    return true;
}

/* Four hex digits at `p`; UINT32_MAX where they are none. */
static uint32_t hex4(const char *p, size_t left)
{
    uint32_t value = 0;
    for (size_t i = 0; i < 4; i++) {
        static const char digits[] = "0123456789abcdef0123456789ABCDEF";
        const char *digit = left < 4 || p[i] == '\0' ? NULL : strchr(digits, p[i]);
        if (digit == NULL)
            return UINT32_MAX;
        value = value << 4 | (uint32_t)(digit - digits) % 16;
    }
    return value;
}

static size_t put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(c | (0xf00u >> n));
    return n;
}

/* The character of the escape at `p`, which begins with a backslash; *used bytes. False where it is no escape. */
static bool read_escape(const char *p, size_t left, uint32_t *c, size_t *used)
{
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    const char *letter = left < 2 || p[1] == '\0' ? NULL : strchr(letters, p[1]);
    *used = 2;
    if (letter != NULL) {
        *c = (unsigned char)meanings[letter - letters];
        return true;
    }
    if (left < 2 || p[1] != 'u' || (*c = hex4(p + 2, left - 2)) == UINT32_MAX)
        return false;
    *used = 6;
    if (*c >= 0xd800 && *c < 0xdc00 && left >= 8 && p[6] == '\\' && p[7] == 'u') {
        uint32_t low = hex4(p + 8, left - 8);
        if (low < 0xdc00 || low > 0xdfff)
            return false;
        *c = 0x10000 + ((*c - 0xd800) << 10) + (low - 0xdc00);
        *used = 12;
    }
    return *c < 0xd800 || *c > 0xdfff;
}

/* Undoes the escapes of a scanned string into `out`, which holds slice.length bytes (no escape becomes longer). Its length; SIZE_MAX where it fails. */
static size_t unescape(struct mxt_json_reader *reader, struct raw_string *raw, char *out)
{
    const char *p = raw->slice.bytes;
    size_t length = 0, used = 1;
    for (size_t left = raw->slice.length; left > 0; left -= used, p += used) {
        used = 1;
        if (*p != '\\') {
            out[length++] = *p;
            continue;
        }
        uint32_t c;
        if (!read_escape(p, left, &c, &used)) {
            mxt_json_fail(reader, (size_t)(p - reader->text), "escape of a character expected");
            return SIZE_MAX;
        }
        if (c < 0x20 || c > 0x7e)
            raw->is_printable = false;
        length += put_utf8(out + length, c);
    }
    return length;
}

static const char *no_memory(struct mxt_json_reader *reader)
{
    mxt_json_fail(reader, reader->at, "memory expected");
    reader->status = MXT_ENOMEM;
    return NULL;
}

const char *mxt_json_read_string(struct mxt_json_reader *reader, struct mxt_arena *arena)
{
    struct raw_string raw;
    if (!scan_string(reader, &raw))
        return NULL;
    char *text = mxt_arena_copy(arena, raw.slice.bytes, raw.slice.length);
    if (text == NULL)
        return no_memory(reader);
    size_t length = raw.slice.length;
    if (raw.has_escape) {
        if ((length = unescape(reader, &raw, text)) == SIZE_MAX)
            return NULL;
        text[length] = '\0';
    }
    if (raw.is_printable)
        return text;
    const char *safe = mxt_text_keep(arena, (const uint8_t *)text, length, length);
    return safe == NULL ? no_memory(reader) : safe;
}

struct mxt_json_slice mxt_json_read_plain(struct mxt_json_reader *reader)
{
    struct raw_string raw;
    size_t begin = reader->at;
    if (!scan_string(reader, &raw))
        return (struct mxt_json_slice){"", 0};
    if (raw.has_escape) {
        mxt_json_fail(reader, begin, "string without escapes expected");
        return (struct mxt_json_slice){"", 0};
    }
    return raw.slice;
}

bool mxt_json_next_key(struct mxt_json_reader *reader, struct mxt_json_slice *key)
{
    struct raw_string raw;
    if (!advance(reader, '}', "',' or '}' expected") || !scan_string(reader, &raw))
        return false;
    *key = raw.slice;
    pass_space(reader);
    if (here(reader) != ':') {
        mxt_json_fail(reader, reader->at, "':' expected");
        return false;
    }
    reader->at++;
    return true;
}

bool mxt_json_pass_key(struct mxt_json_reader *reader, const char *name)
{
    const char *p = reader->text + reader->at, *end = reader->text + reader->length;
    if (reader->status != MXT_OK || end - p < 4 || (!reader->is_first && *p++ != ',') || *p++ != '"')
        return false;
    for (; p < end && *name != '\0' && *p == *name; p++)
        name++;
    if (*name != '\0' || end - p < 2 || p[0] != '"' || p[1] != ':')
        return false;
    reader->at = (size_t)(p + 2 - reader->text);
    reader->is_first = false;
    return true;
}

bool mxt_json_next_item(struct mxt_json_reader *reader)
{
    return advance(reader, ']', "',' or ']' expected");
}

/* Passes over `word` if it stands here. */
static bool pass_word(struct mxt_json_reader *reader, const char *word)
{
    size_t n = strlen(word);
    if (reader->status != MXT_OK || reader->length - reader->at < n || memcmp(reader->text + reader->at, word, n) != 0)
        return false;
    reader->at += n;
    return true;
}

bool mxt_json_read_bool(struct mxt_json_reader *reader)
{
    pass_space(reader);
    if (pass_word(reader, "true"))
        return true;
    if (!pass_word(reader, "false"))
        mxt_json_fail(reader, reader->at, "true or false expected");
    return false;
}

static void pass_digits(struct mxt_json_reader *reader)
{
    if (!is_digit(here(reader)))
        mxt_json_fail(reader, reader->at, "digit expected");
    while (is_digit(here(reader)))
        reader->at++;
}

/* Passes over a number, RFC 8259 section 6. Whether it was a whole one. */
static bool pass_number(struct mxt_json_reader *reader)
{
    bool is_whole = true;
    if (here(reader) == '-')
        reader->at++;
    if (here(reader) == '0')
        reader->at++;
    else
        pass_digits(reader);
    if (here(reader) == '.') {
        is_whole = false;
        reader->at++;
        pass_digits(reader);
    }
    if (here(reader) == 'e' || here(reader) == 'E') {
        is_whole = false;
        reader->at++;
        if (here(reader) == '+' || here(reader) == '-')
            reader->at++;
        pass_digits(reader);
    }
    return is_whole && reader->status == MXT_OK;
}

/* The magnitude of a whole number; its sign is given apart. Fails with `fault` above the bound of its sign. */
static uint64_t read_whole(struct mxt_json_reader *reader, uint64_t max, uint64_t max_negative, bool *is_negative, const char *fault)
{
    enum mxt_json_kind kind = mxt_json_peek(reader);
    size_t begin = reader->at, at = begin;
    uint64_t value = 0;
    bool is_within = kind == MXT_JSON_NUMBER && pass_number(reader);
    *is_negative = is_within && reader->text[at] == '-';
    if (*is_negative) {
        at++;
        max = max_negative;
    }
    for (; is_within && at < reader->at; at++) {
        uint64_t digit = (uint64_t)(reader->text[at] - '0');
        is_within = digit <= max && value <= (max - digit) / 10;
        value = value * 10 + digit;
    }
    if (is_within)
        return value;
    mxt_json_fail(reader, begin, fault);
    return 0;
}

uint64_t mxt_json_read_unsigned(struct mxt_json_reader *reader, uint64_t max)
{
    const char *fault = max == UINT8_MAX    ? "whole number from 0 to 255 expected"
                        : max == UINT16_MAX ? "whole number from 0 to 65535 expected"
                        : max == UINT32_MAX ? "whole number from 0 to 4294967295 expected"
                                            : "whole number, not negative, expected";
    bool is_negative;
    return read_whole(reader, max, 0, &is_negative, fault);
}

int64_t mxt_json_read_number(struct mxt_json_reader *reader)
{
    bool is_negative;
    uint64_t value = read_whole(reader, INT64_MAX, (uint64_t)INT64_MAX + 1, &is_negative, "whole number of 64 bits expected");
    return is_negative ? (int64_t)(0 - value) : (int64_t)value;
}

int64_t mxt_json_read_time(struct mxt_json_reader *reader)
{
    (void)mxt_json_peek(reader);
    size_t begin = reader->at;
    int64_t time_us = mxt_json_read_number(reader);
    if (time_us >= MXT_JSON_TIME_MIN_US && time_us <= MXT_JSON_TIME_MAX_US)
        return time_us;
    mxt_json_fail(reader, begin, "a time in microseconds of the years 0 to 9999 expected");
    return 0;
}

static void skip_scalar(struct mxt_json_reader *reader, enum mxt_json_kind kind)
{
    struct raw_string raw;
    if (kind == MXT_JSON_STRING)
        scan_string(reader, &raw);
    else if (kind == MXT_JSON_NUMBER)
        pass_number(reader);
    else if (kind == MXT_JSON_BOOL)
        mxt_json_read_bool(reader);
    else if (kind != MXT_JSON_NULL || !pass_word(reader, "null"))
        mxt_json_fail(reader, reader->at, "value expected");
}

/* Without recursion, because the depth is the sender's choice. */
void mxt_json_skip(struct mxt_json_reader *reader)
{
    bool is_array[MXT_JSON_DEPTH + 1] = {false}; /* by depth */
    unsigned outside = reader->depth;
    do {
        enum mxt_json_kind kind = mxt_json_peek(reader);
        if (kind == MXT_JSON_ARRAY)
            mxt_json_enter_array(reader);
        else if (kind == MXT_JSON_OBJECT)
            mxt_json_enter_object(reader);
        else
            skip_scalar(reader, kind);
        if (kind == MXT_JSON_ARRAY || kind == MXT_JSON_OBJECT)
            is_array[reader->depth] = kind == MXT_JSON_ARRAY;
        struct mxt_json_slice key;
        bool has_next = false;
        while (!has_next && reader->status == MXT_OK && reader->depth > outside)
            has_next = is_array[reader->depth] ? mxt_json_next_item(reader) : mxt_json_next_key(reader, &key);
    } while (reader->status == MXT_OK && reader->depth > outside);
}

bool mxt_json_finish(struct mxt_json_reader *reader)
{
    pass_space(reader);
    if (reader->at < reader->length)
        mxt_json_fail(reader, reader->at, "end of the text expected");
    return reader->status == MXT_OK;
}
