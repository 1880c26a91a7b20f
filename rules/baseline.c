#include "rules/baseline.h"

#include <string.h>

#define KNOWN_PERCENT     90 /* "nearly all": of the recent whole replies offered */
#define FORGOTTEN_PERCENT 10 /* fewer than these: a mixed farm no longer offers at all */
#define OFFERS_OF_CLIENT  1  /* that suffice where the client itself was offered STARTTLS */
#define OFFERS_OF_OTHERS  2  /* where others were */
#define RETURNS_OF_FARM   2  /* times that offers came back after a reply without one: twice among the recent replies is no incident that ended */

bool mxt_sighting_is_earlier(int64_t a_time_us, uint64_t a_session, int64_t b_time_us, uint64_t b_session)
{
    return a_time_us != b_time_us ? a_time_us < b_time_us : a_session < b_session;
}

bool mxt_sighting_is_same(const struct mxt_sighting *a, const struct mxt_sighting *b)
{
    return a->time_us == b->time_us && a->session == b->session && a->snapshot == b->snapshot && a->client == b->client && a->domain == b->domain &&
           a->certificate_key == b->certificate_key && a->certificate_issuer == b->certificate_issuer && a->certificate_sni == b->certificate_sni &&
           a->not_before_us == b->not_before_us && a->not_after_us == b->not_after_us && a->offered == b->offered && a->attempt == b->attempt &&
           a->is_ehlo_refused == b->is_ehlo_refused && a->is_exposed == b->is_exposed && a->is_key_rsa == b->is_key_rsa && a->is_trusted == b->is_trusted;
}

bool mxt_marks_is_same(const struct mxt_marks *a, const struct mxt_marks *b)
{
    return a->known_since_us == b->known_since_us && a->last_offer_us == b->last_offer_us && a->broken_since_us == b->broken_since_us &&
           a->lost_since_us == b->lost_since_us && a->mixed_since_us == b->mixed_since_us && a->mixed_told_us == b->mixed_told_us && a->recent == b->recent &&
           a->recent_count == b->recent_count;
}

static unsigned ones(uint32_t bits)
{
    return (unsigned)__builtin_popcount(bits);
}

static void push_reply(struct mxt_marks *marks, bool has_offer)
{
    const uint32_t kept = (UINT32_C(1) << MXT_REPLIES_RECENT) - 1;
    marks->recent = (marks->recent << 1 | (has_offer ? 1u : 0u)) & kept;
    if (marks->recent_count < MXT_REPLIES_RECENT)
        marks->recent_count++;
}

/* How often, among the recent replies, one with an offer followed one without. */
static unsigned returns(const struct mxt_marks *marks)
{
    uint32_t has_older = (UINT32_C(1) << (marks->recent_count - 1)) - 1;
    return ones(marks->recent & ~(marks->recent >> 1) & has_older);
}

unsigned mxt_marks_offers(const struct mxt_marks *marks)
{
    return ones(marks->recent);
}

bool mxt_marks_is_lost(const struct mxt_marks *marks, int64_t time_us, int64_t window_us)
{
    return marks->known_since_us != 0 && marks->broken_since_us != 0 && time_us - marks->broken_since_us >= window_us;
}

static void take_offer(struct mxt_marks *marks, enum mxt_subject_kind kind, int64_t time_us)
{
    if (marks->lost_since_us != 0) {
        marks->recent = 0;
        marks->recent_count = 0;
    }
    push_reply(marks, true);
    marks->last_offer_us = time_us;
    marks->broken_since_us = 0;
    marks->lost_since_us = 0;
    unsigned offers = mxt_marks_offers(marks);
    unsigned needed = kind == MXT_SUBJECT_CLIENT_SERVER ? OFFERS_OF_CLIENT : OFFERS_OF_OTHERS;
    bool is_nearly_all = offers * 100 >= marks->recent_count * KNOWN_PERCENT;
    if (is_nearly_all && marks->mixed_since_us != 0 && marks->recent_count == MXT_REPLIES_RECENT)
        marks->mixed_since_us = marks->mixed_told_us = 0;
    if (is_nearly_all && marks->mixed_since_us == 0 && marks->known_since_us == 0 && offers >= needed)
        marks->known_since_us = time_us;
    if (!is_nearly_all && marks->mixed_since_us == 0 && returns(marks) >= RETURNS_OF_FARM) {
        marks->mixed_since_us = time_us;
        marks->known_since_us = 0;
    }
}

static void take_no_offer(struct mxt_marks *marks, int64_t time_us, int64_t window_us)
{
    if (marks->lost_since_us == 0 && mxt_marks_is_lost(marks, time_us, window_us))
        marks->lost_since_us = time_us;
    push_reply(marks, false);
    if (marks->broken_since_us == 0)
        marks->broken_since_us = time_us;
    if (marks->mixed_since_us != 0 && marks->mixed_told_us == 0)
        marks->mixed_told_us = time_us;
    if (marks->mixed_since_us != 0 && mxt_marks_offers(marks) * 100 < marks->recent_count * FORGOTTEN_PERCENT)
        marks->mixed_since_us = marks->mixed_told_us = 0;
}

void mxt_marks_take(struct mxt_marks *marks, enum mxt_subject_kind kind, const struct mxt_sighting *sighting, int64_t window_us)
{
    if (sighting->offered == MXT_YES)
        take_offer(marks, kind, sighting->time_us);
    else if (sighting->offered == MXT_NO || sighting->is_ehlo_refused)
        take_no_offer(marks, sighting->time_us, window_us);
}

struct mxt_marks mxt_baseline_marks_before(const struct mxt_baseline *baseline, int64_t time_us, uint64_t session, uint64_t without, int64_t window_us)
{
    if (baseline == NULL)
        return (struct mxt_marks){0};
    struct mxt_marks marks = baseline->marks;
    for (size_t i = 0; i < baseline->count; i++) {
        const struct mxt_sighting *sighting = &baseline->sightings[i];
        if (!mxt_sighting_is_earlier(sighting->time_us, sighting->session, time_us, session))
            break;
        if (without == 0 || sighting->client != without)
            mxt_marks_take(&marks, baseline->subject.kind, sighting, window_us);
    }
    return marks;
}
