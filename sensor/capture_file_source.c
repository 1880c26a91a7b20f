/* Bytes of files and pipes. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sensor/capture_file_int.h"

/*
 * Bytes asked of the kernel at once. Files are read, not mapped: measured on a file of 1 GB in the page cache (2.5 GHz Cascade Lake, Linux 6.18; frames
 * of 60 to 1514 bytes, on average 786), looking at Ethernet type, IP header and ports of every frame, in seconds: libpcap's loop 0.283; read() in
 * pieces of 64 KiB 0.143, 128 KiB 0.141, 256 KiB 0.142, 512 KiB 0.153, 1 MiB 0.167; mmap 0.136, populated in windows of 1 to 16 MiB 0.138. What
 * mapping gains where payload is left alone it loses where it is looked at, since read bytes are in the cache already; and a mapped file
 * that shrinks kills the program. Small enough to stay in the second-level cache.
 */
#define READ_SIZE   (128u << 10)
#define PACKED_SIZE (64u << 10) /* compressed bytes read at once */
#define BUFFER_SIZE (READ_SIZE + MXT_SOURCE_NEED_MAX)
#define MAGIC_SIZE  4 /* bytes that tell compression */

static enum mxt_status fail(struct mxt_source *source, enum mxt_status status, const char *fault)
{
    source->fault = fault;
    return status;
}

static enum mxt_status fail_errno(struct mxt_source *source, const char *doing, const char *mend)
{
    char text[80];
    const char *reason = strerror_r(errno, text, sizeof text);
    snprintf(source->fault_text, sizeof source->fault_text, "cannot %s: %s; %s", doing, reason, mend);
    return fail(source, MXT_EIO, source->fault_text);
}

/* One read() into `p`. MXT_OK with *got > 0, MXT_DONE at the end, MXT_MORE after a signal, MXT_EIO. */
static enum mxt_status read_some(struct mxt_source *source, uint8_t *p, size_t n, size_t *got)
{
    ssize_t result = read(source->fd, p, n);
    if (result < 0)
        return errno == EINTR ? MXT_MORE : fail_errno(source, "read", "what precedes it was used");
    *got = (size_t)result;
    source->done += (size_t)result;
    return result == 0 ? MXT_DONE : MXT_OK;
}

static enum mxt_status fill_packed(struct mxt_source *source, uint8_t *out, size_t room)
{
    uint8_t *packed = source->buffer + BUFFER_SIZE;
    for (;;) {
        size_t n = 0;
        enum mxt_status status = mxt_unpacker_run(source->unpacker, out, room, &n, &source->fault);
        source->end = out + n;
        if (status == MXT_DONE)
            source->is_at_end = true;
        if (status != MXT_MORE)
            return status == MXT_DONE ? MXT_OK : status;
        status = read_some(source, packed, PACKED_SIZE, &n);
        if (status == MXT_DONE && !mxt_unpacker_is_complete(source->unpacker))
            return fail(source, MXT_EMALFORMED, "the compressed data ends early; what precedes was used, copy the file again");
        if (status == MXT_DONE)
            source->is_at_end = true;
        if (status != MXT_OK)
            return status == MXT_DONE ? MXT_OK : status;
        mxt_unpacker_feed(source->unpacker, packed, n);
    }
}

/* Adds bytes to those at hand, which move to the front. MXT_OK also where the end was met instead. */
static enum mxt_status fill(struct mxt_source *source)
{
    size_t left = mxt_source_left(source);
    memmove(source->buffer, source->p, left);
    source->p = source->buffer;
    source->end = source->buffer + left;
    if (source->unpacker != NULL)
        return fill_packed(source, source->buffer + left, READ_SIZE);
    size_t n = 0;
    enum mxt_status status = read_some(source, source->buffer + left, READ_SIZE, &n);
    source->end += n;
    source->is_at_end = status == MXT_DONE;
    return status == MXT_DONE ? MXT_OK : status;
}

static void pass_over(struct mxt_source *source)
{
    size_t left = mxt_source_left(source);
    size_t n = source->skip < left ? (size_t)source->skip : left;
    source->p += n;
    source->skip -= n;
}

enum mxt_status mxt_source_need(struct mxt_source *source, size_t n)
{
    pass_over(source);
    while (source->skip > 0 || mxt_source_left(source) < n) {
        if (source->is_at_end)
            return MXT_DONE;
        enum mxt_status status = fill(source);
        if (status != MXT_OK)
            return status;
        pass_over(source);
    }
    return MXT_OK;
}

void mxt_source_skip(struct mxt_source *source, uint64_t n)
{
    source->skip += n;
    pass_over(source);
}

/* A file is what its content says, not its name. The bytes read so far are the unpacker's first. */
static enum mxt_status look_through_compression(struct mxt_source *source)
{
    static const uint8_t gzip[2] = {0x1f, 0x8b}, zstd[4] = {0x28, 0xb5, 0x2f, 0xfd};
    enum mxt_status status = mxt_source_need(source, MAGIC_SIZE);
    if (status == MXT_MORE)
        return fail(source, MXT_EIO, "interrupted before its first bytes came");
    if (status != MXT_OK)
        return status == MXT_DONE ? MXT_OK : status;
    if (memcmp(source->p, gzip, sizeof gzip) == 0)
        source->compression = MXT_COMPRESSION_GZIP;
    else if (memcmp(source->p, zstd, sizeof zstd) == 0)
        source->compression = MXT_COMPRESSION_ZSTD;
    else
        return MXT_OK;
    size_t n = mxt_source_left(source);
    uint8_t *buffer = realloc(source->buffer, BUFFER_SIZE + (n > PACKED_SIZE ? n : PACKED_SIZE));
    if (buffer == NULL)
        return fail(source, MXT_ENOMEM, "out of memory");
    source->buffer = buffer;
    memcpy(buffer + BUFFER_SIZE, buffer, n); /* nothing was taken of them yet: they begin the buffer */
    source->p = source->end = buffer;
    source->is_at_end = false;
    source->unpacker = mxt_unpacker_new(source->compression);
    if (source->unpacker == NULL)
        return fail(source, MXT_ENOMEM, "out of memory");
    mxt_unpacker_feed(source->unpacker, buffer + BUFFER_SIZE, n);
    return MXT_OK;
}

static enum mxt_status open_fd(struct mxt_source *source, const char *path)
{
    source->fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (source->fd < 0)
        return fail_errno(source, "open", errno == EACCES ? "give this user the right to read it" : "check the name");
    struct stat info;
    if (fstat(source->fd, &info) != 0)
        return fail_errno(source, "look at it", "check the name");
    if (S_ISDIR(info.st_mode))
        return fail(source, MXT_EIO, "is a folder; name the captures in it");
    source->is_regular = S_ISREG(info.st_mode);
    if (source->is_regular) {
        source->size = (uint64_t)info.st_size;
        posix_fadvise(source->fd, 0, 0, POSIX_FADV_SEQUENTIAL); /* a hint: twice the read-ahead */
    }
    return MXT_OK;
}

enum mxt_status mxt_source_open(struct mxt_source *source, const char *path)
{
    memset(source, 0, sizeof *source);
    enum mxt_status status = open_fd(source, path);
    if (status == MXT_OK) {
        source->buffer = malloc(BUFFER_SIZE);
        source->p = source->end = source->buffer;
        status = source->buffer == NULL ? fail(source, MXT_ENOMEM, "out of memory") : look_through_compression(source);
    }
    if (status != MXT_OK)
        mxt_source_close(source);
    return status;
}

void mxt_source_close(struct mxt_source *source)
{
    if (source->fd > STDIN_FILENO)
        close(source->fd);
    source->fd = -1;
    mxt_unpacker_free(source->unpacker);
    source->unpacker = NULL;
    free(source->buffer);
    source->buffer = NULL;
    source->p = source->end = NULL;
}
