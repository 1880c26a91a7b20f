/* Bytes of files and pipes, in pieces as long as they are wanted. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sensor/capture_file_int.h"

#define MAGIC_SIZE   4           /* bytes that tell compression */
#define WINDOW_FIRST (128u << 10) /* mapped first: of a folder's files no more than the first packet is looked at, at first */
#define WINDOW_SIZE  (2u << 20)   /* then; also memory, while they are in use. Larger ones are no faster */

_Static_assert(WINDOW_SIZE >= 2 * MXT_SOURCE_NEED_MAX, "a window holds what is asked for, wherever in its first page that begins");

static const uint8_t nothing[1]; /* at hand before the first byte, and behind the last */

static enum mxt_status fail(struct mxt_source *source, enum mxt_status status, const char *fault)
{
    source->fault = fault;
    return status;
}

/* ---- chunks ---- */

/* A chunk with room of its own; NULL: out of memory. */
static struct mxt_chunk *chunk_with_room(struct mxt_chunks *chunks)
{
    struct mxt_chunk *chunk = chunks->free;
    if (chunk != NULL) {
        chunks->free = chunk->next;
        return chunk;
    }
    chunk = calloc(1, sizeof *chunk);
    if (chunk == NULL || (chunk->room = malloc(MXT_CHUNK_SIZE)) == NULL) {
        free(chunk);
        return NULL;
    }
    return chunk;
}

static void leave_chunk(struct mxt_source *source)
{
    if (source->chunk == NULL)
        return;
    source->chunk->next = source->chunks->left;
    source->chunks->left = source->chunk;
    source->chunk = NULL;
}

static void take_chunk(struct mxt_source *source, struct mxt_chunk *chunk)
{
    leave_chunk(source);
    chunk->source = source;
    source->chunk = chunk;
}

bool mxt_chunks_give_back(struct mxt_chunks *chunks, struct mxt_chunk *list)
{
    bool is_any_lost = false;
    for (struct mxt_chunk *chunk = list, *next; chunk != NULL; chunk = next) {
        next = chunk->next;
        if (chunk->window == NULL) {
            chunk->next = chunks->free;
            chunks->free = chunk;
            continue;
        }
        if (mxt_window_is_lost(chunk->window))
            chunk->source->is_shortened = is_any_lost = true;
        mxt_window_close(chunk->window);
        free(chunk);
    }
    return is_any_lost;
}

void mxt_chunks_clear(struct mxt_chunks *chunks)
{
    for (struct mxt_chunk *chunk = chunks->free, *next; chunk != NULL; chunk = next) {
        next = chunk->next;
        free(chunk->room);
        free(chunk);
    }
    chunks->free = NULL;
}

/* ---- mapped ---- */

static enum mxt_status check_length(struct mxt_source *source, uint64_t least, uint64_t *length)
{
    struct stat info;
    if (fstat(source->tap.fd, &info) != 0 || info.st_size < 0)
        return fail(source, MXT_EIO, "its length cannot be asked for; what precedes was used");
    *length = (uint64_t)info.st_size;
    if (*length < least || source->is_shortened || (source->chunk != NULL && source->chunk->window != NULL && mxt_window_is_lost(source->chunk->window)))
        return fail(source, MXT_EIO, MXT_SHORTENED);
    return MXT_OK;
}

/* Reading begins where mapping ends. */
static enum mxt_status stop_mapping(struct mxt_source *source)
{
    source->is_mapped = false;
    source->tap.done = source->end_at;
    return lseek(source->tap.fd, (off_t)source->end_at, SEEK_SET) < 0 ? fail(source, MXT_EIO, "cannot be read from where it stands; copy the file") : MXT_OK;
}

/* A window from what is at hand on, of a file that may have grown. MXT_OK also at the end, or where it cannot be mapped any more. */
static enum mxt_status fill_mapped(struct mxt_source *source)
{
    uint64_t begin = source->end_at - mxt_source_left(source), page = (uint64_t)sysconf(_SC_PAGESIZE), at = begin - begin % page, length;
    enum mxt_status status = check_length(source, source->end_at, &length);
    if (status != MXT_OK)
        return source->failure = status;
    source->is_at_end = length == source->end_at;
    if (source->is_at_end)
        return MXT_OK;
    size_t most = source->end_at == 0 ? WINDOW_FIRST : WINDOW_SIZE, size = length - at < most ? (size_t)(length - at) : most;
    const uint8_t *bytes;
    struct mxt_chunk *chunk = calloc(1, sizeof *chunk);
    if (chunk == NULL || (chunk->window = mxt_window_open(source->tap.fd, at, size, &bytes)) == NULL) {
        free(chunk);
        return stop_mapping(source);
    }
    take_chunk(source, chunk);
    source->p = bytes + (begin - at);
    source->end = bytes + size;
    source->end_at = source->done = at + size;
    return MXT_OK;
}

enum mxt_status mxt_source_confirm(struct mxt_source *source)
{
    uint64_t length;
    if (!source->is_mapped)
        return MXT_OK;
    enum mxt_status status = check_length(source, source->end_at, &length);
    if (status != MXT_OK)
        source->failure = status;
    return status;
}

/* ---- drawn ---- */

/* Room for `n` bytes from those at hand on, and some behind them. Where much of a chunk is used up they move to another one. */
static enum mxt_status make_room(struct mxt_source *source, size_t n)
{
    const struct mxt_chunk *old = source->chunk;
    bool has_room = old != NULL && old->room != NULL && n <= MXT_CHUNK_SIZE - (size_t)(source->p - old->room) && source->end < old->room + MXT_CHUNK_SIZE;
    if (has_room && (source->p == old->room || source->end < old->room + MXT_READ_SIZE))
        return MXT_OK;
    struct mxt_chunk *chunk = chunk_with_room(source->chunks);
    if (chunk == NULL)
        return fail(source, MXT_ENOMEM, "out of memory");
    size_t left = mxt_source_left(source);
    if (left > 0)
        memcpy(chunk->room, source->p, left);
    take_chunk(source, chunk);
    source->p = chunk->room;
    source->end = chunk->room + left;
    return MXT_OK;
}

static enum mxt_status fill_drawn(struct mxt_source *source, size_t n)
{
    enum mxt_status status = make_room(source, n);
    if (status != MXT_OK)
        return source->failure = status;
    uint8_t *out = source->chunk->room + (source->end - source->chunk->room);
    size_t room = (size_t)(source->chunk->room + MXT_CHUNK_SIZE - out), got = 0;
    status = mxt_tap_draw(&source->tap, out, room < MXT_READ_SIZE ? room : MXT_READ_SIZE, &got);
    source->end += got;
    source->done = source->tap.done;
    source->is_at_end = status == MXT_DONE;
    source->fault = source->tap.fault;
    if (status < MXT_OK)
        source->failure = status;
    return status == MXT_DONE ? MXT_OK : status;
}

/* ---- both ---- */

/* Adds bytes to those at hand. MXT_OK also where the end was met instead. */
static enum mxt_status fill(struct mxt_source *source, size_t n)
{
    return source->is_mapped ? fill_mapped(source) : fill_drawn(source, n);
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
        enum mxt_status status = fill(source, n);
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

/* A file is what its content says, not its name. The bytes drawn so far are the unpacker's first; of a mapped file none were drawn. */
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
    status = mxt_tap_unpack(&source->tap, compression, source->p, source->is_mapped ? 0 : mxt_source_left(source));
    source->fault = source->tap.fault;
    source->is_mapped = false;
    source->p = source->end;
    source->is_at_end = false;
    return status;
}

enum mxt_status mxt_source_open(struct mxt_source *source, const char *path, struct mxt_chunks *chunks)
{
    memset(source, 0, sizeof *source);
    source->chunks = chunks;
    source->p = source->end = nothing;
    enum mxt_status status = mxt_tap_open(&source->tap, path, &source->size);
    source->fault = source->tap.fault;
    if (status == MXT_OK) {
        off_t at = source->size > 0 ? lseek(source->tap.fd, 0, SEEK_CUR) : -1; /* standard input may stand anywhere */
        source->is_mapped = at >= 0;
        source->end_at = at >= 0 ? (uint64_t)at : 0;
        status = look_through_compression(source);
    }
    if (status != MXT_OK)
        mxt_source_close(source);
    return status;
}

void mxt_source_close(struct mxt_source *source)
{
    leave_chunk(source);
    mxt_tap_close(&source->tap);
    source->p = source->end = nothing;
}
