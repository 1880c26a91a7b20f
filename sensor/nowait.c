#include "sensor/nowait.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

#define NOTE_MAX 100

struct lines {
    int fd;
    unsigned long long lost; /* lines, since one was taken */
};

bool mxt_nowait_write(int fd, const char *p, size_t n)
{
    while (n > 0) {
        struct pollfd polled = {.fd = fd, .events = POLLOUT};
        if (poll(&polled, 1, 0) <= 0)
            return false;
        ssize_t written = write(fd, p, n < PIPE_BUF ? n : PIPE_BUF); /* so much a pipe that is ready takes at once (pipe(7)) */
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        p += written;
        n -= (size_t)written;
    }
    return true;
}

/* To stdio all of it was written: a fault of the stream would silence it for good. */
static ssize_t write_lines(void *context, const char *p, size_t n)
{
    struct lines *lines = context;
    if (lines->lost > 0) {
        char note[NOTE_MAX];
        int length = snprintf(note, sizeof note, "(%llu lines were lost here: nobody had read those before)\n", lines->lost);
        if (mxt_nowait_write(lines->fd, note, (size_t)length))
            lines->lost = 0;
    }
    if (lines->lost > 0 || !mxt_nowait_write(lines->fd, p, n))
        for (size_t i = 0; i < n; i++)
            lines->lost += p[i] == '\n';
    return (ssize_t)n;
}

static int close_lines(void *context)
{
    free(context);
    return 0;
}

FILE *mxt_nowait_open(int fd)
{
    static const cookie_io_functions_t functions = {.write = write_lines, .close = close_lines};
    struct lines *lines = malloc(sizeof *lines);
    if (lines == NULL)
        return NULL;
    *lines = (struct lines){.fd = fd};
    FILE *stream = fopencookie(lines, "w", functions);
    if (stream == NULL)
        free(lines);
    else
        setvbuf(stream, NULL, _IOLBF, PIPE_BUF);
    return stream;
}
