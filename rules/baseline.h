/*
 * What is remembered of a server and its clients: sightings, one a session, in order of the sessions' own time. Judging a session asks only for sightings that
 * are earlier than it (mxt_sighting_is_earlier), so that what is found depends on the set of records in the window and not on the order of their arrival.
 *
 * What a subject is known for is read off its whole replies (sightings that say whether STARTTLS was offered), in order of time:
 *  - It becomes known to offer when, at an offer, at least 90 % of its last 20 whole replies offered: one offer suffices for a client with a server, the
 *    others take two. It stays known however long offers fail to come: lasting tampering must not become normal.
 *  - It becomes mixed (a farm whose members differ) when, at an offer, fewer than 90 % of the last 20 offered and offers have come back after a reply without
 *    one twice among them: a break that ended once is an incident. Mixed is not known. It ends when 20 replies are there and 90 % of them offer (then it is
 *    known), or fewer than 10 % do (then nothing is known).
 *  - Where it is known to offer (a mixed farm is not), its offers are lost when the first reply without one since the latest offer is a window (a day) old and
 *    another such reply comes. The next offer ends that: the replies of the break no longer count.
 */
#ifndef MXT_RULES_BASELINE_H
#define MXT_RULES_BASELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decoders/packet.h"
#include "decoders/status.h"
#include "rules/record.h"

/* What a baseline is about. */
enum mxt_subject_kind {
    MXT_SUBJECT_SERVER,        /* address and port: "192.0.2.25:25", "[2001:db8::25]:25" */
    MXT_SUBJECT_GREETING,      /* the name in the banner: "mx.example.net" */
    MXT_SUBJECT_MX,            /* the MX name: SNI, later DNS */
    MXT_SUBJECT_CLIENT_SERVER, /* a client's address with a server's address and port, habits and offers to this client: "10.1.0.25 192.0.2.25:25" */
    MXT_SUBJECT_HELO_DOMAIN    /* a client's HELO domain with a recipients' domain, a server's domain or a server, for fallback to another MX: "example.org
                                  example.net" */
};
#define MXT_SUBJECT_KINDS 5

#define MXT_SUBJECT_KEY 320 /* bytes that hold any key, NUL included; what would be longer is no subject */

/* A subject: its kind and a text that names it. */
struct mxt_subject {
    enum mxt_subject_kind kind;
    char key[MXT_SUBJECT_KEY];
};

enum mxt_attempt { MXT_ATTEMPT_NONE = 0, MXT_ATTEMPT_REFUSED, MXT_ATTEMPT_ABORTED, MXT_ATTEMPT_ESTABLISHED };

/* What one session showed. Zeroed teaches nothing. Digests are the same on every machine; 0: not known. */
struct mxt_sighting {
    int64_t time_us;             /* start of the session */
    uint64_t session;            /* its id */
    uint32_t snapshot;           /* of the record that it was read off */
    uint64_t client;             /* digest of the client's address */
    uint64_t domain;             /* digest of the domain that its first recipient's mail is for, where that is not known to be the server's own */
    uint64_t certificate_key;    /* digest of the SPKI; 0: no certificate seen */
    uint64_t certificate_issuer; /* digest of the issuing organisation */
    uint64_t certificate_sni;    /* digest of the SNI; 0: none */
    int64_t not_before_us, not_after_us;
    enum mxt_fact offered;    /* STARTTLS in a whole EHLO reply; unknown where a line of it was overwritten */
    enum mxt_attempt attempt; /* what came of TLS; refused by a server that had not offered it: NONE */
    bool is_ehlo_refused;     /* EHLO refused with 5xx, HELO accepted then: counts as a whole reply without an offer */
    bool is_exposed;
    bool is_key_rsa, is_trusted;
    uint8_t place; /* the store's: the field that keeps it */
};

#define MXT_SIGHTINGS_MAX  64 /* the latest that a baseline keeps */
#define MXT_REPLIES_RECENT 20 /* whole replies that "recent" means */

/* What a subject's whole replies have come to at some point of time. Zeroed: nothing was seen. */
struct mxt_marks {
    int64_t known_since_us;  /* since when it is known to offer STARTTLS; 0: it is not */
    int64_t last_offer_us;   /* the latest offer; 0: none */
    int64_t broken_since_us; /* the first whole reply without an offer since then, or at all; 0: none */
    int64_t lost_since_us;   /* when the offers were found to be lost; 0: they are not */
    int64_t mixed_since_us;  /* since when it is a mixed farm; 0: it is none */
    int64_t mixed_told_us;   /* the first reply without an offer since then, at which that is told; 0: not yet */
    uint32_t recent;         /* the last whole replies, a bit each, 1: offered; the latest lowest */
    uint8_t recent_count;    /* how many, at most MXT_REPLIES_RECENT */
};

/* What is known of a subject. */
struct mxt_baseline {
    struct mxt_subject subject;
    const struct mxt_sighting *sightings; /* earliest first, at most MXT_SIGHTINGS_MAX; owned by the store */
    size_t count;
    struct mxt_marks marks; /* as they stood before the first of these sightings: what older ones had come to */
};

/* By time, then by session id: a strict order of sessions. */
bool mxt_sighting_is_earlier(int64_t a_time_us, uint64_t a_session, int64_t b_time_us, uint64_t b_session);

/* Whether the two say the same of the same session. */
bool mxt_sighting_is_same(const struct mxt_sighting *a, const struct mxt_sighting *b);

/*
 * What the subject's whole replies had come to before the session `session` that began at `time_us`. Sightings of the client `without` (a digest; 0: none) are
 * left out, except those that are no longer kept. `window_us`: after which a break is lost. `baseline` may be NULL: zeroed marks.
 */
struct mxt_marks mxt_baseline_marks_before(const struct mxt_baseline *baseline, int64_t time_us, uint64_t session, uint64_t without, int64_t window_us);

bool mxt_marks_is_same(const struct mxt_marks *a, const struct mxt_marks *b);

/* The marks after one more sighting. */
void mxt_marks_take(struct mxt_marks *marks, enum mxt_subject_kind kind, const struct mxt_sighting *sighting, int64_t window_us);

/* Of the recent whole replies, how many offered. */
unsigned mxt_marks_offers(const struct mxt_marks *marks);

/* Whether, at a whole reply without an offer at `time_us`, the subject's offers are lost. */
bool mxt_marks_is_lost(const struct mxt_marks *marks, int64_t time_us, int64_t window_us);

/* What the judge wants the store to change, all absolute: applying it twice changes nothing more. Lives in the arena of the judgement. */
struct mxt_change {
    enum {
        MXT_CHANGE_SIGHTING, /* placed in order, or put over the one of the same session; beyond the bound the earliest goes, and `marks` are those after it */
        MXT_CHANGE_KEEP_RECORD /* kept (a copy) for a window, since an earlier record that comes late may change its findings */
    } kind;
    struct mxt_subject subject;
    struct mxt_sighting sighting;
    struct mxt_marks marks;          /* SIGHTING: the baseline's, as they shall be */
    const struct mxt_record *record; /* KEEP_RECORD */
    struct mxt_change *next;
};

struct mxt_changes {
    struct mxt_change *first;
};

#endif
