#include "collector/metrics_server.h"

#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "collector/metrics_page.h"

#define CONNECTIONS      16u    /* at once: a few Prometheus servers and a person */
#define TIMEOUT_S        10u    /* of a connection that says nothing */
#define CONNECTION_BYTES 16384u /* of a request's head */
#define BACKLOG          16

struct mxt_metrics_server {
    struct MHD_Daemon *daemon;
    struct mxt_metrics_source source;
    pthread_t thread;
    bool is_running;
    int stop_fd;
};

/* Answers with a text that becomes libmicrohttpd's to free. */
static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, const char *type, char *text, size_t n)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(n, text, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(text);
        return MHD_NO;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result answer_text(struct MHD_Connection *connection, unsigned status, const char *text)
{
    char *copy = strdup(text);
    return copy == NULL ? MHD_NO : answer(connection, status, "text/plain; charset=utf-8", copy, strlen(copy));
}

static enum MHD_Result answer_metrics(const struct mxt_metrics_server *server, struct MHD_Connection *connection)
{
    struct mxt_metrics_page page;
    size_t n = 0;
    char *text = NULL;
    if (mxt_metrics_page_open(&page)) {
        server->source.collect(server->source.context, &page);
        text = mxt_metrics_page_close(&page, &n);
    }
    if (text == NULL)
        return answer_text(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory\n");
    return answer(connection, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", text, n);
}

static enum MHD_Result answer_health(const struct mxt_metrics_server *server, struct MHD_Connection *connection)
{
    char why[MXT_METRICS_WHY], line[MXT_METRICS_WHY + 2];
    if (server->source.is_well == NULL || server->source.is_well(server->source.context, why))
        return answer_text(connection, MHD_HTTP_OK, "ok\n");
    snprintf(line, sizeof line, "%s\n", why);
    return answer_text(connection, MHD_HTTP_SERVICE_UNAVAILABLE, line);
}

/* NOLINTBEGIN(readability-non-const-parameter): the type is libmicrohttpd's */
static enum MHD_Result take_request(void *context, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
                                    const char *upload, size_t *upload_size, void **state)
{
    (void)version, (void)upload, (void)upload_size, (void)state;
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return answer_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "GET only\n");
    if (strcmp(url, "/metrics") == 0)
        return answer_metrics(context, connection);
    if (strcmp(url, "/healthz") == 0)
        return answer_health(context, connection);
    return answer_text(connection, MHD_HTTP_NOT_FOUND, "/metrics and /healthz are here\n");
}

/* NOLINTEND(readability-non-const-parameter) */

/* IPv4 and IPv6 by the sockets of their own kind. */
static socklen_t to_sockaddr(const struct mxt_metrics_config *config, struct sockaddr_storage *out)
{
    *out = (struct sockaddr_storage){0};
    if (mxt_address_is_ipv4(&config->address)) {
        struct sockaddr_in *in = (struct sockaddr_in *)out;
        in->sin_family = AF_INET;
        in->sin_port = htons(config->port);
        memcpy(&in->sin_addr, config->address.bytes + 12, 4);
        return sizeof *in;
    }
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(config->port);
    memcpy(&in6->sin6_addr, config->address.bytes, 16);
    return sizeof *in6;
}

/* A socket that listens; -1: errno says why. */
static int listen_at(const struct mxt_metrics_config *config)
{
    struct sockaddr_storage address;
    socklen_t n = to_sockaddr(config, &address);
    int one = 1, fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (const struct sockaddr *)&address, n) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int fault = errno;
    close(fd);
    errno = fault;
    return -1;
}

static void explain(const struct mxt_metrics_config *config, int fault, char *error)
{
    char address[MXT_ADDRESS_TEXT];
    const char *mend = "";
    mxt_address_format(&config->address, address);
    if (fault == EADDRINUSE)
        mend = "; another program listens there: choose another port";
    else if (fault == EADDRNOTAVAIL)
        mend = "; this machine has no such address";
    else if (fault == EACCES)
        mend = "; choose a port above 1023";
    snprintf(error, MXT_METRICS_WHY, "metrics at %s port %u: %s%s", address, (unsigned)config->port, strerror(fault), mend);
}

struct mxt_metrics_server *mxt_metrics_open(const struct mxt_metrics_config *config, char *error)
{
    struct mxt_metrics_server *server = calloc(1, sizeof *server);
    int fd = listen_at(config), fault = errno;
    if (fd < 0)
        explain(config, fault, error);
    else
        snprintf(error, MXT_METRICS_WHY, "metrics: out of memory");
    if (server != NULL && fd >= 0) {
        server->stop_fd = eventfd(0, EFD_CLOEXEC);
        server->daemon = MHD_start_daemon(MHD_USE_EPOLL, config->port, NULL, NULL, take_request, server, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
                                          CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
                                          MHD_OPTION_END);
        if (server->daemon != NULL && server->stop_fd >= 0)
            return server;
        if (server->daemon != NULL)
            MHD_stop_daemon(server->daemon);
        else
            close(fd);
        if (server->stop_fd >= 0)
            close(server->stop_fd);
    } else if (fd >= 0) {
        close(fd);
    }
    free(server);
    return NULL;
}

static void *serve(void *context)
{
    struct mxt_metrics_server *server = context;
    struct pollfd polled[] = {{.fd = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd, .events = POLLIN},
                              {.fd = server->stop_fd, .events = POLLIN}};
    if (server->source.began != NULL && !server->source.began(server->source.context))
        return NULL;
    while ((polled[1].revents & POLLIN) == 0) {
        MHD_UNSIGNED_LONG_LONG wait_ms = 0;
        bool has_timeout = MHD_get_timeout(server->daemon, &wait_ms) == MHD_YES;
        if (poll(polled, 2, has_timeout ? (int)(wait_ms < 60000 ? wait_ms : 60000) : -1) < 0 && errno != EINTR)
            break;
        MHD_run(server->daemon);
    }
    return NULL;
}

enum mxt_status mxt_metrics_start(struct mxt_metrics_server *server, const struct mxt_metrics_source *source)
{
    sigset_t all, before;
    server->source = *source;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the main thread's */
    server->is_running = pthread_create(&server->thread, NULL, serve, server) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return server->is_running ? MXT_OK : MXT_ENOMEM;
}

void mxt_metrics_close(struct mxt_metrics_server *server)
{
    if (server == NULL)
        return;
    (void)!eventfd_write(server->stop_fd, 1);
    if (server->is_running)
        pthread_join(server->thread, NULL);
    MHD_stop_daemon(server->daemon);
    close(server->stop_fd);
    free(server);
}
