/* Sessions, and what each sensor said of them. */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "rules/event.h"
#include "rules/ledger_int.h"

#define SAME_START_US INT64_C(5000000) /* two sensors' views of one connection whose sequence numbers were rewritten between them begin so close together */

static uint64_t hash_id(const struct mxt_ledger *ledger, uint64_t id)
{
    return XXH3_64bits_withSeed(&id, sizeof id, ledger->config.alerts_limits.seed);
}

static uint64_t hash_ends(const struct mxt_ledger *ledger, const struct ends *ends)
{
    return XXH3_64bits_withSeed(ends, sizeof *ends, ledger->config.alerts_limits.seed);
}

static struct ends ends_of(const struct mxt_record *record)
{
    struct ends ends;
    memset(&ends, 0, sizeof ends); /* it is hashed as bytes */
    ends.client = record->src_ip;
    ends.server = record->dest_ip;
    ends.client_port = record->src_port;
    ends.server_port = record->dest_port;
    return ends;
}

struct ledger_session *mxt_ledger_find(const struct mxt_ledger *ledger, uint64_t session_id)
{
    for (const struct mxt_hash_node *node = mxt_hash_table_bucket(&ledger->views, hash_id(ledger, session_id)); node != NULL; node = node->next) {
        const struct view *view = (const struct view *)node;
        if (view->session_id == session_id)
            return view->session;
    }
    return NULL;
}

static struct view *view_of(const struct ledger_session *session, const char *sensor)
{
    struct view *view = session->views;
    while (view != NULL && strcmp(view->sensor, sensor) != 0)
        view = view->next;
    return view;
}

static const char *sensor_of(const struct mxt_record *record)
{
    return record->sensor == NULL ? "" : record->sensor;
}

static int64_t distance(int64_t a, int64_t b)
{
    return a > b ? a - b : b - a;
}

/* How far apart the record and the nearest view of the session begin, by one clock. */
static int64_t distance_of(const struct mxt_ledger *ledger, const struct ledger_session *session, const struct mxt_record *record)
{
    int64_t best = INT64_MAX;
    for (const struct view *view = session->views; view != NULL; view = view->next) {
        int64_t apart = distance(view->start_us + mxt_ledger_clock_offset(ledger, sensor_of(record), view->sensor), record->start_us);
        best = apart < best ? apart : best;
    }
    return best;
}

struct ledger_session *mxt_ledger_session_of(const struct mxt_ledger *ledger, const struct mxt_record *record)
{
    struct ledger_session *best = mxt_ledger_find(ledger, record->session_id);
    if (best != NULL)
        return best;
    struct ends ends = ends_of(record);
    for (struct mxt_hash_node *node = mxt_hash_table_bucket(&ledger->sessions, hash_ends(ledger, &ends)); node != NULL; node = node->next) {
        struct ledger_session *session = (struct ledger_session *)node;
        int64_t apart = distance_of(ledger, session, record);
        /* One sensor knows two connections from one. */
        if (memcmp(&session->ends, &ends, sizeof ends) != 0 || apart > SAME_START_US || view_of(session, sensor_of(record)) != NULL)
            continue;
        if (best == NULL || apart < distance_of(ledger, best, record))
            best = session;
    }
    return best;
}

bool mxt_ledger_is_news(const struct ledger_session *session, const struct mxt_record *record)
{
    const struct view *view = view_of(session, sensor_of(record));
    if (view == NULL || view->sensor_start_us != record->sensor_start_us)
        return view == NULL || view->sensor_start_us < record->sensor_start_us;
    return view->snapshot < record->snapshot;
}

static void unlink_session(struct mxt_ledger *ledger, struct ledger_session *session)
{
    *(session->older != NULL ? &session->older->newer : &ledger->oldest) = session->newer;
    *(session->newer != NULL ? &session->newer->older : &ledger->newest) = session->older;
}

static void link_newest(struct mxt_ledger *ledger, struct ledger_session *session)
{
    session->older = ledger->newest;
    session->newer = NULL;
    *(ledger->newest != NULL ? &ledger->newest->newer : &ledger->oldest) = session;
    ledger->newest = session;
}

void mxt_ledger_touch(struct mxt_ledger *ledger, struct ledger_session *session)
{
    unlink_session(ledger, session);
    link_newest(ledger, session);
    session->order = ++ledger->order;
    session->touched_us = ledger->clock_us;
}

static void free_view(struct view *view)
{
    free(view->sensor);
    free(view->text);
    free(view);
}

/* A view, not in any table yet. NULL: out of memory. */
static struct view *new_view(const struct mxt_record *record, const char *text, size_t n)
{
    struct view *view = calloc(1, sizeof *view);
    if (view == NULL)
        return NULL;
    *view = (struct view){.session_id = record->session_id,
                          .start_us = record->start_us,
                          .sensor_start_us = record->sensor_start_us,
                          .snapshot = record->snapshot,
                          .sensor = strdup(sensor_of(record)),
                          .text = malloc(n),
                          .length = n};
    if (view->sensor == NULL || view->text == NULL) {
        free_view(view);
        return NULL;
    }
    memcpy(view->text, text, n);
    return view;
}

static struct ledger_session *new_session(struct mxt_ledger *ledger, uint64_t id, const struct mxt_record *record)
{
    struct ledger_session *session = calloc(1, sizeof *session);
    if (session == NULL)
        return NULL;
    session->id = id;
    session->ends = ends_of(record);
    session->start_us = record->start_us;
    session->node.hash = hash_ends(ledger, &session->ends);
    if (mxt_hash_table_add(&ledger->sessions, &session->node) != MXT_OK) {
        free(session);
        return NULL;
    }
    link_newest(ledger, session);
    ledger->session_count++;
    return session;
}

static void drop_session(struct mxt_ledger *ledger, struct ledger_session *session);

static enum mxt_status replace_view(struct mxt_ledger *ledger, struct ledger_session *session, struct view *view)
{
    struct view **at = &session->views;
    while (*at != NULL && strcmp((*at)->sensor, view->sensor) != 0)
        at = &(*at)->next;
    struct view *old = *at;
    view->session = session;
    view->node.hash = hash_id(ledger, view->session_id);
    if ((old == NULL && session->view_count == VIEWS_MAX) || mxt_hash_table_add(&ledger->views, &view->node) != MXT_OK)
        return MXT_ENOMEM;
    ledger->bytes += view->length;
    *at = view;
    if (old == NULL) {
        session->view_count++;
        return MXT_OK;
    }
    view->next = old->next;
    ledger->bytes -= old->length;
    mxt_hash_table_remove(&ledger->views, &old->node);
    free_view(old);
    return MXT_OK;
}

struct ledger_session *mxt_ledger_put(struct mxt_ledger *ledger, struct ledger_session *session, uint64_t id, const struct mxt_record *record, const char *text,
                                      size_t n)
{
    struct view *view = new_view(record, text, n);
    struct ledger_session *target = view == NULL || session != NULL ? session : new_session(ledger, id, record);
    if (view == NULL || target == NULL || replace_view(ledger, target, view) != MXT_OK) {
        if (view != NULL)
            free_view(view);
        if (target != NULL && target->views == NULL)
            drop_session(ledger, target);
        return NULL;
    }
    target->start_us = record->start_us < target->start_us ? record->start_us : target->start_us;
    return target;
}

static void unlist(struct mxt_ledger *ledger, struct ledger_session *session)
{
    struct ledger_session **at = &ledger->changed;
    if (!session->is_listed)
        return;
    while (*at != session)
        at = &(*at)->next_changed;
    *at = session->next_changed;
}

void mxt_ledger_drop_judged(struct ledger_session *session)
{
    free(session->judged);
    session->judged = NULL;
}

/* Takes it out of everything; where a keeper has it, its end is yet to be drained. */
static void drop_session(struct mxt_ledger *ledger, struct ledger_session *session)
{
    unlink_session(ledger, session);
    unlist(ledger, session);
    mxt_hash_table_remove(&ledger->sessions, &session->node);
    ledger->session_count--;
    while (session->views != NULL) {
        struct view *view = session->views;
        session->views = view->next;
        ledger->bytes -= view->length;
        mxt_hash_table_remove(&ledger->views, &view->node);
        free_view(view);
    }
    mxt_ledger_drop_judged(session);
    if (session->is_drained) {
        session->next_changed = ledger->gone;
        ledger->gone = session;
    } else {
        free(session);
    }
}

void mxt_ledger_forget(struct mxt_ledger *ledger, struct ledger_session *session)
{
    mxt_alerts_forget(ledger->alerts, session->id);
    drop_session(ledger, session);
}

void mxt_ledger_keep_bounds(struct mxt_ledger *ledger)
{
    while (ledger->oldest != ledger->newest && (ledger->session_count > ledger->config.alerts_limits.sessions || ledger->bytes > ledger->config.session_bytes))
        mxt_ledger_forget(ledger, ledger->oldest);
}

void mxt_ledger_note_change(struct mxt_ledger *ledger, struct ledger_session *session)
{
    if (session->is_listed)
        return;
    session->is_listed = true;
    session->next_changed = ledger->changed;
    ledger->changed = session;
}

static int compare_orders(const void *left, const void *right)
{
    const struct ledger_session *a = *(struct ledger_session *const *)left, *b = *(struct ledger_session *const *)right;
    return a->order < b->order ? -1 : a->order > b->order;
}

void mxt_ledger_sort(struct mxt_ledger *ledger)
{
    struct ledger_session **all = ledger->is_sorted ? NULL : calloc(ledger->session_count + 1, sizeof(struct ledger_session *));
    if (all == NULL)
        return; /* unsorted, sessions are forgotten in another order */
    size_t count = 0;
    for (struct ledger_session *session = ledger->oldest; session != NULL; session = session->newer)
        all[count++] = session;
    qsort(all, count, sizeof(struct ledger_session *), compare_orders);
    ledger->oldest = ledger->newest = NULL;
    for (size_t i = 0; i < count; i++)
        link_newest(ledger, all[i]);
    free(all);
    ledger->is_sorted = true;
}

void mxt_ledger_sessions_free(struct mxt_ledger *ledger)
{
    while (ledger->oldest != NULL)
        drop_session(ledger, ledger->oldest);
    while (ledger->gone != NULL) {
        struct ledger_session *session = ledger->gone;
        ledger->gone = session->next_changed;
        free(session);
    }
    mxt_hash_table_free(&ledger->views);
    mxt_hash_table_free(&ledger->sessions);
    mxt_json_free(&ledger->writer);
    mxt_arena_free(&ledger->asked);
}
