/*
 * The catalogue: every rule mxtap knows, once. A rule's signature id is the number of the RFC behind it times 1000, plus a counter.
 */
#ifndef MXT_RULES_RULE_H
#define MXT_RULES_RULE_H

#include <stddef.h>

/* Gravest last, so that severities compare. */
enum mxt_severity { MXT_SEVERITY_NONE = 0, MXT_SEVERITY_INFO, MXT_SEVERITY_LOW, MXT_SEVERITY_MEDIUM, MXT_SEVERITY_HIGH, MXT_SEVERITY_CRITICAL };

enum mxt_rule {
    MXT_RULE_NONE = 0,
    MXT_RULE_STARTTLS_STRIPPED,
    MXT_RULE_STARTTLS_CAPABILITY_MASKED,
    MXT_RULE_STARTTLS_COMMAND_MANGLED,
    MXT_RULE_STARTTLS_COMMAND_REFUSED,
    MXT_RULE_STARTTLS_HANDSHAKE_ABORTED,
    MXT_RULE_STARTTLS_FALLBACK,
    MXT_RULE_STARTTLS_UNUSED,
    MXT_RULE_STARTTLS_NOT_OFFERED,
    MXT_RULE_STARTTLS_INJECTION_TOSERVER,
    MXT_RULE_STARTTLS_INJECTION_TOCLIENT,
    MXT_RULE_STARTTLS_SPLIT_VIEW,
    MXT_RULE_TLS_VERSION_OBSOLETE,
    MXT_RULE_TLS_CIPHER_WEAK,
    MXT_RULE_TLS_DOWNGRADED,
    MXT_RULE_CERTIFICATE_HOST_MISMATCH,
    MXT_RULE_CERTIFICATE_EXPIRED,
    MXT_RULE_CERTIFICATE_NOT_YET_VALID,
    MXT_RULE_CERTIFICATE_UNTRUSTED,
    MXT_RULE_CERTIFICATE_WEAK,
    MXT_RULE_CERTIFICATE_CHANGED,
    MXT_RULE_MTA_STS_PLAINTEXT_DELIVERY,
    MXT_RULE_MTA_STS_MX_MISMATCH,
    MXT_RULE_MTA_STS_CERTIFICATE_INVALID,
    MXT_RULE_MTA_STS_TLS_OBSOLETE,
    MXT_RULE_AUTH_PLAINTEXT_CREDENTIALS,
    MXT_RULE_SMTP_SMUGGLING,
    MXT_RULE_SMTP_OTHER_PROTOCOL,
    MXT_RULE_TCP_CONFLICTING_OVERLAP,
    MXT_RULE_SENSOR_PACKET_LOSS, /* of a sensor, not of a session */
    MXT_RULE_SENSOR_SILENT,
    MXT_RULE_SENSOR_BLIND,
    MXT_RULE_SENSOR_REJECTED,
    MXT_RULES
};

/* What a rule is. Only rules that this program can raise are in the catalogue. */
struct mxt_rule_info {
    enum mxt_rule rule;
    unsigned sid, rev;
    enum mxt_severity severity; /* the usual one; a finding may carry another, as its evidence says */
    const char *name;           /* "starttls.capability_masked" */
    const char *rfc;            /* "RFC 3207 section 6": what stands behind it; "-": no RFC, where it is about a sensor itself */
    const char *signature;      /* the alert's title */
    const char *explanation;    /* one or two sentences; {client} {server} {server_name} {domain} and {EVIDENCE-KEY} are filled in; a part in [brackets] is left
                                   out    where a place in it has no value */
    const char *remedy;         /* what to check first; the same places */
};

/* The catalogue in the order of the enum, without MXT_RULE_NONE; *count is set. */
const struct mxt_rule_info *mxt_rule_catalogue(size_t *count);

/* One rule; NULL where it is not in the catalogue. */
const struct mxt_rule_info *mxt_rule_info(enum mxt_rule rule);

/* By name; MXT_RULE_NONE where none is called so. */
enum mxt_rule mxt_rule_from_name(const char *name);

/* "info" ... "critical"; NULL for NONE. And back; MXT_SEVERITY_NONE where none is called so. */
const char *mxt_severity_name(enum mxt_severity severity);
enum mxt_severity mxt_severity_from_name(const char *name);

#endif
