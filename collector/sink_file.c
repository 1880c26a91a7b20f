/* Alerts as JSON lines appended to a file, which may be rotated under us. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "collector/sink_int.h"

#define FILE_MODE 0640 /* alerts name people's addresses */

struct file {
    const char *path;
    int fd; /* -1: not open */
};

/* A file whose last line a crash has torn gets its newline, so that the next line is whole. False: errno says why. */
static bool end_line(int fd)
{
    char last;
    off_t size = lseek(fd, 0, SEEK_END);
    if (size <= 0)
        return size == 0;
    if (pread(fd, &last, 1, size - 1) != 1)
        return false;
    return last == '\n' || write(fd, "\n", 1) == 1;
}

static bool open_path(struct file *file)
{
    struct stat status;
    file->fd = open(file->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, FILE_MODE);
    if (file->fd < 0)
        return false;
    if (fstat(file->fd, &status) == 0 && (!S_ISREG(status.st_mode) || end_line(file->fd)))
        return true;
    int fault = errno;
    close(file->fd);
    file->fd = -1;
    errno = fault;
    return false;
}

/* Whether the path leads to another file than the open one, or to none: it was rotated. */
static bool is_elsewhere(const struct file *file)
{
    struct stat open_now, there;
    return fstat(file->fd, &open_now) != 0 || stat(file->path, &there) != 0 || open_now.st_ino != there.st_ino || open_now.st_dev != there.st_dev;
}

static bool make_ready(struct file *file)
{
    if (file->fd >= 0 && is_elsewhere(file)) {
        close(file->fd);
        file->fd = -1;
    }
    return file->fd >= 0 || open_path(file);
}

static void *file_open(const struct mxt_sink_config *config, char *error)
{
    struct file *file = calloc(1, sizeof *file);
    if (file == NULL) {
        snprintf(error, MXT_SINK_WHY, "out of memory");
        return NULL;
    }
    file->path = config->target;
    if (open_path(file))
        return file;
    snprintf(error, MXT_SINK_WHY, "%.150s: %s; name a file in a folder where this program may write", file->path, strerror(errno));
    free(file);
    return NULL;
}

/* A line that did not fit on the disk is taken back whole. */
static void take_back(const struct file *file, ssize_t written)
{
    off_t end = lseek(file->fd, 0, SEEK_END);
    if (written > 0 && end >= written && ftruncate(file->fd, end - written) != 0)
        return; /* then it stays torn, and end_line ends it when the file is opened anew */
}

static void file_deliver(void *driver, const struct mxt_sink_alert *alert, unsigned attempt, const atomic_bool *is_stopping, struct mxt_sink_result *result)
{
    struct file *file = driver;
    char newline[] = "\n";
    struct iovec parts[] = {{.iov_len = alert->n}, {newline, 1}};
    (void)attempt, (void)is_stopping;
    memcpy(&parts[0].iov_base, &alert->json, sizeof alert->json); /* writev changes nothing in it */
    if (!make_ready(file)) {
        mxt_sink_answer(result, MXT_SINK_RETRY, "%.150s: %s", file->path, strerror(errno));
        return;
    }
    ssize_t written = writev(file->fd, parts, 2);
    if (written == (ssize_t)alert->n + 1) {
        mxt_sink_answer(result, MXT_SINK_DELIVERED, "%s", "");
        return;
    }
    int fault = written < 0 ? errno : ENOSPC;
    take_back(file, written);
    mxt_sink_answer(result, MXT_SINK_RETRY, "%.150s: %s", file->path, strerror(fault));
}

static bool file_settle(void *driver, char *why)
{
    struct file *file = driver;
    if (file->fd < 0 || fdatasync(file->fd) == 0 || errno == EINVAL) /* EINVAL: a device, a pipe */
        return true;
    snprintf(why, MXT_SINK_WHY, "%.150s: %s", file->path, strerror(errno));
    return false;
}

static void file_free(void *driver)
{
    struct file *file = driver;
    if (file->fd >= 0)
        close(file->fd);
    free(file);
}

const struct mxt_sink_driver mxt_sink_file = {.open = file_open, .deliver = file_deliver, .settle = file_settle, .free = file_free};
