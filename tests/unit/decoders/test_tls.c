/* The TLS decoder on hellos and records made by hand: what real peers seldom or no longer send. */
#include "decoders/tls.h"
#include "decoders/tls_names.h"
#include "tls_wire.h"

/* A message under construction. */
struct bytes {
    uint8_t p[4096];
    size_t n;
};

static void put(struct bytes *b, const void *p, size_t n)
{
    assert_true(b->n + n <= sizeof b->p);
    memcpy(b->p + b->n, p, n);
    b->n += n;
}

static void put_number(struct bytes *b, uint32_t value, unsigned width)
{
    for (unsigned i = width; i > 0; i--) {
        uint8_t byte = (uint8_t)(value >> (8 * (i - 1)));
        put(b, &byte, 1);
    }
}

/* Content behind its length. */
static void put_block(struct bytes *b, const struct bytes *content, unsigned width)
{
    put_number(b, (uint32_t)content->n, width);
    put(b, content->p, content->n);
}

static void put_list(struct bytes *b, const uint16_t *values, size_t count, unsigned width)
{
    put_number(b, (uint32_t)count * 2, width);
    for (size_t i = 0; i < count; i++)
        put_number(b, values[i], 2);
}

static void put_extension(struct bytes *b, uint16_t type, const struct bytes *content)
{
    put_number(b, type, 2);
    put_block(b, content, 2);
}

struct client_hello {
    uint16_t version;
    uint16_t offered[4];
    size_t offered_count;
    const uint16_t *ciphers;
    size_t ciphers_count;
    const char *sni;
    size_t sni_size;
    uint8_t session_id_size;
    bool has_early_data;
};

static const uint16_t common_ciphers[] = {0xc02f, 0x1301};

static struct bytes client_hello(const struct client_hello *hello)
{
    struct bytes body = {.n = 0}, extensions = {.n = 0};
    static const uint8_t random[32] = {1, 2, 3};
    put_number(&body, hello->version, 2);
    put(&body, random, 32);
    put_number(&body, hello->session_id_size, 1);
    for (uint8_t i = 0; i < hello->session_id_size; i++)
        put_number(&body, 0x77, 1);
    if (hello->ciphers != NULL)
        put_list(&body, hello->ciphers, hello->ciphers_count, 2);
    else
        put_list(&body, common_ciphers, COUNT(common_ciphers), 2);
    put(&body, "\1\0", 2);
    if (hello->sni != NULL) {
        struct bytes content = {.n = 0};
        size_t n = hello->sni_size == 0 ? strlen(hello->sni) : hello->sni_size;
        put_number(&content, (uint32_t)n + 3, 2);
        put_number(&content, 0, 1);
        put_number(&content, (uint32_t)n, 2);
        put(&content, hello->sni, n);
        put_extension(&extensions, 0, &content);
    }
    if (hello->offered_count > 0) {
        struct bytes content = {.n = 0};
        put_list(&content, hello->offered, hello->offered_count, 1);
        put_extension(&extensions, 43, &content);
    }
    if (hello->has_early_data)
        put_extension(&extensions, 42, &(struct bytes){.n = 0});
    put_block(&body, &extensions, 2);
    return body;
}

struct server_hello {
    uint16_t version;
    uint16_t selected; /* supported_versions; 0: absent */
    uint16_t cipher;
    const char *mark; /* the last 8 bytes of the random */
    uint8_t session_id_size;
};

static struct bytes server_hello(const struct server_hello *hello)
{
    struct bytes body = {.n = 0}, extensions = {.n = 0};
    static const uint8_t random[24] = {9, 8, 7};
    put_number(&body, hello->version, 2);
    put(&body, random, 24);
    put(&body, hello->mark == NULL ? "abcdefgh" : hello->mark, 8);
    put_number(&body, hello->session_id_size, 1);
    for (uint8_t i = 0; i < hello->session_id_size; i++)
        put_number(&body, 0x77, 1);
    put_number(&body, hello->cipher == 0 ? 0xc02f : hello->cipher, 2);
    put_number(&body, 0, 1);
    if (hello->selected != 0) {
        struct bytes content = {.n = 0};
        put_number(&content, hello->selected, 2);
        put_extension(&extensions, 43, &content);
    }
    if (extensions.n > 0)
        put_block(&body, &extensions, 2);
    return body;
}

static struct bytes message(uint8_t type, const struct bytes *body)
{
    struct bytes b = {.n = 0};
    put_number(&b, type, 1);
    put_block(&b, body, 3);
    return b;
}

static void add_record(struct wire *wire, enum mxt_direction direction, uint8_t type, const void *p, size_t n)
{
    struct bytes b = {.n = 0};
    put_number(&b, type, 1);
    put_number(&b, 0x0303, 2);
    put_number(&b, (uint32_t)n, 2);
    put(&b, p, n);
    wire_add(wire, direction, b.p, b.n);
}

/* A record of `n` bytes that mean nothing. */
static void add_opaque(struct wire *wire, enum mxt_direction direction, uint8_t type, size_t n)
{
    uint8_t noise[2048];
    memset(noise, 0xa5, sizeof noise);
    add_record(wire, direction, type, noise, n);
}

static void add_message(struct wire *wire, enum mxt_direction direction, uint8_t type, const struct bytes *body)
{
    struct bytes whole = message(type, body);
    add_record(wire, direction, 22, whole.p, whole.n);
}

static void add_client_hello(struct wire *wire, const struct client_hello *hello)
{
    struct bytes body = client_hello(hello);
    add_message(wire, MXT_TOSERVER, 1, &body);
}

static void add_server_hello(struct wire *wire, const struct server_hello *hello)
{
    struct bytes body = server_hello(hello);
    add_message(wire, MXT_TOCLIENT, 2, &body);
}

static const struct client_hello offers_1_3 = {.version = 0x0303, .offered = {0x1a1a, 0x0304, 0x0303, 0x0302}, .offered_count = 4};
static const struct server_hello agrees_1_3 = {.version = 0x0303, .selected = 0x0304, .cipher = 0x1301};

/* TLS 1.3 up to the server's Finished. */
static void add_1_3(struct wire *wire)
{
    add_client_hello(wire, &offers_1_3);
    add_server_hello(wire, &agrees_1_3);
    add_record(wire, MXT_TOCLIENT, 20, "\1", 1);
    add_opaque(wire, MXT_TOCLIENT, 23, 900);
}

static struct seen see_and_free(struct wire *wire)
{
    struct seen seen = see_wire(wire);
    wire_free(wire);
    return seen;
}

static void test_downgrade_mark(void **state)
{
    (void)state;
    static const struct {
        uint16_t offered, agreed;
        const char *mark;
        enum mxt_fact expected;
    } cases[] = {
        {0x0304, 0x0303, "DOWNGRD\1", MXT_YES}, {0x0304, 0x0302, "DOWNGRD\0", MXT_YES}, {0x0303, 0x0303, "DOWNGRD\1", MXT_YES},
        {0x0303, 0x0302, "DOWNGRD\0", MXT_YES}, {0x0304, 0x0303, "DOWNGRD\2", MXT_NO},  {0x0304, 0x0303, "DOWNGRE\1", MXT_NO},
        {0x0304, 0x0303, NULL, MXT_NO},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct wire wire = {.count = 0};
        add_client_hello(&wire, &(struct client_hello){.version = 0x0303, .offered = {cases[i].offered}, .offered_count = 1});
        add_server_hello(&wire, &(struct server_hello){.version = cases[i].agreed, .mark = cases[i].mark});
        struct seen seen = see_and_free(&wire);
        assert_int_equal(seen.facts->downgrade_sentinel, cases[i].expected);
        assert_int_equal(seen.facts->version, cases[i].agreed);
        assert_int_equal(seen.facts->client_max_version, cases[i].offered);
        seen_free(&seen);
    }
    /* Also where the client's hello was not seen. */
    struct wire wire = {.count = 0};
    add_server_hello(&wire, &(struct server_hello){.version = 0x0303, .mark = "DOWNGRD\1"});
    struct seen seen = see_and_free(&wire);
    assert_int_equal(seen.facts->downgrade_sentinel, MXT_YES);
    assert_int_equal(seen.facts->client_max_version, 0);
    assert_int_equal(seen.facts->outcome, MXT_TLS_OUTCOME_UNKNOWN);
    seen_free(&seen);
}

static void test_names_on_the_wire(void **state)
{
    (void)state;
    static const struct {
        const char *sni;
        size_t n;
        const char *expected;
    } cases[] = {{"MX.Example.NET", 0, "mx.example.net"}, {"a\0b", 3, "a\\x00b"}, {"\x1b[2J", 0, "\\x1b[2j"}, {"", 0, NULL}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct wire wire = {.count = 0};
        add_client_hello(&wire, &(struct client_hello){.version = 0x0303, .sni = cases[i].sni, .sni_size = cases[i].n});
        struct seen seen = see_and_free(&wire);
        assert_same_text(seen.facts->sni, cases[i].expected);
        assert_int_equal(seen.facts->outcome, MXT_TLS_INCOMPLETE);
        seen_free(&seen);
    }
}

static void test_cipher_without_name(void **state)
{
    (void)state;
    struct wire wire = {.count = 0};
    add_client_hello(&wire, &offers_1_3);
    add_server_hello(&wire, &(struct server_hello){.version = 0x0303, .cipher = 0xfefe});
    struct seen seen = see_and_free(&wire);
    assert_string_equal(seen.facts->cipher, "0xfefe");
    assert_int_equal(seen.facts->cipher_id, 0xfefe);
    seen_free(&seen);
}

/* Several messages in one record, one message over several records. */
static void test_messages_and_records(void **state)
{
    (void)state;
    struct wire wire = {.count = 0};
    struct bytes hello = client_hello(&offers_1_3);
    struct bytes whole = message(1, &hello);
    for (size_t at = 0; at < whole.n; at += 50)
        add_record(&wire, MXT_TOSERVER, 22, whole.p + at, whole.n - at < 50 ? whole.n - at : 50);
    struct bytes answer = server_hello(&(struct server_hello){.version = 0x0303});
    struct bytes certificates = {.n = 0}, flight = {.n = 0}, nothing = {.n = 0};
    put(&certificates, "\0\0\x0a\0\0\3abc\0\0\1z", 13);
    struct bytes part = message(2, &answer);
    put(&flight, part.p, part.n);
    part = message(11, &certificates);
    put(&flight, part.p, part.n);
    part = message(14, &nothing);
    put(&flight, part.p, part.n);
    add_record(&wire, MXT_TOCLIENT, 22, flight.p, flight.n);
    struct seen seen = see_and_free(&wire);
    assert_int_equal(seen.facts->client_max_version, 0x0304);
    size_t count;
    const struct mxt_der *chain = mxt_tls_chain(seen.tls, &count);
    assert_int_equal(count, 2);
    assert_int_equal(chain[0].length, 3);
    assert_memory_equal(chain[0].bytes, "abc", 3);
    assert_memory_equal(chain[1].bytes, "z", 1);
    assert_int_equal(seen.facts->certificate.visible, MXT_YES);
    assert_int_equal(seen.facts->session_resumed, MXT_NO);
    seen_free(&seen);
}

/* A server that echoes the session id and then goes through a full handshake none the less resumes nothing. */
static void test_echo_without_resumption(void **state)
{
    (void)state;
    struct wire wire = {.count = 0};
    struct bytes certificates = {.n = 0};
    put(&certificates, "\0\0\4\0\0\1z", 7);
    add_client_hello(&wire, &(struct client_hello){.version = 0x0303, .session_id_size = 32});
    add_server_hello(&wire, &(struct server_hello){.version = 0x0303, .session_id_size = 32});
    struct wire resumed = {.count = 0};
    add_client_hello(&resumed, &(struct client_hello){.version = 0x0303, .session_id_size = 32});
    add_server_hello(&resumed, &(struct server_hello){.version = 0x0303, .session_id_size = 32});
    struct seen seen = see_and_free(&resumed);
    assert_int_equal(seen.facts->session_resumed, MXT_YES);
    assert_int_equal(seen.facts->certificate.visible, MXT_NO);
    seen_free(&seen);
    add_message(&wire, MXT_TOCLIENT, 11, &certificates);
    seen = see_and_free(&wire);
    assert_int_equal(seen.facts->session_resumed, MXT_NO);
    assert_int_equal(seen.facts->certificate.visible, MXT_YES);
    seen_free(&seen);
}

/* PSK suites send no certificate, and neither names nor ids tell so: the flight's end does. */
static void test_handshake_without_certificate(void **state)
{
    (void)state;
    struct wire wire = {.count = 0};
    add_client_hello(&wire, &(struct client_hello){.version = 0x0303});
    add_server_hello(&wire, &(struct server_hello){.version = 0x0303, .cipher = 0x008c});
    add_message(&wire, MXT_TOCLIENT, 14, &(struct bytes){.n = 0});
    struct seen seen = see_and_free(&wire);
    assert_int_equal(seen.facts->certificate.visible, MXT_NO);
    assert_int_equal(seen.facts->session_resumed, MXT_NO);
    seen_free(&seen);
}

static void test_ssl2_form(void **state)
{
    (void)state;
    /* Offers TLS 1.0 to whom it may concern; 0x0100e0 is SSL 2's triple DES. */
    static const uint8_t hello[] = {0x80, 0x1f, 1, 3, 1, 0, 6, 0, 0, 0, 16, 0, 0, 0x2f, 1, 0, 0xe0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    struct wire wire = {.count = 0};
    wire_add(&wire, MXT_TOSERVER, hello, sizeof hello);
    add_server_hello(&wire, &(struct server_hello){.version = 0x0301, .cipher = 0x002f});
    add_record(&wire, MXT_TOSERVER, 21, "\2\x28", 2);
    struct seen seen = see_and_free(&wire);
    assert_int_equal(seen.facts->client_max_version, 0x0301);
    assert_int_equal(seen.facts->version, 0x0301);
    assert_int_equal(seen.facts->fallback_scsv, MXT_NO);
    assert_null(seen.facts->ja3_hash);
    assert_null(seen.facts->ja4);
    assert_string_equal(seen.facts->alert, "handshake_failure");
    assert_int_equal(seen.facts->ended_by, MXT_ENDED_BY_CLIENT);
    seen_free(&seen);
}

static void add_ssl2(struct wire *wire, enum mxt_direction direction, const void *p, size_t n)
{
    struct bytes b = {.n = 0};
    put_number(&b, 0x8000 | (uint32_t)n, 2);
    put(&b, p, n);
    wire_add(wire, direction, b.p, b.n);
}

static void test_ssl2_session(void **state)
{
    (void)state;
    static const uint8_t offer[] = {1, 0, 2, 0, 3, 0, 0, 0, 4, 1, 0, 0x80, 1, 2, 3, 4};
    static const uint8_t answer[] = {4, 0, 1, 0, 2, 0, 5, 0, 3, 0, 2, 'c', 'e', 'r', 't', '!', 1, 0, 0x80, 7, 7};
    static const uint8_t noise[32] = {2};
    struct wire wire = {.count = 0};
    add_ssl2(&wire, MXT_TOSERVER, offer, sizeof offer);
    add_ssl2(&wire, MXT_TOCLIENT, answer, sizeof answer);
    add_ssl2(&wire, MXT_TOSERVER, noise, 32); /* key */
    add_ssl2(&wire, MXT_TOCLIENT, noise, 17); /* verify */
    add_ssl2(&wire, MXT_TOSERVER, noise, 17); /* finished */
    add_ssl2(&wire, MXT_TOCLIENT, noise, 17); /* finished */
    size_t handshake = wire.count;
    add_ssl2(&wire, MXT_TOSERVER, noise, 30);
    add_ssl2(&wire, MXT_TOCLIENT, noise, 30);
    size_t all = wire.count;
    wire.count = handshake;
    struct seen seen = see_wire(&wire);
    assert_int_equal(seen.facts->outcome, MXT_TLS_INCOMPLETE);
    seen_free(&seen);
    wire.count = all;
    seen = see_and_free(&wire);
    assert_int_equal(seen.facts->outcome, MXT_TLS_ESTABLISHED);
    assert_string_equal(mxt_tls_version_name(seen.facts->version), "SSLv2");
    assert_int_equal(seen.facts->client_max_version, 0x0002);
    size_t count;
    const struct mxt_der *chain = mxt_tls_chain(seen.tls, &count);
    assert_int_equal(count, 1);
    assert_memory_equal(chain[0].bytes, "cert!", 5);
    seen_free(&seen);
}

static void assert_failed(const struct mxt_tls_facts *facts, enum mxt_ended_by by, const char *how)
{
    assert_int_equal(facts->outcome, MXT_TLS_FAILED);
    assert_int_equal(facts->ended_by, by);
    assert_string_equal(facts->ended_how, how);
}

static void test_closes(void **state)
{
    (void)state;
    static const struct {
        enum mxt_direction direction;
        enum mxt_close how;
        enum mxt_ended_by by;
        const char *expected;
    } cases[] = {{MXT_TOSERVER, MXT_CLOSE_FIN, MXT_ENDED_BY_CLIENT, "close"},
                 {MXT_TOSERVER, MXT_CLOSE_RST, MXT_ENDED_BY_CLIENT, "reset"},
                 {MXT_TOCLIENT, MXT_CLOSE_FIN, MXT_ENDED_BY_SERVER, "close"},
                 {MXT_TOCLIENT, MXT_CLOSE_RST, MXT_ENDED_BY_SERVER, "reset"}};
    for (size_t i = 0; i < COUNT(cases) * 3; i++) {
        struct wire wire = {.count = 0};
        if (i % 3 > 0)
            add_client_hello(&wire, &offers_1_3);
        if (i % 3 > 1)
            add_server_hello(&wire, &agrees_1_3);
        wire_close(&wire, cases[i / 3].direction, cases[i / 3].how);
        wire_close(&wire, mxt_direction_other(cases[i / 3].direction), MXT_CLOSE_RST);
        struct seen seen = see_and_free(&wire);
        assert_failed(seen.facts, cases[i / 3].by, cases[i / 3].expected);
        seen_free(&seen);
    }
}

/* Sizes behind the server's flight of TLS 1.3, and what they mean. Positive: the client's. */
static void test_sizes_in_1_3(void **state)
{
    (void)state;
    static const struct {
        int sizes[8];
        enum mxt_tls_outcome outcome;
        enum mxt_ended_by by;
    } cases[] = {
        {{53}, MXT_TLS_INCOMPLETE, MXT_ENDED_BY_UNKNOWN},
        {{53, -250, -250}, MXT_TLS_INCOMPLETE, MXT_ENDED_BY_UNKNOWN}, /* tickets */
        {{53, 40}, MXT_TLS_INCOMPLETE, MXT_ENDED_BY_UNKNOWN},
        {{53, 40, -250}, MXT_TLS_ESTABLISHED, MXT_ENDED_BY_UNKNOWN},
        {{53, -60, 40, -90}, MXT_TLS_ESTABLISHED, MXT_ENDED_BY_UNKNOWN},
        {{19}, MXT_TLS_FAILED, MXT_ENDED_BY_CLIENT},
        {{53, 19}, MXT_TLS_FAILED, MXT_ENDED_BY_CLIENT},
        {{53, 40, -19}, MXT_TLS_FAILED, MXT_ENDED_BY_SERVER},
        {{-19}, MXT_TLS_FAILED, MXT_ENDED_BY_SERVER},
        {{25, 53, -19}, MXT_TLS_FAILED, MXT_ENDED_BY_SERVER},            /* an empty client certificate */
        {{25, 53, -250}, MXT_TLS_INCOMPLETE, MXT_ENDED_BY_UNKNOWN},
        {{1000, 97, 53, 40, -60}, MXT_TLS_ESTABLISHED, MXT_ENDED_BY_UNKNOWN}, /* a client certificate */
        {{1150, -250}, MXT_TLS_INCOMPLETE, MXT_ENDED_BY_UNKNOWN},        /* the same in one record */
        {{1150, -250, 40}, MXT_TLS_INCOMPLETE, MXT_ENDED_BY_UNKNOWN},
        {{1150, -250, 40, -90}, MXT_TLS_ESTABLISHED, MXT_ENDED_BY_UNKNOWN},
        {{1000, -250, 53, -250}, MXT_TLS_INCOMPLETE, MXT_ENDED_BY_UNKNOWN}, /* tickets ahead of the client's Finished */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct wire wire = {.count = 0};
        add_1_3(&wire);
        for (size_t k = 0; k < 8 && cases[i].sizes[k] != 0; k++) {
            int size = cases[i].sizes[k];
            add_opaque(&wire, size > 0 ? MXT_TOSERVER : MXT_TOCLIENT, 23, (size_t)abs(size));
        }
        struct seen seen = see_and_free(&wire);
        assert_int_equal(seen.facts->outcome, cases[i].outcome);
        assert_int_equal(seen.facts->ended_by, cases[i].by);
        assert_same_text(seen.facts->ended_how, cases[i].outcome == MXT_TLS_FAILED ? "alert_sized_record" : NULL);
        seen_free(&seen);
    }
}

static void test_early_data(void **state)
{
    (void)state;
    struct wire wire = {.count = 0};
    struct client_hello hello = offers_1_3;
    hello.has_early_data = true;
    add_client_hello(&wire, &hello);
    add_opaque(&wire, MXT_TOSERVER, 23, 53);
    add_opaque(&wire, MXT_TOSERVER, 23, 19);
    add_server_hello(&wire, &agrees_1_3);
    add_opaque(&wire, MXT_TOCLIENT, 23, 900);
    add_opaque(&wire, MXT_TOSERVER, 23, 21);
    add_opaque(&wire, MXT_TOSERVER, 23, 53);
    add_opaque(&wire, MXT_TOCLIENT, 23, 250);
    struct seen seen = see_wire(&wire);
    assert_int_equal(seen.facts->outcome, MXT_TLS_INCOMPLETE);
    seen_free(&seen);
    for (int i = 0; i < 2; i++) {
        add_opaque(&wire, MXT_TOSERVER, 23, 40);
        add_opaque(&wire, MXT_TOCLIENT, 23, 60);
    }
    seen = see_and_free(&wire);
    assert_int_equal(seen.facts->outcome, MXT_TLS_ESTABLISHED);
    seen_free(&seen);
}

static void test_warnings_do_not_end(void **state)
{
    (void)state;
    struct wire wire = {.count = 0};
    add_client_hello(&wire, &(struct client_hello){.version = 0x0303, .sni = "mx.example.net"});
    add_record(&wire, MXT_TOCLIENT, 21, "\1\x70", 2); /* unrecognized_name */
    struct seen seen = see_wire(&wire);
    assert_int_equal(seen.facts->outcome, MXT_TLS_INCOMPLETE);
    assert_null(seen.facts->alert);
    seen_free(&seen);
    wire_close(&wire, MXT_TOCLIENT, MXT_CLOSE_FIN);
    seen = see_and_free(&wire);
    assert_failed(seen.facts, MXT_ENDED_BY_SERVER, "close");
    assert_string_equal(seen.facts->alert, "unrecognized_name");
    assert_int_equal(seen.facts->alert_by, MXT_ENDED_BY_SERVER);
    seen_free(&seen);
}

static void test_unknown_alert(void **state)
{
    (void)state;
    struct wire wire = {.count = 0};
    add_client_hello(&wire, &offers_1_3);
    add_record(&wire, MXT_TOCLIENT, 21, "\2\xc8", 2);
    struct seen seen = see_and_free(&wire);
    assert_failed(seen.facts, MXT_ENDED_BY_SERVER, "alert");
    assert_string_equal(seen.facts->alert, "alert_200");
    seen_free(&seen);
}

/* What is no TLS claims nothing, and a close behind it is nobody's failure. */
static void test_no_tls_at_all(void **state)
{
    (void)state;
    static const char *const texts[] = {"\x16hello", "\x16\x03\x01\xff\xff", "454 TLS not available\r\n", "\x80\x05xyzzy\x80\x05xyzzy"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct wire wire = {.count = 0};
        wire_add(&wire, MXT_TOSERVER, texts[i], strlen(texts[i]));
        wire_add(&wire, MXT_TOCLIENT, texts[i], strlen(texts[i]));
        wire_close(&wire, MXT_TOSERVER, MXT_CLOSE_FIN);
        struct seen seen = see_and_free(&wire);
        assert_int_equal(seen.facts->version, 0);
        assert_int_equal(seen.facts->client_max_version, 0);
        assert_null(seen.facts->cipher);
        assert_true(seen.facts->outcome == MXT_TLS_OUTCOME_UNKNOWN || i == 3);
        seen_free(&seen);
    }
}

/* A hello cut short at any byte, its lengths mended around it, is refused whole: no fact of half a hello. */
static void test_truncated_hellos(void **state)
{
    (void)state;
    struct bytes body = client_hello(&(struct client_hello){.version = 0x0303, .sni = "mx.example.net"});
    for (size_t n = 0; n < body.n; n++) {
        struct bytes part = body;
        part.n = n;
        struct wire wire = {.count = 0};
        add_message(&wire, MXT_TOSERVER, 1, &part);
        struct seen seen;
        seen_new(&seen);
        feed_wire(seen.tls, &wire, SIZE_MAX, 0);
        assert_null(seen.facts->sni);
        assert_true(seen.facts->client_max_version == 0 || n == 2 + 32 + 1 + 2 + 4 + 2); /* a hello without extensions is one */
        seen_free(&seen);
        wire_free(&wire);
    }
}

/* A gap that is inside a record leaves its border known: behind it all goes on. */
static void test_gap_within_a_record(void **state)
{
    (void)state;
    struct wire wire = {.count = 0};
    add_1_3(&wire);
    struct seen seen;
    seen_new(&seen);
    for (size_t i = 0; i < wire.count - 1; i++)
        feed_chunk(seen.tls, &wire.chunks[i], SIZE_MAX, 0);
    const struct chunk *last = &wire.chunks[wire.count - 1];
    feed_copy(seen.tls, last->direction, last->p, 100);
    mxt_tls_gap(seen.tls, last->direction, last->n - 100);
    wire_free(&wire);
    add_opaque(&wire, MXT_TOSERVER, 23, 53);
    add_opaque(&wire, MXT_TOSERVER, 23, 40);
    add_opaque(&wire, MXT_TOCLIENT, 23, 60);
    feed_wire(seen.tls, &wire, 1, 0);
    assert_int_equal(seen.facts->outcome, MXT_TLS_ESTABLISHED);
    seen_free(&seen);
    wire_free(&wire);
}

/* Behind a gap of unknown content, a plain alert is still an alert, and many turns are a conversation; a close is nothing. */
static void test_behind_a_gap(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct wire wire = {.count = 0};
        if (i == 0)
            add_record(&wire, MXT_TOCLIENT, 21, "\2\x28", 2);
        for (int turn = 0; i == 1 && turn < 3; turn++) {
            add_opaque(&wire, MXT_TOSERVER, 23, 40);
            add_opaque(&wire, MXT_TOCLIENT, 23, 60);
        }
        if (i == 2)
            wire_close(&wire, MXT_TOCLIENT, MXT_CLOSE_FIN);
        struct seen seen;
        seen_new(&seen);
        mxt_tls_gap(seen.tls, MXT_TOSERVER, 300);
        mxt_tls_gap(seen.tls, MXT_TOCLIENT, 3000);
        feed_wire(seen.tls, &wire, 1, 0);
        static const enum mxt_tls_outcome expected[] = {MXT_TLS_FAILED, MXT_TLS_ESTABLISHED, MXT_TLS_OUTCOME_UNKNOWN};
        assert_int_equal(seen.facts->outcome, expected[i]);
        seen_free(&seen);
        wire_free(&wire);
    }
}

/* Held is what arrived, up to the limit; beyond, a message is passed over and the next one is read. */
static void test_long_message_is_passed_over(void **state)
{
    (void)state;
    struct wire wire = {.count = 0};
    struct bytes certificates = {.n = 3000}, hello = server_hello(&(struct server_hello){.version = 0x0303}), nothing = {.n = 0};
    add_client_hello(&wire, &offers_1_3);
    add_message(&wire, MXT_TOCLIENT, 2, &hello);
    struct bytes whole = message(11, &certificates);
    add_record(&wire, MXT_TOCLIENT, 22, whole.p, 1000);
    add_record(&wire, MXT_TOCLIENT, 22, whole.p + 1000, whole.n - 1000);
    add_message(&wire, MXT_TOCLIENT, 14, &nothing);
    struct mxt_tls_limits limits = {.handshake = 512, .chain = 10};
    struct mxt_arena arena;
    mxt_arena_init(&arena, 0);
    struct mxt_tls *tls = mxt_tls_new(&arena, &limits);
    assert_non_null(tls);
    feed_wire(tls, &wire, SIZE_MAX, 0);
    size_t count;
    assert_null(mxt_tls_chain(tls, &count));
    assert_int_equal(mxt_tls_facts(tls)->certificate.visible, MXT_UNKNOWN); /* there was one */
    assert_int_equal(mxt_tls_facts(tls)->session_resumed, MXT_NO);
    mxt_tls_free(tls);
    mxt_arena_free(&arena);
    wire_free(&wire);
}

static void test_done_stays_done(void **state)
{
    (void)state;
    struct wire wire = {.count = 0};
    add_client_hello(&wire, &offers_1_3);
    add_record(&wire, MXT_TOCLIENT, 21, "\2\x28", 2);
    struct seen seen = see_and_free(&wire);
    assert_int_equal(mxt_tls_feed(seen.tls, MXT_TOSERVER, (const uint8_t *)"\x15\3\3\0\2\2\x30", 7), MXT_DONE);
    mxt_tls_close(seen.tls, MXT_TOSERVER, MXT_CLOSE_RST);
    assert_string_equal(seen.facts->alert, "handshake_failure");
    assert_string_equal(seen.facts->ended_how, "alert");
    seen_free(&seen);
}

static void test_version_names(void **state)
{
    (void)state;
    assert_null(mxt_tls_version_name(0));
    assert_null(mxt_tls_version_name(0x7f1c));
    assert_int_equal(mxt_tls_version_from_name(NULL), 0);
    assert_int_equal(mxt_tls_version_from_name("TLS 1.4"), 0);
    assert_int_equal(mxt_tls_version_from_name("SSLv3"), 0x0300);
}

static void test_cipher_names(void **state)
{
    (void)state;
    assert_string_equal(mxt_tls_cipher_name(0x0000), "TLS_NULL_WITH_NULL_NULL");
    assert_string_equal(mxt_tls_cipher_name(0x0005), "TLS_RSA_WITH_RC4_128_SHA");
    assert_string_equal(mxt_tls_cipher_name(0xd005), "TLS_ECDHE_PSK_WITH_AES_128_CCM_SHA256");
    assert_null(mxt_tls_cipher_name(0xffff));
    unsigned count = 0;
    for (uint32_t id = 0; id <= UINT16_MAX; id++)
        count += mxt_tls_cipher_name((uint16_t)id) != NULL;
    assert_int_equal(count, 362); /* every entry is found: the table is sorted */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_downgrade_mark),
        cmocka_unit_test(test_names_on_the_wire),
        cmocka_unit_test(test_cipher_without_name),
        cmocka_unit_test(test_messages_and_records),
        cmocka_unit_test(test_echo_without_resumption),
        cmocka_unit_test(test_handshake_without_certificate),
        cmocka_unit_test(test_ssl2_form),
        cmocka_unit_test(test_ssl2_session),
        cmocka_unit_test(test_closes),
        cmocka_unit_test(test_sizes_in_1_3),
        cmocka_unit_test(test_early_data),
        cmocka_unit_test(test_warnings_do_not_end),
        cmocka_unit_test(test_unknown_alert),
        cmocka_unit_test(test_no_tls_at_all),
        cmocka_unit_test(test_truncated_hellos),
        cmocka_unit_test(test_gap_within_a_record),
        cmocka_unit_test(test_behind_a_gap),
        cmocka_unit_test(test_long_message_is_passed_over),
        cmocka_unit_test(test_done_stays_done),
        cmocka_unit_test(test_version_names),
        cmocka_unit_test(test_cipher_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
