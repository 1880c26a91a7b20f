/* All alerts, incident by incident. Alerts that rest on the same session belong to one incident (union-find over runs). */
#include <stdlib.h>

#include "rules/alerts_int.h"

/* An incident under its root run. */
struct incident {
    uint64_t id;
    int64_t first_us;
    uint64_t first_session;
    enum mxt_severity severity;
};

/* A run on its way to being told. */
struct place {
    const struct run *run;
    const struct incident *incident;
};

static size_t root_of(struct runs *runs, size_t i)
{
    while (runs->items[i].parent != i) {
        runs->items[i].parent = runs->items[runs->items[i].parent].parent;
        i = runs->items[i].parent;
    }
    return i;
}

/* What a session's claims rest on, and what an earlier session claims on which one of them rests, is one incident. */
static void join_session(const struct mxt_alerts *alerts, struct runs *runs, const struct session *session)
{
    size_t first = session->claims == NULL ? 0 : session->claims->run;
    for (const struct claim *claim = session->claims; claim != NULL; claim = claim->sibling) {
        const struct session *earlier = claim->earlier_session == 0 ? NULL : mxt_alerts_session_find(alerts, claim->earlier_session);
        runs->items[root_of(runs, claim->run)].parent = root_of(runs, first);
        if (earlier != NULL && earlier->claims != NULL)
            runs->items[root_of(runs, earlier->claims->run)].parent = root_of(runs, first);
    }
}

static void join_runs(const struct mxt_alerts *alerts, struct runs *runs)
{
    for (struct mxt_hash_node *node = mxt_hash_table_next(&alerts->sessions, NULL); node != NULL; node = mxt_hash_table_next(&alerts->sessions, node))
        join_session(alerts, runs, (const struct session *)node);
}

/* Ids that were told stay; else the earliest session gives it. */
static void name_incident(struct incident *incident, const struct run *run)
{
    const struct told *told = mxt_alerts_told_of(run);
    incident->id = told != NULL ? told->incident_id : mxt_alert_incident_id(incident->first_session);
}

static bool is_earlier(const struct run *run, const struct incident *incident)
{
    return run->first_us != incident->first_us ? run->first_us < incident->first_us : run->first_session < incident->first_session;
}

static void gather(struct runs *runs, struct incident *incidents, struct place *places)
{
    for (size_t i = 0; i < runs->count; i++) {
        const struct run *run = &runs->items[i];
        struct incident *incident = &incidents[root_of(runs, i)];
        if (incident->severity == MXT_SEVERITY_NONE || is_earlier(run, incident)) {
            incident->first_us = run->first_us;
            incident->first_session = run->first_session;
            name_incident(incident, run);
        }
        incident->severity = run->severity > incident->severity ? run->severity : incident->severity;
        places[i] = (struct place){.run = run, .incident = incident};
    }
}

static int order(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static int order_time(int64_t a, int64_t b)
{
    return a < b ? -1 : a > b;
}

static int compare_places(const void *left, const void *right)
{
    const struct place *a = left, *b = right;
    int result = 0;
    if (a->incident != b->incident) {
        result = order(b->incident->severity, a->incident->severity);
        result = result != 0 ? result : order_time(a->incident->first_us, b->incident->first_us);
        result = result != 0 ? result : order(a->incident->id, b->incident->id);
    }
    result = result != 0 ? result : order(b->run->severity, a->run->severity);
    result = result != 0 ? result : order_time(a->run->first_us, b->run->first_us);
    return result != 0 ? result : order(a->run->alert_id, b->run->alert_id);
}

static enum mxt_status tell_one(const struct mxt_alerts *alerts, const struct place *place, void (*each)(void *context, const struct mxt_alert *alert),
                                void *context)
{
    struct mxt_arena arena = {0};
    struct mxt_alert alert;
    enum mxt_status status = mxt_alerts_make(alerts, place->run, &arena, &alert);
    if (status == MXT_OK) {
        alert.incident_id = place->incident->id;
        each(context, &alert);
    }
    mxt_arena_free(&arena);
    return status;
}

enum mxt_status mxt_alerts_each(struct mxt_alerts *alerts, void (*each)(void *context, const struct mxt_alert *alert), void *context)
{
    struct runs runs;
    enum mxt_status status = mxt_alerts_runs(alerts, NULL, &runs);
    if (status != MXT_OK || runs.count == 0)
        return status;
    struct incident *incidents = calloc(runs.count, sizeof *incidents);
    struct place *places = calloc(runs.count, sizeof *places);
    status = MXT_ENOMEM;
    if (incidents != NULL && places != NULL) {
        join_runs(alerts, &runs);
        gather(&runs, incidents, places);
        status = MXT_OK;
    }
    if (status == MXT_OK) {
        qsort(places, runs.count, sizeof *places, compare_places);
        for (size_t i = 0; i < runs.count; i++)
            status = tell_one(alerts, &places[i], each, context) == MXT_OK ? status : MXT_ENOMEM;
    }
    free(incidents);
    free(places);
    mxt_alerts_runs_free(&runs);
    return status;
}
