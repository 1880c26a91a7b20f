/* Bytes out of files and pipes. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sensor/capture_file_int.h"

#define PACKED_SIZE (64u << 10) /* compressed bytes read at once */

static enum mxt_status fail(struct mxt_tap *tap, enum mxt_status status, const char *fault)
{
    tap->fault = fault;
    return status;
}

static enum mxt_status fail_errno(struct mxt_tap *tap, const char *doing, const char *mend)
{
    char text[80];
    const char *reason = strerror_r(errno, text, sizeof text);
    snprintf(tap->fault_text, sizeof tap->fault_text, "cannot %s: %s; %s", doing, reason, mend);
    return fail(tap, MXT_EIO, tap->fault_text);
}

enum mxt_status mxt_tap_open(struct mxt_tap *tap, const char *path, uint64_t *size)
{
    *tap = (struct mxt_tap){.waits = true};
    tap->fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (tap->fd < 0)
        return fail_errno(tap, "open", errno == EACCES ? "give this user the right to read it" : "check the name");
    struct stat info;
    if (fstat(tap->fd, &info) != 0)
        return fail_errno(tap, "look at it", "check the name");
    if (S_ISDIR(info.st_mode))
        return fail(tap, MXT_EIO, "is a folder; name the captures in it");
    tap->is_regular = S_ISREG(info.st_mode);
    *size = tap->is_regular ? (uint64_t)info.st_size : 0;
    if (tap->is_regular)
        posix_fadvise(tap->fd, 0, 0, POSIX_FADV_SEQUENTIAL); /* a hint: twice the read-ahead */
    return MXT_OK;
}

void mxt_tap_close(struct mxt_tap *tap)
{
    if (tap->fd > STDIN_FILENO)
        close(tap->fd);
    tap->fd = -1;
    mxt_unpacker_free(tap->unpacker);
    tap->unpacker = NULL;
    free(tap->packed);
    tap->packed = NULL;
}

enum mxt_status mxt_tap_unpack(struct mxt_tap *tap, enum mxt_compression compression, const uint8_t *p, size_t n)
{
    tap->compression = compression;
    tap->packed = malloc(n > PACKED_SIZE ? n : PACKED_SIZE);
    tap->unpacker = mxt_unpacker_new(compression);
    if (tap->packed == NULL || tap->unpacker == NULL)
        return fail(tap, MXT_ENOMEM, "out of memory");
    if (n > 0)
        memcpy(tap->packed, p, n);
    mxt_unpacker_feed(tap->unpacker, tap->packed, n);
    return MXT_OK;
}

/* One read() into `p`. MXT_OK with *got > 0, MXT_DONE at the end, MXT_MORE after a signal or where there is nothing to be read now, MXT_EIO. */
static enum mxt_status read_some(struct mxt_tap *tap, uint8_t *p, size_t n, size_t *got)
{
    struct pollfd polled = {.fd = tap->fd, .events = POLLIN};
    if (!tap->is_regular && poll(&polled, 1, tap->waits ? -1 : 0) <= 0)
        return MXT_MORE;
    ssize_t result = read(tap->fd, p, n);
    if (result < 0)
        return errno == EINTR ? MXT_MORE : fail_errno(tap, "read", "what precedes it was used");
    *got = (size_t)result;
    tap->done += (size_t)result;
    return result == 0 ? MXT_DONE : MXT_OK;
}

static enum mxt_status draw_packed(struct mxt_tap *tap, uint8_t *out, size_t room, size_t *n)
{
    for (;;) {
        size_t got = 0;
        enum mxt_status status = mxt_unpacker_run(tap->unpacker, out, room, n, &tap->fault);
        if (status != MXT_MORE)
            return status;
        status = read_some(tap, tap->packed, PACKED_SIZE, &got);
        if (status == MXT_DONE && !mxt_unpacker_is_complete(tap->unpacker))
            return fail(tap, MXT_EMALFORMED, "the compressed data ends early; what precedes was used, copy the file again");
        if (status != MXT_OK)
            return status;
        mxt_unpacker_feed(tap->unpacker, tap->packed, got);
    }
}

enum mxt_status mxt_tap_draw(struct mxt_tap *tap, uint8_t *out, size_t room, size_t *n)
{
    *n = 0;
    return tap->unpacker != NULL ? draw_packed(tap, out, room, n) : read_some(tap, out, room, n);
}

void mxt_tap_wait(const struct mxt_tap *tap)
{
    struct pollfd polled = {.fd = tap->fd, .events = POLLIN};
    (void)poll(&polled, 1, MXT_WAIT_MS); /* whatever ends it, who waits looks again */
}
