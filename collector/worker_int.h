/* What the files of the worker share; nobody else includes this. */
#ifndef MXT_COLLECTOR_WORKER_INT_H
#define MXT_COLLECTOR_WORKER_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "collector/script.h"
#include "collector/worker.h"

#define MXT_WORKER_GROUP   "mxtap-collector" /* the consumer group, for the lag alone */
#define MXT_WORKER_KEY     (MXT_WORKER_PREFIX + 24) /* bytes of a fixed key, NUL included */
#define MXT_WORKER_NUMBER  24
#define MXT_WORKER_WAIT_MS 200 /* between two looks at other things */
#define MXT_WORKER_RENEW_MS (MXT_LEASE_MS / 4)

/* What a reply on the writing link is the answer to. */
enum mxt_sent { MXT_SENT_BATCH, MXT_SENT_LEASE, MXT_SENT_OTHER };
#define MXT_WORKER_SENT_MAX 16u /* replies waited for at once: batches and what keeps house */

struct mxt_worker_sent {
    enum mxt_sent kind;
    struct mxt_stream_id cursor; /* BATCH: where it moves the cursor */
};

struct mxt_worker {
    struct mxt_worker_config config;
    pthread_t thread;
    int stop_fd;
    atomic_bool is_stopping, has_ended;
    pthread_mutex_t lock; /* of `counters` */
    struct mxt_worker_counters counters;
    /* The rest is the thread's own. */
    struct mxt_link *reader, *writer;
    struct mxt_scripts scripts;
    struct mxt_keeper *keeper;
    struct mxt_worker_sent sent[MXT_WORKER_SENT_MAX]; /* a ring */
    size_t sent_first, sent_count, batches;
    bool has_cursor;
    struct mxt_stream_id read, last_sent; /* the newest entry that was read; where the last batch moves the cursor */
    bool is_asked, is_drained;            /* a read is on its way; the last one found nothing */
    size_t read_count;
    int64_t renewed_ms, ticked_ms, grouped_ms;
    enum mxt_worker_end end;
    char why[MXT_KEEPER_ERROR];
};

/* Milliseconds of the monotonic clock. */
int64_t mxt_worker_now_ms(void);

/* The worker is over: notes why, where no reason was noted before. Always false. */
bool mxt_worker_give_up(struct mxt_worker *worker, enum mxt_worker_end end, const char *why);
bool mxt_worker_break(struct mxt_worker *worker, const struct mxt_link *link);

/* The partition's key `name` into MXT_WORKER_KEY bytes. */
void mxt_worker_key(const struct mxt_worker *worker, const char *name, char *key);

/* Shows the counters to other threads. */
void mxt_worker_publish(struct mxt_worker *worker);

/* The following answer false where the worker is over. */

/* Sends what is to be sent to the writing link and takes the answers that have come, waiting at most so long. */
bool mxt_worker_pump(struct mxt_worker *worker, int timeout_ms);

/* Renews the lease, adds the clock's entry and moves the group along, each when it is time. */
bool mxt_worker_keep_house(struct mxt_worker *worker);

/* Sends a batch with all that was taken since the last. */
bool mxt_worker_send(struct mxt_worker *worker);

/* Asks the reading link for the entries behind the last. */
bool mxt_worker_ask(struct mxt_worker *worker);

/* Takes the answer: judges the entries, has them applied, and has asked for the next before. */
bool mxt_worker_take(struct mxt_worker *worker, const redisReply *reply);

#endif
