/* One record of what several sensors saw of a session. It depends on what they last said, and not on the order in which that came. */
#include <stdlib.h>
#include <string.h>

#include "rules/event.h"
#include "rules/ledger_int.h"
#include "rules/split_view.h"

#define ERROR_TEXT 200 /* bytes for a sentence that nobody reads: what is kept was decoded before */

static bool is_whole(const struct mxt_record *record)
{
    const struct mxt_capture_facts *capture = &record->capture;
    return !capture->midstream && !capture->one_sided && capture->gap_bytes_toserver == 0 && capture->gap_bytes_toclient == 0;
}

static int offered(const struct mxt_record *record)
{
    enum mxt_fact fact = record->smtp == NULL ? MXT_UNKNOWN : record->smtp->starttls.offered;
    return fact == MXT_YES ? 2 : fact == MXT_NO ? 1 : 0;
}

static int progress(const struct mxt_record *record)
{
    bool is_established = record->tls != NULL && (record->tls->outcome == MXT_TLS_ESTABLISHED || record->tls->outcome == MXT_TLS_DECRYPTED);
    return is_established ? 2 : record->tls != NULL ? 1 : 0;
}

/*
 * Which view is to be believed: the one that is whole; then the one that saw the server offer STARTTLS, for that the server said; then the one that saw more.
 * Names decide between equals.
 */
static int compare(const void *left, const void *right)
{
    const struct mxt_record *a = *(const struct mxt_record *const *)left, *b = *(const struct mxt_record *const *)right;
    int result = is_whole(b) - is_whole(a);
    result = result != 0 ? result : offered(b) - offered(a);
    result = result != 0 ? result : progress(b) - progress(a);
    if (result == 0 && a->capture.packets != b->capture.packets)
        result = a->capture.packets > b->capture.packets ? -1 : 1;
    return result != 0 ? result : strcmp(a->sensor == NULL ? "" : a->sensor, b->sensor == NULL ? "" : b->sensor);
}

static bool is_same_matter(const struct mxt_finding *a, const struct mxt_finding *b)
{
    if (a->rule != b->rule || (a->domain == NULL) != (b->domain == NULL))
        return false;
    return a->domain == NULL || strcmp(a->domain, b->domain) == 0;
}

/* Adds what a view found and no better one did, or not so grave. */
static bool add_findings(struct mxt_finding **list, const struct mxt_finding *findings, struct mxt_arena *arena)
{
    for (const struct mxt_finding *finding = findings; finding != NULL; finding = finding->next) {
        struct mxt_finding *held = *list;
        while (held != NULL && !is_same_matter(held, finding))
            held = held->next;
        if (held != NULL && held->severity >= finding->severity)
            continue;
        if (held == NULL)
            held = mxt_finding_add(list, arena, finding->rule, finding->severity);
        if (held == NULL)
            return false;
        struct mxt_finding *next = held->next;
        *held = *finding;
        held->next = next;
    }
    return true;
}

/* All views, decoded; those that cannot be are left out. */
static size_t decode(const struct ledger_session *session, const struct mxt_record *latest, struct mxt_arena *arena, const struct mxt_record **out)
{
    size_t count = 0;
    for (const struct view *view = session->views; view != NULL; view = view->next) {
        char error[ERROR_TEXT];
        bool is_latest = latest != NULL && strcmp(view->sensor, latest->sensor == NULL ? "" : latest->sensor) == 0;
        struct mxt_record *record = is_latest ? NULL : mxt_arena_alloc(arena, sizeof *record);
        if (record != NULL && mxt_event_decode_record(view->text, view->length, arena, record, error, sizeof error) != MXT_OK)
            record = NULL;
        if (is_latest || record != NULL)
            out[count++] = is_latest ? latest : record;
    }
    return count;
}

static const struct mxt_record *merge(const struct ledger_session *session, const struct mxt_record *const *views, size_t count, struct mxt_arena *arena)
{
    struct mxt_record *joined = mxt_arena_alloc(arena, sizeof *joined);
    if (joined == NULL)
        return NULL;
    *joined = *views[0];
    joined->session_id = session->id;
    joined->findings = NULL;
    joined->snapshot = 0;
    for (size_t i = 0; i < count; i++) {
        joined->snapshot += views[i]->snapshot;
        joined->start_us = views[i]->start_us < joined->start_us ? views[i]->start_us : joined->start_us;
        if (!add_findings(&joined->findings, views[i]->findings, arena))
            return NULL;
    }
    if (mxt_split_view_judge(views, count, arena, &joined->findings) != MXT_OK)
        return NULL;
    joined->timestamp_us -= views[0]->start_us - joined->start_us;
    return joined;
}

const struct mxt_record *mxt_ledger_join(const struct ledger_session *session, const struct mxt_record *latest, struct mxt_arena *arena)
{
    const struct mxt_record *views[VIEWS_MAX];
    size_t count = decode(session, latest, arena, views);
    if (count != session->view_count)
        return NULL;
    if (count == 1 && views[0]->session_id == session->id)
        return views[0];
    qsort(views, count, sizeof(const struct mxt_record *), compare);
    return merge(session, views, count, arena);
}
