/*
 * A connection to Redis, spoken alike over TCP, TLS (rediss://) and unix sockets: hiredis reads, the socket is our own. One link belongs to one
 * thread. Commands are appended and pipelined; replies come in their order. Any error breaks the link: nothing is known then of commands without a reply.
 */
#ifndef MXT_COLLECTOR_LINK_H
#define MXT_COLLECTOR_LINK_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decoders/status.h"

#define MXT_LINK_ERROR 256 /* bytes that hold any error sentence of a link */

/* Where Redis is and who we are. Texts and files are read by mxt_link_new, and not again. */
struct mxt_link_config {
    const char *url;           /* redis://[user@]host[:port][/db], rediss://..., unix:/path[?db=N&user=NAME]; a password in it is refused: it shows in process lists */
    const char *password_file; /* or NULL: the environment's MXTAP_REDIS_PASSWORD, where set */
    const char *ca_file;       /* rediss: whom to trust; NULL: the system's */
    const char *certificate_file, *key_file; /* rediss: the client's, or NULL */
    uint32_t connect_timeout_ms;
    uint32_t reply_timeout_ms; /* how long nothing may come while something is unanswered; longer than any BLOCK that is asked for */
};
#define MXT_LINK_CONNECT_TIMEOUT_MS 5000u /* what both programs use */
#define MXT_LINK_REPLY_TIMEOUT_MS 10000u

struct mxt_link;

/* A link, not connected yet: reads URL, password and files. NULL: a sentence that names the fault and the mend is in `error` (MXT_LINK_ERROR bytes). */
struct mxt_link *mxt_link_new(const struct mxt_link_config *config, char *error);

/* Closes and frees it. NULL is accepted. */
void mxt_link_free(struct mxt_link *link);

/*
 * Connects, says who we are (AUTH), selects the database; replaces a broken connection, whose replies that were not taken are gone. At most
 * connect_timeout_ms for the connection and as much for each of up to three answers; resolving the name takes what it takes. MXT_OK; MXT_EIO, see
 * mxt_link_error.
 */
enum mxt_status mxt_link_connect(struct mxt_link *link) MXT_MUST_CHECK;

/* Drops the connection, with all that is unanswered. Replies that came can still be taken. */
void mxt_link_close(struct mxt_link *link);

bool mxt_link_is_connected(const struct mxt_link *link);

/* What broke it last: one sentence, without secrets; valid until the next call. */
const char *mxt_link_error(const struct mxt_link *link);

/* Where it goes, for messages: the URL without a password. */
const char *mxt_link_name(const struct mxt_link *link);

/* Appends a command to what is to be sent; `lengths` NULL: NUL-terminated words. MXT_OK; nothing was appended: MXT_EIO, it is not connected; MXT_ENOMEM. */
enum mxt_status mxt_link_append(struct mxt_link *link, size_t argc, const char *const *argv, const size_t *lengths) MXT_MUST_CHECK;

/* Commands sent or appended that have no reply yet. */
size_t mxt_link_unanswered(const struct mxt_link *link);

/*
 * Sends and receives what the socket takes and has, waiting at most `timeout_ms` (0: not at all) until something moved or `wake_fd` (-1: none) is readable.
 * MXT_OK, also when nothing moved; MXT_EIO: the link is broken (also when nothing came for reply_timeout_ms). Replies that came before it broke can still be taken.
 */
enum mxt_status mxt_link_pump(struct mxt_link *link, int timeout_ms, int wake_fd) MXT_MUST_CHECK;

/* Frees a reply, as a whole only: it owns its elements. NULL is accepted. */
void mxt_reply_free(redisReply *reply);

/* The next reply that has come, owned by the caller (mxt_reply_free); NULL: none yet. Pump finds malformed ones. */
redisReply *mxt_link_reply(struct mxt_link *link);

/* Sends one command and waits for its reply. Nothing may be unanswered or not taken. NULL: the link is broken. An error that Redis answers is a reply. */
redisReply *mxt_link_call(struct mxt_link *link, size_t argc, const char *const *argv, const size_t *lengths);

/* True if the reply is the error that begins with this word: "NOPERM", "OOM". */
bool mxt_link_is_error(const redisReply *reply, const char *word);

/* An error that Redis answered, or a reply of an unexpected kind, as a sentence with place and mend; `out` has MXT_LINK_ERROR bytes. */
void mxt_link_explain(const struct mxt_link *link, const redisReply *reply, char *out);

#endif
