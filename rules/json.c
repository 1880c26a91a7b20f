#include "rules/json.h"

#include <stdlib.h>
#include <string.h>

#include "rules/json_plain.h"

#define FIRST_CAPACITY 4096u /* holds most session records */
#define ESCAPED_MAX    6u    /* bytes that one byte can become: \u001f */
#define NUMBER_MAX     20u   /* digits of UINT64_MAX, or a sign and 19 digits */

void mxt_json_reset(struct mxt_json *json)
{
    json->length = 0;
    json->has_failed = false;
    json->needs_comma = false;
    json->depth = 0;
}

void mxt_json_free(struct mxt_json *json)
{
    free(json->text);
    *json = (struct mxt_json){.is_pretty = json->is_pretty};
}

static bool grow(struct mxt_json *json, size_t more)
{
    size_t capacity = json->capacity < FIRST_CAPACITY ? FIRST_CAPACITY : json->capacity;
    while (capacity - json->length < more) {
        if (capacity > SIZE_MAX / 2) {
            json->has_failed = true;
            return false;
        }
        capacity *= 2;
    }
    char *text = realloc(json->text, capacity);
    if (text == NULL) {
        json->has_failed = true;
        return false;
    }
    json->text = text;
    json->capacity = capacity;
    return true;
}

/* Room for `more` bytes behind the text. False once the writer has failed. */
static inline bool reserve(struct mxt_json *json, size_t more)
{
    if (json->has_failed)
        return false;
    return json->capacity - json->length >= more || grow(json, more);
}

/* Into room that is reserved; behind the bytes. */
static char *append(char *out, const char *bytes, size_t n)
{
    memcpy(out, bytes, n);
    return out + n;
}

static void put(struct mxt_json *json, const char *bytes, size_t n)
{
    if (reserve(json, n)) {
        append(json->text + json->length, bytes, n);
        json->length += n;
    }
}

static void put_line_break(struct mxt_json *json)
{
    put(json, "\n", 1);
    for (unsigned i = 0; i < json->depth; i++)
        put(json, "  ", 2);
}

/* What stands before a value: comma, line break, key. */
static void begin_value(struct mxt_json *json, const char *key)
{
    size_t n = key == NULL ? 0 : strlen(key);
    if (json->is_pretty) {
        if (json->needs_comma)
            put(json, ",", 1);
        if (json->depth > 0)
            put_line_break(json);
        json->needs_comma = false;
    }
    if (!reserve(json, n + 5))
        return;
    char *out = json->text + json->length;
    if (json->needs_comma)
        *out++ = ',';
    json->needs_comma = true;
    if (key != NULL) {
        *out++ = '"';
        out = append(append(out, key, n), "\":", 2);
        if (json->is_pretty)
            *out++ = ' ';
    }
    json->length = (size_t)(out - json->text);
}

static void begin_container(struct mxt_json *json, const char *key, const char *bracket)
{
    begin_value(json, key);
    put(json, bracket, 1);
    json->depth++;
    json->needs_comma = false;
}

static void end_container(struct mxt_json *json, const char *bracket)
{
    json->depth--;
    if (json->is_pretty && json->needs_comma)
        put_line_break(json);
    put(json, bracket, 1);
    json->needs_comma = true;
}

void mxt_json_object_begin(struct mxt_json *json, const char *key)
{
    begin_container(json, key, "{");
}

void mxt_json_object_end(struct mxt_json *json)
{
    end_container(json, "}");
}

void mxt_json_array_begin(struct mxt_json *json, const char *key)
{
    begin_container(json, key, "[");
}

void mxt_json_array_end(struct mxt_json *json)
{
    end_container(json, "]");
}

void mxt_json_raw(struct mxt_json *json, const char *key, const char *text, size_t n)
{
    begin_value(json, key);
    put(json, text, n);
}

static char *escape(char *out, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    const char escaped[ESCAPED_MAX] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
    const char plain[] = {'\\', (char)c};
    return c < 0x20 ? append(out, escaped, sizeof escaped) : append(out, plain, sizeof plain);
}

void mxt_json_string(struct mxt_json *json, const char *key, const char *value)
{
    begin_value(json, key);
    size_t n = strlen(value);
    if (n > (SIZE_MAX - 2) / ESCAPED_MAX) {
        json->has_failed = true;
        return;
    }
    if (!reserve(json, n * ESCAPED_MAX + 2))
        return;
    char *out = json->text + json->length;
    *out++ = '"';
    for (size_t i = 0; i < n;) {
        if (n - i >= MXT_JSON_PLAIN_STEP) {
            unsigned run = mxt_json_plain_run(value + i);
            append(out, value + i, MXT_JSON_PLAIN_STEP); /* what is not plain is overwritten */
            out += run;
            i += run;
            if (run == MXT_JSON_PLAIN_STEP)
                continue;
        }
        unsigned char c = (unsigned char)value[i++];
        if (c < 0x20 || c == '"' || c == '\\')
            out = escape(out, c);
        else
            *out++ = (char)c;
    }
    *out++ = '"';
    json->length = (size_t)(out - json->text);
}

void mxt_json_unsigned(struct mxt_json *json, const char *key, uint64_t value)
{
    begin_value(json, key);
    char digits[NUMBER_MAX];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    put(json, digits + at, sizeof digits - at);
}

void mxt_json_number(struct mxt_json *json, const char *key, int64_t value)
{
    if (value >= 0) {
        mxt_json_unsigned(json, key, (uint64_t)value);
        return;
    }
    begin_value(json, key);
    char digits[NUMBER_MAX];
    size_t at = sizeof digits;
    /* Unsigned, because INT64_MIN has no positive counterpart. */
    for (uint64_t left = 0 - (uint64_t)value; left != 0; left /= 10)
        digits[--at] = (char)('0' + left % 10);
    digits[--at] = '-';
    put(json, digits + at, sizeof digits - at);
}

void mxt_json_bool(struct mxt_json *json, const char *key, bool value)
{
    begin_value(json, key);
    put(json, value ? "true" : "false", value ? 4 : 5);
}

void mxt_json_time(struct mxt_json *json, const char *key, int64_t time_us)
{
    char quoted[MXT_JSON_TIME + 1];
    mxt_json_time_format(time_us, quoted + 1);
    quoted[0] = '"';
    quoted[MXT_JSON_TIME] = '"';
    begin_value(json, key);
    put(json, quoted, sizeof quoted);
}

void mxt_json_hex(struct mxt_json *json, const char *key, uint64_t value)
{
    static const char hex[] = "0123456789abcdef";
    char quoted[18] = {'"'};
    for (unsigned i = 0; i < 16; i++)
        quoted[16 - i] = hex[value >> (4 * i) & 15];
    quoted[17] = '"';
    begin_value(json, key);
    put(json, quoted, sizeof quoted);
}

void mxt_json_newline(struct mxt_json *json)
{
    put(json, "\n", 1);
    json->needs_comma = false;
}

const char *mxt_json_end(struct mxt_json *json)
{
    if (!reserve(json, 1))
        return NULL;
    json->text[json->length] = '\0';
    return json->text;
}
