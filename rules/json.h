/*
 * One JSON writer for everything that is printed: it places commas and escapes; its buffer grows and is reused. Strings must be safe text (decoders/text.h);
 * quotes, backslashes and stray control characters are escaped here. RFC 8259. Nothing on its way calls printf: it serves every record of a busy link.
 */
#ifndef MXT_RULES_JSON_H
#define MXT_RULES_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decoders/status.h"

/* Zeroed is a valid empty writer. */
struct mxt_json {
    char *text; /* not NUL-terminated until mxt_json_end */
    size_t length, capacity;
    bool has_failed; /* out of memory: everything after is dropped, the text must not be used */
    bool needs_comma;
    bool is_pretty; /* a member or element a line, indented by two spaces: for files that people read */
    unsigned depth; /* open objects and arrays */
};

/* Empties the writer; its buffer and is_pretty are kept. */
void mxt_json_reset(struct mxt_json *json);
/* Frees the buffer; the writer is empty and usable again. */
void mxt_json_free(struct mxt_json *json);

/* `key` may be NULL (in an array, or at the top). It is written as it is: a plain name without quotes, backslashes or controls. */
void mxt_json_object_begin(struct mxt_json *json, const char *key);
void mxt_json_object_end(struct mxt_json *json);
void mxt_json_array_begin(struct mxt_json *json, const char *key);
void mxt_json_array_end(struct mxt_json *json);
void mxt_json_string(struct mxt_json *json, const char *key, const char *value);
void mxt_json_number(struct mxt_json *json, const char *key, int64_t value);
void mxt_json_unsigned(struct mxt_json *json, const char *key, uint64_t value);
void mxt_json_bool(struct mxt_json *json, const char *key, bool value);
/* A string in the form of mxt_json_time_format. */
void mxt_json_time(struct mxt_json *json, const char *key, int64_t time_us);
/* A string of 16 lower-case hex digits. */
void mxt_json_hex(struct mxt_json *json, const char *key, uint64_t value);

/* A value that is JSON already, `n` bytes. */
void mxt_json_raw(struct mxt_json *json, const char *key, const char *text, size_t n);

/* Ends a line between top-level values, so that one writer can hold many lines. */
void mxt_json_newline(struct mxt_json *json);

/* NUL-terminates; the text, or NULL where the writer has failed. */
const char *mxt_json_end(struct mxt_json *json);

#define MXT_JSON_TIME        28 /* bytes of a time as text, NUL included */
#define MXT_JSON_TIME_MIN_US (INT64_C(-719528) * 86400 * 1000000)    /* 0000-01-01 */
#define MXT_JSON_TIME_MAX_US (INT64_C(2932897) * 86400 * 1000000 - 1) /* the end of 9999-12-31 */

/*
 * RFC 3339 in UTC with microseconds, "2026-01-31T23:59:59.000001Z", into `text` of MXT_JSON_TIME bytes. `time_us` are microseconds since 1970; what lies
 * outside the years 0 to 9999, which the form cannot say, becomes the nearest that it can.
 */
void mxt_json_time_format(int64_t time_us, char *text);

/* The inverse, for exactly that form. MXT_OK, or MXT_EMALFORMED with *time_us unchanged. */
enum mxt_status mxt_json_time_parse(const char *text, int64_t *time_us) MXT_MUST_CHECK;

#endif
