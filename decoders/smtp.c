/* The session as a whole: feeding both directions, gaps, and what is known at the end. */
#include "decoders/smtp.h"

#include <stdlib.h>
#include <string.h>

#include "decoders/smtp_int.h"

size_t mxt_smtp_size(void)
{
    return sizeof(struct mxt_smtp);
}

enum mxt_status mxt_smtp_init(struct mxt_smtp *smtp, struct mxt_arena *arena, const struct mxt_smtp_limits *limits, bool is_midstream)
{
    *smtp = (struct mxt_smtp){.arena = arena, .limits = *limits, .is_midstream = is_midstream, .is_greeting_expected = !is_midstream, .is_client_lost = is_midstream};
    if (limits->tells_spoken && (smtp->places = calloc(1, sizeof *smtp->places)) == NULL)
        return MXT_ENOMEM;
    if (is_midstream) {
        smtp->client = MXT_CLIENT_COMMANDS;
        mxt_smtp_queue_mark_loss(smtp);
    }
    if (!smtp->has_failed)
        return MXT_OK;
    mxt_smtp_clear(smtp);
    return MXT_ENOMEM;
}

struct mxt_smtp *mxt_smtp_new(struct mxt_arena *arena, const struct mxt_smtp_limits *limits, bool is_midstream)
{
    struct mxt_smtp *smtp = malloc(sizeof *smtp);
    if (smtp == NULL || mxt_smtp_init(smtp, arena, limits, is_midstream) == MXT_OK)
        return smtp;
    free(smtp);
    return NULL;
}

void mxt_smtp_clear(struct mxt_smtp *smtp)
{
    for (int direction = MXT_TOSERVER; direction <= MXT_TOCLIENT; direction++) {
        mxt_smtp_line_drop(smtp, (enum mxt_direction)direction);
        free(smtp->stash[direction]);
    }
    free(smtp->replay);
    mxt_smtp_queue_clear(smtp);
    mxt_smtp_body_drop(smtp);
    mxt_smtp_ehlo_drop(smtp);
    mxt_smtp_transaction_detach(smtp);
    mxt_smtp_messages_free(smtp);
    mxt_arena_free(&smtp->later);
    if (smtp->places != NULL)
        free(smtp->places->spans);
    free(smtp->places);
    smtp->places = NULL;
}

void mxt_smtp_free(struct mxt_smtp *smtp)
{
    if (smtp == NULL)
        return;
    mxt_smtp_clear(smtp);
    free(smtp);
}

void mxt_smtp_prefetch(const struct mxt_smtp *smtp)
{
    __builtin_prefetch(smtp->body, 1);
    __builtin_prefetch(smtp->transaction, 1);
}

void mxt_smtp_fail(struct mxt_smtp *smtp)
{
    smtp->has_failed = true;
}

enum mxt_status mxt_smtp_feed(struct mxt_smtp *smtp, enum mxt_direction direction, const uint8_t *p, size_t n, size_t *consumed)
{
    *consumed = n;
    if (smtp->has_failed)
        return MXT_ENOMEM;
    if (n == 0)
        return MXT_OK;
    if (direction == MXT_TOSERVER)
        mxt_smtp_server_end_bare(smtp);
    *consumed = direction == MXT_TOSERVER ? mxt_smtp_client_feed(smtp, p, n) : mxt_smtp_server_feed(smtp, p, n);
    if (direction == MXT_TOCLIENT && smtp->places != NULL)
        smtp->places->server_fed += *consumed;
    if (!smtp->has_failed)
        return MXT_OK;
    *consumed = n;
    return MXT_ENOMEM;
}

void mxt_smtp_gap(struct mxt_smtp *smtp, enum mxt_direction direction, uint64_t missing)
{
    if (smtp->has_failed || missing == 0)
        return;
    if (smtp->places != NULL)
        *(direction == MXT_TOSERVER ? &smtp->places->fed : &smtp->places->server_fed) += missing;
    if (direction == MXT_TOSERVER)
        mxt_smtp_client_gap(smtp, missing);
    else
        mxt_smtp_server_gap(smtp);
}

void mxt_smtp_finish(struct mxt_smtp *smtp, bool is_complete)
{
    while (!smtp->has_failed && smtp->client == MXT_CLIENT_WAITING && smtp->stash[MXT_TOSERVER] != NULL) {
        mxt_smtp_client_guess(smtp);
        (void)mxt_smtp_client_feed(smtp, NULL, 0);
    }
    bool is_whole = is_complete && !smtp->is_midstream && !smtp->has_client_gap && !smtp->has_failed;
    if (is_whole && smtp->has_command && smtp->tls_mode == MXT_TLS_NONE && smtp->facts.starttls.requested == MXT_UNKNOWN)
        smtp->facts.starttls.requested = MXT_NO;
    if (is_whole && smtp->is_mark_open && smtp->is_end_answered && !smtp->has_server_gap)
        mxt_smtp_marks_settle(smtp, MXT_NO);
    mxt_smtp_queue_settle(smtp);
    mxt_smtp_transactions_settle(smtp, is_whole);
}

bool mxt_smtp_is_tls(const struct mxt_smtp *smtp, enum mxt_direction direction)
{
    return direction == MXT_TOSERVER ? smtp->client == MXT_CLIENT_TLS : smtp->server == MXT_SERVER_TLS;
}

enum mxt_tls_mode mxt_smtp_tls_mode(const struct mxt_smtp *smtp)
{
    return (enum mxt_tls_mode)smtp->tls_mode;
}

bool mxt_smtp_is_decrypted(const struct mxt_smtp *smtp)
{
    return smtp->is_decrypted;
}

bool mxt_smtp_is_body(const struct mxt_smtp *smtp, enum mxt_direction direction)
{
    return direction == MXT_TOSERVER && (smtp->client == MXT_CLIENT_BODY || (smtp->client == MXT_CLIENT_CHUNK && smtp->chunk > 0));
}

const struct mxt_smtp_span *mxt_smtp_spoken(const struct mxt_smtp *smtp, size_t *count)
{
    *count = smtp->places == NULL ? 0 : smtp->places->count;
    return smtp->places == NULL ? NULL : smtp->places->spans;
}

bool mxt_smtp_tls_start(const struct mxt_smtp *smtp, enum mxt_direction direction, uint64_t *offset)
{
    if (smtp->places == NULL || !mxt_smtp_is_tls(smtp, direction))
        return false;
    *offset = direction == MXT_TOSERVER ? smtp->places->fed : smtp->places->server_fed;
    return true;
}

size_t mxt_smtp_verb_length(const uint8_t *p, size_t n)
{
    struct mxt_smtp_word word = mxt_smtp_word_first(p, n);
    return mxt_smtp_command_find(p, n) == NULL ? 0 : word.n;
}

const struct mxt_smtp_facts *mxt_smtp_facts(const struct mxt_smtp *smtp)
{
    return &smtp->facts;
}

enum mxt_fact mxt_smtp_is_server_speech(const uint8_t *p, size_t n)
{
    const uint8_t *lf = n == 0 ? NULL : memchr(p, '\n', n);
    size_t line = lf == NULL ? n : (size_t)(lf - p);
    while (line > 0 && p[line - 1] == '\r')
        line--;
    bool is_last;
    struct mxt_smtp_word text;
    if (mxt_smtp_word_reply(p, line, &is_last, &text) != 0)
        return MXT_YES;
    return mxt_smtp_command_find(p, line) != NULL ? MXT_NO : MXT_UNKNOWN;
}

enum mxt_fact mxt_smtp_is_greeting(const uint8_t *p, size_t n)
{
    static const uint8_t greeting[] = {'2', '2', '0'};
    if (n > 0 && (p[0] < '2' || p[0] > '5' || p[0] == '3'))
        return MXT_NO;
    for (size_t i = 1; i < 3 && i < n; i++)
        if (p[i] < '0' || p[i] > '9' || (p[0] == '2' && p[i] != greeting[i]))
            return MXT_NO;
    if (n < 4)
        return MXT_UNKNOWN;
    return p[3] == ' ' || p[3] == '-' || p[3] == '\r' || p[3] == '\n' ? MXT_YES : MXT_NO;
}

static bool names_smtp(const char *banner)
{
    static const char *const names[] = {"SMTP", "ESMTP", "LMTP"};
    struct mxt_smtp_word rest = {(const uint8_t *)banner, banner == NULL ? 0 : strlen(banner)};
    while (rest.n > 0) {
        struct mxt_smtp_word word = mxt_smtp_word_first(rest.p, rest.n);
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
            if (mxt_smtp_word_is(word, names[i]))
                return true;
        rest = mxt_smtp_word_rest(rest.p, rest.n);
    }
    return false;
}

bool mxt_smtp_is_evident(const struct mxt_smtp *smtp)
{
    const struct mxt_smtp_facts *facts = &smtp->facts;
    return facts->helo != NULL || facts->ehlo != MXT_UNKNOWN || facts->messages_total > 0 || smtp->tls_mode == MXT_TLS_STARTTLS || names_smtp(facts->banner);
}
