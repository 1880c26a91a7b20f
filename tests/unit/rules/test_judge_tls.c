/* The rules of rules/rules_tls.c and rules/rules_certificate.c. */
#include "scene.h"

#define N           MXT_NO
#define Y           MXT_YES
#define ESTABLISHED .has_tls = true, .outcome = MXT_TLS_ESTABLISHED
#define SHOWN       .has_tls = true, .outcome = MXT_TLS_ESTABLISHED, .visible = Y

static void version_obsolete(void **state)
{
    (void)state;
    enum mxt_rule rule = MXT_RULE_TLS_VERSION_OBSOLETE;
    const struct judged cases[] = {
        {"SSL 2", rule, MXT_SEVERITY_MEDIUM, {ESTABLISHED, .version = 0x0002}},
        {"SSL 3", rule, MXT_SEVERITY_MEDIUM, {ESTABLISHED, .version = 0x0300}},
        {"TLS 1.0", rule, MXT_SEVERITY_MEDIUM, {ESTABLISHED, .version = 0x0301, .is_snapshot = true}},
        {"TLS 1.1", rule, MXT_SEVERITY_MEDIUM, {ESTABLISHED, .version = 0x0302}},
        {"TLS 1.2", rule, MXT_SEVERITY_NONE, {ESTABLISHED, .version = 0x0303}},
        {"TLS 1.3", rule, MXT_SEVERITY_NONE, {ESTABLISHED, .version = 0x0304}},
        {"not known", rule, MXT_SEVERITY_NONE, {ESTABLISHED}},
        {"only offered", rule, MXT_SEVERITY_NONE, {ESTABLISHED, .client_max_version = 0x0301}},
        {"failed", rule, MXT_SEVERITY_NONE, {.has_tls = true, .outcome = MXT_TLS_FAILED, .version = 0x0301}},
        {"incomplete", rule, MXT_SEVERITY_NONE, {.has_tls = true, .outcome = MXT_TLS_INCOMPLETE, .version = 0x0301}},
        {"outcome not known", rule, MXT_SEVERITY_NONE, {.has_tls = true, .version = 0x0301}},
    };
    check_session(cases, COUNT(cases));
}

static void cipher_weak(void **state)
{
    (void)state;
    enum mxt_rule rule = MXT_RULE_TLS_CIPHER_WEAK;
    const struct judged cases[] = {
        {"NULL", rule, MXT_SEVERITY_MEDIUM, {ESTABLISHED, .cipher = "TLS_RSA_WITH_NULL_SHA256"}},
        {"NULL throughout", rule, MXT_SEVERITY_MEDIUM, {ESTABLISHED, .cipher = "TLS_NULL_WITH_NULL_NULL"}},
        {"integrity only", rule, MXT_SEVERITY_MEDIUM, {ESTABLISHED, .cipher = "TLS_SHA256_SHA256"}},
        {"export", rule, MXT_SEVERITY_MEDIUM, {ESTABLISHED, .cipher = "TLS_RSA_EXPORT_WITH_RC2_CBC_40_MD5"}},
        {"export 1024", rule, MXT_SEVERITY_MEDIUM, {ESTABLISHED, .cipher = "TLS_RSA_EXPORT1024_WITH_DES_CBC_SHA"}},
        {"RC4", rule, MXT_SEVERITY_MEDIUM, {ESTABLISHED, .cipher = "TLS_ECDHE_RSA_WITH_RC4_128_SHA"}},
        {"DES", rule, MXT_SEVERITY_MEDIUM, {ESTABLISHED, .cipher = "TLS_DHE_RSA_WITH_DES_CBC_SHA"}},
        {"3DES", rule, MXT_SEVERITY_MEDIUM, {ESTABLISHED, .cipher = "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA"}},
        {"SSL 2's 3DES", rule, MXT_SEVERITY_MEDIUM, {ESTABLISHED, .cipher = "SSL_CK_DES_192_EDE3_CBC_WITH_MD5"}},
        {"anonymous", rule, MXT_SEVERITY_INFO, {ESTABLISHED, .cipher = "TLS_DH_anon_WITH_AES_256_GCM_SHA384"}},
        {"anonymous and RC4", rule, MXT_SEVERITY_MEDIUM, {ESTABLISHED, .cipher = "TLS_ECDH_anon_WITH_RC4_128_SHA"}},
        {"AES", rule, MXT_SEVERITY_NONE, {ESTABLISHED, .cipher = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"}},
        {"AES in CBC mode", rule, MXT_SEVERITY_NONE, {ESTABLISHED, .cipher = "TLS_RSA_WITH_AES_128_CBC_SHA"}},
        {"TLS 1.3", rule, MXT_SEVERITY_NONE, {ESTABLISHED, .cipher = "TLS_AES_128_CCM_8_SHA256"}},
        {"ChaCha", rule, MXT_SEVERITY_NONE, {ESTABLISHED, .cipher = "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"}},
        {"without a name", rule, MXT_SEVERITY_NONE, {ESTABLISHED, .cipher = "0x1234"}},
        {"not known", rule, MXT_SEVERITY_NONE, {ESTABLISHED}},
        {"failed", rule, MXT_SEVERITY_NONE, {.has_tls = true, .outcome = MXT_TLS_FAILED, .cipher = "TLS_RSA_WITH_NULL_SHA256"}},
        {"outcome not known", rule, MXT_SEVERITY_NONE, {.has_tls = true, .cipher = "TLS_RSA_WITH_NULL_SHA256"}},
    };
    check_session(cases, COUNT(cases));
}

static void downgraded(void **state)
{
    (void)state;
    enum mxt_rule rule = MXT_RULE_TLS_DOWNGRADED;
    const struct judged cases[] = {
        {"the client gave up", rule, MXT_SEVERITY_HIGH, {.has_tls = true, .outcome = MXT_TLS_FAILED, .downgrade_sentinel = Y, .version = 0x0303, .client_max_version = 0x0304}},
        {"the client went on", rule, MXT_SEVERITY_HIGH, {ESTABLISHED, .downgrade_sentinel = Y, .version = 0x0303, .client_max_version = 0x0304, .is_snapshot = true}},
        {"an old client", rule, MXT_SEVERITY_NONE, {ESTABLISHED, .downgrade_sentinel = Y, .version = 0x0303, .client_max_version = 0x0303}},
        {"an unknown client", rule, MXT_SEVERITY_NONE, {ESTABLISHED, .downgrade_sentinel = Y, .version = 0x0303}},
        {"no mark", rule, MXT_SEVERITY_NONE, {ESTABLISHED, .downgrade_sentinel = N, .version = 0x0303, .client_max_version = 0x0304}},
        {"not known", rule, MXT_SEVERITY_NONE, {ESTABLISHED, .version = 0x0303, .client_max_version = 0x0304}},
    };
    check_session(cases, COUNT(cases));
}

static void host_mismatch(void **state)
{
    (void)state;
    enum mxt_rule rule = MXT_RULE_CERTIFICATE_HOST_MISMATCH;
    const struct judged cases[] = {
        {"SNI", rule, MXT_SEVERITY_MEDIUM, {SHOWN, .sni = "mx.example.net", .names = {"other.example.net"}}},
        {"SNI, whatever the greeting says", rule, MXT_SEVERITY_MEDIUM, {SHOWN, .sni = "mx.example.net", .banner_name = "a.example", .names = {"a.example"}}},
        {"a certificate without names", rule, MXT_SEVERITY_MEDIUM, {SHOWN, .sni = "mx.example.net"}},
        {"the handshake failed of it",
         rule,
         MXT_SEVERITY_MEDIUM,
         {.has_tls = true, .outcome = MXT_TLS_FAILED, .visible = Y, .sni = "mx.example.net", .names = {"other.example.net"}}},
        {"greeting", rule, MXT_SEVERITY_LOW, {SHOWN, .banner_name = "mx.example.net", .names = {"other.example.net"}}},
        {"SNI is no host name", rule, MXT_SEVERITY_LOW, {SHOWN, .sni = "192.0.2.1", .banner_name = "mx.example.net", .names = {"other.example.net"}}},
        {"a wildcard for one label only", rule, MXT_SEVERITY_MEDIUM, {SHOWN, .sni = "a.b.example.net", .names = {"*.example.net"}}},
        {"SNI matches", rule, MXT_SEVERITY_NONE, {SHOWN, .sni = "mx.example.net", .banner_name = "a.example", .names = {"x.example", "mx.example.net"}}},
        {"SNI matches a wildcard", rule, MXT_SEVERITY_NONE, {SHOWN, .sni = "mx.example.net", .names = {"*.example.net"}}},
        {"greeting matches", rule, MXT_SEVERITY_NONE, {SHOWN, .banner_name = "mx.example.net", .names = {"mx.example.net"}}},
        {"no name known", rule, MXT_SEVERITY_NONE, {SHOWN, .names = {"other.example.net"}}},
        {"the greeting's is no host name", rule, MXT_SEVERITY_NONE, {SHOWN, .banner_name = "localhost", .names = {"other.example.net"}}},
        {"certificate hidden", rule, MXT_SEVERITY_NONE, {ESTABLISHED, .visible = N, .sni = "mx.example.net"}},
        {"certificate not seen", rule, MXT_SEVERITY_NONE, {ESTABLISHED, .sni = "mx.example.net"}},
    };
    check_session(cases, COUNT(cases));
}

static void validity(void **state)
{
    (void)state;
    enum mxt_rule expired = MXT_RULE_CERTIFICATE_EXPIRED;
    enum mxt_rule early = MXT_RULE_CERTIFICATE_NOT_YET_VALID;
    const struct judged cases[] = {
        {"expired yesterday", expired, MXT_SEVERITY_MEDIUM, {SHOWN, .not_before = NOW - 90 * DAY, .not_after = NOW - DAY}},
        {"expired a second ago", expired, MXT_SEVERITY_MEDIUM, {SHOWN, .not_after = NOW - SECOND}},
        {"in its last second", expired, MXT_SEVERITY_NONE, {SHOWN, .not_after = NOW}},
        {"on its last day", expired, MXT_SEVERITY_NONE, {SHOWN, .not_before = NOW - 89 * DAY, .not_after = NOW + DAY}},
        {"end not known", expired, MXT_SEVERITY_NONE, {SHOWN}},
        {"hidden", expired, MXT_SEVERITY_NONE, {ESTABLISHED, .visible = N, .not_after = NOW - DAY}},
        {"not seen", expired, MXT_SEVERITY_NONE, {ESTABLISHED, .not_after = NOW - DAY}},
        {"valid tomorrow", early, MXT_SEVERITY_MEDIUM, {SHOWN, .not_before = NOW + DAY, .not_after = NOW + 90 * DAY}},
        {"valid in a second", early, MXT_SEVERITY_MEDIUM, {SHOWN, .not_before = NOW + SECOND}},
        {"valid since now", early, MXT_SEVERITY_NONE, {SHOWN, .not_before = NOW}},
        {"begin not known", early, MXT_SEVERITY_NONE, {SHOWN, .not_after = NOW + DAY}},
        {"hidden", early, MXT_SEVERITY_NONE, {ESTABLISHED, .visible = N, .not_before = NOW + DAY}},
    };
    check_session(cases, COUNT(cases));
}

static void untrusted(void **state)
{
    (void)state;
    enum mxt_rule rule = MXT_RULE_CERTIFICATE_UNTRUSTED;
    const struct judged cases[] = {
        {"self-signed", rule, MXT_SEVERITY_LOW, {SHOWN, .trust = MXT_TRUST_SELF_SIGNED}},
        {"unknown issuer", rule, MXT_SEVERITY_LOW, {SHOWN, .trust = MXT_TRUST_UNKNOWN_ISSUER}},
        {"incomplete", rule, MXT_SEVERITY_LOW, {SHOWN, .trust = MXT_TRUST_INCOMPLETE}},
        {"trusted", rule, MXT_SEVERITY_NONE, {SHOWN, .trust = MXT_TRUST_TRUSTED}},
        {"unchecked", rule, MXT_SEVERITY_NONE, {SHOWN}},
        {"hidden", rule, MXT_SEVERITY_NONE, {ESTABLISHED, .visible = N, .trust = MXT_TRUST_SELF_SIGNED}},
    };
    check_session(cases, COUNT(cases));
}

static void weak(void **state)
{
    (void)state;
    enum mxt_rule rule = MXT_RULE_CERTIFICATE_WEAK;
    const struct judged cases[] = {
        {"RSA 1024", rule, MXT_SEVERITY_LOW, {SHOWN, .is_rsa = Y, .is_ec = N, .key_bits = 1024}},
        {"RSA 2047", rule, MXT_SEVERITY_LOW, {SHOWN, .is_rsa = Y, .is_ec = N, .key_bits = 2047}},
        {"EC 192", rule, MXT_SEVERITY_LOW, {SHOWN, .is_rsa = N, .is_ec = Y, .key_bits = 192}},
        {"SHA-1", rule, MXT_SEVERITY_LOW, {SHOWN, .is_rsa = Y, .key_bits = 2048, .is_weak_signature = Y}},
        {"both", rule, MXT_SEVERITY_LOW, {SHOWN, .is_rsa = Y, .key_bits = 1024, .is_weak_signature = Y}},
        {"RSA 2048", rule, MXT_SEVERITY_NONE, {SHOWN, .is_rsa = Y, .is_ec = N, .key_bits = 2048, .is_weak_signature = N}},
        {"EC 256", rule, MXT_SEVERITY_NONE, {SHOWN, .is_rsa = N, .is_ec = Y, .key_bits = 256, .is_weak_signature = N}},
        {"Ed25519 is neither", rule, MXT_SEVERITY_NONE, {SHOWN, .is_rsa = N, .is_ec = N, .key_bits = 128}},
        {"size not known", rule, MXT_SEVERITY_NONE, {SHOWN, .is_rsa = Y}},
        {"kind not known", rule, MXT_SEVERITY_NONE, {SHOWN, .key_bits = 1024}},
        {"hidden", rule, MXT_SEVERITY_NONE, {ESTABLISHED, .visible = N, .is_rsa = Y, .key_bits = 1024}},
    };
    check_session(cases, COUNT(cases));
}

static void weak_says_all_that_is_weak(void **state)
{
    (void)state;
    const struct facts facts = {SHOWN, .is_rsa = Y, .key_bits = 1024, .is_weak_signature = Y};
    struct scene scene;
    scene_make(&scene, &facts);
    struct mxt_finding *findings = NULL;
    assert_int_equal(mxt_judge_session(&scene.record, &scene.arena, &findings), MXT_OK);
    const struct mxt_evidence *weaknesses = scene_evidence(scene_find(findings, MXT_RULE_CERTIFICATE_WEAK), "weaknesses");
    assert_non_null(weaknesses);
    assert_int_equal(weaknesses->list.count, 2);
    assert_string_equal(weaknesses->list.items[0], "RSA key of 1024 bits");
    scene_free(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_obsolete), cmocka_unit_test(cipher_weak), cmocka_unit_test(downgraded), cmocka_unit_test(host_mismatch),
        cmocka_unit_test(validity),         cmocka_unit_test(untrusted),   cmocka_unit_test(weak),       cmocka_unit_test(weak_says_all_that_is_weak),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
