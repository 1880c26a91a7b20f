/* What is known of a sensor as JSON. */
#include <stdio.h>
#include <string.h>

#include "rules/json_read.h"
#include "rules/watch.h"

struct member {
    const char *name;
    size_t offset;
    bool is_time; /* int64_t; else uint64_t */
};

/* clang-format off */
#define AT(member) offsetof(struct mxt_watch, member)
/* clang-format on */

static const struct member members[] = {
    {"heard_us", AT(heard_us), true},       {"packets", AT(packets), false}, {"sessions", AT(sessions), false},
    {"dropped", AT(dropped), false},        {"lost", AT(lost), false},       {"first_mail_us", AT(first_mail_us), true},
    {"mail_us", AT(mail_us), true},         {"day", AT(day), true},          {"rejected", AT(rejected), false},
    {"rejected_us", AT(rejected_us), true},
};

#define MEMBERS (sizeof members / sizeof members[0])

enum mxt_status mxt_watch_encode(struct mxt_json *json, const struct mxt_watch *watch)
{
    mxt_json_object_begin(json, NULL);
    for (size_t i = 0; i < MEMBERS; i++) {
        const char *at = (const char *)watch + members[i].offset;
        int64_t time_us;
        uint64_t count;
        memcpy(&time_us, at, sizeof time_us);
        memcpy(&count, at, sizeof count);
        if (members[i].is_time)
            mxt_json_number(json, members[i].name, time_us);
        else
            mxt_json_unsigned(json, members[i].name, count);
    }
    mxt_json_bool(json, "stopped", watch->is_stopped);
    mxt_json_array_begin(json, "pauses_us");
    for (size_t i = 0; i < MXT_WATCH_DAYS; i++)
        mxt_json_number(json, NULL, watch->pauses_us[i]);
    mxt_json_array_end(json);
    mxt_json_object_end(json);
    return json->has_failed ? MXT_ENOMEM : MXT_OK;
}

static bool is_called(const struct mxt_json_slice *slice, const char *name)
{
    return slice->length == strlen(name) && memcmp(slice->bytes, name, slice->length) == 0;
}

static void read_pauses(struct mxt_json_reader *reader, struct mxt_watch *out)
{
    size_t count = 0;
    mxt_json_enter_array(reader);
    while (mxt_json_next_item(reader)) {
        size_t at = reader->at;
        int64_t pause_us = mxt_json_read_time(reader);
        if (count == MXT_WATCH_DAYS)
            mxt_json_fail(reader, at, "at most 8 pauses expected");
        else
            out->pauses_us[count++] = pause_us;
    }
}

static void read_member(struct mxt_json_reader *reader, const struct mxt_json_slice *name, struct mxt_watch *out)
{
    size_t i = 0;
    while (i < MEMBERS && !is_called(name, members[i].name))
        i++;
    if (i < MEMBERS && members[i].is_time) {
        int64_t time_us = mxt_json_read_time(reader);
        memcpy((char *)out + members[i].offset, &time_us, sizeof time_us);
    } else if (i < MEMBERS) {
        uint64_t count = mxt_json_read_unsigned(reader, UINT64_MAX);
        memcpy((char *)out + members[i].offset, &count, sizeof count);
    } else if (is_called(name, "stopped")) {
        out->is_stopped = mxt_json_read_bool(reader);
    } else if (is_called(name, "pauses_us")) {
        read_pauses(reader, out);
    } else {
        mxt_json_skip(reader);
    }
}

enum mxt_status mxt_watch_decode(const char *text, size_t n, struct mxt_watch *out, char *error, size_t error_size)
{
    struct mxt_json_reader reader;
    struct mxt_json_slice name;
    *out = (struct mxt_watch){0};
    mxt_json_reader_init(&reader, text, n);
    mxt_json_enter_object(&reader);
    while (mxt_json_next_key(&reader, &name))
        read_member(&reader, &name, out);
    if (mxt_json_finish(&reader) && out->day >= 0)
        return MXT_OK;
    snprintf(error, error_size, "%s at byte %zu", reader.fault != NULL ? reader.fault : "a day since 1970 expected", reader.fault_at);
    return reader.status == MXT_OK ? MXT_EMALFORMED : reader.status;
}
