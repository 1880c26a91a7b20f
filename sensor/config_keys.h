/*
 * The one table of what can be set, on the command line and in the configuration file. Both parsers, their messages, the defaults and --help come from it; a
 * test compares it with the commented sample in deploy/.
 */
#ifndef MXT_SENSOR_CONFIG_KEYS_H
#define MXT_SENSOR_CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "decoders/status.h"
#include "sensor/options.h"

/* Where a key may stand. */
enum mxt_key_place { MXT_KEY_ON_COMMAND_LINE = 1, MXT_KEY_IN_FILE = 2, MXT_KEY_IN_BOTH = 3 };

enum mxt_key_shape {
    MXT_KEY_ACTION, /* takes no value: asks for something else than a replay */
    MXT_KEY_ONE,    /* one value */
    MXT_KEY_PATHS,  /* one value a word; a list in the file */
    MXT_KEY_LIST,   /* values separated by commas; in the file also a list */
    MXT_KEY_MAP,    /* a mapping with `members` */
    MXT_KEY_MAPS,   /* a list of such mappings */
    MXT_KEY_RULES   /* a mapping from rules to what they shall be, by mxt_key_set_rule */
};

#define MXT_KEY_WHY 256 /* bytes that hold what is said about a value */

/*
 * `set` takes one value, which lives as long as the options. MXT_OK; MXT_ENOMEM; MXT_EUSAGE: the value is refused, with the reason in `why` where it is more
 * than not being what the key expects.
 */
struct mxt_key {
    const char *name;
    char letter; /* on the command line; 0: none */
    enum mxt_key_place place;
    enum mxt_key_shape shape;
    const char *form;     /* what stands for the value in --help; ACTION: NULL */
    const char *fallback; /* the default as it would be written, or NULL: none */
    const char *expects;  /* type and range: "x is not ..." */
    const char *help;
    enum mxt_status (*set)(struct mxt_options *options, const char *value, char *why);
    size_t text_at; /* where `set` is NULL: offset of the const char * in the options that becomes the value */
    const struct mxt_key *members;
    size_t member_count;
    enum mxt_status (*begin)(struct mxt_options *options);          /* MAPS: a mapping begins; MXT_OK or MXT_ENOMEM */
    enum mxt_status (*end)(struct mxt_options *options, char *why); /* a mapping is whole: MXT_OK, or MXT_EUSAGE with what is wrong with it as a whole */
};

/* All keys, in the order of --help. */
const struct mxt_key *mxt_keys(size_t *count);

/* The place in a table of the key of that name that may stand at `place`; `count` where none may. */
size_t mxt_key_find(const struct mxt_key *table, size_t count, enum mxt_key_place place, const char *name);

/* The name in the table that was probably meant, or NULL. */
const char *mxt_key_nearest(const struct mxt_key *table, size_t count, enum mxt_key_place place, const char *name);

/*
 * Sets a key to a value as written on the command line or in the file (a list is taken apart at its commas). Answers as `set`; `why` is always filled in where
 * the value is refused.
 */
enum mxt_status mxt_key_set(const struct mxt_key *key, struct mxt_options *options, const char *value, char *why) MXT_MUST_CHECK;

/* Switches a rule off or gives it another severity. Answers as mxt_key_set. */
enum mxt_status mxt_key_set_rule(struct mxt_options *options, enum mxt_rule rule, const char *value, char *why) MXT_MUST_CHECK;

/* A rule by its name; where there is none, MXT_RULE_NONE with a sentence in `why` that says which was probably meant. */
enum mxt_rule mxt_key_rule(const char *name, char *why);

#endif
