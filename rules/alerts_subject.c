/* Subjects, and what sessions claim of them. */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "rules/alerts_int.h"

static struct subject *find(const struct mxt_alerts *alerts, const struct mxt_alert_subject *bytes, uint64_t hash)
{
    for (struct mxt_hash_node *node = mxt_hash_table_bucket(&alerts->subjects, hash); node != NULL; node = node->next) {
        struct subject *subject = (struct subject *)node;
        if (node->hash == hash && subject->key_length == bytes->length && memcmp(subject->key, bytes->bytes, bytes->length) == 0)
            return subject;
    }
    return NULL;
}

struct subject *mxt_alerts_subject(struct mxt_alerts *alerts, const struct mxt_alert_subject *bytes)
{
    uint64_t hash = XXH3_64bits_withSeed(bytes->bytes, bytes->length, alerts->limits.seed);
    struct subject *subject = find(alerts, bytes, hash);
    if (subject != NULL)
        return subject;
    subject = calloc(1, sizeof *subject + bytes->length);
    if (subject == NULL)
        return NULL;
    subject->node.hash = hash;
    subject->key_length = bytes->length;
    memcpy(subject->key, bytes->bytes, bytes->length);
    if (mxt_hash_table_add(&alerts->subjects, &subject->node) != MXT_OK) {
        free(subject);
        return NULL;
    }
    return subject;
}

void mxt_alerts_changed(struct mxt_alerts *alerts, struct subject *subject, bool is_text)
{
    if (!alerts->is_kept || alerts->is_restoring)
        return;
    subject->are_claims_changed = subject->are_claims_changed || !is_text;
    subject->is_text_changed = subject->is_text_changed || is_text;
    if (subject->is_listed)
        return;
    subject->is_listed = true;
    subject->next_changed = alerts->changed;
    alerts->changed = subject;
}

void mxt_alerts_subject_release(struct mxt_alerts *alerts, struct subject *subject)
{
    if (subject->is_drained && alerts->is_kept)
        mxt_alerts_changed(alerts, subject, true);
    else if (!subject->is_listed)
        mxt_alerts_subject_free(alerts, subject);
}

unsigned mxt_alerts_closes(const struct subject *subject, int64_t time_us)
{
    unsigned count = 0;
    while (count < subject->close_count && subject->closed_us[count] < time_us)
        count++;
    return count;
}

void mxt_alerts_claim_free(struct claim *claim)
{
    struct subject *subject = claim->subject;
    free(claim->facts);
    if (claim->previous != NULL)
        claim->previous->next = claim->next;
    else if (subject->claims == claim)
        subject->claims = claim->next;
    else
        subject->folded = claim->next;
    if (claim->next != NULL)
        claim->next->previous = claim->previous;
    subject->claim_count--;
    free(claim);
}

static void free_claims(struct claim *claim)
{
    while (claim != NULL) {
        struct claim *next = claim->next;
        free(claim->facts);
        free(claim);
        claim = next;
    }
}

void mxt_alerts_subject_clear(struct subject *subject)
{
    mxt_alerts_summary_drop(subject);
    free_claims(subject->claims);
    free_claims(subject->folded);
    subject->claims = subject->folded = NULL;
    subject->claim_count = 0;
    while (subject->told != NULL) {
        struct told *told = subject->told;
        subject->told = told->next;
        mxt_alerts_told_free(told);
    }
}

void mxt_alerts_subject_free(struct mxt_alerts *alerts, struct subject *subject)
{
    mxt_alerts_subject_clear(subject);
    mxt_hash_table_remove(&alerts->subjects, &subject->node);
    free(subject);
}

static void link_claim(struct claim **list, struct claim *claim)
{
    claim->previous = NULL;
    claim->next = *list;
    if (claim->next != NULL)
        claim->next->previous = claim;
    *list = claim;
}

struct claim *mxt_alerts_claim(struct subject *subject, uint64_t session)
{
    struct claim *claim = calloc(1, sizeof *claim);
    if (claim == NULL)
        return NULL;
    claim->subject = subject;
    claim->session = session;
    claim->count = 1;
    link_claim(&subject->claims, claim);
    subject->claim_count++;
    return claim;
}

bool mxt_alerts_is_better(const struct claim *a, const struct claim *b)
{
    if (a->severity != b->severity)
        return a->severity > b->severity;
    if (a->last_us != b->last_us)
        return a->last_us > b->last_us;
    return a->session > b->session;
}

static bool is_near(const struct claim *a, const struct claim *b, int64_t quiet_us)
{
    bool is_same = a->is_lost == b->is_lost && mxt_alerts_closes(a->subject, a->first_us) == mxt_alerts_closes(b->subject, b->first_us);
    return is_same && a->first_us - b->last_us <= quiet_us && b->first_us - a->last_us <= quiet_us;
}

/* Takes `claim` up into `folded`. */
static void absorb(struct claim *folded, struct claim *claim)
{
    bool is_earlier = claim->first_us < folded->first_us || (claim->first_us == folded->first_us && claim->session < folded->session);
    if (mxt_alerts_is_better(claim, folded)) {
        struct mxt_alert_packed *facts = folded->facts;
        folded->facts = claim->facts;
        claim->facts = facts;
    }
    if (is_earlier) {
        folded->session = claim->session;
        folded->first_us = claim->first_us;
    }
    folded->last_us = claim->last_us > folded->last_us ? claim->last_us : folded->last_us;
    folded->severity = claim->severity > folded->severity ? claim->severity : folded->severity;
    folded->count += claim->count;
    mxt_alerts_claim_free(claim);
}

void mxt_alerts_fold(struct claim *claim, int64_t quiet_us)
{
    struct subject *subject = claim->subject;
    claim->sibling = NULL;
    for (struct claim *folded = subject->folded; folded != NULL; folded = folded->next) {
        if (is_near(folded, claim, quiet_us)) {
            mxt_alerts_summary_fold(subject, claim, folded);
            absorb(folded, claim);
            return;
        }
    }
    mxt_alerts_set_folded(claim);
}

void mxt_alerts_set_folded(struct claim *claim)
{
    struct subject *subject = claim->subject;
    if (claim->previous != NULL)
        claim->previous->next = claim->next;
    else
        subject->claims = claim->next;
    if (claim->next != NULL)
        claim->next->previous = claim->previous;
    link_claim(&subject->folded, claim);
}
