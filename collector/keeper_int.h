/* What the files of the keeper share; nobody else includes this. */
#ifndef MXT_COLLECTOR_KEEPER_INT_H
#define MXT_COLLECTOR_KEEPER_INT_H

#include "collector/keeper.h"
#include "rules/json.h"
#include "rules/ledger.h"

/* The classes of hashes; baselines have their kind's. */
#define MXT_CLASS_ALERT   "alert"
#define MXT_CLASS_SESSION "session"
#define MXT_CLASS_SUBJECT "subject" /* of alerts: what the ledger keeps of them */
#define MXT_CLASS_SENSOR  "sensor"

#define MXT_FIELD_STATE "state" /* of a thing that has no fields of its own */

/* The end of a stream that only the partition's worker adds to. */
struct mxt_stream_end {
    bool is_there;
    struct mxt_stream_id last;
};

/* An alert that changed, and the count with which it was told last. */
struct mxt_changed_alert {
    uint64_t id;
    uint64_t told; /* 0: not since it was loaded, or withdrawn */
};

/*
 * When keys' lives were prolonged, so that it is not done with every change: one that was within the last eighth of its life is left alone. Keys that fall on one
 * place take turns, which costs no more than prolonging.
 */
#define MXT_KEEPER_LIVES 65536u
struct mxt_life {
    uint64_t hash;
    uint64_t prolonged_ms; /* by Redis' clock */
};

/* What nearly every record takes to decode and judge, so that no memory is asked for. */
#define MXT_KEEPER_SCRATCH 65536u

struct mxt_keeper {
    struct mxt_keeper_config config;
    struct mxt_memory *memory;
    struct mxt_ledger *ledger;
    struct mxt_arena arena; /* of the entry that is taken */
    void *scratch;          /* MXT_KEEPER_SCRATCH bytes, its first block */
    struct mxt_json json;
    struct mxt_batch *batch;
    struct mxt_stream_id entry; /* that is taken */
    uint32_t told;              /* alerts that followed from it so far */
    struct mxt_stream_end alerts, rejected;         /* as they will be, */
    struct mxt_stream_end alerts_were, rejected_were; /* and as they are before the batch */
    struct mxt_stream_id *ahead; /* alerts that are there although the cursor is behind them: an earlier batch was cut off */
    size_t ahead_count;
    struct mxt_changed_alert *changed; /* by id; kept where all is told once more at the end */
    size_t changed_count, changed_capacity;
    struct mxt_life *lives; /* MXT_KEEPER_LIVES */
    struct mxt_keeper_counters counters;
    bool has_told_refused, has_failed;
};

/* Empties the arena. */
void mxt_keeper_forget_entry(struct mxt_keeper *keeper);

/* Adds an entry to `alerts` for an alert that follows from the entry that is taken, unless it is there already. */
void mxt_keeper_tell(struct mxt_keeper *keeper, const struct mxt_alert *alert);

/* Drains the ledger into the batch. */
enum mxt_status mxt_keeper_drain(struct mxt_keeper *keeper) MXT_MUST_CHECK;

#endif
