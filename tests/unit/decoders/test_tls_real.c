/* The TLS decoder beside OpenSSL: real handshakes in memory, whole and cut everywhere. */
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "make_certificate.h"
#include "tls_wire.h"

/* What both peers are told, and what happens. */
struct scenario {
    int client_min, client_max, server_min, server_max; /* 0: any */
    const char *ciphers;          /* of both, up to TLS 1.2 */
    const char *server_suites;    /* of TLS 1.3 */
    const char *client_groups, *server_groups;
    const char *sni;
    bool is_client_asked;         /* the server requires a certificate */
    bool has_client_certificate;
    bool is_server_checked;       /* the client verifies, and knows no anchor */
    bool is_without_tickets;
    bool sends_fallback;
    bool is_server_first;         /* implicit TLS: the banner opens */
    bool is_silent;               /* no data at all */
    bool says_goodbye;            /* the client ends by close_notify */
    SSL_SESSION *session;         /* to resume */
    SSL_SESSION **new_session;
};

static struct made server_certificate;
static struct made client_certificate;

static int make_all(void **state)
{
    (void)state;
    server_certificate = make_certificate(&(struct recipe){.cn = "mx.example.net", .org = "Example", .san = "DNS:mx.example.net"}, NULL);
    client_certificate = make_certificate(&(struct recipe){.cn = "out.example.org"}, NULL);
    return 0;
}

static int free_all(void **state)
{
    (void)state;
    free_made(&server_certificate);
    free_made(&client_certificate);
    return 0;
}

static void configure(SSL_CTX *context, const struct scenario *s, bool is_server)
{
    SSL_CTX_set_min_proto_version(context, is_server ? s->server_min : s->client_min);
    SSL_CTX_set_max_proto_version(context, is_server ? s->server_max : s->client_max);
    assert_int_equal(SSL_CTX_set_cipher_list(context, s->ciphers != NULL ? s->ciphers : "ALL:@SECLEVEL=0"), 1);
    if (is_server && s->server_suites != NULL)
        assert_int_equal(SSL_CTX_set_ciphersuites(context, s->server_suites), 1);
    const char *groups = is_server ? s->server_groups : s->client_groups;
    if (groups != NULL)
        assert_int_equal(SSL_CTX_set1_groups_list(context, groups), 1);
    if (s->is_without_tickets)
        SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    const struct made *made = is_server ? &server_certificate : s->has_client_certificate ? &client_certificate : NULL;
    if (made != NULL) {
        assert_int_equal(SSL_CTX_use_certificate(context, made->x509), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey(context, made->key), 1);
    }
    SSL_CTX_set_dh_auto(context, 1);
    SSL_CTX_set_session_id_context(context, (const unsigned char *)"mxtap", 5);
    if (is_server && s->is_client_asked) {
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
        X509_STORE_add_cert(SSL_CTX_get_cert_store(context), client_certificate.x509);
    }
    if (!is_server && s->is_server_checked)
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
}

/* Moves what one peer has to say to the other, over the wire. false: it was silent. */
static bool move(struct wire *wire, SSL *from, SSL *to, enum mxt_direction direction)
{
    char bytes[65536];
    int n = BIO_read(SSL_get_wbio(from), bytes, sizeof bytes);
    if (n <= 0)
        return false;
    wire_add(wire, direction, bytes, (size_t)n);
    BIO_write(SSL_get_rbio(to), bytes, n);
    return true;
}

/* Both go on with the handshake, then read, until both are silent. */
static void pump(struct wire *wire, SSL *client, SSL *server)
{
    char bytes[4096];
    bool is_moving = true;
    while (is_moving) {
        if (SSL_do_handshake(client) == 1)
            (void)SSL_read(client, bytes, sizeof bytes);
        is_moving = move(wire, client, server, MXT_TOSERVER);
        if (SSL_do_handshake(server) == 1)
            (void)SSL_read(server, bytes, sizeof bytes);
        is_moving = move(wire, server, client, MXT_TOCLIENT) || is_moving;
    }
    ERR_clear_error();
}

static void say(struct wire *wire, SSL *client, SSL *server, bool is_client, const char *text)
{
    (void)SSL_write(is_client ? client : server, text, (int)strlen(text));
    pump(wire, client, server);
}

static void talk(struct wire *wire, const struct scenario *s, SSL *client, SSL *server)
{
    pump(wire, client, server);
    bool is_open = SSL_is_init_finished(client) && SSL_is_init_finished(server);
    if (is_open && !s->is_silent) {
        if (s->is_server_first)
            say(wire, client, server, false, "220 mx.example.net ESMTP\r\n");
        say(wire, client, server, true, "EHLO out.example.org\r\n");
        say(wire, client, server, false, "250-mx.example.net\r\n250 SIZE\r\n");
    }
    if (s->says_goodbye) {
        SSL_shutdown(client);
        move(wire, client, server, MXT_TOSERVER);
    }
    wire_close(wire, MXT_TOSERVER, MXT_CLOSE_FIN);
    wire_close(wire, MXT_TOCLIENT, MXT_CLOSE_FIN);
}

/* Contexts may be kept over two sessions, for resumption. */
static void run_with(struct wire *wire, const struct scenario *s, SSL_CTX *client_context, SSL_CTX *server_context)
{
    SSL *client = SSL_new(client_context);
    SSL *server = SSL_new(server_context);
    SSL_set_bio(client, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_bio(server, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(client);
    SSL_set_accept_state(server);
    if (s->sni != NULL)
        SSL_set_tlsext_host_name(client, s->sni);
    if (s->sends_fallback)
        SSL_set_mode(client, SSL_MODE_SEND_FALLBACK_SCSV);
    if (s->session != NULL)
        assert_int_equal(SSL_set_session(client, s->session), 1);
    *wire = (struct wire){.count = 0};
    talk(wire, s, client, server);
    if (s->new_session != NULL)
        *s->new_session = SSL_get1_session(client);
    SSL_set_shutdown(client, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN); /* or the session would count as broken */
    SSL_set_shutdown(server, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(client);
    SSL_free(server);
}

static void run(struct wire *wire, const struct scenario *s)
{
    SSL_CTX *client = SSL_CTX_new(TLS_client_method());
    SSL_CTX *server = SSL_CTX_new(TLS_server_method());
    configure(client, s, false);
    configure(server, s, true);
    run_with(wire, s, client, server);
    SSL_CTX_free(client);
    SSL_CTX_free(server);
}

static void assert_established(const struct mxt_tls_facts *facts)
{
    assert_int_equal(facts->outcome, MXT_TLS_ESTABLISHED);
    assert_null(facts->ended_how);
    assert_null(facts->alert);
    assert_true(facts->encrypted_toserver > 0 && facts->encrypted_toclient > 0);
}

static void assert_failed(const struct mxt_tls_facts *facts, enum mxt_ended_by by, const char *how, const char *alert)
{
    assert_int_equal(facts->outcome, MXT_TLS_FAILED);
    assert_int_equal(facts->ended_by, by);
    assert_string_equal(facts->ended_how, how);
    assert_same_text(facts->alert, alert);
    assert_int_equal(facts->alert_by, alert == NULL ? MXT_ENDED_BY_UNKNOWN : by);
}

static void test_every_version(void **state)
{
    (void)state;
    static const struct {
        int version;
        bool is_server_first;
        const char *name;
    } cases[] = {{TLS1_VERSION, false, "TLSv1"},   {TLS1_1_VERSION, false, "TLS 1.1"}, {TLS1_2_VERSION, false, "TLS 1.2"},
                 {TLS1_3_VERSION, false, "TLS 1.3"}, {TLS1_2_VERSION, true, "TLS 1.2"},  {TLS1_3_VERSION, true, "TLS 1.3"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct wire wire;
        run(&wire, &(struct scenario){.server_max = cases[i].version, .client_min = TLS1_VERSION, .server_min = TLS1_VERSION, .sni = "MX.Example.NET",
                                      .is_server_first = cases[i].is_server_first, .says_goodbye = true});
        struct seen seen = see_wire(&wire);
        const struct mxt_tls_facts *facts = seen.facts;
        assert_established(facts);
        assert_string_equal(mxt_tls_version_name(facts->version), cases[i].name);
        assert_int_equal(mxt_tls_version_from_name(cases[i].name), facts->version);
        assert_int_equal(facts->client_max_version, 0x0304);
        assert_int_equal(strncmp(facts->cipher, "TLS_", 4), 0);
        assert_string_equal(facts->sni, "mx.example.net");
        assert_int_equal(facts->session_resumed, MXT_NO);
        assert_int_equal(facts->hello_retry, MXT_NO);
        assert_int_equal(facts->fallback_scsv, MXT_NO);
        assert_int_equal(facts->downgrade_sentinel, MXT_NO);
        bool is_visible = cases[i].version != TLS1_3_VERSION;
        assert_int_equal(facts->certificate.visible, is_visible ? MXT_YES : MXT_NO);
        size_t count;
        const struct mxt_der *chain = mxt_tls_chain(seen.tls, &count);
        assert_int_equal(count, is_visible ? 1 : 0);
        if (is_visible) {
            unsigned char *der;
            size_t n = encode_made(&server_certificate, &der);
            assert_int_equal(chain[0].length, n);
            assert_memory_equal(chain[0].bytes, der, n);
            OPENSSL_free(der);
        }
        seen_free(&seen);
        wire_free(&wire);
    }
}

/* Two sessions of the same peers. The second is told about. */
static void resume(int version, bool is_without_tickets)
{
    SSL_SESSION *session = NULL;
    struct scenario s = {.client_min = version, .client_max = version, .is_without_tickets = is_without_tickets, .new_session = &session};
    SSL_CTX *client = SSL_CTX_new(TLS_client_method());
    SSL_CTX *server = SSL_CTX_new(TLS_server_method());
    configure(client, &s, false);
    configure(server, &s, true);
    struct wire wire;
    run_with(&wire, &s, client, server);
    wire_free(&wire);
    s.session = session;
    s.new_session = NULL;
    run_with(&wire, &s, client, server);
    SSL_SESSION_free(session);
    SSL_CTX_free(client);
    SSL_CTX_free(server);

    struct seen seen = see_wire(&wire);
    assert_established(seen.facts);
    assert_int_equal(seen.facts->session_resumed, MXT_YES);
    assert_int_equal(seen.facts->certificate.visible, MXT_NO);
    seen_free(&seen);
    wire_free(&wire);
}

static void test_resumption(void **state)
{
    (void)state;
    resume(TLS1_2_VERSION, true);
    resume(TLS1_2_VERSION, false);
    resume(TLS1_3_VERSION, false);
    resume(TLS1_VERSION, true);
}

static void test_hello_retry(void **state)
{
    (void)state;
    struct wire wire;
    run(&wire, &(struct scenario){.client_groups = "X25519:P-384", .server_groups = "P-384"});
    struct seen seen = see_wire(&wire);
    assert_established(seen.facts);
    assert_int_equal(seen.facts->hello_retry, MXT_YES);
    assert_int_equal(seen.facts->version, 0x0304);
    /* Of the first hello, which offers one key share of two groups. */
    assert_non_null(strstr(seen.facts->ja3_string, ",29-24,"));
    seen_free(&seen);
    wire_free(&wire);
}

static void test_anonymous(void **state)
{
    (void)state;
    struct wire wire;
    run(&wire, &(struct scenario){.client_max = TLS1_2_VERSION, .ciphers = "aNULL:@SECLEVEL=0"});
    struct seen seen = see_wire(&wire);
    assert_established(seen.facts);
    assert_non_null(strstr(seen.facts->cipher, "_anon_"));
    assert_int_equal(seen.facts->certificate.visible, MXT_NO);
    assert_int_equal(seen.facts->session_resumed, MXT_NO);
    seen_free(&seen);
    wire_free(&wire);
}

static void test_client_certificates(void **state)
{
    (void)state;
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    for (size_t i = 0; i < COUNT(versions); i++) {
        struct wire wire;
        run(&wire, &(struct scenario){.server_max = versions[i], .is_client_asked = true, .has_client_certificate = true});
        struct seen seen = see_wire(&wire);
        assert_established(seen.facts);
        size_t count;
        (void)mxt_tls_chain(seen.tls, &count);
        assert_int_equal(count, i == 0 ? 1 : 0); /* never the client's */
        seen_free(&seen);
        wire_free(&wire);

        run(&wire, &(struct scenario){.server_max = versions[i], .is_client_asked = true});
        seen = see_wire(&wire);
        if (versions[i] == TLS1_3_VERSION)
            assert_failed(seen.facts, MXT_ENDED_BY_SERVER, "alert_sized_record", NULL);
        else
            assert_failed(seen.facts, MXT_ENDED_BY_SERVER, "alert", "handshake_failure");
        seen_free(&seen);
        wire_free(&wire);
    }
}

static void test_cipher_with_another_hash(void **state)
{
    (void)state;
    static const struct {
        const char *suite;
        uint16_t id;
    } suites[] = {{"TLS_AES_128_GCM_SHA256", 0x1301},
                  {"TLS_AES_256_GCM_SHA384", 0x1302},
                  {"TLS_CHACHA20_POLY1305_SHA256", 0x1303}};
    for (size_t i = 0; i < COUNT(suites); i++) {
        for (int is_checked = 0; is_checked < 2; is_checked++) {
            struct wire wire;
            run(&wire, &(struct scenario){.server_suites = suites[i].suite, .is_server_checked = is_checked == 1});
            struct seen seen = see_wire(&wire);
            assert_int_equal(seen.facts->cipher_id, suites[i].id);
            assert_string_equal(seen.facts->cipher, suites[i].suite);
            if (is_checked == 1) /* OpenSSL's client encrypts from its Finished on */
                assert_failed(seen.facts, MXT_ENDED_BY_CLIENT, "alert", "unknown_ca");
            else
                assert_established(seen.facts);
            seen_free(&seen);
            wire_free(&wire);
        }
    }
}

static void test_alerts(void **state)
{
    (void)state;
    static const struct {
        struct scenario scenario;
        enum mxt_ended_by by;
        const char *alert;
    } cases[] = {
        {{.client_max = TLS1_2_VERSION, .is_server_checked = true}, MXT_ENDED_BY_CLIENT, "unknown_ca"},
        {{.client_min = TLS1_VERSION, .client_max = TLS1_1_VERSION, .server_min = TLS1_2_VERSION}, MXT_ENDED_BY_SERVER, "protocol_version"},
        {{.client_max = TLS1_2_VERSION, .client_groups = "P-384", .server_groups = "P-256", .ciphers = "ECDHE:@SECLEVEL=0"},
         MXT_ENDED_BY_SERVER,
         "handshake_failure"},
        {{.client_max = TLS1_2_VERSION, .sends_fallback = true}, MXT_ENDED_BY_SERVER, "inappropriate_fallback"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct wire wire;
        run(&wire, &cases[i].scenario);
        struct seen seen = see_wire(&wire);
        assert_failed(seen.facts, cases[i].by, "alert", cases[i].alert);
        assert_int_equal(seen.facts->fallback_scsv, cases[i].scenario.sends_fallback ? MXT_YES : MXT_NO);
        seen_free(&seen);
        wire_free(&wire);
    }
}

/* Behind the Finished, before any data. */
static void test_ends_without_data(void **state)
{
    (void)state;
    struct wire wire;
    run(&wire, &(struct scenario){.client_max = TLS1_2_VERSION, .is_silent = true});
    struct seen seen = see_wire(&wire);
    assert_failed(seen.facts, MXT_ENDED_BY_CLIENT, "close", NULL);
    seen_free(&seen);
    wire_free(&wire);

    run(&wire, &(struct scenario){.client_max = TLS1_2_VERSION, .is_silent = true, .says_goodbye = true});
    seen = see_wire(&wire);
    assert_failed(seen.facts, MXT_ENDED_BY_CLIENT, "alert", "encrypted");
    seen_free(&seen);
    wire_free(&wire);

    run(&wire, &(struct scenario){.is_silent = true});
    seen = see_wire(&wire);
    assert_failed(seen.facts, MXT_ENDED_BY_CLIENT, "close", NULL);
    seen_free(&seen);
    wire_free(&wire);

    run(&wire, &(struct scenario){.is_silent = true, .says_goodbye = true});
    seen = see_wire(&wire);
    assert_failed(seen.facts, MXT_ENDED_BY_CLIENT, "alert_sized_record", NULL);
    seen_free(&seen);
    wire_free(&wire);
}

/* At whatever place the capture ends, nothing is said to be established or failed that was not. */
static void test_capture_ends_early(void **state)
{
    (void)state;
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    for (size_t v = 0; v < COUNT(versions); v++) {
        struct wire wire;
        run(&wire, &(struct scenario){.server_max = versions[v]});
        size_t established_at = 0;
        for (size_t kept = 0; kept + 2 <= wire.count; kept++) { /* the closes left out */
            struct wire part = wire;
            part.count = kept;
            struct seen seen;
            seen_new(&seen);
            feed_wire(seen.tls, &part, SIZE_MAX, 0);
            if (seen.facts->outcome == MXT_TLS_ESTABLISHED && established_at == 0)
                established_at = kept;
            assert_int_equal(seen.facts->outcome, established_at == 0 ? MXT_TLS_INCOMPLETE : MXT_TLS_ESTABLISHED);
            seen_free(&seen);
        }
        assert_int_equal(established_at, wire.count - 2); /* the server's answer to EHLO */
        wire_free(&wire);
    }
}

static void test_one_direction_is_unknown(void **state)
{
    (void)state;
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    for (size_t i = 0; i < 4; i++) {
        struct wire wire;
        run(&wire, &(struct scenario){.server_max = versions[i / 2], .says_goodbye = true});
        struct seen seen;
        seen_new(&seen);
        for (size_t k = 0; k < wire.count; k++) {
            if ((size_t)wire.chunks[k].direction == i % 2)
                feed_chunk(seen.tls, &wire.chunks[k], SIZE_MAX, 0);
        }
        mxt_tls_finish(seen.tls);
        assert_int_equal(seen.facts->outcome, MXT_TLS_OUTCOME_UNKNOWN);
        assert_null(seen.facts->ended_how);
        seen_free(&seen);
        wire_free(&wire);
    }
}

/* Any chunk missing: never "failed", for the session was good; and what was seen stays true. */
static void test_gaps(void **state)
{
    (void)state;
    static const int versions[] = {TLS1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION};
    for (size_t v = 0; v < COUNT(versions); v++) {
        struct wire wire;
        run(&wire, &(struct scenario){.server_max = versions[v], .client_min = TLS1_VERSION, .server_min = TLS1_VERSION, .says_goodbye = true});
        for (size_t lost = 0; lost + 2 < wire.count; lost++) {
            for (size_t part = 0; part < 3; part++) { /* all of it, its first part, its last part */
                struct seen seen;
                seen_new(&seen);
                for (size_t k = 0; k < wire.count; k++) {
                    const struct chunk *chunk = &wire.chunks[k];
                    if (k != lost) {
                        feed_chunk(seen.tls, chunk, SIZE_MAX, 0);
                        continue;
                    }
                    size_t from = part == 2 ? chunk->n / 2 : 0;
                    size_t until = part == 1 ? chunk->n / 2 : chunk->n;
                    feed_copy(seen.tls, chunk->direction, chunk->p, from);
                    mxt_tls_gap(seen.tls, chunk->direction, until - from);
                    feed_copy(seen.tls, chunk->direction, chunk->p + until, chunk->n - until);
                }
                mxt_tls_finish(seen.tls);
                assert_true(seen.facts->outcome == MXT_TLS_OUTCOME_UNKNOWN || seen.facts->outcome == MXT_TLS_ESTABLISHED);
                assert_true(seen.facts->version == 0 || seen.facts->version == (uint16_t)versions[v]);
                assert_true(seen.facts->session_resumed != MXT_YES);
                assert_true(seen.facts->certificate.visible != (versions[v] == TLS1_3_VERSION ? MXT_YES : MXT_NO));
                seen_free(&seen);
            }
        }
        wire_free(&wire);
    }
}

static void test_memory_ends(void **state)
{
    (void)state;
    struct wire wire;
    run(&wire, &(struct scenario){.client_max = TLS1_2_VERSION, .sni = "mx.example.net"});
    bool has_survived = false;
    for (uint32_t at = 1; !has_survived && at < 100; at++) {
        struct mxt_arena arena;
        struct mxt_tls_limits limits = MXT_TLS_LIMITS_DEFAULT;
        mxt_arena_init(&arena, 0);
        arena.fail_at = at;
        struct mxt_tls *tls = mxt_tls_new(&arena, &limits);
        enum mxt_status status = MXT_OK;
        for (size_t i = 0; i < wire.count && tls != NULL; i++) {
            if (wire.chunks[i].kind != CHUNK_BYTES)
                continue;
            enum mxt_status now = mxt_tls_feed(tls, wire.chunks[i].direction, wire.chunks[i].p, wire.chunks[i].n);
            assert_true(status == MXT_OK || now == status); /* sticky */
            status = now;
        }
        has_survived = arena.failures == 0;
        assert_true(tls == NULL || status == (has_survived ? MXT_DONE : MXT_ENOMEM));
        if (tls != NULL)
            mxt_tls_finish(tls);
        mxt_tls_free(tls);
        mxt_arena_free(&arena);
    }
    assert_true(has_survived);
    wire_free(&wire);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_version),       cmocka_unit_test(test_resumption),
        cmocka_unit_test(test_hello_retry),         cmocka_unit_test(test_anonymous),
        cmocka_unit_test(test_client_certificates), cmocka_unit_test(test_cipher_with_another_hash),
        cmocka_unit_test(test_alerts),              cmocka_unit_test(test_ends_without_data),
        cmocka_unit_test(test_capture_ends_early),  cmocka_unit_test(test_one_direction_is_unknown),
        cmocka_unit_test(test_gaps),                cmocka_unit_test(test_memory_ends),
    };
    return cmocka_run_group_tests(tests, make_all, free_all);
}
