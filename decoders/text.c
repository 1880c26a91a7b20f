#include "decoders/text.h"

#include <stdbool.h>
#include <string.h>

#define ESCAPE_LENGTH 4u /* \xNN */
#define CUT_MARK "..."
#define LIST_FIRST 4u /* slots of a list's first array; most lists of one session stay within */

/* Length of the UTF-8 sequence that the byte may begin (RFC 3629 4); 0 where none begins so. */
static size_t sequence_length(uint8_t first)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xC2 && first <= 0xDF)
        return 2;
    if (first >= 0xE0 && first <= 0xEF)
        return 3;
    return first >= 0xF0 && first <= 0xF4 ? 4 : 0;
}

/* Whether a terminal or a reader could be led astray: C0, DEL, C1 and the characters that override the direction of writing. */
static bool is_unsafe(uint32_t c)
{
    return c < 0x20 || (c >= 0x7F && c <= 0x9F) || (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

/* Bytes of the safe character at `p`, or 0 where its first byte must be escaped (RFC 3629 3: no overlong form, no surrogate). */
static size_t safe_length(const uint8_t *p, size_t n)
{
    static const uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = sequence_length(p[0]);
    if (length == 0 || length > n)
        return 0;
    uint32_t c = length == 1 ? p[0] : p[0] & (0x7Fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3Fu);
    }
    if (c < smallest[length] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF) || is_unsafe(c))
        return 0;
    return length;
}

/* The longest part of the `n` bytes that is within `max` and ends at a character's border. */
static size_t cut(const uint8_t *p, size_t n, size_t max)
{
    if (n <= max)
        return n;
    for (size_t back = 1; back <= 3 && back <= max; back++) {
        size_t start = max - back;
        size_t length = safe_length(p + start, n - start);
        if (length > back)
            return start;
        if (length != 0)
            break;
    }
    return max;
}

static size_t escaped_length(const uint8_t *p, size_t n)
{
    size_t total = 0;
    for (size_t i = 0; i < n;) {
        size_t length = safe_length(p + i, n - i);
        total += length == 0 ? ESCAPE_LENGTH : length;
        i += length == 0 ? 1 : length;
    }
    return total;
}

static char *escape(char *out, const uint8_t *p, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n;) {
        size_t length = safe_length(p + i, n - i);
        if (length == 0) {
            const char escaped[ESCAPE_LENGTH] = {'\\', 'x', digits[p[i] >> 4], digits[p[i] & 15]};
            memcpy(out, escaped, sizeof escaped);
            out += sizeof escaped;
            i++;
        } else {
            memcpy(out, p + i, length);
            out += length;
            i += length;
        }
    }
    return out;
}

const char *mxt_text_keep(struct mxt_arena *arena, const uint8_t *p, size_t n, size_t max)
{
    size_t kept = cut(p, n, max);
    size_t length = escaped_length(p, kept);
    if (length == kept && kept == n)
        return mxt_arena_copy(arena, n == 0 ? (const uint8_t *)"" : p, n);
    char *text = mxt_arena_alloc(arena, length + sizeof CUT_MARK);
    if (text == NULL)
        return NULL;
    char *end = escape(text, p, kept);
    if (kept < n)
        memcpy(end, CUT_MARK, sizeof CUT_MARK);
    return text;
}

enum mxt_status mxt_text_list_add(struct mxt_text_list *list, struct mxt_arena *arena, const char *text, size_t max)
{
    list->total++;
    if (list->count >= max || list->count == UINT16_MAX)
        return MXT_OK;
    if (list->count == list->capacity) {
        size_t wanted = list->capacity == 0 ? LIST_FIRST : (size_t)list->capacity * 2;
        if (wanted > max)
            wanted = max;
        if (wanted > UINT16_MAX)
            wanted = UINT16_MAX;
        const char **items = mxt_arena_alloc(arena, wanted * sizeof *items);
        if (items == NULL)
            return MXT_ENOMEM;
        if (list->count > 0)
            memcpy(items, list->items, list->count * sizeof *items);
        list->items = items;
        list->capacity = (uint16_t)wanted;
    }
    list->items[list->count++] = text;
    return MXT_OK;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

int mxt_text_is_equal_nocase(const char *a, const char *b)
{
    if (a == NULL || b == NULL)
        return 0;
    while (*a != '\0' && lower(*a) == lower(*b)) {
        a++;
        b++;
    }
    return lower(*a) == lower(*b);
}
