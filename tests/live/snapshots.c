/*
 * Sessions told while they go on, on any captures:
 *
 * - snapshots count up from 1, and the last one alone is final;
 * - the final record says what it says where nothing is told before the end;
 * - what a snapshot finds, the final record finds: no later packet withdraws it;
 * - a session is not told more often than once a second, unless there is something to tell: a rule, an exposure, an outcome of TLS.
 *
 * Usage: mxtap-snapshots CAPTURE...     prints what it saw; exit 1 with the faults on stderr.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/event.h"
#include "rules/networks.h"
#include "sensor/capture_file.h"
#include "sensor/engine.h"

#define SESSIONS 4096 /* of one capture; more are not looked at */

struct told {
    uint64_t session_id;
    uint32_t snapshot;
    bool is_final, is_exposed;
    enum mxt_tls_outcome outcome;
    uint64_t rules;
    int64_t timestamp_us;
};

struct run {
    const char *capture;
    bool has_snapshots;
    struct told told[SESSIONS];
    size_t count;
    char *finals[SESSIONS]; /* the final records as JSON, but for the snapshot's number and the sequence */
    size_t final_count;
    uint64_t snapshots, early; /* not final; of them with a finding */
    unsigned faults;
};

static void fault(struct run *run, const struct mxt_record *record, const char *what)
{
    run->faults++;
    fprintf(stderr, "%s: session %016" PRIx64 ", snapshot %" PRIu32 ": %s\n", run->capture, record->session_id, record->snapshot, what);
}

static struct told *find(struct run *run, const struct mxt_record *record)
{
    for (size_t i = run->count; i > 0; i--)
        if (run->told[i - 1].session_id == record->session_id && !run->told[i - 1].is_final)
            return &run->told[i - 1];
    if (run->count == SESSIONS)
        return NULL;
    run->told[run->count] = (struct told){.session_id = record->session_id, .timestamp_us = record->start_us};
    return &run->told[run->count++];
}

static void keep_final(struct run *run, const struct mxt_record *record)
{
    struct mxt_record copy = *record;
    struct mxt_json json = {0};
    copy.snapshot = 1;
    copy.sequence = 1;
    mxt_json_reset(&json);
    if (run->final_count == SESSIONS || mxt_event_encode_record(&json, &copy) != MXT_OK)
        abort();
    run->finals[run->final_count++] = strdup(mxt_json_end(&json));
    mxt_json_free(&json);
}

static void check_order(struct run *run, const struct told *last, const struct mxt_record *record, uint64_t rules)
{
    bool is_exposed = record->smtp != NULL && record->smtp->exposed_total > 0;
    enum mxt_tls_outcome outcome = record->tls == NULL ? MXT_TLS_OUTCOME_UNKNOWN : record->tls->outcome;
    if (record->snapshot != last->snapshot + 1)
        fault(run, record, "the number before was not one less");
    if ((last->rules & ~rules) != 0)
        fault(run, record, "an earlier snapshot's finding is gone");
    if (!record->final && record->capture.ended != NULL && strcmp(record->capture.ended, "capture_end") == 0)
        fault(run, record, "has ended, and is not final");
    bool is_new = (rules & ~last->rules) != 0 || is_exposed != last->is_exposed || outcome != last->outcome;
    if (!record->final && !is_new && record->timestamp_us - last->timestamp_us < 1000000)
        fault(run, record, "says nothing new, and so soon");
}

static void on_record(void *context, struct mxt_record *record)
{
    struct run *run = context;
    uint64_t rules = 0;
    for (const struct mxt_finding *finding = record->findings; finding != NULL; finding = finding->next)
        rules |= UINT64_C(1) << finding->rule;
    struct told *last = find(run, record);
    if (last == NULL)
        return;
    check_order(run, last, record, rules);
    last->snapshot = record->snapshot;
    last->is_final = record->final;
    last->is_exposed = record->smtp != NULL && record->smtp->exposed_total > 0;
    last->outcome = record->tls == NULL ? MXT_TLS_OUTCOME_UNKNOWN : record->tls->outcome;
    last->rules = rules;
    last->timestamp_us = record->timestamp_us;
    run->snapshots += !record->final;
    run->early += !record->final && rules != 0;
    if (record->final)
        keep_final(run, record);
}

/* Frames of the capture, one by one: a record must not depend on how they are batched. */
static void play(struct run *run, const char *path)
{
    static const struct mxt_networks home = {0};
    char error[MXT_CAPTURE_ERROR];
    struct mxt_engine_config config = {
        .session = {.sensor = "test", .smtp_limits = MXT_SMTP_LIMITS_DEFAULT, .tls_limits = MXT_TLS_LIMITS_DEFAULT, .home = &home},
        .packet_limits = MXT_PACKET_LIMITS_DEFAULT,
        .tcp_limits = MXT_TCP_LIMITS_DEFAULT,
        .flow_limits = MXT_FLOW_LIMITS_DEFAULT,
        .has_snapshots = run->has_snapshots,
        .record = on_record,
        .context = run,
    };
    static const uint16_t ports[] = {25, 465, 587, 2525};
    for (size_t i = 0; i < sizeof ports / sizeof ports[0]; i++)
        mxt_port_set_add(&config.ports, ports[i]);
    struct mxt_engine *engine = mxt_engine_new(&config);
    struct mxt_capture *capture = mxt_capture_open(&path, 1, error);
    struct mxt_frame frame;
    if (engine == NULL || capture == NULL) {
        fprintf(stderr, "%s\n", capture == NULL ? error : "out of memory");
        exit(1);
    }
    while (mxt_capture_next(capture, &frame) == MXT_OK)
        mxt_engine_frames(engine, &frame, 1);
    mxt_engine_finish(engine);
    mxt_engine_free(engine);
    mxt_capture_free(capture);
}

static void compare_finals(struct run *live, const struct run *replay)
{
    if (live->final_count != replay->final_count) {
        live->faults++;
        fprintf(stderr, "%s: %zu final records with snapshots, %zu without\n", live->capture, live->final_count, replay->final_count);
        return;
    }
    for (size_t i = 0; i < live->final_count; i++) {
        if (strcmp(live->finals[i], replay->finals[i]) == 0)
            continue;
        live->faults++;
        fprintf(stderr, "%s: the final record differs where snapshots came before\n  %s\n  %s\n", live->capture, live->finals[i], replay->finals[i]);
    }
}

static void clear(struct run *run)
{
    for (size_t i = 0; i < run->final_count; i++)
        free(run->finals[i]);
    *run = (struct run){.count = 0};
}

int main(int argc, char **argv)
{
    static struct run live, replay;
    uint64_t snapshots = 0, early = 0, sessions = 0;
    unsigned faults = 0;
    for (int i = 1; i < argc; i++) {
        live.capture = replay.capture = argv[i];
        live.has_snapshots = true;
        play(&live, argv[i]);
        play(&replay, argv[i]);
        compare_finals(&live, &replay);
        snapshots += live.snapshots;
        early += live.early;
        sessions += live.final_count;
        faults += live.faults + replay.faults;
        clear(&live);
        clear(&replay);
    }
    printf("%d captures, %" PRIu64 " sessions, %" PRIu64 " snapshots before the end, %" PRIu64 " of them with findings, %u faults\n", argc - 1, sessions, snapshots, early,
           faults);
    return faults == 0 && snapshots > 0 && early > 0 ? 0 : 1;
}
