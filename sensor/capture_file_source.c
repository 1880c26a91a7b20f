/* Bytes of files and pipes, in pieces as long as they are wanted. */
#include <stdlib.h>
#include <string.h>

#include "sensor/capture_file_int.h"

#define BUFFER_SIZE (MXT_READ_SIZE + MXT_SOURCE_NEED_MAX)
#define MAGIC_SIZE  4 /* bytes that tell compression */

static enum mxt_status fail(struct mxt_source *source, enum mxt_status status, const char *fault)
{
    source->fault = fault;
    return status;
}

/* What was drawn is at hand now, from `p` on. */
static enum mxt_status note(struct mxt_source *source, const uint8_t *p, const struct mxt_drawn *drawn)
{
    source->p = p;
    source->end = drawn->p + drawn->n;
    source->done = drawn->done;
    source->is_at_end = drawn->status == MXT_DONE;
    source->fault = drawn->fault;
    if (drawn->status < MXT_OK)
        source->failure = drawn->status;
    return drawn->status == MXT_DONE ? MXT_OK : drawn->status;
}

/* Those at hand move in front of what a thread has read. */
static enum mxt_status fill_ahead(struct mxt_source *source)
{
    struct mxt_drawn drawn;
    enum mxt_status status = mxt_ahead_take(source->ahead, &drawn);
    if (status != MXT_OK)
        return status;
    size_t left = mxt_source_left(source);
    uint8_t *p = drawn.p - left;
    memcpy(p, source->p, left);
    return note(source, p, &drawn);
}

/* Adds bytes to those at hand, which move to the front. MXT_OK also where the end was met instead. */
static enum mxt_status fill(struct mxt_source *source)
{
    if (source->ahead != NULL)
        return fill_ahead(source);
    size_t left = mxt_source_left(source);
    memmove(source->buffer, source->p, left);
    struct mxt_drawn drawn = {.p = source->buffer + left};
    drawn.status = mxt_tap_draw(&source->tap, source->buffer + left, MXT_READ_SIZE, &drawn.n);
    drawn.done = source->tap.done;
    drawn.fault = source->tap.fault;
    return note(source, source->buffer, &drawn);
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
        if (source->is_at_end || source->failure != MXT_OK)
            return source->is_at_end ? MXT_DONE : source->failure;
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
    enum mxt_compression compression;
    enum mxt_status status = mxt_source_need(source, MAGIC_SIZE);
    if (status == MXT_MORE)
        return fail(source, MXT_EIO, "interrupted before its first bytes came");
    if (status != MXT_OK)
        return status == MXT_DONE ? MXT_OK : status;
    if (memcmp(source->p, gzip, sizeof gzip) == 0)
        compression = MXT_COMPRESSION_GZIP;
    else if (memcmp(source->p, zstd, sizeof zstd) == 0)
        compression = MXT_COMPRESSION_ZSTD;
    else
        return MXT_OK;
    status = mxt_tap_unpack(&source->tap, compression, source->p, mxt_source_left(source));
    source->fault = source->tap.fault;
    source->p = source->end = source->buffer;
    source->is_at_end = false;
    return status;
}

enum mxt_status mxt_source_open(struct mxt_source *source, const char *path)
{
    memset(source, 0, sizeof *source);
    enum mxt_status status = mxt_tap_open(&source->tap, path, &source->size);
    source->fault = source->tap.fault;
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
    mxt_ahead_free(source->ahead);
    source->ahead = NULL;
    mxt_tap_close(&source->tap);
    free(source->buffer);
    source->buffer = NULL;
    source->p = source->end = NULL;
}

void mxt_source_read_ahead(struct mxt_source *source, void (*began)(void *context), void *context)
{
    if (source->ahead == NULL && !source->is_at_end && source->tap.fd >= 0)
        source->ahead = mxt_ahead_new(&source->tap, began, context);
}
