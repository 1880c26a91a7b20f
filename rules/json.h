/*
 * One JSON writer for everything that is printed: it places commas and escapes; its buffer grows and is reused. Strings must be safe text (decoders/text.h);
 * quotes and backslashes are escaped here. RFC 8259.
 */
#ifndef MXT_RULES_JSON_H
#define MXT_RULES_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decoders/status.h"

/* Zeroed is a valid empty writer. */
struct mxt_json {
    char *text;      /* not NUL-terminated until mxt_json_end */
    size_t length, capacity;
    bool has_failed; /* out of memory: everything after is dropped, the text must not be used */
    bool needs_comma;
};

/* Empties the writer, its buffer kept. */
void mxt_json_reset(struct mxt_json *json);
/* Frees the buffer. */
void mxt_json_free(struct mxt_json *json);

/* `key` may be NULL (in an array, or at the top). */
void mxt_json_object_begin(struct mxt_json *json, const char *key);
void mxt_json_object_end(struct mxt_json *json);
void mxt_json_array_begin(struct mxt_json *json, const char *key);
void mxt_json_array_end(struct mxt_json *json);
void mxt_json_string(struct mxt_json *json, const char *key, const char *value);
void mxt_json_number(struct mxt_json *json, const char *key, int64_t value);
void mxt_json_unsigned(struct mxt_json *json, const char *key, uint64_t value);
void mxt_json_bool(struct mxt_json *json, const char *key, bool value);

/* NUL-terminates; the text, or NULL where the writer has failed. */
const char *mxt_json_end(struct mxt_json *json);

#endif
