#include "collector/alerts_print.h"

#include <stdlib.h>
#include <string.h>

#include "collector/ask.h"
#include "decoders/text.h"
#include "rules/event.h"
#include "rules/rule.h"

#define ERROR_TEXT 256

const char *mxt_alert_field(const redisReply *fields, const char *name)
{
    const redisReply *value = mxt_reply_field(fields, name);
    return mxt_reply_is_text(value, NULL) ? value->str : "";
}

/* A field of at least `width` columns, safe to print. */
static void print_field(const struct mxt_alert_view *view, const char *name, int width)
{
    struct mxt_arena arena = {0};
    const char *value = mxt_alert_field(view->fields, name);
    size_t n = strlen(value);
    const char *safe = mxt_text_keep(&arena, (const uint8_t *)value, n, n);
    fprintf(view->stream, "%-*s", width, safe == NULL ? "(out of memory)" : safe);
    mxt_arena_free(&arena);
}

static const char *colour_of(const struct mxt_alert_view *view)
{
    static const char *const colours[] = {"", "\033[2m", "\033[36m", "\033[33m", "\033[31m", "\033[1;31m"};
    return view->has_colour ? colours[mxt_severity_from_name(mxt_alert_field(view->fields, "severity"))] : "";
}

static void print_severity(const struct mxt_alert_view *view)
{
    fputs(colour_of(view), view->stream);
    print_field(view, "severity", 8);
    fputs(view->has_colour ? "\033[0m  " : "  ", view->stream);
}

/* "2026-11-21 10:00:00Z" of a time with its microseconds. */
static void print_time(const struct mxt_alert_view *view, const char *name)
{
    const char *text = mxt_alert_field(view->fields, name);
    int64_t time_us;
    if (mxt_json_time_parse(text, &time_us) != MXT_OK)
        fprintf(view->stream, "%-20s", "-");
    else
        fprintf(view->stream, "%.10s %.8sZ", text, text + 11);
}

void mxt_alert_print_head(FILE *stream)
{
    fprintf(stream, "%-16s  %-8s  %-12s  %6s  %-20s  %-28s  %s\n", "ALERT", "SEVERITY", "STATUS", "COUNT", "LAST SEEN", "RULE", "SERVER, DOMAIN");
}

void mxt_alert_print_line(const struct mxt_alert_view *view)
{
    print_field(view, "alert", 16);
    fputs("  ", view->stream);
    print_severity(view);
    print_field(view, "status", 12);
    fprintf(view->stream, "  %6llu  ", strtoull(mxt_alert_field(view->fields, "count"), NULL, 10));
    print_time(view, "last_seen");
    fputs("  ", view->stream);
    print_field(view, "rule", 28);
    fputs("  ", view->stream);
    print_field(view, "server", 0);
    if (mxt_alert_field(view->fields, "domain")[0] != '\0') {
        fputs(", ", view->stream);
        print_field(view, "domain", 0);
    }
    fputc('\n', view->stream);
}

/* The event as it was told; false: what Redis holds is none of ours. */
static bool read_event(const struct mxt_alert_view *view, struct mxt_arena *arena, struct mxt_alert *out)
{
    char error[ERROR_TEXT];
    const char *event = mxt_alert_field(view->fields, "event");
    return mxt_event_decode_alert(event, strlen(event), arena, out, error, sizeof error) == MXT_OK;
}

static void print_safe(FILE *stream, struct mxt_arena *arena, const char *label, const char *text)
{
    size_t n = text == NULL ? 0 : strlen(text);
    const char *safe = n == 0 ? NULL : mxt_text_keep(arena, (const uint8_t *)text, n, n);
    if (safe != NULL)
        fprintf(stream, "  %-10s %s\n", label, safe);
}

static void print_people(const struct mxt_alert_view *view)
{
    fputs("  status     ", view->stream);
    print_field(view, "status", 0);
    if (mxt_alert_field(view->fields, "at")[0] != '\0') {
        fputs(" by ", view->stream);
        print_field(view, "by", 0);
        fputs(" at ", view->stream);
        print_time(view, "at");
    }
    fputc('\n', view->stream);
}

void mxt_alert_print_whole(const struct mxt_alert_view *view)
{
    struct mxt_arena arena = {0};
    struct mxt_alert alert = {0};
    print_field(view, "alert", 16);
    fputs("  ", view->stream);
    print_severity(view);
    print_field(view, "rule", 0);
    fputc('\n', view->stream);
    print_people(view);
    fprintf(view->stream, "  seen       %llu times, ", strtoull(mxt_alert_field(view->fields, "count"), NULL, 10));
    print_time(view, "first_seen");
    fputs(" to ", view->stream);
    print_time(view, "last_seen");
    fputs("\n  server     ", view->stream);
    print_field(view, "server", 0);
    fputc('\n', view->stream);
    print_safe(view->stream, &arena, "domain", mxt_alert_field(view->fields, "domain"));
    if (read_event(view, &arena, &alert)) {
        print_safe(view->stream, &arena, "means", alert.explanation);
        print_safe(view->stream, &arena, "check", alert.remedy);
        for (uint16_t i = 0; i < alert.sessions.count; i++)
            print_safe(view->stream, &arena, i == 0 ? "sessions" : "", alert.sessions.items[i]);
        if (alert.sessions.total > alert.sessions.count)
            fprintf(view->stream, "  %-10s and %u more\n", "", alert.sessions.total - alert.sessions.count);
    } else {
        fputs("  (its event cannot be read: has a newer mxtap written it?)\n", view->stream);
    }
    mxt_arena_free(&arena);
}

void mxt_alert_print_told(const struct mxt_alert_view *view)
{
    struct mxt_arena arena = {0};
    struct mxt_alert alert = {0};
    char time[MXT_JSON_TIME] = "-";
    bool is_read = read_event(view, &arena, &alert);
    if (is_read)
        mxt_json_time_format(alert.timestamp_us, time);
    fprintf(view->stream, "%.19s  ", time);
    print_severity(view);
    print_field(view, "rule", 28);
    fputs("  ", view->stream);
    print_field(view, "server", 0);
    fputs("  ", view->stream);
    print_field(view, "alert", 0);
    fputc('\n', view->stream);
    if (is_read)
        print_safe(view->stream, &arena, "", alert.explanation);
    mxt_arena_free(&arena);
}

static void write_member(struct mxt_json *json, struct mxt_arena *arena, const struct mxt_alert_view *view, const char *name)
{
    const char *value = mxt_alert_field(view->fields, name);
    size_t n = strlen(value);
    const char *safe = n == 0 ? NULL : mxt_text_keep(arena, (const uint8_t *)value, n, n);
    if (safe != NULL)
        mxt_json_string(json, name, safe);
}

void mxt_alert_print_json(const struct mxt_alert_view *view)
{
    struct mxt_json json = {0};
    struct mxt_arena arena = {0};
    struct mxt_alert alert = {0};
    const char *event = mxt_alert_field(view->fields, "event"), *const names[] = {"alert", "status", "by", "at", "severity", "first_seen", "last_seen"};
    mxt_json_object_begin(&json, NULL);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        write_member(&json, &arena, view, names[i]);
    if (mxt_alert_field(view->fields, "count")[0] != '\0')
        mxt_json_unsigned(&json, "count", strtoull(mxt_alert_field(view->fields, "count"), NULL, 10));
    if (read_event(view, &arena, &alert))
        mxt_json_raw(&json, "event", event, strlen(event));
    mxt_json_object_end(&json);
    const char *text = mxt_json_end(&json);
    if (text != NULL)
        fprintf(view->stream, "%s\n", text);
    mxt_json_free(&json);
    mxt_arena_free(&arena);
}
