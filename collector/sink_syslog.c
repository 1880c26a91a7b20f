/* Alerts as syslog messages (RFC 5424) over a unix socket, UDP (RFC 5426) or TCP with octet counting (RFC 6587 3.4.1). */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "collector/sink_int.h"

#define HEADER    256 /* bytes of a message before the JSON, the octet count included */
#define HOST      128
#define DATAGRAMS 16 /* addresses tried of one name */

struct syslog {
    const struct mxt_sink_config *config;
    bool is_stream;
    int fd; /* -1: not connected */
    char host[HOST], port[16], self[65];
};

/* "192.0.2.1:514" or "[2001:db8::1]:514" taken apart. */
static bool split(const char *text, char *host, char *port, size_t port_size)
{
    const char *colon = strrchr(text, ':'), *end = colon;
    if (colon == NULL || colon[1] == '\0' || strlen(colon + 1) >= port_size)
        return false;
    if (text[0] == '[') {
        if (colon[-1] != ']')
            return false;
        text++;
        end--;
    }
    size_t n = (size_t)(end - text);
    if (n == 0 || n >= HOST)
        return false;
    memcpy(host, text, n);
    host[n] = '\0';
    memcpy(port, colon + 1, strlen(colon + 1) + 1);
    return true;
}

static void *syslog_open(const struct mxt_sink_config *config, char *error)
{
    struct syslog *syslog = calloc(1, sizeof *syslog);
    if (syslog == NULL) {
        snprintf(error, MXT_SINK_WHY, "out of memory");
        return NULL;
    }
    syslog->config = config;
    syslog->fd = -1;
    syslog->is_stream = strncmp(config->target, "tcp://", 6) == 0;
    if (gethostname(syslog->self, sizeof syslog->self - 1) != 0 || syslog->self[0] == '\0')
        snprintf(syslog->self, sizeof syslog->self, "-");
    bool is_unix = strncmp(config->target, "unix:", 5) == 0;
    if (is_unix ? strlen(config->target + 5) < sizeof((struct sockaddr_un *)NULL)->sun_path
                : split(config->target + 6, syslog->host, syslog->port, sizeof syslog->port))
        return syslog;
    snprintf(error, MXT_SINK_WHY, "%.150s: write unix:/PATH (of at most 107 bytes), udp://HOST:PORT or tcp://HOST:PORT", config->target);
    free(syslog);
    return NULL;
}

static int connect_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    int fault = errno;
    close(fd);
    errno = fault;
    return -1;
}

/* Connects within the time given. */
static bool connect_within(int fd, const struct addrinfo *address, int timeout_ms)
{
    int fault = 0;
    socklen_t n = sizeof fault;
    if (connect(fd, address->ai_addr, address->ai_addrlen) == 0)
        return true;
    if (errno != EINPROGRESS)
        return false;
    struct pollfd waiting = {.fd = fd, .events = POLLOUT};
    if (poll(&waiting, 1, timeout_ms) != 1) {
        errno = ETIMEDOUT;
        return false;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &fault, &n) != 0 || fault == 0)
        return fault == 0;
    errno = fault;
    return false;
}

static int connect_inet(const struct syslog *syslog, char *why)
{
    const struct addrinfo hints = {.ai_socktype = syslog->is_stream ? SOCK_STREAM : SOCK_DGRAM};
    struct addrinfo *found = NULL;
    int fd = -1, fault = getaddrinfo(syslog->host, syslog->port, &hints, &found), tried = 0;
    if (fault != 0) {
        snprintf(why, MXT_SINK_WHY, "%.100s: %s", syslog->host, gai_strerror(fault));
        return -1;
    }
    for (const struct addrinfo *address = found; address != NULL && fd < 0 && tried < DATAGRAMS; address = address->ai_next, tried++) {
        fd = socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address->ai_protocol);
        if (fd >= 0 && connect_within(fd, address, (int)(syslog->config->timeout_us / 1000)))
            break;
        snprintf(why, MXT_SINK_WHY, "%.100s: %s; does a syslog server listen there?", syslog->config->target, strerror(errno));
        if (fd >= 0)
            close(fd);
        fd = -1;
    }
    freeaddrinfo(found);
    return fd;
}

/* A stream that the server has closed says so by being readable; what is written into it then would be lost without a word. */
static bool is_alive(const struct syslog *syslog)
{
    char byte;
    return syslog->fd >= 0 && (!syslog->is_stream || (recv(syslog->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN));
}

static void hang_up(struct syslog *syslog)
{
    if (syslog->fd >= 0)
        close(syslog->fd);
    syslog->fd = -1;
}

static bool make_ready(struct syslog *syslog, char *why)
{
    if (is_alive(syslog))
        return true;
    hang_up(syslog);
    if (strncmp(syslog->config->target, "unix:", 5) != 0) {
        syslog->fd = connect_inet(syslog, why);
    } else if ((syslog->fd = connect_unix(syslog->config->target + 5)) < 0) {
        snprintf(why, MXT_SINK_WHY, "%.100s: %s; does a syslog server listen there?", syslog->config->target + 5, strerror(errno));
    }
    return syslog->fd >= 0;
}

/* RFC 5424, table 2. */
static unsigned severity_code(enum mxt_severity severity)
{
    switch (severity) {
    case MXT_SEVERITY_CRITICAL: return 2;
    case MXT_SEVERITY_HIGH: return 3;
    case MXT_SEVERITY_MEDIUM: return 4;
    case MXT_SEVERITY_LOW: return 5;
    case MXT_SEVERITY_NONE:
    case MXT_SEVERITY_INFO: break;
    }
    return 6;
}

/* The alert's own time, which our encoder writes first; "-" (nil) where it is not there. */
static void copy_time(const struct mxt_sink_alert *alert, char out[40])
{
    static const char key[] = "\"timestamp\":";
    const char *p = strstr(alert->json, key);
    p = p == NULL ? NULL : p + strlen(key) + strspn(p + strlen(key), " ");
    size_t n = p != NULL && *p == '"' ? strcspn(p + 1, "\"") : 0;
    if (n == 0 || n >= 40 || strspn(p + 1, "0123456789-:.TZ+") < n)
        snprintf(out, 40, "-");
    else
        snprintf(out, 40, "%.*s", (int)n, p + 1);
}

/* The whole message; NULL: out of memory. JSON holds no control characters, so that it stands as it is. */
static char *build(const struct syslog *syslog, const struct mxt_sink_alert *alert, size_t *n)
{
    char time[40], header[HEADER];
    unsigned priority = syslog->config->facility * 8 + severity_code(alert->severity);
    copy_time(alert, time);
    int used = snprintf(header, sizeof header, "<%u>1 %s %s mxtap-collector %d alert - ", priority, time, syslog->self, (int)getpid());
    char *message = malloc((size_t)used + alert->n + 24);
    if (message == NULL)
        return NULL;
    int count = syslog->is_stream ? snprintf(message, 24, "%zu ", (size_t)used + alert->n) : 0;
    memcpy(message + count, header, (size_t)used);
    memcpy(message + count + used, alert->json, alert->n);
    *n = (size_t)count + (size_t)used + alert->n;
    return message;
}

/* Sends it whole; a stream that took a part only is of no use any more. False: errno says why. */
static bool send_all(const struct syslog *syslog, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(syslog->fd, p, n, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        if (sent >= 0) {
            p += sent;
            n -= (size_t)sent;
            continue;
        }
        struct pollfd waiting = {.fd = syslog->fd, .events = POLLOUT};
        if (poll(&waiting, 1, (int)(syslog->config->timeout_us / 1000)) != 1) {
            errno = ETIMEDOUT;
            return false;
        }
    }
    return true;
}

static void syslog_deliver(void *driver, const struct mxt_sink_alert *alert, unsigned attempt, const atomic_bool *is_stopping, struct mxt_sink_result *result)
{
    struct syslog *syslog = driver;
    char why[MXT_SINK_WHY];
    size_t n = 0;
    (void)attempt, (void)is_stopping;
    if (!make_ready(syslog, why)) {
        mxt_sink_answer(result, MXT_SINK_RETRY, "%s", why);
        return;
    }
    char *message = build(syslog, alert, &n);
    if (message == NULL) {
        mxt_sink_answer(result, MXT_SINK_RETRY, "out of memory");
    } else if (send_all(syslog, message, n)) {
        mxt_sink_answer(result, MXT_SINK_DELIVERED, "%s", "");
    } else if (errno == EMSGSIZE) {
        mxt_sink_answer(result, MXT_SINK_REFUSED, "%.100s: %zu bytes are too many for one datagram; use tcp://", syslog->config->target, n);
    } else {
        mxt_sink_answer(result, MXT_SINK_RETRY, "%.100s: %s", syslog->config->target, strerror(errno));
        hang_up(syslog);
    }
    free(message);
}

static void syslog_free(void *driver)
{
    struct syslog *syslog = driver;
    hang_up(syslog);
    free(syslog);
}

const struct mxt_sink_driver mxt_sink_syslog = {.open = syslog_open, .deliver = syslog_deliver, .free = syslog_free};
