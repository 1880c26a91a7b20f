/*
 * TLS as agreed. Version and cipher are judged where a session came about: a handshake that failed has agreed on nothing that carried mail, and where the
 * outcome is not known neither is the agreement.
 */
#include <string.h>

#include "decoders/tls_names.h"
#include "rules/judge_case.h"

#define NO_ENCRYPTION "it does not encrypt at all"
#define WEAK_3DES     "3DES leaks long sessions through its short blocks (CVE-2016-2183)"

/* What IANA's names of weak suites hold, gravest first: the first that fits is told. */
static const struct {
    const char *part;
    enum mxt_severity severity;
    const char *weakness;
} weak_parts[] = {
    {"_NULL_", MXT_SEVERITY_MEDIUM, NO_ENCRYPTION},
    {"TLS_SHA256_SHA256", MXT_SEVERITY_MEDIUM, NO_ENCRYPTION}, /* RFC 9150: integrity only */
    {"TLS_SHA384_SHA384", MXT_SEVERITY_MEDIUM, NO_ENCRYPTION},
    {"_EXPORT", MXT_SEVERITY_MEDIUM, "its key is of export strength, broken in minutes"},
    {"_RC4_", MXT_SEVERITY_MEDIUM, "RC4 leaks what it encrypts (RFC 7465)"},
    {"_DES_192_EDE3_", MXT_SEVERITY_MEDIUM, WEAK_3DES}, /* SSL 2's name for it */
    {"_DES_", MXT_SEVERITY_MEDIUM, "DES is broken in hours"},
    {"_3DES_", MXT_SEVERITY_MEDIUM, WEAK_3DES},
    {"_anon_", MXT_SEVERITY_INFO, "nobody shows a certificate, so anyone in between can take part unnoticed"},
};

static void judge_version_obsolete(const struct mxt_case *c)
{
    uint16_t version = c->tls->version;
    if (version == 0 || version >= MXT_TLS_1_2 || !mxt_case_is_established(c))
        return;
    struct mxt_finding *finding = mxt_case_raise(c, MXT_RULE_TLS_VERSION_OBSOLETE, MXT_SEVERITY_MEDIUM);
    mxt_case_text(c, finding, "version", mxt_tls_version_name(version));
    mxt_case_text(c, finding, "client_max_version", mxt_tls_version_name(c->tls->client_max_version));
    mxt_case_text(c, finding, "cipher", c->tls->cipher);
}

static void judge_cipher_weak(const struct mxt_case *c)
{
    const char *cipher = c->tls->cipher;
    if (cipher == NULL || !mxt_case_is_established(c))
        return;
    for (size_t i = 0; i < sizeof weak_parts / sizeof weak_parts[0]; i++) {
        if (strstr(cipher, weak_parts[i].part) == NULL)
            continue;
        struct mxt_finding *finding = mxt_case_raise(c, MXT_RULE_TLS_CIPHER_WEAK, weak_parts[i].severity);
        mxt_case_text(c, finding, "cipher", cipher);
        mxt_case_text(c, finding, "weakness", weak_parts[i].weakness);
        mxt_case_text(c, finding, "version", mxt_tls_version_name(c->tls->version));
        return;
    }
}

/* Whatever came of it: a client that sees the mark must give up (RFC 8446 4.1.3), so the tampering shows best in handshakes that fail. */
static void judge_downgraded(const struct mxt_case *c)
{
    if (c->tls->downgrade_sentinel != MXT_YES || c->tls->client_max_version <= c->tls->version)
        return;
    struct mxt_finding *finding = mxt_case_raise(c, MXT_RULE_TLS_DOWNGRADED, MXT_SEVERITY_HIGH);
    mxt_case_text(c, finding, "client_max_version", mxt_tls_version_name(c->tls->client_max_version));
    mxt_case_text(c, finding, "version", mxt_tls_version_name(c->tls->version));
    mxt_case_text(c, finding, "outcome", mxt_tls_outcome_name(c->tls->outcome));
}

static const struct mxt_session_rule rules[] = {
    {MXT_RULE_TLS_VERSION_OBSOLETE, false, judge_version_obsolete},
    {MXT_RULE_TLS_CIPHER_WEAK, false, judge_cipher_weak},
    {MXT_RULE_TLS_DOWNGRADED, false, judge_downgraded},
};

struct mxt_session_rules mxt_rules_tls(void)
{
    return (struct mxt_session_rules){rules, sizeof rules / sizeof rules[0]};
}
