/* What a worker sends to Redis, and what it makes of the answers. */
#include <stdio.h>
#include <string.h>

#include "collector/ask.h"
#include "collector/worker_int.h"

#define WINDOW   3u    /* batches not confirmed: Redis applies one and takes in the next, while another is judged */
#define HOUSE    3u    /* what keeps house may send at once */
#define TICK_MS  10000 /* between two entries of the type `clock` */
#define GROUP_MS 2000  /* between two moves of the consumer group, which shows the lag */

static void note_sent(struct mxt_worker *worker, enum mxt_sent kind, struct mxt_stream_id cursor)
{
    worker->sent[(worker->sent_first + worker->sent_count++) % MXT_WORKER_SENT_MAX] = (struct mxt_worker_sent){.kind = kind, .cursor = cursor};
    worker->batches += kind == MXT_SENT_BATCH;
}

/* What the script says to a batch. */
static bool take_applied(struct mxt_worker *worker, const redisReply *reply, struct mxt_stream_id cursor)
{
    char sentence[MXT_KEEPER_ERROR];
    if (mxt_link_is_error(reply, MXT_SCRIPT_FENCED) || mxt_link_is_error(reply, MXT_SCRIPT_STALE))
        return mxt_worker_give_up(worker, MXT_WORKER_LOST, strchr(reply->str, ' ') + 1);
    if (reply->type != REDIS_REPLY_ARRAY) {
        if (mxt_link_is_error(reply, MXT_SCRIPT_WRONGKEY))
            mxt_script_explain_key(worker->writer, reply->str + strlen(MXT_SCRIPT_WRONGKEY) + 1, sentence);
        else
            mxt_link_explain(worker->writer, reply, sentence);
        return mxt_worker_give_up(worker, MXT_WORKER_BROKEN, sentence);
    }
    if (reply->elements > 0 && mxt_reply_is_text(reply->element[0], NULL)) {
        snprintf(sentence, sizeof sentence, "%.120s and %zu more keys of ours held something else than a hash: they were replaced", reply->element[0]->str,
                 reply->elements - 1);
        worker->config.faults->tell(worker->config.faults->context, sentence);
    }
    worker->renewed_ms = mxt_worker_now_ms();
    pthread_mutex_lock(&worker->lock);
    worker->counters.batches++;
    worker->counters.applied = cursor;
    pthread_mutex_unlock(&worker->lock);
    return true;
}

static bool take_reply(struct mxt_worker *worker, const redisReply *reply)
{
    struct mxt_worker_sent sent = worker->sent[worker->sent_first];
    worker->sent_first = (worker->sent_first + 1) % MXT_WORKER_SENT_MAX;
    worker->sent_count--;
    worker->batches -= sent.kind == MXT_SENT_BATCH;
    switch (sent.kind) {
    case MXT_SENT_BATCH: return take_applied(worker, reply, sent.cursor);
    case MXT_SENT_LEASE:
        if (reply->type == REDIS_REPLY_INTEGER && reply->integer == 1)
            return true;
        return mxt_worker_give_up(worker, MXT_WORKER_LOST, "the lease ran out");
    case MXT_SENT_OTHER: break; /* the clock and the group: told by the next batch, if anything is wrong */
    }
    return true;
}

bool mxt_worker_pump(struct mxt_worker *worker, int timeout_ms)
{
    redisReply *reply;
    bool is_well = true;
    enum mxt_status status = mxt_link_pump(worker->writer, timeout_ms, -1);
    while (is_well && worker->sent_count > 0 && (reply = mxt_link_reply(worker->writer)) != NULL) {
        is_well = take_reply(worker, reply);
        mxt_reply_free(reply);
    }
    return is_well && (status == MXT_OK || mxt_worker_break(worker, worker->writer));
}

/* At most so many batches are unconfirmed, which bounds what is not even sent. */
static bool settle(struct mxt_worker *worker, size_t batches)
{
    do {
        if (!mxt_worker_pump(worker, 0))
            return false;
        if (worker->batches > batches || worker->sent_count >= MXT_WORKER_SENT_MAX - HOUSE) {
            if (!mxt_worker_pump(worker, MXT_WORKER_WAIT_MS))
                return false;
        } else {
            return true;
        }
    } while (true);
}

/* Sends one of the small scripts, or a command. */
static bool send_words(struct mxt_worker *worker, enum mxt_sent kind, size_t argc, const char *const *argv)
{
    if (mxt_link_append(worker->writer, argc, argv, NULL) != MXT_OK)
        return mxt_worker_break(worker, worker->writer);
    note_sent(worker, kind, (struct mxt_stream_id){0});
    return settle(worker, WINDOW);
}

bool mxt_worker_keep_house(struct mxt_worker *worker)
{
    char lease[MXT_WORKER_KEY], events[MXT_WORKER_KEY], ms[MXT_WORKER_NUMBER], cursor[MXT_STREAM_ID_TEXT];
    int64_t now = mxt_worker_now_ms();
    mxt_worker_key(worker, "lease", lease);
    mxt_worker_key(worker, "events", events);
    if (now - worker->renewed_ms >= MXT_WORKER_RENEW_MS) {
        worker->renewed_ms = now;
        snprintf(ms, sizeof ms, "%u", MXT_LEASE_MS);
        if (!send_words(worker, MXT_SENT_LEASE, 6, (const char *const[]){"EVALSHA", worker->scripts.sha[MXT_SCRIPT_RENEW], "1", lease, worker->config.lease, ms}))
            return false;
    }
    if (!worker->config.options->is_once && now - worker->ticked_ms >= TICK_MS) {
        worker->ticked_ms = now;
        if (!send_words(worker, MXT_SENT_OTHER, 6, (const char *const[]){"EVALSHA", worker->scripts.sha[MXT_SCRIPT_TICK], "2", lease, events, worker->config.lease}))
            return false;
    }
    if (now - worker->grouped_ms >= GROUP_MS && worker->has_cursor) {
        worker->grouped_ms = now;
        mxt_stream_id_format(worker->last_sent, cursor);
        return send_words(worker, MXT_SENT_OTHER, 5, (const char *const[]){"XGROUP", "SETID", events, MXT_WORKER_GROUP, cursor});
    }
    return true;
}

bool mxt_worker_send(struct mxt_worker *worker)
{
    char before[MXT_STREAM_ID_TEXT] = "", after[MXT_STREAM_ID_TEXT] = "";
    struct mxt_batch_terms terms = {.lease = worker->config.lease, .lease_ms = MXT_LEASE_MS, .old_cursor = before, .new_cursor = after};
    const char *const *argv;
    const size_t *lengths;
    size_t argc;
    if (worker->has_cursor)
        mxt_stream_id_format(worker->last_sent, before);
    mxt_stream_id_format(worker->read, after);
    if (mxt_keeper_command(worker->keeper, worker->scripts.sha[MXT_SCRIPT_APPLY], &terms, &argc, &argv, &lengths) != MXT_OK)
        return mxt_worker_give_up(worker, MXT_WORKER_BROKEN, "out of memory");
    enum mxt_status status = mxt_link_append(worker->writer, argc, argv, lengths);
    mxt_keeper_sent(worker->keeper);
    if (status != MXT_OK)
        return status == MXT_ENOMEM ? mxt_worker_give_up(worker, MXT_WORKER_BROKEN, "out of memory") : mxt_worker_break(worker, worker->writer);
    note_sent(worker, MXT_SENT_BATCH, worker->read);
    worker->last_sent = worker->read;
    worker->has_cursor = true;
    mxt_worker_publish(worker);
    return settle(worker, WINDOW - 1);
}

