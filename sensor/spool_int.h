/* What the spool's files share; nobody else includes this. */
#ifndef MXT_SENSOR_SPOOL_INT_H
#define MXT_SENSOR_SPOOL_INT_H

#include <stdbool.h>

#include "sensor/spool.h"

#define MXT_SPOOL_NAME 32 /* bytes of a file's name */

/* A file of the spool. */
struct mxt_spool_file {
    struct mxt_spool_file *next;
    uint64_t number;
    uint64_t size;    /* up to the last record that is whole */
    uint64_t records; /* in it */
    uint64_t read;    /* of them, read or passed over */
};

/* What stands before each record, in the machine's byte order: a spool does not travel. */
struct mxt_spool_header {
    uint32_t magic, length;
    uint64_t checksum; /* of the record, seeded with the file's number */
};
#define MXT_SPOOL_MAGIC 0x3153584du /* "MXS1" */

struct mxt_spool {
    int directory, lock;
    char *path;
    uint64_t limit;
    const struct mxt_faults *faults;
    struct mxt_spool_file *first, *last; /* oldest to newest */
    bool is_writing;                     /* the last file is open for appending */
    int write_fd, read_fd;               /* -1: none */
    struct mxt_spool_file *read_file;    /* NULL: all was read */
    uint64_t read_offset;
    struct mxt_spool_place acknowledged;
    uint64_t next_number;
    int64_t synced_ms;
    bool is_dirty;
    char *buffer; /* the record in hand */
    size_t buffer_size;
    struct mxt_spool_counters counters;
    char error[128];
};

void mxt_spool_name(uint64_t number, char out[MXT_SPOOL_NAME]);

/* Finds the files of earlier runs, and where each ends. MXT_OK; MXT_EIO, MXT_ENOMEM: told. */
enum mxt_status mxt_spool_find(struct mxt_spool *spool) MXT_MUST_CHECK;

/* Adds a file behind the last. NULL: out of memory. */
struct mxt_spool_file *mxt_spool_add(struct mxt_spool *spool, uint64_t number);

/* Removes the files at the front of which nothing is needed any more. */
void mxt_spool_retire(struct mxt_spool *spool);

/* Tells a sentence about the spool, behind its path. */
void mxt_spool_tell(const struct mxt_spool *spool, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
