/* Servers and domains most at risk: those of the gravest alerts, and of the most sessions among equals. */
#include <stdlib.h>
#include <string.h>

#include "sensor/report_int.h"

static void add(struct mxt_risks *risks, char *name, const struct mxt_alert *alert)
{
    if (name == NULL)
        return;
    if (risks->count == MXT_REPORT_RISKS) {
        free(name);
        return;
    }
    risks->items[risks->count++] = (struct mxt_risk){.name = name, .severity = alert->severity, .alerts = 1, .sessions = alert->count};
}

static char *server_of(const struct mxt_alert *alert)
{
    if (alert->server_name != NULL)
        return strdup(alert->server_name);
    char *text = NULL;
    size_t length;
    FILE *stream = open_memstream(&text, &length);
    if (stream == NULL)
        return NULL;
    mxt_report_endpoint(stream, &alert->dest_ip, alert->dest_port);
    fclose(stream);
    return text;
}

void mxt_report_count_risk(struct mxt_report *report, const struct mxt_alert *alert)
{
    if (alert->severity <= MXT_SEVERITY_INFO)
        return;
    add(&report->servers, server_of(alert), alert);
    if (alert->domain != NULL)
        add(&report->domains, strdup(alert->domain), alert);
}

static int compare_names(const void *left, const void *right)
{
    return strcmp(((const struct mxt_risk *)left)->name, ((const struct mxt_risk *)right)->name);
}

static int compare_risks(const void *left, const void *right)
{
    const struct mxt_risk *a = left, *b = right;
    if (a->severity != b->severity)
        return a->severity > b->severity ? -1 : 1;
    if (a->sessions != b->sessions)
        return a->sessions > b->sessions ? -1 : 1;
    return strcmp(a->name, b->name);
}

/* Makes one of all that have one name. */
static void join(struct mxt_risks *risks)
{
    size_t kept = 0;
    qsort(risks->items, risks->count, sizeof risks->items[0], compare_names);
    for (size_t i = 0; i < risks->count; i++) {
        struct mxt_risk *risk = &risks->items[i], *last = kept == 0 ? NULL : &risks->items[kept - 1];
        if (last == NULL || strcmp(last->name, risk->name) != 0) {
            risks->items[kept++] = *risk;
            continue;
        }
        last->alerts += risk->alerts;
        last->sessions = risk->sessions > last->sessions ? risk->sessions : last->sessions;
        last->severity = risk->severity > last->severity ? risk->severity : last->severity;
        free(risk->name);
    }
    risks->count = kept;
}

static void print(const struct mxt_report *report, struct mxt_risks *risks, const char *label)
{
    if (risks->count == 0)
        return;
    join(risks);
    qsort(risks->items, risks->count, sizeof risks->items[0], compare_risks);
    for (size_t i = 0; i < risks->count && i < MXT_REPORT_RISKS_SHOWN; i++) {
        const struct mxt_risk *risk = &risks->items[i];
        fprintf(report->stream, "  %-13s %s: %s%s%s, %llu alert%s\n", i == 0 ? label : "", risk->name, mxt_report_colour(report, risk->severity),
                mxt_severity_name(risk->severity), mxt_report_plain(report->has_colour), (unsigned long long)risk->alerts, risk->alerts == 1 ? "" : "s");
    }
    if (risks->count > MXT_REPORT_RISKS_SHOWN)
        fprintf(report->stream, "  %-13s and %zu more\n", "", risks->count - MXT_REPORT_RISKS_SHOWN);
}

void mxt_report_risks(struct mxt_report *report)
{
    if (report->servers.count == 0)
        return;
    fprintf(report->stream, "%sMost at risk%s\n", mxt_report_bold(report->has_colour), mxt_report_plain(report->has_colour));
    print(report, &report->servers, "servers");
    print(report, &report->domains, "domains");
}

void mxt_report_risks_free(struct mxt_risks *risks)
{
    for (size_t i = 0; i < risks->count; i++)
        free(risks->items[i].name);
    risks->count = 0;
}
