/* Builds capture files for tests, in memory and in a folder that is removed again. */
#ifndef MXT_TESTS_CAPTURE_BUILD_H
#define MXT_TESTS_CAPTURE_BUILD_H

#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "sensor/capture_file.h"

#define FILE_MAX (1u << 20)

struct file {
    uint8_t *bytes; /* FILE_MAX */
    size_t length;
    bool is_swapped;
};

static inline struct file file_new(bool is_swapped)
{
    struct file file = {.bytes = malloc(FILE_MAX), .length = 0, .is_swapped = is_swapped};
    assert_non_null(file.bytes);
    return file;
}

static inline void put(struct file *file, const void *p, size_t n)
{
    assert_true(n <= FILE_MAX - file->length);
    if (n > 0)
        memcpy(file->bytes + file->length, p, n);
    file->length += n;
}

static inline void put16(struct file *file, unsigned value)
{
    uint16_t v = file->is_swapped ? __builtin_bswap16((uint16_t)value) : (uint16_t)value;
    put(file, &v, sizeof v);
}

static inline void put32(struct file *file, uint32_t value)
{
    uint32_t v = file->is_swapped ? __builtin_bswap32(value) : value;
    put(file, &v, sizeof v);
}

static inline void pcap_header(struct file *file, uint32_t magic, unsigned link_type)
{
    put32(file, magic);
    put16(file, 2);
    put16(file, 4);
    put32(file, 0);
    put32(file, 0);
    put32(file, 65535);
    put32(file, link_type);
}

/* A record with `n` captured bytes, each `fill`. */
static inline void pcap_record(struct file *file, uint32_t seconds, uint32_t fraction, size_t n, uint32_t wire, uint8_t fill)
{
    put32(file, seconds);
    put32(file, fraction);
    put32(file, (uint32_t)n);
    put32(file, wire);
    for (size_t i = 0; i < n; i++)
        put(file, &fill, 1);
}

/* A block around `n` bytes of body, padded. */
static inline void ng_block(struct file *file, uint32_t type, const struct file *body)
{
    static const uint8_t zeros[4] = {0};
    size_t padded = (body->length + 3) / 4 * 4;
    put32(file, type);
    put32(file, (uint32_t)padded + 12);
    put(file, body->bytes, body->length);
    put(file, zeros, padded - body->length);
    put32(file, (uint32_t)padded + 12);
}

static inline void ng_section(struct file *file)
{
    struct file body = file_new(file->is_swapped);
    put32(&body, 0x1a2b3c4d);
    put16(&body, 1);
    put16(&body, 0);
    put32(&body, 0xffffffff);
    put32(&body, 0xffffffff);
    ng_block(file, 0x0a0d0d0a, &body);
    free(body.bytes);
}

static inline void ng_option(struct file *body, unsigned code, const void *p, size_t n)
{
    static const uint8_t zeros[4] = {0};
    put16(body, code);
    put16(body, (unsigned)n);
    put(body, p, n);
    put(body, zeros, (4 - n % 4) % 4);
}

/* An interface; `resolution` below 0 leaves the option out, as `name` NULL and `offset` 0 do. */
static inline void ng_interface(struct file *file, unsigned link_type, uint32_t snap_length, const char *name, int resolution, int64_t offset)
{
    struct file body = file_new(file->is_swapped);
    put16(&body, link_type);
    put16(&body, 0);
    put32(&body, snap_length);
    if (name != NULL)
        ng_option(&body, 2, name, strlen(name));
    uint8_t value = (uint8_t)resolution;
    if (resolution >= 0)
        ng_option(&body, 9, &value, 1);
    uint64_t seconds = file->is_swapped ? __builtin_bswap64((uint64_t)offset) : (uint64_t)offset;
    if (offset != 0)
        ng_option(&body, 14, &seconds, 8);
    ng_option(&body, 0, NULL, 0);
    ng_block(file, 1, &body);
    free(body.bytes);
}

/* A packet of `n` bytes `fill`, in an enhanced (6) or old (2) packet block. */
static inline void ng_packet(struct file *file, uint32_t type, uint32_t interface, uint64_t ticks, size_t n, uint32_t wire, uint8_t fill)
{
    struct file body = file_new(file->is_swapped);
    if (type == 2) {
        put16(&body, interface);
        put16(&body, 0xffff);
    } else {
        put32(&body, interface);
    }
    put32(&body, (uint32_t)(ticks >> 32));
    put32(&body, (uint32_t)ticks);
    put32(&body, (uint32_t)n);
    put32(&body, wire);
    for (size_t i = 0; i < n; i++)
        put(&body, &fill, 1);
    ng_block(file, type, &body);
    free(body.bytes);
}

static inline void ng_simple(struct file *file, size_t n, uint32_t wire, uint8_t fill)
{
    struct file body = file_new(file->is_swapped);
    put32(&body, wire);
    for (size_t i = 0; i < n; i++)
        put(&body, &fill, 1);
    ng_block(file, 3, &body);
    free(body.bytes);
}

struct folder {
    char path[64];
};

static inline struct folder folder_new(void)
{
    struct folder folder = {"/tmp/mxtap-test-XXXXXX"};
    assert_non_null(mkdtemp(folder.path));
    return folder;
}

static inline int folder_remove_entry(const char *path, const struct stat *info, int flag, struct FTW *place)
{
    (void)info;
    (void)flag;
    (void)place;
    return remove(path);
}

static inline void folder_free(struct folder *folder)
{
    nftw(folder->path, folder_remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* Writes the first `length` bytes of a file; `path` holds 128 bytes. */
static inline void folder_write(const struct folder *folder, const char *name, const void *bytes, size_t length, char *path)
{
    snprintf(path, 128, "%s/%s", folder->path, name);
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(bytes, 1, length, out), length);
    assert_int_equal(fclose(out), 0);
}

/* As mxt_capture_next, waiting for pipes. */
static inline enum mxt_status next_frame(struct mxt_capture *capture, struct mxt_frame *frame)
{
    enum mxt_status status;
    while ((status = mxt_capture_next(capture, frame)) == MXT_MORE)
        mxt_capture_wait(capture);
    return status;
}

static inline struct mxt_capture *open_one(const char *path)
{
    char error[MXT_CAPTURE_ERROR];
    struct mxt_capture *capture = mxt_capture_open(&path, 1, error);
    if (capture == NULL)
        fail_msg("%s", error);
    return capture;
}

/* Standard input becomes a pipe, whose other end is returned. */
static inline int pipe_to_stdin(int *saved)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    *saved = dup(STDIN_FILENO);
    assert_true(dup2(ends[0], STDIN_FILENO) >= 0);
    close(ends[0]);
    return ends[1];
}

static inline void restore_stdin(int saved)
{
    assert_true(dup2(saved, STDIN_FILENO) >= 0);
    close(saved);
}

#endif
