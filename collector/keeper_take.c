/* What each type of entry means. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/ask.h"
#include "collector/keeper_int.h"
#include "rules/event.h"

#define REJECTED_BYTES (64u << 10) /* of an event that is kept to be looked at */
#define REJECTED_NAME  256u        /* of its type and names */
#define BY_BYTES       256u        /* of the name of a person who did something to an alert */
#define REJECT_FIELDS  5
#define US_PER_MS      1000u

/* When the entry arrived. Whoever may add to a stream may choose its ids: one beyond all times is the end of all times. */
static int64_t time_of(struct mxt_stream_id id)
{
    return id.ms < (uint64_t)MXT_JSON_TIME_MAX_US / US_PER_MS ? (int64_t)(id.ms * US_PER_MS) : MXT_JSON_TIME_MAX_US;
}

static enum mxt_status take_session(struct mxt_keeper *keeper, const redisReply *fields, char *why)
{
    const redisReply *event = mxt_reply_field(fields, "event");
    struct mxt_record record;
    if (!mxt_reply_is_text(event, NULL)) {
        snprintf(why, MXT_KEEPER_ERROR, "it has no field `event`");
        return MXT_EMALFORMED;
    }
    enum mxt_status status = mxt_event_decode_record(event->str, event->len, &keeper->arena, &record, why, MXT_KEEPER_ERROR);
    if (status != MXT_OK) {
        if (status == MXT_ENOMEM)
            snprintf(why, MXT_KEEPER_ERROR, "it takes more memory than a record may");
        return MXT_EMALFORMED;
    }
    status = mxt_ledger_take(keeper->ledger, &record, event->str, event->len, &keeper->arena);
    keeper->counters.records += status != MXT_DONE;
    keeper->counters.skipped += status == MXT_DONE;
    return MXT_OK; /* what memory refused the ledger has counted */
}

/* How a sensor fares. */
static enum mxt_status take_health(struct mxt_keeper *keeper, const redisReply *fields, char *why)
{
    const redisReply *event = mxt_reply_field(fields, "event");
    struct mxt_health health;
    if (!mxt_reply_is_text(event, NULL)) {
        snprintf(why, MXT_KEEPER_ERROR, "it has no field `event`");
        return MXT_EMALFORMED;
    }
    enum mxt_status status = mxt_event_decode_health(event->str, event->len, &keeper->arena, &health, why, MXT_KEEPER_ERROR);
    if (status == MXT_ENOMEM)
        snprintf(why, MXT_KEEPER_ERROR, "it takes more memory than a health may");
    return status == MXT_OK ? mxt_ledger_health(keeper->ledger, &health) : MXT_EMALFORMED;
}

static bool read_alert_id(const redisReply *text, uint64_t *out)
{
    char *end;
    if (!mxt_reply_is_text(text, NULL) || text->len != 16 || strspn(text->str, "0123456789abcdef") != 16)
        return false;
    *out = strtoull(text->str, &end, 16);
    return true;
}

/* What a person does to an alert: {command: ack | close, alert: ID, by: USER}. */
static enum mxt_status take_command(struct mxt_keeper *keeper, const redisReply *fields, char *why)
{
    const redisReply *command = mxt_reply_field(fields, "command"), *alert = mxt_reply_field(fields, "alert"), *by = mxt_reply_field(fields, "by");
    const bool is_close = mxt_reply_is_text(command, "close");
    uint64_t id;
    char at[MXT_JSON_TIME];
    if (!is_close && !mxt_reply_is_text(command, "ack")) {
        snprintf(why, MXT_KEEPER_ERROR, "its `command` is neither ack nor close");
        return MXT_EMALFORMED;
    }
    if (!read_alert_id(alert, &id)) {
        snprintf(why, MXT_KEEPER_ERROR, "its `alert` is no alert's id (16 hex digits)");
        return MXT_EMALFORMED;
    }
    if (mxt_keeper_drain(keeper) != MXT_OK) /* what came before is written before */
        return MXT_ENOMEM;
    if (is_close && mxt_ledger_close_alert(keeper->ledger, id) == MXT_ENOMEM)
        return MXT_ENOMEM;
    mxt_json_time_format(time_of(keeper->entry), at);
    const char *status = is_close ? "closed" : "acknowledged";
    const size_t by_n = mxt_reply_is_text(by, NULL) ? by->len : 0;
    const struct mxt_field put[] = {
        {.name = "status", .value = status, .n = strlen(status)},
        {.name = "by", .value = by_n > 0 ? by->str : "", .n = by_n < BY_BYTES ? by_n : BY_BYTES},
        {.name = "at", .value = at, .n = strlen(at)},
    };
    mxt_batch_put(keeper->batch, MXT_PUT_PRESENT, MXT_CLASS_ALERT, alert->str, 0, put, sizeof put / sizeof *put);
    return MXT_OK;
}

/* `take` NULL: nothing is to be done. A clock is there for its id; names are known to come. */
static const struct {
    const char *type;
    enum mxt_status (*take)(struct mxt_keeper *keeper, const redisReply *fields, char *why);
} types[] = {{"session", take_session}, {"health", take_health}, {"dns", NULL}, {"clock", NULL}, {"command", take_command}};

static enum mxt_status take(struct mxt_keeper *keeper, const redisReply *fields, char *why)
{
    const redisReply *type = mxt_reply_field(fields, "type");
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (mxt_reply_is_text(type, types[i].type))
            return types[i].take == NULL ? MXT_OK : types[i].take(keeper, fields, why);
    snprintf(why, MXT_KEEPER_ERROR, type == NULL ? "it has no field `type`" : "its `type` is not known: is the sensor newer than this collector?");
    return MXT_EMALFORMED;
}

/* Keeps an entry that was not understood, for a person to see. */
static void reject(struct mxt_keeper *keeper, const redisReply *fields, const char *why)
{
    static const struct {
        const char *name;
        size_t most; /* bytes that are kept: whoever sends what cannot be read sends anything */
    } copied[] = {{"type", REJECTED_NAME}, {"sensor", REJECTED_NAME}, {"session", REJECTED_NAME}, {"event", REJECTED_BYTES}};
    struct mxt_field put[REJECT_FIELDS] = {{.name = "reason", .value = why, .n = strlen(why)}};
    size_t count = 1;
    for (size_t i = 0; i < sizeof copied / sizeof *copied; i++) {
        const redisReply *value = mxt_reply_field(fields, copied[i].name);
        if (mxt_reply_is_text(value, NULL))
            put[count++] = (struct mxt_field){.name = copied[i].name, .value = value->str, .n = value->len < copied[i].most ? value->len : copied[i].most};
    }
    struct mxt_stream_id id = keeper->entry;
    if (keeper->rejected.is_there && mxt_stream_id_compare(id, keeper->rejected.last) <= 0)
        id = mxt_stream_id_next(keeper->rejected.last);
    keeper->rejected = (struct mxt_stream_end){.is_there = true, .last = id};
    mxt_batch_add(keeper->batch, "rejected", id, keeper->config.options->limits.rejected, put, count);
    keeper->counters.rejected++;
    const redisReply *sensor = mxt_reply_field(fields, "sensor");
    if (mxt_ledger_reject(keeper->ledger, mxt_reply_is_text(sensor, NULL) ? sensor->str : NULL, why) != MXT_OK)
        keeper->has_failed = true;
}

/* Says once that something is missing: the number goes on in the metrics. */
static void tell_refused(struct mxt_keeper *keeper)
{
    const struct mxt_faults *faults = keeper->config.faults;
    char sentence[MXT_KEEPER_ERROR];
    if (keeper->has_told_refused || mxt_ledger_refused(keeper->ledger) == 0)
        return;
    keeper->has_told_refused = true;
    snprintf(sentence, sizeof sentence, "%s*: memory or a bound refused part of what a record says, and it is missing: is a session told by more sensors than 16, "
             "is memory short? (more of this in mxtap_collector_refused_total)", keeper->config.prefix);
    faults->tell(faults->context, sentence);
}

enum mxt_status mxt_keeper_take(struct mxt_keeper *keeper, struct mxt_stream_id id, const redisReply *fields)
{
    char why[MXT_KEEPER_ERROR] = "";
    keeper->entry = id;
    keeper->told = 0;
    keeper->counters.entries++;
    if (mxt_ledger_clock(keeper->ledger, time_of(id)) != MXT_OK)
        return MXT_ENOMEM;
    enum mxt_status status = take(keeper, fields, why);
    if (status == MXT_EMALFORMED) {
        reject(keeper, fields, why);
        status = MXT_OK;
    }
    mxt_keeper_forget_entry(keeper);
    tell_refused(keeper);
    return keeper->has_failed ? MXT_ENOMEM : status;
}
