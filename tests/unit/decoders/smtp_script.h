/*
 * Scripted dialogues for the SMTP decoder. A case is a list of steps and the facts that must come of it, as text; facts that say nothing are left out.
 *   "C:..."  the client's bytes        "c:N"  N bytes of the client were not captured
 *   "S:..."  the server's bytes        "s:N"  N bytes of the server were not captured
 *   "!midstream"  the beginning was not captured      "!cut"  the capture ends before the session does
 *   "!private"    only domains are kept
 * Each is run whole, byte by byte, cut in two at every byte, and with an arena that refuses at every allocation.
 */
#ifndef MXT_TESTS_SMTP_SCRIPT_H
#define MXT_TESTS_SMTP_SCRIPT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "decoders/smtp.h"

#define STEPS 24

struct script {
    const char *name;
    const char *expected;
    const char *steps[STEPS];
};

struct text {
    char bytes[16384];
    size_t n;
};

__attribute__((format(printf, 2, 3))) static void say(struct text *out, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(out->bytes + out->n, sizeof out->bytes - out->n, format, arguments);
    va_end(arguments);
    assert_true(n >= 0 && (size_t)n < sizeof out->bytes - out->n);
    out->n += (size_t)n;
}

static void say_list(struct text *out, const char *name, const struct mxt_text_list *list)
{
    if (list->total == 0)
        return;
    say(out, "%s=", name);
    for (uint16_t i = 0; i < list->count; i++)
        say(out, "%s%s", i == 0 ? "" : ";", list->items[i]);
    if (list->total != list->count)
        say(out, " of %u", (unsigned)list->total);
    say(out, "\n");
}

static void say_text(struct text *out, const char *name, const char *value)
{
    if (value != NULL)
        say(out, "%s=%s\n", name, value);
}

static void say_number(struct text *out, const char *name, uint64_t value)
{
    if (value != 0)
        say(out, "%s=%llu\n", name, (unsigned long long)value);
}

static const char *fact(enum mxt_fact value)
{
    return value == MXT_YES ? "yes" : value == MXT_NO ? "no" : "?";
}

static void say_fact(struct text *out, const char *name, enum mxt_fact value)
{
    if (value != MXT_UNKNOWN)
        say(out, "%s=%s\n", name, fact(value));
}

static void say_messages(struct text *out, const struct mxt_smtp_facts *facts)
{
    for (const struct mxt_message *m = facts->messages; m != NULL; m = m->next) {
        say(out, "message %u <%s> %s %llu exposed=%s reply=%u delivered=%s\n", (unsigned)m->index, m->mail_from == NULL ? "?" : m->mail_from,
            m->transfer == MXT_TRANSFER_DATA ? "DATA" : m->transfer == MXT_TRANSFER_BDAT ? "BDAT" : "-", (unsigned long long)m->bytes, fact(m->exposed),
            (unsigned)m->reply_code, fact(m->delivered));
        say_list(out, " to", &m->rcpt_to);
        if (m->rcpt_unanswered.total > 0)
            say_list(out, " unanswered", &m->rcpt_unanswered);
        for (const struct mxt_rejected *r = m->rcpt_rejected; r != NULL; r = r->next)
            say(out, " rejected %s %u\n", r->rcpt, (unsigned)r->code);
    }
    if (facts->messages_total > 1 || facts->messages == NULL)
        say_number(out, "messages", facts->messages_total);
}

static void say_facts(struct text *out, const struct mxt_smtp *smtp)
{
    const struct mxt_smtp_facts *f = mxt_smtp_facts(smtp);
    say_text(out, "proxied", f->proxied_src_ip);
    say_text(out, "banner", f->banner);
    say_number(out, "banner_code", f->banner_code);
    say_text(out, "server", f->server_name);
    say_text(out, "helo", f->helo);
    say_fact(out, "ehlo", f->ehlo);
    if (f->is_lmtp)
        say(out, "lmtp\n");
    say_number(out, "ehlo_code", f->ehlo_reply_code);
    say_number(out, "helo_code", f->helo_reply_code);
    say_list(out, f->has_capabilities ? "capabilities" : "NOT WHOLE", &f->capabilities);
    if (f->has_capabilities && f->capabilities.total == 0)
        say(out, "capabilities none\n");
    say_fact(out, "offered", f->starttls.offered);
    say_fact(out, "requested", f->starttls.requested);
    say_number(out, "starttls_code", f->starttls.reply_code);
    say_text(out, "starttls_text", f->starttls.reply_text);
    say_text(out, "masked", f->starttls.masked);
    say_text(out, "mangled", f->starttls.mangled_command);
    say_number(out, "injected_toserver", f->starttls.injected_toserver);
    say_number(out, "injected_toclient", f->starttls.injected_toclient);
    say_list(out, "injected_verbs", &f->starttls.injected_verbs);
    say_list(out, "before", &f->starttls.before);
    say_text(out, "auth", f->auth.mechanism);
    say_fact(out, "auth_plaintext", f->auth.plaintext);
    say_number(out, "auth_code", f->auth.reply_code);
    say_number(out, "auth_attempts", f->auth.attempts);
    say_messages(out, f);
    for (const struct mxt_smuggling *s = f->smuggling; s != NULL; s = s->next)
        say(out, "mark %s in %u verb %s ended=%s\n", s->mark, (unsigned)s->message, s->verb == NULL ? "-" : s->verb, fact(s->server_ended));
    say_text(out, "xclient", f->xclient);
    say_number(out, "too_long", f->lines_too_long);
    say_number(out, "unknown_verbs", f->unknown_verbs);
    say_number(out, "unpaired", f->unpaired_replies);
    if (f->pairing_lost)
        say(out, "pairing lost\n");
    static const char *const modes[] = {"none", "starttls", "implicit", "x-anonymoustls"};
    if (mxt_smtp_tls_mode(smtp) != MXT_TLS_NONE)
        say(out, "mode=%s\n", modes[mxt_smtp_tls_mode(smtp)]);
    if (mxt_smtp_is_decrypted(smtp))
        say(out, "decrypted\n");
}

struct run {
    struct mxt_smtp *smtp;
    size_t tls[2]; /* bytes that were left to TLS */
    bool has_failed;
};

static void feed(struct run *run, enum mxt_direction direction, const char *bytes, size_t n)
{
    if (n == 0)
        return;
    if (mxt_smtp_is_tls(run->smtp, direction)) {
        run->tls[direction] += n;
        return;
    }
    uint8_t *copy = malloc(n); /* of exact size: a byte read beyond is found */
    assert_non_null(copy);
    memcpy(copy, bytes, n);
    size_t consumed = n + 1;
    enum mxt_status status = mxt_smtp_feed(run->smtp, direction, copy, n, &consumed);
    free(copy);
    assert_true(consumed <= n);
    if (status != MXT_OK) {
        assert_int_equal(status, MXT_ENOMEM);
        assert_int_equal(consumed, n);
        run->has_failed = true;
    } else {
        assert_false(run->has_failed);
        assert_true(consumed == n || mxt_smtp_is_tls(run->smtp, direction));
        run->tls[direction] += n - consumed;
    }
}

/* Feeds `n` bytes in pieces: one each, or two cut at *cut, which counts on over all steps. */
static void feed_pieces(struct run *run, enum mxt_direction direction, const char *bytes, size_t n, bool is_bytewise, size_t *cut)
{
    size_t first = !is_bytewise && *cut < n ? *cut : n;
    *cut -= first == n ? n : 0;
    for (size_t i = 0; is_bytewise && i < n; i++)
        feed(run, direction, bytes + i, 1);
    if (is_bytewise)
        return;
    feed(run, direction, bytes, first);
    feed(run, direction, bytes + first, n - first);
    if (first < n)
        *cut = SIZE_MAX / 2;
}

static bool has_option(const struct script *script, const char *option)
{
    for (size_t i = 0; i < STEPS && script->steps[i] != NULL; i++)
        if (strcmp(script->steps[i], option) == 0)
            return true;
    return false;
}

static bool play(const struct script *script, bool is_bytewise, size_t cut, uint32_t fail_at, struct text *out)
{
    struct mxt_arena arena;
    mxt_arena_init(&arena, 0);
    arena.fail_at = fail_at;
    struct mxt_smtp_limits limits = MXT_SMTP_LIMITS_DEFAULT;
    limits.drop_local_parts = has_option(script, "!private");
    struct run run = {.smtp = mxt_smtp_new(&arena, &limits, has_option(script, "!midstream"))};
    assert_non_null(run.smtp);
    for (size_t i = 0; i < STEPS && script->steps[i] != NULL; i++) {
        const char *step = script->steps[i];
        enum mxt_direction direction = step[0] == 'C' || step[0] == 'c' ? MXT_TOSERVER : MXT_TOCLIENT;
        if (step[0] == 'C' || step[0] == 'S')
            feed_pieces(&run, direction, step + 2, strlen(step + 2), is_bytewise, &cut);
        else if (step[0] != '!')
            mxt_smtp_gap(run.smtp, direction, strtoull(step + 2, NULL, 10));
    }
    mxt_smtp_finish(run.smtp, !has_option(script, "!cut"));
    out->n = 0;
    out->bytes[0] = '\0';
    say_facts(out, run.smtp);
    say_number(out, "tls_toserver", run.tls[MXT_TOSERVER]);
    say_number(out, "tls_toclient", run.tls[MXT_TOCLIENT]);
    bool has_failed = arena.failures > 0;
    assert_true(has_failed == run.has_failed || has_failed);
    mxt_smtp_free(run.smtp);
    mxt_arena_free(&arena);
    return has_failed;
}

static void expect(const struct script *script, const char *how, size_t at, const struct text *got)
{
    if (strcmp(got->bytes, script->expected) == 0)
        return;
    print_error("--- %s, %s %zu: expected\n%s--- got\n%s---\n", script->name, how, at, script->expected, got->bytes);
    fail();
}

static void play_all(const struct script *scripts, size_t count)
{
    static struct text got;
    for (size_t i = 0; i < count; i++) {
        const struct script *script = &scripts[i];
        size_t total = 0;
        for (size_t s = 0; s < STEPS && script->steps[s] != NULL; s++)
            total += strlen(script->steps[s]);
        (void)play(script, false, SIZE_MAX / 2, 0, &got);
        expect(script, "whole", 0, &got);
        (void)play(script, true, 0, 0, &got);
        expect(script, "byte by byte", 0, &got);
        for (size_t cut = 1; cut < total; cut++) {
            (void)play(script, false, cut, 0, &got);
            expect(script, "cut at", cut, &got);
        }
        uint32_t n = 1;
        while (play(script, false, SIZE_MAX / 2, n, &got))
            n++;
        expect(script, "no refusal before allocation", n, &got);
    }
}

#endif
