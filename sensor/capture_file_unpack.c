/* gzip (RFC 1952) and Zstandard (RFC 8878) as streams. */
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "sensor/capture_file_int.h"

#define GZIP_WINDOW (15 + 16) /* zlib: the largest window, in gzip's format */

struct mxt_unpacker {
    enum mxt_compression compression;
    z_stream gzip;
    ZSTD_DStream *zstd;
    const uint8_t *p;
    size_t left;
    bool is_between; /* after a whole member or frame, where the input may end */
    bool is_drained; /* all input is used up and all output of it is out */
    const char *why; /* a failure, which lasts */
};

struct mxt_unpacker *mxt_unpacker_new(enum mxt_compression compression)
{
    struct mxt_unpacker *unpacker = calloc(1, sizeof *unpacker);
    if (unpacker == NULL)
        return NULL;
    unpacker->compression = compression;
    bool is_ready;
    if (compression == MXT_COMPRESSION_GZIP) {
        is_ready = inflateInit2(&unpacker->gzip, GZIP_WINDOW) == Z_OK;
    } else {
        unpacker->zstd = ZSTD_createDStream();
        is_ready = unpacker->zstd != NULL;
    }
    if (is_ready)
        return unpacker;
    free(unpacker);
    return NULL;
}

void mxt_unpacker_free(struct mxt_unpacker *unpacker)
{
    if (unpacker == NULL)
        return;
    if (unpacker->compression == MXT_COMPRESSION_GZIP)
        inflateEnd(&unpacker->gzip);
    ZSTD_freeDStream(unpacker->zstd);
    free(unpacker);
}

void mxt_unpacker_feed(struct mxt_unpacker *unpacker, const uint8_t *p, size_t n)
{
    unpacker->p = p;
    unpacker->left = n;
    unpacker->is_drained = false;
}

bool mxt_unpacker_is_complete(const struct mxt_unpacker *unpacker)
{
    return unpacker->is_between;
}

/* What was made before the damage still counts: the failure is told when nothing more comes. */
static enum mxt_status fail(struct mxt_unpacker *unpacker, size_t made, const char *why)
{
    unpacker->why = why;
    return made > 0 ? MXT_OK : MXT_EMALFORMED;
}

static enum mxt_status run_gzip(struct mxt_unpacker *unpacker, uint8_t *out, size_t room, size_t *made)
{
    z_stream *gzip = &unpacker->gzip;
    if (unpacker->is_between && unpacker->left > 0) {
        if (unpacker->p[0] != 0x1f)
            return MXT_DONE; /* padding of tapes and block devices; gzip passes over it, too */
        inflateReset(gzip);
        unpacker->is_between = false;
    }
    gzip->next_in = (z_const Bytef *)unpacker->p;
    gzip->avail_in = (uInt)unpacker->left;
    gzip->next_out = out;
    gzip->avail_out = (uInt)room;
    int result = inflate(gzip, Z_NO_FLUSH);
    unpacker->p += unpacker->left - gzip->avail_in;
    unpacker->left = gzip->avail_in;
    *made = room - gzip->avail_out;
    unpacker->is_between = result == Z_STREAM_END;
    if (result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR)
        return MXT_OK;
    return fail(unpacker, *made, "the gzip data is damaged; what precedes was used, copy the file again");
}

static enum mxt_status run_zstd(struct mxt_unpacker *unpacker, void *out, size_t room, size_t *made)
{
    ZSTD_inBuffer in = {.src = unpacker->p, .size = unpacker->left, .pos = 0};
    ZSTD_outBuffer to = {.dst = out, .size = room, .pos = 0};
    size_t result = ZSTD_decompressStream(unpacker->zstd, &to, &in);
    unpacker->p += in.pos;
    unpacker->left -= in.pos;
    *made = to.pos;
    unpacker->is_between = result == 0;
    if (!ZSTD_isError(result))
        return MXT_OK;
    if (ZSTD_getErrorCode(result) == ZSTD_error_frameParameter_windowTooLarge)
        return fail(unpacker, *made, "the zstd data needs a window of more than 128 MiB; unpack it with 'zstd -d --long=31'");
    return fail(unpacker, *made, "the zstd data is damaged; what precedes was used, copy the file again");
}

enum mxt_status mxt_unpacker_run(struct mxt_unpacker *unpacker, uint8_t *out, size_t room, size_t *made, const char **why)
{
    *made = 0;
    while (*made == 0 && unpacker->why == NULL) {
        if (unpacker->left == 0 && (unpacker->is_drained || unpacker->is_between))
            return MXT_MORE;
        enum mxt_status status = unpacker->compression == MXT_COMPRESSION_GZIP ? run_gzip(unpacker, out, room, made) : run_zstd(unpacker, out, room, made);
        if (status == MXT_DONE)
            return status;
        unpacker->is_drained = *made == 0 && unpacker->left == 0; /* without input, output may still be due */
    }
    *why = unpacker->why;
    return *made > 0 ? MXT_OK : MXT_EMALFORMED;
}
