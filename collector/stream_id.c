#include "collector/stream_id.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DERIVED_BITS 16 /* of an id's number: what follows from one entry */
#define DERIVED_MAX  ((UINT64_C(1) << DERIVED_BITS) - 1)

/* A decimal number without sign, leading space or overflow. */
static bool parse_part(const char *text, size_t n, uint64_t *out)
{
    uint64_t value = 0;
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(text[i] - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return n > 0;
}

bool mxt_stream_id_parse(const char *text, size_t n, struct mxt_stream_id *out)
{
    const char *dash = n == 0 ? NULL : memchr(text, '-', n);
    struct mxt_stream_id id = {0};
    *out = id;
    if (dash == NULL || !parse_part(text, (size_t)(dash - text), &id.ms) || !parse_part(dash + 1, n - (size_t)(dash - text) - 1, &id.number))
        return false;
    *out = id;
    return true;
}

void mxt_stream_id_format(struct mxt_stream_id id, char *text)
{
    snprintf(text, MXT_STREAM_ID_TEXT, "%" PRIu64 "-%" PRIu64, id.ms, id.number);
}

int mxt_stream_id_compare(struct mxt_stream_id a, struct mxt_stream_id b)
{
    if (a.ms != b.ms)
        return a.ms < b.ms ? -1 : 1;
    return a.number < b.number ? -1 : a.number > b.number;
}

struct mxt_stream_id mxt_stream_id_next(struct mxt_stream_id id)
{
    id.number++;
    id.ms += id.number == 0;
    return id;
}

struct mxt_stream_id mxt_stream_id_derive(struct mxt_stream_id id, uint32_t n)
{
    uint64_t number = id.number > UINT64_MAX >> DERIVED_BITS ? UINT64_MAX >> DERIVED_BITS : id.number;
    return (struct mxt_stream_id){.ms = id.ms, .number = number << DERIVED_BITS | (n > DERIVED_MAX ? DERIVED_MAX : n)};
}
