/*
 * The connection: what is appended, sent, received and parsed. Bytes move only in pump; replies wait in a ring until they are taken.
 *
 *     append -> out[out_sent..out_used) -> socket/TLS -> Redis -> socket/TLS -> hiredis's reader -> replies ring -> reply
 */
#include "collector/link.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "collector/link_int.h"

#define READ_CHUNK 65536
#define READS_AT_ONCE 64                /* chunks of one pump: a fast server cannot keep us here */
#define HEAD_MAX 32 /* bytes around a word: a mark, 20 digits, two line ends */
#define REPLY_BYTES_MAX (256u << 20)    /* one reply: a batch of the largest records stays far below */
#define OUT_KEPT (32u << 20)            /* of the sending buffer, while there is nothing in it: a collector's batch fits, and takes no new pages each time */
#define CLOSED "closed by the other side"

enum mxt_status mxt_link_break(struct mxt_link *link, const char *format, ...)
{
    char text[MXT_LINK_ERROR];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    snprintf(link->error, sizeof link->error, "%.*s: %s", MXT_LINK_NAME_SHOWN, link->target.name, text);
    mxt_link_tls_close(link);
    if (link->fd >= 0)
        close(link->fd);
    link->fd = -1;
    return MXT_EIO;
}

void mxt_link_forget_traffic(struct mxt_link *link)
{
    for (; link->reply_count > 0; link->reply_count--) {
        mxt_reply_free(link->replies[link->reply_first]);
        link->reply_first = (link->reply_first + 1) % link->reply_size;
    }
    link->out_sent = link->out_used = link->unanswered = link->reply_bytes = 0;
    link->wants_write = link->may_hold_more = link->has_heard = false;
    if (link->reader != NULL)
        redisReaderFree(link->reader);
    link->reader = NULL;
}

void mxt_link_close(struct mxt_link *link)
{
    (void)mxt_link_break(link, "closed");
}

bool mxt_link_is_connected(const struct mxt_link *link)
{
    return link->fd >= 0;
}

const char *mxt_link_error(const struct mxt_link *link)
{
    return link->error;
}

const char *mxt_link_name(const struct mxt_link *link)
{
    return link->target.name;
}

/* Room for `more` bytes to send. */
static bool reserve_out(struct mxt_link *link, size_t more)
{
    if (link->out_sent == link->out_used)
        link->out_sent = link->out_used = 0;
    if (link->out_size - link->out_used >= more)
        return true;
    memmove(link->out, link->out + link->out_sent, link->out_used - link->out_sent);
    link->out_used -= link->out_sent;
    link->out_sent = 0;
    if (link->out_size - link->out_used >= more)
        return true;
    size_t size = link->out_size * 2 > link->out_used + more ? link->out_size * 2 : link->out_used + more;
    char *out = realloc(link->out, size);
    if (out == NULL)
        return false;
    link->out = out;
    link->out_size = size;
    return true;
}

/* Writes `mark`, the number and the line's end, as RESP does before what it counts; the bytes written, at most HEAD_MAX. */
static size_t put_head(char *out, char mark, size_t number)
{
    char digits[HEAD_MAX];
    size_t at = sizeof digits, n = 0;
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    out[n++] = mark;
    memcpy(out + n, digits + at, sizeof digits - at);
    n += sizeof digits - at;
    out[n++] = '\r';
    out[n++] = '\n';
    return n;
}

/* Formats a command right into what is to be sent, where there is room: batches have thousands of words. */
static void put_command(struct mxt_link *link, size_t argc, const char *const *argv, const size_t *lengths)
{
    char *out = link->out + link->out_used;
    out += put_head(out, '*', argc);
    for (size_t i = 0; i < argc; i++) {
        size_t n = lengths == NULL ? strlen(argv[i]) : lengths[i];
        out += put_head(out, '$', n);
        if (n > 0)
            memcpy(out, argv[i], n);
        out += n;
        *out++ = '\r';
        *out++ = '\n';
    }
    link->out_used = (size_t)(out - link->out);
}

enum mxt_status mxt_link_append(struct mxt_link *link, size_t argc, const char *const *argv, const size_t *lengths)
{
    if (link->fd < 0)
        return MXT_EIO;
    size_t most = HEAD_MAX;
    for (size_t i = 0; i < argc; i++)
        most += HEAD_MAX + (lengths == NULL ? strlen(argv[i]) : lengths[i]);
    if (link->out == NULL && (link->out = malloc(link->out_size = READ_CHUNK)) == NULL)
        return MXT_ENOMEM;
    if (!reserve_out(link, most))
        return MXT_ENOMEM;
    put_command(link, argc, argv, lengths);
    if (link->unanswered++ == 0)
        link->moved_ms = mxt_link_now_ms();
    return MXT_OK;
}

size_t mxt_link_unanswered(const struct mxt_link *link)
{
    return link->unanswered;
}

/* Takes a whole reply into the ring. */
static enum mxt_status keep_reply(struct mxt_link *link, redisReply *reply)
{
    if (link->unanswered == 0) {
        mxt_reply_free(reply);
        return mxt_link_break(link, "an answer to no question: this is not Redis, or something between changes what it says");
    }
    if (link->reply_count == link->reply_size) {
        size_t size = link->reply_size == 0 ? 64 : link->reply_size * 2;
        redisReply **replies = malloc(size * sizeof(redisReply *));
        if (replies == NULL) {
            mxt_reply_free(reply);
            return mxt_link_break(link, "out of memory");
        }
        for (size_t i = 0; i < link->reply_count; i++)
            replies[i] = link->replies[(link->reply_first + i) % link->reply_size];
        free(link->replies);
        link->replies = replies;
        link->reply_first = 0;
        link->reply_size = size;
    }
    link->replies[(link->reply_first + link->reply_count++) % link->reply_size] = reply;
    link->unanswered--;
    return MXT_OK;
}

/* Parses what came. */
static enum mxt_status take_bytes(struct mxt_link *link, const char *bytes, size_t n)
{
    if (redisReaderFeed(link->reader, bytes, n) != REDIS_OK)
        return mxt_link_break(link, "an answer that is not Redis's protocol (%s)", link->reader->errstr);
    link->reply_bytes += n;
    for (;;) {
        void *reply = NULL;
        if (redisReaderGetReply(link->reader, &reply) != REDIS_OK)
            return mxt_link_break(link, "an answer that is not Redis's protocol (%s)", link->reader->errstr);
        if (reply == NULL)
            break;
        link->reply_bytes = link->reader->len - link->reader->pos;
        if (keep_reply(link, reply) != MXT_OK)
            return MXT_EIO;
    }
    return link->reply_bytes <= REPLY_BYTES_MAX ? MXT_OK : mxt_link_break(link, "an answer of more than %u MiB", REPLY_BYTES_MAX >> 20);
}

/* Sends what the socket takes. */
static enum mxt_status send_out(struct mxt_link *link, bool *has_moved)
{
    const bool is_tls = link->ssl != NULL; /* which it is no longer when it breaks */
    link->wants_write = false;
    while (link->out_sent < link->out_used) {
        const char *bytes = link->out + link->out_sent;
        size_t n = link->out_used - link->out_sent;
        ssize_t sent = is_tls ? mxt_link_tls_write(link, bytes, n) : send(link->fd, bytes, n, MSG_NOSIGNAL);
        if (is_tls && sent < 0)
            return MXT_EIO; /* told */
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return mxt_link_break(link, "%s", strerror(errno));
        if (sent <= 0)
            break;
        link->out_sent += (size_t)sent;
        *has_moved = true;
    }
    if (link->out_sent == link->out_used && link->out_size > OUT_KEPT) {
        free(link->out);
        link->out = NULL;
        link->out_size = link->out_sent = link->out_used = 0;
    }
    return MXT_OK;
}

/* The other side is gone. Redis says something at once, unless it waits for a TLS handshake or does not want us. */
static enum mxt_status tell_end(struct mxt_link *link, const char *reason)
{
    return mxt_link_break(link, link->has_heard || link->target.is_unix ? "%s" : "%s, and nothing was said: does it want TLS (rediss://), is this the port of Redis?", reason);
}

/* Receives what the socket has, within bounds. */
static enum mxt_status receive_in(struct mxt_link *link, bool *has_moved)
{
    char bytes[READ_CHUNK];
    const bool is_tls = link->ssl != NULL;
    link->may_hold_more = false;
    for (unsigned round = 0; round < READS_AT_ONCE; round++) {
        ssize_t got = is_tls ? mxt_link_tls_read(link, bytes, sizeof bytes) : recv(link->fd, bytes, sizeof bytes, 0);
        if (is_tls && got <= 0)
            return got < 0 ? MXT_EIO : MXT_OK;
        if (got < 0)
            return errno == EAGAIN || errno == EINTR ? MXT_OK : tell_end(link, strerror(errno));
        if (got == 0)
            return tell_end(link, CLOSED);
        *has_moved = link->has_heard = true;
        link->moved_ms = mxt_link_now_ms();
        if (take_bytes(link, bytes, (size_t)got) != MXT_OK)
            return MXT_EIO;
        if (!is_tls && (size_t)got < sizeof bytes)
            return MXT_OK;
    }
    link->may_hold_more = true;
    return MXT_OK;
}

static enum mxt_status move_both_ways(struct mxt_link *link, bool *has_moved)
{
    enum mxt_status status = send_out(link, has_moved);
    return status == MXT_OK ? receive_in(link, has_moved) : status;
}

/* How long a wait may last before the oldest question has waited too long. */
static int bounded_wait(const struct mxt_link *link, int timeout_ms)
{
    if (link->unanswered == 0)
        return timeout_ms;
    int64_t left = link->moved_ms + link->reply_timeout_ms - mxt_link_now_ms();
    if (left < 0)
        left = 0;
    return timeout_ms < 0 || left < timeout_ms ? (int)(left < INT_MAX ? left : INT_MAX) : timeout_ms;
}

enum mxt_status mxt_link_pump(struct mxt_link *link, int timeout_ms, int wake_fd)
{
    bool has_moved = false;
    if (link->fd < 0)
        return MXT_EIO;
    enum mxt_status status = move_both_ways(link, &has_moved);
    if (status != MXT_OK || has_moved || timeout_ms == 0 || link->reply_count > 0 || link->may_hold_more)
        return status;
    bool has_output = link->out_sent < link->out_used || link->wants_write;
    struct pollfd waits[] = {{.fd = link->fd, .events = (short)(has_output ? POLLIN | POLLOUT : POLLIN)}, {.fd = wake_fd, .events = POLLIN}};
    poll(waits, wake_fd >= 0 ? 2 : 1, bounded_wait(link, timeout_ms));
    if ((status = move_both_ways(link, &has_moved)) == MXT_OK && !has_moved && bounded_wait(link, 1) == 0)
        return mxt_link_break(link, "no answer in %u ms", link->reply_timeout_ms);
    return status;
}

redisReply *mxt_link_reply(struct mxt_link *link)
{
    if (link->reply_count == 0)
        return NULL;
    redisReply *reply = link->replies[link->reply_first];
    link->reply_first = (link->reply_first + 1) % link->reply_size;
    link->reply_count--;
    return reply;
}

redisReply *mxt_link_call(struct mxt_link *link, size_t argc, const char *const *argv, const size_t *lengths)
{
    redisReply *reply = NULL;
    if (link->fd < 0)
        return NULL;
    if (mxt_link_append(link, argc, argv, lengths) != MXT_OK) {
        (void)mxt_link_break(link, "out of memory");
        return NULL;
    }
    while ((reply = mxt_link_reply(link)) == NULL)
        if (mxt_link_pump(link, -1, -1) != MXT_OK)
            return NULL;
    return reply;
}

