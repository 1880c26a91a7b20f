#include "rules/baseline_json.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "rules/json_read.h"

/* Members of marks and sightings: what stands at an offset, and how it is written. */
enum member_type {
    MEMBER_TIME,    /* int64_t, microseconds */
    MEMBER_HEX,     /* uint64_t */
    MEMBER_COUNT,   /* uint32_t */
    MEMBER_FACT,    /* enum mxt_fact */
    MEMBER_ATTEMPT, /* enum mxt_attempt */
    MEMBER_BOOL     /* bool */
};

struct member {
    const char *name;
    enum member_type type;
    size_t offset;
};

/* clang-format off */
#define MARK(member)     offsetof(struct mxt_marks, member)
#define SIGHTING(member) offsetof(struct mxt_sighting, member)
/* clang-format on */

static const struct member marks_members[] = {
    {"known_since_us", MEMBER_TIME, MARK(known_since_us)},   {"last_offer_us", MEMBER_TIME, MARK(last_offer_us)},
    {"broken_since_us", MEMBER_TIME, MARK(broken_since_us)}, {"lost_since_us", MEMBER_TIME, MARK(lost_since_us)},
    {"mixed_since_us", MEMBER_TIME, MARK(mixed_since_us)},   {"mixed_told_us", MEMBER_TIME, MARK(mixed_told_us)},
};

static const struct member sighting_members[] = {
    {"time_us", MEMBER_TIME, SIGHTING(time_us)},
    {"session", MEMBER_HEX, SIGHTING(session)},
    {"snapshot", MEMBER_COUNT, SIGHTING(snapshot)},
    {"client", MEMBER_HEX, SIGHTING(client)},
    {"domain", MEMBER_HEX, SIGHTING(domain)},
    {"certificate_key", MEMBER_HEX, SIGHTING(certificate_key)},
    {"certificate_issuer", MEMBER_HEX, SIGHTING(certificate_issuer)},
    {"certificate_sni", MEMBER_HEX, SIGHTING(certificate_sni)},
    {"not_before_us", MEMBER_TIME, SIGHTING(not_before_us)},
    {"not_after_us", MEMBER_TIME, SIGHTING(not_after_us)},
    {"offered", MEMBER_FACT, SIGHTING(offered)},
    {"attempt", MEMBER_ATTEMPT, SIGHTING(attempt)},
    {"ehlo_refused", MEMBER_BOOL, SIGHTING(is_ehlo_refused)},
    {"exposed", MEMBER_BOOL, SIGHTING(is_exposed)},
    {"key_rsa", MEMBER_BOOL, SIGHTING(is_key_rsa)},
    {"trusted", MEMBER_BOOL, SIGHTING(is_trusted)},
};

#define MARKS_MEMBERS    (sizeof marks_members / sizeof marks_members[0])
#define SIGHTING_MEMBERS (sizeof sighting_members / sizeof sighting_members[0])

static const char *const kinds[MXT_SUBJECT_KINDS] = {
    [MXT_SUBJECT_SERVER] = "server",           [MXT_SUBJECT_GREETING] = "greeting", [MXT_SUBJECT_MX] = "mx", [MXT_SUBJECT_CLIENT_SERVER] = "client_server",
    [MXT_SUBJECT_HELO_DOMAIN] = "helo_domain",
};

static const char *const attempts[] = {
    [MXT_ATTEMPT_NONE] = "none",
    [MXT_ATTEMPT_REFUSED] = "refused",
    [MXT_ATTEMPT_ABORTED] = "aborted",
    [MXT_ATTEMPT_ESTABLISHED] = "established",
};
#define ATTEMPTS (sizeof attempts / sizeof attempts[0])

const char *mxt_subject_kind_name(enum mxt_subject_kind kind)
{
    return kinds[kind];
}

unsigned mxt_subject_kind_from_name(const char *name, size_t n)
{
    unsigned kind = 0;
    while (kind < MXT_SUBJECT_KINDS && (strlen(kinds[kind]) != n || memcmp(kinds[kind], name, n) != 0))
        kind++;
    return kind;
}

/* Writing. */

#define MEMBER_BYTES 64u /* what a member takes at most: a comma, a name in quotes, a colon, and 20 digits, 16 in quotes or a short name likewise */

static char *put_text(char *out, const char *text, size_t n)
{
    memcpy(out, text, n);
    return out + n;
}

static char *put_number(char *out, int64_t value)
{
    char digits[20]; /* of INT64_MIN: a sign and 19 */
    size_t at = sizeof digits;
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do
        digits[--at] = (char)('0' + left % 10);
    while ((left /= 10) != 0);
    if (value < 0)
        digits[--at] = '-';
    return put_text(out, digits + at, sizeof digits - at);
}

static char *put_hex(char *out, uint64_t value)
{
    static const char digits[] = "0123456789abcdef";
    out[0] = out[17] = '"';
    for (size_t i = 16; i > 0; i--, value >>= 4)
        out[i] = digits[value & 15];
    return out + 18;
}

static char *put_name(char *out, const char *name)
{
    *out++ = '"';
    out = put_text(out, name, strlen(name));
    *out++ = '"';
    return out;
}

/* The value of a member as a number, whatever it is; 0: it says nothing and is left out. */
static uint64_t value_of(const struct member *member, const void *base)
{
    const char *at = (const char *)base + member->offset;
    union {
        uint64_t digest; /* or a time */
        uint32_t count;
        enum mxt_fact fact;
        enum mxt_attempt attempt;
        bool truth;
    } value;
    switch (member->type) {
    case MEMBER_TIME:
    case MEMBER_HEX: memcpy(&value.digest, at, sizeof value.digest); return value.digest;
    case MEMBER_COUNT: memcpy(&value.count, at, sizeof value.count); return value.count;
    case MEMBER_FACT: memcpy(&value.fact, at, sizeof value.fact); return (uint64_t)value.fact;
    case MEMBER_ATTEMPT: memcpy(&value.attempt, at, sizeof value.attempt); return (uint64_t)value.attempt;
    case MEMBER_BOOL: memcpy(&value.truth, at, sizeof value.truth); return value.truth;
    }
    return 0;
}

static char *put_value(char *out, const struct member *member, uint64_t value)
{
    switch (member->type) {
    case MEMBER_TIME:
    case MEMBER_COUNT: return put_number(out, (int64_t)value);
    case MEMBER_HEX: return put_hex(out, value);
    case MEMBER_ATTEMPT: return put_name(out, attempts[value]);
    case MEMBER_FACT:
    case MEMBER_BOOL: break;
    }
    const bool is_true = member->type == MEMBER_BOOL || value == MXT_YES;
    return put_text(out, is_true ? "true" : "false", is_true ? 4 : 5);
}

/*
 * The members that say something, from the brace that opens on; the text's end. Every record changes half a dozen sightings, each to be written: this does not ask
 * for every word whether it is the first and whether there is room. `text` has MEMBER_BYTES for each member and one for the brace.
 */
static char *put_members(char *text, const struct member *members, size_t count, const void *base)
{
    char *out = text;
    *out++ = '{';
    for (size_t i = 0; i < count; i++) {
        uint64_t value = value_of(&members[i], base);
        if (value == 0)
            continue;
        if (out != text + 1)
            *out++ = ',';
        out = put_name(out, members[i].name);
        *out++ = ':';
        out = put_value(out, &members[i], value);
    }
    return out;
}

/* The last whole replies as "1101", the latest at the end. */
static char *put_recent(char *out, const struct mxt_marks *marks, bool is_first)
{
    static const char name[] = ",\"recent\":\"";
    unsigned count = marks->recent_count < MXT_REPLIES_RECENT ? marks->recent_count : MXT_REPLIES_RECENT;
    if (count == 0)
        return out;
    out = put_text(out, name + is_first, sizeof name - 1 - is_first);
    for (unsigned i = count; i > 0; i--)
        *out++ = (marks->recent >> (i - 1) & 1) != 0 ? '1' : '0';
    *out++ = '"';
    return out;
}

static void write_marks(struct mxt_json *json, const char *key, const struct mxt_marks *marks)
{
    char text[MARKS_MEMBERS * MEMBER_BYTES + MXT_REPLIES_RECENT + 16];
    char *out = put_members(text, marks_members, MARKS_MEMBERS, marks);
    out = put_recent(out, marks, out == text + 1);
    *out++ = '}';
    mxt_json_raw(json, key, text, (size_t)(out - text));
}

static void write_sighting(struct mxt_json *json, const struct mxt_sighting *sighting)
{
    char text[SIGHTING_MEMBERS * MEMBER_BYTES + 2];
    char *out = put_members(text, sighting_members, SIGHTING_MEMBERS, sighting);
    *out++ = '}';
    mxt_json_raw(json, NULL, text, (size_t)(out - text));
}

enum mxt_status mxt_marks_encode(struct mxt_json *json, const struct mxt_marks *marks)
{
    write_marks(json, NULL, marks);
    return json->has_failed ? MXT_ENOMEM : MXT_OK;
}

enum mxt_status mxt_sighting_encode(struct mxt_json *json, const struct mxt_sighting *sighting)
{
    write_sighting(json, sighting);
    return json->has_failed ? MXT_ENOMEM : MXT_OK;
}

enum mxt_status mxt_baseline_encode(struct mxt_json *json, const struct mxt_baseline *baseline)
{
    mxt_json_object_begin(json, NULL);
    mxt_json_string(json, "kind", kinds[baseline->subject.kind]);
    mxt_json_string(json, "key", baseline->subject.key);
    write_marks(json, "marks", &baseline->marks);
    mxt_json_array_begin(json, "sightings");
    for (size_t i = 0; i < baseline->count; i++)
        write_sighting(json, &baseline->sightings[i]);
    mxt_json_array_end(json);
    mxt_json_object_end(json);
    return json->has_failed ? MXT_ENOMEM : MXT_OK;
}

/* Reading. */

static bool is_called(const struct mxt_json_slice *slice, const char *name)
{
    return slice->length == strlen(name) && memcmp(slice->bytes, name, slice->length) == 0;
}

/* The place of a name in a vocabulary; `count`, and failed, where it has none. */
static size_t read_name(struct mxt_json_reader *reader, const char *const *names, size_t count, const char *expected)
{
    size_t at = reader->at, i = 0;
    struct mxt_json_slice slice = mxt_json_read_plain(reader);
    while (reader->status == MXT_OK && i < count && !is_called(&slice, names[i]))
        i++;
    if (i == count)
        mxt_json_fail(reader, at, expected);
    return reader->status == MXT_OK ? i : count;
}

static uint64_t read_hex(struct mxt_json_reader *reader)
{
    static const char digits[] = "0123456789abcdef";
    size_t at = reader->at;
    struct mxt_json_slice slice = mxt_json_read_plain(reader);
    uint64_t value = 0;
    bool is_hex = slice.length == 16;
    for (size_t i = 0; i < slice.length && is_hex; i++) {
        const char *digit = memchr(digits, slice.bytes[i], sizeof digits - 1);
        is_hex = digit != NULL;
        value = value << 4 | (uint64_t)(is_hex ? digit - digits : 0);
    }
    if (!is_hex)
        mxt_json_fail(reader, at, "16 lower-case hex digits expected");
    return value;
}

static void read_recent(struct mxt_json_reader *reader, struct mxt_marks *marks)
{
    size_t at = reader->at;
    struct mxt_json_slice slice = mxt_json_read_plain(reader);
    marks->recent = 0;
    marks->recent_count = 0;
    if (slice.length > MXT_REPLIES_RECENT)
        mxt_json_fail(reader, at, "at most 20 replies, 0 or 1 each, expected");
    for (size_t i = 0; i < slice.length && reader->status == MXT_OK; i++) {
        if (slice.bytes[i] != '0' && slice.bytes[i] != '1')
            mxt_json_fail(reader, at, "at most 20 replies, 0 or 1 each, expected");
        marks->recent = marks->recent << 1 | (slice.bytes[i] == '1');
        marks->recent_count++;
    }
}

static void read_member(struct mxt_json_reader *reader, const struct member *member, void *base)
{
    char *at = (char *)base + member->offset;
    switch (member->type) {
    case MEMBER_TIME: {
        int64_t time_us = mxt_json_read_time(reader);
        memcpy(at, &time_us, sizeof time_us);
        break;
    }
    case MEMBER_HEX: {
        uint64_t digest = read_hex(reader);
        memcpy(at, &digest, sizeof digest);
        break;
    }
    case MEMBER_COUNT: {
        uint32_t count = (uint32_t)mxt_json_read_unsigned(reader, UINT32_MAX);
        memcpy(at, &count, sizeof count);
        break;
    }
    case MEMBER_FACT: {
        enum mxt_fact fact = mxt_json_read_bool(reader) ? MXT_YES : MXT_NO;
        memcpy(at, &fact, sizeof fact);
        break;
    }
    case MEMBER_ATTEMPT: {
        size_t value = read_name(reader, attempts, ATTEMPTS, "none, refused, aborted or established expected");
        enum mxt_attempt attempt = value < ATTEMPTS ? (enum mxt_attempt)value : MXT_ATTEMPT_NONE;
        memcpy(at, &attempt, sizeof attempt);
        break;
    }
    case MEMBER_BOOL: {
        bool truth = mxt_json_read_bool(reader);
        memcpy(at, &truth, sizeof truth);
        break;
    }
    }
}

/* Whether the member is in the table; it is read then. */
static bool is_read(struct mxt_json_reader *reader, const struct mxt_json_slice *name, const struct member *members, size_t count, void *base)
{
    for (size_t i = 0; i < count; i++)
        if (is_called(name, members[i].name)) {
            read_member(reader, &members[i], base);
            return true;
        }
    return false;
}

static void read_marks(struct mxt_json_reader *reader, struct mxt_marks *marks)
{
    struct mxt_json_slice name;
    mxt_json_enter_object(reader);
    while (mxt_json_next_key(reader, &name)) {
        if (is_called(&name, "recent"))
            read_recent(reader, marks);
        else if (!is_read(reader, &name, marks_members, MARKS_MEMBERS, marks))
            mxt_json_skip(reader);
    }
}

static void read_sighting(struct mxt_json_reader *reader, struct mxt_sighting *sighting)
{
    struct mxt_json_slice name;
    mxt_json_enter_object(reader);
    while (mxt_json_next_key(reader, &name))
        if (!is_read(reader, &name, sighting_members, SIGHTING_MEMBERS, sighting))
            mxt_json_skip(reader);
}

static void fail_for_memory(struct mxt_json_reader *reader)
{
    mxt_json_fail(reader, reader->at, "memory expected");
    reader->status = MXT_ENOMEM;
}

static void read_sightings(struct mxt_json_reader *reader, struct mxt_arena *arena, struct mxt_baseline *out)
{
    struct mxt_sighting *sightings = mxt_arena_alloc(arena, MXT_SIGHTINGS_MAX * sizeof *sightings);
    if (sightings == NULL) {
        fail_for_memory(reader);
        return;
    }
    out->sightings = sightings;
    out->count = 0;
    mxt_json_enter_array(reader);
    while (mxt_json_next_item(reader)) {
        size_t at = reader->at;
        if (out->count == MXT_SIGHTINGS_MAX) {
            mxt_json_fail(reader, at, "at most 64 sightings expected");
            return;
        }
        struct mxt_sighting *sighting = &sightings[out->count];
        read_sighting(reader, sighting);
        if (out->count > 0 && !mxt_sighting_is_earlier(sighting[-1].time_us, sighting[-1].session, sighting->time_us, sighting->session))
            mxt_json_fail(reader, at, "a sighting later than the one before expected");
        out->count++;
    }
}

static void read_key(struct mxt_json_reader *reader, struct mxt_arena *arena, struct mxt_subject *subject)
{
    size_t at = reader->at;
    const char *key = mxt_json_read_string(reader, arena);
    if (key == NULL)
        return;
    size_t n = strlen(key);
    if (n == 0 || n >= sizeof subject->key) {
        mxt_json_fail(reader, at, "a key of 1 to 319 bytes expected");
        return;
    }
    memcpy(subject->key, key, n + 1);
}

static void read_baseline(struct mxt_json_reader *reader, struct mxt_arena *arena, struct mxt_baseline *out)
{
    struct mxt_json_slice name;
    size_t kind = MXT_SUBJECT_KINDS;
    mxt_json_enter_object(reader);
    while (mxt_json_next_key(reader, &name)) {
        if (is_called(&name, "kind"))
            kind = read_name(reader, kinds, MXT_SUBJECT_KINDS, "a kind of subject that is known expected");
        else if (is_called(&name, "key"))
            read_key(reader, arena, &out->subject);
        else if (is_called(&name, "marks"))
            read_marks(reader, &out->marks);
        else if (is_called(&name, "sightings"))
            read_sightings(reader, arena, out);
        else
            mxt_json_skip(reader);
    }
    if (reader->status == MXT_OK && (kind == MXT_SUBJECT_KINDS || out->subject.key[0] == '\0'))
        mxt_json_fail(reader, reader->at, "kind and key expected");
    out->subject.kind = (enum mxt_subject_kind)kind;
}

static enum mxt_status conclude(struct mxt_json_reader *reader, char *error, size_t error_size)
{
    if (mxt_json_finish(reader))
        return MXT_OK;
    snprintf(error, error_size, "%s at byte %zu", reader->fault, reader->fault_at);
    return reader->status;
}

enum mxt_status mxt_marks_decode(const char *text, size_t n, struct mxt_marks *out, char *error, size_t error_size)
{
    struct mxt_json_reader reader;
    *out = (struct mxt_marks){0};
    mxt_json_reader_init(&reader, text, n);
    read_marks(&reader, out);
    return conclude(&reader, error, error_size);
}

enum mxt_status mxt_sighting_decode(const char *text, size_t n, struct mxt_sighting *out, char *error, size_t error_size)
{
    struct mxt_json_reader reader;
    *out = (struct mxt_sighting){0};
    mxt_json_reader_init(&reader, text, n);
    read_sighting(&reader, out);
    return conclude(&reader, error, error_size);
}

enum mxt_status mxt_baseline_decode(const char *text, size_t n, struct mxt_arena *arena, struct mxt_baseline *out, char *error, size_t error_size)
{
    struct mxt_json_reader reader;
    *out = (struct mxt_baseline){0};
    mxt_json_reader_init(&reader, text, n);
    read_baseline(&reader, arena, out);
    enum mxt_status status = conclude(&reader, error, error_size);
    if (status != MXT_OK)
        *out = (struct mxt_baseline){0};
    return status;
}
