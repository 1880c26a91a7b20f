#include "sensor/capture_build.h"

#include <zlib.h>
#include <zstd.h>

#define FRAMES 400u

enum kind { GZIP, ZSTD };

static size_t pack(enum kind kind, const uint8_t *p, size_t n, uint8_t *out, size_t room)
{
    if (kind == ZSTD) {
        ZSTD_CCtx *context = ZSTD_createCCtx();
        assert_non_null(context);
        assert_false(ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1))); /* as the zstd program does */
        size_t length = ZSTD_compress2(context, out, room, p, n);
        assert_false(ZSTD_isError(length));
        ZSTD_freeCCtx(context);
        return length;
    }
    z_stream stream = {.next_in = (z_const Bytef *)p, .avail_in = (uInt)n, .next_out = out, .avail_out = (uInt)room};
    assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    size_t length = stream.total_out;
    assert_int_equal(deflateEnd(&stream), Z_OK);
    return length;
}

static struct file capture_of(void)
{
    struct file file = file_new(false);
    uint32_t noise = 1;
    pcap_header(&file, 0xa1b2c3d4, 1);
    for (uint32_t i = 0; i < FRAMES; i++) {
        pcap_record(&file, i, 0, 0, 1000, 0);
        size_t at = file.length;
        memset(file.bytes + at, 0, 900);
        for (size_t k = 0; k < 500; k++) { /* half of it does not compress, so that there is something to cut */
            noise = noise * 1103515245 + 12345;
            file.bytes[at + k] = (uint8_t)(noise >> 16);
        }
        uint32_t captured = 900;
        memcpy(file.bytes + at - 8, &captured, sizeof captured);
        file.length += captured;
    }
    return file;
}

/* Reads a file to its end; the frames must be those of capture_of. */
static size_t count_frames(const char *path, const char *expected_fault, const struct file *file)
{
    struct mxt_capture *capture = open_one(path);
    struct mxt_frame frame;
    uint64_t done, total;
    size_t frames = 0;
    while (next_frame(capture, &frame) == MXT_OK) {
        assert_int_equal(frame.captured, 900);
        assert_memory_equal(frame.data, file->bytes + 24 + (frames % FRAMES) * 916 + 16, 900);
        frames++;
    }
    mxt_capture_progress(capture, &done, &total);
    assert_true(total > 0);
    assert_int_equal(done, total);
    const char *fault = mxt_capture_error(capture);
    if (expected_fault == NULL)
        assert_null(fault);
    else if (fault == NULL || strstr(fault, expected_fault) == NULL)
        fail_msg("%s", fault);
    mxt_capture_free(capture);
    return frames;
}

static void test_whole(void **state)
{
    (void)state;
    struct folder folder = folder_new();
    struct file file = capture_of();
    uint8_t *packed = malloc(FILE_MAX);
    assert_non_null(packed);
    for (enum kind kind = GZIP; kind <= ZSTD; kind++) {
        char path[128];
        size_t n = pack(kind, file.bytes, file.length, packed, FILE_MAX);
        folder_write(&folder, "named as it likes", packed, n, path);
        assert_int_equal(count_frames(path, NULL, &file), FRAMES);
        /* In two members, cut within a record: what rotation and `cat` make. */
        size_t first = pack(kind, file.bytes, 100000, packed, FILE_MAX);
        size_t second = pack(kind, file.bytes + 100000, file.length - 100000, packed + first, FILE_MAX - first);
        memset(packed + first + second, 0, 512);
        folder_write(&folder, "two", packed, first + second, path);
        assert_int_equal(count_frames(path, NULL, &file), FRAMES);
        if (kind == GZIP) { /* padded with zeros, as tapes do */
            folder_write(&folder, "padded", packed, first + second + 512, path);
            assert_int_equal(count_frames(path, NULL, &file), FRAMES);
        }
    }
    free(packed);
    free(file.bytes);
    folder_free(&folder);
}

/* Cut anywhere: what can be unpacked is used, then the cut is told with the packet. */
static void test_cut(void **state)
{
    (void)state;
    struct folder folder = folder_new();
    struct file file = capture_of();
    uint8_t *packed = malloc(FILE_MAX);
    assert_non_null(packed);
    for (enum kind kind = GZIP; kind <= ZSTD; kind++) {
        char path[128], expected[80];
        size_t n = pack(kind, file.bytes, file.length, packed, FILE_MAX), last = 0;
        for (size_t cut = n / 2; cut < n; cut += 1 + (n - cut) / 7) {
            folder_write(&folder, "a", packed, cut, path);
            size_t frames = count_frames(path, "the compressed data ends early", &file);
            assert_true(frames >= last && frames <= FRAMES);
            last = frames;
            snprintf(expected, sizeof expected, "packet %zu: the compressed data ends early", frames + 1);
            count_frames(path, expected, &file);
        }
        assert_true(last > FRAMES / 2);
    }
    free(packed);
    free(file.bytes);
    folder_free(&folder);
}

/* Bytes changed in the middle: what precedes is used, and it is told. */
static void test_damaged(void **state)
{
    (void)state;
    struct folder folder = folder_new();
    struct file file = capture_of();
    uint8_t *packed = malloc(FILE_MAX);
    assert_non_null(packed);
    for (enum kind kind = GZIP; kind <= ZSTD; kind++) {
        char path[128];
        size_t n = pack(kind, file.bytes, file.length, packed, FILE_MAX);
        memset(packed + n - 9000, 0xff, 4000);
        folder_write(&folder, "a", packed, n, path);
        struct mxt_capture *capture = open_one(path);
        struct mxt_frame frame;
        size_t frames = 0;
        while (next_frame(capture, &frame) == MXT_OK)
            frames++;
        assert_true(frames > FRAMES / 4 && frames <= FRAMES); /* changed literals may show in the checksum alone */
        assert_non_null(mxt_capture_error(capture));
        assert_non_null(strstr(mxt_capture_error(capture), "/a: packet "));
        mxt_capture_free(capture);
    }
    free(packed);
    free(file.bytes);
    folder_free(&folder);
}

/* From a pipe, a few bytes at a time, beside the reader: what is complete in the compressed stream comes without waiting for its end. */
static void test_pipe(void **state)
{
    (void)state;
    struct file file = capture_of();
    int ends[2], saved = dup(STDIN_FILENO);
    uint8_t out[4096];
    z_stream stream = {.next_in = file.bytes, .avail_in = 24 + 916, .next_out = out, .avail_out = sizeof out};
    assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&stream, Z_SYNC_FLUSH), Z_OK);
    assert_int_equal(pipe(ends), 0);
    assert_true(dup2(ends[0], STDIN_FILENO) >= 0);
    close(ends[0]);
    alarm(20);
    assert_int_equal(write(ends[1], out, stream.total_out), stream.total_out);
    struct mxt_capture *capture = open_one("-");
    struct mxt_frame frame;
    assert_int_equal(next_frame(capture, &frame), MXT_OK);
    assert_memory_equal(frame.data, file.bytes + 24 + 16, 900);
    alarm(0);
    close(ends[1]);
    assert_int_equal(next_frame(capture, &frame), MXT_DONE);
    assert_non_null(strstr(mxt_capture_error(capture), "standard input: packet 2: the compressed data ends early"));
    mxt_capture_free(capture);
    assert_true(dup2(saved, STDIN_FILENO) >= 0);
    close(saved);
    deflateEnd(&stream);
    free(file.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_whole), cmocka_unit_test(test_cut), cmocka_unit_test(test_damaged), cmocka_unit_test(test_pipe)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
