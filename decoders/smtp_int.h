/*
 * Inside the SMTP decoder. One file per subject:
 *   smtp.c               the session: feeding, gaps, the end
 *   smtp_client.c        what the client's bytes are now: commands, content, or waiting for the reply that decides it
 *   smtp_lines.c         lines out of bytes; held only when they do not arrive whole
 *   smtp_commands.c      the vocabulary, and what a command does when it crosses
 *   smtp_queue.c         commands that wait for their reply, and what is lost with a gap
 *   smtp_replies.c       replies, and whom they answer
 *   smtp_ehlo.c          greeting, EHLO, capabilities
 *   smtp_starttls.c      STARTTLS, where TLS begins, what stands before it
 *   smtp_auth.c          AUTH
 *   smtp_transactions.c  messages
 *   smtp_body.c          content: the marks of its end
 *   smtp_words.c         pure scanners of words, numbers, addresses
 */
#ifndef MXT_DECODERS_SMTP_INT_H
#define MXT_DECODERS_SMTP_INT_H

#include "decoders/smtp.h"

#define MXT_SMTP_STASH_MAX 4096u        /* plaintext bytes that may wait for the reply which tells what they are */
#define MXT_SMTP_BEFORE_MAX 16u         /* verbs kept in starttls.before */
#define MXT_SMTP_INJECTED_MAX 16u       /* verbs kept of injected bytes */
#define MXT_SMTP_SMUGGLING_MAX 16u      /* look-alikes kept */
#define MXT_SMTP_FOLLOW 16u             /* bytes behind a look-alike in which a verb is looked for */
#define MXT_SMTP_MESSAGE_ARENA 65536u   /* bytes one message's addresses may take; beyond they are only counted */
#define MXT_SMTP_FIRST_WORDS 1024u      /* bytes of strings that may be said anew which go to the session's arena; later ones are replaceable */
#define MXT_SMTP_LATER_WORDS 4096u      /* bytes of replaced strings that may pile up before they are thrown out */

/* What waits for a reply. The first are the commands (smtp_commands.c names them), the last stand for something else. */
enum mxt_smtp_verb {
    MXT_VERB_UNKNOWN = 0,
    MXT_VERB_EHLO,
    MXT_VERB_HELO,
    MXT_VERB_LHLO,
    MXT_VERB_MAIL,
    MXT_VERB_RCPT,
    MXT_VERB_DATA,
    MXT_VERB_BDAT,
    MXT_VERB_RSET,
    MXT_VERB_STARTTLS,
    MXT_VERB_X_ANONYMOUSTLS,
    MXT_VERB_AUTH,
    MXT_VERB_XCLIENT,
    MXT_VERB_QUIT,
    MXT_VERB_OTHER,         /* known, without an effect here: NOOP, VRFY, ... */
    MXT_VERB_MANGLED,       /* a command overwritten where STARTTLS belongs */
    MXT_VERB_AUTH_RESPONSE, /* the client's answer to a 334 */
    MXT_VERB_END,           /* the mark at the end of DATA's content */
    MXT_VERB_LOST           /* commands or replies went missing here: any number of replies may come that belong to nothing we know */
};

static inline bool mxt_smtp_verb_is_greeting(uint8_t verb)
{
    return verb == MXT_VERB_EHLO || verb == MXT_VERB_HELO || verb == MXT_VERB_LHLO;
}

/* Whether TLS may begin behind the verb. */
static inline bool mxt_smtp_verb_is_starttls(uint8_t verb)
{
    return verb == MXT_VERB_STARTTLS || verb == MXT_VERB_X_ANONYMOUSTLS;
}

/* A row of the vocabulary. */
struct mxt_smtp_command {
    const char *name;
    enum mxt_smtp_verb verb;
    bool ends_group;       /* RFC 2920 3.1: the client waits for all replies behind it */
    bool ends_transaction;
    bool is_smuggled;      /* worth naming behind a look-alike */
    bool has_argument;     /* stands alone or not: how a command is told from prose when the state is lost */
};

/* A message from its MAIL command on; shared by the commands that wait, the client's state, the content and the list of facts. */
struct mxt_transaction {
    struct mxt_message message; /* first: the facts' list leads through it */
    struct mxt_arena arena;     /* its strings */
    struct mxt_transaction *outer; /* the open transaction in which this MAIL was (wrongly) sent; restored when it is refused */
    uint16_t references;
    bool is_linked;             /* in the list of facts (or has been) */
    bool is_refused;            /* MAIL was answered 4xx or 5xx */
    bool is_closed;             /* the client ended it */
    bool has_loss;              /* a gap may hide what became of it */
    uint32_t counted;           /* bytes of its arena that are in smtp->messages_bytes */
};

/* A command that waits for its reply. */
struct mxt_smtp_pending {
    struct mxt_transaction *transaction; /* a reference, or NULL */
    uint8_t *text;                       /* RCPT: the address as sent */
    uint16_t text_length;
    uint16_t answered;                   /* replies so far (LMTP: one per recipient) */
    uint8_t verb;                        /* enum mxt_smtp_verb */
    bool is_last;                        /* BDAT LAST */
};

struct mxt_smtp_queue {
    uint16_t head, count, capacity;
    struct mxt_smtp_pending items[]; /* a ring */
};

/* Bytes that wait until it is known what they are. */
struct mxt_smtp_stash {
    uint64_t start;    /* offset of the first in the client's stream */
    uint64_t total;    /* bytes seen; those beyond `length` are not kept */
    uint64_t missing;  /* bytes behind them that were not captured, or came after such */
    uint32_t length, capacity;
    uint32_t read;     /* bytes that were read anew */
    bool is_mid_line;
    bool has_line;     /* a line end is among them */
    uint8_t bytes[];
};

/* Where in the client's stream its commands stand; only where that is asked for. */
struct mxt_smtp_places {
    uint64_t fed;               /* bytes fed or missing so far */
    uint64_t server_fed;        /* the server's */
    uint64_t at;                /* offset of the byte that is read next, which may have been fed before */
    uint64_t line_start, line_end; /* of the line being read */
    size_t count, room;
    struct mxt_smtp_span *spans;
};

/* The beginning of an unfinished line. */
struct mxt_smtp_line {
    uint16_t length, capacity;
    bool is_too_long;  /* the rest is passed over up to the line's end */
    uint8_t bytes[];
};

/* A whole line without its line end. */
struct mxt_smtp_text {
    const uint8_t *p;
    size_t n;
    void *owned;       /* to be freed by the taker, or NULL */
};

enum mxt_smtp_client {
    MXT_CLIENT_START = 0, /* nothing seen: a PROXY header, TLS or a command */
    MXT_CLIENT_COMMANDS,
    MXT_CLIENT_WAITING,   /* the reply to `barrier` decides what the bytes are */
    MXT_CLIENT_RESPONSE,  /* after a 334: one line, never looked at */
    MXT_CLIENT_BODY,      /* DATA's content */
    MXT_CLIENT_CHUNK,     /* BDAT's content: `chunk` bytes are left */
    MXT_CLIENT_SKIP,      /* the rest of a PROXY header: `chunk` bytes */
    MXT_CLIENT_TENTATIVE, /* after the 220 to STARTTLS, before TLS */
    MXT_CLIENT_TLS
};

enum mxt_smtp_server { MXT_SERVER_REPLIES = 0, MXT_SERVER_TENTATIVE, MXT_SERVER_TLS };

/* Whom the reply that is being read answers. */
enum mxt_smtp_target { MXT_TARGET_NONE = 0, MXT_TARGET_GREETING, MXT_TARGET_HEAD, MXT_TARGET_STRAY };

struct mxt_smtp_body;      /* smtp_body.c */
struct mxt_smtp_ehlo;      /* smtp_ehlo.c: an EHLO reply that is not whole yet */

/* What every segment looks at comes first. */
struct mxt_smtp {
    uint8_t client;                  /* enum mxt_smtp_client */
    uint8_t server;                  /* enum mxt_smtp_server */
    uint8_t target;                  /* enum mxt_smtp_target */
    uint8_t barrier;                 /* enum mxt_smtp_verb */
    uint8_t tls_mode;                /* enum mxt_tls_mode */
    uint8_t commands_since_reply;    /* saturates at 2: pipelining */
    bool has_failed : 1;
    bool is_midstream : 1;
    bool is_decrypted : 1;
    bool is_greeting_expected : 1;
    bool is_reply_mixed : 1;         /* the code changed between its lines */
    bool is_pipelining : 1;
    bool is_after_group : 1;         /* the last command sent ends a group: whoever sends another has all replies */
    bool is_absorbing : 1;           /* a reply came, or was lost, since the loss mark was set */
    bool is_client_lost : 1;         /* only unmistakable commands count */
    bool has_client_gap : 1;
    bool has_server_gap : 1;
    bool may_guess : 1;              /* the barrier's reply will not be recognised: the bytes themselves tell */
    bool is_starttls_open : 1;       /* STARTTLS was sent and its reply never seen: what follows may be a decrypting mirror's */
    bool is_tls_agreed : 1;          /* 220 was seen */
    bool has_client_spoken : 1;      /* plaintext line of the client after the 220 */
    bool has_command : 1;            /* a command was seen */
    bool has_reply : 1;              /* a reply was seen */
    bool is_auth_secret : 1;         /* the running AUTH's mechanism carries one */
    bool has_auth_succeeded : 1;
    bool is_mark_open : 1;           /* whether the server took a look-alike for the end is still to be seen */
    bool is_end_answered : 1;
    bool is_chunk_last : 1;          /* the running BDAT ends the message */
    uint8_t before_count : 5;        /* of `before` */
    uint16_t reply_code;             /* of the reply being read */
    uint16_t first_words;            /* of MXT_SMTP_FIRST_WORDS */
    uint16_t later_live;             /* KiB that lived in `later` when it was last cleaned */
    uint16_t messages_kept;
    uint32_t messages_bytes;         /* of the messages kept, but for the last */
    uint8_t before[MXT_SMTP_BEFORE_MAX]; /* rows of the vocabulary, in the order of sending */
    struct mxt_smtp_limits limits;
    struct mxt_smtp_body *body;
    struct mxt_transaction *transaction; /* the client's open one */
    struct mxt_smtp_queue *queue;    /* NULL when empty */
    struct mxt_smtp_stash *replay;   /* the client's, known now for what they are: read before anything else */
    struct mxt_smtp_line *lines[2];  /* by direction, or NULL */
    struct mxt_smtp_stash *stash[2];
    uint64_t chunk;                  /* bytes of a BDAT chunk or PROXY header that are still to come */
    struct mxt_smtp_ehlo *ehlo;
    struct mxt_smtp_places *places; /* NULL: not asked for */
    struct mxt_arena *arena;
    struct mxt_message *last_message;
    struct mxt_arena later;          /* strings that were said anew; thrown out and copied when too many */
    struct mxt_smtp_facts facts;
};

/* Counts the failure; the decoder stops. */
void mxt_smtp_fail(struct mxt_smtp *smtp);

/* Whether facts of the session before TLS may still be written. */
static inline bool mxt_smtp_is_clear(const struct mxt_smtp *smtp)
{
    return !smtp->is_decrypted;
}

/* --- smtp_lines.c */

/*
 * Takes bytes of a direction up to and with a line end. Returns how many; text->p is not NULL when the line is whole: it lies in the input or in
 * text->owned, CRs before the LF are dropped. A line is cut at limits.line.
 */
size_t mxt_smtp_line_take(struct mxt_smtp *smtp, enum mxt_direction direction, const uint8_t *p, size_t n, struct mxt_smtp_text *text);

/* Gives up an unfinished line. */
void mxt_smtp_line_drop(struct mxt_smtp *smtp, enum mxt_direction direction);

/* Whether an unfinished line ends in a bare CR; then it is handed over as whole. */
bool mxt_smtp_line_end_bare(struct mxt_smtp *smtp, enum mxt_direction direction, struct mxt_smtp_text *text);

/* Whether the next byte begins a line. */
bool mxt_smtp_line_is_start(const struct mxt_smtp *smtp, enum mxt_direction direction);

/* Appends to a direction's stash, as far as it goes. */
void mxt_smtp_stash_add(struct mxt_smtp *smtp, enum mxt_direction direction, const uint8_t *p, size_t n);

/* Takes the stash out; the caller frees it. NULL: nothing was stashed. */
struct mxt_smtp_stash *mxt_smtp_stash_take(struct mxt_smtp *smtp, enum mxt_direction direction);

/*
 * Gives *slot the safe text of the bytes. What a session may say again and again is kept so that memory stays bounded. The old string dies.
 * The slots are those that smtp.c names.
 */
void mxt_smtp_replace(struct mxt_smtp *smtp, const char **slot, const uint8_t *p, size_t n);

/* Memory that is replaceable likewise; only for what mxt_smtp_sweep knows to copy. */
struct mxt_arena *mxt_smtp_words(struct mxt_smtp *smtp, size_t n);

/* --- smtp_client.c */

/* Takes the client's bytes, those that wait to be read anew first; returns how many of `p`: fewer than `n` where TLS begins. */
size_t mxt_smtp_client_feed(struct mxt_smtp *smtp, const uint8_t *p, size_t n);

void mxt_smtp_client_gap(struct mxt_smtp *smtp, uint64_t missing);

/*
 * The server speaks and nothing waits for its answer, but a line of the client ends in a bare CR: so the server took that for the line's end, as some do
 * (RFC 5321 2.3.8 forbids it). It is read likewise.
 */
void mxt_smtp_client_end_bare(struct mxt_smtp *smtp);

/* Commands may be missing from here on. */
void mxt_smtp_client_lose(struct mxt_smtp *smtp);

/* The client's bytes wait for the reply to a command. */
void mxt_smtp_client_wait(struct mxt_smtp *smtp, enum mxt_smtp_verb barrier);

/* The bytes (owned from here on, may be NULL) are read anew at the next mxt_smtp_client_feed, before what it is given. */
void mxt_smtp_client_replay(struct mxt_smtp *smtp, struct mxt_smtp_stash *stash);

/* What waited is content of the transaction (may be NULL), by the server's word. */
void mxt_smtp_client_resume_body(struct mxt_smtp *smtp, struct mxt_transaction *transaction);

/* What waited is read anew in this state, if the client waits. */
void mxt_smtp_client_resume(struct mxt_smtp *smtp, enum mxt_smtp_client state);

/* No reply will tell what the waiting bytes are: they tell themselves. */
void mxt_smtp_client_guess(struct mxt_smtp *smtp);

/* Moves where the next byte is read. */
static inline void mxt_smtp_go_to(struct mxt_smtp *smtp, uint64_t offset)
{
    if (smtp->places != NULL)
        smtp->places->at = offset;
}

static inline uint64_t mxt_smtp_place(const struct mxt_smtp *smtp)
{
    return smtp->places == NULL ? 0 : smtp->places->at;
}

/* Bytes of the client's are a command, or a header in front of all. */
void mxt_smtp_spoke(struct mxt_smtp *smtp, uint64_t start, uint64_t end);

/* The line being read is a command. */
void mxt_smtp_spoke_line(struct mxt_smtp *smtp);

/* --- smtp_commands.c */

void mxt_smtp_command(struct mxt_smtp *smtp, const uint8_t *p, size_t n);

/* The vocabulary's row that the line's first word names; NULL: none. */
const struct mxt_smtp_command *mxt_smtp_command_find(const uint8_t *p, size_t n);

/* Whether the line can hardly be anything but this command. */
bool mxt_smtp_command_is_strict(const struct mxt_smtp_command *command, const uint8_t *p, size_t n);

/* The name in the row that smtp->before holds. */
const char *mxt_smtp_command_name(uint8_t row);

/* --- smtp_queue.c */

/* A command waits for its reply. Takes a reference of the transaction. NULL: it could not be queued (pairing is lost or memory is out). Valid until the next call. */
struct mxt_smtp_pending *mxt_smtp_queue_push(struct mxt_smtp *smtp, enum mxt_smtp_verb verb, struct mxt_transaction *transaction);

/* The oldest, or NULL. */
struct mxt_smtp_pending *mxt_smtp_queue_head(const struct mxt_smtp *smtp);

/* Whether a loss mark waits. */
bool mxt_smtp_queue_has_loss(const struct mxt_smtp *smtp);

/* The oldest of a kind, or NULL. */
struct mxt_smtp_pending *mxt_smtp_queue_find(const struct mxt_smtp *smtp, enum mxt_smtp_verb verb);

/* Takes the head out; release it with mxt_smtp_pending_release. The queue is not empty. */
struct mxt_smtp_pending mxt_smtp_queue_pop(struct mxt_smtp *smtp);

void mxt_smtp_pending_release(struct mxt_smtp_pending *pending);

/* Everything that waits is answered or lost: its facts become unknown. */
void mxt_smtp_queue_clear(struct mxt_smtp *smtp);

/* The session is over: what still waits is not answered any more. The queue stays. */
void mxt_smtp_queue_settle(struct mxt_smtp *smtp);

/* Any number of unknown replies may come from here on. */
void mxt_smtp_queue_mark_loss(struct mxt_smtp *smtp);

/* The client sends `verb`: if it must have had the replies that were lost, pairing begins anew. */
void mxt_smtp_queue_resynchronise(struct mxt_smtp *smtp, enum mxt_smtp_verb verb);

/* --- smtp_replies.c */

/* Takes the server's bytes; returns how many: fewer than `n` where TLS begins. */
size_t mxt_smtp_server_feed(struct mxt_smtp *smtp, const uint8_t *p, size_t n);

void mxt_smtp_server_gap(struct mxt_smtp *smtp);

/* The client speaks while a line of the server ends in a bare CR: so it took that for the line's end. */
void mxt_smtp_server_end_bare(struct mxt_smtp *smtp);

/* One line of the server. */
void mxt_smtp_reply_line(struct mxt_smtp *smtp, const uint8_t *p, size_t n);

/* --- smtp_ehlo.c */

void mxt_smtp_greeting_line(struct mxt_smtp *smtp, const uint8_t *p, size_t n, bool is_first);
void mxt_smtp_greeting_done(struct mxt_smtp *smtp, uint16_t code);
void mxt_smtp_ehlo_line(struct mxt_smtp *smtp, uint16_t code, const uint8_t *text, size_t n, bool is_first);
void mxt_smtp_ehlo_done(struct mxt_smtp *smtp, uint16_t code, bool is_mixed);
void mxt_smtp_ehlo_sent(struct mxt_smtp *smtp, enum mxt_smtp_verb verb, const uint8_t *argument, size_t n);

/* An EHLO's reply was lost: the last whole one is not known any more. */
void mxt_smtp_ehlo_lost(struct mxt_smtp *smtp);

/* Frees a reply that is not whole. */
void mxt_smtp_ehlo_drop(struct mxt_smtp *smtp);

/* --- smtp_starttls.c */

void mxt_smtp_starttls_sent(struct mxt_smtp *smtp, enum mxt_smtp_verb verb);
void mxt_smtp_starttls_replied(struct mxt_smtp *smtp, enum mxt_smtp_verb verb, uint16_t code);

/* Whether TLS may begin with the next byte of a direction, which is at a line's start, and does with this one. */
bool mxt_smtp_tls_is_next(const struct mxt_smtp *smtp, enum mxt_direction direction, uint8_t byte);

/* The direction is TLS from here on. */
void mxt_smtp_tls_begin(struct mxt_smtp *smtp, enum mxt_direction direction);

/* Stashes plaintext where TLS may begin. Returns the bytes taken: fewer than `n` where it does. */
size_t mxt_smtp_tentative_take(struct mxt_smtp *smtp, enum mxt_direction direction, const uint8_t *p, size_t n);

/* The server answers in plaintext what the client asked in plaintext, after the 220. */
void mxt_smtp_starttls_check_decrypted(struct mxt_smtp *smtp);

/* --- smtp_auth.c */

void mxt_smtp_auth_sent(struct mxt_smtp *smtp, const uint8_t *argument, size_t n);
void mxt_smtp_auth_response(struct mxt_smtp *smtp, const uint8_t *p, size_t n);
void mxt_smtp_auth_replied(struct mxt_smtp *smtp, uint16_t code);

/* --- smtp_transactions.c */

struct mxt_transaction *mxt_smtp_transaction_new(struct mxt_smtp *smtp);
struct mxt_transaction *mxt_smtp_transaction_hold(struct mxt_transaction *transaction);
void mxt_smtp_transaction_release(struct mxt_transaction *transaction);

/* The client ends its transaction, if it has one. has_loss: or a gap hides what becomes of it. */
void mxt_smtp_transaction_close(struct mxt_smtp *smtp, bool has_loss);

/* The client has sent its message: the next command belongs to none. */
void mxt_smtp_transaction_detach(struct mxt_smtp *smtp);

/* Puts it into the list of facts, once. */
void mxt_smtp_transaction_link(struct mxt_smtp *smtp, struct mxt_transaction *transaction);

void mxt_smtp_mail_sent(struct mxt_smtp *smtp, const uint8_t *argument, size_t n);
void mxt_smtp_rcpt_sent(struct mxt_smtp *smtp, const uint8_t *argument, size_t n);
void mxt_smtp_mail_replied(struct mxt_smtp *smtp, struct mxt_transaction *transaction, uint16_t code);
void mxt_smtp_rcpt_unanswered(struct mxt_smtp *smtp, const struct mxt_smtp_pending *rcpt);
void mxt_smtp_rcpt_replied(struct mxt_smtp *smtp, const struct mxt_smtp_pending *rcpt, uint16_t code);

/* Answer to the end of a message. Returns whether more answers to it are due (LMTP). */
bool mxt_smtp_end_replied(struct mxt_smtp *smtp, struct mxt_smtp_pending *end, uint16_t code);

/* A byte of the transaction's content has crossed. */
void mxt_smtp_content_crossed(struct mxt_smtp *smtp, struct mxt_transaction *transaction);

/* The session is over: what the open messages came to. */
void mxt_smtp_transactions_settle(struct mxt_smtp *smtp, bool is_complete);

void mxt_smtp_messages_free(struct mxt_smtp *smtp);

/* --- smtp_body.c */

/* Content begins. is_assumed: no 354 was seen. has_gap: its beginning may be missing. */
void mxt_smtp_body_begin(struct mxt_smtp *smtp, struct mxt_transaction *transaction, bool is_assumed, bool has_gap);

/* Scans content; returns the bytes taken, fewer than `n` where it ends. */
size_t mxt_smtp_body_take(struct mxt_smtp *smtp, const uint8_t *p, size_t n);

void mxt_smtp_body_gap(struct mxt_smtp *smtp, uint64_t missing);

/* A reply comes while content crosses and no command waits. Returns whether it answers the end of that content. */
bool mxt_smtp_body_replied(struct mxt_smtp *smtp, uint16_t code);

/* The reply to DATA comes late, content is on its way on suspicion. */
void mxt_smtp_body_confirm(struct mxt_smtp *smtp, bool is_accepted);

/* Drops the state, content or not. */
void mxt_smtp_body_drop(struct mxt_smtp *smtp);

/* What the server made of look-alikes is known now. */
void mxt_smtp_marks_settle(struct mxt_smtp *smtp, enum mxt_fact server_ended);

/* --- smtp_words.c: pure scanners */

struct mxt_smtp_word {
    const uint8_t *p;
    size_t n;
};

/* The first word, up to space or tab. */
struct mxt_smtp_word mxt_smtp_word_first(const uint8_t *p, size_t n);

/* What follows the first word, without blanks on either side. */
struct mxt_smtp_word mxt_smtp_word_rest(const uint8_t *p, size_t n);

/* Whether the word is this ASCII text, case-blind. */
bool mxt_smtp_word_is(struct mxt_smtp_word word, const char *text);

/* The address of a MAIL or RCPT argument (RFC 5321 4.1.2): between brackets, without a source route, quoted strings heeded; without brackets, the first word. */
struct mxt_smtp_word mxt_smtp_word_address(const uint8_t *argument, size_t n);

/* The part of an address from its last @ on; empty where there is none. */
struct mxt_smtp_word mxt_smtp_word_domain(struct mxt_smtp_word address);

/* Whether the word was overwritten in place, as middleboxes do: XXXXXXXX, XXXXXXXA, ********. */
bool mxt_smtp_word_is_overwritten(struct mxt_smtp_word word);

/* Whether the word is a host name of two labels or more, and no address. */
bool mxt_smtp_word_is_domain(struct mxt_smtp_word word);

/* A decimal number; false where it is none or above `max`. */
bool mxt_smtp_word_number(struct mxt_smtp_word word, uint64_t max, uint64_t *value);

/* The code of a reply line (200-599), 0 where it is none. *is_last: no hyphen follows. *text: what follows the separator. */
uint16_t mxt_smtp_word_reply(const uint8_t *p, size_t n, bool *is_last, struct mxt_smtp_word *text);

/* Whether the line looks like a message's header field ("Received: ..."). */
bool mxt_smtp_word_is_header(const uint8_t *p, size_t n);

#endif
