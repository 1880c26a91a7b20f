/*
 * Records for tests of the judge, told by the few facts that matter to a case. What a case leaves out is unknown.
 */
#ifndef MXT_TESTS_SCENE_H
#define MXT_TESTS_SCENE_H

#include <stdbool.h>
#include <string.h>

#include "check.h"
#include "decoders/text.h"
#include "rules/judge.h"
#include "rules/record.h"

#define SECOND INT64_C(1000000)
#define DAY    (86400 * SECOND)
#define NOW    (1700000000 * SECOND) /* 2023-11-14T22:13:20Z */

enum { VERBS = 20, NAMES = 4, RECIPIENTS = 4 };

struct facts {
    bool is_snapshot; /* more may follow */
    enum mxt_hop hop;
    uint16_t port; /* 0: 25 */
    bool midstream, one_sided;
    uint64_t gap_toserver, gap_toclient;
    const char *ended;
    uint32_t overlaps;
    const char *app_proto;

    enum mxt_fact offered, requested;
    uint16_t reply_code;
    const char *masked, *mangled;
    const char *before[VERBS];
    uint32_t injected_toserver, injected_toclient;
    enum mxt_fact ehlo;
    uint16_t ehlo_code, helo_code;
    const char *banner_name, *helo;
    bool is_lmtp, pairing_lost;

    uint32_t exposed; /* messages */
    const char *recipients[RECIPIENTS];
    enum mxt_fact content; /* of the one message that is kept: exposed? */

    const char *mechanism;
    enum mxt_fact secret;
    uint16_t auth_code;
    uint32_t attempts;

    const char *mark, *verb;
    enum mxt_fact server_ended;

    bool has_tls;
    enum mxt_tls_mode mode; /* NONE: STARTTLS */
    enum mxt_tls_outcome outcome;
    uint16_t version, client_max_version;
    const char *cipher, *sni;
    enum mxt_fact downgrade_sentinel;

    enum mxt_fact visible; /* the certificate */
    const char *names[NAMES];
    int64_t not_before, not_after;
    enum mxt_trust_verdict trust;
    const char *spki, *issuer;
    enum mxt_fact is_rsa, is_ec, is_weak_signature;
    uint16_t key_bits;
};

struct scene {
    struct mxt_arena arena;
    struct mxt_record record;
    struct mxt_smtp_facts smtp;
    struct mxt_tls_facts tls;
    struct mxt_message message;
    struct mxt_smuggling smuggling;
};

static inline struct mxt_text_list scene_list(struct mxt_arena *arena, const char *const *items, size_t max)
{
    struct mxt_text_list list = {0};
    for (size_t i = 0; i < max && items[i] != NULL; i++)
        assert_int_equal(mxt_text_list_add(&list, arena, items[i], 16), MXT_OK);
    return list;
}

static inline void scene_set_smtp(struct scene *scene, const struct facts *f)
{
    struct mxt_smtp_facts *smtp = &scene->smtp;
    smtp->starttls = (struct mxt_starttls_facts){.offered = f->offered,
                                                 .requested = f->requested,
                                                 .reply_code = f->reply_code,
                                                 .masked = f->masked,
                                                 .mangled_command = f->mangled,
                                                 .injected_toserver = f->injected_toserver,
                                                 .injected_toclient = f->injected_toclient,
                                                 .before = scene_list(&scene->arena, f->before, VERBS)};
    smtp->ehlo = f->ehlo;
    smtp->ehlo_reply_code = f->ehlo_code;
    smtp->helo_reply_code = f->helo_code;
    smtp->server_name = f->banner_name;
    smtp->helo = f->helo;
    smtp->is_lmtp = f->is_lmtp;
    smtp->pairing_lost = f->pairing_lost;
    smtp->exposed_total = f->exposed;
    smtp->auth = (struct mxt_auth_facts){.mechanism = f->mechanism, .plaintext = f->secret, .reply_code = f->auth_code, .attempts = f->attempts};
    scene->message = (struct mxt_message){.rcpt_to = scene_list(&scene->arena, f->recipients, RECIPIENTS), .exposed = f->content};
    smtp->messages = f->recipients[0] != NULL ? &scene->message : NULL;
    scene->smuggling = (struct mxt_smuggling){.mark = f->mark, .verb = f->verb, .server_ended = f->server_ended};
    smtp->smuggling = f->mark != NULL ? &scene->smuggling : NULL;
    smtp->smuggling_total = f->mark != NULL ? 1 : 0;
}

static inline void scene_set_tls(struct scene *scene, const struct facts *f)
{
    struct mxt_tls_facts *tls = &scene->tls;
    tls->mode = f->mode == MXT_TLS_NONE ? MXT_TLS_STARTTLS : f->mode;
    tls->outcome = f->outcome;
    tls->version = f->version;
    tls->client_max_version = f->client_max_version;
    tls->cipher = f->cipher;
    tls->sni = f->sni;
    tls->downgrade_sentinel = f->downgrade_sentinel;
    tls->has_certificate = f->visible == MXT_YES;
    tls->certificate = (struct mxt_certificate_facts){
        .visible = f->visible,
        .sha256 = f->visible == MXT_YES ? "00ff" : NULL,
        .spki_sha256 = f->spki,
        .issuer_org = f->issuer,
        .subject_alt_names = scene_list(&scene->arena, f->names, NAMES),
        .not_before_us = f->not_before,
        .not_after_us = f->not_after,
        .trust = f->trust,
        .key_is_rsa = f->is_rsa,
        .key_is_ec = f->is_ec,
        .has_weak_signature = f->is_weak_signature,
        .key_bits = f->key_bits,
    };
}

/* Free with scene_free. The scene must not be moved. */
static inline void scene_make(struct scene *scene, const struct facts *f)
{
    *scene = (struct scene){0};
    struct mxt_record *record = &scene->record;
    record->timestamp_us = NOW + SECOND;
    record->start_us = NOW;
    record->session_id = 0x0123456789abcdef;
    record->final = !f->is_snapshot;
    record->hop = f->hop;
    record->app_proto = f->app_proto;
    record->src_port = 40112;
    record->dest_port = f->port == 0 ? 25 : f->port;
    record->capture = (struct mxt_capture_facts){.gap_bytes_toserver = f->gap_toserver,
                                                 .gap_bytes_toclient = f->gap_toclient,
                                                 .midstream = f->midstream,
                                                 .one_sided = f->one_sided,
                                                 .conflicting_overlaps = f->overlaps,
                                                 .ended = f->ended};
    assert_int_equal(mxt_address_parse("10.1.0.25", &record->src_ip), MXT_OK);
    assert_int_equal(mxt_address_parse("192.0.2.25", &record->dest_ip), MXT_OK);
    scene_set_smtp(scene, f);
    record->smtp = &scene->smtp;
    if (f->has_tls) {
        scene_set_tls(scene, f);
        record->tls = &scene->tls;
    }
}

static inline void scene_free(struct scene *scene)
{
    mxt_arena_free(&scene->arena);
}

static inline const struct mxt_finding *scene_find(const struct mxt_finding *findings, enum mxt_rule rule)
{
    while (findings != NULL && findings->rule != rule)
        findings = findings->next;
    return findings;
}

static inline const struct mxt_evidence *scene_evidence(const struct mxt_finding *finding, const char *key)
{
    const struct mxt_evidence *evidence = finding->evidence;
    while (evidence != NULL && strcmp(evidence->key, key) != 0)
        evidence = evidence->next;
    return evidence;
}

/* One line of a table: these facts make this rule say this (NONE: nothing). */
struct judged {
    const char *what;
    enum mxt_rule rule;
    enum mxt_severity severity;
    struct facts facts;
};

static inline void check_session(const struct judged *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct scene scene;
        scene_make(&scene, &cases[i].facts);
        struct mxt_finding *findings = NULL;
        assert_int_equal(mxt_judge_session(&scene.record, &scene.arena, &findings), MXT_OK);
        const struct mxt_finding *finding = scene_find(findings, cases[i].rule);
        enum mxt_severity severity = finding == NULL ? MXT_SEVERITY_NONE : finding->severity;
        if (severity != cases[i].severity)
            fail_msg("%s: %s instead of %s", cases[i].what, severity == MXT_SEVERITY_NONE ? "silent" : mxt_severity_name(severity),
                     cases[i].severity == MXT_SEVERITY_NONE ? "silence" : mxt_severity_name(cases[i].severity));
        scene_free(&scene);
    }
}

#endif
