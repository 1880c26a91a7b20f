/* What a session leaves behind: its sighting for each of its subjects, its record where that may have to be judged again, and whom it concerns. */
#include <stdlib.h>

#include "rules/network.h"

#define AGAIN_MAX 256 /* later sessions that one record has judged again: more than a late record meets, and a bound on what it may cost */

struct later {
    int64_t time_us;
    uint64_t session;
};

/* Sessions to be judged again, each once. */
struct again {
    struct later sessions[AGAIN_MAX];
    size_t count;
};

static struct mxt_change *add_change(const struct mxt_network_case *n, struct mxt_change ***end)
{
    struct mxt_change *change = mxt_arena_alloc(n->c->arena, sizeof *change);
    if (change == NULL)
        return NULL;
    **end = change;
    *end = &change->next;
    return change;
}

/* What the baseline holds of this session already; NULL: nothing. */
static const struct mxt_sighting *own_sighting(const struct mxt_network_case *n, const struct mxt_baseline *baseline)
{
    for (size_t i = baseline == NULL ? 0 : baseline->count; i > 0; i--) {
        const struct mxt_sighting *sighting = &baseline->sightings[i - 1];
        if (sighting->session == n->sighting.session)
            return sighting;
        if (mxt_sighting_is_earlier(sighting->time_us, sighting->session, n->sighting.time_us, n->sighting.session))
            break;
    }
    return NULL;
}

/* Where the baseline is full the earliest sighting goes, and what it came to is kept. */
static struct mxt_marks marks_after(const struct mxt_network_case *n, const struct mxt_baseline *baseline, bool is_replacing)
{
    if (baseline == NULL)
        return (struct mxt_marks){0};
    struct mxt_marks marks = baseline->marks;
    if (!is_replacing && baseline->count == MXT_SIGHTINGS_MAX)
        mxt_marks_take(&marks, baseline->subject.kind, &baseline->sightings[0], n->config->window_us);
    return marks;
}

static bool has_offers(const struct mxt_baseline *baseline)
{
    if (baseline->marks.last_offer_us != 0)
        return true;
    for (size_t i = 0; i < baseline->count; i++)
        if (baseline->sightings[i].offered == MXT_YES)
            return true;
    return false;
}

/* What this session may change for later ones that share a subject with it. */
struct lesson {
    bool is_any;         /* anything: it replaces what an earlier snapshot said, or the subject is the pair, on which most rules rest */
    bool is_offer;       /* what the subject is known to offer. A reply without an offer changes nothing where nobody was ever offered any */
    bool is_failure;     /* a failed attempt, which mail in the clear may follow */
    bool is_certificate; /* what the server showed before */
};

static struct lesson lesson_of(const struct mxt_network_case *n, const struct mxt_baseline *baseline, bool is_replacing)
{
    const struct mxt_sighting *own = &n->sighting;
    enum mxt_subject_kind kind = baseline->subject.kind;
    bool is_helo = kind == MXT_SUBJECT_HELO_DOMAIN;
    return (struct lesson){
        .is_any = is_replacing || kind == MXT_SUBJECT_CLIENT_SERVER,
        .is_offer = !is_helo && (own->offered == MXT_YES || (mxt_sighting_has_no_offer(own) && has_offers(baseline))),
        .is_failure = is_helo && (own->attempt == MXT_ATTEMPT_REFUSED || own->attempt == MXT_ATTEMPT_ABORTED),
        .is_certificate = kind == MXT_SUBJECT_SERVER && own->certificate_key != 0,
    };
}

/* Whether the later sighting's findings can depend on this session. */
static bool is_concerned(const struct lesson *lesson, const struct mxt_sighting *later)
{
    bool is_open = mxt_sighting_has_no_offer(later) || later->is_exposed;
    return (lesson->is_any && (is_open || later->attempt == MXT_ATTEMPT_ABORTED)) || (lesson->is_offer && is_open) ||
           (lesson->is_failure && later->is_exposed) || ((lesson->is_any || lesson->is_certificate) && later->certificate_key != 0);
}

static void add_again(struct again *again, const struct mxt_sighting *sighting)
{
    for (size_t i = 0; i < again->count; i++)
        if (again->sessions[i].session == sighting->session)
            return;
    if (again->count < AGAIN_MAX)
        again->sessions[again->count++] = (struct later){sighting->time_us, sighting->session};
}

/* What a late record changes lies within a window behind it. */
static void find_concerned(const struct mxt_network_case *n, const struct mxt_baseline *baseline, bool is_replacing, struct again *again)
{
    if (baseline == NULL || baseline->count == 0 || mxt_network_is_earlier(n, &baseline->sightings[baseline->count - 1]))
        return;
    struct lesson lesson = lesson_of(n, baseline, is_replacing);
    for (size_t i = baseline->count; i > 0; i--) {
        const struct mxt_sighting *later = &baseline->sightings[i - 1];
        if (mxt_network_is_earlier(n, later))
            break;
        if (later->session != n->sighting.session && later->time_us - n->sighting.time_us <= n->config->window_us && is_concerned(&lesson, later))
            add_again(again, later);
    }
}

static int compare_times(const void *a, const void *b)
{
    const struct later *first = a, *second = b;
    return mxt_sighting_is_earlier(first->time_us, first->session, second->time_us, second->session) ? -1 : 1;
}

static void tell_again(const struct mxt_network_case *n, struct again *again, struct mxt_judgement *out)
{
    uint64_t *ids = again->count == 0 ? NULL : mxt_arena_alloc(n->c->arena, again->count * sizeof *ids);
    if (ids == NULL)
        return;
    qsort(again->sessions, again->count, sizeof again->sessions[0], compare_times);
    for (size_t i = 0; i < again->count; i++)
        ids[i] = again->sessions[i].session;
    out->again = ids;
    out->again_count = again->count;
}

/* Whether an earlier record that comes late could change what is found in this one. */
static bool is_worth_keeping(const struct mxt_network_case *n)
{
    const struct mxt_sighting *own = &n->sighting;
    return mxt_sighting_has_no_offer(own) || own->is_exposed || own->attempt == MXT_ATTEMPT_ABORTED || mxt_network_is_new_certificate(n);
}

/* A full baseline takes nothing that is earlier than all it holds. */
static bool is_beyond(const struct mxt_network_case *n, const struct mxt_baseline *baseline)
{
    return baseline != NULL && baseline->count == MXT_SIGHTINGS_MAX && !mxt_network_is_earlier(n, &baseline->sightings[0]);
}

/* Whether the subject has nothing to learn. An earlier snapshot's sighting is replaced also where the later one says less. */
static bool is_settled(const struct mxt_network_case *n, size_t subject, const struct mxt_sighting *held)
{
    if (held != NULL)
        return mxt_sighting_is_same(held, &n->sighting);
    bool is_helo = n->subjects[subject].kind == MXT_SUBJECT_HELO_DOMAIN;
    bool is_telling = is_helo ? mxt_sighting_is_telling_helo(&n->sighting) : mxt_sighting_is_telling(&n->sighting);
    return !is_telling || is_beyond(n, n->baselines[subject]);
}

/* Whether the record is to be kept: for what may change in it, or in place of an earlier snapshot, which must not be judged any more. */
static bool is_kept(const struct mxt_network_case *n)
{
    return is_worth_keeping(n) || n->knowledge->record(n->knowledge->store, n->sighting.session) != NULL;
}

void mxt_network_teach(const struct mxt_network_case *n, struct mxt_judgement *out)
{
    struct again again;
    again.count = 0;
    struct mxt_change **end = &out->changes.first;
    for (size_t i = 0; i < n->count; i++) {
        const struct mxt_baseline *baseline = n->baselines[i];
        const struct mxt_sighting *held = own_sighting(n, baseline);
        if (is_settled(n, i, held))
            continue;
        struct mxt_change *change = add_change(n, &end);
        if (change != NULL) {
            change->kind = MXT_CHANGE_SIGHTING;
            change->subject = n->subjects[i];
            change->sighting = n->sighting;
            change->marks = marks_after(n, baseline, held != NULL);
        }
        find_concerned(n, baseline, held != NULL, &again);
    }
    tell_again(n, &again, out);
    /* What taught nothing new was judged before, and its record is kept where it has to be. */
    struct mxt_change *keep = out->changes.first != NULL && is_kept(n) ? add_change(n, &end) : NULL;
    if (keep != NULL) {
        keep->kind = MXT_CHANGE_KEEP_RECORD;
        keep->record = n->c->record;
    }
}
