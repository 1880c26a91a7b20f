/* What the kinds of sinks have in common, and how a sink keeps its place. */
#ifndef MXT_COLLECTOR_SINK_INT_H
#define MXT_COLLECTOR_SINK_INT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/link.h"
#include "collector/sink.h"
#include "collector/sink_keys.h"
#include "rules/faults.h"
#include "rules/rule.h"

#define MXT_SINK_WHY       MXT_LINK_ERROR /* bytes that hold why a delivery failed */
#define MXT_SINK_ID        64  /* of a delivery's id */
#define MXT_SINK_STREAM_ID 48  /* two numbers of 20 digits and their '-' */
#define MXT_SINK_PREFIX    32  /* of a partition's keys */

/* One alert on its way. */
struct mxt_sink_alert {
    const char *id; /* of this delivery: the same when it is repeated */
    enum mxt_severity severity;
    const char *json; /* without newline */
    size_t n;
};

enum mxt_sink_outcome { MXT_SINK_DELIVERED, MXT_SINK_RETRY, MXT_SINK_REFUSED };

struct mxt_sink_result {
    enum mxt_sink_outcome outcome;
    int64_t wait_ms; /* RETRY: the receiver asked for it; 0: as the sink sees fit */
    char why[MXT_SINK_WHY];
};

/* A kind of sink. `attempt` counts from 1. settle may be NULL. */
struct mxt_sink_driver {
    void *(*open)(const struct mxt_sink_config *config, char *error); /* NULL: a sentence is in `error` (MXT_SINK_WHY bytes) */
    void (*deliver)(void *driver, const struct mxt_sink_alert *alert, unsigned attempt, const atomic_bool *is_stopping, struct mxt_sink_result *result);
    bool (*settle)(void *driver, char *why); /* before a place is kept: what was delivered must stay. False: not so */
    void (*free)(void *driver);
};

extern const struct mxt_sink_driver mxt_sink_file, mxt_sink_syslog, mxt_sink_webhook, mxt_sink_command;

/* Fills in the result. */
void mxt_sink_answer(struct mxt_sink_result *result, enum mxt_sink_outcome outcome, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* A sink's place in one partition's stream. */
struct mxt_sink_place {
    char prefix[MXT_SINK_PREFIX];
    bool is_loaded;
    char id[MXT_SINK_STREAM_ID]; /* the last entry that is done with */
    uint64_t position;           /* how many entries were ever added up to it */
    uint64_t behind;             /* how many were added since, when last asked */
};

/* What a look at the stream found out. */
struct mxt_sink_look {
    uint64_t lost;    /* entries that were trimmed away unread since the last look */
    bool is_anew;     /* the stream is another than the place was kept for: read from its start */
};

/* Reads the place of the sink `name`; where none is kept, it is the start of the stream. MXT_OK; MXT_EIO: see `why` (MXT_SINK_WHY bytes). */
enum mxt_status mxt_sink_place_load(struct mxt_sink_place *place, const char *name, struct mxt_link *link, char *why) MXT_MUST_CHECK;

/* Keeps it. Answers likewise. */
enum mxt_status mxt_sink_place_save(const struct mxt_sink_place *place, const char *name, struct mxt_link *link, char *why) MXT_MUST_CHECK;

/* Compares the place with the stream and puts it right. Answers likewise. */
enum mxt_status mxt_sink_place_look(struct mxt_sink_place *place, struct mxt_link *link, struct mxt_sink_look *look, char *why) MXT_MUST_CHECK;

/* Whether stream id `a` is before `b`. */
bool mxt_sink_id_is_before(const char *a, const char *b);

/* One sink; its thread's own where nothing else is said. */
struct mxt_sink {
    struct mxt_sinks *sinks;
    const struct mxt_sink_config *config;
    const struct mxt_sink_driver *driver;
    void *self;
    pthread_t thread;
    bool is_running;
    struct mxt_link *link;
    struct mxt_sink_place *places;
    size_t place_count;
    uint64_t places_version;
    int64_t looked_ms, kept_ms;
    bool is_link_failing;
    struct mxt_sink_state state; /* under the lock */
    uint64_t drained;            /* the last drain that it has seen through, under the lock */
};

/* What the threads share. */
struct mxt_sinks {
    struct mxt_sinks_config config;
    struct mxt_link_config redis;
    const struct mxt_faults *faults;
    struct mxt_sink *items;
    atomic_bool is_stopping;
    int wake_fd; /* readable from the stop on */
    pthread_mutex_t lock;
    char (*held)[MXT_SINK_PREFIX]; /* under the lock, as what follows */
    size_t held_count;
    uint64_t held_version;
    uint64_t drain; /* counts what was asked for */
};

/* Tells a sentence about the sink `name`. */
void mxt_sink_tell(const struct mxt_sinks *sinks, const char *name, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* A clock that only goes forward. */
int64_t mxt_sink_now_ms(void);

/* The thread of a struct mxt_sink, until its sinks stop. */
void *mxt_sink_run(void *context);

#endif
