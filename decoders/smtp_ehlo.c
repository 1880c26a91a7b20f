/* The server's greeting and its answer to EHLO (RFC 5321 4.1.1.1, 4.2; RFC 3207 4 for what is offered). */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "decoders/smtp_int.h"

/* An EHLO reply that is being read. It becomes a fact when it is whole. */
struct mxt_smtp_ehlo {
    struct mxt_arena arena;
    struct mxt_text_list lines; /* raw text is made safe here already */
    size_t bytes;               /* of those strings, NULs included */
    const char *name;           /* first word of its first line, or NULL */
    const char *masked;
    bool is_starttls_offered;
};

/* Lines that nearly every server sends; kept without memory of their own. */
static const char *const usual_lines[] = {"PIPELINING", "STARTTLS", "ENHANCEDSTATUSCODES", "8BITMIME", "DSN", "SMTPUTF8", "CHUNKING", "VRFY", "ETRN",
                                          "HELP", "SIZE", "EXPN", "BINARYMIME", "AUTH PLAIN LOGIN", "PIPECONNECT", "REQUIRETLS"};

static const char *usual_line(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < sizeof usual_lines / sizeof *usual_lines; i++)
        if (strlen(usual_lines[i]) == n && memcmp(usual_lines[i], p, n) == 0)
            return usual_lines[i];
    return NULL;
}

/* The server's name, in lower case, from the first word if it is a host name. */
static void keep_server_name(struct mxt_smtp *smtp, struct mxt_smtp_word word)
{
    uint8_t name[256];
    if (!mxt_smtp_word_is_domain(word) || word.n > sizeof name)
        return;
    for (size_t i = 0; i < word.n; i++)
        name[i] = (uint8_t)tolower(word.p[i]);
    mxt_smtp_replace(smtp, &smtp->facts.server_name, name, word.n);
}

void mxt_smtp_greeting_line(struct mxt_smtp *smtp, const uint8_t *p, size_t n, bool is_first)
{
    if (!is_first || !mxt_smtp_is_clear(smtp))
        return;
    bool is_last;
    struct mxt_smtp_word text;
    (void)mxt_smtp_word_reply(p, n, &is_last, &text);
    mxt_smtp_replace(smtp, &smtp->facts.banner, p, n);
    keep_server_name(smtp, mxt_smtp_word_first(text.p, text.n));
}

void mxt_smtp_greeting_done(struct mxt_smtp *smtp, uint16_t code)
{
    if (smtp->is_midstream && !smtp->has_command)
        mxt_smtp_queue_clear(smtp); /* little was missed */
    if (mxt_smtp_is_clear(smtp))
        smtp->facts.banner_code = code;
}

void mxt_smtp_ehlo_sent(struct mxt_smtp *smtp, enum mxt_smtp_verb verb, const uint8_t *argument, size_t n)
{
    struct mxt_smtp_facts *facts = &smtp->facts;
    if (!mxt_smtp_is_clear(smtp))
        return;
    if (n > 0)
        mxt_smtp_replace(smtp, &facts->helo, argument, n);
    if (verb != MXT_VERB_HELO)
        facts->ehlo = MXT_YES;
    else if (facts->ehlo == MXT_UNKNOWN && !smtp->has_client_gap && !smtp->is_midstream)
        facts->ehlo = MXT_NO; /* behind a gap an EHLO may have gone before */
    facts->is_lmtp = facts->is_lmtp || verb == MXT_VERB_LHLO;
}

static void first_line(struct mxt_smtp *smtp, struct mxt_smtp_ehlo *ehlo, const uint8_t *text, size_t n)
{
    struct mxt_smtp_word word = mxt_smtp_word_first(text, n);
    if (!mxt_smtp_word_is_domain(word))
        return;
    ehlo->name = mxt_arena_copy(&ehlo->arena, word.p, word.n);
    if (ehlo->name == NULL)
        mxt_smtp_fail(smtp);
}

void mxt_smtp_ehlo_line(struct mxt_smtp *smtp, uint16_t code, const uint8_t *text, size_t n, bool is_first)
{
    if (code != 250 || !mxt_smtp_is_clear(smtp))
        return;
    if (smtp->ehlo == NULL && (smtp->ehlo = calloc(1, sizeof *smtp->ehlo)) == NULL) {
        mxt_smtp_fail(smtp);
        return;
    }
    struct mxt_smtp_ehlo *ehlo = smtp->ehlo;
    if (is_first) {
        first_line(smtp, ehlo, text, n);
        return;
    }
    struct mxt_smtp_word keyword = mxt_smtp_word_first(text, n);
    if (mxt_smtp_word_is(keyword, "STARTTLS") || mxt_smtp_word_is(keyword, "X-ANONYMOUSTLS"))
        ehlo->is_starttls_offered = true;
    bool is_kept = ehlo->lines.count < smtp->limits.capabilities;
    bool is_masked = ehlo->masked == NULL && mxt_smtp_word_is_overwritten(keyword);
    const char *line = is_kept || is_masked ? usual_line(text, n) : "";
    if (line == NULL) {
        line = mxt_text_keep(&ehlo->arena, text, n, smtp->limits.text);
        ehlo->bytes += line == NULL ? 0 : strlen(line) + 1;
    }
    if (is_masked) /* as seen: the keyword alone */
        ehlo->masked = mxt_text_keep(&ehlo->arena, keyword.p, keyword.n, smtp->limits.text);
    if (line == NULL || (is_masked && ehlo->masked == NULL) || mxt_text_list_add(&ehlo->lines, &ehlo->arena, line, smtp->limits.capabilities) != MXT_OK)
        mxt_smtp_fail(smtp);
}

static bool is_same_list(const struct mxt_text_list *a, const struct mxt_text_list *b)
{
    if (a->count != b->count)
        return false;
    for (uint16_t i = 0; i < a->count; i++)
        if (strcmp(a->items[i], b->items[i]) != 0)
            return false;
    return true;
}

/* Copies the lines, in an array that fits, to where they stay. */
static void keep_capabilities(struct mxt_smtp *smtp, const struct mxt_smtp_ehlo *ehlo)
{
    struct mxt_text_list kept = {.total = ehlo->lines.total};
    if (is_same_list(&smtp->facts.capabilities, &ehlo->lines)) {
        smtp->facts.capabilities.total = ehlo->lines.total;
        return;
    }
    smtp->facts.capabilities = kept; /* before the old strings may be thrown out */
    if (ehlo->lines.count == 0)
        return;
    struct mxt_arena *arena = mxt_smtp_words(smtp, ehlo->bytes + ehlo->lines.count * sizeof(char *));
    kept.items = mxt_arena_alloc(arena, ehlo->lines.count * sizeof *kept.items);
    if (kept.items == NULL) {
        mxt_smtp_fail(smtp);
        return;
    }
    kept.capacity = ehlo->lines.count;
    for (; kept.count < ehlo->lines.count; kept.count++) {
        const char *line = ehlo->lines.items[kept.count];
        const char *usual = usual_line((const uint8_t *)line, strlen(line));
        kept.items[kept.count] = usual != NULL ? usual : mxt_arena_copy(arena, line, strlen(line));
        if (kept.items[kept.count] == NULL) {
            mxt_smtp_fail(smtp);
            break;
        }
    }
    smtp->facts.capabilities = kept;
}

void mxt_smtp_ehlo_done(struct mxt_smtp *smtp, uint16_t code, bool is_mixed)
{
    if (!mxt_smtp_is_clear(smtp))
        return;
    struct mxt_smtp_facts *facts = &smtp->facts;
    facts->ehlo_reply_code = code;
    struct mxt_smtp_ehlo *ehlo = smtp->ehlo;
    if (is_mixed && code < 300) {
        mxt_smtp_ehlo_lost(smtp);
    } else if (code == 250 && !is_mixed && ehlo != NULL) {
        keep_capabilities(smtp, ehlo);
        facts->has_capabilities = true;
        facts->starttls.offered = ehlo->is_starttls_offered ? MXT_YES : MXT_NO;
        if (facts->server_name == NULL && ehlo->name != NULL)
            keep_server_name(smtp, (struct mxt_smtp_word){(const uint8_t *)ehlo->name, strlen(ehlo->name)});
        if (facts->starttls.masked == NULL && ehlo->masked != NULL) {
            facts->starttls.masked = mxt_arena_copy(smtp->arena, ehlo->masked, strlen(ehlo->masked));
            if (facts->starttls.masked == NULL)
                mxt_smtp_fail(smtp);
        }
    }
    mxt_smtp_ehlo_drop(smtp);
}

void mxt_smtp_ehlo_lost(struct mxt_smtp *smtp)
{
    struct mxt_smtp_facts *facts = &smtp->facts;
    facts->ehlo_reply_code = 0;
    facts->has_capabilities = false;
    facts->capabilities = (struct mxt_text_list){0};
    facts->starttls.offered = MXT_UNKNOWN;
    mxt_smtp_ehlo_drop(smtp);
}

void mxt_smtp_ehlo_drop(struct mxt_smtp *smtp)
{
    if (smtp->ehlo == NULL)
        return;
    mxt_arena_free(&smtp->ehlo->arena);
    free(smtp->ehlo);
    smtp->ehlo = NULL;
}
