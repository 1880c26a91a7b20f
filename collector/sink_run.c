/* A sink's thread: reads the streams behind its places, delivers, keeps the places. */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/sink_int.h"

#define BATCH        "64"  /* entries read at once */
#define BLOCK        "250" /* ms that a read waits for an entry: how fast a newly held partition is seen */
#define LOOK_MS      1000  /* between looks at the streams' lengths */
#define KEEP_MS      1000  /* between keepings of the place within a batch */
#define BACK_OFF_MS  500   /* before the second attempt; doubled up to the longest */
#define BACK_OFF_MAX 60000

static bool is_stopping(const struct mxt_sink *sink)
{
    return atomic_load(&sink->sinks->is_stopping);
}

static void rest(const struct mxt_sink *sink, int64_t ms)
{
    struct pollfd waiting = {.fd = sink->sinks->wake_fd, .events = POLLIN};
    poll(&waiting, 1, (int)ms);
}

static void set_failing(struct mxt_sink *sink, bool is_failing)
{
    pthread_mutex_lock(&sink->sinks->lock);
    sink->state.is_failing = is_failing;
    pthread_mutex_unlock(&sink->sinks->lock);
}

static void count(struct mxt_sink *sink, uint64_t *counter, uint64_t n)
{
    pthread_mutex_lock(&sink->sinks->lock);
    *counter += n;
    pthread_mutex_unlock(&sink->sinks->lock);
}

/* Redis is away: said once, until it is back. */
static void lose_link(struct mxt_sink *sink, const char *why)
{
    if (!sink->is_link_failing)
        mxt_sink_tell(sink->sinks, sink->config->name, "%s; its alerts wait in the stream", why);
    sink->is_link_failing = true;
    for (size_t i = 0; i < sink->place_count; i++)
        sink->places[i].is_loaded = false;
    rest(sink, BACK_OFF_MS);
}

/* The places of the partitions that are held now; those held before keep theirs. False: out of memory, tried again. */
static bool renew_places(struct mxt_sink *sink)
{
    struct mxt_sinks *sinks = sink->sinks;
    bool is_done = true;
    pthread_mutex_lock(&sinks->lock);
    if (sink->places_version != sinks->held_version) {
        struct mxt_sink_place *places = calloc(sinks->held_count + 1, sizeof *places);
        is_done = places != NULL;
        for (size_t i = 0; is_done && i < sinks->held_count; i++) {
            memcpy(places[i].prefix, sinks->held[i], sizeof places[i].prefix);
            for (size_t j = 0; j < sink->place_count; j++)
                if (strcmp(sink->places[j].prefix, places[i].prefix) == 0)
                    places[i] = sink->places[j];
        }
        if (is_done) {
            free(sink->places);
            sink->places = places;
            sink->place_count = sinks->held_count;
            sink->places_version = sinks->held_version;
        }
    }
    pthread_mutex_unlock(&sinks->lock);
    return is_done;
}

/* Compares every place with its stream; says what was lost. */
static bool look(struct mxt_sink *sink, char *why)
{
    uint64_t behind = 0, lost = 0;
    for (size_t i = 0; i < sink->place_count; i++) {
        struct mxt_sink_look found;
        if (mxt_sink_place_look(&sink->places[i], sink->link, &found, why) != MXT_OK)
            return false;
        if (found.is_anew)
            mxt_sink_tell(sink->sinks, sink->config->name, "%salerts is not the stream that it was: read from its start", sink->places[i].prefix);
        lost += found.lost;
        behind += sink->places[i].behind;
    }
    if (lost > 0)
        mxt_sink_tell(sink->sinks, sink->config->name, "%" PRIu64 " alerts were trimmed off the stream before they were delivered; raise limits: alert_stream", lost);
    pthread_mutex_lock(&sink->sinks->lock);
    sink->state.behind = behind;
    sink->state.lost += lost;
    pthread_mutex_unlock(&sink->sinks->lock);
    sink->looked_ms = mxt_sink_now_ms();
    return true;
}

static bool make_ready(struct mxt_sink *sink)
{
    char why[MXT_SINK_WHY];
    bool is_new = false;
    if (!mxt_link_is_connected(sink->link) && mxt_link_connect(sink->link) != MXT_OK) {
        lose_link(sink, mxt_link_error(sink->link));
        return false;
    }
    for (size_t i = 0; i < sink->place_count; i++) {
        if (sink->places[i].is_loaded)
            continue;
        is_new = true;
        if (mxt_sink_place_load(&sink->places[i], sink->config->name, sink->link, why) != MXT_OK) {
            lose_link(sink, why);
            return false;
        }
    }
    if ((is_new || mxt_sink_now_ms() - sink->looked_ms >= LOOK_MS) && !look(sink, why)) {
        lose_link(sink, why);
        return false;
    }
    if (sink->is_link_failing)
        mxt_sink_tell(sink->sinks, sink->config->name, "%s is back", mxt_link_name(sink->link));
    sink->is_link_failing = false;
    return true;
}

/* Delivers one alert, however long it takes. False: the program stops first, and the alert is not done with. */
static bool deliver(struct mxt_sink *sink, const struct mxt_sink_alert *alert)
{
    struct mxt_sink_result result = {.outcome = MXT_SINK_RETRY}; /* until there was an attempt */
    int64_t back_off_ms = BACK_OFF_MS;
    bool has_failed = false;
    for (unsigned attempt = 1; !is_stopping(sink); attempt++) {
        sink->driver->deliver(sink->self, alert, attempt, &sink->sinks->is_stopping, &result);
        if (result.outcome != MXT_SINK_RETRY)
            break;
        if (is_stopping(sink))
            return false;
        if (!has_failed)
            mxt_sink_tell(sink->sinks, sink->config->name, "%s; trying again", result.why);
        has_failed = true;
        set_failing(sink, true);
        count(sink, &sink->state.retries, 1);
        rest(sink, result.wait_ms > 0 ? result.wait_ms : back_off_ms);
        back_off_ms = back_off_ms * 2 > BACK_OFF_MAX ? BACK_OFF_MAX : back_off_ms * 2;
    }
    if (is_stopping(sink) && result.outcome == MXT_SINK_RETRY)
        return false;
    if (result.outcome == MXT_SINK_REFUSED)
        mxt_sink_tell(sink->sinks, sink->config->name, "%s; alert %s is not delivered", result.why, alert->id);
    else if (has_failed)
        mxt_sink_tell(sink->sinks, sink->config->name, "delivers again");
    set_failing(sink, false);
    count(sink, result.outcome == MXT_SINK_REFUSED ? &sink->state.refused : &sink->state.delivered, 1);
    return true;
}

/* What a stream's entry says; `json` NULL: it is none of ours. */
static void read_entry(const redisReply *fields, struct mxt_sink_alert *alert)
{
    for (size_t i = 0; fields->type == REDIS_REPLY_ARRAY && i + 1 < fields->elements; i += 2) {
        const redisReply *name = fields->element[i], *value = fields->element[i + 1];
        if (name->type != REDIS_REPLY_STRING || value->type != REDIS_REPLY_STRING)
            continue;
        if (strcmp(name->str, "severity") == 0)
            alert->severity = mxt_severity_from_name(value->str);
        if (strcmp(name->str, "event") == 0) {
            alert->json = value->str;
            alert->n = value->len;
        }
    }
}

static bool keep_place(struct mxt_sink *sink, const struct mxt_sink_place *place)
{
    char why[MXT_SINK_WHY];
    sink->kept_ms = mxt_sink_now_ms();
    if (sink->driver->settle != NULL && !sink->driver->settle(sink->self, why)) {
        mxt_sink_tell(sink->sinks, sink->config->name, "%s; what was written last may come again", why);
        return true;
    }
    if (mxt_sink_place_save(place, sink->config->name, sink->link, why) == MXT_OK)
        return true;
    lose_link(sink, why);
    return false;
}

/* One partition's part of what was read: [key, [[id, fields], ...]]. */
static bool take_stream(struct mxt_sink *sink, struct mxt_sink_place *place, const redisReply *entries)
{
    bool has_moved = false;
    for (size_t i = 0; i < entries->elements; i++) {
        const redisReply *entry = entries->element[i];
        char id[MXT_SINK_ID];
        if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2 || entry->element[0]->type != REDIS_REPLY_STRING ||
            entry->element[0]->len >= MXT_SINK_STREAM_ID)
            continue;
        struct mxt_sink_alert alert = {.id = id};
        snprintf(id, sizeof id, "%.12s/%s", strchr(place->prefix, '{') != NULL ? strchr(place->prefix, '{') : "", entry->element[0]->str);
        read_entry(entry->element[1], &alert);
        if (alert.json != NULL && alert.severity >= sink->config->severity && !deliver(sink, &alert))
            return !has_moved || keep_place(sink, place);
        snprintf(place->id, sizeof place->id, "%s", entry->element[0]->str);
        place->position++;
        has_moved = true;
        if (mxt_sink_now_ms() - sink->kept_ms >= KEEP_MS && !keep_place(sink, place))
            return false;
    }
    return !has_moved || keep_place(sink, place);
}

static struct mxt_sink_place *find_place(struct mxt_sink *sink, const redisReply *key)
{
    for (size_t i = 0; key->type == REDIS_REPLY_STRING && i < sink->place_count; i++) {
        size_t n = strlen(sink->places[i].prefix);
        if (strncmp(key->str, sink->places[i].prefix, n) == 0 && strcmp(key->str + n, "alerts") == 0)
            return &sink->places[i];
    }
    return NULL;
}

/* XREAD over all streams behind their places. NULL: the link broke, or out of memory. */
static redisReply *ask(const struct mxt_sink *sink)
{
    size_t n = sink->place_count, fixed = 6;
    const char **words = calloc(fixed + 2 * n, sizeof *words);
    char(*keys)[MXT_SINK_PREFIX + 8] = calloc(n, sizeof *keys);
    redisReply *reply = NULL;
    if (words != NULL && keys != NULL) {
        memcpy(words, (const char *const[]){"XREAD", "COUNT", BATCH, "BLOCK", BLOCK, "STREAMS"}, fixed * sizeof *words);
        for (size_t i = 0; i < n; i++) {
            snprintf(keys[i], sizeof keys[i], "%salerts", sink->places[i].prefix);
            words[fixed + i] = keys[i];
            words[fixed + n + i] = sink->places[i].id;
        }
        reply = mxt_link_call(sink->link, fixed + 2 * n, words, NULL);
    }
    free(keys);
    free(words);
    return reply;
}

/* Everything was read that was there: drains that were asked for before the read are seen through. */
static void note_drained(struct mxt_sink *sink, uint64_t drain)
{
    pthread_mutex_lock(&sink->sinks->lock);
    sink->drained = drain;
    pthread_mutex_unlock(&sink->sinks->lock);
}

static uint64_t drain_wanted(struct mxt_sink *sink)
{
    pthread_mutex_lock(&sink->sinks->lock);
    uint64_t drain = sink->sinks->drain;
    pthread_mutex_unlock(&sink->sinks->lock);
    return drain;
}

static void take_some(struct mxt_sink *sink)
{
    uint64_t drain = drain_wanted(sink);
    redisReply *reply = ask(sink);
    if (reply == NULL || reply->type == REDIS_REPLY_ERROR) {
        char why[MXT_LINK_ERROR];
        if (reply == NULL)
            snprintf(why, sizeof why, "%s", mxt_link_error(sink->link));
        else
            mxt_link_explain(sink->link, reply, why);
        lose_link(sink, why);
    } else if (reply->type != REDIS_REPLY_ARRAY) {
        note_drained(sink, drain);
    } else {
        for (size_t i = 0; i < reply->elements && !is_stopping(sink); i++) {
            const redisReply *stream = reply->element[i];
            bool is_whole = stream->type == REDIS_REPLY_ARRAY && stream->elements == 2 && stream->element[1]->type == REDIS_REPLY_ARRAY;
            struct mxt_sink_place *place = is_whole ? find_place(sink, stream->element[0]) : NULL;
            if (place != NULL && !take_stream(sink, place, stream->element[1]))
                break;
        }
    }
    mxt_reply_free(reply);
}

void *mxt_sink_run(void *context)
{
    struct mxt_sink *sink = context;
    while (!is_stopping(sink)) {
        uint64_t drain = drain_wanted(sink);
        if (!renew_places(sink)) {
            rest(sink, BACK_OFF_MS);
        } else if (sink->place_count == 0) {
            note_drained(sink, drain);
            rest(sink, 50);
        } else if (make_ready(sink)) {
            take_some(sink);
        }
    }
    return NULL;
}
