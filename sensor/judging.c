#include "sensor/judging.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "collector/policy_files.h"
#include "rules/knowledge.h"
#include "rules/ledger.h"
#include "sensor/confine.h"
#include "sensor/knowledge_file.h"
#include "sensor/output.h"
#include "sensor/seed.h"

#define JUDGE_ARENA (1u << 20) /* bytes that what is found about one record may take */
#define ERROR_TEXT  200
#define LOOK_MS     200 /* without a record, between two looks whether health is to be told */

/* What other threads may ask for, as it was after the last record. */
struct counts {
    uint64_t told;       /* live: how often an alert was raised, or grew graver */
    uint64_t suppressed; /* alerts */
    uint64_t refused;    /* allocations */
};

struct mxt_judging {
    const struct mxt_options *options;
    const struct mxt_faults *faults;
    struct mxt_memory *memory;
    struct mxt_knowledge_file *knowledge; /* NULL: none is kept */
    struct mxt_output_writer *output;
    struct mxt_ledger *ledger;
    struct mxt_outbox *outbox;
    pthread_t thread;
    bool is_running, is_live;
    atomic_bool is_broken;
    pthread_mutex_t lock; /* of what follows: held for a copy, never while output is written, which may block for as long as its reader likes */
    struct counts counts;
    struct mxt_health waiting; /* to be told */
    bool has_waiting, is_waiting_asked_for;
    const struct mxt_parcel *parcel; /* being judged */
    bool is_unwritten; /* the knowledge, at the end */
    uint64_t alerts;
    uint64_t told;   /* live: how often an alert was raised, or grew graver */
    uint64_t transit; /* sessions between strangers, by the home networks */
};

static void complain(const struct mxt_judging *judging, const char *sentence)
{
    judging->faults->tell(judging->faults->context, sentence);
}

static void on_judged(void *context, const struct mxt_record *record, const struct mxt_judged *judged)
{
    struct mxt_judging *judging = context;
    judging->transit += !judged->is_again && record->final && record->hop == MXT_HOP_TRANSIT;
    mxt_output_session(judging->output, record, judged, judging->parcel->json, judging->parcel->n);
}

/* Live: an alert is raised, graver or withdrawn. */
static void on_alert(void *context, const struct mxt_alert *alert)
{
    struct mxt_judging *judging = context;
    judging->told += alert->count > 0;
    mxt_output_alert(judging->output, alert);
}

/* At the end, of each alert. */
static void on_last_alert(void *context, const struct mxt_alert *alert)
{
    struct mxt_judging *judging = context;
    judging->alerts++;
    if (judging->is_live)
        mxt_output_count_alert(judging->output, alert);
    else
        mxt_output_alert(judging->output, alert);
}

/* Policies and what an earlier run has kept. */
static bool read_knowledge(struct mxt_judging *judging)
{
    const struct mxt_options *options = judging->options;
    struct mxt_memory_limits limits = MXT_MEMORY_LIMITS_DEFAULT;
    limits.seed = mxt_random_seed();
    judging->memory = mxt_memory_new_limited(&limits);
    if (judging->memory == NULL) {
        complain(judging, "out of memory");
        return false;
    }
    if (options->policies != NULL && mxt_policy_files_read(judging->memory, options->policies, judging->faults) != MXT_OK)
        return false;
    if (options->knowledge == NULL)
        return true;
    enum mxt_status status = mxt_knowledge_file_open(options->knowledge, judging->memory, time(NULL), judging->faults, &judging->knowledge);
    if (status == MXT_ENOMEM)
        complain(judging, "out of memory");
    return status == MXT_OK;
}

static bool open_ledger(struct mxt_judging *judging)
{
    struct mxt_ledger_config config = {.judge = &judging->options->judge,
                                       .memory = judging->memory,
                                       .alerts_limits = MXT_ALERTS_LIMITS_DEFAULT,
                                       .teller = {.tell = judging->is_live ? on_alert : NULL, .context = judging},
                                       .judged = on_judged,
                                       .context = judging};
    config.alerts_limits.seed = mxt_random_seed();
    judging->output = mxt_output_new(stdout, judging->options->output, judging->is_live, isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL);
    judging->ledger = mxt_ledger_new(&config);
    if (judging->output != NULL && judging->ledger != NULL)
        return true;
    complain(judging, "out of memory");
    return false;
}

struct mxt_judging *mxt_judging_open(const struct mxt_options *options, const struct mxt_faults *faults)
{
    struct mxt_judging *judging = calloc(1, sizeof *judging);
    if (judging == NULL) {
        faults->tell(faults->context, "out of memory");
        return NULL;
    }
    pthread_mutex_init(&judging->lock, NULL);
    judging->options = options;
    judging->is_live = options->interface_count > 0;
    judging->faults = faults;
    if (read_knowledge(judging) && open_ledger(judging))
        return judging;
    mxt_judging_free(judging);
    return NULL;
}

static void join(struct mxt_judging *judging)
{
    if (judging->is_running)
        pthread_join(judging->thread, NULL);
    judging->is_running = false;
}

void mxt_judging_free(struct mxt_judging *judging)
{
    if (judging == NULL)
        return;
    join(judging);
    mxt_ledger_free(judging->ledger);
    mxt_output_free(judging->output);
    mxt_knowledge_file_free(judging->knowledge);
    mxt_memory_free(judging->memory);
    pthread_mutex_destroy(&judging->lock);
    free(judging);
}

static void judge(struct mxt_judging *judging, const struct mxt_parcel *parcel)
{
    struct mxt_arena arena;
    mxt_arena_init(&arena, JUDGE_ARENA);
    judging->parcel = parcel;
    mxt_ledger_take(judging->ledger, parcel->record, parcel->json, parcel->n, &arena); /* counts what it is refused */
    judging->parcel = NULL;
    mxt_arena_free(&arena);
}

static void note_counts(struct mxt_judging *judging)
{
    const struct counts counts = {.told = judging->told, .suppressed = mxt_ledger_suppressed(judging->ledger), .refused = mxt_ledger_refused(judging->ledger)};
    pthread_mutex_lock(&judging->lock);
    judging->counts = counts;
    pthread_mutex_unlock(&judging->lock);
}

/* Live: what the sensor says of itself is judged as a collector would. A replay has lost nothing that it knows of. */
static void judge_health(struct mxt_judging *judging, const struct mxt_health *health)
{
    if (!judging->is_live)
        return;
    if (mxt_ledger_clock(judging->ledger, health->timestamp_us) == MXT_OK)
        (void)mxt_ledger_health(judging->ledger, health); /* what either is refused is counted */
}

static void tell_waiting(struct mxt_judging *judging)
{
    pthread_mutex_lock(&judging->lock);
    struct mxt_health health = judging->waiting;
    bool has_waiting = judging->has_waiting, is_asked_for = judging->is_waiting_asked_for;
    judging->has_waiting = judging->is_waiting_asked_for = false;
    pthread_mutex_unlock(&judging->lock);
    if (!has_waiting)
        return;
    judge_health(judging, &health);
    health.suppressed = mxt_ledger_suppressed(judging->ledger);
    health.refused += mxt_ledger_refused(judging->ledger);
    mxt_output_health(judging->output, &health, is_asked_for);
}

static void *run(void *argument)
{
    struct mxt_judging *judging = argument;
    struct mxt_parcel parcel;
    enum mxt_status status = MXT_MORE;
    mxt_confine_thread(judging->options, MXT_SANDBOX_JUDGE);
    while (status != MXT_DONE) {
        status = mxt_outbox_next(judging->outbox, LOOK_MS, &parcel);
        if (status == MXT_OK && parcel.type == MXT_PARCEL_SESSION) {
            judge(judging, &parcel);
            note_counts(judging);
        }
        tell_waiting(judging);
        if (mxt_output_status(judging->output) != MXT_OK)
            atomic_store_explicit(&judging->is_broken, true, memory_order_relaxed);
        if (judging->knowledge != NULL) /* only records teach, so here is often enough, however few frames come */
            mxt_knowledge_file_tick(judging->knowledge, time(NULL));
    }
    /* Here, since no other thread may make files. */
    judging->is_unwritten = judging->knowledge != NULL && mxt_knowledge_file_write(judging->knowledge) != MXT_OK;
    return NULL;
}

enum mxt_status mxt_judging_start(struct mxt_judging *judging, struct mxt_outbox *outbox)
{
    sigset_t all, before;
    judging->outbox = outbox;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* the thread inherits it: signals are for those who read packets */
    judging->is_running = pthread_create(&judging->thread, NULL, run, judging) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return judging->is_running ? MXT_OK : MXT_ENOMEM;
}

bool mxt_judging_is_broken(const struct mxt_judging *judging)
{
    return atomic_load_explicit(&judging->is_broken, memory_order_relaxed);
}

/* What the alerts rest on is whose networks these are. */
static void advise(const struct mxt_judging *judging, struct mxt_health *health)
{
    static const char sentence[] = "Most sessions are between networks that are not yours: say with --home-net which networks are, and with --home-domain which domains.";
    if (judging->transit * 2 <= health->sessions)
        return;
    complain(judging, sentence);
    if (health->advice == NULL)
        health->advice = sentence;
}

void mxt_judging_complete(struct mxt_judging *judging, struct mxt_health *health)
{
    pthread_mutex_lock(&judging->lock);
    const struct counts counts = judging->counts;
    pthread_mutex_unlock(&judging->lock);
    health->alerts = counts.told;
    health->suppressed = counts.suppressed;
    health->refused += counts.refused;
}

/* A newer one takes the place of one that still waits: it says all that the older would have said. */
void mxt_judging_health(struct mxt_judging *judging, const struct mxt_health *health, bool is_asked_for)
{
    pthread_mutex_lock(&judging->lock);
    judging->waiting = *health;
    judging->has_waiting = true;
    judging->is_waiting_asked_for = judging->is_waiting_asked_for || is_asked_for;
    pthread_mutex_unlock(&judging->lock);
}

void mxt_judging_finish(struct mxt_judging *judging, struct mxt_health *health)
{
    join(judging);
    judge_health(judging, health);
    mxt_ledger_alerts(judging->ledger, on_last_alert, judging); /* counts what it is refused */
    health->alerts = judging->alerts;
    health->suppressed = mxt_ledger_suppressed(judging->ledger);
    health->refused += mxt_ledger_refused(judging->ledger);
    advise(judging, health);
    mxt_output_finish(judging->output, health);
}

bool mxt_judging_conclude(struct mxt_judging *judging)
{
    bool is_well = true;
    enum mxt_status written = mxt_output_status(judging->output);
    if (written != MXT_OK) {
        char sentence[ERROR_TEXT];
        const char *why = written == MXT_EIO ? strerror(mxt_output_error(judging->output)) : mxt_strstatus(written);
        snprintf(sentence, sizeof sentence, "standard output: %s; the output is not complete", why);
        complain(judging, sentence);
        is_well = false;
    }
    return is_well && !judging->is_unwritten;
}
