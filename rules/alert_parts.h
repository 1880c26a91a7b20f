/*
 * What alerts are made of: the facts of a finding, its subject, ids, words. Inside rules/ only.
 */
#ifndef MXT_RULES_ALERT_PARTS_H
#define MXT_RULES_ALERT_PARTS_H

#include <stddef.h>
#include <stdint.h>

#include "decoders/arena.h"
#include "rules/alert.h"
#include "rules/record.h"

/* Bytes of a name that tell subjects apart: a DNS name has at most 255, a HELO argument may be any text. */
#define MXT_ALERT_NAME_MAX 512u

/* A subject (rules/alerts.h) as bytes: equal bytes, same rule and subject. */
struct mxt_alert_subject {
    size_t length;
    char bytes[2 * MXT_ALERT_NAME_MAX + 128];
};

/* The subject of a finding. */
void mxt_alert_subject_of(const struct mxt_record *record, const struct mxt_finding *finding, struct mxt_alert_subject *out);

/* The facts of an alert of one session, all borrowed; ids, sessions and words are empty. */
struct mxt_alert mxt_alert_facts(const struct mxt_record *record, const struct mxt_finding *finding);

/* A copy of such facts in one block, to be freed with free(). NULL: out of memory. */
struct mxt_alert_packed;
struct mxt_alert_packed *mxt_alert_pack(const struct mxt_alert *facts);

/* The facts of a packed alert; texts are borrowed from it, the rest lives in `arena`. MXT_OK; MXT_ENOMEM: *out is not to be used. */
enum mxt_status mxt_alert_unpack(struct mxt_arena *arena, const struct mxt_alert_packed *packed, struct mxt_alert *out) MXT_MUST_CHECK;

/* Fills in explanation and remedy. MXT_OK or MXT_ENOMEM. */
enum mxt_status mxt_alert_speak(struct mxt_arena *arena, struct mxt_alert *alert) MXT_MUST_CHECK;

/* Appends the id of a session to those named; at most `max` are kept. MXT_OK or MXT_ENOMEM. */
enum mxt_status mxt_alert_name_session(struct mxt_arena *arena, struct mxt_alert *alert, uint64_t session, size_t max) MXT_MUST_CHECK;

/* Ids: digests, so that nobody on the wire can choose names that make two alerts one. `session` is the earliest that the alert, or the incident, rests on. */
uint64_t mxt_alert_id(const char *subject, size_t length, uint64_t session);
uint64_t mxt_alert_incident_id(uint64_t session);

#endif
