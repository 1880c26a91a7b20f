/* What the client's bytes are at the moment: commands, content, a response, or bytes that wait for the reply which tells. */
#include <stdlib.h>
#include <string.h>

#include "decoders/proxy.h"
#include "decoders/smtp_int.h"

#define SPANS_FIRST 16u

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
    mxt_smtp_spoke(smtp, mxt_smtp_place(smtp) - held, mxt_smtp_place(smtp) - held + proxy.length);
    smtp->chunk = proxy.length - held;
    smtp->client = MXT_CLIENT_SKIP;
    return 0;
}

static void line_done(struct mxt_smtp *smtp, const struct mxt_smtp_text *line)
{
    if (smtp->client == MXT_CLIENT_RESPONSE) {
        smtp->client = MXT_CLIENT_COMMANDS;
        mxt_smtp_auth_response(smtp, line->p, line->n);
    } else {
        mxt_smtp_command(smtp, line->p, line->n);
    }
    free(line->owned);
}

void mxt_smtp_client_end_bare(struct mxt_smtp *smtp)
{
    struct mxt_smtp_text line;
    bool is_reading = smtp->client == MXT_CLIENT_COMMANDS || smtp->client == MXT_CLIENT_RESPONSE;
    if (smtp->places != NULL)
        smtp->places->line_end = smtp->places->fed;
    if (smtp->queue == NULL && is_reading && mxt_smtp_line_end_bare(smtp, MXT_TOSERVER, &line))
        line_done(smtp, &line);
}

static size_t take_line(struct mxt_smtp *smtp, const uint8_t *p, size_t n)
{
    struct mxt_smtp_text line;
    if (smtp->client == MXT_CLIENT_COMMANDS && mxt_smtp_line_is_start(smtp, MXT_TOSERVER) && mxt_smtp_tls_is_next(smtp, MXT_TOSERVER, p[0])) {
        mxt_smtp_tls_begin(smtp, MXT_TOSERVER);
        return 0;
    }
    if (smtp->places != NULL && mxt_smtp_line_is_start(smtp, MXT_TOSERVER))
        smtp->places->line_start = smtp->places->at;
    size_t taken = mxt_smtp_line_take(smtp, MXT_TOSERVER, p, n, &line);
    if (smtp->places != NULL)
        smtp->places->line_end = smtp->places->at + taken;
    if (line.p != NULL)
        line_done(smtp, &line);
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
    if (stash != NULL && stash->missing > 0) { /* a gap cannot be read over: what follows counts as missing */
        if (smtp->may_guess) {
            mxt_smtp_client_guess(smtp);
            return 0;
        }
        if (mxt_smtp_verb_is_starttls(smtp->barrier))
            return mxt_smtp_tentative_take(smtp, MXT_TOSERVER, p, n);
        stash->missing += n;
        return n;
    }
    size_t wanted = n < room ? n : room;
    if (smtp->may_guess) { /* line by line */
        const uint8_t *lf = memchr(p, '\n', wanted);
        wanted = lf == NULL ? wanted : (size_t)(lf - p) + 1;
    }
    size_t taken = wanted;
    if (mxt_smtp_verb_is_starttls(smtp->barrier))
        taken = mxt_smtp_tentative_take(smtp, MXT_TOSERVER, p, wanted);
    else
        mxt_smtp_stash_add(smtp, MXT_TOSERVER, p, wanted);
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

/* Takes some of the bytes (at least one), or enters another state. */
static size_t take(struct mxt_smtp *smtp, const uint8_t *p, size_t n)
{
    switch ((enum mxt_smtp_client)smtp->client) {
    case MXT_CLIENT_START:
        return start(smtp, p, n);
    case MXT_CLIENT_COMMANDS:
    case MXT_CLIENT_RESPONSE:
        return take_line(smtp, p, n);
    case MXT_CLIENT_WAITING:
        return take_waiting(smtp, p, n);
    case MXT_CLIENT_BODY:
        return mxt_smtp_body_take(smtp, p, n);
    case MXT_CLIENT_CHUNK:
    case MXT_CLIENT_SKIP:
        return take_chunk(smtp, n);
    case MXT_CLIENT_TENTATIVE:
        return take_tentative(smtp, p, n);
    case MXT_CLIENT_TLS:
        break;
    }
    return n; /* TLS inside what was stashed: its bytes are gone */
}

/* Reads on in the bytes that were stashed; what was not captured behind them is told when they are through. */
static void take_replay(struct mxt_smtp *smtp)
{
    struct mxt_smtp_stash *replay = smtp->replay;
    if (replay->read < replay->length) {
        mxt_smtp_go_to(smtp, replay->start + replay->read);
        size_t taken = take(smtp, replay->bytes + replay->read, replay->length - replay->read);
        replay->read += (uint32_t)taken;
        return;
    }
    uint64_t missing = replay->missing + (replay->total - replay->length);
    smtp->replay = NULL;
    free(replay);
    if (missing > 0)
        mxt_smtp_client_gap(smtp, missing);
}

size_t mxt_smtp_client_feed(struct mxt_smtp *smtp, const uint8_t *p, size_t n)
{
    uint64_t begin = smtp->places == NULL ? 0 : smtp->places->fed;
    size_t i = 0;
    while (!smtp->has_failed && (smtp->replay != NULL || i < n)) {
        if (smtp->replay != NULL) {
            take_replay(smtp);
            continue;
        }
        if (smtp->client == MXT_CLIENT_TLS)
            break;
        mxt_smtp_go_to(smtp, begin + i);
        i += take(smtp, p + i, n - i);
    }
    if (smtp->places != NULL)
        smtp->places->fed = begin + i;
    return i;
}

void mxt_smtp_spoke(struct mxt_smtp *smtp, uint64_t start, uint64_t end)
{
    struct mxt_smtp_places *places = smtp->places;
    if (places == NULL || places->count == MXT_SMTP_SPANS_MAX)
        return;
    if (places->count > 0 && places->spans[places->count - 1].end == start) {
        places->spans[places->count - 1].end = end;
        return;
    }
    if (places->count == places->room) {
        size_t room = places->room == 0 ? SPANS_FIRST : places->room * 2;
        struct mxt_smtp_span *grown = realloc(places->spans, room * sizeof *grown);
        if (grown == NULL)
            return; /* taken for a secret: nothing worse */
        places->spans = grown;
        places->room = room;
    }
    places->spans[places->count++] = (struct mxt_smtp_span){start, end};
}

void mxt_smtp_spoke_line(struct mxt_smtp *smtp)
{
    if (smtp->places != NULL)
        mxt_smtp_spoke(smtp, smtp->places->line_start, smtp->places->line_end);
}

void mxt_smtp_client_replay(struct mxt_smtp *smtp, struct mxt_smtp_stash *stash)
{
    if (stash == NULL)
        return;
    if (smtp->replay == NULL) {
        smtp->replay = stash;
        return;
    }
    smtp->replay->read -= stash->length; /* they were stashed again while they were read anew */
    free(stash);
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
        if (smtp->stash[MXT_TOSERVER] != NULL) {
            smtp->stash[MXT_TOSERVER]->missing += missing;
            smtp->stash[MXT_TOSERVER]->is_mid_line = false;
        }
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

void mxt_smtp_client_resume(struct mxt_smtp *smtp, enum mxt_smtp_client state)
{
    if (smtp->client == MXT_CLIENT_WAITING) {
        smtp->client = (uint8_t)state;
        mxt_smtp_client_replay(smtp, mxt_smtp_stash_take(smtp, MXT_TOSERVER));
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
    mxt_smtp_client_replay(smtp, stash);
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
    mxt_smtp_client_replay(smtp, stash);
}
