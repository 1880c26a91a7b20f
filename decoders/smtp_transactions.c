/*
 * Messages (RFC 5321 3.3): from MAIL on, shared by the commands that wait for their replies, the client's state and the list of facts. A transaction
 * enters the facts when its MAIL is accepted, a recipient is, or content crosses.
 */
#include <stdlib.h>
#include <string.h>

#include "decoders/smtp_int.h"

static bool is_positive(uint16_t code)
{
    return code >= 200 && code < 300;
}

struct mxt_transaction *mxt_smtp_transaction_new(struct mxt_smtp *smtp)
{
    struct mxt_transaction *transaction = calloc(1, sizeof *transaction);
    if (transaction == NULL) {
        mxt_smtp_fail(smtp);
        return NULL;
    }
    mxt_arena_init(&transaction->arena, MXT_SMTP_MESSAGE_ARENA);
    transaction->references = 1;
    return transaction;
}

struct mxt_transaction *mxt_smtp_transaction_hold(struct mxt_transaction *transaction)
{
    if (transaction != NULL)
        transaction->references++;
    return transaction;
}

void mxt_smtp_transaction_release(struct mxt_transaction *transaction)
{
    while (transaction != NULL && --transaction->references == 0) {
        struct mxt_transaction *outer = transaction->outer;
        mxt_arena_free(&transaction->arena);
        free(transaction);
        transaction = outer;
    }
}

/* A transaction that was given up before the end of its content: what did not cross, and that nobody took it, is known, unless something went missing. */
static void settle(struct mxt_transaction *transaction)
{
    struct mxt_message *message = &transaction->message;
    if (!transaction->is_closed || transaction->has_loss)
        return;
    if (message->exposed == MXT_UNKNOWN && message->bytes == 0)
        message->exposed = MXT_NO;
    if (message->delivered == MXT_UNKNOWN)
        message->delivered = MXT_NO;
}

void mxt_smtp_transaction_detach(struct mxt_smtp *smtp)
{
    mxt_smtp_transaction_release(smtp->transaction);
    smtp->transaction = NULL;
}

void mxt_smtp_transaction_close(struct mxt_smtp *smtp, bool has_loss)
{
    struct mxt_transaction *transaction = smtp->transaction;
    if (transaction == NULL)
        return;
    transaction->has_loss = transaction->has_loss || has_loss;
    transaction->is_closed = true;
    if (transaction->is_linked)
        settle(transaction);
    mxt_smtp_transaction_detach(smtp);
}

/* What a message takes is counted when the next one begins: by then it grows no more, but for a late reply. */
static void count_last(struct mxt_smtp *smtp)
{
    struct mxt_transaction *last = (struct mxt_transaction *)smtp->last_message;
    if (last == NULL || last->counted != 0)
        return;
    last->counted = (uint32_t)sizeof *last + last->arena.reserved;
    smtp->messages_bytes += last->counted;
}

/* The list keeps the latest. */
static void drop_oldest(struct mxt_smtp *smtp)
{
    struct mxt_message *oldest = smtp->facts.messages;
    smtp->facts.messages = oldest->next;
    oldest->next = NULL;
    if (smtp->last_message == oldest)
        smtp->last_message = NULL;
    smtp->messages_kept--;
    smtp->messages_bytes -= ((struct mxt_transaction *)oldest)->counted;
    mxt_smtp_transaction_release((struct mxt_transaction *)oldest);
}

void mxt_smtp_transaction_link(struct mxt_smtp *smtp, struct mxt_transaction *transaction)
{
    if (transaction == NULL || transaction->is_linked)
        return;
    struct mxt_message *message = &transaction->message;
    transaction->is_linked = true;
    message->index = smtp->facts.messages_total++;
    settle(transaction);
    if (smtp->facts.starttls.requested == MXT_UNKNOWN && smtp->tls_mode == MXT_TLS_NONE && !smtp->has_client_gap && !smtp->is_midstream)
        smtp->facts.starttls.requested = MXT_NO;
    if (smtp->limits.messages == 0)
        return;
    count_last(smtp);
    if (smtp->messages_kept >= smtp->limits.messages)
        drop_oldest(smtp);
    if (smtp->last_message == NULL)
        smtp->facts.messages = message;
    else
        smtp->last_message->next = message;
    smtp->last_message = message;
    smtp->messages_kept++;
    (void)mxt_smtp_transaction_hold(transaction);
}

void mxt_smtp_messages_free(struct mxt_smtp *smtp)
{
    while (smtp->facts.messages != NULL)
        drop_oldest(smtp);
}

/* The address as it is kept; the message's arena is bounded, what it refuses is only counted. */
static const char *keep_address(const struct mxt_smtp *smtp, struct mxt_transaction *transaction, struct mxt_smtp_word address)
{
    if (smtp->limits.drop_local_parts)
        address = mxt_smtp_word_domain(address);
    return mxt_text_keep(&transaction->arena, address.p, address.n, smtp->limits.text);
}

void mxt_smtp_mail_sent(struct mxt_smtp *smtp, const uint8_t *argument, size_t n)
{
    struct mxt_transaction *transaction = mxt_smtp_transaction_new(smtp);
    if (transaction == NULL)
        return;
    transaction->message.mail_from = keep_address(smtp, transaction, mxt_smtp_word_address(argument, n));
    if (transaction->message.mail_from == NULL)
        mxt_smtp_fail(smtp);
    /* A MAIL inside a MAIL is refused as a rule, and the outer one goes on; but outer ones do not pile up. */
    if (smtp->transaction != NULL && smtp->transaction->outer == NULL)
        transaction->outer = mxt_smtp_transaction_hold(smtp->transaction);
    mxt_smtp_transaction_detach(smtp);
    smtp->transaction = transaction;
    (void)mxt_smtp_queue_push(smtp, MXT_VERB_MAIL, transaction);
}

void mxt_smtp_mail_replied(struct mxt_smtp *smtp, struct mxt_transaction *transaction, uint16_t code)
{
    struct mxt_transaction *outer = transaction->outer;
    transaction->outer = NULL;
    if (is_positive(code)) {
        mxt_smtp_transaction_link(smtp, transaction);
        if (outer != NULL) {
            outer->is_closed = true;
            settle(outer);
        }
    } else if (!transaction->is_linked) {
        transaction->is_refused = true;
        transaction->message.mail_from = NULL;
        if (smtp->transaction == transaction) {
            mxt_smtp_transaction_detach(smtp);
            smtp->transaction = mxt_smtp_transaction_hold(outer);
        }
    }
    mxt_smtp_transaction_release(outer);
}

void mxt_smtp_rcpt_sent(struct mxt_smtp *smtp, const uint8_t *argument, size_t n)
{
    struct mxt_smtp_word address = mxt_smtp_word_address(argument, n);
    struct mxt_smtp_pending *pending = mxt_smtp_queue_push(smtp, MXT_VERB_RCPT, smtp->transaction);
    if (pending == NULL || smtp->transaction == NULL)
        return;
    size_t length = address.n < smtp->limits.line ? address.n : smtp->limits.line;
    pending->text = malloc(length + 1);
    if (pending->text == NULL) {
        mxt_smtp_fail(smtp);
        return;
    }
    if (length > 0)
        memcpy(pending->text, address.p, length);
    pending->text_length = (uint16_t)length;
}

static void reject(struct mxt_smtp *smtp, struct mxt_transaction *transaction, struct mxt_smtp_word address, uint16_t code)
{
    struct mxt_message *message = &transaction->message;
    if (message->rcpt_rejected_total++ >= smtp->limits.recipients)
        return;
    struct mxt_rejected *rejected = mxt_arena_alloc(&transaction->arena, sizeof *rejected);
    const char *text = rejected == NULL ? NULL : keep_address(smtp, transaction, address);
    if (text == NULL)
        return;
    *rejected = (struct mxt_rejected){.rcpt = text, .code = code};
    struct mxt_rejected **end = &message->rcpt_rejected;
    while (*end != NULL)
        end = &(*end)->next;
    *end = rejected;
}

void mxt_smtp_rcpt_replied(struct mxt_smtp *smtp, const struct mxt_smtp_pending *rcpt, uint16_t code)
{
    struct mxt_transaction *transaction = rcpt->transaction;
    struct mxt_smtp_word address = {rcpt->text, rcpt->text_length};
    if (transaction == NULL || transaction->is_refused || rcpt->text == NULL)
        return;
    if (!is_positive(code)) {
        if (transaction->is_linked)
            reject(smtp, transaction, address, code);
        return;
    }
    mxt_smtp_transaction_link(smtp, transaction); /* whose MAIL must have been accepted */
    smtp->facts.recipients_total++;
    bool is_kept = transaction->message.rcpt_to.count < smtp->limits.recipients;
    const char *text = is_kept ? keep_address(smtp, transaction, address) : NULL;
    if (text == NULL)
        transaction->message.rcpt_to.total++;
    else if (mxt_text_list_add(&transaction->message.rcpt_to, &transaction->arena, text, smtp->limits.recipients) != MXT_OK)
        return; /* counted */
}

void mxt_smtp_rcpt_unanswered(struct mxt_smtp *smtp, const struct mxt_smtp_pending *rcpt)
{
    struct mxt_transaction *transaction = rcpt->transaction;
    if (transaction == NULL || transaction->is_refused || rcpt->text == NULL)
        return;
    struct mxt_text_list *unanswered = &transaction->message.rcpt_unanswered;
    const char *text = unanswered->count < smtp->limits.recipients ? keep_address(smtp, transaction, (struct mxt_smtp_word){rcpt->text, rcpt->text_length}) : NULL;
    if (text == NULL)
        unanswered->total++;
    else if (mxt_text_list_add(unanswered, &transaction->arena, text, smtp->limits.recipients) != MXT_OK)
        return; /* counted */
}

static void deliver(struct mxt_smtp *smtp, struct mxt_message *message)
{
    if (message->delivered != MXT_YES)
        smtp->facts.delivered_total++;
    message->delivered = MXT_YES;
}

bool mxt_smtp_end_replied(struct mxt_smtp *smtp, struct mxt_smtp_pending *end, uint16_t code)
{
    struct mxt_message *message = &end->transaction->message;
    bool is_last = end->verb == MXT_VERB_END || end->is_last;
    if (!is_last && is_positive(code))
        return false;
    smtp->is_end_answered = true;
    if (message->delivered != MXT_YES || is_positive(code)) {
        bool is_first_positive = is_positive(code) && message->delivered != MXT_YES;
        if (is_first_positive || message->delivered != MXT_YES)
            message->reply_code = code;
        if (is_positive(code) && is_last)
            deliver(smtp, message);
        else if (message->delivered != MXT_YES)
            message->delivered = MXT_NO;
    }
    mxt_smtp_transaction_link(smtp, end->transaction);
    /* RFC 2033 4.2: one answer for each recipient that was accepted. */
    end->answered++;
    return smtp->facts.is_lmtp && is_last && end->answered < message->rcpt_to.total && end->answered < UINT16_MAX;
}

void mxt_smtp_content_crossed(struct mxt_smtp *smtp, struct mxt_transaction *transaction)
{
    struct mxt_message *message = &transaction->message;
    if (message->exposed == MXT_UNKNOWN) {
        if (smtp->is_decrypted) {
            message->exposed = MXT_NO;
        } else if (!smtp->is_starttls_open) {
            message->exposed = MXT_YES;
            smtp->facts.exposed_total++;
        }
    }
    mxt_smtp_transaction_link(smtp, transaction);
}

void mxt_smtp_transactions_settle(struct mxt_smtp *smtp, bool is_complete)
{
    mxt_smtp_transaction_close(smtp, !is_complete || smtp->has_client_gap || smtp->has_server_gap);
}
