/* What an earlier run has left in the spool: files in order, each up to its last whole record. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sensor/spool_int.h"

#define NAME_DIGITS 20
#define SUFFIX ".spool"

/* The number that a file's name says. False: it is none of ours. */
static bool read_name(const char *name, uint64_t *number)
{
    uint64_t value = 0;
    for (size_t i = 0; i < NAME_DIGITS; i++) {
        if (name[i] < '0' || name[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(name[i] - '0');
    }
    *number = value;
    return strcmp(name + NAME_DIGITS, SUFFIX) == 0;
}

static int is_one_of_ours(const struct dirent *entry)
{
    uint64_t number;
    return read_name(entry->d_name, &number);
}

/* Follows the records' lengths through the file; checksums are looked at when a record is read. */
static void measure(struct mxt_spool_file *file, int fd, uint64_t on_disk)
{
    struct mxt_spool_header header;
    while (pread(fd, &header, sizeof header, (off_t)file->size) == (ssize_t)sizeof header && header.magic == MXT_SPOOL_MAGIC &&
           header.length <= MXT_SPOOL_RECORD_MAX && file->size + sizeof header + header.length <= on_disk) {
        file->size += sizeof header + header.length;
        file->records++;
    }
}

static enum mxt_status take_file(struct mxt_spool *spool, const char *name)
{
    uint64_t number;
    struct stat status;
    if (!read_name(name, &number))
        return MXT_OK;
    int fd = openat(spool->directory, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0) {
        mxt_spool_tell(spool, "%s: %s", name, strerror(errno));
        if (fd >= 0)
            close(fd);
        return MXT_EIO;
    }
    struct mxt_spool_file *file = mxt_spool_add(spool, number);
    if (file != NULL) {
        measure(file, fd, (uint64_t)status.st_size);
        spool->counters.records += file->records;
        spool->counters.unread += file->records;
        spool->counters.bytes += file->size;
        if (file->size < (uint64_t)status.st_size)
            mxt_spool_tell(spool, "%s: the last %llu bytes are not a whole record (written while the program was killed?) and are passed over", name,
                           (unsigned long long)((uint64_t)status.st_size - file->size));
    }
    close(fd);
    return file != NULL ? MXT_OK : MXT_ENOMEM;
}

enum mxt_status mxt_spool_find(struct mxt_spool *spool)
{
    struct dirent **entries = NULL;
    int count = scandirat(spool->directory, ".", &entries, is_one_of_ours, alphasort); /* the names' digits sort as the numbers do */
    enum mxt_status status = MXT_OK;
    if (count < 0) {
        mxt_spool_tell(spool, "%s", strerror(errno));
        return MXT_EIO;
    }
    for (int i = 0; i < count; i++) {
        if (status == MXT_OK)
            status = take_file(spool, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    if (status == MXT_ENOMEM)
        mxt_spool_tell(spool, "out of memory");
    return status;
}
