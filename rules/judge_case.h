/*
 * One record before the judge: what the families of rules (rules_*.c) look at and where they say it. Inside rules/ only.
 */
#ifndef MXT_RULES_JUDGE_CASE_H
#define MXT_RULES_JUDGE_CASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decoders/arena.h"
#include "decoders/text.h"
#include "rules/record.h"

struct mxt_case {
    const struct mxt_record *record;
    const struct mxt_smtp_facts *smtp; /* never NULL: facts that say nothing where the record has none */
    const struct mxt_tls_facts *tls;   /* likewise */
    struct mxt_arena *arena;
    struct mxt_finding **findings;
    uint32_t refused; /* by the arena, before the first rule */
};

/* A rule of one session. It raises at most one finding. */
struct mxt_session_rule {
    enum mxt_rule rule;
    bool needs_final; /* a later packet of the session could withdraw the finding */
    void (*judge)(const struct mxt_case *c);
};

/* A family of rules, in the catalogue's order. */
struct mxt_session_rules {
    const struct mxt_session_rule *rules;
    size_t count;
};

struct mxt_session_rules mxt_rules_starttls(void);
struct mxt_session_rules mxt_rules_tls(void);
struct mxt_session_rules mxt_rules_certificate(void);
struct mxt_session_rules mxt_rules_other(void);

/* A case over the record; findings go to *findings and, with their evidence, into `arena`. */
struct mxt_case mxt_case_of(const struct mxt_record *record, struct mxt_arena *arena, struct mxt_finding **findings);

/* MXT_OK; MXT_ENOMEM where the arena has refused something since mxt_case_of: findings or evidence are missing. */
enum mxt_status mxt_case_status(const struct mxt_case *c) MXT_MUST_CHECK;

/* A finding; NULL when the arena refuses, which the functions below accept. */
struct mxt_finding *mxt_case_raise(const struct mxt_case *c, enum mxt_rule rule, enum mxt_severity severity);

/* Evidence. What says nothing adds nothing: NULL, 0, an empty list. `text` must live as long as the record. */
void mxt_case_text(const struct mxt_case *c, struct mxt_finding *finding, const char *key, const char *text);
void mxt_case_number(const struct mxt_case *c, struct mxt_finding *finding, const char *key, uint64_t number);
void mxt_case_list(const struct mxt_case *c, struct mxt_finding *finding, const char *key, const struct mxt_text_list *list);
/* A point of time, to the second: "2024-05-01T00:00:00Z". */
void mxt_case_time(const struct mxt_case *c, struct mxt_finding *finding, const char *key, int64_t time_us);
/* How many messages of the session were exposed and how many of all were delivered. */
void mxt_case_exposure(const struct mxt_case *c, struct mxt_finding *finding);

/* Whether plaintext SMTP went on after the 220 (a mirror behind a decrypting appliance): to every rule the session is encrypted. */
bool mxt_case_is_decrypted(const struct mxt_case *c);

/* Whether the message content of some message is known to have crossed in the clear. */
bool mxt_case_is_exposed(const struct mxt_case *c);

/* Whether a TLS session came about; "agreed" in any rule means this: a handshake that failed has agreed on nothing that carried mail. */
bool mxt_case_is_established(const struct mxt_case *c);

/* The name that the client asked for: SNI where it is a host name, else NULL. */
const char *mxt_case_sni(const struct mxt_case *c);

/* The name that the server gives itself in its greeting, where it is a host name, else NULL. */
const char *mxt_case_banner_name(const struct mxt_case *c);

/* Why TLS failed in this session: the client's attempt was overwritten, refused or aborted. NULL: it did not, or that is not known. */
const char *mxt_case_failed_attempt(const struct mxt_case *c);

/* Whether TLS was agreed to after a plaintext start (220) and then failed. */
bool mxt_case_is_aborted(const struct mxt_case *c);

/* Whether a STARTTLS command arrived overwritten and was refused, or arrived and was refused. */
bool mxt_case_is_mangled(const struct mxt_case *c);
bool mxt_case_is_refused(const struct mxt_case *c);

#endif
