/*
 * Commands that wait for their reply (RFC 5321 4.2, RFC 2920), and a mark where some went missing. Behind the mark replies belong to nothing we know, until
 * the client shows by speaking on that it has had them all.
 */
#include <stdlib.h>
#include <string.h>

#include "decoders/smtp_int.h"

#define QUEUE_FIRST 2u /* most clients wait for each reply */

static struct mxt_smtp_pending *at(struct mxt_smtp_queue *queue, uint16_t i)
{
    uint32_t place = (uint32_t)queue->head + i;
    return &queue->items[place < queue->capacity ? place : place - queue->capacity];
}

void mxt_smtp_pending_release(struct mxt_smtp_pending *pending)
{
    mxt_smtp_transaction_release(pending->transaction);
    free(pending->text);
    *pending = (struct mxt_smtp_pending){0};
}

/* Room for one more; false when memory is out. The queue is below its limit. */
static bool grow(struct mxt_smtp *smtp)
{
    struct mxt_smtp_queue *old = smtp->queue;
    if (old != NULL && old->count < old->capacity)
        return true;
    size_t capacity = old == NULL ? QUEUE_FIRST : (size_t)old->capacity * 2;
    struct mxt_smtp_queue *queue = calloc(1, sizeof *queue + capacity * sizeof queue->items[0]);
    if (queue == NULL) {
        mxt_smtp_fail(smtp);
        return false;
    }
    queue->capacity = (uint16_t)capacity;
    for (; old != NULL && queue->count < old->count; queue->count++)
        queue->items[queue->count] = *at(old, queue->count);
    free(old);
    smtp->queue = queue;
    return true;
}

static struct mxt_smtp_pending *append(struct mxt_smtp *smtp, enum mxt_smtp_verb verb, struct mxt_transaction *transaction)
{
    if (!grow(smtp))
        return NULL;
    struct mxt_smtp_pending *pending = at(smtp->queue, smtp->queue->count++);
    *pending = (struct mxt_smtp_pending){.verb = (uint8_t)verb, .transaction = mxt_smtp_transaction_hold(transaction)};
    return pending;
}

struct mxt_smtp_pending *mxt_smtp_queue_push(struct mxt_smtp *smtp, enum mxt_smtp_verb verb, struct mxt_transaction *transaction)
{
    if (smtp->queue == NULL || smtp->queue->count < smtp->limits.queue)
        return append(smtp, verb, transaction);
    mxt_smtp_queue_clear(smtp);
    mxt_smtp_queue_mark_loss(smtp);
    return NULL;
}

struct mxt_smtp_pending *mxt_smtp_queue_head(const struct mxt_smtp *smtp)
{
    return smtp->queue == NULL ? NULL : at(smtp->queue, 0);
}

struct mxt_smtp_pending *mxt_smtp_queue_find(const struct mxt_smtp *smtp, enum mxt_smtp_verb verb)
{
    for (uint16_t i = 0; smtp->queue != NULL && i < smtp->queue->count; i++)
        if (at(smtp->queue, i)->verb == verb)
            return at(smtp->queue, i);
    return NULL;
}

bool mxt_smtp_queue_has_loss(const struct mxt_smtp *smtp)
{
    return mxt_smtp_queue_find(smtp, MXT_VERB_LOST) != NULL;
}

struct mxt_smtp_pending mxt_smtp_queue_pop(struct mxt_smtp *smtp)
{
    struct mxt_smtp_queue *queue = smtp->queue;
    struct mxt_smtp_pending pending = *at(queue, 0);
    queue->head = (uint16_t)(queue->head + 1 < queue->capacity ? queue->head + 1 : 0);
    if (--queue->count == 0) {
        free(queue);
        smtp->queue = NULL;
    }
    return pending;
}

/* A reply that will not be known: the facts that it would have decided are not known any more. */
static void forget(struct mxt_smtp *smtp, const struct mxt_smtp_pending *pending)
{
    if (pending->transaction != NULL)
        pending->transaction->has_loss = true;
    if (pending->verb == MXT_VERB_RCPT)
        mxt_smtp_rcpt_unanswered(smtp, pending);
    if (!mxt_smtp_is_clear(smtp))
        return;
    switch ((enum mxt_smtp_verb)pending->verb) {
    case MXT_VERB_EHLO:
    case MXT_VERB_LHLO:
        mxt_smtp_ehlo_lost(smtp);
        break;
    case MXT_VERB_HELO:
        smtp->facts.helo_reply_code = 0;
        break;
    case MXT_VERB_STARTTLS:
    case MXT_VERB_X_ANONYMOUSTLS:
        smtp->is_starttls_open = true;
        break;
    default:
        break;
    }
}

void mxt_smtp_queue_clear(struct mxt_smtp *smtp)
{
    struct mxt_smtp_queue *queue = smtp->queue;
    smtp->queue = NULL;
    for (uint16_t i = 0; queue != NULL && i < queue->count; i++) {
        forget(smtp, at(queue, i));
        mxt_smtp_pending_release(at(queue, i));
    }
    free(queue);
    smtp->target = smtp->target == MXT_TARGET_HEAD ? MXT_TARGET_STRAY : smtp->target;
}

void mxt_smtp_queue_settle(struct mxt_smtp *smtp)
{
    for (uint16_t i = 0; smtp->queue != NULL && i < smtp->queue->count; i++)
        if (at(smtp->queue, i)->verb == MXT_VERB_RCPT)
            mxt_smtp_rcpt_unanswered(smtp, at(smtp->queue, i));
}

void mxt_smtp_queue_mark_loss(struct mxt_smtp *smtp)
{
    smtp->facts.pairing_lost = true;
    smtp->is_absorbing = false;
    if (!mxt_smtp_queue_has_loss(smtp))
        (void)append(smtp, MXT_VERB_LOST, NULL);
}

void mxt_smtp_queue_resynchronise(struct mxt_smtp *smtp, enum mxt_smtp_verb verb)
{
    if (!mxt_smtp_queue_has_loss(smtp))
        return;
    /* RFC 2920 3.1: behind certain commands a client waits; one that never pipelined waits behind each. Nobody pipelines anything before EHLO. */
    if (mxt_smtp_verb_is_greeting((uint8_t)verb) || smtp->is_after_group || (!smtp->is_pipelining && smtp->is_absorbing))
        mxt_smtp_queue_clear(smtp);
}
