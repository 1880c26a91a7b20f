/* Reading the spool in order, and removing what was acknowledged. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "sensor/spool_int.h"

static void remove_first(struct mxt_spool *spool)
{
    struct mxt_spool_file *file = spool->first;
    char name[MXT_SPOOL_NAME];
    mxt_spool_name(file->number, name);
    unlinkat(spool->directory, name, 0); /* one that stays is found again: its records are told twice, and count once */
    spool->counters.bytes -= file->size;
    if (file == spool->last) {
        if (spool->write_fd >= 0)
            close(spool->write_fd);
        spool->write_fd = -1;
        spool->is_writing = spool->is_dirty = false;
        spool->last = NULL;
    }
    if (file == spool->read_file) {
        if (spool->read_fd >= 0)
            close(spool->read_fd);
        spool->read_fd = -1;
        spool->read_file = file->next;
        spool->read_offset = 0;
    }
    spool->first = file->next;
    free(file);
}

void mxt_spool_retire(struct mxt_spool *spool)
{
    while (spool->first != NULL) {
        const struct mxt_spool_file *file = spool->first;
        uint64_t done = spool->acknowledged.file > file->number ? file->size : spool->acknowledged.file == file->number ? spool->acknowledged.offset : 0;
        if (done < file->size)
            break;
        remove_first(spool);
    }
}

void mxt_spool_acknowledge(struct mxt_spool *spool, struct mxt_spool_place place)
{
    spool->acknowledged = place;
    if (spool->counters.records > 0)
        spool->counters.records--;
    mxt_spool_retire(spool);
}

void mxt_spool_rewind(struct mxt_spool *spool)
{
    if (spool->read_fd >= 0)
        close(spool->read_fd);
    spool->read_fd = -1;
    spool->read_file = spool->first;
    spool->read_offset = spool->first != NULL && spool->acknowledged.file == spool->first->number ? spool->acknowledged.offset : 0;
    spool->counters.unread = spool->counters.records;
    uint64_t in_later = 0;
    for (struct mxt_spool_file *file = spool->first; file != NULL; file = file->next) {
        file->read = 0;
        in_later += file != spool->first ? file->records : 0;
    }
    if (spool->first != NULL)
        spool->first->read = spool->first->records + in_later - spool->counters.records; /* acknowledged ones */
}

/* The rest of the file cannot be used: where one length is wrong, none behind it is known. */
static void give_up_file(struct mxt_spool *spool, const char *reason)
{
    struct mxt_spool_file *file = spool->read_file;
    uint64_t lost = file->records - file->read;
    char name[MXT_SPOOL_NAME];
    mxt_spool_name(file->number, name);
    mxt_spool_tell(spool, "%s: %s at byte %llu: %llu records are lost", name, reason, (unsigned long long)spool->read_offset, (unsigned long long)lost);
    spool->counters.lost += lost;
    spool->counters.records -= lost;
    spool->counters.unread -= lost;
    spool->counters.bytes -= file->size - spool->read_offset;
    file->records = file->read;
    file->size = spool->read_offset;
}

static bool reserve(struct mxt_spool *spool, size_t n)
{
    if (spool->buffer_size >= n)
        return true;
    char *buffer = realloc(spool->buffer, n);
    if (buffer == NULL)
        return false;
    spool->buffer = buffer;
    spool->buffer_size = n;
    return true;
}

/* One record of the open file. MXT_OK; MXT_EMALFORMED: damaged; MXT_EIO; MXT_ENOMEM. */
static enum mxt_status read_record(struct mxt_spool *spool, size_t *n)
{
    struct mxt_spool_header header;
    uint64_t left = spool->read_file->size - spool->read_offset;
    errno = EIO; /* what a read that ends early is told as */
    if (left < sizeof header || pread(spool->read_fd, &header, sizeof header, (off_t)spool->read_offset) != (ssize_t)sizeof header)
        return MXT_EIO;
    if (header.magic != MXT_SPOOL_MAGIC || header.length > left - sizeof header)
        return MXT_EMALFORMED;
    if (!reserve(spool, header.length))
        return MXT_ENOMEM;
    if (pread(spool->read_fd, spool->buffer, header.length, (off_t)(spool->read_offset + sizeof header)) != (ssize_t)header.length)
        return MXT_EIO;
    *n = header.length;
    return XXH3_64bits_withSeed(spool->buffer, header.length, spool->read_file->number) == header.checksum ? MXT_OK : MXT_EMALFORMED;
}

/* Opens the file that is to be read next, passing over those at their end. MXT_OK; MXT_DONE; MXT_EIO: it cannot be opened; MXT_ENOMEM: not now. */
static enum mxt_status open_next(struct mxt_spool *spool)
{
    while (spool->read_file != NULL && spool->read_offset >= spool->read_file->size) {
        if (spool->read_file->next == NULL)
            return MXT_DONE; /* it may grow yet, or a later one begin */
        if (spool->read_fd >= 0)
            close(spool->read_fd);
        spool->read_fd = -1;
        spool->read_file = spool->read_file->next;
        spool->read_offset = 0;
    }
    if (spool->read_file == NULL)
        return MXT_DONE;
    if (spool->read_fd < 0) {
        char name[MXT_SPOOL_NAME];
        mxt_spool_name(spool->read_file->number, name);
        spool->read_fd = openat(spool->directory, name, O_RDONLY | O_CLOEXEC);
    }
    if (spool->read_fd >= 0)
        return MXT_OK;
    /* That descriptors or memory have run out says nothing about the file, which would be given up. */
    return errno == EMFILE || errno == ENFILE || errno == ENOMEM ? MXT_ENOMEM : MXT_EIO;
}

enum mxt_status mxt_spool_next(struct mxt_spool *spool, const char **record, size_t *n, struct mxt_spool_place *place)
{
    for (;;) {
        enum mxt_status status = open_next(spool);
        if (status == MXT_DONE)
            return MXT_DONE;
        if (status == MXT_OK)
            status = read_record(spool, n);
        if (status == MXT_ENOMEM)
            return status;
        if (status == MXT_OK)
            break;
        give_up_file(spool, status == MXT_EMALFORMED ? "damaged" : strerror(errno));
        mxt_spool_retire(spool);
    }
    spool->read_offset += sizeof(struct mxt_spool_header) + *n;
    spool->read_file->read++;
    spool->counters.unread--;
    *record = spool->buffer;
    *place = (struct mxt_spool_place){spool->read_file->number, spool->read_offset};
    return MXT_OK;
}
