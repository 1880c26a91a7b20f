/* Baselines as JSON, one object each, or part by part: for keeping them beyond a program's end, and for carrying them from store to store. */
#ifndef MXT_RULES_BASELINE_JSON_H
#define MXT_RULES_BASELINE_JSON_H

#include <stddef.h>

#include "decoders/arena.h"
#include "decoders/status.h"
#include "rules/baseline.h"
#include "rules/json.h"

/* Appends the baseline as one JSON object, without a newline. What is zero is left out; times are microseconds since 1970. MXT_OK or MXT_ENOMEM. */
enum mxt_status mxt_baseline_encode(struct mxt_json *json, const struct mxt_baseline *baseline) MXT_MUST_CHECK;

/*
 * Reads one back; its sightings live in `arena`. Unknown members are passed over. MXT_OK; MXT_EMALFORMED with what was expected, and at which byte, in `error`
 * (error_size bytes): also for sightings out of order, or more than a baseline keeps; MXT_ENOMEM.
 */
enum mxt_status mxt_baseline_decode(const char *text, size_t n, struct mxt_arena *arena, struct mxt_baseline *out, char *error,
                                    size_t error_size) MXT_MUST_CHECK;

/* The parts alone, likewise. */
enum mxt_status mxt_marks_encode(struct mxt_json *json, const struct mxt_marks *marks) MXT_MUST_CHECK;
enum mxt_status mxt_marks_decode(const char *text, size_t n, struct mxt_marks *out, char *error, size_t error_size) MXT_MUST_CHECK;
enum mxt_status mxt_sighting_encode(struct mxt_json *json, const struct mxt_sighting *sighting) MXT_MUST_CHECK;
enum mxt_status mxt_sighting_decode(const char *text, size_t n, struct mxt_sighting *out, char *error, size_t error_size) MXT_MUST_CHECK;

/* The names of kinds, "client_server"; and back: MXT_SUBJECT_KINDS where none is called so (`name` has `n` bytes). */
const char *mxt_subject_kind_name(enum mxt_subject_kind kind);
unsigned mxt_subject_kind_from_name(const char *name, size_t n);

#endif
