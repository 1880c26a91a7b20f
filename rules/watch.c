#include "rules/watch.h"

#include <string.h>
#include <xxhash.h>

#define DAY_US   (INT64_C(86400) * 1000000)
#define HOUR_US  (INT64_C(3600) * 1000000)
#define SECOND   INT64_C(1000000)
#define MILLION  UINT64_C(1000000)
#define TIME_MAX 32 /* bytes of a point of time as text */

static size_t place_of(int64_t day)
{
    return (size_t)(day % MXT_WATCH_DAYS);
}

/* A pause ended now. Days without any pause have none to tell. */
static void note_pause(struct mxt_watch *watch, int64_t pause_us, int64_t now_us)
{
    int64_t day = now_us / DAY_US;
    int64_t passed = day - watch->day < MXT_WATCH_DAYS ? day - watch->day : MXT_WATCH_DAYS;
    for (int64_t i = 1; i <= passed; i++)
        watch->pauses_us[place_of(watch->day + i)] = 0;
    watch->day = day;
    int64_t *longest = &watch->pauses_us[place_of(day)];
    *longest = pause_us > *longest ? pause_us : *longest;
}

static void note_mail(struct mxt_watch *watch, int64_t now_us)
{
    if (watch->first_mail_us == 0) {
        watch->first_mail_us = now_us;
        watch->day = now_us / DAY_US;
    } else {
        note_pause(watch, now_us - watch->mail_us, now_us);
    }
    watch->mail_us = now_us;
}

void mxt_watch_health(struct mxt_watch *watch, const struct mxt_health *health, int64_t now_us, uint32_t loss_ppm, struct mxt_watch_finding *out)
{
    uint64_t dropped = health->kernel_drops + health->interface_drops, lost = health->lost_queue + health->lost_spool;
    /* Counters that went back are a sensor's that began anew. */
    bool is_anew = health->packets < watch->packets || health->sessions < watch->sessions || dropped < watch->dropped || lost < watch->lost;
    struct mxt_watch before = *watch;
    if (is_anew)
        before = (struct mxt_watch){0};
    uint64_t more_dropped = dropped - before.dropped, frames = health->packets - before.packets + more_dropped;
    *out = (struct mxt_watch_finding){0};
    if (more_dropped * MILLION > frames * loss_ppm || lost > before.lost)
        *out = (struct mxt_watch_finding){.rule = MXT_RULE_SENSOR_PACKET_LOSS,
                                          .since_us = watch->heard_us != 0 ? watch->heard_us : now_us,
                                          .until_us = now_us,
                                          .episode = (uint64_t)(now_us / HOUR_US),
                                          .count = more_dropped,
                                          .of = frames,
                                          .lost = lost - before.lost};
    if (health->sessions > before.sessions)
        note_mail(watch, now_us);
    watch->heard_us = now_us;
    watch->is_stopped = health->final;
    watch->packets = health->packets;
    watch->sessions = health->sessions;
    watch->dropped = dropped;
    watch->lost = lost;
}

void mxt_watch_reject(struct mxt_watch *watch, int64_t now_us, struct mxt_watch_finding *out)
{
    watch->rejected++;
    watch->rejected_us = now_us;
    *out = (struct mxt_watch_finding){
        .rule = MXT_RULE_SENSOR_REJECTED, .since_us = now_us, .until_us = now_us, .episode = (uint64_t)(now_us / HOUR_US), .count = watch->rejected};
}

/* How long a pause has to be to mean anything. */
static int64_t patience(const struct mxt_watch *watch)
{
    int64_t longest = 0;
    for (size_t i = 0; i < MXT_WATCH_DAYS; i++)
        longest = watch->pauses_us[i] > longest ? watch->pauses_us[i] : longest;
    return 2 * longest > MXT_WATCH_BLIND_US ? 2 * longest : MXT_WATCH_BLIND_US;
}

void mxt_watch_look(const struct mxt_watch *watch, int64_t now_us, int64_t since_us, struct mxt_watch_finding *out)
{
    *out = (struct mxt_watch_finding){0};
    if (watch->heard_us == 0 || watch->is_stopped)
        return;
    int64_t listened_us = now_us - (watch->heard_us > since_us ? watch->heard_us : since_us);
    if (listened_us > MXT_WATCH_SILENT_US) {
        *out =
            (struct mxt_watch_finding){.rule = MXT_RULE_SENSOR_SILENT, .since_us = watch->heard_us, .until_us = now_us, .episode = (uint64_t)watch->heard_us};
        return;
    }
    bool has_history = watch->first_mail_us != 0 && watch->mail_us - watch->first_mail_us >= MXT_WATCH_HISTORY_US;
    if (has_history && watch->heard_us - watch->mail_us > patience(watch))
        *out = (struct mxt_watch_finding){.rule = MXT_RULE_SENSOR_BLIND, .since_us = watch->mail_us, .until_us = now_us, .episode = (uint64_t)watch->mail_us};
}

static uint64_t episode_id(const struct mxt_watch_finding *finding, const char *sensor)
{
    const uint64_t numbers[] = {(uint64_t)finding->rule, finding->episode};
    return XXH3_64bits_withSeed(sensor, strlen(sensor), XXH3_64bits(numbers, sizeof numbers));
}

static void put_time(struct mxt_finding *finding, struct mxt_arena *arena, const char *key, int64_t time_us)
{
    char text[TIME_MAX];
    mxt_json_time_format(time_us - time_us % SECOND, text);
    mxt_evidence_text(finding, arena, key, mxt_arena_copy(arena, text, strlen(text)));
}

static void tell(const struct mxt_watch_finding *said, const char *reason, struct mxt_finding *finding, struct mxt_arena *arena)
{
    switch (said->rule) {
    case MXT_RULE_SENSOR_PACKET_LOSS:
        mxt_evidence_number(finding, arena, "frames_dropped", (int64_t)said->count);
        mxt_evidence_number(finding, arena, "frames", (int64_t)said->of);
        mxt_evidence_number(finding, arena, "records_lost", (int64_t)said->lost);
        break;
    case MXT_RULE_SENSOR_REJECTED:
        mxt_evidence_number(finding, arena, "rejected", (int64_t)said->count);
        mxt_evidence_text(finding, arena, "reason", reason);
        break;
    default: put_time(finding, arena, "since", said->since_us); break;
    }
}

enum mxt_status mxt_watch_record(const struct mxt_watch_finding *finding, const char *sensor, const char *reason, struct mxt_arena *arena,
                                 struct mxt_record *out)
{
    uint32_t failures = arena->failures;
    *out = (struct mxt_record){.timestamp_us = finding->until_us,
                               .sensor = sensor,
                               .version = MXT_RECORD_VERSION,
                               .session_id = episode_id(finding, sensor),
                               .snapshot = 1,
                               .start_us = finding->since_us};
    struct mxt_finding *added = mxt_finding_add(&out->findings, arena, finding->rule, mxt_rule_info(finding->rule)->severity);
    if (added == NULL)
        return MXT_ENOMEM;
    mxt_evidence_text(added, arena, "sensor", sensor);
    tell(finding, reason, added, arena);
    return arena->failures == failures ? MXT_OK : MXT_ENOMEM;
}
