/* The vocabulary (RFC 5321 4.1 and its extensions), and what a command does when it crosses. */
#include <string.h>

#include "decoders/smtp_int.h"

static const struct mxt_smtp_command vocabulary[] = {
    /* name           verb                     ends: group, transaction; smuggled; argument */
    {"EHLO",          MXT_VERB_EHLO,           true,  true,  true,  true},
    {"HELO",          MXT_VERB_HELO,           true,  true,  true,  true},
    {"LHLO",          MXT_VERB_LHLO,           true,  true,  true,  true},
    {"MAIL",          MXT_VERB_MAIL,           false, false, true,  true},
    {"RCPT",          MXT_VERB_RCPT,           false, false, true,  true},
    {"DATA",          MXT_VERB_DATA,           true,  false, true,  false},
    {"BDAT",          MXT_VERB_BDAT,           false, false, true,  true},
    {"RSET",          MXT_VERB_RSET,           false, true,  true,  false},
    {"STARTTLS",      MXT_VERB_STARTTLS,       true,  false, true,  false},
    {"X-ANONYMOUSTLS", MXT_VERB_X_ANONYMOUSTLS, true, false, false, false},
    {"AUTH",          MXT_VERB_AUTH,           true,  false, true,  true},
    {"XCLIENT",       MXT_VERB_XCLIENT,        true,  true,  true,  true},
    {"QUIT",          MXT_VERB_QUIT,           true,  true,  true,  false},
    {"NOOP",          MXT_VERB_OTHER,          true,  false, true,  false},
    {"VRFY",          MXT_VERB_OTHER,          true,  false, true,  true},
    {"EXPN",          MXT_VERB_OTHER,          true,  false, false, true},
    {"HELP",          MXT_VERB_OTHER,          false, false, false, false},
    {"ETRN",          MXT_VERB_OTHER,          false, false, false, true},
    {"TURN",          MXT_VERB_OTHER,          true,  false, false, false},
    {"ATRN",          MXT_VERB_OTHER,          true,  false, false, true},
    {"SEND",          MXT_VERB_MAIL,           false, false, false, true},
    {"SOML",          MXT_VERB_MAIL,           false, false, false, true},
    {"SAML",          MXT_VERB_MAIL,           false, false, false, true},
    {"XFORWARD",      MXT_VERB_OTHER,          false, false, false, true},
    {"XVERP",         MXT_VERB_OTHER,          false, false, false, false},
    {"XEXCH50",       MXT_VERB_OTHER,          false, false, false, true},
    {"X-EXPS",        MXT_VERB_OTHER,          true,  false, false, true},
    {"BURL",          MXT_VERB_OTHER,          false, false, false, true},
};
#define VOCABULARY (sizeof vocabulary / sizeof *vocabulary)

const struct mxt_smtp_command *mxt_smtp_command_find(const uint8_t *p, size_t n)
{
    struct mxt_smtp_word verb = mxt_smtp_word_first(p, n);
    for (size_t i = 0; i < VOCABULARY; i++)
        if (mxt_smtp_word_is(verb, vocabulary[i].name))
            return &vocabulary[i];
    return NULL;
}

const char *mxt_smtp_command_name(uint8_t row)
{
    return row < VOCABULARY ? vocabulary[row].name : "";
}

static bool has_prefix(struct mxt_smtp_word word, const char *prefix)
{
    size_t n = strlen(prefix);
    return word.n >= n && mxt_smtp_word_is((struct mxt_smtp_word){word.p, n}, prefix);
}

bool mxt_smtp_command_is_strict(const struct mxt_smtp_command *command, const uint8_t *p, size_t n)
{
    struct mxt_smtp_word argument = mxt_smtp_word_rest(p, n);
    if (command->verb == MXT_VERB_MAIL)
        return has_prefix(argument, "FROM:");
    if (command->verb == MXT_VERB_RCPT)
        return has_prefix(argument, "TO:");
    if (!command->has_argument)
        return argument.n == 0;
    return argument.n > 0 && mxt_smtp_word_rest(argument.p, argument.n).n == 0; /* one word: prose has more */
}

static void note_before(struct mxt_smtp *smtp, const struct mxt_smtp_command *command)
{
    if (smtp->before_count < MXT_SMTP_BEFORE_MAX && mxt_smtp_is_clear(smtp))
        smtp->before[smtp->before_count++] = (uint8_t)(command - vocabulary);
}

/* A command that no one knows: perhaps STARTTLS, overwritten on its way (RFC 3207 6: a client that is kept from asking). */
static void unknown_sent(struct mxt_smtp *smtp, const uint8_t *p, size_t n)
{
    struct mxt_starttls_facts *facts = &smtp->facts.starttls;
    struct mxt_smtp_word line = {p, n};
    bool is_place = smtp->facts.ehlo == MXT_YES && smtp->transaction == NULL && smtp->facts.messages_total == 0 && mxt_smtp_is_clear(smtp);
    smtp->facts.unknown_verbs++;
    if (!is_place || n != strlen("STARTTLS") || !mxt_smtp_word_is_overwritten(line)) {
        (void)mxt_smtp_queue_push(smtp, MXT_VERB_UNKNOWN, NULL);
        return;
    }
    if (facts->mangled_command == NULL && (facts->mangled_command = mxt_text_keep(smtp->arena, p, n, smtp->limits.text)) == NULL)
        mxt_smtp_fail(smtp);
    mxt_smtp_spoke_line(smtp);
    facts->reply_code = 0;
    facts->reply_text = NULL;
    (void)mxt_smtp_queue_push(smtp, MXT_VERB_MANGLED, NULL);
}

/* BDAT SP chunk-size [SP "LAST"] (RFC 3030 2): the chunk follows at once, accepted or not. */
static void bdat_sent(struct mxt_smtp *smtp, struct mxt_smtp_word argument)
{
    uint64_t size;
    if (!mxt_smtp_word_number(mxt_smtp_word_first(argument.p, argument.n), UINT64_MAX, &size)) {
        (void)mxt_smtp_queue_push(smtp, MXT_VERB_UNKNOWN, NULL);
        return;
    }
    if (smtp->transaction == NULL)
        smtp->transaction = mxt_smtp_transaction_new(smtp);
    if (smtp->transaction == NULL)
        return;
    smtp->transaction->message.transfer = MXT_TRANSFER_BDAT;
    struct mxt_smtp_pending *pending = mxt_smtp_queue_push(smtp, MXT_VERB_BDAT, smtp->transaction);
    if (pending != NULL)
        pending->is_last = mxt_smtp_word_is(mxt_smtp_word_rest(argument.p, argument.n), "LAST");
    smtp->chunk = size;
    smtp->is_chunk_last = mxt_smtp_word_is(mxt_smtp_word_rest(argument.p, argument.n), "LAST");
    smtp->client = MXT_CLIENT_CHUNK;
}

/* XCLIENT name=value ... (Postfix's XCLIENT_README): the names alone are kept. */
static void xclient_sent(struct mxt_smtp *smtp, struct mxt_smtp_word argument)
{
    uint8_t names[256]; /* the known attributes take 60 */
    size_t length = 0;
    while (argument.n > 0) {
        struct mxt_smtp_word word = mxt_smtp_word_first(argument.p, argument.n);
        const uint8_t *equals = memchr(word.p, '=', word.n);
        size_t n = equals == NULL ? 0 : (size_t)(equals - word.p);
        if (n > 0 && length + n + 1 <= sizeof names) {
            if (length > 0)
                names[length++] = ' ';
            memcpy(names + length, word.p, n);
            length += n;
        }
        argument = mxt_smtp_word_rest(argument.p, argument.n);
    }
    if (smtp->facts.xclient == NULL && (smtp->facts.xclient = mxt_text_keep(smtp->arena, names, length, smtp->limits.text)) == NULL)
        mxt_smtp_fail(smtp);
    (void)mxt_smtp_queue_push(smtp, MXT_VERB_XCLIENT, NULL);
}

static void perform(struct mxt_smtp *smtp, const struct mxt_smtp_command *command, struct mxt_smtp_word argument)
{
    mxt_smtp_spoke_line(smtp);
    if (command->ends_transaction)
        mxt_smtp_transaction_close(smtp, false);
    switch (command->verb) {
    case MXT_VERB_EHLO:
    case MXT_VERB_HELO:
    case MXT_VERB_LHLO:
        mxt_smtp_ehlo_sent(smtp, command->verb, argument.p, argument.n);
        (void)mxt_smtp_queue_push(smtp, command->verb, NULL);
        break;
    case MXT_VERB_MAIL:
        mxt_smtp_mail_sent(smtp, argument.p, argument.n);
        break;
    case MXT_VERB_RCPT:
        mxt_smtp_rcpt_sent(smtp, argument.p, argument.n);
        break;
    case MXT_VERB_DATA:
        (void)mxt_smtp_queue_push(smtp, MXT_VERB_DATA, smtp->transaction);
        mxt_smtp_client_wait(smtp, MXT_VERB_DATA);
        break;
    case MXT_VERB_BDAT:
        bdat_sent(smtp, argument);
        break;
    case MXT_VERB_STARTTLS:
    case MXT_VERB_X_ANONYMOUSTLS:
        mxt_smtp_starttls_sent(smtp, command->verb);
        break;
    case MXT_VERB_AUTH:
        mxt_smtp_auth_sent(smtp, argument.p, argument.n);
        break;
    case MXT_VERB_XCLIENT:
        xclient_sent(smtp, argument);
        break;
    default:
        (void)mxt_smtp_queue_push(smtp, command->verb, NULL);
        break;
    }
}

void mxt_smtp_command(struct mxt_smtp *smtp, const uint8_t *p, size_t n)
{
    if (n == 0)
        return; /* an empty line is no command; servers that answer it speak out of turn */
    const struct mxt_smtp_command *command = mxt_smtp_command_find(p, n);
    if (smtp->is_client_lost && (command == NULL || !mxt_smtp_command_is_strict(command, p, n)))
        return; /* content, or the rest of a line */
    smtp->is_client_lost = false;
    if (smtp->is_mark_open && smtp->is_end_answered && smtp->queue == NULL)
        mxt_smtp_marks_settle(smtp, MXT_NO);
    mxt_smtp_queue_resynchronise(smtp, command == NULL ? MXT_VERB_UNKNOWN : command->verb);
    if (smtp->commands_since_reply < 2)
        smtp->commands_since_reply++;
    smtp->is_pipelining = smtp->is_pipelining || smtp->commands_since_reply > 1;
    smtp->is_after_group = command != NULL && command->ends_group;
    smtp->has_command = true;
    if (command == NULL) {
        unknown_sent(smtp, p, n);
        return;
    }
    perform(smtp, command, mxt_smtp_word_rest(p, n));
    note_before(smtp, command);
}
