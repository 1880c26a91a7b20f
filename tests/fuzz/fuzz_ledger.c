/*
 * What is kept of a ledger, as a store of any kind may hand it back: every text is refused with a fault, or taken, and the ledger that took it goes on: its clock,
 * records and healths are survived, and all that is drained of it is taken by another, which then drains the same of it.
 *
 * A line is one thing: a letter, then fields between tabs. b key field text, s key text, a key text, w key text: kept (baseline, session, alert's subject, sensor);
 * r text: a record; h text: a health; c microseconds: the keeper's clock; x sensor: an event of it that could not be read. Kept lines are taken first.
 */
#include <stdlib.h>
#include <string.h>

#include "rules/ledger.h"

#define FAULT       256
#define FIELDS      3
#define ARENA_BYTES (8u << 20)
#define LINES_MAX   400 /* of one input: enough for every mixture, and quick */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct keeper {
    struct mxt_judge_config judge;
    struct mxt_memory *memory;
    struct mxt_ledger *ledger;
};

static void open_keeper(struct keeper *keeper)
{
    memset(keeper, 0, sizeof *keeper);
    mxt_judge_config_init(&keeper->judge);
    keeper->memory = mxt_memory_new();
    const struct mxt_ledger_config config = {.judge = &keeper->judge, .memory = keeper->memory, .alerts_limits = MXT_ALERTS_LIMITS_DEFAULT, .is_kept = true};
    keeper->ledger = keeper->memory == NULL ? NULL : mxt_ledger_new(&config);
    if (keeper->ledger == NULL)
        abort();
}

static void close_keeper(struct keeper *keeper)
{
    mxt_ledger_free(keeper->ledger);
    mxt_memory_free(keeper->memory);
    mxt_judge_config_free(&keeper->judge);
}

/* What was kept goes to another ledger, which must understand it. */
static void hand_over(void *context, const struct mxt_kept *kept)
{
    struct mxt_ledger *other = context;
    char fault[FAULT] = "";
    if (kept->text == NULL || other == NULL)
        return;
    char *exact = malloc(kept->n == 0 ? 1 : kept->n); /* so that a byte read behind it is noticed */
    if (exact == NULL)
        abort();
    memcpy(exact, kept->text, kept->n);
    struct mxt_kept copy = *kept;
    copy.text = exact;
    if (mxt_ledger_load(other, &copy, fault, sizeof fault) != MXT_OK)
        abort();
    free(exact);
}

static void pass_alert(void *context, const struct mxt_alert *alert)
{
    (void)context;
    if (alert->count == 0 || alert->first_seen_us > alert->last_seen_us)
        abort();
}

static void load(struct mxt_ledger *ledger, char letter, char *const *fields)
{
    static const char letters[] = {[MXT_KEPT_BASELINE] = 'b', [MXT_KEPT_SESSION] = 's', [MXT_KEPT_ALERT] = 'a', [MXT_KEPT_SENSOR] = 'w'};
    const bool has_field = letter == 'b';
    const char *text = fields[has_field ? 2 : 1];
    char fault[FAULT] = "";
    size_t kind = 0;
    while (kind < sizeof letters && letters[kind] != letter)
        kind++;
    if (kind == sizeof letters)
        return;
    const struct mxt_kept kept = {.kind = (enum mxt_kept_kind)kind, .key = fields[0], .field = has_field ? fields[1] : NULL, .text = text, .n = strlen(text)};
    enum mxt_status status = mxt_ledger_load(ledger, &kept, fault, sizeof fault);
    if ((status == MXT_EMALFORMED) != (fault[0] != '\0'))
        abort();
}

static void act(struct mxt_ledger *ledger, char letter, char *const *fields)
{
    struct mxt_arena arena;
    struct mxt_record record;
    struct mxt_health health;
    char fault[FAULT];
    mxt_arena_init(&arena, ARENA_BYTES);
    if (letter == 'r' && mxt_event_decode_record(fields[0], strlen(fields[0]), &arena, &record, fault, sizeof fault) == MXT_OK)
        (void)mxt_ledger_take(ledger, &record, fields[0], strlen(fields[0]), &arena);
    else if (letter == 'h' && mxt_event_decode_health(fields[0], strlen(fields[0]), &arena, &health, fault, sizeof fault) == MXT_OK)
        (void)mxt_ledger_health(ledger, &health);
    else if (letter == 'c')
        (void)mxt_ledger_clock(ledger, (int64_t)(strtoull(fields[0], NULL, 10) / 2));
    else if (letter == 'x')
        (void)mxt_ledger_reject(ledger, fields[0], "malformed");
    mxt_arena_free(&arena);
}

/* Does each line of the text (NUL-terminated, changed): those that are kept, or the others. */
static void each_line(struct mxt_ledger *ledger, char *text, bool is_load)
{
    unsigned lines = 0;
    for (char *line = text; line != NULL && lines < LINES_MAX; lines++) {
        char *end = strchr(line, '\n'), *fields[FIELDS];
        if (end != NULL)
            *end = '\0';
        char letter = line[0], *rest = letter == '\0' ? line : line + 1;
        for (size_t i = 0; i < FIELDS; i++) {
            fields[i] = rest;
            char *tab = i + 1 == FIELDS ? NULL : strchr(rest, '\t');
            rest = tab != NULL ? tab + 1 : rest + strlen(rest);
            if (tab != NULL)
                *tab = '\0';
        }
        if (is_load)
            load(ledger, letter, fields);
        else
            act(ledger, letter, fields);
        line = end == NULL ? NULL : end + 1;
    }
}

static char *copy_of(const uint8_t *data, size_t n)
{
    char *text = malloc(n + 1);
    if (text == NULL)
        abort();
    if (n > 0)
        memcpy(text, data, n);
    text[n] = '\0';
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct keeper keeper, other;
    open_keeper(&keeper);
    open_keeper(&other);
    char *kept = copy_of(data, n), *events = copy_of(data, n);
    each_line(keeper.ledger, kept, true);
    if (mxt_ledger_drain(keeper.ledger, hand_over, pass_alert, NULL) != MXT_OK)
        abort();
    (void)mxt_ledger_clock(keeper.ledger, 1); /* it is told before anything is taken */
    each_line(keeper.ledger, events, false);
    if (mxt_ledger_drain(keeper.ledger, hand_over, pass_alert, other.ledger) != MXT_OK)
        abort();
    (void)mxt_ledger_clock(other.ledger, INT64_MAX);
    if (mxt_ledger_drain(other.ledger, hand_over, pass_alert, NULL) != MXT_OK)
        abort();
    free(kept);
    free(events);
    close_keeper(&keeper);
    close_keeper(&other);
    return 0;
}
