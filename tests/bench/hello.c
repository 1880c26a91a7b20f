#include "hello.h"

#include <string.h>

enum {
    RECORD_CHANGE_CIPHER_SPEC = 20,
    RECORD_HANDSHAKE = 22,
    RECORD_DATA = 23,
    CLIENT_HELLO = 1,
    SERVER_HELLO = 2,
    NEW_SESSION_TICKET = 4,
    CERTIFICATE = 11,
    SERVER_KEY_EXCHANGE = 12,
    SERVER_HELLO_DONE = 14,
    CLIENT_KEY_EXCHANGE = 16,
    TLS_1_0 = 0x0301,
    TLS_1_2 = 0x0303,
    TLS_1_3 = 0x0304,
    GROUP_X25519 = 0x001d,
    KEY_SIZE = 32,
    SIGNATURE_SIZE = 256,
    FINISHED_RECORD_TLS12 = 40,
    /* EncryptedExtensions, Certificate, CertificateVerify, Finished with a chain of two. */
    SERVER_FLIGHT_TLS13 = 2600,
    FINISHED_RECORD_TLS13 = 69, /* SHA-384 */
};

static void append_random(struct mxt_bytes *out, struct mxt_random *random, uint32_t size)
{
    uint8_t chunk[256];
    while (size > 0) {
        uint32_t n = size < sizeof chunk ? size : (uint32_t)sizeof chunk;
        mxt_random_fill(random, chunk, n);
        mxt_bytes_append(out, chunk, n);
        size -= n;
    }
}

/* Starts a record with one handshake message; end_handshake takes what this returns. */
static size_t begin_handshake(struct mxt_bytes *out, unsigned version, unsigned message)
{
    mxt_bytes_number(out, RECORD_HANDSHAKE, 1);
    mxt_bytes_number(out, version, 2);
    size_t at = mxt_bytes_open(out, 2);
    mxt_bytes_number(out, message, 1);
    mxt_bytes_open(out, 3);
    return at;
}

static void end_handshake(struct mxt_bytes *out, size_t at)
{
    mxt_bytes_close(out, at + 3, 3);
    mxt_bytes_close(out, at, 2);
}

static void append_extension(struct mxt_bytes *out, unsigned kind, const void *data, uint32_t length)
{
    mxt_bytes_number(out, kind, 2);
    mxt_bytes_number(out, length, 2);
    mxt_bytes_append(out, data, length);
}

static void append_key_share(struct mxt_bytes *out, struct mxt_random *random, bool is_client)
{
    mxt_bytes_number(out, 51, 2);
    size_t at = mxt_bytes_open(out, 2), list = 0;
    if (is_client)
        list = mxt_bytes_open(out, 2);
    mxt_bytes_number(out, GROUP_X25519, 2);
    mxt_bytes_number(out, KEY_SIZE, 2);
    append_random(out, random, KEY_SIZE);
    if (is_client)
        mxt_bytes_close(out, list, 2);
    mxt_bytes_close(out, at, 2);
}

static void append_server_name(struct mxt_bytes *out, const char *name)
{
    uint32_t length = (uint32_t)strlen(name);
    mxt_bytes_number(out, 0, 2);
    mxt_bytes_number(out, length + 5, 2);
    mxt_bytes_number(out, length + 3, 2);
    mxt_bytes_number(out, 0, 1);
    mxt_bytes_number(out, length, 2);
    mxt_bytes_append(out, name, length);
}

static void append_client_extensions(struct mxt_bytes *out, struct mxt_random *random, const char *name, bool offers_tls13)
{
    static const uint8_t point_formats[] = {1, 0};
    static const uint8_t groups[] = {0, 6, 0, 0x1d, 0, 0x17, 0, 0x18};
    static const uint8_t signatures[] = {0, 14, 4, 3, 8, 7, 8, 4, 8, 5, 8, 6, 4, 1, 5, 1};
    static const uint8_t versions[] = {4, 3, 4, 3, 3};
    static const uint8_t exchange_modes[] = {1, 1};
    append_server_name(out, name);
    append_extension(out, 11, point_formats, sizeof point_formats);
    append_extension(out, 10, groups, sizeof groups);
    append_extension(out, 35, NULL, 0);
    append_extension(out, 22, NULL, 0);
    append_extension(out, 23, NULL, 0);
    append_extension(out, 13, signatures, sizeof signatures);
    if (offers_tls13) {
        append_extension(out, 43, versions, sizeof versions);
        append_extension(out, 45, exchange_modes, sizeof exchange_modes);
        append_key_share(out, random, true);
    }
}

void mxt_hello_client(struct mxt_bytes *out, struct mxt_random *random, const char *name, bool offers_tls13)
{
    static const uint8_t suites_tls13[] = {0x13, 0x02, 0x13, 0x03, 0x13, 0x01};
    static const uint8_t suites_tls12[] = {0xc0, 0x2c, 0xc0, 0x30, 0xcc, 0xa9, 0xcc, 0xa8, 0xc0, 0x2b, 0xc0, 0x2f, 0xc0, 0x24, 0xc0, 0x28, 0x00, 0xff};
    static const uint8_t no_compression[] = {1, 0};
    size_t at = begin_handshake(out, TLS_1_0, CLIENT_HELLO);
    mxt_bytes_number(out, TLS_1_2, 2);
    append_random(out, random, MXT_HELLO_RANDOM_SIZE);
    mxt_bytes_number(out, 32, 1);
    append_random(out, random, 32);
    size_t suites = mxt_bytes_open(out, 2);
    if (offers_tls13)
        mxt_bytes_append(out, suites_tls13, sizeof suites_tls13);
    mxt_bytes_append(out, suites_tls12, sizeof suites_tls12);
    mxt_bytes_close(out, suites, 2);
    mxt_bytes_append(out, no_compression, sizeof no_compression);
    size_t extensions = mxt_bytes_open(out, 2);
    append_client_extensions(out, random, name, offers_tls13);
    mxt_bytes_close(out, extensions, 2);
    end_handshake(out, at);
}

static void append_server_hello(struct mxt_bytes *out, struct mxt_random *random, bool is_tls13, unsigned suite)
{
    static const uint8_t version[] = {3, 4};
    static const uint8_t renegotiation[] = {0};
    size_t at = begin_handshake(out, TLS_1_2, SERVER_HELLO);
    mxt_bytes_number(out, TLS_1_2, 2);
    append_random(out, random, MXT_HELLO_RANDOM_SIZE);
    mxt_bytes_number(out, 32, 1);
    append_random(out, random, 32);
    mxt_bytes_number(out, suite, 2);
    mxt_bytes_number(out, 0, 1);
    size_t extensions = mxt_bytes_open(out, 2);
    if (is_tls13) {
        append_extension(out, 43, version, sizeof version);
        append_key_share(out, random, false);
    } else {
        append_extension(out, 0xff01, renegotiation, sizeof renegotiation);
        append_extension(out, 35, NULL, 0);
        append_extension(out, 23, NULL, 0);
    }
    mxt_bytes_close(out, extensions, 2);
    end_handshake(out, at);
}

static void append_change_cipher_spec(struct mxt_bytes *out)
{
    static const uint8_t record[] = {RECORD_CHANGE_CIPHER_SPEC, 3, 3, 0, 1, 1};
    mxt_bytes_append(out, record, sizeof record);
}

/* A record whose content only its ends can read. */
static void append_encrypted(struct mxt_bytes *out, struct mxt_random *random, unsigned kind, uint32_t size)
{
    mxt_bytes_number(out, kind, 1);
    mxt_bytes_number(out, TLS_1_2, 2);
    mxt_bytes_number(out, size, 2);
    append_random(out, random, size);
}

bool mxt_hello_server_tls12(struct mxt_bytes *out, struct mxt_random *random, struct mxt_authority *authority, unsigned number, const char *name)
{
    /* ECDHE with the kind of key that the certificate has: RSA for even numbers, EC for odd ones. */
    append_server_hello(out, random, false, number % 2 == 0 ? 0xc030 : 0xc02c);
    size_t at = begin_handshake(out, TLS_1_2, CERTIFICATE);
    bool is_made = mxt_authority_chain(authority, number, name, out);
    end_handshake(out, at);
    at = begin_handshake(out, TLS_1_2, SERVER_KEY_EXCHANGE);
    mxt_bytes_number(out, 3, 1);
    mxt_bytes_number(out, GROUP_X25519, 2);
    mxt_bytes_number(out, KEY_SIZE, 1);
    append_random(out, random, KEY_SIZE);
    mxt_bytes_number(out, number % 2 == 0 ? 0x0804 : 0x0403, 2);
    mxt_bytes_number(out, SIGNATURE_SIZE, 2);
    append_random(out, random, SIGNATURE_SIZE);
    end_handshake(out, at);
    end_handshake(out, begin_handshake(out, TLS_1_2, SERVER_HELLO_DONE));
    return is_made;
}

void mxt_hello_server_tls13(struct mxt_bytes *out, struct mxt_random *random)
{
    append_server_hello(out, random, true, 0x1302);
    append_change_cipher_spec(out);
    append_encrypted(out, random, RECORD_DATA, SERVER_FLIGHT_TLS13);
}

void mxt_hello_client_finish_tls12(struct mxt_bytes *out, struct mxt_random *random)
{
    size_t at = begin_handshake(out, TLS_1_2, CLIENT_KEY_EXCHANGE);
    mxt_bytes_number(out, KEY_SIZE, 1);
    append_random(out, random, KEY_SIZE);
    end_handshake(out, at);
    append_change_cipher_spec(out);
    append_encrypted(out, random, RECORD_HANDSHAKE, FINISHED_RECORD_TLS12);
}

void mxt_hello_server_finish_tls12(struct mxt_bytes *out, struct mxt_random *random)
{
    size_t at = begin_handshake(out, TLS_1_2, NEW_SESSION_TICKET);
    mxt_bytes_number(out, 7200, 4);
    mxt_bytes_number(out, 192, 2);
    append_random(out, random, 192);
    end_handshake(out, at);
    append_change_cipher_spec(out);
    append_encrypted(out, random, RECORD_HANDSHAKE, FINISHED_RECORD_TLS12);
}

void mxt_hello_client_finish_tls13(struct mxt_bytes *out, struct mxt_random *random)
{
    append_change_cipher_spec(out);
    append_encrypted(out, random, RECORD_DATA, FINISHED_RECORD_TLS13);
}

void mxt_hello_data(struct mxt_bytes *out, struct mxt_random *random, uint32_t size)
{
    append_encrypted(out, random, RECORD_DATA, size);
}
