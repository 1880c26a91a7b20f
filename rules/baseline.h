/*
 * What is remembered of a server and its clients: sightings, one a session, in order of the sessions' own time. Judging a session asks only for sightings that
 * are earlier than it (mxt_sighting_is_earlier), so that what is found depends on the set of records in the window and not on the order of their arrival.
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
    MXT_SUBJECT_SERVER,        /* address and port */
    MXT_SUBJECT_GREETING,      /* the name in the banner */
    MXT_SUBJECT_MX,            /* the MX name: SNI, later DNS */
    MXT_SUBJECT_CLIENT_SERVER, /* a client's address with a server's address and port: habits, offers to this client */
    MXT_SUBJECT_HELO_DOMAIN    /* a client's HELO domain with a recipient's domain or server: fallback to another MX */
};

/* A subject: its kind and a text that names it ("192.0.2.25:25", "mx.example.net", "10.1.0.25 192.0.2.25:25"). */
struct mxt_subject {
    enum mxt_subject_kind kind;
    char key[320];
};

enum mxt_attempt { MXT_ATTEMPT_NONE = 0, MXT_ATTEMPT_REFUSED, MXT_ATTEMPT_ABORTED, MXT_ATTEMPT_ESTABLISHED };

/* What one session showed. Zeroed teaches nothing. */
struct mxt_sighting {
    int64_t time_us;         /* start of the session */
    uint64_t session;        /* its id */
    uint64_t client;         /* digest of the client's address */
    enum mxt_fact offered;   /* STARTTLS in a whole EHLO reply */
    bool is_ehlo_refused;    /* EHLO refused with 5xx, HELO accepted then */
    bool is_exposed;
    enum mxt_attempt attempt;
    uint64_t certificate_key;    /* digest of the SPKI; 0: no certificate seen */
    uint64_t certificate_issuer; /* digest of the issuing organisation */
    uint64_t certificate_sni;    /* digest of the SNI; 0: none */
    int64_t not_before_us, not_after_us;
    bool is_key_rsa, is_trusted;
};

#define MXT_SIGHTINGS_MAX 64 /* the latest that a baseline keeps */

/* What is known of a subject. */
struct mxt_baseline {
    struct mxt_subject subject;
    struct mxt_sighting sightings[MXT_SIGHTINGS_MAX]; /* earliest first */
    uint16_t count;
    int64_t known_since_us; /* since when it is known to offer STARTTLS; 0: it is not. Ends only by hand, or by a mixed farm */
    int64_t last_offer_us;  /* the latest offer, also one that is no longer among the sightings */
    int64_t lost_since_us;  /* the offers broke off for good (a day without one); 0: they did not */
    int64_t mixed_told_us;  /* since when it is told as a mixed farm; 0: it is not */
};

/* By time, then by session id: a strict order of sessions. */
bool mxt_sighting_is_earlier(int64_t a_time_us, uint64_t a_session, int64_t b_time_us, uint64_t b_session);

/* What the judge wants the store to change, all absolute: applying it twice changes nothing more. Lives in the arena of the judgement. */
struct mxt_change {
    enum { MXT_CHANGE_SIGHTING, MXT_CHANGE_MARKS, MXT_CHANGE_KEEP_RECORD } kind;
    struct mxt_subject subject;
    struct mxt_sighting sighting;     /* SIGHTING: placed in order, or put over the one of the same session */
    struct mxt_baseline marks;        /* MARKS: known_since_us, last_offer_us, lost_since_us, mixed_told_us as they shall be */
    const struct mxt_record *record;  /* KEEP_RECORD: kept (a copy) for a window, since an earlier record that comes late may change its findings */
    struct mxt_change *next;
};

struct mxt_changes {
    struct mxt_change *first;
};

#endif
