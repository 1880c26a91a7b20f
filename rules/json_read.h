/*
 * A strict, bounded JSON reader (RFC 8259): the caller asks for what it expects, value after value. It never looks behind the text's end, nests at most
 * MXT_JSON_DEPTH deep, and takes valid UTF-8 only. The first failure is kept and sticks: all later calls do nothing and answer false or zero.
 *
 *     mxt_json_enter_object(&reader);
 *     while (mxt_json_next_key(&reader, &key))
 *         ... read or skip exactly one value ...
 *     if (!mxt_json_finish(&reader)) ... reader.fault at reader.fault_at ...
 */
#ifndef MXT_RULES_JSON_READ_H
#define MXT_RULES_JSON_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decoders/arena.h"
#include "decoders/status.h"

#define MXT_JSON_DEPTH 32u         /* of objects and arrays; our own events need 6 */
#define MXT_JSON_MAX   (16u << 20) /* bytes of one text: 50 messages of 100 recipients taken and refused, 512 bytes each, all escaped */

struct mxt_json_reader {
    const char *text; /* borrowed, need not end in NUL */
    size_t length, at;
    unsigned depth;
    bool is_first;          /* nothing was read yet in the innermost object or array */
    enum mxt_status status; /* MXT_OK, MXT_EMALFORMED or MXT_ENOMEM */
    const char *fault;      /* a literal that says what was expected, once status is not MXT_OK */
    size_t fault_at;        /* byte of the text at which */
};

/* A piece of the text. */
struct mxt_json_slice {
    const char *bytes;
    size_t length;
};

enum mxt_json_kind { MXT_JSON_NONE = 0, MXT_JSON_OBJECT, MXT_JSON_ARRAY, MXT_JSON_STRING, MXT_JSON_NUMBER, MXT_JSON_BOOL, MXT_JSON_NULL };

/* A reader before the first value of the `n` bytes at `text`. More than MXT_JSON_MAX bytes fail at once. */
void mxt_json_reader_init(struct mxt_json_reader *reader, const char *text, size_t n);

/* Makes the reader fail at byte `at`; `fault` must be a literal. Nothing where it has failed already. */
void mxt_json_fail(struct mxt_json_reader *reader, size_t at, const char *fault);

/* What the next value is, by its first byte; MXT_JSON_NONE where none begins. */
enum mxt_json_kind mxt_json_peek(struct mxt_json_reader *reader);

/* Step into an object or array; they fail where the next value is none. */
void mxt_json_enter_object(struct mxt_json_reader *reader);
void mxt_json_enter_array(struct mxt_json_reader *reader);

/* Steps to the next member: *key is its raw text between the quotes, escapes undone by nobody (our keys have none). False behind the last, which is left. */
bool mxt_json_next_key(struct mxt_json_reader *reader, struct mxt_json_slice *key);

/*
 * Steps to the next member if it is called `name` (plain text) and is written without white space, as our own events are; else false, and nothing has changed:
 * mxt_json_next_key tells what there is.
 */
bool mxt_json_pass_key(struct mxt_json_reader *reader, const char *name);

/* Steps to the next element. False behind the last, and the array is left. */
bool mxt_json_next_item(struct mxt_json_reader *reader);

/*
 * A string as safe text in the arena (decoders/text.h: NUL and controls, which JSON can say by escapes, become \xNN). NULL where it fails. Half a surrogate
 * pair fails.
 */
const char *mxt_json_read_string(struct mxt_json_reader *reader, struct mxt_arena *arena);

/* A string as its raw text; fails where it holds an escape. For times, ids and names, which have none. */
struct mxt_json_slice mxt_json_read_plain(struct mxt_json_reader *reader);

bool mxt_json_read_bool(struct mxt_json_reader *reader);

/* A whole number within the bounds; one with a fraction or an exponent fails. */
uint64_t mxt_json_read_unsigned(struct mxt_json_reader *reader, uint64_t max);
int64_t mxt_json_read_number(struct mxt_json_reader *reader);

/* Microseconds since 1970, of the years 0 to 9999: what a time as text can say, so that any two may be subtracted. */
int64_t mxt_json_read_time(struct mxt_json_reader *reader);

/* Passes over one value of any kind, which is checked all the same. */
void mxt_json_skip(struct mxt_json_reader *reader);

/* Whether all went well and nothing but white space is left. */
bool mxt_json_finish(struct mxt_json_reader *reader);

#endif
