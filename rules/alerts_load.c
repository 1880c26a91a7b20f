/* What was kept of alerts, taken back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/alerts_int.h"
#include "rules/event.h"
#include "rules/json_read.h"

/* A text on its way back. */
struct load {
    struct mxt_json_reader reader;
    struct subject *subject;
    const char *text;
    char *error;
    size_t error_size;
    enum mxt_status status;
};

static int value_of(char digit)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = digit == '\0' ? NULL : strchr(digits, digit);
    return at == NULL ? -1 : (int)(at - digits);
}

static bool read_key(const char *key, struct mxt_alert_subject *out)
{
    size_t n = strlen(key);
    if (n == 0 || n % 2 != 0 || n / 2 > sizeof out->bytes)
        return false;
    for (out->length = 0; out->length < n / 2; out->length++) {
        int high = value_of(key[2 * out->length]), low = value_of(key[2 * out->length + 1]);
        if (high < 0 || low < 0)
            return false;
        out->bytes[out->length] = (char)(high << 4 | low);
    }
    return true;
}

static void keep_told(struct load *load, const struct mxt_alert *alert)
{
    struct told *told = calloc(1, sizeof *told), **end = &load->subject->told;
    if (told == NULL) {
        load->status = MXT_ENOMEM;
        return;
    }
    *told = (struct told){.facts = mxt_alert_pack(alert),
                          .alert_id = alert->alert_id,
                          .incident_id = alert->incident_id,
                          .first_us = alert->first_seen_us,
                          .last_us = alert->last_seen_us,
                          .severity = alert->severity};
    while (*end != NULL)
        end = &(*end)->next;
    *end = told;
    load->status = told->facts == NULL ? MXT_ENOMEM : load->status;
}

static void keep_folded(struct load *load, const struct mxt_alert *alert, bool is_lost)
{
    struct claim *claim = mxt_alerts_claim(load->subject, alert->sessions.count == 0 ? 0 : strtoull(alert->sessions.items[0], NULL, 16));
    if (claim == NULL) {
        load->status = MXT_ENOMEM;
        return;
    }
    claim->facts = mxt_alert_pack(alert);
    claim->first_us = alert->first_seen_us;
    claim->last_us = alert->last_seen_us;
    claim->count = (uint32_t)alert->count;
    claim->severity = alert->severity;
    claim->is_lost = is_lost;
    mxt_alerts_set_folded(claim);
    load->status = claim->facts == NULL ? MXT_ENOMEM : load->status;
}

enum list { LIST_TOLD, LIST_FOLDED, LIST_LOST };

static void load_alerts(struct load *load, enum list list)
{
    mxt_json_enter_array(&load->reader);
    while (load->status == MXT_OK && mxt_json_next_item(&load->reader)) {
        struct mxt_arena arena = {0};
        struct mxt_alert alert;
        (void)mxt_json_peek(&load->reader);
        size_t at = load->reader.at;
        mxt_json_skip(&load->reader);
        if (load->reader.status != MXT_OK)
            break;
        load->status = mxt_event_decode_alert(load->text + at, load->reader.at - at, &arena, &alert, load->error, load->error_size);
        if (load->status == MXT_OK && list == LIST_TOLD)
            keep_told(load, &alert);
        else if (load->status == MXT_OK)
            keep_folded(load, &alert, list == LIST_LOST);
        mxt_arena_free(&arena);
    }
}

static void load_closes(struct load *load)
{
    struct subject *subject = load->subject;
    mxt_json_enter_array(&load->reader);
    subject->close_count = 0;
    while (mxt_json_next_item(&load->reader)) {
        size_t at = load->reader.at;
        int64_t time_us = mxt_json_read_time(&load->reader);
        if (subject->close_count == CLOSES_MAX || (subject->close_count > 0 && subject->closed_us[subject->close_count - 1] > time_us))
            mxt_json_fail(&load->reader, at, "at most 8 times, ascending, expected");
        else
            subject->closed_us[subject->close_count++] = time_us;
    }
}

static void load_members(struct load *load)
{
    static const char *const names[] = {[LIST_TOLD] = "told", [LIST_FOLDED] = "folded", [LIST_LOST] = "folded_lost"};
    struct mxt_json_slice key;
    mxt_json_enter_object(&load->reader);
    while (load->status == MXT_OK && mxt_json_next_key(&load->reader, &key)) {
        size_t list = 0;
        while (list < sizeof names / sizeof names[0] && (strlen(names[list]) != key.length || memcmp(names[list], key.bytes, key.length) != 0))
            list++;
        if (list < sizeof names / sizeof names[0])
            load_alerts(load, (enum list)list);
        else if (key.length == strlen("closed_us") && memcmp(key.bytes, "closed_us", key.length) == 0)
            load_closes(load);
        else
            mxt_json_skip(&load->reader);
    }
}

/* What a text says of a subject replaces what an earlier one said. */
static void clear_text(struct subject *subject)
{
    mxt_alerts_summary_drop(subject);
    while (subject->folded != NULL)
        mxt_alerts_claim_free(subject->folded);
    while (subject->told != NULL) {
        struct told *told = subject->told;
        subject->told = told->next;
        mxt_alerts_told_free(told);
    }
    subject->close_count = 0;
}

enum mxt_status mxt_alerts_load(struct mxt_alerts *alerts, const char *key, const char *text, size_t n, char *error, size_t error_size)
{
    struct mxt_alert_subject bytes;
    if (!read_key(key, &bytes)) {
        snprintf(error, error_size, "the key of an alert's subject, pairs of hex digits, expected");
        return MXT_EMALFORMED;
    }
    struct load load = {.subject = mxt_alerts_subject(alerts, &bytes), .text = text, .error = error, .error_size = error_size};
    if (load.subject == NULL)
        return MXT_ENOMEM;
    clear_text(load.subject);
    mxt_json_reader_init(&load.reader, text, n);
    load_members(&load);
    if (load.status == MXT_OK && !mxt_json_finish(&load.reader)) {
        load.status = load.reader.status;
        snprintf(error, error_size, "%s at byte %zu", load.reader.fault, load.reader.fault_at);
    }
    if (load.status != MXT_OK)
        clear_text(load.subject);
    load.subject->is_drained = load.status == MXT_OK;
    if (load.subject->claim_count == 0 && load.status != MXT_OK)
        mxt_alerts_subject_free(alerts, load.subject);
    return load.status;
}
