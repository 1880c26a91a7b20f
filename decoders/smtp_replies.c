/*
 * Replies (RFC 5321 4.2), and whom they answer: the greeting, the oldest command that waits, or nobody. A server that speaks out of turn does not shift the
 * pairing. The code may change between the lines of one reply; the last line's counts.
 */
#include <stdlib.h>

#include "decoders/smtp_int.h"

#define SERVICE_CLOSING 421u /* may come at any time (RFC 5321 3.8) */

/* A 220 where nothing before it is known: a greeting names a host, an answer to STARTTLS speaks of TLS. */
static bool is_greeting_by_looks(const struct mxt_smtp *smtp, uint16_t code, struct mxt_smtp_word text)
{
    bool is_first = smtp->is_midstream && !smtp->has_reply && !smtp->has_command && !smtp->has_client_gap && !smtp->has_server_gap;
    if (!is_first || code != 220 || !mxt_smtp_word_is_domain(mxt_smtp_word_first(text.p, text.n)))
        return false;
    for (size_t i = 0; i + 3 <= text.n; i++)
        if (mxt_smtp_word_is((struct mxt_smtp_word){text.p + i, 3}, "TLS"))
            return false;
    return true;
}

static enum mxt_smtp_target find_target(const struct mxt_smtp *smtp, uint16_t code, struct mxt_smtp_word text)
{
    const struct mxt_smtp_pending *head = mxt_smtp_queue_head(smtp);
    bool is_greeting = code == 220 || code >= 400 || head == NULL; /* a server that does not greet answers the first command */
    if ((smtp->is_greeting_expected && is_greeting) || is_greeting_by_looks(smtp, code, text))
        return MXT_TARGET_GREETING;
    bool is_late_greeting = head != NULL && code == 220 && mxt_smtp_verb_is_greeting(head->verb) && smtp->facts.pairing_lost;
    return head == NULL || is_late_greeting ? MXT_TARGET_STRAY : MXT_TARGET_HEAD;
}

/* What a single line of a reply tells before the reply is whole. */
static void note_line(struct mxt_smtp *smtp, uint16_t code, const uint8_t *p, size_t n, struct mxt_smtp_word text, bool is_first)
{
    if (smtp->target == MXT_TARGET_GREETING) {
        mxt_smtp_greeting_line(smtp, p, n, is_first);
        return;
    }
    if (smtp->target != MXT_TARGET_HEAD)
        return;
    switch ((enum mxt_smtp_verb)mxt_smtp_queue_head(smtp)->verb) {
    case MXT_VERB_EHLO:
    case MXT_VERB_LHLO:
        mxt_smtp_ehlo_line(smtp, code, text.p, text.n, is_first);
        break;
    case MXT_VERB_STARTTLS:
    case MXT_VERB_X_ANONYMOUSTLS:
    case MXT_VERB_MANGLED:
        if (is_first && mxt_smtp_is_clear(smtp))
            mxt_smtp_replace(smtp, &smtp->facts.starttls.reply_text, text.p, text.n);
        break;
    case MXT_VERB_XCLIENT:
        if (code == 220) /* the session starts over; this is its greeting */
            mxt_smtp_greeting_line(smtp, p, n, is_first);
        break;
    default:
        break;
    }
}

/* A reply among those that cannot be paired. One of them speaks for itself: 354 is for DATA, and all before it is answered. */
static void absorb(struct mxt_smtp *smtp, uint16_t code)
{
    smtp->is_absorbing = true;
    if (code != 354)
        return;
    struct mxt_transaction *transaction = NULL;
    bool is_data_waiting = smtp->client == MXT_CLIENT_WAITING && smtp->barrier == MXT_VERB_DATA;
    bool is_data_possible = is_data_waiting || smtp->client == MXT_CLIENT_BODY || (smtp->client == MXT_CLIENT_COMMANDS && smtp->is_client_lost);
    if (!is_data_possible)
        return;
    if (is_data_waiting)
        transaction = mxt_smtp_transaction_hold(smtp->transaction);
    mxt_smtp_queue_clear(smtp);
    mxt_smtp_client_resume_body(smtp, transaction);
    mxt_smtp_transaction_release(transaction);
}

static void data_replied(struct mxt_smtp *smtp, struct mxt_transaction *transaction, uint16_t code)
{
    if (code >= 300 && code < 400)
        mxt_smtp_client_resume_body(smtp, transaction);
    else if (smtp->client == MXT_CLIENT_BODY)
        mxt_smtp_body_confirm(smtp, false);
    else
        mxt_smtp_client_resume(smtp, MXT_CLIENT_COMMANDS);
}

/* What the reply does to the command it answers. The command has left the queue. */
static void answer(struct mxt_smtp *smtp, struct mxt_smtp_pending *pending, uint16_t code)
{
    switch ((enum mxt_smtp_verb)pending->verb) {
    case MXT_VERB_EHLO:
    case MXT_VERB_LHLO:
        mxt_smtp_ehlo_done(smtp, code, smtp->is_reply_mixed);
        break;
    case MXT_VERB_HELO:
        if (mxt_smtp_is_clear(smtp))
            smtp->facts.helo_reply_code = code;
        break;
    case MXT_VERB_MAIL:
        mxt_smtp_mail_replied(smtp, pending->transaction, code);
        break;
    case MXT_VERB_RCPT:
        mxt_smtp_rcpt_replied(smtp, pending, code);
        break;
    case MXT_VERB_DATA:
        data_replied(smtp, pending->transaction, code);
        break;
    case MXT_VERB_STARTTLS:
    case MXT_VERB_X_ANONYMOUSTLS:
    case MXT_VERB_MANGLED:
        mxt_smtp_starttls_replied(smtp, (enum mxt_smtp_verb)pending->verb, code);
        break;
    case MXT_VERB_AUTH:
    case MXT_VERB_AUTH_RESPONSE:
        mxt_smtp_auth_replied(smtp, code);
        break;
    case MXT_VERB_XCLIENT:
        if (code == 220)
            mxt_smtp_greeting_done(smtp, code);
        break;
    default:
        break;
    }
}

static void stray(struct mxt_smtp *smtp, uint16_t code)
{
    if (smtp->client == MXT_CLIENT_BODY && mxt_smtp_body_replied(smtp, code))
        return;
    smtp->facts.unpaired_replies++;
    if (code == SERVICE_CLOSING)
        return;
    smtp->facts.pairing_lost = true;
    if (smtp->is_mark_open && smtp->is_end_answered)
        mxt_smtp_marks_settle(smtp, MXT_YES); /* more answers than commands: the look-alike ended the message, and commands followed it */
}

static void reply_done(struct mxt_smtp *smtp, uint16_t code)
{
    enum mxt_smtp_target target = smtp->target;
    smtp->target = MXT_TARGET_NONE;
    smtp->commands_since_reply = 0;
    if (target == MXT_TARGET_GREETING) {
        mxt_smtp_greeting_done(smtp, code);
        return;
    }
    struct mxt_smtp_pending *head = mxt_smtp_queue_head(smtp);
    if (target == MXT_TARGET_STRAY || head == NULL) {
        stray(smtp, code);
        return;
    }
    if (head->verb == MXT_VERB_LOST) {
        absorb(smtp, code);
        return;
    }
    bool is_end = head->verb == MXT_VERB_END || (head->verb == MXT_VERB_BDAT && head->transaction != NULL);
    if (is_end && mxt_smtp_end_replied(smtp, head, code))
        return;
    struct mxt_smtp_pending pending = mxt_smtp_queue_pop(smtp);
    answer(smtp, &pending, code);
    mxt_smtp_pending_release(&pending);
}

void mxt_smtp_reply_line(struct mxt_smtp *smtp, const uint8_t *p, size_t n)
{
    bool is_last;
    struct mxt_smtp_word text;
    uint16_t code = mxt_smtp_word_reply(p, n, &is_last, &text);
    if (code == 0)
        return; /* noise, another protocol, or the rest of a line behind a gap */
    bool is_first = smtp->target == MXT_TARGET_NONE;
    if (is_first) {
        smtp->target = (uint8_t)find_target(smtp, code, text);
        smtp->is_greeting_expected = false;
        smtp->is_reply_mixed = false;
    } else {
        smtp->is_reply_mixed = smtp->is_reply_mixed || code != smtp->reply_code;
    }
    smtp->reply_code = code;
    smtp->has_reply = true;
    note_line(smtp, code, p, n, text, is_first);
    if (is_last)
        reply_done(smtp, code);
}

/* A line while TLS is awaited: kept aside, but looked at whether it shows a decrypting mirror. */
static size_t take_tentative(struct mxt_smtp *smtp, const uint8_t *p, size_t n)
{
    size_t i = 0;
    while (i < n && p[i] != '\n')
        i++;
    size_t line = i < n ? i + 1 : n;
    size_t taken = mxt_smtp_tentative_take(smtp, MXT_TOCLIENT, p, line);
    if (smtp->server == MXT_SERVER_TENTATIVE && taken > 0 && p[taken - 1] == '\n')
        mxt_smtp_starttls_check_decrypted(smtp);
    return taken;
}

static size_t take_reply(struct mxt_smtp *smtp, const uint8_t *p, size_t n)
{
    struct mxt_smtp_text line;
    if (mxt_smtp_line_is_start(smtp, MXT_TOCLIENT)) {
        if (mxt_smtp_tls_is_next(smtp, MXT_TOCLIENT, p[0])) {
            mxt_smtp_tls_begin(smtp, MXT_TOCLIENT);
            return 0;
        }
        mxt_smtp_client_end_bare(smtp);
    }
    size_t taken = mxt_smtp_line_take(smtp, MXT_TOCLIENT, p, n, &line);
    if (line.p != NULL) {
        mxt_smtp_reply_line(smtp, line.p, line.n);
        free(line.owned);
    }
    return taken;
}

void mxt_smtp_server_end_bare(struct mxt_smtp *smtp)
{
    struct mxt_smtp_text line;
    /* A LF that is late behind the 220 would look like something injected. */
    bool is_before_tls = smtp->client == MXT_CLIENT_WAITING && mxt_smtp_verb_is_starttls(smtp->barrier);
    if (smtp->server != MXT_SERVER_REPLIES || is_before_tls || !mxt_smtp_line_end_bare(smtp, MXT_TOCLIENT, &line))
        return;
    mxt_smtp_reply_line(smtp, line.p, line.n);
    free(line.owned);
    (void)mxt_smtp_client_feed(smtp, NULL, 0);
}

size_t mxt_smtp_server_feed(struct mxt_smtp *smtp, const uint8_t *p, size_t n)
{
    size_t i = 0;
    while (i < n && !smtp->has_failed && smtp->server != MXT_SERVER_TLS) {
        i += smtp->server == MXT_SERVER_TENTATIVE ? take_tentative(smtp, p + i, n - i) : take_reply(smtp, p + i, n - i);
        (void)mxt_smtp_client_feed(smtp, NULL, 0); /* a reply may have told what the client's waiting bytes are */
    }
    return i;
}

void mxt_smtp_server_gap(struct mxt_smtp *smtp)
{
    smtp->has_server_gap = true;
    if (smtp->server == MXT_SERVER_TENTATIVE) { /* where TLS begins was not captured */
        free(mxt_smtp_stash_take(smtp, MXT_TOCLIENT));
        smtp->server = MXT_SERVER_TLS;
        return;
    }
    if (smtp->server == MXT_SERVER_TLS)
        return;
    uint16_t depth = smtp->queue == NULL ? 0 : smtp->queue->count;
    bool was_marked = mxt_smtp_queue_has_loss(smtp);
    mxt_smtp_line_drop(smtp, MXT_TOCLIENT);
    mxt_smtp_ehlo_drop(smtp);
    smtp->target = MXT_TARGET_NONE;
    smtp->is_greeting_expected = false;
    mxt_smtp_queue_clear(smtp);
    if (depth == 0 && (smtp->client == MXT_CLIENT_BODY || smtp->client == MXT_CLIENT_CHUNK))
        return; /* nothing was due */
    mxt_smtp_queue_mark_loss(smtp);
    smtp->is_absorbing = depth <= 1 && !was_marked;
    if (smtp->client == MXT_CLIENT_WAITING)
        smtp->may_guess = true;
}
