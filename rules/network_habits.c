/* How the peers used to behave: what the server offered, how the client used it. */
#include "rules/network.h"

#define HABIT_RECENT  20 /* earlier sessions that show how a client sends */
#define HABIT_MIN     3  /* of them make a habit, */
#define HABIT_PERCENT 90 /* where so many were encrypted */

/* Asked in this order; the first that knows decides. */
static const struct {
    enum mxt_subject_kind kind;
    const char *known_by, *mixed_by;
} asked[] = {
    {MXT_SUBJECT_CLIENT_SERVER, "it offered it to this client before", "it offers it to this client now and then, as a farm whose members differ does"},
    {MXT_SUBJECT_SERVER, "it offers it to other clients", "it offers it to other clients now and then, as a farm whose members differ does"},
    {MXT_SUBJECT_GREETING, "servers that greet with this name offer it", "servers that greet with this name offer it now and then"},
    {MXT_SUBJECT_MX, "servers of this name offer it", "servers of this name offer it now and then"},
};

/* A mixed farm is told once, whoever else meets it. */
static bool is_mixed_told(const struct mxt_network_case *n, const struct mxt_marks *decided)
{
    if (decided->mixed_told_us != 0)
        return true;
    const struct mxt_sighting *own = &n->sighting;
    struct mxt_marks marks = mxt_baseline_marks_before(mxt_network_baseline(n, MXT_SUBJECT_SERVER), own->time_us, own->session, 0, n->config->window_us);
    return marks.mixed_since_us != 0 && marks.mixed_told_us != 0;
}

/* The client's own sessions with the server count as its own, not as others' experience. */
static struct mxt_marks marks_of(const struct mxt_network_case *n, enum mxt_subject_kind kind)
{
    const struct mxt_sighting *own = &n->sighting;
    uint64_t without = kind == MXT_SUBJECT_SERVER ? own->client : 0;
    return mxt_baseline_marks_before(mxt_network_baseline(n, kind), own->time_us, own->session, without, n->config->window_us);
}

struct mxt_offers mxt_network_offers(const struct mxt_network_case *n)
{
    int64_t denied_since_us = 0; /* since when this client was never offered STARTTLS here, as far as is known */
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        bool is_own = asked[i].kind == MXT_SUBJECT_CLIENT_SERVER;
        struct mxt_offers offers = {.marks = marks_of(n, asked[i].kind), .is_own = is_own};
        if (is_own && offers.marks.last_offer_us == 0)
            denied_since_us = offers.marks.broken_since_us;
        if (offers.marks.mixed_since_us != 0) {
            offers.offering = MXT_OFFERING_MIXED;
            offers.known_by = asked[i].mixed_by;
            offers.is_told = is_mixed_told(n, &offers.marks);
            return offers;
        }
        /* A client that was left out before the others' experience began is left out on purpose; one that is from now on may be robbed of the offer. */
        bool is_left_out = denied_since_us != 0 && denied_since_us < offers.marks.known_since_us;
        if (offers.marks.known_since_us != 0 && !is_left_out) {
            offers.offering = MXT_OFFERING_KNOWN;
            offers.known_by = asked[i].known_by;
            return offers;
        }
    }
    return (struct mxt_offers){.offering = MXT_OFFERING_UNKNOWN};
}

struct mxt_habit mxt_network_habit(const struct mxt_network_case *n)
{
    const struct mxt_baseline *pair = mxt_network_baseline(n, MXT_SUBJECT_CLIENT_SERVER);
    struct mxt_habit habit = {.sessions = 0};
    for (size_t i = pair == NULL ? 0 : pair->count; i > 0 && habit.sessions < HABIT_RECENT; i--) {
        const struct mxt_sighting *sighting = &pair->sightings[i - 1];
        if (!mxt_network_is_earlier(n, sighting) || (sighting->attempt == MXT_ATTEMPT_NONE && !sighting->is_exposed))
            continue;
        habit.sessions++;
        if (sighting->attempt == MXT_ATTEMPT_ESTABLISHED)
            habit.encrypted++;
    }
    habit.is_usual = habit.sessions >= HABIT_MIN && habit.encrypted * 100 >= habit.sessions * HABIT_PERCENT;
    return habit;
}

bool mxt_network_has_history(const struct mxt_network_case *n)
{
    const struct mxt_baseline *pair = mxt_network_baseline(n, MXT_SUBJECT_CLIENT_SERVER);
    for (size_t i = 0; pair != NULL && i < pair->count; i++) {
        const struct mxt_sighting *sighting = &pair->sightings[i];
        if (mxt_network_is_earlier(n, sighting) && (sighting->attempt == MXT_ATTEMPT_ESTABLISHED || sighting->is_exposed))
            return true;
    }
    return false;
}
