/*
 * The one table that describes the fields of all events. event_encode.c writes by it, event_decode.c reads by it, event_schema.c prints it: a field is added
 * here and nowhere else.
 */
#ifndef MXT_RULES_EVENT_FIELDS_H
#define MXT_RULES_EVENT_FIELDS_H

#include <stddef.h>
#include <stdint.h>

#define MXT_FIELDS_MAX           64u /* fields of one table: the decoder notes those it has met in 64 bits */
#define MXT_TIME_PATTERN         "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{6}Z$"
#define MXT_HEX_PATTERN          "^[0-9a-f]{16}$"
#define MXT_ADDRESS_PATTERN      "^[0-9a-f:.]+$"
#define MXT_EVIDENCE_KEY_PATTERN "^[a-z][a-z0-9_]{0,63}$"
#define MXT_EVIDENCE_KEY_MAX     64u

/* What stands at a field's offset, and how it is written. */
enum mxt_field_type {
    MXT_FIELD_CONSTANT,    /* nothing: always the text `constant` */
    MXT_FIELD_TITLE,       /* enum mxt_rule, told by a text of the catalogue (`title`); not read back */
    MXT_FIELD_DERIVED,     /* an enum, told by a number that follows from it (`derive`); not read back */
    MXT_FIELD_STRING,      /* const char * */
    MXT_FIELD_FACT,        /* enum mxt_fact as true or false */
    MXT_FIELD_BOOL,        /* bool */
    MXT_FIELD_UNSIGNED,    /* uint16_t, uint32_t or uint64_t */
    MXT_FIELD_TIME,        /* int64_t, microseconds since 1970, as RFC 3339 */
    MXT_FIELD_ADDRESS,     /* struct mxt_address */
    MXT_FIELD_HEX,         /* uint64_t as 16 hex digits */
    MXT_FIELD_NAME,        /* an enum or uint16_t whose values have names (`vocabulary`) */
    MXT_FIELD_TAGS,        /* uint16_t[MXT_VLAN_MAX], their number (uint8_t) at `other` */
    MXT_FIELD_TEXTS,       /* struct mxt_text_list */
    MXT_FIELD_TEXTS_TOTAL, /* its `total`, where not all were kept */
    MXT_FIELD_GROUP,       /* object without a struct of its own: `table` over the same base */
    MXT_FIELD_PART,        /* object: a struct that stands right here */
    MXT_FIELD_POINTER,     /* object: pointer to a struct */
    MXT_FIELD_LIST,        /* array of objects: pointer to the first of a linked list */
    MXT_FIELD_EVIDENCE     /* object: pointer to the first struct mxt_evidence */
};

enum mxt_presence {
    MXT_OPTIONAL, /* left out where it says nothing: unknown, NULL, 0, false, empty. A flag at `other` decides instead where there is one */
    MXT_ALWAYS,   /* always written; where a reader misses it, it says nothing */
    MXT_REQUIRED  /* always written; without it an event cannot be understood */
};

/* Names of values. A value whose name is NULL is unknown. */
struct mxt_vocabulary {
    unsigned count; /* all values are below */
    const char *(*name)(unsigned value);
    unsigned (*value)(const char *name); /* 0: no such name; NULL: ask `name` for all */
};

/* Fields of one object. */
struct mxt_field_table {
    const struct mxt_field *fields;
    uint8_t count;
    uint16_t size; /* of its struct, for POINTER and LIST */
    uint16_t next; /* LIST: where the pointer to the next stands */
};

struct mxt_field {
    const char *name;
    const char *about; /* one line, for the schema */
    enum mxt_field_type type;
    enum mxt_presence presence;
    uint16_t offset;
    uint16_t size;  /* of what stands there */
    uint16_t other; /* TAGS: offset of their number. Else of a bool that says whether an OPTIONAL field is known, and is set when it is read; 0: none */
    union {
        const char *constant;
        const char *pattern; /* STRING: what the schema demands of it, or NULL */
        const char *(*title)(unsigned rule);
        unsigned (*derive)(unsigned value);
        const struct mxt_vocabulary *vocabulary;
        const struct mxt_field_table *table;
    } as;
};

extern const struct mxt_field_table mxt_session_fields; /* over struct mxt_record */
extern const struct mxt_field_table mxt_alert_fields;   /* over struct mxt_alert */
extern const struct mxt_field_table mxt_health_fields;  /* over struct mxt_health */

#endif
