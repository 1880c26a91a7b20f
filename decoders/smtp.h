/*
 * SMTP as spoken on the wire (RFC 5321, 1870, 2034, 2920, 3030, 3207, 4954, 6152, 6531, LMTP RFC 2033, PROXY protocol 1 and 2, XCLIENT,
 * Exchange's X-ANONYMOUSTLS).
 *
 * Stance: the decoder guesses where the conversation is, it does not police it. Bytes of both directions are fed in the order in which they
 * crossed; replies are paired with commands in order; a fact is written down when the reply that decides it has been seen. What a gap, a
 * mid-stream start or a missing direction hides stays unknown. Malformed input is data, never an error.
 *
 * Memory is bounded by the limits: facts live in the session's arena, messages in small arenas of their own (the oldest is dropped first),
 * an unfinished line is held only when it does not arrive whole.
 *
 * Never kept: message bodies, AUTH responses.
 */
#ifndef MXT_DECODERS_SMTP_H
#define MXT_DECODERS_SMTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decoders/arena.h"
#include "decoders/packet.h"
#include "decoders/status.h"
#include "decoders/text.h"

struct mxt_smtp_limits {
    uint16_t line;         /* bytes of a line that are looked at; the rest up to its end is passed over */
    uint16_t text;         /* bytes kept of any one string */
    uint16_t messages;     /* messages kept, the latest */
    uint16_t recipients;   /* recipients (and rejected ones) kept per message */
    uint16_t capabilities; /* kept per EHLO reply */
    uint16_t queue;        /* commands that may wait for their reply; beyond, pairing is lost and later facts are unknown */
    bool tells_spoken;     /* remember where the client's commands stand (mxt_smtp_spoken) */
    bool drop_local_parts; /* privacy: keep only the domain of an address ("@example.org") */
};
#define MXT_SMTP_LIMITS_DEFAULT ((struct mxt_smtp_limits){.line = 2048, .text = 512, .messages = 50, .recipients = 100, .capabilities = 64, .queue = 256})

enum mxt_tls_mode { MXT_TLS_NONE = 0, MXT_TLS_STARTTLS, MXT_TLS_IMPLICIT, MXT_TLS_X_ANONYMOUSTLS };

enum mxt_transfer { MXT_TRANSFER_NONE = 0, MXT_TRANSFER_DATA, MXT_TRANSFER_BDAT };

struct mxt_rejected {
    const char *rcpt;
    uint16_t code;
    struct mxt_rejected *next;
};

/* A mail transaction: from MAIL FROM accepted to the answer to its end, RSET or the session's end. */
struct mxt_message {
    uint32_t index;               /* 0 for the session's first */
    const char *mail_from;        /* "" for the null reverse path; NULL: unknown */
    struct mxt_text_list rcpt_to; /* accepted recipients (a 2xx was seen) */
    struct mxt_rejected *rcpt_rejected; /* in order; at most limits.recipients */
    uint32_t rcpt_rejected_total;
    struct mxt_text_list rcpt_unanswered; /* recipients whose answer was not seen: on one side of the session alone, in a gap, behind its end */
    enum mxt_transfer transfer;
    uint64_t bytes;               /* content bytes seen or known missing, end mark and dot-stuffing excluded as far as seen */
    enum mxt_fact exposed;        /* content crossed in the clear (after 354 or in a BDAT chunk); NO after TLS or in a decrypted mirror */
    uint16_t reply_code;          /* answer to the end of the message; 0: unknown. LMTP: the first 2xx, else the last */
    enum mxt_fact delivered;      /* YES: 2xx to the end */
    struct mxt_message *next;
};

struct mxt_starttls_facts {
    enum mxt_fact offered;        /* stated only from a whole, gapless EHLO reply (250) before TLS; a HELO reply says nothing. YES also where X-ANONYMOUSTLS alone is offered */
    enum mxt_fact requested;      /* the command crossed intact; NO: the session was seen whole up to its first message or its end without it */
    uint16_t reply_code;          /* to the (last) STARTTLS or mangled command */
    uint32_t injected_toserver;   /* plaintext bytes between the STARTTLS line and the client's first TLS record; 0 unless that record followed */
    uint32_t injected_toclient;   /* plaintext bytes between the 220 line and the server's first TLS record; 0 unless that record followed */
    const char *reply_text;       /* first line of that reply without the code */
    const char *masked;           /* a capability overwritten in place (XXXXXXXA, ********), as seen */
    const char *mangled_command;  /* a command overwritten in place where STARTTLS belongs, as seen */
    struct mxt_text_list injected_verbs; /* verbs (or reply codes) among the injected bytes */
    struct mxt_text_list before;  /* verbs that preceded STARTTLS, at most 16 */
};

struct mxt_auth_facts {
    const char *mechanism;        /* upper case as in RFC 4954; of the attempt that succeeded, else the last one */
    enum mxt_fact plaintext;      /* YES: a secret crossed outside TLS (an initial response, or a response to a 334) */
    uint16_t reply_code;          /* the final one of that attempt; 0 unknown */
    uint32_t attempts;
};

/* An end-of-data look-alike inside a plaintext message (SMTP smuggling). */
struct mxt_smuggling {
    const char *mark;             /* as printed: "\\n.\\n", "\\n.\\r\\n", "\\r.\\r", ... */
    uint32_t message;             /* index of the message */
    const char *verb;             /* SMTP verb that follows the mark, or NULL */
    enum mxt_fact server_ended;   /* the server took it for the end: it answered before the true end was sent */
    struct mxt_smuggling *next;
};

/*
 * What was said. Zeroed says nothing. Strings are safe text (decoders/text.h). What a session can say again (greeting, helo, capabilities, ...) is replaced,
 * and the oldest message dropped, by the next call that feeds: copy what must live longer.
 */
struct mxt_smtp_facts {
    const char *proxied_src_ip;   /* true client from a PROXY header (v1, v2) or NULL */
    const char *banner;           /* first line of the greeting with its code; "220 mx.example.net ESMTP" */
    const char *server_name;      /* first word of the greeting if it is a domain name (lower case), else the first word of the EHLO reply if it is one */
    const char *helo;             /* argument of the last EHLO, HELO or LHLO before TLS */
    struct mxt_text_list capabilities; /* lines of the last whole EHLO reply before TLS, the greeting line excluded */
    struct mxt_starttls_facts starttls;
    struct mxt_auth_facts auth;
    struct mxt_message *messages; /* oldest kept first */
    struct mxt_smuggling *smuggling; /* at most 16 */
    const char *xclient;          /* attribute names (not values) of an XCLIENT command or NULL */
    uint16_t banner_code;
    enum mxt_fact ehlo;           /* YES: EHLO (or LHLO) was sent; NO: HELO alone */
    bool is_lmtp;
    uint16_t ehlo_reply_code;
    uint16_t helo_reply_code;
    bool has_capabilities;        /* such a reply was seen, be it empty */
    bool pairing_lost;            /* at some point a reply could not be given to a command */
    uint32_t smuggling_total;
    uint32_t messages_total, recipients_total, exposed_total, delivered_total; /* all, those not kept too */
    uint32_t lines_too_long, unknown_verbs, unpaired_replies; /* anomalies, counted */
};

struct mxt_smtp;

/*
 * A decoder at the start of a session. `arena` must outlive it. `limits` is copied. `is_midstream`: the beginning was not captured.
 * NULL: out of memory.
 */
struct mxt_smtp *mxt_smtp_new(struct mxt_arena *arena, const struct mxt_smtp_limits *limits, bool is_midstream);

/* NULL is accepted. The facts die with it. */
void mxt_smtp_free(struct mxt_smtp *smtp);

/* For an owner that has room for the decoder in memory of its own: bytes of a struct mxt_smtp, a multiple of 8. */
size_t mxt_smtp_size(void);

/* As mxt_smtp_new, in mxt_smtp_size() bytes at `smtp`. MXT_ENOMEM: nothing is held. Pair with mxt_smtp_clear. */
enum mxt_status mxt_smtp_init(struct mxt_smtp *smtp, struct mxt_arena *arena, const struct mxt_smtp_limits *limits, bool is_midstream) MXT_MUST_CHECK;

/* Releases what it holds. The facts die. */
void mxt_smtp_clear(struct mxt_smtp *smtp);

/* Begins to fetch into the cache what the next bytes of a message will need beyond the decoder itself. */
void mxt_smtp_prefetch(const struct mxt_smtp *smtp);

/*
 * Feeds bytes of one direction. *consumed is always set.
 * MXT_OK: all consumed, or, where *consumed < n, a TLS record begins at p + *consumed: TLS was agreed (220 to STARTTLS), or came first, and this
 *   direction is TLS from there on; the decoder will not be fed in this direction again (mxt_smtp_is_tls says so).
 *   One byte decides: 0x14-0x17, or the high bit (SSL 2), where TLS may begin.
 *   After a gap behind the 220, any bytes are taken for TLS.
 * MXT_ENOMEM: sticky; facts so far stay valid, further calls answer the same and consume everything.
 */
enum mxt_status mxt_smtp_feed(struct mxt_smtp *smtp, enum mxt_direction direction, const uint8_t *p, size_t n, size_t *consumed) MXT_MUST_CHECK;

/* `missing` bytes (at least 1) of this direction were not captured; what follows is fed next. */
void mxt_smtp_gap(struct mxt_smtp *smtp, enum mxt_direction direction, uint64_t missing);

/* The session has ended (is_complete: by FIN or RST and not by the end of the capture): settles the last facts, such as `requested` and unfinished messages. Feed no more. */
void mxt_smtp_finish(struct mxt_smtp *smtp, bool is_complete);

/* Whether this direction has gone over to TLS. */
bool mxt_smtp_is_tls(const struct mxt_smtp *smtp, enum mxt_direction direction);

/*
 * How TLS came about; MXT_TLS_NONE where it was neither agreed nor seen. Agreed means: 220 was answered, or TLS bytes came first. Also NONE, though a direction is
 * TLS: the client sent its hello ahead of a refusal; the capture began within TLS, and nothing tells how that came.
 */
enum mxt_tls_mode mxt_smtp_tls_mode(const struct mxt_smtp *smtp);

/* Whether plaintext SMTP simply went on after the 220, both ways (a decrypting mirror). */
bool mxt_smtp_is_decrypted(const struct mxt_smtp *smtp);

/* Whether this direction carries a message body now: bulk that is only scanned for its end. */
bool mxt_smtp_is_body(const struct mxt_smtp *smtp, enum mxt_direction direction);

/* Bytes of a stream: offsets from its first byte that was fed or missing. */
struct mxt_smtp_span {
    uint64_t start, end;
};

/*
 * Where, in the client's stream, commands (with their line ends) and PROXY headers stand; in the order of reading, at most MXT_SMTP_SPANS_MAX. Everything else in it is content, a secret or
 * not understood. An AUTH command is among them, with what it may carry. NULL: none, or limits.tells_spoken is not set. Valid until the next call that feeds.
 */
#define MXT_SMTP_SPANS_MAX 4096
const struct mxt_smtp_span *mxt_smtp_spoken(const struct mxt_smtp *smtp, size_t *count);

/* With limits.tells_spoken: where TLS begins in a direction that has gone over to it, as an offset; false: it has not. */
bool mxt_smtp_tls_start(const struct mxt_smtp *smtp, enum mxt_direction direction, uint64_t *offset);

/* Whether the word names a SASL mechanism: one that is known, since a secret may stand in its place. Case-blind. */
bool mxt_smtp_is_mechanism(const uint8_t *p, size_t n);

/* Bytes of the vocabulary's word (RFC 5321's verbs and those of its extensions) that the line begins with, case-blind; 0: none. */
size_t mxt_smtp_verb_length(const uint8_t *p, size_t n);

/* The facts so far; owned by the decoder. */
const struct mxt_smtp_facts *mxt_smtp_facts(const struct mxt_smtp *smtp);

/*
 * Who speaks so? For a connection whose beginning was not seen: looks at the first bytes of a direction.
 * YES: a server's reply (three digits, then space, hyphen or line end); NO: a client's verb; UNKNOWN otherwise.
 */
enum mxt_fact mxt_smtp_is_server_speech(const uint8_t *p, size_t n);

/*
 * Whether a server that speaks first greets so (RFC 5321 4.2, 4.3.1): YES 220, 4yz or 5yz, then space, hyphen or line end; NO: it does not; UNKNOWN: these bytes
 * are its beginning. FTP greets so too.
 */
enum mxt_fact mxt_smtp_is_greeting(const uint8_t *p, size_t n);

/* Whether what was said is SMTP beyond doubt: a greeting that names it, EHLO, HELO or LHLO, an accepted MAIL, TLS by STARTTLS. */
bool mxt_smtp_is_evident(const struct mxt_smtp *smtp);

/* About how many bytes of memory it holds beside its own slot and its arena. */
size_t mxt_smtp_memory(const struct mxt_smtp *smtp);

#endif
