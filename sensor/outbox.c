/*
 * A list of cells under one lock. Outside the lock events are copied into cells, which are used again, and encoded by the consumer; what is lent is not copied. Waking a thread costs more than
 * all the rest, so a producer wakes the consumer once for many parcels (`wake_at`), and the consumer lets waiting producers go on when half of the room is free.
 */
#include "sensor/outbox.h"

#include <errno.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "sensor/community_id.h"

#define SPARES        1024u       /* empty cells kept */
#define CELL_BYTES    4096u       /* hold most records; what a larger one takes is given back */
#define RECORD_BYTES  (64u << 20) /* a copied record may take: all of MXT_JSON_MAX as text, and its lists */
#define LINGER_COUNT  64u         /* parcels that end the consumer's lingering */
#define LINGER_MS     2
#define NS_PER_MS     1000000L
#define NS_PER_S      1000000000L

struct cell {
    struct cell *next;
    struct mxt_parcel parcel;
    struct mxt_record record;
    struct mxt_loan loan;   /* give_back NULL: the record is a copy, */
    struct mxt_arena arena; /* in here; begins in `first` */
    char community_id[MXT_COMMUNITY_ID_TEXT];
    alignas(max_align_t) uint8_t first[CELL_BYTES];
};

struct mxt_outbox {
    pthread_mutex_t lock;
    pthread_cond_t filled; /* the consumer waits for it */
    pthread_cond_t emptied; /* producers that found no room wait for it */
    enum mxt_outbox_when_full when_full;
    size_t room;
    bool is_closed;
    struct cell *first, **last; /* parcels in order */
    struct cell *in_hand;       /* the consumer's, or NULL */
    struct cell *spare;
    size_t spares;
    size_t wake_at; /* parcels waiting at which the consumer wants to be woken; 0: it does not wait */
    size_t waiting; /* producers that found no room */
    int fd;         /* -1: nobody asked for it */
    bool is_lit;    /* the descriptor is readable */
    struct mxt_outbox_counters counters;
    struct mxt_json json; /* the consumer's: the parcel in hand, encoded */
};

struct mxt_outbox *mxt_outbox_new(size_t bytes, enum mxt_outbox_when_full when_full)
{
    struct mxt_outbox *outbox = calloc(1, sizeof *outbox);
    if (outbox == NULL)
        return NULL;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&outbox->lock, NULL);
    pthread_cond_init(&outbox->filled, &monotonic);
    pthread_cond_init(&outbox->emptied, NULL);
    pthread_condattr_destroy(&monotonic);
    outbox->when_full = when_full;
    outbox->room = bytes;
    outbox->last = &outbox->first;
    outbox->fd = -1;
    return outbox;
}

/* Lets go what the cell holds. */
static void empty(struct cell *cell)
{
    mxt_arena_free(&cell->arena);
    if (cell->loan.give_back != NULL)
        cell->loan.give_back(cell->loan.owner, cell->loan.what);
    cell->loan.give_back = NULL;
}

static void free_cells(struct cell *cell)
{
    while (cell != NULL) {
        struct cell *next = cell->next;
        empty(cell);
        free(cell);
        cell = next;
    }
}

void mxt_outbox_free(struct mxt_outbox *outbox)
{
    if (outbox == NULL)
        return;
    free_cells(outbox->first);
    free_cells(outbox->in_hand);
    free_cells(outbox->spare);
    mxt_json_free(&outbox->json);
    if (outbox->fd >= 0)
        close(outbox->fd);
    pthread_cond_destroy(&outbox->filled);
    pthread_cond_destroy(&outbox->emptied);
    pthread_mutex_destroy(&outbox->lock);
    free(outbox);
}

static size_t memory_of(const struct cell *cell)
{
    return sizeof *cell - sizeof cell->first + cell->arena.reserved + (cell->loan.give_back != NULL ? cell->loan.bytes : 0);
}

/* Under the lock. */
static void keep_empty(struct mxt_outbox *outbox, struct cell *cell)
{
    if (outbox->spares >= SPARES) {
        cell->next = NULL;
        free_cells(cell);
        return;
    }
    empty(cell);
    cell->next = outbox->spare;
    outbox->spare = cell;
    outbox->spares++;
}

/* An empty cell for an event; NULL: out of memory, or closed, so that nothing is copied for nobody. */
static struct cell *take_empty(struct mxt_outbox *outbox, enum mxt_status *status)
{
    pthread_mutex_lock(&outbox->lock);
    struct cell *cell = outbox->is_closed ? NULL : outbox->spare;
    *status = outbox->is_closed ? MXT_DONE : MXT_OK;
    if (cell != NULL) {
        outbox->spare = cell->next;
        outbox->spares--;
    }
    pthread_mutex_unlock(&outbox->lock);
    if (cell == NULL && *status == MXT_OK && (cell = malloc(sizeof *cell)) == NULL)
        *status = MXT_ENOMEM;
    if (cell != NULL) {
        cell->next = NULL;
        cell->loan.give_back = NULL;
        mxt_arena_init(&cell->arena, RECORD_BYTES);
    }
    return cell;
}

/* Under the lock. An eventfd's write can fail only where its count would overflow: it is readable then. */
static void light(struct mxt_outbox *outbox)
{
    if (outbox->fd >= 0 && !outbox->is_lit)
        outbox->is_lit = eventfd_write(outbox->fd, 1) == 0 || errno == EAGAIN;
}

static void put_out(struct mxt_outbox *outbox)
{
    eventfd_t count;
    if (outbox->is_lit && (eventfd_read(outbox->fd, &count) == 0 || errno == EAGAIN))
        outbox->is_lit = false;
}

static bool has_room(const struct mxt_outbox *outbox, size_t bytes)
{
    return outbox->counters.bytes == 0 || outbox->counters.bytes + bytes <= outbox->room;
}

static size_t count_waiting(const struct mxt_outbox *outbox)
{
    return (size_t)outbox->counters.parcels - (outbox->in_hand != NULL);
}

static void append(struct mxt_outbox *outbox, struct cell *cell)
{
    *outbox->last = cell;
    outbox->last = &cell->next;
    outbox->counters.parcels++;
    outbox->counters.bytes += memory_of(cell);
    light(outbox);
    if (outbox->wake_at > 0 && count_waiting(outbox) >= outbox->wake_at) {
        outbox->wake_at = 0;
        pthread_cond_signal(&outbox->filled);
    }
}

/* `status` is what copying came to. Takes the cell, which may be NULL. */
static enum mxt_status put(struct mxt_outbox *outbox, struct cell *cell, enum mxt_status status)
{
    pthread_mutex_lock(&outbox->lock);
    while (status == MXT_OK && !outbox->is_closed && !has_room(outbox, memory_of(cell)) && outbox->when_full == MXT_OUTBOX_WAIT) {
        outbox->waiting++;
        pthread_cond_wait(&outbox->emptied, &outbox->lock);
        outbox->waiting--;
    }
    if (status == MXT_OK && (outbox->is_closed || !has_room(outbox, memory_of(cell))))
        status = MXT_DONE;
    if (status == MXT_OK) {
        append(outbox, cell);
    } else {
        outbox->counters.lost++;
        if (cell != NULL)
            keep_empty(outbox, cell);
    }
    pthread_mutex_unlock(&outbox->lock);
    return status;
}

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static struct mxt_parcel parcel_of(const struct cell *cell)
{
    return (struct mxt_parcel){.type = MXT_PARCEL_SESSION,
                               .session_id = cell->record.session_id,
                               .server = cell->record.dest_ip,
                               .arrived_us = now_us(),
                               .record = &cell->record};
}

enum mxt_status mxt_outbox_record(struct mxt_outbox *outbox, const struct mxt_record *record)
{
    enum mxt_status status;
    struct cell *cell = take_empty(outbox, &status);
    if (cell != NULL) {
        mxt_arena_init_with(&cell->arena, RECORD_BYTES, cell->first, sizeof cell->first);
        status = mxt_event_copy_record(record, &cell->arena, &cell->record);
        cell->parcel = parcel_of(cell);
    }
    return put(outbox, cell, status);
}

enum mxt_status mxt_outbox_lend(struct mxt_outbox *outbox, const struct mxt_record *record, const struct mxt_loan *loan)
{
    enum mxt_status status;
    struct cell *cell = take_empty(outbox, &status);
    if (cell != NULL) {
        cell->loan = *loan;
        cell->record = *record;
        cell->parcel = parcel_of(cell);
    } else {
        loan->give_back(loan->owner, loan->what);
    }
    return put(outbox, cell, status);
}

/* Health is rare: it is encoded at once. */
enum mxt_status mxt_outbox_health(struct mxt_outbox *outbox, const struct mxt_health *health)
{
    enum mxt_status status;
    struct mxt_json json = {.text = NULL};
    struct cell *cell = take_empty(outbox, &status);
    if (cell != NULL && (status = mxt_event_encode_health(&json, health)) == MXT_OK) {
        cell->parcel = (struct mxt_parcel){
            .type = MXT_PARCEL_HEALTH, .arrived_us = now_us(), .json = mxt_arena_copy(&cell->arena, json.text, json.length), .n = json.length};
        if (cell->parcel.json == NULL)
            status = MXT_ENOMEM;
    }
    mxt_json_free(&json);
    return put(outbox, cell, status);
}

/* The consumer is through with what it had. */
static void release(struct mxt_outbox *outbox)
{
    struct cell *cell = outbox->in_hand;
    if (cell == NULL)
        return;
    outbox->in_hand = NULL;
    outbox->counters.parcels--;
    outbox->counters.bytes -= memory_of(cell);
    keep_empty(outbox, cell);
    if (outbox->waiting > 0 && outbox->counters.bytes <= outbox->room / 2)
        pthread_cond_broadcast(&outbox->emptied);
}

static struct timespec after(int ms)
{
    struct timespec when;
    clock_gettime(CLOCK_MONOTONIC, &when);
    when.tv_sec += ms / 1000;
    when.tv_nsec += ms % 1000 * NS_PER_MS;
    if (when.tv_nsec >= NS_PER_S) {
        when.tv_sec++;
        when.tv_nsec -= NS_PER_S;
    }
    return when;
}

/* Until `count` parcels are there, it is closed, or the time is over. */
static void wait_for(struct mxt_outbox *outbox, size_t count, int timeout_ms)
{
    const struct timespec end = after(timeout_ms < 0 ? 0 : timeout_ms);
    int error = 0;
    while (count_waiting(outbox) < count && !outbox->is_closed && error == 0) {
        outbox->wake_at = count;
        error = timeout_ms < 0 ? pthread_cond_wait(&outbox->filled, &outbox->lock) : pthread_cond_timedwait(&outbox->filled, &outbox->lock, &end);
    }
    outbox->wake_at = 0;
}

/* The next parcel in hand. As mxt_outbox_next. */
static enum mxt_status take(struct mxt_outbox *outbox, int timeout_ms)
{
    enum mxt_status status = MXT_OK;
    pthread_mutex_lock(&outbox->lock);
    release(outbox);
    if (outbox->first == NULL && timeout_ms != 0) {
        wait_for(outbox, 1, timeout_ms);
        if (outbox->first != NULL)
            wait_for(outbox, LINGER_COUNT, LINGER_MS);
    }
    struct cell *cell = outbox->first;
    if (cell != NULL) {
        outbox->first = cell->next;
        if (outbox->first == NULL)
            outbox->last = &outbox->first;
        cell->next = NULL;
        outbox->in_hand = cell;
    } else if (outbox->is_closed) {
        status = MXT_DONE;
    } else {
        status = MXT_MORE;
        put_out(outbox);
    }
    pthread_mutex_unlock(&outbox->lock);
    return status;
}

/* False: out of memory. */
static bool encode(struct mxt_outbox *outbox, struct cell *cell, struct mxt_parcel *parcel)
{
    if (parcel->type != MXT_PARCEL_SESSION)
        return true;
    mxt_community_id(&cell->record.src_ip, cell->record.src_port, &cell->record.dest_ip, cell->record.dest_port, cell->community_id);
    cell->record.community_id = cell->community_id;
    mxt_json_reset(&outbox->json);
    if (mxt_event_encode_record(&outbox->json, parcel->record) != MXT_OK)
        return false;
    parcel->json = mxt_json_end(&outbox->json);
    parcel->n = outbox->json.length;
    return parcel->json != NULL;
}

enum mxt_status mxt_outbox_next(struct mxt_outbox *outbox, int timeout_ms, struct mxt_parcel *out)
{
    for (;;) {
        enum mxt_status status = take(outbox, timeout_ms);
        if (status != MXT_OK)
            return status;
        *out = outbox->in_hand->parcel;
        if (encode(outbox, outbox->in_hand, out))
            return MXT_OK;
        pthread_mutex_lock(&outbox->lock);
        outbox->counters.lost++;
        pthread_mutex_unlock(&outbox->lock);
    }
}

int mxt_outbox_fd(struct mxt_outbox *outbox)
{
    pthread_mutex_lock(&outbox->lock);
    if (outbox->fd < 0) {
        outbox->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (outbox->first != NULL || outbox->is_closed)
            light(outbox);
    }
    int fd = outbox->fd;
    pthread_mutex_unlock(&outbox->lock);
    return fd;
}

void mxt_outbox_wait_when_full(struct mxt_outbox *outbox)
{
    pthread_mutex_lock(&outbox->lock);
    outbox->when_full = MXT_OUTBOX_WAIT;
    pthread_mutex_unlock(&outbox->lock);
}

void mxt_outbox_close(struct mxt_outbox *outbox)
{
    pthread_mutex_lock(&outbox->lock);
    outbox->is_closed = true;
    light(outbox);
    pthread_cond_broadcast(&outbox->filled);
    pthread_cond_broadcast(&outbox->emptied);
    pthread_mutex_unlock(&outbox->lock);
}

struct mxt_outbox_counters mxt_outbox_counters(struct mxt_outbox *outbox)
{
    pthread_mutex_lock(&outbox->lock);
    struct mxt_outbox_counters counters = outbox->counters;
    pthread_mutex_unlock(&outbox->lock);
    return counters;
}
