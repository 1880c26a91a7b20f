/*
 * mxtap-bench-publish: what publishing costs a record, and a stream of records to measure others by. Reads the sensor's JSON lines, then puts COUNT session records
 * made after them (other clients and ids, the time of now) into an outbox whose other end publishes to Redis.
 *
 *     mxtap-bench-publish URL COUNT [RATE EVERY] < records
 *
 * With a RATE (records a second), every EVERY-th record is made after the first line with a server of its own, so that it raises alerts at once. Prints one JSON
 * object: records, seconds until Redis has acknowledged all, nanoseconds of processor time a record with the encoding, and of that the encoding alone.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sensor/publisher.h"

#define OUTBOX_BYTES (64u << 20)
#define TEMPLATES    512
#define RECORD_ARENA (1u << 20)
#define ENCODE_COUNT 20000u

struct templates {
    struct mxt_record items[TEMPLATES];
    struct mxt_arena arenas[TEMPLATES];
    size_t count;
};

static int64_t clock_ns(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int read_templates(struct templates *templates)
{
    char *line = NULL, error[256];
    size_t capacity = 0;
    ssize_t n;
    while (templates->count < TEMPLATES && (n = getline(&line, &capacity, stdin)) > 0) {
        struct mxt_arena *arena = &templates->arenas[templates->count];
        if (strstr(line, "\"event_type\":\"session\"") == NULL)
            continue;
        mxt_arena_init(arena, RECORD_ARENA);
        if (mxt_event_decode_record(line, (size_t)n, arena, &templates->items[templates->count], error, sizeof error) != MXT_OK) {
            fprintf(stderr, "mxtap-bench-publish: %s\n", error);
            return 0;
        }
        templates->count++;
    }
    free(line);
    if (templates->count < 2)
        fputs("mxtap-bench-publish: no records on standard input\n", stderr);
    return templates->count >= 2;
}

/* Record number i: a session of its own, at this moment. */
static struct mxt_record make(const struct templates *templates, uint64_t i, uint64_t every)
{
    const int is_marked = every > 0 && i % every == 0;
    struct mxt_record record = templates->items[is_marked ? 0 : 1 + i % (templates->count - 1)];
    record.session_id = (i + 1) * 0x9e3779b97f4a7c15u;
    record.timestamp_us = clock_ns(CLOCK_REALTIME) / 1000;
    record.start_us = record.timestamp_us - (int64_t)record.duration_ms * 1000;
    record.sequence = i + 1;
    record.src_port = (uint16_t)(1024 + i % 60000);
    record.src_ip.bytes[13] = (uint8_t)(i / 60000);
    if (is_marked) {
        record.dest_ip.bytes[14] = (uint8_t)(i / every >> 8);
        record.dest_ip.bytes[15] = (uint8_t)(i / every);
    }
    return record;
}

/* Nanoseconds of processor time to encode a record and put it. */
static int64_t encode_cost(const struct templates *templates)
{
    struct mxt_outbox *outbox = mxt_outbox_new(OUTBOX_BYTES, MXT_OUTBOX_WAIT);
    struct mxt_parcel parcel;
    int64_t begin = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    for (uint64_t i = 0; outbox != NULL && i < ENCODE_COUNT; i++) {
        const struct mxt_record record = make(templates, i, 0);
        if (mxt_outbox_record(outbox, &record) != MXT_OK || mxt_outbox_next(outbox, 0, &parcel) != MXT_OK)
            return -1;
    }
    int64_t end = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    mxt_outbox_free(outbox);
    return (end - begin) / ENCODE_COUNT;
}

static void put_all(struct mxt_outbox *outbox, const struct templates *templates, uint64_t count, uint64_t rate, uint64_t every)
{
    const int64_t begin = clock_ns(CLOCK_MONOTONIC);
    for (uint64_t i = 0; i < count; i++) {
        int64_t due = rate == 0 ? 0 : begin + (int64_t)(i * 1000000000 / rate);
        if (rate > 0 && due > clock_ns(CLOCK_MONOTONIC)) {
            const struct timespec until = {due / 1000000000, due % 1000000000};
            clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
        }
        const struct mxt_record record = make(templates, i, every);
        if (mxt_outbox_record(outbox, &record) != MXT_OK)
            return;
    }
}

static void complain(void *context, const char *sentence)
{
    (void)context;
    fprintf(stderr, "mxtap-bench-publish: %s\n", sentence);
}

static int run(const char *url, const struct templates *templates, uint64_t count, uint64_t rate, uint64_t every)
{
    static const struct mxt_faults faults = {.tell = complain};
    struct mxt_outbox *outbox = mxt_outbox_new(OUTBOX_BYTES, MXT_OUTBOX_WAIT);
    const struct mxt_publisher_config config = {.link = {.url = url, .connect_timeout_ms = 1000, .reply_timeout_ms = 10000},
                                                .sensor = "bench",
                                                .outbox = outbox,
                                                .faults = &faults,
                                                .patience_ms = 10000};
    int64_t encode_ns = encode_cost(templates);
    struct mxt_publisher *publisher = outbox == NULL ? NULL : mxt_publisher_new(&config);
    if (publisher == NULL || mxt_publisher_start(publisher) != MXT_OK)
        return 1;
    int64_t wall = clock_ns(CLOCK_MONOTONIC), processor = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    put_all(outbox, templates, count, rate, every);
    mxt_outbox_close(outbox);
    uint64_t left = mxt_publisher_finish(publisher);
    wall = clock_ns(CLOCK_MONOTONIC) - wall;
    processor = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - processor;
    printf("{\"records\": %" PRIu64 ", \"seconds\": %.6f, \"publish_ns\": %" PRId64 ", \"encode_ns\": %" PRId64 "}\n", count - left, (double)wall / 1e9,
           processor / (int64_t)count, encode_ns);
    mxt_publisher_free(publisher);
    mxt_outbox_free(outbox);
    return left == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    static struct templates templates;
    uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
    if ((argc != 3 && argc != 5) || count == 0) {
        fputs("usage: mxtap-bench-publish URL COUNT [RATE EVERY] < records\n", stderr);
        return 2;
    }
    if (!read_templates(&templates))
        return 1;
    int status = run(argv[1], &templates, count, argc == 5 ? strtoull(argv[3], NULL, 10) : 0, argc == 5 ? strtoull(argv[4], NULL, 10) : 0);
    for (size_t i = 0; i < templates.count; i++)
        mxt_arena_free(&templates.arenas[i]);
    return status;
}
