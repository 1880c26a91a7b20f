/* The certificate that the server showed (RFC 5280, 6125), whatever became of the handshake: a client may have given up because of it. */
#include <stdio.h>
#include <string.h>

#include "rules/judge_certificate.h"

#define RSA_BITS_MIN 2048 /* NIST SP 800-57 part 1, 112 bits of strength */
#define EC_BITS_MIN  224  /* the same */
#define MICROSECONDS 1000000

bool mxt_case_has_certificate(const struct mxt_case *c)
{
    return c->tls->has_certificate && c->tls->certificate.visible == MXT_YES && !mxt_case_is_decrypted(c);
}

/* Validity is told in whole seconds, both ends included (RFC 5280 4.1.2.5), and asked at the session's start, which no later packet moves. */
bool mxt_case_is_expired(const struct mxt_case *c)
{
    int64_t end = c->tls->certificate.not_after_us;
    return end != 0 && c->record->start_us / MICROSECONDS > end / MICROSECONDS;
}

bool mxt_case_is_not_yet_valid(const struct mxt_case *c)
{
    int64_t begin = c->tls->certificate.not_before_us;
    return begin != 0 && c->record->start_us / MICROSECONDS < begin / MICROSECONDS;
}

bool mxt_case_is_untrusted(const struct mxt_case *c)
{
    switch (c->tls->certificate.trust) {
    case MXT_TRUST_SELF_SIGNED:
    case MXT_TRUST_UNKNOWN_ISSUER:
    case MXT_TRUST_INCOMPLETE: return true;
    case MXT_TRUST_TRUSTED:
    case MXT_TRUST_UNCHECKED: return false;
    }
    return false;
}

void mxt_case_certificate(const struct mxt_case *c, struct mxt_finding *finding)
{
    const struct mxt_certificate_facts *certificate = &c->tls->certificate;
    mxt_case_text(c, finding, "subject", certificate->subject);
    mxt_case_text(c, finding, "serial", certificate->serial);
    mxt_case_text(c, finding, "sha256", certificate->sha256);
}

/* The client's wish (SNI) says which name is meant. The banner is the server's own word, and without SNI the server may have shown its default: low. */
static void judge_host_mismatch(const struct mxt_case *c)
{
    const struct mxt_certificate_facts *certificate = &c->tls->certificate;
    const char *sni = mxt_case_sni(c);
    const char *name = sni != NULL ? sni : mxt_case_banner_name(c);
    if (!mxt_case_has_certificate(c) || name == NULL || mxt_certificate_matches(certificate, name) != MXT_NO)
        return;
    struct mxt_finding *finding = mxt_case_raise(c, MXT_RULE_CERTIFICATE_HOST_MISMATCH, sni != NULL ? MXT_SEVERITY_MEDIUM : MXT_SEVERITY_LOW);
    mxt_case_text(c, finding, "name", name);
    mxt_case_text(c, finding, "name_from", sni != NULL ? "the client's SNI" : "the server's greeting");
    mxt_case_list(c, finding, "names", &certificate->subject_alt_names);
    mxt_case_certificate(c, finding);
}

static void judge_expired(const struct mxt_case *c)
{
    if (!mxt_case_has_certificate(c) || !mxt_case_is_expired(c))
        return;
    struct mxt_finding *finding = mxt_case_raise(c, MXT_RULE_CERTIFICATE_EXPIRED, MXT_SEVERITY_MEDIUM);
    mxt_case_time(c, finding, "not_after", c->tls->certificate.not_after_us);
    mxt_case_time(c, finding, "seen_at", c->record->start_us);
    mxt_case_certificate(c, finding);
}

static void judge_not_yet_valid(const struct mxt_case *c)
{
    if (!mxt_case_has_certificate(c) || !mxt_case_is_not_yet_valid(c))
        return;
    struct mxt_finding *finding = mxt_case_raise(c, MXT_RULE_CERTIFICATE_NOT_YET_VALID, MXT_SEVERITY_MEDIUM);
    mxt_case_time(c, finding, "not_before", c->tls->certificate.not_before_us);
    mxt_case_time(c, finding, "seen_at", c->record->start_us);
    mxt_case_certificate(c, finding);
}

static void judge_untrusted(const struct mxt_case *c)
{
    if (!mxt_case_has_certificate(c) || !mxt_case_is_untrusted(c))
        return;
    struct mxt_finding *finding = mxt_case_raise(c, MXT_RULE_CERTIFICATE_UNTRUSTED, MXT_SEVERITY_LOW);
    mxt_case_text(c, finding, "trust", mxt_trust_name(c->tls->certificate.trust));
    mxt_case_text(c, finding, "issuer", c->tls->certificate.issuerdn);
    mxt_case_list(c, finding, "chain", &c->tls->certificate.chain);
    mxt_case_certificate(c, finding);
}

static void judge_weak(const struct mxt_case *c)
{
    const struct mxt_certificate_facts *certificate = &c->tls->certificate;
    bool is_weak_rsa = certificate->key_is_rsa == MXT_YES && certificate->key_bits != 0 && certificate->key_bits < RSA_BITS_MIN;
    bool is_weak_ec = certificate->key_is_ec == MXT_YES && certificate->key_bits != 0 && certificate->key_bits < EC_BITS_MIN;
    bool is_weak_signature = certificate->has_weak_signature == MXT_YES;
    if (!mxt_case_has_certificate(c) || (!is_weak_rsa && !is_weak_ec && !is_weak_signature))
        return;
    struct mxt_finding *finding = mxt_case_raise(c, MXT_RULE_CERTIFICATE_WEAK, MXT_SEVERITY_LOW);
    struct mxt_text_list weaknesses = {.count = 0};
    enum mxt_status status = MXT_OK;
    if (is_weak_rsa || is_weak_ec) {
        char text[32];
        int n = snprintf(text, sizeof text, "%s key of %u bits", is_weak_rsa ? "RSA" : "EC", (unsigned)certificate->key_bits);
        const char *kept = mxt_arena_copy(c->arena, text, (size_t)n);
        status = kept == NULL ? MXT_ENOMEM : mxt_text_list_add(&weaknesses, c->arena, kept, UINT16_MAX);
    }
    if (is_weak_signature && status == MXT_OK)
        status = mxt_text_list_add(&weaknesses, c->arena, "MD5 or SHA-1 signature in the chain", UINT16_MAX);
    if (status == MXT_OK)
        mxt_case_list(c, finding, "weaknesses", &weaknesses);
    mxt_case_text(c, finding, "key", certificate->key);
    mxt_case_text(c, finding, "signature", certificate->signature);
    mxt_case_certificate(c, finding);
}

static const struct mxt_session_rule rules[] = {
    {MXT_RULE_CERTIFICATE_HOST_MISMATCH, false, judge_host_mismatch},
    {MXT_RULE_CERTIFICATE_EXPIRED, false, judge_expired},
    {MXT_RULE_CERTIFICATE_NOT_YET_VALID, false, judge_not_yet_valid},
    {MXT_RULE_CERTIFICATE_UNTRUSTED, false, judge_untrusted},
    {MXT_RULE_CERTIFICATE_WEAK, false, judge_weak},
};

struct mxt_session_rules mxt_rules_certificate(void)
{
    return (struct mxt_session_rules){rules, sizeof rules / sizeof rules[0]};
}
