/*
 * What the collector asks Redis to do at once. Redis runs a script alone and does not roll back, so each looks first at all that could stop it: the lease, the
 * cursor, the kinds of keys, the ends of streams. Being `#!lua` scripts they are refused as a whole where Redis is out of memory or read-only.
 */
#ifndef MXT_COLLECTOR_SCRIPT_H
#define MXT_COLLECTOR_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>

#include "collector/link.h"

enum mxt_script {
    MXT_SCRIPT_APPLY,   /* a batch, see mxt_batch_command; answers the keys that were of a wrong kind and were replaced */
    MXT_SCRIPT_ACQUIRE, /* keys: lease, token; arguments: holder, ms. Answers the lease's value, "TOKEN HOLDER"; nil: another holds it. Ours is taken anew */
    MXT_SCRIPT_RENEW,   /* keys: lease; arguments: value, ms. Answers 1; 0: it is lost */
    MXT_SCRIPT_RELEASE, /* keys: lease; arguments: value. Answers 1; 0: it was lost before */
    MXT_SCRIPT_PRESENT, /* keys: collectors; arguments: holder, ms that a sign of life counts, 1 or 0 (leaving). Answers all who are there, in order of name */
    MXT_SCRIPT_TICK     /* keys: lease, events; arguments: value. An entry of the type `clock`. Answers its id; nil: the lease is lost */
};
#define MXT_SCRIPTS 6

/* How MXT_SCRIPT_APPLY is spoken to: its fixed keys, and one operation a key behind them. */
#define MXT_SCRIPT_KEYS         6u
#define MXT_SCRIPT_PUT          "P"
#define MXT_SCRIPT_PRESENT_ONLY "U"
#define MXT_SCRIPT_ALERT        "A"
#define MXT_SCRIPT_FIELD        "F"
#define MXT_SCRIPT_DELETE       "D"
#define MXT_SCRIPT_ADD          "X"

/* First words of its refusals: another has the lease; the cursor or a stream's end is not where it was; a fixed key is of another kind. */
#define MXT_SCRIPT_FENCED   "FENCED"
#define MXT_SCRIPT_STALE    "STALE"
#define MXT_SCRIPT_WRONGKEY "WRONGKEY"

#define MXT_SCRIPT_SHA 41 /* bytes of a script's name, NUL included */

struct mxt_scripts {
    char sha[MXT_SCRIPTS][MXT_SCRIPT_SHA];
};

/* Makes the scripts known to Redis, once a connection. MXT_OK; MXT_EIO: it does not take them, a sentence is in `error` (MXT_LINK_ERROR bytes). */
enum mxt_status mxt_scripts_load(struct mxt_scripts *scripts, struct mxt_link *link, char *error) MXT_MUST_CHECK;

/* The sentence about a key of ours of which `what` says that it holds something else ("mxtap:alerts is a string, not a stream"); `out` has MXT_LINK_ERROR bytes. */
void mxt_script_explain_key(const struct mxt_link *link, const char *what, char *out);

/*
 * Whether the fixed keys of the partition at `prefix` are of the kinds that the scripts need, or not there yet. MXT_OK; MXT_EIO: a sentence that names the key is
 * in `error` (MXT_LINK_ERROR bytes).
 */
enum mxt_status mxt_scripts_check_keys(struct mxt_link *link, const char *prefix, char *error) MXT_MUST_CHECK;

/* Calls one of the small ones (not APPLY): the keys, then the arguments, NUL-terminated. As mxt_link_call. */
redisReply *mxt_script_call(const struct mxt_scripts *scripts, struct mxt_link *link, enum mxt_script script, size_t key_count, size_t word_count,
                            const char *const *words);

#endif
