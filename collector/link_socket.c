/* Sockets: TCP over every address of the host, unix. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "collector/link_int.h"

int64_t mxt_link_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Waits for one descriptor. 1: it is ready; 0: the deadline came. */
static int await_events(int fd, short events, int64_t deadline_ms)
{
    for (;;) {
        struct pollfd wait = {.fd = fd, .events = events};
        int64_t left = deadline_ms - mxt_link_now_ms();
        int ready = poll(&wait, 1, left > 0 ? (int)left : 0);
        if (ready >= 0)
            return ready;
        if (errno != EINTR)
            return 0;
    }
}

enum mxt_status mxt_link_await(struct mxt_link *link, short events, int64_t deadline_ms)
{
    return await_events(link->fd, events, deadline_ms) > 0 ? MXT_OK : mxt_link_break(link, "no answer to the TLS handshake in %u ms: does Redis speak TLS on this port (tls-port)?", link->connect_timeout_ms);
}

/* Connects a socket by the deadline. 0, or the error's number. */
static int connect_by(int fd, const struct sockaddr *address, socklen_t size, int64_t deadline_ms)
{
    if (connect(fd, address, size) == 0)
        return 0;
    if (errno != EINPROGRESS && errno != EINTR)
        return errno;
    if (await_events(fd, POLLOUT, deadline_ms) == 0)
        return ETIMEDOUT;
    int error = 0;
    socklen_t error_size = sizeof error;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_size) == 0 ? error : errno;
}

/* Opens and connects one socket. 0, or the error's number. */
static int try_address(struct mxt_link *link, const struct sockaddr *address, socklen_t size, int64_t deadline_ms)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), yes = 1;
    if (fd < 0)
        return errno;
    int error = connect_by(fd, address, size, deadline_ms);
    if (error != 0) {
        close(fd);
        return error;
    }
    if (!link->target.is_unix)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    link->fd = fd;
    return 0;
}

static const char *connect_advice(int error)
{
    switch (error) {
    case ECONNREFUSED: return ": is Redis running there?";
    case ENOENT: return ": is this the path of Redis's unixsocket?";
    case EACCES:
    case EPERM: return ": may this user reach it (unixsocketperm, firewall)?";
    case ETIMEDOUT:
    case EHOSTUNREACH:
    case ENETUNREACH: return ": is the address right, and no firewall between?";
    default: return "";
    }
}

static enum mxt_status tell_connect(struct mxt_link *link, int error)
{
    return mxt_link_break(link, "%s%s", strerror(error), connect_advice(error));
}

static enum mxt_status open_unix(struct mxt_link *link, int64_t deadline_ms)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t n = strlen(link->target.host);
    if (n >= sizeof address.sun_path)
        return mxt_link_break(link, "the path is longer than a socket's may be (%zu bytes)", sizeof address.sun_path - 1);
    memcpy(address.sun_path, link->target.host, n);
    int error = try_address(link, (const struct sockaddr *)&address, sizeof address, deadline_ms);
    return error == 0 ? MXT_OK : tell_connect(link, error);
}

enum mxt_status mxt_link_open_socket(struct mxt_link *link, int64_t deadline_ms)
{
    if (link->target.is_unix)
        return open_unix(link, deadline_ms);
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *list = NULL;
    int resolved = getaddrinfo(link->target.host, link->target.port, &hints, &list);
    if (resolved != 0)
        return mxt_link_break(link, "%s: is the host's name right?", resolved == EAI_SYSTEM ? strerror(errno) : gai_strerror(resolved));
    int error = EADDRNOTAVAIL;
    for (const struct addrinfo *at = list; at != NULL && error != 0; at = at->ai_next)
        error = try_address(link, at->ai_addr, at->ai_addrlen, deadline_ms);
    freeaddrinfo(list);
    return error == 0 ? MXT_OK : tell_connect(link, error);
}
