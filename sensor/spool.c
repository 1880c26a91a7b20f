#include "sensor/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#define XXH_STATIC_LINKING_ONLY /* its state on the stack: nothing is allocated to spool a record */
#include <xxhash.h>

#include "sensor/spool_int.h"

#define FILE_BYTES (4u << 20) /* a file is complete at this size: a kill repeats no more than that */
#define SYNC_MS 1000
#define BUFFER_KEPT (1u << 20)

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void mxt_spool_tell(const struct mxt_spool *spool, const char *format, ...)
{
    char text[MXT_FAULT_TEXT], sentence[MXT_FAULT_TEXT + 512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    snprintf(sentence, sizeof sentence, "spool %.400s: %s", spool->path, text);
    spool->faults->tell(spool->faults->context, sentence);
}

void mxt_spool_name(uint64_t number, char out[MXT_SPOOL_NAME])
{
    snprintf(out, MXT_SPOOL_NAME, "%020" PRIu64 ".spool", number);
}

struct mxt_spool_file *mxt_spool_add(struct mxt_spool *spool, uint64_t number)
{
    struct mxt_spool_file *file = calloc(1, sizeof *file);
    if (file == NULL)
        return NULL;
    file->number = number;
    if (spool->last != NULL)
        spool->last->next = file;
    else
        spool->first = file;
    spool->last = file;
    if (number >= spool->next_number)
        spool->next_number = number + 1;
    return file;
}

/* Opens the folder and locks it. */
static bool enter(struct mxt_spool *spool)
{
    if (mkdir(spool->path, 0700) != 0 && errno != EEXIST) {
        mxt_spool_tell(spool, "%s", strerror(errno));
        return false;
    }
    spool->directory = open(spool->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (spool->directory >= 0)
        spool->lock = openat(spool->directory, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (spool->lock < 0) {
        mxt_spool_tell(spool, "%s: a folder is wanted that this user may write in (spool.directory)", strerror(errno));
        return false;
    }
    if (flock(spool->lock, LOCK_EX | LOCK_NB) == 0)
        return true;
    mxt_spool_tell(spool, "another mxtap-sensor uses it: give each its own (spool.directory)");
    return false;
}

struct mxt_spool *mxt_spool_open(const char *directory, uint64_t limit, const struct mxt_faults *faults)
{
    struct mxt_spool *spool = calloc(1, sizeof *spool);
    if (spool == NULL || (spool->path = strdup(directory)) == NULL) {
        free(spool);
        faults->tell(faults->context, "out of memory");
        return NULL;
    }
    spool->directory = spool->lock = spool->write_fd = spool->read_fd = -1;
    spool->limit = limit;
    spool->faults = faults;
    if (!enter(spool) || mxt_spool_find(spool) != MXT_OK) {
        mxt_spool_close(spool);
        return NULL;
    }
    spool->read_file = spool->first;
    mxt_spool_retire(spool);
    return spool;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void mxt_spool_close(struct mxt_spool *spool)
{
    if (spool == NULL)
        return;
    if (spool->write_fd >= 0)
        fdatasync(spool->write_fd);
    close_fd(&spool->write_fd);
    close_fd(&spool->read_fd);
    close_fd(&spool->lock);
    close_fd(&spool->directory);
    while (spool->first != NULL) {
        struct mxt_spool_file *next = spool->first->next;
        free(spool->first);
        spool->first = next;
    }
    free(spool->buffer);
    free(spool->path);
    free(spool);
}

const char *mxt_spool_error(const struct mxt_spool *spool)
{
    return spool->error;
}

struct mxt_spool_counters mxt_spool_counters(const struct mxt_spool *spool)
{
    return spool->counters;
}

static enum mxt_status refuse(struct mxt_spool *spool)
{
    snprintf(spool->error, sizeof spool->error, "%s", strerror(errno));
    return MXT_EIO;
}

void mxt_spool_sync(struct mxt_spool *spool)
{
    int64_t now = now_ms();
    if (!spool->is_dirty || now - spool->synced_ms < SYNC_MS)
        return;
    fdatasync(spool->write_fd);
    spool->is_dirty = false;
    spool->synced_ms = now;
}

/* The file is complete. */
static void seal(struct mxt_spool *spool)
{
    fdatasync(spool->write_fd);
    close_fd(&spool->write_fd);
    spool->is_writing = spool->is_dirty = false;
}

/* A file to append to: never one of an earlier run. */
static enum mxt_status begin_file(struct mxt_spool *spool)
{
    char name[MXT_SPOOL_NAME];
    if (spool->is_writing)
        return MXT_OK;
    mxt_spool_name(spool->next_number, name);
    int fd = openat(spool->directory, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return refuse(spool);
    struct mxt_spool_file *file = mxt_spool_add(spool, spool->next_number);
    if (file == NULL) {
        close(fd);
        unlinkat(spool->directory, name, 0);
        return MXT_ENOMEM;
    }
    fsync(spool->directory);
    spool->write_fd = fd;
    spool->is_writing = true;
    if (spool->read_file == NULL) {
        spool->read_file = file;
        spool->read_offset = 0;
    }
    return MXT_OK;
}

enum mxt_status mxt_spool_append(struct mxt_spool *spool, const void *head, size_t head_n, const void *body, size_t body_n)
{
    size_t length = head_n + body_n, whole = sizeof(struct mxt_spool_header) + length;
    if (length > MXT_SPOOL_RECORD_MAX || spool->counters.bytes + whole > spool->limit)
        return MXT_ELIMIT;
    enum mxt_status status = begin_file(spool);
    if (status != MXT_OK)
        return status;
    struct mxt_spool_file *file = spool->last;
    XXH3_state_t state;
    XXH3_64bits_reset_withSeed(&state, file->number);
    XXH3_64bits_update(&state, head, head_n);
    XXH3_64bits_update(&state, body, body_n);
    struct mxt_spool_header header = {MXT_SPOOL_MAGIC, (uint32_t)length, XXH3_64bits_digest(&state)};
    struct iovec parts[] = {{&header, sizeof header}, {(void *)head, head_n}, {(void *)body, body_n}};
    ssize_t written = pwritev(spool->write_fd, parts, 3, (off_t)file->size);
    if (written != (ssize_t)whole) {
        if (written >= 0)
            errno = ENOSPC; /* a file is written in part only where the disk ends */
        status = refuse(spool);
        if (ftruncate(spool->write_fd, (off_t)file->size) != 0)
            seal(spool); /* the part stays behind the last record, where nobody looks */
        return status;
    }
    file->size += whole;
    file->records++;
    spool->counters.records++;
    spool->counters.unread++;
    spool->counters.bytes += whole;
    spool->is_dirty = true;
    mxt_spool_sync(spool);
    if (file->size >= FILE_BYTES)
        seal(spool);
    return MXT_OK;
}
