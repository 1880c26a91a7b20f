/*
 * DATA's content (RFC 5321 4.1.1.4, 4.5.2): scanned once, for dots behind line ends, never byte by byte. The true end is CRLF "." CRLF. A dot alone between other line ends
 * is a look-alike: a lenient server may take it for the end, and what follows for commands (SMTP smuggling).
 */
#include <stdlib.h>
#include <string.h>

#include "decoders/smtp_int.h"
#include "decoders/wide.h"

#define BLOCK 128u /* bytes looked at together; a multiple of a vector */

enum line_end { END_NONE, END_CRLF, END_LF, END_CR };

enum scan_state { SCAN_TEXT, SCAN_DOT, SCAN_DOT_CR };

struct mxt_smtp_body {
    struct mxt_transaction *transaction; /* a reference */
    struct mxt_smtp_stash *behind;       /* what follows a look-alike, in case the server takes it for the end */
    struct mxt_smuggling *followed;      /* the look-alike whose follow is collected, or NULL */
    struct mxt_smuggling *watched;       /* the one that `behind` belongs to, or NULL */
    uint8_t last[2];                     /* the two bytes before the next */
    uint8_t state;                       /* enum scan_state */
    uint8_t before;                      /* enum line_end in front of the dot */
    uint8_t follow_count;
    uint8_t watched_length;              /* bytes of its mark that were counted as content */
    uint8_t follow[MXT_SMTP_FOLLOW];
    bool is_following;
    bool is_watching;    /* the first look-alike with a verb behind it, or one that is not told yet */
    bool is_watch_young; /* and it is the one being followed */
    bool has_marks;
    bool has_gap;
    bool is_assumed;
};

void mxt_smtp_body_drop(struct mxt_smtp *smtp)
{
    if (smtp->body == NULL)
        return;
    mxt_smtp_transaction_release(smtp->body->transaction);
    free(smtp->body->behind);
    free(smtp->body);
    smtp->body = NULL;
}

void mxt_smtp_body_begin(struct mxt_smtp *smtp, struct mxt_transaction *transaction, bool is_assumed, bool has_gap)
{
    mxt_smtp_body_drop(smtp);
    struct mxt_smtp_body *body = calloc(1, sizeof *body);
    struct mxt_transaction *held = transaction == NULL ? mxt_smtp_transaction_new(smtp) : mxt_smtp_transaction_hold(transaction);
    if (body == NULL || held == NULL) {
        free(body);
        mxt_smtp_transaction_release(held);
        mxt_smtp_fail(smtp);
        return;
    }
    if (smtp->transaction != held) {
        mxt_smtp_transaction_detach(smtp);
        smtp->transaction = mxt_smtp_transaction_hold(held);
    }
    held->message.transfer = MXT_TRANSFER_DATA;
    *body = (struct mxt_smtp_body){.transaction = held, .is_assumed = is_assumed, .has_gap = has_gap};
    if (!has_gap)
        memcpy(body->last, "\r\n", sizeof body->last); /* the 354 stands at a line's start: ".\r\n" alone is an empty message */
    smtp->body = body;
    smtp->client = MXT_CLIENT_BODY;
    smtp->is_client_lost = false;
    smtp->is_mark_open = false;
    smtp->is_end_answered = false;
    if (!is_assumed)
        mxt_smtp_transaction_link(smtp, held);
}

static const char *mark_name(enum line_end before, enum line_end after)
{
    static const char *const names[4][4] = {
        [END_CRLF] = {[END_LF] = "\\r\\n.\\n", [END_CR] = "\\r\\n.\\r"},
        [END_LF] = {[END_CRLF] = "\\n.\\r\\n", [END_LF] = "\\n.\\n", [END_CR] = "\\n.\\r"},
        [END_CR] = {[END_CRLF] = "\\r.\\r\\n", [END_LF] = "\\r.\\n", [END_CR] = "\\r.\\r"},
    };
    return names[before][after];
}

/* The verb that stands right behind a look-alike, line ends and blanks aside; NULL: none. */
static const char *follow_verb(const struct mxt_smtp_body *body)
{
    const uint8_t *p = body->follow, *end = body->follow + body->follow_count;
    while (p < end && (*p == '\r' || *p == '\n' || *p == ' '))
        p++;
    size_t n = 0;
    while (p + n < end && p[n] != '\r' && p[n] != '\n')
        n++;
    const struct mxt_smtp_command *command = mxt_smtp_command_find(p, n);
    return command != NULL && command->is_smuggled ? command->name : NULL;
}

/* What follows the look-alike is known as far as it is looked at. */
static void follow_done(struct mxt_smtp_body *body)
{
    if (!body->is_following)
        return;
    body->is_following = false;
    const char *verb = follow_verb(body);
    if (body->followed != NULL)
        body->followed->verb = verb;
    if (verb == NULL && body->is_watch_young) { /* prose: nothing to follow the server with */
        free(body->behind);
        body->behind = NULL;
        body->is_watching = false;
    }
    body->is_watch_young = false;
}

/* Collects what follows a look-alike: a little to name the verb, more to read on as commands should the server take the bait. */
static void follow(struct mxt_smtp *smtp, struct mxt_smtp_body *body, const uint8_t *p, size_t n)
{
    if (body->is_following) {
        size_t room = sizeof body->follow - body->follow_count;
        size_t take = n < room ? n : room;
        memcpy(body->follow + body->follow_count, p, take);
        body->follow_count = (uint8_t)(body->follow_count + take);
    }
    if (body->is_watching) {
        struct mxt_smtp_stash *own = smtp->stash[MXT_TOSERVER];
        smtp->stash[MXT_TOSERVER] = body->behind;
        mxt_smtp_stash_add(smtp, MXT_TOSERVER, p, n);
        body->behind = smtp->stash[MXT_TOSERVER];
        smtp->stash[MXT_TOSERVER] = own;
    }
    if (body->is_following && body->follow_count == sizeof body->follow)
        follow_done(body);
}

static void found_mark(struct mxt_smtp *smtp, struct mxt_smtp_body *body, enum line_end after)
{
    struct mxt_smtp_facts *facts = &smtp->facts;
    follow_done(body);
    body->has_marks = true;
    body->followed = NULL;
    if (facts->smuggling_total++ < MXT_SMTP_SMUGGLING_MAX) {
        struct mxt_smuggling *mark = mxt_arena_alloc(smtp->arena, sizeof *mark);
        if (mark == NULL) {
            mxt_smtp_fail(smtp);
            return;
        }
        *mark = (struct mxt_smuggling){.mark = mark_name((enum line_end)body->before, after), .message = body->transaction->message.index};
        struct mxt_smuggling **end = &facts->smuggling;
        while (*end != NULL)
            end = &(*end)->next;
        *end = mark;
        body->followed = mark;
    }
    if (!body->is_watching) {
        body->is_watching = body->is_watch_young = true;
        body->watched = body->followed;
        body->watched_length = (uint8_t)((body->before == END_CRLF ? 0 : 1) + (after == END_CRLF ? 2 : 1));
    }
    body->is_following = true;
    body->follow_count = 0;
}

static enum line_end end_before(const struct mxt_smtp_body *body, const uint8_t *p, size_t dot)
{
    uint8_t last = dot >= 1 ? p[dot - 1] : body->last[1];
    uint8_t before = dot >= 2 ? p[dot - 2] : dot == 1 ? body->last[1] : body->last[0];
    if (last == '\n')
        return before == '\r' ? END_CRLF : END_LF;
    return last == '\r' ? END_CR : END_NONE;
}

/* GCC's and clang's vectors; on a machine that has none, or narrower ones, they become what there is. */
typedef uint8_t vector __attribute__((vector_size(32)));

/*
 * Adds marks of dots that may stand behind a line end, among the bytes from before[1] on. Bytes 8 to 15, CR and LF among them, are taken for line ends, which
 * saves a comparison; false alarms are rare in text. Prose has a dot every 60 bytes or so: looked at one by one, they cost three times as much.
 */
static inline __attribute__((always_inline)) void mark_line_dots(const uint8_t *before, vector *marks)
{
    vector ends, dots;
    memcpy(&ends, before, sizeof ends);
    memcpy(&dots, before + 1, sizeof dots);
    *marks |= (vector)(dots == '.') & (vector)((ends | 7) == 15);
}

static inline __attribute__((always_inline)) bool has_mark(const vector *marks)
{
    uint64_t quarters[4];
    memcpy(quarters, marks, sizeof quarters);
    return (quarters[0] | quarters[1] | quarters[2] | quarters[3]) != 0;
}

/* Where the first of `n` bytes is that may be a dot at a line's start, from `i` on, which is not 0; `n`: there is none. The last bytes are looked at with some before them. */
static inline __attribute__((always_inline)) size_t find_line_dot(const uint8_t *p, size_t i, size_t n)
{
    for (; n - i >= BLOCK; i += BLOCK) {
        vector marks = {0};
        for (size_t k = 0; k < BLOCK; k += sizeof(vector))
            mark_line_dots(p + i + k - 1, &marks);
        if (has_mark(&marks))
            break;
    }
    for (; n - i >= sizeof(vector); i += sizeof(vector)) {
        vector marks = {0};
        mark_line_dots(p + i - 1, &marks);
        if (has_mark(&marks)) {
            const uint8_t *bytes = (const uint8_t *)&marks, *first = memchr(bytes, 0xff, sizeof marks);
            return i + (size_t)(first - bytes);
        }
    }
    if (i < n && n > sizeof(vector)) {
        vector marks = {0};
        mark_line_dots(p + n - sizeof(vector) - 1, &marks);
        if (!has_mark(&marks))
            return n;
    }
    while (i < n && (p[i] != '.' || (p[i - 1] | 7) != 15))
        i++;
    return i;
}

MXT_WIDE static size_t find_line_dot_wide(const uint8_t *p, size_t i, size_t n)
{
    return find_line_dot(p, i, n);
}

static size_t next_line_dot(const uint8_t *p, size_t i, size_t n)
{
    return mxt_is_wide() ? find_line_dot_wide(p, i, n) : find_line_dot(p, i, n);
}

/* Passes over text up to and with the next dot that stands at a line's start, or everything. */
static size_t scan_text(struct mxt_smtp_body *body, const uint8_t *p, size_t n)
{
    size_t i = p[0] == '.' ? 0 : next_line_dot(p, 1, n); /* what is before the first byte is in `body` */
    for (; i < n; i = next_line_dot(p, i + 1, n)) {
        enum line_end before = end_before(body, p, i);
        if (before == END_NONE)
            continue;
        body->before = (uint8_t)before;
        body->state = SCAN_DOT;
        return i + 1;
    }
    return n;
}

static void remember_last(struct mxt_smtp_body *body, const uint8_t *p, size_t n)
{
    body->last[0] = n >= 2 ? p[n - 2] : body->last[1];
    body->last[1] = p[n - 1];
}

/* A dot stood at a line's start; the byte behind it, or behind its CR, decides. Returns what ends the dot's line; END_NONE: undecided, or none. */
static enum line_end scan_behind_dot(struct mxt_smtp_body *body, uint8_t byte, bool *is_taken)
{
    *is_taken = true;
    if (body->state == SCAN_DOT && byte == '\r') {
        body->state = SCAN_DOT_CR;
        return END_NONE;
    }
    enum line_end after = byte == '\n' ? (body->state == SCAN_DOT_CR ? END_CRLF : END_LF) : body->state == SCAN_DOT_CR ? END_CR : END_NONE;
    body->state = SCAN_TEXT;
    *is_taken = after == END_CRLF || after == END_LF;
    return after;
}

/* The true end has been seen. */
static void finish(struct mxt_smtp *smtp, struct mxt_smtp_body *body)
{
    struct mxt_transaction *transaction = body->transaction;
    follow_done(body);
    transaction->message.bytes -= transaction->message.bytes < 3 ? transaction->message.bytes : 3; /* the mark itself */
    if (body->is_assumed && transaction->message.bytes > 0)
        mxt_smtp_content_crossed(smtp, transaction); /* a lone dot: this was content */
    if (transaction->message.exposed == MXT_UNKNOWN && transaction->message.bytes == 0)
        transaction->message.exposed = MXT_NO; /* an empty message */
    if (mxt_smtp_queue_has_loss(smtp))
        mxt_smtp_queue_clear(smtp); /* whoever sends content has had every reply before it */
    (void)mxt_smtp_queue_push(smtp, MXT_VERB_END, transaction);
    smtp->is_mark_open = body->has_marks;
    smtp->is_end_answered = false;
    mxt_smtp_transaction_detach(smtp);
    mxt_smtp_body_drop(smtp);
    smtp->client = MXT_CLIENT_COMMANDS;
    smtp->is_after_group = false;
    smtp->commands_since_reply = 1;
}

static void count_content(struct mxt_smtp *smtp, struct mxt_smtp_body *body, const uint8_t *p, size_t n)
{
    body->transaction->message.bytes += n;
    remember_last(body, p, n);
    follow(smtp, body, p, n);
}

/* One step behind a dot. Returns the bytes taken; *is_end: with them the content ends. */
static size_t step_behind_dot(struct mxt_smtp *smtp, struct mxt_smtp_body *body, const uint8_t *p, bool *is_end)
{
    bool is_taken;
    enum line_end before = (enum line_end)body->before;
    enum line_end after = scan_behind_dot(body, p[0], &is_taken);
    if (is_taken)
        count_content(smtp, body, p, 1);
    *is_end = before == END_CRLF && after == END_CRLF;
    if (*is_end)
        return 1;
    if (body->state == SCAN_TEXT && before == END_CRLF)
        body->transaction->message.bytes--; /* RFC 5321 4.5.2: the dot was stuffed in, or is dropped by the reader */
    if (after != END_NONE)
        found_mark(smtp, body, after);
    return is_taken ? 1 : 0;
}

/* Whether a byte of content other than the end mark has crossed for certain. */
static bool has_content(const struct mxt_smtp_body *body)
{
    uint64_t open = body->before != END_CRLF || body->state == SCAN_TEXT ? 0 : body->state == SCAN_DOT ? 1 : 2;
    return body->transaction->message.bytes > open;
}

size_t mxt_smtp_body_take(struct mxt_smtp *smtp, const uint8_t *p, size_t n)
{
    struct mxt_smtp_body *body = smtp->body;
    uint64_t begin = mxt_smtp_place(smtp);
    size_t i = 0;
    bool is_end = false;
    while (i < n && !is_end && !smtp->has_failed) {
        mxt_smtp_go_to(smtp, begin + i);
        if (body->state != SCAN_TEXT) {
            i += step_behind_dot(smtp, body, p + i, &is_end);
        } else {
            size_t taken = scan_text(body, p + i, n - i);
            count_content(smtp, body, p + i, taken);
            i += taken;
        }
        if (!is_end && !body->is_assumed && has_content(body))
            mxt_smtp_content_crossed(smtp, body->transaction);
    }
    if (is_end)
        finish(smtp, body);
    return smtp->has_failed ? n : i;
}

void mxt_smtp_body_gap(struct mxt_smtp *smtp, uint64_t missing)
{
    struct mxt_smtp_body *body = smtp->body;
    body->has_gap = true;
    body->state = SCAN_TEXT;
    body->last[0] = body->last[1] = 0;
    follow_done(body);
    free(body->behind);
    body->behind = NULL;
    body->is_watching = false;
    body->transaction->message.bytes += missing;
    if (!body->is_assumed)
        mxt_smtp_content_crossed(smtp, body->transaction);
}

void mxt_smtp_marks_settle(struct mxt_smtp *smtp, enum mxt_fact server_ended)
{
    for (struct mxt_smuggling *mark = smtp->facts.smuggling; mark != NULL; mark = mark->next)
        if (mark->server_ended == MXT_UNKNOWN)
            mark->server_ended = server_ended;
    smtp->is_mark_open = false;
}

/* The server has ended the content before its true end: from here on, what the client sends are commands to it. */
static void end_by_server(struct mxt_smtp *smtp, struct mxt_smtp_body *body, uint16_t code)
{
    struct mxt_smtp_stash *behind = body->behind;
    struct mxt_smtp_pending end = {.verb = MXT_VERB_END, .transaction = mxt_smtp_transaction_hold(body->transaction)};
    body->behind = NULL;
    (void)mxt_smtp_end_replied(smtp, &end, code);
    if (body->is_watching && !body->has_gap)
        end.transaction->message.bytes -= body->watched_length + (behind == NULL ? 0 : behind->total);
    bool is_certain = !body->has_gap && (behind == NULL || behind->total == behind->length);
    bool is_clean = is_certain && body->is_watching;
    mxt_smtp_pending_release(&end);
    mxt_smtp_transaction_detach(smtp);
    mxt_smtp_body_drop(smtp);
    if (!is_clean) {
        mxt_smtp_client_lose(smtp);
        smtp->is_absorbing = true; /* the reply to what was lost has come */
    } else {
        smtp->client = MXT_CLIENT_COMMANDS;
        mxt_smtp_client_replay(smtp, behind);
        behind = NULL;
    }
    free(behind);
}

bool mxt_smtp_body_replied(struct mxt_smtp *smtp, uint16_t code)
{
    struct mxt_smtp_body *body = smtp->body;
    if (body->is_assumed && code == 354) {
        mxt_smtp_body_confirm(smtp, true);
        return true;
    }
    bool is_positive = code >= 200 && code < 300;
    bool is_bait = body->has_marks && (is_positive || body->is_watching);
    if (is_bait && !body->has_gap) {
        struct mxt_smuggling *mark = body->is_watching ? body->watched : body->followed;
        if (mark != NULL)
            mark->server_ended = MXT_YES;
    } else if (!body->has_gap) {
        return false; /* out of turn */
    }
    end_by_server(smtp, body, code);
    return true;
}

void mxt_smtp_body_confirm(struct mxt_smtp *smtp, bool is_accepted)
{
    struct mxt_smtp_body *body = smtp->body;
    if (!is_accepted) {
        if (body->is_assumed)
            mxt_smtp_client_lose(smtp);
        return;
    }
    body->is_assumed = false;
    if (has_content(body))
        mxt_smtp_content_crossed(smtp, body->transaction);
}
