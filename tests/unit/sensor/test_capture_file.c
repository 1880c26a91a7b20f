#include "sensor/capture_build.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>

#define SECONDS 1700000000u

/* Every kind of pcap header: what it says of byte order and time, and the bytes of each record's header. */
static const struct {
    const char *name;
    uint32_t magic;
    bool is_swapped;
    int64_t fraction_us; /* of a record that says 123456789 or 123456 */
    size_t extra;
} pcaps[] = {
    {"microseconds", 0xa1b2c3d4, false, 123456, 0}, {"microseconds, swapped", 0xa1b2c3d4, true, 123456, 0},
    {"nanoseconds", 0xa1b23c4d, false, 123456, 0},  {"nanoseconds, swapped", 0xa1b23c4d, true, 123456, 0},
    {"Kuznetzov's", 0xa1b2cd34, false, 123456, 8},  {"Kuznetzov's, swapped", 0xa1b2cd34, true, 123456, 8},
};

static struct file pcap_of(size_t kind)
{
    struct file file = file_new(pcaps[kind].is_swapped);
    pcap_header(&file, pcaps[kind].magic, 0x10000000 | 113); /* with a length of the frame check sequence, which is no part of the link type */
    for (uint32_t i = 0; i < 3; i++) {
        put32(&file, SECONDS + i);
        put32(&file, pcaps[kind].magic == 0xa1b23c4d ? 123456789 : 123456);
        put32(&file, 50 + i);
        put32(&file, 60);
        for (size_t k = 0; k < pcaps[kind].extra + 50 + i; k++)
            put(&file, "\xab", 1);
    }
    return file;
}

static void check_frame(const struct mxt_frame *frame, int64_t time_us, size_t captured, size_t wire, int link_type, const char *interface, uint8_t fill)
{
    assert_int_equal(frame->time_us, time_us);
    assert_int_equal(frame->captured, captured);
    assert_int_equal(frame->wire, wire);
    assert_int_equal(frame->link_type, link_type);
    assert_int_equal(frame->interface == NULL, interface == NULL);
    if (interface != NULL)
        assert_string_equal(frame->interface, interface);
    for (size_t i = 0; i < captured; i++)
        assert_int_equal(frame->data[i], fill);
}

/* Each kind whole, and cut at every length: what is there comes, then the cut is told, unless it is between two packets. */
static void test_pcap(void **state)
{
    (void)state;
    struct folder folder = folder_new();
    for (size_t kind = 0; kind < COUNT(pcaps); kind++) {
        struct file file = pcap_of(kind);
        size_t ends[4] = {24};
        for (size_t i = 0; i < 3; i++)
            ends[i + 1] = ends[i] + 16 + pcaps[kind].extra + 50 + i;
        print_message("%s\n", pcaps[kind].name);
        assert_int_equal(ends[3], file.length);
        for (size_t n = 24; n <= file.length; n++) {
            char path[128], expected[64];
            folder_write(&folder, "a.pcap", file.bytes, n, path);
            struct mxt_capture *capture = open_one(path);
            struct mxt_frame frame;
            size_t whole = 0;
            for (; whole < 3 && ends[whole + 1] <= n; whole++) {
                assert_int_equal(next_frame(capture, &frame), MXT_OK);
                check_frame(&frame, (int64_t)(SECONDS + whole) * 1000000 + pcaps[kind].fraction_us, 50 + whole, 60, 113, NULL, 0xab);
            }
            assert_int_equal(next_frame(capture, &frame), MXT_DONE);
            assert_int_equal(next_frame(capture, &frame), MXT_DONE);
            const char *fault = mxt_capture_error(capture);
            assert_int_equal(fault == NULL, ends[whole] == n);
            snprintf(expected, sizeof expected, "/a.pcap: packet %zu: cut off after ", whole + 1);
            if (fault != NULL)
                assert_non_null(strstr(fault, expected));
            assert_int_equal(mxt_capture_remarks(capture) != NULL, n == 24);
            uint64_t done, total;
            mxt_capture_progress(capture, &done, &total);
            assert_int_equal(done, n);
            assert_int_equal(total, n);
            mxt_capture_free(capture);
        }
        free(file.bytes);
    }
    folder_free(&folder);
}

/* What cannot be opened, and what the sentence must name. */
static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name, *bytes;
        size_t length;
        const char *expected;
    } cases[] = {
        {"empty", "", 0, "/empty: is empty"},
        {"short", "\xd4\xc3", 2, "/short: not a pcap or pcapng file; first bytes are d4 c3;"},
        {"text", "Hello", 5, "/text: not a pcap or pcapng file; first bytes are 48 65 6c 6c;"},
        {"header", "\xd4\xc3\xb2\xa1\2\0\4\0", 8, "/header: the capture's header is cut off"},
        {"version", "\xd4\xc3\xb2\xa1\3\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0", 24, "/version: pcap version 3"},
        {"bzip2", "BZh91AY", 7, "bunzip2"},
        {"xz",
         "\xfd"
         "7zXZ\0",
         6, "unxz"},
        {"section", "\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1b", 12, "/section: packet 1: a section header without byte order"},
        {"section cut", "\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\1\0", 14, "/section cut: packet 1: cut off after 14 of 28 bytes"},
        {"section version", "\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\2\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\x1c\0\0\0", 28, "pcapng version 2"},
        {"gzip cut", "\x1f\x8b\x08\0\0\0\0\0", 8, "the compressed data ends early"},
        {"gzip damaged", "\x1f\x8b\x08\0\0\0\0\0\0\3\xff\xff\xff\xff", 14, "the gzip data is damaged"},
        {"zstd damaged", "\x28\xb5\x2f\xfd\x08\0\0\0\0\0\0\0", 12, "the zstd data is damaged"},
    };
    struct folder folder = folder_new();
    char error[MXT_CAPTURE_ERROR], path[128];
    const char *paths[2] = {path, path};
    for (size_t i = 0; i < COUNT(cases); i++) {
        print_message("%s\n", cases[i].name);
        folder_write(&folder, cases[i].name, cases[i].bytes, cases[i].length, path);
        assert_null(mxt_capture_open(paths, 1, error));
        if (strstr(error, cases[i].expected) == NULL)
            fail_msg("%s", error);
    }
    snprintf(path, sizeof path, "%s/missing", folder.path);
    assert_null(mxt_capture_open(paths, 1, error));
    assert_non_null(strstr(error, "/missing: cannot open: No such file or directory"));
    assert_null(mxt_capture_open(paths, 0, error));
    assert_non_null(strstr(error, "no capture is named"));
    folder_free(&folder);
}

/* A file that this user may not read; root may read all, so the test becomes somebody else for it. */
static void test_forbidden(void **state)
{
    (void)state;
    struct folder folder = folder_new();
    char error[MXT_CAPTURE_ERROR], path[128];
    const char *paths[1] = {path};
    folder_write(&folder, "secret", "x", 1, path);
    assert_int_equal(chmod(path, 0), 0);
    assert_int_equal(chmod(folder.path, 0755), 0);
    bool is_root = geteuid() == 0;
    if (is_root)
        assert_int_equal(seteuid(65534), 0);
    struct mxt_capture *capture = mxt_capture_open(paths, 1, error);
    if (is_root)
        assert_int_equal(seteuid(0), 0);
    assert_null(capture);
    assert_non_null(strstr(error, "/secret: cannot open: Permission denied; give this user the right"));
    folder_free(&folder);
}

/* Records that cannot be: what stands before them is used, the place is named. */
static void test_damaged_pcap(void **state)
{
    (void)state;
    static const struct {
        uint32_t captured, wire;
    } cases[] = {{61, 60}, {262145, 262145}, {0xffffffff, 0xffffffff}, {0x80000000, 0xffffffff}};
    struct folder folder = folder_new();
    for (size_t i = 0; i < COUNT(cases); i++) {
        char path[128];
        struct file file = file_new(false);
        struct mxt_frame frame;
        pcap_header(&file, 0xa1b2c3d4, 1);
        pcap_record(&file, 1, 2, 10, 20, 7);
        pcap_record(&file, 2, 3, 262144, 262144, 8); /* the largest there can be */
        put32(&file, 3);
        put32(&file, 4);
        put32(&file, cases[i].captured);
        put32(&file, cases[i].wire);
        for (int k = 0; k < 300000; k++)
            put(&file, "x", 1);
        folder_write(&folder, "a", file.bytes, file.length, path);
        struct mxt_capture *capture = open_one(path);
        assert_int_equal(next_frame(capture, &frame), MXT_OK);
        check_frame(&frame, 1000002, 10, 20, 1, NULL, 7);
        assert_int_equal(next_frame(capture, &frame), MXT_OK);
        check_frame(&frame, 2000003, 262144, 262144, 1, NULL, 8);
        assert_int_equal(next_frame(capture, &frame), MXT_DONE);
        assert_non_null(strstr(mxt_capture_error(capture), "/a: packet 3: its header claims"));
        mxt_capture_free(capture);
        free(file.bytes);
    }
    folder_free(&folder);
}

/* A file that somebody cuts short while it is read. */
static void test_shrinking(void **state)
{
    (void)state;
    struct folder folder = folder_new();
    char path[128];
    struct file file = file_new(false);
    struct mxt_frame frame;
    pcap_header(&file, 0xa1b2c3d4, 1);
    for (uint32_t i = 0; i < 600; i++)
        pcap_record(&file, i, 0, 1500, 1500, (uint8_t)i);
    folder_write(&folder, "a", file.bytes, file.length, path);
    struct mxt_capture *capture = open_one(path);
    assert_int_equal(next_frame(capture, &frame), MXT_OK);
    assert_int_equal(truncate(path, 200000), 0);
    size_t frames = 1;
    while (next_frame(capture, &frame) == MXT_OK)
        frames++;
    assert_int_equal(frames, (200000 - 24) / 1516);
    assert_non_null(strstr(mxt_capture_error(capture), "cut off after"));
    mxt_capture_free(capture);
    free(file.bytes);
    folder_free(&folder);
}

/* A capture of `count` frames of 1500 bytes, pcap or pcapng. */
static struct file frames_of(bool is_ng, uint32_t count)
{
    struct file file = file_new(false);
    if (is_ng) {
        ng_section(&file);
        ng_interface(&file, 1, 0, "eth0", -1, 0);
    } else {
        pcap_header(&file, 0xa1b2c3d4, 1);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (is_ng)
            ng_packet(&file, 6, 0, (SECONDS + i) * UINT64_C(1000000), 1500, 1500, 0xab);
        else
            pcap_record(&file, SECONDS + i, 0, 1500, 1500, 0xab);
    }
    return file;
}

/* A file that is cut behind what was given, but before what is mapped: its lost bytes are no packets, whatever they read as, and the program lives. */
static void test_shortened(void **state)
{
    (void)state;
    static const off_t lengths[] = {0, 3000, 4096, 40000, 40960, 8192 + 1500};
    for (size_t i = 0; i < COUNT(lengths) * 2; i++) {
        struct folder folder = folder_new();
        char path[128];
        struct mxt_frame frame;
        bool is_ng = i % 2 == 1;
        struct file file = frames_of(is_ng, 600);
        folder_write(&folder, "a", file.bytes, file.length, path);
        struct mxt_capture *capture = open_one(path);
        assert_int_equal(next_frame(capture, &frame), MXT_OK);
        assert_int_equal(truncate(path, lengths[i / 2]), 0);
        size_t frames = 1;
        while (next_frame(capture, &frame) == MXT_OK) {
            assert_int_equal(frame.time_us, (int64_t)(SECONDS + frames) * 1000000);
            assert_int_equal(frame.captured, 1500);
            frames++;
        }
        assert_in_range(frames, 1, (size_t)lengths[i / 2] / 1500 + 1);
        print_message("%jd bytes left: %s\n", (intmax_t)lengths[i / 2], mxt_capture_error(capture));
        assert_non_null(strstr(mxt_capture_error(capture), "the file became shorter while it was read"));
        assert_non_null(strstr(mxt_capture_error(capture), "/a: packet "));
        mxt_capture_free(capture);
        free(file.bytes);
        folder_free(&folder);
    }
}

/* Only whoever works on a frame finds that its bytes are gone; the reader is at the end already, and its memory was taken away. */
static void test_shortened_in_use(void **state)
{
    (void)state;
    struct folder folder = folder_new();
    char path[128];
    struct mxt_frame frame, last;
    struct file file = frames_of(false, 20);
    folder_write(&folder, "a", file.bytes, file.length, path);
    struct mxt_capture *capture = open_one(path);
    while (next_frame(capture, &frame) == MXT_OK)
        last = frame;
    struct mxt_chunk *left = mxt_capture_take_left(capture);
    assert_non_null(left);
    assert_null(mxt_capture_error(capture));
    assert_int_equal(last.data[1499], 0xab);
    assert_int_equal(truncate(path, 4096), 0);
    assert_int_equal(last.data[1499], 0);
    mxt_capture_give_back(capture, left);
    assert_non_null(strstr(mxt_capture_error(capture), "/a: before packet 21: the file became shorter while it was read"));
    mxt_capture_free(capture);
    free(file.bytes);
    folder_free(&folder);
}

/* A file that somebody still writes is read to the end that it has by then. */
static void test_growing(void **state)
{
    (void)state;
    for (int is_ng = 0; is_ng < 2; is_ng++) {
        struct folder folder = folder_new();
        char path[128];
        struct mxt_frame frame;
        struct file file = frames_of(is_ng == 1, 600);
        folder_write(&folder, "a", file.bytes, 5000, path); /* ends within a packet */
        struct mxt_capture *capture = open_one(path);
        assert_int_equal(next_frame(capture, &frame), MXT_OK);
        FILE *out = fopen(path, "ab");
        assert_non_null(out);
        assert_int_equal(fwrite(file.bytes + 5000, 1, file.length - 5000, out), file.length - 5000);
        assert_int_equal(fclose(out), 0);
        size_t frames = 1;
        while (next_frame(capture, &frame) == MXT_OK)
            frames++;
        assert_int_equal(frames, 600);
        assert_null(mxt_capture_error(capture));
        mxt_capture_free(capture);
        free(file.bytes);
        folder_free(&folder);
    }
}

/* Memory that was taken away stays valid, whatever is read meanwhile; more captures than can be mapped are read all the same. */
static void test_many_left(void **state)
{
    (void)state;
    enum { FILES = 80, FRAMES = 20 };
    struct folder folder = folder_new();
    char path[128], name[16], error[MXT_CAPTURE_ERROR];
    struct file file = frames_of(false, FRAMES);
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "%02d", i);
        folder_write(&folder, name, file.bytes, file.length, path);
    }
    const char *arguments[] = {folder.path};
    struct mxt_capture *capture = mxt_capture_open(arguments, 1, error);
    assert_non_null(capture);
    static struct mxt_frame frames[FILES * FRAMES];
    struct mxt_chunk *lists[FILES * FRAMES + 1];
    size_t count = 0, list_count = 0;
    while (next_frame(capture, &frames[count]) == MXT_OK) {
        count++;
        if ((lists[list_count] = mxt_capture_take_left(capture)) != NULL)
            list_count++;
    }
    if ((lists[list_count] = mxt_capture_take_left(capture)) != NULL)
        list_count++;
    assert_int_equal(count, FILES * FRAMES);
    for (size_t i = 0; i < count; i++)
        check_frame(&frames[i], (int64_t)(SECONDS + i / FILES) * 1000000, 1500, 1500, 1, NULL, 0xab);
    for (size_t i = 0; i < list_count; i++)
        mxt_capture_give_back(capture, lists[i]);
    assert_null(mxt_capture_error(capture));
    mxt_capture_free(capture);
    free(file.bytes);
    folder_free(&folder);
}

/* Standard input may be a file, and stand anywhere in it. */
static void test_standard_input_in_a_file(void **state)
{
    (void)state;
    struct folder folder = folder_new();
    char path[128];
    struct mxt_frame frame;
    struct file file = frames_of(false, 600), before = file_new(false);
    for (int i = 0; i < 5000; i++)
        put(&before, "x", 1);
    put(&before, file.bytes, file.length);
    folder_write(&folder, "a", before.bytes, before.length, path);
    int saved = dup(STDIN_FILENO), fd = open(path, O_RDONLY);
    assert_true(fd >= 0 && dup2(fd, STDIN_FILENO) >= 0);
    close(fd);
    assert_int_equal(lseek(STDIN_FILENO, 5000, SEEK_SET), 5000);
    struct mxt_capture *capture = open_one("-");
    size_t frames = 0;
    while (next_frame(capture, &frame) == MXT_OK)
        frames++;
    assert_int_equal(frames, 600);
    assert_null(mxt_capture_error(capture));
    mxt_capture_free(capture);
    assert_true(dup2(saved, STDIN_FILENO) >= 0);
    close(saved);
    free(file.bytes);
    free(before.bytes);
    folder_free(&folder);
}

/* Several files come as one, ordered by time; equal times keep the order of the arguments. */
static void test_merge(void **state)
{
    (void)state;
    static const struct {
        uint32_t times[4];
        uint8_t count;
    } files[] = {{{10, 20, 30, 40}, 4}, {{5, 20, 20, 41}, 4}, {{0}, 0}, {{20}, 1}, {{50, 45}, 2}};
    static const uint8_t expected[][2] = {{5, 1}, {10, 0}, {20, 0}, {20, 1}, {20, 1}, {20, 3}, {30, 0}, {40, 0}, {41, 1}, {50, 4}, {45, 4}};
    struct folder folder = folder_new();
    char paths[COUNT(files)][128], error[MXT_CAPTURE_ERROR];
    const char *arguments[COUNT(files)];
    for (size_t i = 0; i < COUNT(files); i++) {
        struct file file = file_new(i % 2 == 1);
        char name[8];
        pcap_header(&file, 0xa1b2c3d4, 1);
        for (size_t k = 0; k < files[i].count; k++)
            pcap_record(&file, files[i].times[k], 0, 40, 40, (uint8_t)i);
        snprintf(name, sizeof name, "%zu", i);
        folder_write(&folder, name, file.bytes, file.length, paths[i]);
        arguments[i] = paths[i];
        free(file.bytes);
    }
    struct mxt_capture *capture = mxt_capture_open(arguments, COUNT(files), error);
    assert_non_null(capture);
    for (size_t i = 0; i < COUNT(expected); i++) {
        struct mxt_frame frame;
        assert_int_equal(next_frame(capture, &frame), MXT_OK);
        check_frame(&frame, expected[i][0] * INT64_C(1000000), 40, 40, 1, NULL, expected[i][1]);
    }
    struct mxt_frame frame;
    assert_int_equal(next_frame(capture, &frame), MXT_DONE);
    assert_null(mxt_capture_error(capture));
    assert_non_null(strstr(mxt_capture_remarks(capture), "/2: holds no packets"));
    mxt_capture_free(capture);
    folder_free(&folder);
}

/* One damaged file among several: the others go on, each fault has its line. */
static void test_merge_damaged(void **state)
{
    (void)state;
    struct folder folder = folder_new();
    char paths[3][128], error[MXT_CAPTURE_ERROR];
    const char *arguments[3] = {paths[0], paths[1], paths[2]};
    struct file file = file_new(false);
    pcap_header(&file, 0xa1b2c3d4, 1);
    for (uint32_t i = 0; i < 4; i++)
        pcap_record(&file, i, 0, 40, 40, 1);
    folder_write(&folder, "whole", file.bytes, file.length, paths[0]);
    folder_write(&folder, "cut", file.bytes, file.length - 1, paths[1]);
    folder_write(&folder, "cut at once", file.bytes, 30, paths[2]);
    struct mxt_capture *capture = mxt_capture_open(arguments, 3, error);
    struct mxt_frame frame;
    size_t frames = 0;
    while (next_frame(capture, &frame) == MXT_OK)
        frames++;
    assert_int_equal(frames, 4 + 3);
    const char *faults = mxt_capture_error(capture), *line = strchr(faults, '\n');
    assert_non_null(line);
    assert_null(strchr(line + 1, '\n'));
    assert_non_null(strstr(faults, "/cut: packet 4: cut off after 39 of 40 bytes"));
    assert_non_null(strstr(faults, "/cut at once: packet 1: cut off after 6 of 16 bytes of its header"));
    mxt_capture_free(capture);
    free(file.bytes);
    folder_free(&folder);
}

/* A folder stands for the captures in it, by name; what lies beside them does not matter, and many files take few descriptors. */
static void test_folder(void **state)
{
    (void)state;
    enum { FILES = 60, DESCRIPTORS = 24 };
    struct folder folder = folder_new();
    char path[128], error[MXT_CAPTURE_ERROR];
    const char *arguments[1] = {folder.path};
    folder_write(&folder, "README", "these are captures", 18, path);
    assert_null(mxt_capture_open(arguments, 1, error));
    assert_non_null(strstr(error, "no capture is in this folder"));
    for (unsigned i = 0; i < FILES; i++) {
        struct file file = file_new(false);
        char name[32];
        pcap_header(&file, 0xa1b2c3d4, 1);
        pcap_record(&file, i * 10, 0, 40, 40, (uint8_t)i);
        pcap_record(&file, i * 10 + 9, 0, 40, 40, (uint8_t)i);
        snprintf(name, sizeof name, "%03u.pcap", (i * 7) % FILES);
        folder_write(&folder, name, file.bytes, file.length, path);
        free(file.bytes);
    }
    snprintf(path, sizeof path, "%s/empty", folder.path);
    assert_int_equal(mkdir(path, 0700), 0);
    struct rlimit before, few;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = before;
    few.rlim_cur = DESCRIPTORS;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    struct mxt_capture *capture = open_one(folder.path);
    int64_t last = 0;
    size_t frames = 0;
    struct mxt_frame frame;
    while (next_frame(capture, &frame) == MXT_OK) {
        assert_true(frame.time_us >= last);
        last = frame.time_us;
        frames++;
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(frames, FILES * 2);
    assert_null(mxt_capture_error(capture));
    mxt_capture_free(capture);
    folder_free(&folder);
}

/* A pipe that never ends: each frame is there as soon as its last byte is. Waiting for more would hang here, and the alarm would end the test. */
static void test_pipe(void **state)
{
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        int saved, in = pipe_to_stdin(&saved);
        struct file file = file_new(false);
        alarm(20);
        if (kind == 0) {
            pcap_header(&file, 0xa1b2c3d4, 1);
        } else {
            ng_section(&file);
            ng_interface(&file, 1, 0, "eth0", -1, 0);
        }
        assert_int_equal(write(in, file.bytes, file.length), file.length);
        struct mxt_capture *capture = open_one("-");
        for (uint32_t i = 0; i < 50; i++) {
            struct mxt_frame frame;
            file.length = 0;
            if (kind == 0)
                pcap_record(&file, i, 0, 100 + i, 2000, (uint8_t)i);
            else
                ng_packet(&file, 6, 0, i * UINT64_C(1000000), 100 + i, 2000, (uint8_t)i);
            assert_int_equal(write(in, file.bytes, file.length), file.length);
            assert_int_equal(next_frame(capture, &frame), MXT_OK);
            check_frame(&frame, i * INT64_C(1000000), 100 + i, 2000, 1, kind == 0 ? NULL : "eth0", (uint8_t)i);
        }
        uint64_t done, total;
        mxt_capture_progress(capture, &done, &total);
        assert_true(done > 5000);
        assert_int_equal(total, 0);
        assert_int_equal(write(in, file.bytes, 20), 20);
        close(in);
        struct mxt_frame frame;
        assert_int_equal(next_frame(capture, &frame), MXT_DONE);
        assert_non_null(strstr(mxt_capture_error(capture), "standard input: packet 51: cut off after"));
        alarm(0);
        mxt_capture_free(capture);
        restore_stdin(saved);
        free(file.bytes);
    }
}

static void on_alarm(int number)
{
    (void)number;
}

/* A quiet pipe is not waited for unless asked, a signal ends the wait, and nothing is lost by it, also not half a record. */
static void test_signal(void **state)
{
    (void)state;
    int saved, in = pipe_to_stdin(&saved);
    struct file file = file_new(false);
    struct sigaction action = {.sa_handler = on_alarm}, before;
    sigaction(SIGALRM, &action, &before);
    pcap_header(&file, 0xa1b2c3d4, 1);
    pcap_record(&file, 1, 0, 100, 100, 9);
    assert_int_equal(write(in, file.bytes, 60), 60);
    struct mxt_capture *capture = open_one("-");
    struct mxt_frame frame;
    struct itimerval soon = {.it_interval = {0, 20000}, .it_value = {0, 20000}}, never = {{0, 0}, {0, 0}};
    setitimer(ITIMER_REAL, &soon, NULL);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(mxt_capture_next(capture, &frame), MXT_MORE);
        mxt_capture_wait(capture);
    }
    setitimer(ITIMER_REAL, &never, NULL);
    assert_int_equal(write(in, file.bytes + 60, file.length - 60), file.length - 60);
    close(in);
    assert_int_equal(next_frame(capture, &frame), MXT_OK);
    check_frame(&frame, 1000000, 100, 100, 1, NULL, 9);
    assert_int_equal(next_frame(capture, &frame), MXT_DONE);
    assert_null(mxt_capture_error(capture));
    mxt_capture_free(capture);
    sigaction(SIGALRM, &before, NULL);
    restore_stdin(saved);
    free(file.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pcap),      cmocka_unit_test(test_refused), cmocka_unit_test(test_forbidden),     cmocka_unit_test(test_damaged_pcap),
        cmocka_unit_test(test_shrinking), cmocka_unit_test(test_merge),   cmocka_unit_test(test_merge_damaged), cmocka_unit_test(test_folder),
        cmocka_unit_test(test_pipe),      cmocka_unit_test(test_signal),  cmocka_unit_test(test_shortened),     cmocka_unit_test(test_shortened_in_use),
        cmocka_unit_test(test_growing),   cmocka_unit_test(test_many_left), cmocka_unit_test(test_standard_input_in_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
