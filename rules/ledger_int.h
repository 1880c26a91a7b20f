/*
 * The ledger from inside: sessions as sensors saw them. Only for the files rules/ledger*.c.
 *
 *     session --views--> view, one a sensor: its last record as JSON
 *
 * A session is found by the id that a sensor gave it (every view's), or by addresses, ports and start.
 */
#ifndef MXT_RULES_LEDGER_INT_H
#define MXT_RULES_LEDGER_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decoders/arena.h"
#include "decoders/packet.h"
#include "rules/hash_table.h"
#include "rules/json.h"
#include "rules/ledger.h"
#include "rules/watch.h"

#define VIEWS_MAX 16 /* sensors of one session; what more of them say is passed over, and counted */

/* What one sensor last said of a session. */
struct view {
    struct mxt_hash_node node; /* by session_id */
    struct ledger_session *session;
    struct view *next;   /* of the session */
    uint64_t session_id; /* as the sensor has it */
    int64_t start_us;    /* likewise */
    int64_t sensor_start_us;
    uint32_t snapshot;
    char *sensor; /* owned */
    char *text;   /* its record, `length` bytes of JSON; owned */
    size_t length;
};

/* Who spoke with whom. */
struct ends {
    struct mxt_address client, server;
    uint16_t client_port, server_port;
};

struct ledger_session {
    struct mxt_hash_node node; /* by ends */
    uint64_t id;               /* under which it is judged: the one that came first */
    struct ends ends;
    int64_t start_us;                     /* the earliest that a view says */
    struct ledger_session *older, *newer; /* by when they were touched */
    uint64_t order;                       /* likewise, over restarts */
    int64_t touched_us;                   /* by the keeper's clock */
    struct view *views;
    unsigned view_count;
    bool may_change; /* a late record may change its findings */
    bool is_listed;  /* among the changed */
    bool is_drained; /* a keeper may have it */
    char *judged;    /* its findings, as a record without facts: JSON, until drained; NULL: none. Owned */
    size_t judged_length;
    uint64_t judged_digest; /* 0: no findings */
    struct ledger_session *next_changed;
};

/* How much later one sensor's clock is than another's. */
struct ledger_clock {
    struct mxt_hash_node node; /* by both names */
    int64_t offset_us;
    uint64_t order; /* of the session that told it: the newest counts */
    char names[];   /* the one and the other, each with its NUL; the one that sorts first is first */
};

/* A sensor that is watched. */
struct ledger_sensor {
    struct mxt_hash_node node; /* by name */
    struct mxt_watch watch;
    int64_t raised_us; /* when the clock last told that it is silent or blind */
    bool is_changed;
    struct ledger_sensor *next_gone;
    char name[];
};

struct mxt_ledger {
    struct mxt_ledger_config config;
    struct mxt_knowledge knowledge, memory; /* what the judge asks; the store below */
    struct mxt_alerts *alerts;
    int64_t newest_us; /* of the records so far */
    int64_t clock_us;  /* the keeper's */
    uint64_t refused;
    struct mxt_hash_table views, sessions;
    struct ledger_session *oldest, *newest;
    struct ledger_session *changed, *gone; /* since the last drain */
    size_t session_count;
    uint64_t bytes, order;
    bool is_sorted;         /* the sessions, by order: what was loaded need not be */
    struct mxt_json writer; /* its buffer is reused */
    struct mxt_hash_table sensors, clocks;
    struct ledger_sensor *gone_sensors; /* forgotten since the last drain */
    int64_t listening_us;   /* since when the keeper's clock has gone on without a break */
    int64_t looked_us;      /* when the sensors were looked at last */
    struct mxt_arena asked; /* holds the records that were asked for, until the record being taken is done */
};

/* ledger_sessions.c */

struct ledger_session *mxt_ledger_find(const struct mxt_ledger *ledger, uint64_t session_id);

/* The session that the record is a view of; NULL: none yet. */
struct ledger_session *mxt_ledger_session_of(const struct mxt_ledger *ledger, const struct mxt_record *record);

/* Whether the session holds nothing newer of the record's sensor. */
bool mxt_ledger_is_news(const struct ledger_session *session, const struct mxt_record *record);

/*
 * Puts the record (`text`, `n` bytes of JSON) in the place of its sensor's last; `session` NULL: a new one, under the id given. Those that must go for it are
 * forgotten. NULL: out of memory, or too many views; the session is as it was.
 */
struct ledger_session *mxt_ledger_put(struct mxt_ledger *ledger, struct ledger_session *session, uint64_t id, const struct mxt_record *record, const char *text,
                                      size_t n);

/* Makes it the newest. */
void mxt_ledger_touch(struct mxt_ledger *ledger, struct ledger_session *session);

/* Folds it into its alerts and lets it go. */
void mxt_ledger_forget(struct mxt_ledger *ledger, struct ledger_session *session);

/* Forgets until the bounds are kept, save the newest. */
void mxt_ledger_keep_bounds(struct mxt_ledger *ledger);

void mxt_ledger_note_change(struct mxt_ledger *ledger, struct ledger_session *session);

/* Puts the sessions into their order again, after they were loaded in any. Nothing where they are. */
void mxt_ledger_sort(struct mxt_ledger *ledger);

void mxt_ledger_sessions_free(struct mxt_ledger *ledger);

/* ledger_clocks.c: sensors that saw one session tell how their clocks differ. Nothing more is kept of it: what is loaded tells it again. */

/* Learns from a session that several sensors know by the same id, so that they saw its very first packet. */
void mxt_ledger_clocks_learn(struct mxt_ledger *ledger, const struct ledger_session *session);

/* How much later the clock of `sensor` is than that of `other`; 0: the same, or not known. */
int64_t mxt_ledger_clock_offset(const struct mxt_ledger *ledger, const char *sensor, const char *other);

void mxt_ledger_clocks_free(struct mxt_ledger *ledger);

/* ledger_watch.c */

/* The keeper's clock went from one time to the next. */
void mxt_ledger_look(struct mxt_ledger *ledger, int64_t before_us, int64_t now_us);

/* The sensor of this name; NULL: none. */
struct ledger_sensor *mxt_ledger_sensor_find(const struct mxt_ledger *ledger, const char *name);

/* Likewise, made where it is new: where there are too many, another is forgotten. NULL: out of memory. */
struct ledger_sensor *mxt_ledger_sensor(struct mxt_ledger *ledger, const char *name);

void mxt_ledger_sensors_free(struct mxt_ledger *ledger);

/* ledger.c */

/* Takes a record that is about a sensor and no session: its findings become alerts, and it is kept as sessions are. What memory refuses is counted. */
void mxt_ledger_take_watched(struct mxt_ledger *ledger, const struct mxt_record *record);

/* Sets what was found in the session, as text. MXT_OK or MXT_ENOMEM. */
enum mxt_status mxt_ledger_set_judged(struct mxt_ledger *ledger, struct ledger_session *session, const struct mxt_record *record,
                                      struct mxt_finding *findings) MXT_MUST_CHECK;

/* Frees that text, of which the digest stays. */
void mxt_ledger_drop_judged(struct ledger_session *session);

/* ledger_join.c */

/* The session as one record, of all views; `latest` is one of them, decoded already, or NULL. In `arena`. NULL: out of memory. */
const struct mxt_record *mxt_ledger_join(const struct ledger_session *session, const struct mxt_record *latest, struct mxt_arena *arena);

#endif
