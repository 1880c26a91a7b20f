/*
 * mxtap-bench-judge: what judging a record costs. Reads the sensor's JSON lines, decodes all session records first, then judges them in their order with an empty
 * memory, and tells nanoseconds a record for both steps.
 *
 *     mxtap-bench-judge [BATCH]
 *
 * As an embedded sensor does; with BATCH as a collector does, which drains what has changed after so many records.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "rules/event.h"
#include "rules/ledger.h"

#define JUDGE_ARENA (1u << 20)

struct records {
    struct mxt_record *items;
    struct mxt_arena *arenas;
    size_t count, capacity;
};

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int make_room(struct records *records)
{
    if (records->count < records->capacity)
        return 1;
    size_t capacity = records->capacity == 0 ? 1024 : records->capacity * 2;
    struct mxt_record *items = realloc(records->items, capacity * sizeof *items);
    if (items != NULL)
        records->items = items;
    struct mxt_arena *arenas = realloc(records->arenas, capacity * sizeof *arenas);
    if (arenas != NULL)
        records->arenas = arenas;
    if (items == NULL || arenas == NULL)
        return 0;
    records->capacity = capacity;
    return 1;
}

/* Decodes one line where it is a session; returns 0 where it cannot be read. */
static int take_line(struct records *records, const char *line, size_t n)
{
    char error[256];
    if (strstr(line, "\"event_type\":\"session\"") == NULL)
        return 1;
    if (!make_room(records))
        return 0;
    struct mxt_arena *arena = &records->arenas[records->count];
    mxt_arena_init(arena, 0);
    if (mxt_event_decode_record(line, n, arena, &records->items[records->count], error, sizeof error) != MXT_OK) {
        fprintf(stderr, "mxtap-bench-judge: %s\n", error);
        return 0;
    }
    records->count++;
    return 1;
}

static void count_kept(void *context, const struct mxt_kept *kept)
{
    uint64_t *bytes = context;
    *bytes += kept->n;
}

static void count_alert(void *context, const struct mxt_alert *alert)
{
    uint64_t *bytes = context;
    *bytes += alert->count > 0;
}

static int64_t judge_all(const struct records *records, struct mxt_ledger *ledger, size_t batch, uint64_t *kept_bytes)
{
    int64_t start = now_ns();
    for (size_t i = 0; i < records->count; i++) {
        struct mxt_arena arena;
        mxt_arena_init(&arena, JUDGE_ARENA);
        mxt_ledger_take(ledger, &records->items[i], NULL, 0, &arena);
        mxt_arena_free(&arena);
        if (batch > 0 && i % batch == 0 && mxt_ledger_drain(ledger, count_kept, count_alert, kept_bytes) != MXT_OK)
            return -1;
    }
    return now_ns() - start;
}

static int report(const struct records *records, int64_t decoding_ns, size_t batch)
{
    uint64_t kept_bytes = 0;
    struct mxt_judge_config judge;
    mxt_judge_config_init(&judge);
    struct mxt_memory *memory = mxt_memory_new();
    const struct mxt_ledger_config config = {.judge = &judge, .memory = memory, .alerts_limits = MXT_ALERTS_LIMITS_DEFAULT, .is_kept = batch > 0};
    struct mxt_ledger *ledger = memory == NULL ? NULL : mxt_ledger_new(&config);
    int64_t judging_ns = ledger == NULL ? 0 : judge_all(records, ledger, batch, &kept_bytes);
    int is_done = ledger != NULL && records->count > 0 && mxt_ledger_refused(ledger) == 0;
    if (is_done)
        printf("{\"records\": %zu, \"decode_ns\": %" PRId64 ", \"judge_ns\": %" PRId64 ", \"kept_bytes\": %" PRIu64 "}\n", records->count,
               decoding_ns / (int64_t)records->count, judging_ns / (int64_t)records->count, kept_bytes / records->count);
    else
        fputs("mxtap-bench-judge: no session record, or memory was refused\n", stderr);
    mxt_ledger_free(ledger);
    mxt_memory_free(memory);
    return is_done ? 0 : 1;
}

int main(int argc, char **argv)
{
    size_t batch = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
    struct records records = {NULL, NULL, 0, 0};
    char *line = NULL;
    size_t size = 0;
    ssize_t n;
    int is_good = 1;
    int64_t decoding_ns = 0;
    while (is_good && (n = getline(&line, &size, stdin)) > 0) {
        int64_t start = now_ns();
        is_good = take_line(&records, line, (size_t)n);
        decoding_ns += now_ns() - start;
    }
    int status = is_good ? report(&records, decoding_ns, batch) : 1;
    for (size_t i = 0; i < records.count; i++)
        mxt_arena_free(&records.arenas[i]);
    free(records.arenas);
    free(records.items);
    free(line);
    return status;
}
