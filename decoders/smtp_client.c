/* What the client's bytes are at the moment: commands, content, a response, or bytes that wait for the reply which tells. */
#include <stdlib.h>
#include <string.h>

#include "decoders/proxy.h"
#include "decoders/smtp_int.h"

/* The first bytes: TLS, a PROXY header, or a command. Returns the bytes taken. */
static size_t start(struct mxt_smtp *smtp, const uint8_t *p, size_t n)
{
    struct mxt_smtp_stash *stash = smtp->stash[MXT_TOSERVER];
    if (stash == NULL && mxt_smtp_tls_is_next(smtp, MXT_TOSERVER, p[0])) {
        mxt_smtp_tls_begin(smtp, MXT_TOSERVER);
        return 0;
    }
    uint8_t head[MXT_PROXY_HEAD_MAX];
    size_t held = stash == NULL ? 0 : stash->length;
    size_t added = n < sizeof head - held ? n : sizeof head - held;
    if (held > 0)
        memcpy(head, stash->bytes, held);
    memcpy(head + held, p, added);
    struct mxt_proxy proxy;
    enum mxt_status status = mxt_proxy_parse(head, held + added, &proxy);
    if (status == MXT_MORE) {
        mxt_smtp_stash_add(smtp, MXT_TOSERVER, p, added);
        return added;
    }
    if (status != MXT_OK) {
        smtp->client = MXT_CLIENT_WAITING;
        mxt_smtp_client_resume(smtp, MXT_CLIENT_COMMANDS);
        return 0;
    }
    if (proxy.src_ip[0] != '\0' && (smtp->facts.proxied_src_ip = mxt_arena_copy(smtp->arena, proxy.src_ip, strlen(proxy.src_ip))) == NULL)
        mxt_smtp_fail(smtp);
    free(mxt_smtp_stash_take(smtp, MXT_TOSERVER));
    smtp->chunk = proxy.length - held;
    smtp->client = MXT_CLIENT_SKIP;
    return 0;
}

static size_t take_line(struct mxt_smtp *smtp, const uint8_t *p, size_t n)
{
    struct mxt_smtp_text line;
    if (smtp->client == MXT_CLIENT_COMMANDS && mxt_smtp_line_is_start(smtp, MXT_TOSERVER) && mxt_smtp_tls_is_next(smtp, MXT_TOSERVER, p[0])) {
        mxt_smtp_tls_begin(smtp, MXT_TOSERVER);
        return 0;
    }
    size_t taken = mxt_smtp_line_take(smtp, MXT_TOSERVER, p, n, &line);
    if (line.p == NULL)
        return taken;
    if (smtp->client == MXT_CLIENT_RESPONSE) {
        smtp->client = MXT_CLIENT_COMMANDS;
        mxt_smtp_auth_response(smtp, line.p, line.n);
    } else {
        mxt_smtp_command(smtp, line.p, line.n);
    }
    free(line.owned);
    return taken;
}

static size_t take_chunk(struct mxt_smtp *smtp, size_t n)
{
    size_t taken = n < smtp->chunk ? n : (size_t)smtp->chunk;
    if (smtp->client == MXT_CLIENT_CHUNK && taken > 0 && smtp->transaction != NULL) {
        smtp->transaction->message.bytes += taken;
        mxt_smtp_content_crossed(smtp, smtp->transaction);
    }
    smtp->chunk -= taken;
    if (smtp->chunk > 0)
        return taken;
    if (smtp->client == MXT_CLIENT_CHUNK && smtp->is_chunk_last)
        mxt_smtp_transaction_detach(smtp);
    smtp->client = smtp->client == MXT_CLIENT_SKIP ? MXT_CLIENT_START : MXT_CLIENT_COMMANDS;
    return taken;
}

static size_t take_waiting(struct mxt_smtp *smtp, const uint8_t *p, size_t n)
{
    struct mxt_smtp_stash *stash = smtp->stash[MXT_TOSERVER];
    size_t kept = stash == NULL ? 0 : stash->length;
    size_t room = MXT_SMTP_STASH_MAX - kept;
    if (stash != NULL && stash->missing > 0) {
        if (mxt_smtp_verb_is_starttls(smtp->barrier) && mxt_smtp_tls_is_next(smtp, MXT_TOSERVER, p[0])) {
            mxt_smtp_tls_begin(smtp, MXT_TOSERVER);
            return 0;
        }
        if (smtp->may_guess) {
            mxt_smtp_client_guess(smtp);
            return 0;
        }
        stash->missing += n;
        return n;
    }
    size_t take = n < room ? n : room;
    if (smtp->may_guess) { /* line by line */
        const uint8_t *lf = memchr(p, '\n', take);
        take = lf == NULL ? take : (size_t)(lf - p) + 1;
    }
    size_t taken = take;
    if (mxt_smtp_verb_is_starttls(smtp->barrier))
        taken = mxt_smtp_tentative_take(smtp, MXT_TOSERVER, p, take);
    else
        mxt_smtp_stash_add(smtp, MXT_TOSERVER, p, take);
    stash = smtp->stash[MXT_TOSERVER];
    if (smtp->client == MXT_CLIENT_WAITING && stash != NULL && (stash->length == MXT_SMTP_STASH_MAX || (smtp->may_guess && stash->has_line)))
        mxt_smtp_client_guess(smtp);
    return taken;
}

static size_t take_tentative(struct mxt_smtp *smtp, const uint8_t *p, size_t n)
{
    size_t taken = mxt_smtp_tentative_take(smtp, MXT_TOSERVER, p, n);
    if (taken > 0 && memchr(p, '\n', taken) != NULL)
        smtp->has_client_spoken = true;
    return taken;
}

size_t mxt_smtp_client_feed(struct mxt_smtp *smtp, const uint8_t *p, size_t n)
{
    size_t i = 0;
    while (i < n && !smtp->has_failed && smtp->client != MXT_CLIENT_TLS) {
        switch ((enum mxt_smtp_client)smtp->client) {
        case MXT_CLIENT_START:
            i += start(smtp, p + i, n - i);
            break;
        case MXT_CLIENT_COMMANDS:
        case MXT_CLIENT_RESPONSE:
            i += take_line(smtp, p + i, n - i);
            break;
        case MXT_CLIENT_WAITING:
            i += take_waiting(smtp, p + i, n - i);
            break;
        case MXT_CLIENT_BODY:
            i += mxt_smtp_body_take(smtp, p + i, n - i);
            break;
        case MXT_CLIENT_CHUNK:
        case MXT_CLIENT_SKIP:
            i += take_chunk(smtp, n - i);
            break;
        case MXT_CLIENT_TENTATIVE:
            i += take_tentative(smtp, p + i, n - i);
            break;
        case MXT_CLIENT_TLS:
            break;
        }
    }
    return i;
}

void mxt_smtp_client_lose(struct mxt_smtp *smtp)
{
    mxt_smtp_line_drop(smtp, MXT_TOSERVER);
    mxt_smtp_body_drop(smtp);
    mxt_smtp_transaction_close(smtp, true);
    smtp->client = MXT_CLIENT_COMMANDS;
    smtp->is_client_lost = true;
    smtp->is_after_group = false;
    mxt_smtp_queue_mark_loss(smtp);
}

void mxt_smtp_client_gap(struct mxt_smtp *smtp, uint64_t missing)
{
    smtp->has_client_gap = true;
    switch ((enum mxt_smtp_client)smtp->client) {
    case MXT_CLIENT_BODY:
        mxt_smtp_body_gap(smtp, missing);
        return;
    case MXT_CLIENT_CHUNK:
    case MXT_CLIENT_SKIP:
        if (missing <= smtp->chunk) {
            while (missing > 0)
                missing -= take_chunk(smtp, missing);
            return;
        }
        (void)take_chunk(smtp, smtp->chunk);
        break;
    case MXT_CLIENT_WAITING:
        if (smtp->stash[MXT_TOSERVER] == NULL)
            mxt_smtp_stash_add(smtp, MXT_TOSERVER, NULL, 0);
        if (smtp->stash[MXT_TOSERVER] != NULL)
            smtp->stash[MXT_TOSERVER]->missing += missing;
        return;
    case MXT_CLIENT_TENTATIVE: /* where TLS begins was not captured */
        free(mxt_smtp_stash_take(smtp, MXT_TOSERVER));
        smtp->client = MXT_CLIENT_TLS;
        return;
    case MXT_CLIENT_TLS:
        return;
    case MXT_CLIENT_START:
        free(mxt_smtp_stash_take(smtp, MXT_TOSERVER));
        break;
    case MXT_CLIENT_COMMANDS:
    case MXT_CLIENT_RESPONSE:
        break;
    }
    mxt_smtp_client_lose(smtp);
}

void mxt_smtp_client_wait(struct mxt_smtp *smtp, enum mxt_smtp_verb barrier)
{
    smtp->client = MXT_CLIENT_WAITING;
    smtp->barrier = (uint8_t)barrier;
    smtp->may_guess = mxt_smtp_queue_has_loss(smtp);
}

/* Feeds what was stashed, in the state that has been entered. */
static void replay(struct mxt_smtp *smtp, struct mxt_smtp_stash *stash)
{
    if (stash == NULL)
        return;
    (void)mxt_smtp_client_feed(smtp, stash->bytes, stash->length);
    uint64_t missing = stash->missing + (stash->total - stash->length);
    if (missing > 0 && !smtp->has_failed)
        mxt_smtp_client_gap(smtp, missing);
    free(stash);
}

void mxt_smtp_client_resume(struct mxt_smtp *smtp, enum mxt_smtp_client state)
{
    if (smtp->client == MXT_CLIENT_WAITING) {
        smtp->client = (uint8_t)state;
        replay(smtp, mxt_smtp_stash_take(smtp, MXT_TOSERVER));
    } else if (smtp->client == MXT_CLIENT_COMMANDS && mxt_smtp_line_is_start(smtp, MXT_TOSERVER)) {
        smtp->client = (uint8_t)state;
    }
}

void mxt_smtp_client_resume_body(struct mxt_smtp *smtp, struct mxt_transaction *transaction)
{
    struct mxt_smtp_stash *stash = NULL;
    if (smtp->client == MXT_CLIENT_BODY) {
        mxt_smtp_body_confirm(smtp, true);
        return;
    }
    if (smtp->client == MXT_CLIENT_WAITING)
        stash = mxt_smtp_stash_take(smtp, MXT_TOSERVER);
    else if (smtp->client != MXT_CLIENT_COMMANDS)
        return;
    mxt_smtp_line_drop(smtp, MXT_TOSERVER);
    mxt_smtp_body_begin(smtp, transaction, false, smtp->is_client_lost);
    replay(smtp, stash);
}

/* What waits behind a DATA that is not answered: commands where they cannot be anything else, else content. */
static void guess_content(struct mxt_smtp *smtp, const struct mxt_smtp_stash *stash)
{
    const uint8_t *lf = stash->length == 0 ? NULL : memchr(stash->bytes, '\n', stash->length);
    size_t n = lf == NULL ? stash->length : (size_t)(lf - stash->bytes);
    while (n > 0 && stash->bytes[n - 1] == '\r')
        n--;
    const struct mxt_smtp_command *command = mxt_smtp_command_find(stash->bytes, n);
    if (command != NULL && mxt_smtp_command_is_strict(command, stash->bytes, n)) {
        smtp->client = MXT_CLIENT_COMMANDS;
        return;
    }
    struct mxt_transaction *transaction = smtp->transaction;
    mxt_smtp_body_begin(smtp, transaction, true, false);
    if (mxt_smtp_word_is_header(stash->bytes, n) && smtp->transaction != NULL)
        mxt_smtp_content_crossed(smtp, smtp->transaction);
}

void mxt_smtp_client_guess(struct mxt_smtp *smtp)
{
    struct mxt_smtp_stash *stash = mxt_smtp_stash_take(smtp, MXT_TOSERVER);
    smtp->may_guess = false;
    smtp->client = MXT_CLIENT_COMMANDS;
    if (stash == NULL)
        return;
    if (smtp->barrier == MXT_VERB_DATA)
        guess_content(smtp, stash);
    else if (smtp->barrier == MXT_VERB_AUTH)
        smtp->is_client_lost = true; /* responses may be among the lines */
    else
        smtp->is_starttls_open = true;
    replay(smtp, stash);
}
