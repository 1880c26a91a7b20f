/* Captures to batches of segments, with the thread and without: all that is mail, in order, whatever it lay in. Also run under TSan. */
#include "sensor/reading.h"

#include <fcntl.h>
#include <zlib.h>

#include "capture_build.h"
#include "decoders/packet_build.h"

#define FRAMES     6000u /* of each kind of thing that may happen some hundreds, and of the memory some megabytes */
#define FOREIGN    7u    /* every so manieth is no mail, */
#define FRAGMENTED 11u   /* or comes in two fragments */
#define PAYLOAD    1100u
#define START      1700000000u

/* What the payload of segment `i` is: its length and bytes tell which it is. */
static size_t fill_payload(uint32_t i, char *out)
{
    size_t n = 16 + i * 13 % PAYLOAD;
    memset(out, 'a' + (int)(i % 26), n);
    out[n] = '\0';
    return n;
}

static void write_record(FILE *out, uint32_t seconds, const struct build *b)
{
    uint32_t n = (uint32_t)build_length(b), header[4] = {seconds, 0, n, n};
    assert_int_equal(fwrite(header, sizeof header, 1, out), 1);
    assert_int_equal(fwrite(b->bytes + b->at, n, 1, out), 1);
}

static void write_fragments(FILE *out, uint32_t i, const char *payload)
{
    struct build whole = {.at = BUILD_MAX};
    memcpy(build_put(&whole, strlen(payload)), payload, strlen(payload));
    build_tcp(&whole, "");
    size_t length = build_length(&whole), first = length / 16 * 8;
    for (int part = 0; part < 2; part++) {
        struct build b = {.at = BUILD_MAX, .protocol = whole.protocol};
        size_t at = part == 0 ? 0 : first, n = part == 0 ? first : length - first;
        memcpy(build_put(&b, n), whole.bytes + whole.at + at, n);
        build_ip4(&b, "", i, (unsigned)(at / 8) | (part == 0 ? 0x2000u : 0));
        build_around(&b, "eth");
        write_record(out, START + i, &b);
    }
}

static void write_frame(FILE *out, uint32_t i)
{
    char payload[PAYLOAD + 32];
    struct build b;
    fill_payload(i, payload);
    if (i % FRAGMENTED == 0) {
        write_fragments(out, i, payload);
        return;
    }
    build_frame(&b, "eth ip4 tcp", payload);
    if (i % FOREIGN == 0)
        build_u16(b.bytes + b.at + 14 + 20 + 2, 80);
    write_record(out, START + i, &b);
}

/* A capture of `count` things, as a file in memory. */
static uint8_t *capture_of(uint32_t count, size_t *length)
{
    char *bytes = NULL;
    FILE *out = open_memstream(&bytes, length);
    assert_non_null(out);
    const uint32_t header[6] = {0xa1b2c3d4, 4u << 16 | 2, 0, 0, 65535, 1};
    assert_int_equal(fwrite(header, sizeof header, 1, out), 1);
    for (uint32_t i = 0; i < count; i++)
        write_frame(out, i);
    assert_int_equal(fclose(out), 0);
    return (uint8_t *)bytes;
}

static bool is_mail(uint32_t i)
{
    return i % FOREIGN != 0 || i % FRAGMENTED == 0;
}

static void check_segment(const struct mxt_segment *segment, uint32_t i, bool has_frames)
{
    char payload[PAYLOAD + 32];
    assert_int_equal(segment->time_us, (int64_t)(START + i) * 1000000);
    assert_int_equal(segment->payload_length, fill_payload(i, payload));
    assert_memory_equal(segment->payload, payload, segment->payload_length);
    assert_int_equal(segment->frame != NULL, has_frames);
    if (has_frames && i % FRAGMENTED != 0) {
        assert_true(mxt_segment_is_in_frame(segment));
        assert_int_equal(segment->frame->time_us, segment->time_us);
    }
}

/* A reading of one capture, and what it borrows. */
struct read {
    struct mxt_capture *capture;
    struct mxt_intake *intake;
    struct mxt_reading *reading;
};

static struct read read_new(const char *path, bool has_thread, bool has_frames)
{
    struct mxt_port_set ports = {{0}};
    struct mxt_packet_limits limits = MXT_PACKET_LIMITS_DEFAULT;
    mxt_port_set_add(&ports, 25);
    struct read read = {.capture = open_one(path), .intake = mxt_intake_new(&ports, &limits)};
    assert_non_null(read.intake);
    struct mxt_reading_config config = {.capture = read.capture, .intake = read.intake, .has_frames = has_frames, .has_progress = true};
    read.reading = mxt_reading_new(&config);
    assert_non_null(read.reading);
    if (has_thread)
        mxt_reading_start(read.reading);
    return read;
}

static void read_free(struct read *read)
{
    mxt_reading_free(read->reading);
    mxt_intake_free(read->intake);
    mxt_capture_free(read->capture);
}

/* As mxt_reading_take, until something came. */
static enum mxt_status take(const struct read *read, struct mxt_reading_batch *batch)
{
    enum mxt_status status;
    while ((status = mxt_reading_take(read->reading, batch)) == MXT_MORE)
        continue;
    return status;
}

/* Takes all, and checks that it is all. */
static void check_all(const struct read *read, bool has_frames)
{
    struct mxt_reading_batch batch;
    enum mxt_status status;
    uint32_t next = 0, count = 0;
    bool has_progress = false;
    while ((status = take(read, &batch)) == MXT_OK) {
        for (size_t i = 0; i < batch.count; i++, next++, count++) {
            while (!is_mail(next))
                next++;
            check_segment(&batch.segments[i], next, has_frames);
        }
        has_progress = has_progress || batch.done > 0;
    }
    assert_int_equal(status, MXT_DONE);
    assert_int_equal(mxt_reading_take(read->reading, &batch), MXT_DONE);
    mxt_reading_stop(read->reading);
    struct mxt_health health = {0};
    mxt_intake_health(read->intake, &health);
    assert_int_equal(health.segments, count);
    assert_int_equal(health.packets, FRAMES + (FRAMES + FRAGMENTED - 1) / FRAGMENTED);
    assert_int_equal(health.timestamp_us, (int64_t)(START + FRAMES - 1) * 1000000);
    assert_true(has_progress);
    assert_null(mxt_capture_error(read->capture));
    assert_int_equal(mxt_reading_refused(read->reading), 0);
}

static void test_all(void **state)
{
    (void)state;
    struct folder folder = folder_new();
    char plain[128], packed[128];
    size_t length;
    uint8_t *bytes = capture_of(FRAMES, &length);
    folder_write(&folder, "plain", bytes, length, plain);
    snprintf(packed, sizeof packed, "%s/packed", folder.path);
    gzFile out = gzopen(packed, "wb1");
    assert_non_null(out);
    assert_int_equal(gzwrite(out, bytes, (unsigned)length), length);
    assert_int_equal(gzclose(out), Z_OK);
    for (int kind = 0; kind < 8; kind++) {
        bool has_thread = (kind & 1) != 0, has_frames = (kind & 2) != 0;
        struct read read = read_new((kind & 4) != 0 ? packed : plain, has_thread, has_frames);
        check_all(&read, has_frames);
        read_free(&read);
    }
    free(bytes);
    folder_free(&folder);
}

/* Without mail, time is told once a second. */
static void test_time(void **state)
{
    (void)state;
    struct folder folder = folder_new();
    char path[128];
    struct build b;
    char *bytes = NULL;
    size_t length;
    FILE *out = open_memstream(&bytes, &length);
    const uint32_t header[6] = {0xa1b2c3d4, 4u << 16 | 2, 0, 0, 65535, 1}, frames = 700;
    assert_int_equal(fwrite(header, sizeof header, 1, out), 1);
    build_frame(&b, "eth ip4 tcp", "x");
    build_u16(b.bytes + b.at + 14 + 20 + 2, 80);
    for (uint32_t i = 0; i < frames; i++)
        write_record(out, START + i / 2, &b);
    assert_int_equal(fclose(out), 0);
    folder_write(&folder, "a", bytes, length, path);
    for (int has_thread = 0; has_thread < 2; has_thread++) {
        struct read read = read_new(path, has_thread == 1, false);
        struct mxt_reading_batch batch;
        for (uint32_t i = 0; i < frames / 2; i++) {
            assert_int_equal(take(&read, &batch), MXT_OK);
            assert_int_equal(batch.count, 0);
            assert_true(batch.has_time);
            assert_int_equal(batch.time_us, (int64_t)(START + i) * 1000000);
        }
        assert_int_equal(take(&read, &batch), MXT_OK); /* the last one says nothing but that */
        assert_false(batch.has_time);
        assert_int_equal(take(&read, &batch), MXT_DONE);
        mxt_reading_stop(read.reading);
        read_free(&read);
    }
    free(bytes);
    folder_free(&folder);
}

/* A pipe that stalls within a packet: what came before it is there at once, the rest when it comes. The alarm would end a test that waits for more. */
static void test_stalling_pipe(void **state)
{
    (void)state;
    size_t length;
    uint8_t *bytes = capture_of(4, &length); /* of which the first is in fragments, and two more are mail */
    for (int has_thread = 0; has_thread < 2; has_thread++) {
        int saved, in = pipe_to_stdin(&saved);
        struct mxt_reading_batch batch;
        alarm(20);
        assert_int_equal(write(in, bytes, length - 5), length - 5);
        struct read read = read_new("-", has_thread == 1, false);
        uint32_t count = 0;
        while (count < 3) {
            assert_int_equal(take(&read, &batch), MXT_OK);
            for (size_t i = 0; i < batch.count; i++)
                check_segment(&batch.segments[i], count++, false);
        }
        assert_int_equal(count, 3);
        if (has_thread == 1) /* nothing comes of a part of a packet */
            assert_int_equal(mxt_reading_take(read.reading, &batch), MXT_MORE);
        assert_int_equal(write(in, bytes + length - 5, 5), 5);
        do
            assert_int_equal(take(&read, &batch), MXT_OK);
        while (batch.count == 0);
        assert_int_equal(batch.count, 1);
        check_segment(&batch.segments[0], 3, false);
        close(in);
        enum mxt_status status;
        while ((status = take(&read, &batch)) == MXT_OK)
            assert_int_equal(batch.count, 0);
        assert_int_equal(status, MXT_DONE);
        alarm(0);
        mxt_reading_stop(read.reading);
        assert_null(mxt_capture_error(read.capture));
        read_free(&read);
        restore_stdin(saved);
    }
    free(bytes);
}

/* The thread ends when it is asked to: while it waits for a pipe, or for room, or has ended already. */
static void test_stop(void **state)
{
    (void)state;
    struct folder folder = folder_new();
    char path[128];
    size_t length;
    uint8_t *bytes = capture_of(FRAMES, &length);
    struct mxt_reading_batch batch;
    folder_write(&folder, "a", bytes, length, path);
    int saved, in = pipe_to_stdin(&saved);
    alarm(20);
    assert_int_equal(write(in, bytes, 5000), 5000);
    for (int kind = 0; kind < 3; kind++) {
        struct read read = read_new(kind == 0 ? "-" : path, true, false);
        if (kind == 1)
            assert_int_equal(take(&read, &batch), MXT_OK);
        if (kind == 2)
            while (take(&read, &batch) == MXT_OK)
                continue;
        mxt_reading_stop(read.reading);
        read_free(&read);
    }
    alarm(0);
    close(in);
    restore_stdin(saved);
    free(bytes);
    folder_free(&folder);
}

/* A file that is cut behind what was read, while its segments are worked on: they are zeros then, and it is told in the end. */
static void test_shortened(void **state)
{
    (void)state;
    struct folder folder = folder_new();
    char path[128];
    size_t length;
    uint8_t *bytes = capture_of(100, &length);
    folder_write(&folder, "a", bytes, length, path);
    struct read read = read_new(path, true, false);
    struct mxt_reading_batch batch;
    for (size_t count = 0; count < 50; count += batch.count) /* some pages behind what will be left */
        assert_int_equal(take(&read, &batch), MXT_OK);
    assert_true(batch.count > 0);
    const struct mxt_segment *last = &batch.segments[batch.count - 1];
    assert_int_equal(truncate(path, 4096), 0);
    assert_int_equal(last->payload[last->payload_length - 1], 0);
    enum mxt_status status;
    while ((status = take(&read, &batch)) == MXT_OK)
        continue;
    assert_int_equal(status, MXT_DONE);
    mxt_reading_stop(read.reading);
    assert_non_null(strstr(mxt_capture_error(read.capture), "the file became shorter while it was read"));
    read_free(&read);
    free(bytes);
    folder_free(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all),  cmocka_unit_test(test_time),      cmocka_unit_test(test_stalling_pipe),
                                       cmocka_unit_test(test_stop), cmocka_unit_test(test_shortened)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
