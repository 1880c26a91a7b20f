/*
 * One record before the rules that ask the network's memory (network_*.c, rules_mta_sts.c). Inside rules/ only.
 */
#ifndef MXT_RULES_NETWORK_H
#define MXT_RULES_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decoders/packet.h"
#include "rules/judge.h"
#include "rules/judge_case.h"
#include "rules/judge_config.h"
#include "rules/knowledge.h"

#define MXT_HELO_SUBJECTS_MAX 8                           /* domains and servers under which a client's HELO domain is remembered for one session */
#define MXT_SUBJECTS_MAX      (4 + MXT_HELO_SUBJECTS_MAX) /* of one session */

struct mxt_network_case {
    const struct mxt_case *c;
    const struct mxt_knowledge *knowledge;
    const struct mxt_judge_config *config;
    char client[MXT_ADDRESS_TEXT];                          /* its address; behind a proxy (PROXY header) the true one */
    struct mxt_sighting sighting;                           /* what this session shows */
    struct mxt_subject subjects[MXT_SUBJECTS_MAX];          /* what it shows it of */
    const struct mxt_baseline *baselines[MXT_SUBJECTS_MAX]; /* what is known of each; NULL: nothing */
    size_t count;
};

/* What is known of STARTTLS at the session's server, of what was seen before the session. */
enum mxt_offering { MXT_OFFERING_UNKNOWN = 0, MXT_OFFERING_KNOWN, MXT_OFFERING_MIXED };

struct mxt_offers {
    enum mxt_offering offering;
    bool is_own;            /* by what this client itself was offered */
    bool is_told;           /* MIXED: that was told already */
    const char *known_by;   /* a clause for people; NULL where UNKNOWN */
    struct mxt_marks marks; /* of the subject that decided */
};

/* How a client's earlier sessions with this server went, of the recent ones that show it. */
struct mxt_habit {
    unsigned sessions, encrypted;
    bool is_usual; /* nearly all were encrypted, and enough to speak of a habit */
};

/* The subjects and the sighting of a session, with what is known of them. A first snapshot that shows nothing has no subjects. */
void mxt_network_case_set(struct mxt_network_case *n, const struct mxt_case *c, const struct mxt_knowledge *knowledge, const struct mxt_judge_config *config);

/* What is known of the subject of a kind (not HELO_DOMAIN, of which there are several); NULL: nothing. */
const struct mxt_baseline *mxt_network_baseline(const struct mxt_network_case *n, enum mxt_subject_kind kind);

/* Whether a sighting of the baselines is of an earlier session than this one. */
bool mxt_network_is_earlier(const struct mxt_network_case *n, const struct mxt_sighting *sighting);

/* Whether a sighting is a whole reply without an offer, or an EHLO refused. */
bool mxt_sighting_has_no_offer(const struct mxt_sighting *sighting);

/* Whether a TLS attempt is known to have failed in it. */
bool mxt_sighting_has_failed(const struct mxt_sighting *sighting);

/* Whether a sighting shows anything at all; anything that a client's HELO domain is asked for: a failure, or mail in the clear. */
bool mxt_sighting_is_telling(const struct mxt_sighting *sighting);
bool mxt_sighting_is_telling_helo(const struct mxt_sighting *sighting);

/* The text's digest; 0 for NULL. */
uint64_t mxt_network_digest(const char *text);

/* What is known of the server's offers, asked of its experience with this client first, then of others'. */
struct mxt_offers mxt_network_offers(const struct mxt_network_case *n);

struct mxt_habit mxt_network_habit(const struct mxt_network_case *n);

/* Whether this client was seen before, with a TLS session or a message: then it is no mere scanner. */
bool mxt_network_has_history(const struct mxt_network_case *n);

/* starttls.stripped, and starttls.unused where the client greeted with HELO. Whether the session's own starttls.not_offered is wrong by what is known. */
bool mxt_network_judge_stripped(const struct mxt_network_case *n);

/* starttls.fallback to plaintext in this session after an attempt that failed in an earlier one. */
void mxt_network_judge_fallback(const struct mxt_network_case *n);

/* certificate.changed. */
void mxt_network_judge_certificate(const struct mxt_network_case *n);

/* Whether a certificate was shown that an earlier record, coming late, could make a changed one. */
bool mxt_network_is_new_certificate(const struct mxt_network_case *n);

/* What the store shall remember of the session, and which later ones are to be judged again. MXT_OK or MXT_ENOMEM, counted in the arena. */
void mxt_network_teach(const struct mxt_network_case *n, struct mxt_judgement *out);

/* mta_sts.*: one finding a rule and domain. Copies what it keeps of the knowledge into the case's arena. */
void mxt_network_judge_mta_sts(const struct mxt_network_case *n);

#endif
