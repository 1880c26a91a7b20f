/*
 * STARTTLS (RFC 3207), Exchange's X-ANONYMOUSTLS, and TLS from the first byte: where TLS begins in each direction, and what stands before it.
 * One byte decides where TLS may begin: a record's type (RFC 8446 5.1), or the high bit of an SSL 2 hello. No SMTP line begins with either.
 */
#include <stdlib.h>
#include <string.h>

#include "decoders/smtp_int.h"

#define RECORD_FIRST 0x14u     /* change_cipher_spec, alert, handshake, application_data */
#define RECORD_LAST 0x17u
#define RECORD_HANDSHAKE 0x16u
#define SSL2_BIT 0x80u         /* a two-byte record header without padding */

static bool is_record(uint8_t byte)
{
    return byte >= RECORD_FIRST && byte <= RECORD_LAST;
}

static bool is_tls(const struct mxt_smtp *smtp, enum mxt_direction direction)
{
    return direction == MXT_TOSERVER ? smtp->client == MXT_CLIENT_TLS : smtp->server == MXT_SERVER_TLS;
}

bool mxt_smtp_tls_is_next(const struct mxt_smtp *smtp, enum mxt_direction direction, uint8_t byte)
{
    bool is_either = is_record(byte) || (byte & SSL2_BIT) != 0;
    if (is_tls(smtp, mxt_direction_other(direction)))
        return is_either;
    if (direction == MXT_TOCLIENT)
        return is_record(byte) && (!smtp->has_reply || smtp->has_server_gap);
    if (smtp->client == MXT_CLIENT_START)
        return is_either;
    return is_record(byte) && smtp->is_client_lost;
}

/* How TLS came about, when it begins unannounced. */
static enum mxt_tls_mode infer_mode(const struct mxt_smtp *smtp)
{
    if (smtp->client == MXT_CLIENT_WAITING && mxt_smtp_verb_is_starttls(smtp->barrier))
        return smtp->barrier == MXT_VERB_STARTTLS ? MXT_TLS_STARTTLS : MXT_TLS_X_ANONYMOUSTLS;
    bool is_from_start = smtp->client == MXT_CLIENT_START && !(smtp->has_server_gap && smtp->server == MXT_SERVER_TLS);
    if (is_from_start)
        return MXT_TLS_IMPLICIT;
    return smtp->has_command || smtp->has_reply ? MXT_TLS_STARTTLS : MXT_TLS_NONE; /* the command went missing */
}

/* The name of the verb, or the code of the reply, on a line that was injected; NULL where it is neither. */
static const char *injected_word(struct mxt_smtp *smtp, enum mxt_direction direction, const uint8_t *p, size_t n)
{
    if (direction == MXT_TOSERVER) {
        const struct mxt_smtp_command *command = mxt_smtp_command_find(p, n);
        return command == NULL ? NULL : command->name;
    }
    bool is_last;
    struct mxt_smtp_word text;
    return mxt_smtp_word_reply(p, n, &is_last, &text) == 0 ? NULL : mxt_arena_copy(smtp->arena, p, 3);
}

/* TLS began: the plaintext before it was injected, or is as if it were. */
static void confirm_injection(struct mxt_smtp *smtp, enum mxt_direction direction)
{
    struct mxt_starttls_facts *facts = &smtp->facts.starttls;
    struct mxt_smtp_stash *stash = mxt_smtp_stash_take(smtp, direction);
    if (stash == NULL)
        return;
    uint32_t length = stash->missing > 0 ? 0 : stash->total > UINT32_MAX ? UINT32_MAX : (uint32_t)stash->total;
    if (direction == MXT_TOSERVER)
        facts->injected_toserver = length;
    else
        facts->injected_toclient = length;
    for (size_t i = 0; length > 0 && i < stash->length && facts->injected_verbs.count < MXT_SMTP_INJECTED_MAX;) {
        const uint8_t *p = stash->bytes + i;
        const uint8_t *lf = memchr(p, '\n', stash->length - i);
        size_t line = lf == NULL ? stash->length - i : (size_t)(lf - p);
        i += line + 1;
        while (line > 0 && p[line - 1] == '\r')
            line--;
        const char *word = injected_word(smtp, direction, p, line);
        if (word != NULL && mxt_text_list_add(&facts->injected_verbs, smtp->arena, word, MXT_SMTP_INJECTED_MAX) != MXT_OK)
            mxt_smtp_fail(smtp);
    }
    free(stash);
}

void mxt_smtp_tls_begin(struct mxt_smtp *smtp, enum mxt_direction direction)
{
    if (smtp->tls_mode == MXT_TLS_NONE && !is_tls(smtp, mxt_direction_other(direction))) {
        if (direction == MXT_TOCLIENT)
            smtp->server = MXT_SERVER_TLS; /* infer_mode asks who began */
        smtp->tls_mode = (uint8_t)infer_mode(smtp);
    }
    mxt_smtp_line_drop(smtp, direction);
    if (direction == MXT_TOSERVER)
        smtp->client = MXT_CLIENT_TLS;
    else
        smtp->server = MXT_SERVER_TLS;
    if (smtp->is_tls_agreed)
        confirm_injection(smtp, direction);
    mxt_smtp_transaction_close(smtp, smtp->has_client_gap);
    if (is_tls(smtp, mxt_direction_other(direction))) {
        mxt_smtp_queue_clear(smtp);
        mxt_smtp_ehlo_drop(smtp);
    }
}

void mxt_smtp_starttls_sent(struct mxt_smtp *smtp, enum mxt_smtp_verb verb)
{
    struct mxt_starttls_facts *facts = &smtp->facts.starttls;
    if (!mxt_smtp_is_clear(smtp)) {
        (void)mxt_smtp_queue_push(smtp, MXT_VERB_OTHER, NULL);
        return;
    }
    facts->requested = MXT_YES;
    facts->reply_code = 0;
    facts->reply_text = NULL;
    for (uint16_t i = facts->before.count; i < smtp->before_count; i++)
        if (mxt_text_list_add(&facts->before, smtp->arena, mxt_smtp_command_name(smtp->before[i]), MXT_SMTP_BEFORE_MAX) != MXT_OK)
            mxt_smtp_fail(smtp);
    (void)mxt_smtp_queue_push(smtp, verb, NULL);
    mxt_smtp_client_wait(smtp, verb);
}

static void accepted(struct mxt_smtp *smtp, enum mxt_smtp_verb verb)
{
    smtp->is_tls_agreed = true;
    smtp->tls_mode = verb == MXT_VERB_STARTTLS ? MXT_TLS_STARTTLS : MXT_TLS_X_ANONYMOUSTLS;
    smtp->server = MXT_SERVER_TENTATIVE;
    mxt_smtp_transaction_close(smtp, smtp->has_client_gap);
    if (smtp->client == MXT_CLIENT_TLS) {
        confirm_injection(smtp, MXT_TOSERVER);
        return;
    }
    const struct mxt_smtp_stash *stash = smtp->stash[MXT_TOSERVER];
    bool has_gap = stash != NULL && stash->missing > 0;
    if (smtp->client != MXT_CLIENT_WAITING) { /* what followed was taken for commands already */
        mxt_smtp_body_drop(smtp);
        mxt_smtp_queue_clear(smtp);
        mxt_smtp_line_drop(smtp, MXT_TOSERVER);
    }
    smtp->client = MXT_CLIENT_TENTATIVE;
    if (has_gap)
        mxt_smtp_client_gap(smtp, stash->missing);
}

static void refused(struct mxt_smtp *smtp)
{
    if (smtp->client != MXT_CLIENT_TLS) {
        mxt_smtp_client_resume(smtp, MXT_CLIENT_COMMANDS);
        return;
    }
    /* The client sent its hello before the answer; it stays TLS, what stood between were commands. */
    smtp->tls_mode = MXT_TLS_NONE;
    smtp->client = MXT_CLIENT_WAITING;
    mxt_smtp_client_resume(smtp, MXT_CLIENT_COMMANDS);
    (void)mxt_smtp_client_feed(smtp, NULL, 0);
    smtp->client = MXT_CLIENT_TLS;
}

void mxt_smtp_starttls_replied(struct mxt_smtp *smtp, enum mxt_smtp_verb verb, uint16_t code)
{
    if (!mxt_smtp_is_clear(smtp))
        return;
    smtp->facts.starttls.reply_code = code;
    if (verb == MXT_VERB_MANGLED)
        return;
    smtp->is_starttls_open = false;
    if (code == 220)
        accepted(smtp, verb);
    else
        refused(smtp);
}

size_t mxt_smtp_tentative_take(struct mxt_smtp *smtp, enum mxt_direction direction, const uint8_t *p, size_t n)
{
    struct mxt_smtp_stash *stash = smtp->stash[direction];
    bool is_start = stash == NULL || !stash->is_mid_line;
    size_t i = 0;
    /* A handshake record may begin in the middle of a line, too: injected bytes need not end with one. */
    while (i < n && p[i] != RECORD_HANDSHAKE && !(is_start && (is_record(p[i]) || (p[i] & SSL2_BIT) != 0))) {
        is_start = p[i] == '\n';
        i++;
    }
    if (stash != NULL && stash->missing > 0) {
        stash->missing += i;
        stash->is_mid_line = !is_start;
    } else if (i > 0) {
        mxt_smtp_stash_add(smtp, direction, p, i);
    }
    if (i < n)
        mxt_smtp_tls_begin(smtp, direction);
    return i;
}

/* Whether the server's last whole line is a reply. */
static bool has_reply_line(const struct mxt_smtp_stash *stash)
{
    bool is_last;
    struct mxt_smtp_word text;
    if (stash == NULL || stash->length == 0 || stash->total > stash->length || stash->bytes[stash->length - 1] != '\n')
        return false;
    const uint8_t *before = stash->length < 2 ? NULL : memrchr(stash->bytes, '\n', stash->length - 1);
    const uint8_t *line = before == NULL ? stash->bytes : before + 1;
    size_t n = (size_t)(stash->bytes + stash->length - 1 - line);
    while (n > 0 && line[n - 1] == '\r')
        n--;
    return mxt_smtp_word_reply(line, n, &is_last, &text) != 0;
}

void mxt_smtp_starttls_check_decrypted(struct mxt_smtp *smtp)
{
    if (!smtp->has_client_spoken || smtp->client != MXT_CLIENT_TENTATIVE || !has_reply_line(smtp->stash[MXT_TOCLIENT]))
        return;
    struct mxt_smtp_stash *replies = mxt_smtp_stash_take(smtp, MXT_TOCLIENT);
    smtp->is_decrypted = true;
    smtp->server = MXT_SERVER_REPLIES;
    smtp->client = MXT_CLIENT_WAITING;
    mxt_smtp_client_resume(smtp, MXT_CLIENT_COMMANDS);
    for (size_t i = 0; i < replies->length && !smtp->has_failed;) {
        struct mxt_smtp_text line;
        i += mxt_smtp_line_take(smtp, MXT_TOCLIENT, replies->bytes + i, replies->length - i, &line);
        (void)mxt_smtp_client_feed(smtp, NULL, 0);
        if (line.p != NULL)
            mxt_smtp_reply_line(smtp, line.p, line.n);
        free(line.owned);
    }
    free(replies);
}
