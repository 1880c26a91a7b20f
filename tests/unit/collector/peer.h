/* A false Redis for unit tests: listens on a unix socket, answers one connection by a script, in a thread of its own. */
#ifndef MXT_TESTS_PEER_H
#define MXT_TESTS_PEER_H

#include "check.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* For each line read from the program that begins with a command word, one answer. */
struct peer {
    char folder[64], path[96], url[128];
    int listener;
    pthread_t thread;
    const char *const *answers; /* to each command in turn; NULL ends them: then nothing is said until the other side leaves */
    bool is_closing;            /* closes instead, after the last answer */
    char heard[4096];           /* all that came, as sent */
    size_t heard_n;
};

static inline size_t peer_count(const struct peer *peer)
{
    size_t count = 0;
    for (size_t i = 0; i < peer->heard_n; i++)
        count += peer->heard[i] == '*' && (i == 0 || peer->heard[i - 1] == '\n');
    return count;
}

static inline void *peer_run(void *context)
{
    struct peer *peer = context;
    int fd = accept(peer->listener, NULL, NULL);
    size_t answered = 0;
    ssize_t got = 1;
    while (fd >= 0 && got > 0) {
        for (; peer->answers[answered] != NULL && answered < peer_count(peer); answered++)
            if (send(fd, peer->answers[answered], strlen(peer->answers[answered]), MSG_NOSIGNAL) < 0)
                break;
        if (peer->answers[answered] == NULL && peer->is_closing)
            break;
        got = recv(fd, peer->heard + peer->heard_n, sizeof peer->heard - peer->heard_n - 1, 0);
        peer->heard_n += got > 0 ? (size_t)got : 0;
    }
    if (fd >= 0)
        close(fd);
    return NULL;
}

static inline void peer_start(struct peer *peer, const char *const *answers, bool is_closing)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memset(peer, 0, sizeof *peer);
    peer->answers = answers;
    peer->is_closing = is_closing;
    snprintf(peer->folder, sizeof peer->folder, "/tmp/mxt-peer-XXXXXX");
    assert_non_null(mkdtemp(peer->folder));
    snprintf(peer->path, sizeof peer->path, "%s/s", peer->folder);
    snprintf(peer->url, sizeof peer->url, "unix:%s", peer->path);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", peer->path);
    peer->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(peer->listener, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(peer->listener, 1), 0);
    assert_int_equal(pthread_create(&peer->thread, NULL, peer_run, peer), 0);
}

/* The link has been freed, or was never connected. */
static inline void peer_stop(struct peer *peer)
{
    shutdown(peer->listener, SHUT_RDWR);
    pthread_join(peer->thread, NULL);
    close(peer->listener);
    unlink(peer->path);
    rmdir(peer->folder);
}

#endif
