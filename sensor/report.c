#include "sensor/report.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sensor/report_int.h"

#define STORIES_PER_INCIDENT 3u /* the first alert's, and those of others that rest on other sessions */

/* Colours of severities on a terminal (ECMA-48), gravest last. */
static const char *const colours[] = {"", "\033[2m", "\033[36m", "\033[33m", "\033[31m", "\033[1;31m"};

const char *mxt_report_bold(bool has_colour)
{
    return has_colour ? "\033[1m" : "";
}

const char *mxt_report_plain(bool has_colour)
{
    return has_colour ? "\033[0m" : "";
}

const char *mxt_report_colour(const struct mxt_report *report, enum mxt_severity severity)
{
    return report->has_colour ? colours[severity] : "";
}

void mxt_report_time(int64_t time_us, char *text)
{
    time_t seconds = (time_t)(time_us / 1000000);
    struct tm parts;
    if (gmtime_r(&seconds, &parts) == NULL || strftime(text, MXT_REPORT_TIME, "%Y-%m-%d %H:%M:%SZ", &parts) == 0)
        memcpy(text, "?", sizeof "?");
}

void mxt_report_endpoint(FILE *stream, const struct mxt_address *address, uint16_t port)
{
    char text[MXT_ADDRESS_TEXT];
    mxt_address_format(address, text);
    fprintf(stream, mxt_address_is_ipv4(address) ? "%s:%u" : "[%s]:%u", text, port);
}

bool mxt_report_is_encrypted(const struct mxt_record *record)
{
    return record->tls != NULL && (record->tls->outcome == MXT_TLS_ESTABLISHED || record->tls->outcome == MXT_TLS_DECRYPTED);
}

uint32_t mxt_report_exposed(const struct mxt_record *record)
{
    return record->smtp == NULL ? 0 : record->smtp->exposed_total;
}

struct mxt_report *mxt_report_new(FILE *stream, bool is_live, bool has_colour)
{
    struct mxt_report *report = calloc(1, sizeof *report);
    if (report == NULL)
        return NULL;
    report->stream = stream;
    report->is_live = is_live;
    report->has_colour = has_colour;
    return report;
}

void mxt_report_free(struct mxt_report *report)
{
    if (report == NULL)
        return;
    mxt_stories_free(&report->stories);
    for (size_t i = 0; i < report->quiet_shown; i++)
        free(report->quiet[i].line);
    mxt_report_risks_free(&report->servers);
    mxt_report_risks_free(&report->domains);
    free(report);
}

/* What a printer prints about a record, as text from malloc. NULL: out of memory. */
static char *text_of(const struct mxt_record *record, bool has_colour, void (*print)(FILE *stream, const struct mxt_record *record, bool has_colour))
{
    char *text = NULL;
    size_t length;
    FILE *stream = open_memstream(&text, &length);
    if (stream == NULL)
        return NULL;
    print(stream, record, has_colour);
    if (fclose(stream) == 0)
        return text;
    free(text);
    return NULL;
}

static void keep_story(struct mxt_report *report, const struct mxt_record *record, enum mxt_severity severity)
{
    if (mxt_stories_has_room(&report->stories, record->session_id, severity))
        mxt_stories_keep(&report->stories, record->session_id, severity, text_of(record, report->has_colour, mxt_report_story));
}

static void add_quiet(struct mxt_report *report, const struct mxt_record *record)
{
    report->quiet_total++;
    if (report->quiet_shown == MXT_REPORT_LINES)
        return;
    char *line = text_of(record, report->has_colour, mxt_report_head);
    if (line != NULL)
        report->quiet[report->quiet_shown++] = (struct mxt_quiet_session){.session_id = record->session_id, .line = line};
}

/* A later record has found something in a session that seemed to have nothing. */
static void remove_quiet(struct mxt_report *report, uint64_t session_id)
{
    size_t kept = 0;
    for (size_t i = 0; i < report->quiet_shown; i++) {
        if (report->quiet[i].session_id == session_id)
            free(report->quiet[i].line);
        else
            report->quiet[kept++] = report->quiet[i];
    }
    report->quiet_shown = kept;
    report->quiet_total--;
}

void mxt_report_session(struct mxt_report *report, const struct mxt_record *record, const struct mxt_judged *judged)
{
    bool is_quiet = judged->severity <= MXT_SEVERITY_INFO, was_quiet = judged->is_again && judged->previous <= MXT_SEVERITY_INFO;
    if (!judged->is_again && record->final)
        mxt_report_count_session(report, record);
    if (report->is_live) /* stories and lists are of the end; what runs for months tells alerts as they come */
        return;
    if (is_quiet && !was_quiet)
        add_quiet(report, record);
    else if (!is_quiet && was_quiet)
        remove_quiet(report, record->session_id);
    if (!is_quiet && judged->is_leading)
        keep_story(report, record, judged->severity);
}

/* The story of one of the alert's sessions, where one is kept and none of them is told yet. */
static void print_story(struct mxt_report *report, const struct mxt_alert *alert)
{
    struct mxt_story *found = NULL;
    for (uint16_t i = 0; i < alert->sessions.count && report->stories_told < STORIES_PER_INCIDENT; i++) {
        struct mxt_story *story = mxt_stories_find(&report->stories, strtoull(alert->sessions.items[i], NULL, 16));
        if (story != NULL && story->is_told)
            return;
        if (story != NULL && found == NULL)
            found = story;
    }
    if (found == NULL)
        return;
    fputs(found->text, report->stream);
    found->is_told = true;
    report->stories_told++;
}

/* "2024-05-01 10:00:00Z", or from when to when. */
static void print_times(FILE *stream, const struct mxt_alert *alert)
{
    char first[MXT_REPORT_TIME], last[MXT_REPORT_TIME];
    mxt_report_time(alert->first_seen_us, first);
    mxt_report_time(alert->last_seen_us, last);
    if (alert->count > 1)
        fprintf(stream, "%llu sessions, %s to %s", (unsigned long long)alert->count, first, last);
    else
        fprintf(stream, "%s", first);
}

static void print_server(FILE *stream, const struct mxt_alert *alert)
{
    mxt_report_endpoint(stream, &alert->dest_ip, alert->dest_port);
    if (alert->server_name != NULL)
        fprintf(stream, " %s", alert->server_name);
}

static void print_alert(struct mxt_report *report, const struct mxt_alert *alert)
{
    FILE *stream = report->stream;
    const char *plain = mxt_report_plain(report->has_colour);
    fprintf(stream, "  %s%-8s%s %s%s%s  (", mxt_report_colour(report, alert->severity), mxt_severity_name(alert->severity), plain,
            mxt_rule_info(alert->rule)->name, alert->domain != NULL ? " " : "", alert->domain != NULL ? alert->domain : "");
    print_times(stream, alert);
    fprintf(stream, ")\n           %s\n", alert->explanation);
    if (alert->severity > MXT_SEVERITY_INFO && !report->is_remedy_told[alert->rule])
        fprintf(stream, "    check  %s\n", alert->remedy);
    report->is_remedy_told[alert->rule] = true;
}

static void begin_incident(struct mxt_report *report, const struct mxt_alert *alert)
{
    FILE *stream = report->stream;
    report->incident_id = alert->incident_id;
    report->stories_told = 0;
    memset(report->is_remedy_told, 0, sizeof report->is_remedy_told);
    if (alert->severity <= MXT_SEVERITY_INFO) {
        if (report->minor_incidents++ == 0)
            fprintf(stream, "%s%sFor information%s\n", report->incidents > 0 ? "\n" : "", mxt_report_bold(report->has_colour),
                    mxt_report_plain(report->has_colour));
        return;
    }
    const char *plain = mxt_report_plain(report->has_colour);
    report->incidents++;
    fprintf(stream, "%s%sIncident %llu%s  %s%s%s  ", report->incidents > 1 ? "\n" : "", mxt_report_bold(report->has_colour),
            (unsigned long long)report->incidents, plain, mxt_report_colour(report, alert->severity), mxt_severity_name(alert->severity), plain);
    print_server(stream, alert);
    fprintf(stream, "  %s\n", mxt_rule_info(alert->rule)->signature);
}

/* One line: nobody is to act on it. */
static void print_minor(struct mxt_report *report, const struct mxt_alert *alert)
{
    if (report->minor_shown++ >= MXT_REPORT_LINES)
        return;
    fprintf(report->stream, "  %s%s%s  ", mxt_rule_info(alert->rule)->name, alert->domain != NULL ? " " : "", alert->domain != NULL ? alert->domain : "");
    print_server(report->stream, alert);
    fputs("  (", report->stream);
    print_times(report->stream, alert);
    fputs(")\n", report->stream);
}

/* One alert by itself, as it is told while things happen. */
static void print_told(const struct mxt_report *report, const struct mxt_alert *alert)
{
    FILE *stream = report->stream;
    char time[MXT_REPORT_TIME];
    mxt_report_time(alert->timestamp_us, time);
    fprintf(stream, "%s  %s%-8s%s  %s%s%s%s  ", time, mxt_report_colour(report, alert->severity), mxt_severity_name(alert->severity),
            mxt_report_plain(report->has_colour), alert->count == 0 ? "withdrawn: " : "", mxt_rule_info(alert->rule)->name, alert->domain != NULL ? " " : "",
            alert->domain != NULL ? alert->domain : "");
    print_server(stream, alert);
    fputc('\n', stream);
    if (alert->count == 0)
        return;
    fprintf(stream, "           %s\n", alert->explanation);
    if (alert->severity > MXT_SEVERITY_INFO)
        fprintf(stream, "    check  %s\n", alert->remedy);
}

void mxt_report_count_alert(struct mxt_report *report, const struct mxt_alert *alert)
{
    report->alerts[alert->severity]++;
    mxt_report_count_risk(report, alert);
}

void mxt_report_alert(struct mxt_report *report, const struct mxt_alert *alert)
{
    if (report->is_live) {
        print_told(report, alert);
        return;
    }
    bool is_first = report->incidents + report->minor_incidents == 0 || alert->incident_id != report->incident_id;
    mxt_report_count_alert(report, alert);
    if (is_first)
        begin_incident(report, alert);
    if (report->minor_incidents > 0) { /* the gravest come first: only info is left */
        print_minor(report, alert);
        return;
    }
    print_story(report, alert);
    print_alert(report, alert);
}

static void print_quiet(const struct mxt_report *report)
{
    if (report->quiet_total == 0)
        return;
    bool is_rest = report->incidents + report->minor_incidents > 0;
    fprintf(report->stream, "%s%s%s%s\n", is_rest ? "\n" : "", mxt_report_bold(report->has_colour), is_rest ? "Other sessions" : "Sessions",
            mxt_report_plain(report->has_colour));
    for (size_t i = 0; i < report->quiet_shown; i++)
        fprintf(report->stream, "  %s", report->quiet[i].line);
    if (report->quiet_total > report->quiet_shown)
        fprintf(report->stream, "  and %llu more\n", (unsigned long long)(report->quiet_total - report->quiet_shown));
}

void mxt_report_finish(struct mxt_report *report, const struct mxt_health *health)
{
    if (report->minor_shown > MXT_REPORT_LINES)
        fprintf(report->stream, "  and %llu more\n", (unsigned long long)(report->minor_shown - MXT_REPORT_LINES));
    print_quiet(report);
    if (report->incidents + report->minor_incidents + report->quiet_total > 0)
        fputc('\n', report->stream);
    mxt_report_summary(report, health);
    mxt_report_risks(report);
}
