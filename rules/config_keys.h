/*
 * What can be set in a program, on its command line and in its configuration file: tables of keys. Both parsers, their messages, the defaults and --help come
 * from them; a test compares them with the commented samples in deploy/. A table is about one struct, so that programs share what they have in common.
 */
#ifndef MXT_RULES_CONFIG_KEYS_H
#define MXT_RULES_CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "decoders/arena.h"
#include "decoders/status.h"
#include "rules/record.h"

#define MXT_KEYS_MAX 128 /* keys of one program */
#define MXT_KEY_WHY  256 /* bytes that hold what is said about a value */

/* Where a key may stand. */
enum mxt_key_place { MXT_KEY_ON_COMMAND_LINE = 1, MXT_KEY_IN_FILE = 2, MXT_KEY_IN_BOTH = 3 };

enum mxt_key_shape {
    MXT_KEY_ACTION, /* takes no value: asks for something else than the program's work */
    MXT_KEY_FLAG,   /* no value on the command line, where it means "yes"; yes or no in the file */
    MXT_KEY_ONE,    /* one value */
    MXT_KEY_PATHS,  /* one value a word; a list in the file */
    MXT_KEY_LIST,   /* values separated by commas; in the file also a list */
    MXT_KEY_MAP,    /* a mapping; the keys in it stand in the table as "NAME.KEY" */
    MXT_KEY_MAPS,   /* a list of such mappings */
    MXT_KEY_RULES   /* a mapping from rules to what they shall be */
};

/* Where a value goes, and what is said about it. */
struct mxt_setting {
    void *object;            /* the struct that the key's table is about */
    struct mxt_arena *texts; /* lives as long as the options; values do too */
    char why[MXT_KEY_WHY];   /* the reason of a refusal, where it is more than not being what the key expects; empty before */
};

/* Each function: MXT_OK; MXT_ENOMEM; MXT_EUSAGE: refused. */
struct mxt_key {
    const char *name;   /* in the file; "redis.url" stands in the mapping redis */
    const char *option; /* on the command line, where it is another; NULL: the name */
    char letter;        /* on the command line; 0: none */
    enum mxt_key_place place;
    enum mxt_key_shape shape;
    const char *form;     /* what stands for the value in --help; ACTION, FLAG: NULL */
    const char *fallback; /* the default as it would be written, or NULL: none */
    const char *expects;  /* type and range: "x is not ..." */
    const char *help;
    enum mxt_status (*set)(struct mxt_setting *to, const char *value); /* takes one value */
    size_t text_at; /* where `set` is NULL: offset in the object of the const char * that becomes the value */
    enum mxt_status (*set_rule)(struct mxt_setting *to, enum mxt_rule rule, const char *value); /* RULES */
    enum mxt_status (*begin)(struct mxt_setting *to); /* MAPS: a mapping begins */
    enum mxt_status (*end)(struct mxt_setting *to);   /* MAP, MAPS: a mapping is whole; refused: what is wrong with it as a whole */
};

/* The keys about one struct. */
struct mxt_key_table {
    const struct mxt_key *keys;
    size_t count;
};

/* A table in a program, in whose options its struct lies at `object_at`. */
struct mxt_key_use {
    const struct mxt_key_table *table;
    size_t object_at;
};

/* A program as its command line and its file see it. */
struct mxt_program {
    const char *name;
    const char *usage; /* the first lines of --help */
    const char *notes; /* its last */
    const char *rest;  /* the option that words behind its own value belong to as well (a shell's glob gives them); NULL: words are refused */
    bool has_free_words; /* they do also where the option itself is not written */
    const char *stray; /* what to say of other words: the mend */
    const struct mxt_key_use *tables;
    size_t table_count;
    size_t size;                  /* of the options */
    size_t texts_at;              /* of the arena in them */
    void (*free)(void *options);  /* frees what zeroed options were given by setters */
};

/* All keys of a program, in the order of --help. */
struct mxt_keys {
    const struct mxt_program *program;
    const struct mxt_key *key[MXT_KEYS_MAX];
    size_t object_at[MXT_KEYS_MAX];
    size_t count;
};

/* Which of them were given. */
struct mxt_given {
    bool is_set[MXT_KEYS_MAX];
};

/* The keys of the program, which outlives *out. */
void mxt_keys_of(const struct mxt_program *program, struct mxt_keys *out);

/* The place of the key with that option, or that letter where it is not 0; `count` where there is none. */
size_t mxt_keys_option(const struct mxt_keys *keys, const char *option, char letter);

/* The place of the key of that name in the mapping `parent` ("": the top) of the file; `count` where there is none. */
size_t mxt_keys_in_file(const struct mxt_keys *keys, const char *parent, const char *name);

/* A key's name within its mapping: what follows the last dot. */
const char *mxt_key_own_name(const struct mxt_key *key);

/* Whether the key stands in the mapping `parent` of the file. */
bool mxt_key_is_in(const struct mxt_key *key, const char *parent);

/* A key's name on the command line. */
const char *mxt_key_option(const struct mxt_key *key);

/*
 * Sets the key at `i` to a value as written on the command line or in the file (a list is taken apart at its commas). Answers as `set`; `why` (MXT_KEY_WHY bytes)
 * is always filled in where the value is refused.
 */
enum mxt_status mxt_keys_set(const struct mxt_keys *keys, size_t i, void *options, const char *value, char *why) MXT_MUST_CHECK;

/* What `set` would be called with for the key at `i`. */
struct mxt_setting mxt_keys_setting(const struct mxt_keys *keys, size_t i, void *options);

/* Gives every key that was not given its default. MXT_OK; MXT_ENOMEM. */
enum mxt_status mxt_keys_fill_defaults(const struct mxt_keys *keys, const struct mxt_given *given, void *options) MXT_MUST_CHECK;

/* A rule by its name; where there is none, MXT_RULE_NONE with a sentence in `why` (MXT_KEY_WHY bytes) that says which was probably meant. */
enum mxt_rule mxt_key_rule(const char *name, char *why);

#endif
