/* What the files of the link share; nobody else includes this. */
#ifndef MXT_COLLECTOR_LINK_INT_H
#define MXT_COLLECTOR_LINK_INT_H

#include <openssl/types.h>
#include <sys/types.h>

#include "collector/link.h"
#include "decoders/arena.h"

#define MXT_LINK_PASSWORD_MAX 4096 /* bytes; Redis itself takes 512 MiB, nobody types more than this */
#define MXT_LINK_NAME_SHOWN 120    /* characters of the name in a sentence, so that what follows has room */

/* Where the URL points. Texts are owned. */
struct mxt_link_target {
    bool is_tls, is_unix;
    char *user; /* or NULL */
    char *host; /* or the socket's path */
    char port[6];
    unsigned database;
    char *name; /* the URL as it is told */
};

struct mxt_link {
    struct mxt_link_target target;
    char *password; /* or NULL */
    uint32_t connect_timeout_ms, reply_timeout_ms;
    SSL_CTX *tls; /* NULL: plain */
    SSL *ssl;
    int fd;              /* -1: not connected */
    bool wants_write;    /* TLS has something to send before it can read */
    bool may_hold_more;  /* the last look at the socket ended before it was empty */
    bool has_heard;       /* anything, of this connection */
    int64_t moved_ms;    /* monotonic: when an answer moved last, or began to be awaited */
    redisReader *reader; /* of this connection */
    redisReplyObjectFunctions functions;
    struct mxt_arena *growing;                         /* of the reply that is being parsed */
    size_t reply_bytes;                                /* of the reply that is not whole yet */
    char *out;                                         /* appended bytes from out_sent to out_used are to be sent */
    size_t out_sent, out_used, out_size;
    redisReply **replies; /* a ring of those not taken yet */
    size_t reply_first, reply_count, reply_size;
    size_t unanswered;
    char error[MXT_LINK_ERROR];
};

/* Milliseconds of the monotonic clock. */
int64_t mxt_link_now_ms(void);

/* Takes a URL apart. MXT_OK; MXT_EUSAGE, told in `error`; MXT_ENOMEM, likewise. `target` is to be freed either way. */
enum mxt_status mxt_link_url_read(const char *url, struct mxt_link_target *target, char *error) MXT_MUST_CHECK;
void mxt_link_url_free(struct mxt_link_target *target);

/* Breaks the link with one sentence behind its name. Always MXT_EIO. */
enum mxt_status mxt_link_break(struct mxt_link *link, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Forgets what belonged to the last connection: questions, answers, the reader. */
void mxt_link_forget_traffic(struct mxt_link *link);

/* The reader of a new connection. MXT_OK; MXT_EIO: told. */
enum mxt_status mxt_link_new_reader(struct mxt_link *link) MXT_MUST_CHECK;

/* Opens the socket by the deadline (mxt_link_now_ms). MXT_OK; MXT_EIO: told. */
enum mxt_status mxt_link_open_socket(struct mxt_link *link, int64_t deadline_ms) MXT_MUST_CHECK;

/* In the TLS handshake: waits until the socket can do `events` (poll's) or the deadline; the link breaks when it passes. MXT_OK; MXT_EIO: told. */
enum mxt_status mxt_link_await(struct mxt_link *link, short events, int64_t deadline_ms) MXT_MUST_CHECK;

/* The context for rediss: trust and the client's certificate, read now. NULL: told in `error`. */
SSL_CTX *mxt_link_tls_context(const struct mxt_link_config *config, char *error);

/* The handshake over the open socket, by the deadline. MXT_OK; MXT_EIO: told. */
enum mxt_status mxt_link_tls_open(struct mxt_link *link, int64_t deadline_ms) MXT_MUST_CHECK;
void mxt_link_tls_close(struct mxt_link *link);

/* As send and recv without waiting: bytes moved; 0: the socket takes or has nothing now; -1: broken, told. */
ssize_t mxt_link_tls_write(struct mxt_link *link, const char *bytes, size_t n);
ssize_t mxt_link_tls_read(struct mxt_link *link, char *bytes, size_t n);

#endif
