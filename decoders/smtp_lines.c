/*
 * Lines out of bytes, and the memory of what is said again and again. A line that arrives whole is looked at where it lies; only the beginning of
 * one that does not is held, up to limits.line.
 */
#include <stdlib.h>
#include <string.h>

#include "decoders/smtp_int.h"

#define HELD_FIRST 128u  /* bytes of a line's first block; most commands and replies fit */
#define STASH_FIRST 256u
#define ADDRESS_USUAL 64u /* bytes that an address takes, for the estimate of what a pipelined group holds */

/* Appends to the held beginning, up to the limit; what goes beyond marks the line. */
static void hold(struct mxt_smtp *smtp, enum mxt_direction direction, const uint8_t *p, size_t n)
{
    struct mxt_smtp_line *line = smtp->lines[direction];
    size_t length = line == NULL ? 0 : line->length;
    size_t room = (size_t)smtp->limits.line - length;
    size_t wanted = length + (n < room ? n : room);
    if (line == NULL || wanted > line->capacity) {
        size_t capacity = line == NULL ? HELD_FIRST : line->capacity;
        while (capacity < wanted)
            capacity *= 2;
        if (capacity > smtp->limits.line)
            capacity = smtp->limits.line;
        struct mxt_smtp_line *grown = realloc(line, sizeof *grown + capacity);
        if (grown == NULL) {
            mxt_smtp_fail(smtp);
            return;
        }
        if (line == NULL)
            *grown = (struct mxt_smtp_line){0};
        grown->capacity = (uint16_t)capacity;
        smtp->lines[direction] = line = grown;
    }
    memcpy(line->bytes + length, p, wanted - length);
    line->length = (uint16_t)wanted;
    line->is_too_long = line->is_too_long || n > room;
}

/* Makes a whole line of the bytes, which came in one piece or were held. */
static struct mxt_smtp_text whole(struct mxt_smtp *smtp, const uint8_t *p, size_t n, bool is_too_long, void *owned)
{
    if (n > smtp->limits.line) {
        n = smtp->limits.line;
        is_too_long = true;
    }
    if (is_too_long)
        smtp->facts.lines_too_long++;
    while (n > 0 && p[n - 1] == '\r')
        n--;
    return (struct mxt_smtp_text){.p = p, .n = n, .owned = owned};
}

static struct mxt_smtp_text whole_held(struct mxt_smtp *smtp, enum mxt_direction direction)
{
    struct mxt_smtp_line *line = smtp->lines[direction];
    smtp->lines[direction] = NULL;
    return whole(smtp, line->bytes, line->length, line->is_too_long, line);
}

size_t mxt_smtp_line_take(struct mxt_smtp *smtp, enum mxt_direction direction, const uint8_t *p, size_t n, struct mxt_smtp_text *text)
{
    const uint8_t *lf = memchr(p, '\n', n);
    *text = (struct mxt_smtp_text){0};
    if (lf == NULL) {
        hold(smtp, direction, p, n);
        return n;
    }
    size_t length = (size_t)(lf - p);
    if (mxt_smtp_line_is_start(smtp, direction)) {
        *text = whole(smtp, p, length, false, NULL);
    } else {
        hold(smtp, direction, p, length);
        *text = whole_held(smtp, direction);
    }
    return length + 1;
}

bool mxt_smtp_line_end_bare(struct mxt_smtp *smtp, enum mxt_direction direction, struct mxt_smtp_text *text)
{
    const struct mxt_smtp_line *line = smtp->lines[direction];
    if (line == NULL || line->length < 2 || line->is_too_long || line->bytes[line->length - 1] != '\r')
        return false;
    *text = whole_held(smtp, direction);
    return true;
}

void mxt_smtp_line_drop(struct mxt_smtp *smtp, enum mxt_direction direction)
{
    free(smtp->lines[direction]);
    smtp->lines[direction] = NULL;
}

bool mxt_smtp_line_is_start(const struct mxt_smtp *smtp, enum mxt_direction direction)
{
    return smtp->lines[direction] == NULL;
}

void mxt_smtp_stash_add(struct mxt_smtp *smtp, enum mxt_direction direction, const uint8_t *p, size_t n)
{
    struct mxt_smtp_stash *stash = smtp->stash[direction];
    size_t kept = stash == NULL ? 0 : stash->length;
    size_t take = n < MXT_SMTP_STASH_MAX - kept ? n : MXT_SMTP_STASH_MAX - kept;
    if (stash == NULL || kept + take > stash->capacity) {
        size_t capacity = stash == NULL ? STASH_FIRST : stash->capacity;
        while (capacity < kept + take)
            capacity *= 2;
        struct mxt_smtp_stash *grown = realloc(stash, sizeof *grown + capacity);
        if (grown == NULL) {
            mxt_smtp_fail(smtp);
            return;
        }
        if (stash == NULL)
            *grown = (struct mxt_smtp_stash){.start = mxt_smtp_place(smtp)};
        grown->capacity = (uint32_t)capacity;
        smtp->stash[direction] = stash = grown;
    }
    if (n == 0)
        return;
    memcpy(stash->bytes + kept, p, take);
    stash->length = (uint32_t)(kept + take);
    stash->total += n;
    stash->is_mid_line = p[n - 1] != '\n';
    stash->has_line = stash->has_line || memchr(p, '\n', n) != NULL;
}

struct mxt_smtp_stash *mxt_smtp_stash_take(struct mxt_smtp *smtp, enum mxt_direction direction)
{
    struct mxt_smtp_stash *stash = smtp->stash[direction];
    smtp->stash[direction] = NULL;
    return stash;
}

static void copy_word(struct mxt_smtp *smtp, struct mxt_arena *fresh, const char **slot)
{
    if (*slot == NULL)
        return;
    *slot = mxt_arena_copy(fresh, *slot, strlen(*slot));
    if (*slot == NULL)
        mxt_smtp_fail(smtp);
}

static void copy_list(struct mxt_smtp *smtp, struct mxt_arena *fresh, struct mxt_text_list *list)
{
    struct mxt_text_list copy = {0};
    for (uint16_t i = 0; i < list->count && !smtp->has_failed; i++) {
        const char *word = list->items[i];
        copy_word(smtp, fresh, &word);
        if (word != NULL && mxt_text_list_add(&copy, fresh, word, list->count) != MXT_OK)
            mxt_smtp_fail(smtp);
    }
    copy.total = list->total;
    *list = copy;
}

/* Throws out what was said before: the strings in force move to a fresh arena. */
static void sweep(struct mxt_smtp *smtp)
{
    struct mxt_smtp_facts *facts = &smtp->facts;
    const char **const slots[] = {&facts->banner, &facts->server_name, &facts->helo, &facts->starttls.reply_text, &facts->auth.mechanism};
    struct mxt_arena fresh;
    mxt_arena_init(&fresh, 0);
    for (size_t i = 0; i < sizeof slots / sizeof *slots; i++)
        copy_word(smtp, &fresh, slots[i]);
    copy_list(smtp, &fresh, &facts->capabilities);
    mxt_arena_free(&smtp->later);
    smtp->later = fresh;
    smtp->later_live = (uint16_t)(fresh.reserved / 1024);
}

struct mxt_arena *mxt_smtp_words(struct mxt_smtp *smtp, size_t n)
{
    if (n <= (size_t)MXT_SMTP_FIRST_WORDS - smtp->first_words) {
        smtp->first_words = (uint16_t)(smtp->first_words + n);
        return smtp->arena;
    }
    if (smtp->later.reserved > MXT_SMTP_LATER_WORDS + 2048u * smtp->later_live)
        sweep(smtp);
    return &smtp->later;
}

void mxt_smtp_replace(struct mxt_smtp *smtp, const char **slot, const uint8_t *p, size_t n)
{
    if (*slot != NULL && strlen(*slot) == n && n > 0 && memcmp(*slot, p, n) == 0)
        return;
    *slot = NULL;
    *slot = mxt_text_keep(mxt_smtp_words(smtp, n), p, n, smtp->limits.text);
    if (*slot == NULL)
        mxt_smtp_fail(smtp);
}

size_t mxt_smtp_memory(const struct mxt_smtp *smtp)
{
    const struct mxt_transaction *last = (const struct mxt_transaction *)smtp->last_message;
    size_t n = smtp->messages_bytes + smtp->later.reserved;
    if (last != NULL)
        n += sizeof *last + last->arena.reserved;
    if (smtp->transaction != NULL && smtp->transaction != last)
        n += sizeof *smtp->transaction + smtp->transaction->arena.reserved;
    if (smtp->queue != NULL) /* RCPT keeps its address with it */
        n += sizeof *smtp->queue + smtp->queue->capacity * (sizeof smtp->queue->items[0] + (smtp->queue->count > 1 ? ADDRESS_USUAL : 0));
    for (int direction = MXT_TOSERVER; direction <= MXT_TOCLIENT; direction++) {
        n += smtp->lines[direction] == NULL ? 0 : sizeof *smtp->lines[0] + smtp->lines[direction]->capacity;
        n += smtp->stash[direction] == NULL ? 0 : sizeof *smtp->stash[0] + smtp->stash[direction]->capacity;
    }
    return n;
}
