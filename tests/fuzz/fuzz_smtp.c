/*
 * A dialogue of any bytes. The pair FE ED separates chunks; a chunk's first byte says what it is: C or S for bytes of the client or the server, c or s for a
 * gap (as long as the rest of the chunk, times 100). Each chunk is fed in a block of exact size. Fed byte by byte, the dialogue must give the same facts.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "decoders/smtp.h"

#define GAP_UNIT 100u
#define DIGEST_START 1469598103934665603u /* FNV-1a */
#define DIGEST_PRIME 1099511628211u

static void add_bytes(uint64_t *digest, const void *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        *digest = (*digest ^ ((const uint8_t *)p)[i]) * DIGEST_PRIME;
}

static void add_text(uint64_t *digest, const char *text)
{
    add_bytes(digest, text == NULL ? "" : text, text == NULL ? 1 : strlen(text));
}

static void add_number(uint64_t *digest, uint64_t number)
{
    add_bytes(digest, &number, sizeof number);
}

static void add_list(uint64_t *digest, const struct mxt_text_list *list)
{
    add_number(digest, list->total);
    for (uint16_t i = 0; i < list->count; i++)
        add_text(digest, list->items[i]);
}

static void add_messages(uint64_t *digest, const struct mxt_smtp_facts *f)
{
    uint32_t kept = 0;
    for (const struct mxt_message *m = f->messages; m != NULL; m = m->next, kept++) {
        add_number(digest, m->index);
        add_text(digest, m->mail_from);
        add_list(digest, &m->rcpt_to);
        for (const struct mxt_rejected *r = m->rcpt_rejected; r != NULL; r = r->next)
            add_text(digest, r->rcpt);
        add_number(digest, m->bytes);
        add_number(digest, (uint64_t)m->transfer << 32 | (uint64_t)m->exposed << 24 | (uint64_t)m->delivered << 16 | m->reply_code);
        if (m->bytes > UINT64_MAX / 2)
            abort(); /* it went below zero */
    }
    if (kept > f->messages_total || f->exposed_total > f->messages_total || f->delivered_total > f->messages_total)
        abort();
}

static uint64_t digest_of(const struct mxt_smtp *smtp)
{
    const struct mxt_smtp_facts *f = mxt_smtp_facts(smtp);
    uint64_t digest = DIGEST_START;
    const char *const texts[] = {f->proxied_src_ip,       f->banner,          f->server_name,              f->helo,           f->starttls.reply_text,
                                 f->starttls.masked,      f->xclient,         f->starttls.mangled_command, f->auth.mechanism};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        add_text(&digest, texts[i]);
    add_list(&digest, &f->capabilities);
    add_list(&digest, &f->starttls.injected_verbs);
    add_list(&digest, &f->starttls.before);
    const uint64_t numbers[] = {f->banner_code, f->ehlo, f->ehlo_reply_code, f->helo_reply_code, f->has_capabilities, f->starttls.offered, f->starttls.requested,
                                f->starttls.reply_code, f->starttls.injected_toserver, f->starttls.injected_toclient, f->auth.plaintext, f->auth.reply_code,
                                f->auth.attempts, f->messages_total, f->recipients_total, f->exposed_total, f->delivered_total, f->smuggling_total,
                                f->lines_too_long, f->unknown_verbs, f->unpaired_replies, f->pairing_lost, mxt_smtp_tls_mode(smtp), mxt_smtp_is_decrypted(smtp),
                                mxt_smtp_is_tls(smtp, MXT_TOSERVER), mxt_smtp_is_tls(smtp, MXT_TOCLIENT)};
    add_bytes(&digest, numbers, sizeof numbers);
    for (const struct mxt_smuggling *s = f->smuggling; s != NULL; s = s->next) {
        add_text(&digest, s->mark);
        add_text(&digest, s->verb);
        add_number(&digest, s->server_ended);
    }
    add_messages(&digest, f);
    return digest;
}

static void feed(struct mxt_smtp *smtp, enum mxt_direction direction, const uint8_t *p, size_t n)
{
    if (n == 0 || mxt_smtp_is_tls(smtp, direction))
        return;
    uint8_t *exact = malloc(n);
    size_t consumed;
    if (exact == NULL)
        abort();
    memcpy(exact, p, n);
    if (mxt_smtp_feed(smtp, direction, exact, n, &consumed) != MXT_OK || consumed > n || (consumed < n && !mxt_smtp_is_tls(smtp, direction)))
        abort();
    free(exact);
}

static void chunk(struct mxt_smtp *smtp, const uint8_t *p, size_t n, bool is_bytewise)
{
    if (n == 0)
        return;
    enum mxt_direction direction = p[0] == 'C' || p[0] == 'c' ? MXT_TOSERVER : MXT_TOCLIENT;
    if (p[0] == 'c' || p[0] == 's') {
        mxt_smtp_gap(smtp, direction, (n - 1) * GAP_UNIT);
        return;
    }
    if (!is_bytewise)
        feed(smtp, direction, p + 1, n - 1);
    for (size_t i = 1; is_bytewise && i < n; i++)
        feed(smtp, direction, p + i, 1);
}

static uint64_t play(const uint8_t *data, size_t size, bool is_midstream, bool is_bytewise)
{
    struct mxt_arena arena;
    mxt_arena_init(&arena, 0);
    const struct mxt_smtp_limits limits = {.line = 256, .text = 64, .messages = 4, .recipients = 4, .capabilities = 4, .queue = 8};
    struct mxt_smtp *smtp = mxt_smtp_new(&arena, &limits, is_midstream);
    if (smtp == NULL)
        abort();
    size_t start = 0;
    for (size_t i = 0; i + 1 < size; i++)
        if (data[i] == 0xFE && data[i + 1] == 0xED) {
            chunk(smtp, data + start, i - start, is_bytewise);
            start = i + 2;
            i++;
        }
    if (start < size)
        chunk(smtp, data + start, size - start, is_bytewise);
    mxt_smtp_finish(smtp, !is_midstream);
    uint64_t digest = digest_of(smtp);
    mxt_smtp_free(smtp);
    mxt_arena_free(&arena);
    return digest;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    (void)mxt_smtp_is_server_speech(data, size);
    bool is_midstream = data[0] == 'm';
    if (play(data + 1, size - 1, is_midstream, false) != play(data + 1, size - 1, is_midstream, true))
        abort();
    return 0;
}
