/* How records move: outbox, spool, what is held, window, Redis. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "collector/partition.h"
#include "sensor/publisher_int.h"

#define RETRY_FIRST_MS 100u
#define RETRY_LAST_MS 5000u
#define STOW_AT_ONCE 256u /* parcels into the spool between two looks at Redis */
#define NO_FD_WAIT_MS 5   /* where the system gives no descriptor to be woken by */
#define IDLE_MS 50

static void tell(const struct mxt_publisher *publisher, const char *sentence)
{
    publisher->config.faults->tell(publisher->config.faults->context, sentence);
}

/* Once while Redis is away, until it takes records again. */
static void tell_away(struct mxt_publisher *publisher, const char *sentence)
{
    char text[MXT_LINK_ERROR + 128];
    if (publisher->is_told_away)
        return;
    publisher->is_told_away = true;
    publisher->moved_ms = mxt_publisher_now_ms();
    snprintf(text, sizeof text, "%s; %s", sentence,
             publisher->config.spool != NULL ? "records wait in the spool until it takes them" : "records wait in memory (spool.directory would keep more of them)");
    tell(publisher, text);
}

static void tell_back(struct mxt_publisher *publisher)
{
    char text[MXT_LINK_ERROR];
    if (!publisher->is_told_away)
        return;
    publisher->is_told_away = false;
    snprintf(text, sizeof text, "%.120s: takes records again", mxt_link_name(publisher->link));
    tell(publisher, text);
}

static bool tell_full(struct mxt_publisher *publisher, enum mxt_status status)
{
    char text[MXT_LINK_ERROR];
    if (publisher->is_told_full)
        return false;
    publisher->is_told_full = true;
    const char *reason = status == MXT_ELIMIT ? "is full (spool.limit)" : status == MXT_EIO ? mxt_spool_error(publisher->config.spool) : "out of memory";
    snprintf(text, sizeof text, "the spool takes no more: %s; records wait in memory, and are lost when there is no room left", reason);
    tell(publisher, text);
    return false;
}

static bool has_stowed(struct mxt_publisher *publisher)
{
    publisher->is_told_full = false;
    publisher->counters.spooled++;
    publisher->moved_ms = mxt_publisher_now_ms();
    return true;
}

bool mxt_publisher_stow_held(struct mxt_publisher *publisher)
{
    while (publisher->held.first != NULL) {
        enum mxt_status status = publisher->config.spool == NULL ? MXT_ELIMIT : mxt_letter_spool(publisher->held.first, publisher->config.spool);
        if (status != MXT_OK)
            return publisher->config.spool != NULL && tell_full(publisher, status);
        has_stowed(publisher);
        free(mxt_letters_pop(&publisher->held));
    }
    return true;
}

/* A parcel into memory; there is nowhere else for it. */
static struct mxt_letter *hold(struct mxt_publisher *publisher, const struct mxt_parcel *parcel)
{
    struct mxt_letter *letter = mxt_letter_of(parcel);
    if (letter == NULL)
        publisher->counters.lost_queue++;
    return letter;
}

/* The outbox's next. False: there is none. */
static bool take(struct mxt_publisher *publisher, int timeout_ms, struct mxt_parcel *parcel)
{
    if (publisher->is_outbox_done)
        return false;
    enum mxt_status status = mxt_outbox_next(publisher->config.outbox, timeout_ms, parcel);
    if (status == MXT_DONE) {
        publisher->is_outbox_done = true;
        publisher->moved_ms = mxt_publisher_now_ms();
    }
    return status == MXT_OK;
}

bool mxt_publisher_stow_new(struct mxt_publisher *publisher, int timeout_ms)
{
    struct mxt_parcel parcel;
    for (unsigned i = 0; i < STOW_AT_ONCE && take(publisher, i == 0 ? timeout_ms : 0, &parcel); i++) {
        enum mxt_status status = mxt_parcel_spool(&parcel, publisher->config.spool);
        if (status != MXT_OK) {
            struct mxt_letter *letter = hold(publisher, &parcel);
            if (letter != NULL)
                mxt_letters_push(&publisher->held, letter);
            return tell_full(publisher, status);
        }
        has_stowed(publisher);
    }
    return true;
}

static bool has_unread_spool(const struct mxt_publisher *publisher)
{
    return publisher->config.spool != NULL && mxt_spool_counters(publisher->config.spool).unread > 0;
}

/* What is to be sent next, in the order of age. NULL: nothing. */
static struct mxt_letter *next_letter(struct mxt_publisher *publisher, bool *is_out_of_memory)
{
    struct mxt_letter *letter = NULL;
    struct mxt_parcel parcel;
    if (has_unread_spool(publisher)) {
        enum mxt_status status = mxt_letter_unspool(publisher->config.spool, &letter);
        *is_out_of_memory = status == MXT_ENOMEM;
        if (status != MXT_DONE)
            return letter;
    }
    if ((letter = mxt_letters_pop(&publisher->held)) != NULL)
        return letter;
    while (take(publisher, 0, &parcel))
        if ((letter = hold(publisher, &parcel)) != NULL)
            return letter;
    return NULL;
}

/* XADD to the stream of its partition. */
static enum mxt_status append(struct mxt_publisher *publisher, const struct mxt_letter *letter)
{
    static const char *const types[] = {[MXT_PARCEL_SESSION] = "session", [MXT_PARCEL_HEALTH] = "health", [MXT_PARCEL_DNS] = "dns"};
    const bool is_session = letter->type == MXT_PARCEL_SESSION;
    const char *type = letter->type < sizeof types / sizeof *types ? types[letter->type] : "unknown";
    char key[MXT_PARTITION_KEY], id[17];
    mxt_partition_key(is_session ? mxt_partition_of(&letter->server, publisher->partitions) : MXT_PARTITION_CONTROL, publisher->partitions, "events", key);
    snprintf(id, sizeof id, "%016llx", (unsigned long long)letter->session_id);
    const char *argv[] = {"XADD", key, "*", "type", type, "sensor", publisher->config.sensor, "event", letter->json, "session", id};
    const size_t lengths[] = {4, strlen(key), 1, 4, strlen(type), 6, strlen(publisher->config.sensor), 5, letter->n, 7, 16};
    return mxt_link_append(publisher->link, is_session ? 11 : 9, argv, lengths);
}

/* Sends what there is, as far as the window reaches. */
static void fill_window(struct mxt_publisher *publisher)
{
    struct mxt_letter *letter;
    bool is_out_of_memory = false;
    while (publisher->window.count < MXT_PUBLISHER_WINDOW_COUNT && publisher->window.bytes < MXT_PUBLISHER_WINDOW_BYTES &&
           (letter = next_letter(publisher, &is_out_of_memory)) != NULL) {
        mxt_letters_push(&publisher->window, letter);
        is_out_of_memory = append(publisher, letter) != MXT_OK;
        if (is_out_of_memory)
            break;
    }
    if (is_out_of_memory)
        mxt_publisher_lose(publisher, "out of memory, or of descriptors (ulimit -n)");
}

static void acknowledge(struct mxt_publisher *publisher, int64_t now_us)
{
    struct mxt_letter *letter = mxt_letters_pop(&publisher->window);
    if (letter->is_spooled)
        mxt_spool_acknowledge(publisher->config.spool, letter->place);
    else if (now_us - letter->arrived_us > (int64_t)publisher->counters.latency_us)
        publisher->counters.latency_us = (uint64_t)(now_us - letter->arrived_us);
    free(letter);
    publisher->counters.published++;
    publisher->retry_ms = 0;
    tell_back(publisher);
}

/* Takes the answers that have come; a refusal counts as Redis's absence. */
static void take_replies(struct mxt_publisher *publisher)
{
    struct timespec clock;
    redisReply *reply;
    clock_gettime(CLOCK_MONOTONIC, &clock);
    while (publisher->window.count > 0 && (reply = mxt_link_reply(publisher->link)) != NULL) {
        char text[MXT_LINK_ERROR];
        bool is_taken = reply->type == REDIS_REPLY_STRING;
        if (!is_taken)
            mxt_link_explain(publisher->link, reply, text);
        mxt_reply_free(reply);
        if (!is_taken) {
            mxt_publisher_lose(publisher, text);
            return;
        }
        acknowledge(publisher, (int64_t)clock.tv_sec * 1000000 + clock.tv_nsec / 1000);
        publisher->moved_ms = (int64_t)clock.tv_sec * 1000 + clock.tv_nsec / 1000000;
    }
}

void mxt_publisher_serve(struct mxt_publisher *publisher)
{
    fill_window(publisher);
    if (has_unread_spool(publisher) && mxt_publisher_stow_held(publisher))
        mxt_publisher_stow_new(publisher, 0);
    if (!mxt_link_is_connected(publisher->link))
        return;
    /* With a full window, or while older ones wait in the spool, the outbox is not what is waited for. */
    bool may_take = !publisher->is_outbox_done && publisher->window.count < MXT_PUBLISHER_WINDOW_COUNT && publisher->window.bytes < MXT_PUBLISHER_WINDOW_BYTES;
    int fd = may_take ? mxt_outbox_fd(publisher->config.outbox) : -1;
    enum mxt_status status = mxt_link_pump(publisher->link, may_take && fd < 0 ? NO_FD_WAIT_MS : MXT_PUBLISHER_TICK_MS, fd);
    take_replies(publisher);
    if (status != MXT_OK)
        mxt_publisher_lose(publisher, mxt_link_error(publisher->link));
}

static void reconnect(struct mxt_publisher *publisher)
{
    char error[MXT_LINK_ERROR];
    enum mxt_status status = mxt_link_connect(publisher->link);
    if (status == MXT_OK)
        status = mxt_partition_agree(publisher->link, 1, &publisher->partitions, error);
    if (status == MXT_EIO)
        memcpy(error, mxt_link_error(publisher->link), sizeof error);
    if (status != MXT_OK)
        mxt_publisher_lose(publisher, error);
}

void mxt_publisher_lose(struct mxt_publisher *publisher, const char *sentence)
{
    struct mxt_letters unspooled = {0};
    struct mxt_letter *letter;
    tell_away(publisher, sentence);
    mxt_link_close(publisher->link);
    publisher->counters.repeated += publisher->window.count;
    while ((letter = mxt_letters_pop(&publisher->window)) != NULL) {
        if (letter->is_spooled)
            free(letter);
        else
            mxt_letters_push(&unspooled, letter);
    }
    mxt_letters_prepend(&publisher->held, &unspooled);
    if (publisher->config.spool != NULL)
        mxt_spool_rewind(publisher->config.spool);
    publisher->retry_ms = publisher->retry_ms == 0 ? RETRY_FIRST_MS : publisher->retry_ms * 2;
    if (publisher->retry_ms > RETRY_LAST_MS)
        publisher->retry_ms = RETRY_LAST_MS;
    publisher->retry_at_ms = mxt_publisher_now_ms() + publisher->retry_ms;
}

void mxt_publisher_stay_away(struct mxt_publisher *publisher)
{
    int64_t left = publisher->retry_at_ms - mxt_publisher_now_ms();
    if (left <= 0) {
        reconnect(publisher);
        return;
    }
    int wait_ms = left < IDLE_MS ? (int)left : IDLE_MS;
    bool may_wait_for_outbox = publisher->config.spool != NULL && !publisher->is_outbox_done && mxt_publisher_stow_held(publisher);
    if (may_wait_for_outbox && mxt_publisher_stow_new(publisher, wait_ms))
        return;
    const struct timespec pause = {.tv_nsec = wait_ms * 1000000L};
    nanosleep(&pause, NULL);
}

void mxt_publisher_put_away(struct mxt_publisher *publisher)
{
    struct mxt_parcel parcel;
    uint64_t lost = 0;
    if (publisher->window.count > 0) {
        publisher->is_told_away = true; /* the end of our patience, not Redis's fault */
        mxt_publisher_lose(publisher, "");
    }
    mxt_link_close(publisher->link);
    if (!mxt_publisher_stow_held(publisher)) {
        lost += publisher->held.count;
        mxt_letters_clear(&publisher->held);
    }
    while (take(publisher, 0, &parcel)) {
        if (publisher->config.spool != NULL && mxt_parcel_spool(&parcel, publisher->config.spool) == MXT_OK)
            has_stowed(publisher);
        else
            lost++;
    }
    publisher->counters.lost_spool += lost;
}
