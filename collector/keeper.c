#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <xxhash.h>

#include "collector/keeper_int.h"
#include "collector/policy_files.h"
#include "rules/event.h"

/*
 * How long things live that nobody touches. A session is forgotten by the ledger after a day (MXT_LEDGER_KEPT_US) and goes with that batch; Redis lets it
 * expire much later, so that it never goes before it was folded, however long no collector ran. The rest of what the ledger keeps likewise.
 */
#define DAY_MS          UINT64_C(86400000)
#define KEPT_LIFE_MS    (30 * DAY_MS)
#define SESSION_LIFE_MS (8 * DAY_MS)
#define ALERT_LIFE_MS   (90 * DAY_MS)
#define LIFE_SLACK      8 /* lives are prolonged when an eighth of them has passed */

#define ENTRY_ARENA   (64u << 20) /* bytes that decoding and judging one record may take: the largest has 16 MiB of JSON */
#define HEX           17          /* bytes of an id as text, NUL included */
#define NUMBER        24
#define SERVER        300         /* bytes of a server's name, or its address and port */
#define ALERT_FIELDS  10
#define CHANGED_FIRST 64

static uint64_t random_seed(void)
{
    uint64_t seed;
    return getrandom(&seed, sizeof seed, GRND_NONBLOCK) == sizeof seed ? seed : (uint64_t)time(NULL);
}

static void on_changed(void *context, const struct mxt_alert *alert);

static void on_told(void *context, const struct mxt_alert *alert)
{
    const struct mxt_keeper *keeper = context;
    struct timespec now;
    mxt_keeper_tell(context, alert);
    if (alert->count == 0) /* taken back, it has gone from the ledger: no drain speaks of it any more */
        on_changed(context, alert);
    if (keeper->config.latency == NULL)
        return;
    clock_gettime(CLOCK_REALTIME, &now);
    mxt_histogram_add(keeper->config.latency, ((int64_t)now.tv_sec * 1000 - (int64_t)keeper->entry.ms) * 1000 + now.tv_nsec / 1000);
}

static bool open_ledger(struct mxt_keeper *keeper)
{
    const struct mxt_collector_options *options = keeper->config.options;
    struct mxt_memory_limits limits = options->limits.memory;
    struct mxt_ledger_config config = {
        .judge = &options->judge, .alerts_limits = options->limits.alerts, .teller = {.tell = on_told, .context = keeper}, .is_kept = true};
    limits.seed = random_seed();
    config.alerts_limits.seed = random_seed();
    config.memory = keeper->memory = mxt_memory_new_limited(&limits);
    keeper->ledger = keeper->memory == NULL ? NULL : mxt_ledger_new(&config);
    return keeper->ledger != NULL;
}

static void tell_nobody(void *context, const char *sentence)
{
    (void)context;
    (void)sentence;
}

void mxt_keeper_forget_entry(struct mxt_keeper *keeper)
{
    mxt_arena_free(&keeper->arena);
    mxt_arena_init_with(&keeper->arena, ENTRY_ARENA, keeper->scratch, MXT_KEEPER_SCRATCH);
}

struct mxt_keeper *mxt_keeper_new(const struct mxt_keeper_config *config)
{
    const struct mxt_faults mute = {.tell = tell_nobody}; /* faulty policies were told when the configuration was read */
    struct mxt_keeper *keeper = calloc(1, sizeof *keeper);
    const char *policies = config->options->policies;
    enum mxt_status status = MXT_ENOMEM;
    if (keeper != NULL) {
        keeper->config = *config;
        keeper->batch = mxt_batch_new(config->prefix);
        keeper->lives = calloc(MXT_KEEPER_LIVES, sizeof *keeper->lives);
        keeper->scratch = malloc(MXT_KEEPER_SCRATCH);
        if (keeper->scratch != NULL)
            mxt_keeper_forget_entry(keeper);
        if (keeper->batch != NULL && keeper->lives != NULL && keeper->scratch != NULL && open_ledger(keeper))
            status = policies == NULL ? MXT_OK : mxt_policy_files_read(keeper->memory, policies, &mute);
    }
    if (status == MXT_OK)
        return keeper;
    if (status == MXT_ENOMEM)
        config->faults->tell(config->faults->context, "out of memory");
    mxt_keeper_free(keeper);
    return NULL;
}

void mxt_keeper_free(struct mxt_keeper *keeper)
{
    if (keeper == NULL)
        return;
    mxt_ledger_free(keeper->ledger);
    mxt_memory_free(keeper->memory);
    mxt_batch_free(keeper->batch);
    mxt_arena_free(&keeper->arena);
    mxt_json_free(&keeper->json);
    free(keeper->ahead);
    free(keeper->changed);
    free(keeper->lives);
    free(keeper->scratch);
    free(keeper);
}

struct mxt_keeper_counters mxt_keeper_counters(const struct mxt_keeper *keeper)
{
    struct mxt_keeper_counters counters = keeper->counters;
    counters.refused = mxt_ledger_refused(keeper->ledger);
    return counters;
}

/* The place where the alert stands, or would. */
static size_t place_of(const struct mxt_keeper *keeper, uint64_t id)
{
    size_t from = 0, to = keeper->changed_count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (keeper->changed[middle].id < id)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

static struct mxt_changed_alert *find_changed(const struct mxt_keeper *keeper, uint64_t id)
{
    size_t place = place_of(keeper, id);
    return place < keeper->changed_count && keeper->changed[place].id == id ? &keeper->changed[place] : NULL;
}

/* Notes an alert that is to be told once more at the end, if any is. */
static void note_changed(struct mxt_keeper *keeper, uint64_t id)
{
    if (!keeper->config.options->is_once || find_changed(keeper, id) != NULL)
        return;
    if (keeper->changed_count == keeper->changed_capacity) {
        size_t capacity = keeper->changed_capacity == 0 ? CHANGED_FIRST : keeper->changed_capacity * 2;
        struct mxt_changed_alert *moved = realloc(keeper->changed, capacity * sizeof *moved);
        if (moved == NULL) {
            keeper->has_failed = true;
            return;
        }
        keeper->changed = moved;
        keeper->changed_capacity = capacity;
    }
    size_t place = place_of(keeper, id);
    memmove(&keeper->changed[place + 1], &keeper->changed[place], (keeper->changed_count++ - place) * sizeof *keeper->changed);
    keeper->changed[place] = (struct mxt_changed_alert){.id = id};
}

static void note_told(struct mxt_keeper *keeper, const struct mxt_alert *alert)
{
    note_changed(keeper, alert->alert_id);
    struct mxt_changed_alert *changed = find_changed(keeper, alert->alert_id);
    if (changed != NULL)
        changed->told = alert->count;
}

/* Texts that the fields of an alert point into. */
struct alert_texts {
    char id[HEX], count[NUMBER], first_seen[MXT_JSON_TIME], last_seen[MXT_JSON_TIME], server[SERVER];
};

static struct mxt_field text_field(const char *name, const char *value)
{
    return (struct mxt_field){.name = name, .value = value, .n = strlen(value)};
}

static void write_server(const struct mxt_alert *alert, char *text)
{
    char address[MXT_ADDRESS_TEXT];
    if (alert->server_name != NULL) {
        snprintf(text, SERVER, "%s", alert->server_name);
        return;
    }
    if (alert->dest_port == 0) { /* it is about a sensor */
        snprintf(text, SERVER, "%s", alert->sensor == NULL ? "" : alert->sensor);
        return;
    }
    mxt_address_format(&alert->dest_ip, address);
    snprintf(text, SERVER, mxt_address_is_ipv4(&alert->dest_ip) ? "%s:%u" : "[%s]:%u", address, alert->dest_port);
}

/* The fields that an entry of `alerts` and the hash of an alert have in common; 0: the alert has no text, or memory is refused. */
static size_t alert_fields(struct mxt_keeper *keeper, const struct mxt_alert *alert, struct alert_texts *texts, struct mxt_field *fields)
{
    size_t count = 0;
    mxt_json_reset(&keeper->json);
    enum mxt_status status = mxt_event_encode_alert(&keeper->json, alert);
    keeper->has_failed = keeper->has_failed || status == MXT_ENOMEM;
    if (status != MXT_OK)
        return 0;
    snprintf(texts->id, sizeof texts->id, "%016" PRIx64, alert->alert_id);
    write_server(alert, texts->server);
    fields[count++] = text_field("alert", texts->id);
    fields[count++] = text_field("rule", mxt_rule_info(alert->rule)->name);
    fields[count++] = text_field("severity", mxt_severity_name(alert->severity));
    if (alert->domain != NULL)
        fields[count++] = text_field("domain", alert->domain);
    fields[count++] = text_field("server", texts->server);
    fields[count++] = (struct mxt_field){.name = "event", .value = keeper->json.text, .n = keeper->json.length};
    return count;
}

static bool is_ahead(const struct mxt_keeper *keeper, struct mxt_stream_id id)
{
    for (size_t i = 0; i < keeper->ahead_count; i++)
        if (mxt_stream_id_compare(keeper->ahead[i], id) == 0)
            return true;
    return false;
}

void mxt_keeper_tell(struct mxt_keeper *keeper, const struct mxt_alert *alert)
{
    struct alert_texts texts;
    struct mxt_field fields[ALERT_FIELDS];
    struct mxt_stream_id id = mxt_stream_id_derive(keeper->entry, keeper->told++);
    note_told(keeper, alert);
    if (is_ahead(keeper, id))
        return;
    size_t count = alert_fields(keeper, alert, &texts, fields);
    if (count == 0)
        return;
    if (keeper->alerts.is_there && mxt_stream_id_compare(id, keeper->alerts.last) <= 0)
        id = mxt_stream_id_next(keeper->alerts.last); /* a clock was set back, or somebody else added to the stream */
    keeper->alerts = (struct mxt_stream_end){.is_there = true, .last = id};
    mxt_batch_add(keeper->batch, "alerts", id, keeper->config.options->limits.alert_stream, fields, count);
    keeper->counters.alerts++;
    keeper->counters.alerts_of[alert->rule]++;
}

static struct mxt_life *life_of(const struct mxt_keeper *keeper, const char *class, const char *name, uint64_t *hash)
{
    *hash = XXH3_64bits_withSeed(name, strlen(name), XXH3_64bits(class, strlen(class)));
    return &keeper->lives[*hash % MXT_KEEPER_LIVES];
}

/* How long the hash shall live from now on; 0: as long as before, since that was said not long ago. */
static uint64_t prolong(const struct mxt_keeper *keeper, const char *class, const char *name, uint64_t life_ms)
{
    uint64_t hash;
    struct mxt_life *life = life_of(keeper, class, name, &hash);
    if (life->hash == hash && keeper->entry.ms >= life->prolonged_ms && keeper->entry.ms - life->prolonged_ms < life_ms / LIFE_SLACK)
        return 0;
    *life = (struct mxt_life){.hash = hash, .prolonged_ms = keeper->entry.ms};
    return life_ms;
}

static void forget_life(const struct mxt_keeper *keeper, const char *class, const char *name)
{
    uint64_t hash;
    struct mxt_life *life = life_of(keeper, class, name, &hash);
    if (life->hash == hash)
        *life = (struct mxt_life){0};
}

/* Writes down or deletes a thing, or a field of it. */
static void write_kept(struct mxt_keeper *keeper, const char *class, const char *name, uint64_t life_ms, const struct mxt_kept *kept)
{
    const struct mxt_field field = {.name = kept->field != NULL ? kept->field : MXT_FIELD_STATE, .value = kept->text, .n = kept->n};
    if (kept->text != NULL) {
        mxt_batch_put(keeper->batch, MXT_PUT, class, name, prolong(keeper, class, name, life_ms), &field, 1);
        return;
    }
    forget_life(keeper, class, name); /* with its last field the hash goes */
    if (kept->field != NULL)
        mxt_batch_delete_field(keeper->batch, class, name, kept->field);
    else
        mxt_batch_delete(keeper->batch, class, name);
}

static void on_kept(void *context, const struct mxt_kept *kept)
{
    struct mxt_keeper *keeper = context;
    char kind[NUMBER];
    const char *space;
    switch (kept->kind) {
    case MXT_KEPT_SESSION: write_kept(keeper, MXT_CLASS_SESSION, kept->key, SESSION_LIFE_MS, kept); return;
    case MXT_KEPT_ALERT: write_kept(keeper, MXT_CLASS_SUBJECT, kept->key, KEPT_LIFE_MS, kept); return;
    case MXT_KEPT_SENSOR: write_kept(keeper, MXT_CLASS_SENSOR, kept->key, KEPT_LIFE_MS, kept); return;
    case MXT_KEPT_BASELINE: break;
    }
    space = strchr(kept->key, ' ');
    size_t n = (size_t)(space - kept->key) < sizeof kind ? (size_t)(space - kept->key) : sizeof kind - 1;
    memcpy(kind, kept->key, n);
    kind[n] = '\0';
    write_kept(keeper, kind, space + 1, KEPT_LIFE_MS, kept);
}

static void on_changed(void *context, const struct mxt_alert *alert)
{
    struct mxt_keeper *keeper = context;
    struct alert_texts texts;
    struct mxt_field fields[ALERT_FIELDS];
    size_t count = alert_fields(keeper, alert, &texts, fields);
    if (count == 0)
        return;
    note_changed(keeper, alert->alert_id);
    snprintf(texts.count, sizeof texts.count, "%" PRIu64, alert->count);
    mxt_json_time_format(alert->first_seen_us, texts.first_seen);
    mxt_json_time_format(alert->last_seen_us, texts.last_seen);
    fields[count++] = text_field("count", texts.count);
    fields[count++] = text_field("first_seen", texts.first_seen);
    fields[count++] = text_field("last_seen", texts.last_seen);
    mxt_batch_put(keeper->batch, MXT_PUT_ALERT, MXT_CLASS_ALERT, texts.id, prolong(keeper, MXT_CLASS_ALERT, texts.id, ALERT_LIFE_MS), fields, count);
}

enum mxt_status mxt_keeper_drain(struct mxt_keeper *keeper)
{
    enum mxt_status status = mxt_ledger_drain(keeper->ledger, on_kept, on_changed, keeper);
    return keeper->has_failed || mxt_batch_has_failed(keeper->batch) ? MXT_ENOMEM : status;
}

static void on_last(void *context, const struct mxt_alert *alert)
{
    struct mxt_keeper *keeper = context;
    const struct mxt_changed_alert *changed = find_changed(keeper, alert->alert_id);
    if (changed != NULL && changed->told != alert->count)
        mxt_keeper_tell(keeper, alert);
}

enum mxt_status mxt_keeper_retell(struct mxt_keeper *keeper, struct mxt_stream_id id)
{
    if (mxt_stream_id_compare(id, keeper->entry) != 0)
        keeper->told = 0;
    keeper->entry = id;
    enum mxt_status status = mxt_ledger_alerts(keeper->ledger, on_last, keeper);
    return keeper->has_failed ? MXT_ENOMEM : status;
}

/* Where a stream ended, for a batch that leaves it ending elsewhere. */
static void format_end(const struct mxt_stream_end *was, const struct mxt_stream_end *is, char *text)
{
    snprintf(text, MXT_STREAM_ID_TEXT, "-");
    if (is->is_there == was->is_there && mxt_stream_id_compare(is->last, was->last) == 0)
        return;
    text[0] = '\0';
    if (was->is_there)
        mxt_stream_id_format(was->last, text);
}

enum mxt_status mxt_keeper_command(struct mxt_keeper *keeper, const char *sha, struct mxt_batch_terms *terms, size_t *argc, const char *const **argv,
                                   const size_t **lengths)
{
    char last_alert[MXT_STREAM_ID_TEXT], last_reject[MXT_STREAM_ID_TEXT];
    if (mxt_keeper_drain(keeper) != MXT_OK)
        return MXT_ENOMEM;
    format_end(&keeper->alerts_were, &keeper->alerts, last_alert);
    format_end(&keeper->rejected_were, &keeper->rejected, last_reject);
    terms->last_alert = last_alert;
    terms->last_reject = last_reject;
    terms->alerts_kept = keeper->config.options->limits.alerts.subjects;
    terms->now_ms = keeper->entry.ms;
    enum mxt_status status = mxt_batch_command(keeper->batch, sha, terms, argc, argv, lengths);
    terms->last_alert = terms->last_reject = NULL;
    return status;
}

void mxt_keeper_sent(struct mxt_keeper *keeper)
{
    keeper->alerts_were = keeper->alerts;
    keeper->rejected_were = keeper->rejected;
    mxt_batch_reset(keeper->batch);
}
