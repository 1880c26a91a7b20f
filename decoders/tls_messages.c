#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decoders/cursor.h"
#include "decoders/ja.h"
#include "decoders/text.h"
#include "decoders/tls_hello.h"
#include "decoders/tls_int.h"
#include "decoders/tls_names.h"

/* ASCII only: what else a name may hold is kept as it came, escaped. */
static const char *keep_lower(struct mxt_arena *arena, struct mxt_tls_slice name)
{
    uint8_t lower[MXT_TLS_SNI_MAX];
    size_t n = name.n < sizeof lower ? name.n : sizeof lower;
    for (size_t i = 0; i < n; i++)
        lower[i] = name.p[i] >= 'A' && name.p[i] <= 'Z' ? (uint8_t)(name.p[i] | 0x20) : name.p[i];
    return mxt_text_keep(arena, lower, n, sizeof lower);
}

static void take_offered_protocols(struct mxt_tls *tls, struct mxt_tls_slice alpn)
{
    struct mxt_cursor in = mxt_cursor_over(alpn.p, alpn.n);
    while (mxt_cursor_left(&in) > 0) {
        size_t n = mxt_cursor_u8(&in);
        const uint8_t *name = mxt_cursor_bytes(&in, n);
        if (name == NULL)
            return;
        const char *text = mxt_text_keep(tls->arena, name, n, MXT_TLS_ALPN_MAX);
        if (text == NULL || mxt_text_list_add(&tls->facts->alpn_offered, tls->arena, text, MXT_TLS_ALPN_OFFERED) != MXT_OK)
            return; /* the arena counts the failure */
    }
}

/* The first hello counts: the one behind a HelloRetryRequest repeats it. */
static void take_client_hello(struct mxt_tls *tls, const struct mxt_tls_client_hello *hello)
{
    struct mxt_tls_facts *facts = tls->facts;
    tls->progress.has_early_data = hello->has_early_data;
    tls->session_id_size = (uint8_t)hello->session_id.n;
    if (hello->session_id.n > 0)
        memcpy(tls->session_id, hello->session_id.p, hello->session_id.n);
    facts->client_max_version = hello->max_version;
    facts->fallback_scsv = hello->has_fallback_scsv ? MXT_YES : MXT_NO;
    if (hello->server_name.n > 0)
        facts->sni = keep_lower(tls->arena, hello->server_name);
    take_offered_protocols(tls, hello->alpn);
    facts->ja3_string = mxt_ja3_string(tls->arena, hello);
    facts->ja3_hash = mxt_ja3_hash(tls->arena, facts->ja3_string);
    facts->ja4 = mxt_ja4(tls->arena, hello);
}

static const char *keep_cipher(struct mxt_arena *arena, uint16_t id)
{
    const char *name = mxt_tls_cipher_name(id);
    if (name != NULL)
        return name;
    char number[8];
    int n = snprintf(number, sizeof number, "0x%04x", (unsigned)id);
    return mxt_arena_copy(arena, number, (size_t)n);
}

static bool is_session_echoed(const struct mxt_tls *tls, struct mxt_tls_slice id)
{
    return id.n > 0 && id.n == tls->session_id_size && memcmp(id.p, tls->session_id, id.n) == 0;
}

static void set_resumed(struct mxt_tls *tls, enum mxt_fact resumed)
{
    tls->facts->session_resumed = resumed;
    if (tls->facts->certificate.visible != MXT_YES)
        tls->facts->certificate.visible = resumed == MXT_YES ? MXT_NO : MXT_UNKNOWN;
}

/* Whether a certificate can be seen at all, and whether the session is an old one's continuation, as far as the ServerHello tells. */
static void judge_visibility(struct mxt_tls *tls, const struct mxt_tls_server_hello *hello)
{
    struct mxt_tls_facts *facts = tls->facts;
    if (mxt_tls_is_1_3(hello->version)) {
        if (!hello->is_retry)
            facts->session_resumed = hello->has_psk ? MXT_YES : MXT_NO;
        facts->certificate.visible = MXT_NO;
    } else if (is_session_echoed(tls, hello->session_id)) {
        set_resumed(tls, MXT_YES);
    } else if (strstr(facts->cipher, "_anon_") != NULL) {
        facts->certificate.visible = MXT_NO;
    }
}

static void take_server_hello(struct mxt_tls *tls, const struct mxt_tls_server_hello *hello)
{
    struct mxt_tls_facts *facts = tls->facts;
    facts->version = hello->version;
    facts->cipher_id = hello->cipher;
    facts->cipher = keep_cipher(tls->arena, hello->cipher);
    if (facts->cipher == NULL)
        return; /* the arena counts the failure */
    judge_visibility(tls, hello);
    if (hello->is_retry) {
        facts->hello_retry = MXT_YES;
        return;
    }
    tls->progress.has_server_hello = true;
    if (facts->hello_retry == MXT_UNKNOWN && !tls->has_loss[MXT_TOCLIENT])
        facts->hello_retry = MXT_NO;
    facts->downgrade_sentinel = hello->has_downgrade_mark ? MXT_YES : MXT_NO;
    if (hello->alpn.n > 0)
        facts->alpn = mxt_text_keep(tls->arena, hello->alpn.p, hello->alpn.n, MXT_TLS_ALPN_MAX);
    facts->ja3s_string = mxt_ja3s_string(tls->arena, hello);
    facts->ja3s_hash = mxt_ja3_hash(tls->arena, facts->ja3s_string);
}

/* The certificates of a certificate_list (RFC 5246 7.4.2), which must fill the body. Returns how many there are, at most `max`; 0 where it is malformed. */
static size_t split_chain(const uint8_t *body, size_t n, struct mxt_der *out, size_t max)
{
    struct mxt_cursor in = mxt_cursor_over(body, n);
    struct mxt_cursor list = mxt_cursor_sub(&in, mxt_cursor_u24(&in));
    size_t count = 0;
    while (!in.has_failed && mxt_cursor_left(&list) > 0 && count < max) {
        size_t length = mxt_cursor_u24(&list);
        const uint8_t *bytes = mxt_cursor_bytes(&list, length);
        if (bytes == NULL || length == 0)
            return 0;
        out[count++] = (struct mxt_der){.bytes = bytes, .length = length};
    }
    return count;
}

/* A copy of the bytes that the chain's slices will point into, and room for the slices. */
static enum mxt_status keep_chain(struct mxt_tls *tls, const uint8_t *body, size_t n)
{
    struct mxt_der *chain = calloc(tls->limits.chain, sizeof *chain);
    uint8_t *copy = malloc(n);
    if (chain == NULL || copy == NULL) {
        free(chain);
        free(copy);
        return MXT_ENOMEM;
    }
    memcpy(copy, body, n);
    tls->chain = chain;
    tls->chain_bytes = copy;
    return MXT_OK;
}

static enum mxt_status take_certificates(struct mxt_tls *tls, const uint8_t *body, size_t n)
{
    if (tls->chain != NULL || n == 0 || tls->limits.chain == 0)
        return MXT_OK;
    if (keep_chain(tls, body, n) != MXT_OK)
        return MXT_ENOMEM;
    tls->chain_count = split_chain(tls->chain_bytes, n, tls->chain, tls->limits.chain);
    if (tls->chain_count > 0)
        tls->facts->certificate.visible = MXT_YES;
    return MXT_OK;
}

static enum mxt_status take_ssl2_server_hello(struct mxt_tls *tls, const struct mxt_tls_ssl2_server_hello *hello)
{
    tls->facts->version = MXT_TLS_SSL2;
    tls->progress.has_server_hello = true;
    set_resumed(tls, hello->is_session_hit ? MXT_YES : MXT_NO);
    if (tls->chain != NULL || hello->certificate.n == 0 || tls->limits.chain == 0)
        return MXT_OK;
    if (keep_chain(tls, hello->certificate.p, hello->certificate.n) != MXT_OK)
        return MXT_ENOMEM;
    tls->chain[0] = (struct mxt_der){.bytes = tls->chain_bytes, .length = hello->certificate.n};
    tls->chain_count = 1;
    tls->facts->certificate.visible = MXT_YES;
    return MXT_OK;
}

static enum mxt_status take_from_client(struct mxt_tls *tls, const struct mxt_tls_message *message)
{
    if (message->type != MXT_TLS_CLIENT_HELLO && message->type != MXT_TLS_SSL2_MESSAGE)
        return MXT_OK;
    struct mxt_tls_client_hello hello;
    tls->progress.has_client_hello = true;
    tls->joiner[MXT_TOSERVER].wanted = 0;
    if (message->body == NULL)
        return MXT_OK;
    if (message->type == MXT_TLS_CLIENT_HELLO ? mxt_tls_client_hello_read(&hello, message->body, message->length)
                                               : mxt_tls_client_hello_read_ssl2(&hello, message->body, message->length))
        take_client_hello(tls, &hello);
    return MXT_OK;
}

/* A message of a full handshake: nothing is resumed, whatever session id was echoed. */
static void see_full_handshake(struct mxt_tls *tls)
{
    if (!mxt_tls_is_1_3(tls->facts->version))
        set_resumed(tls, MXT_NO);
}

static void see_server_hello_done(struct mxt_tls *tls)
{
    see_full_handshake(tls);
    if (tls->facts->certificate.visible == MXT_UNKNOWN && !tls->has_certificate_message && !tls->has_loss[MXT_TOCLIENT] &&
        tls->progress.has_server_hello)
        tls->facts->certificate.visible = MXT_NO;
}

static enum mxt_status take_from_server(struct mxt_tls *tls, const struct mxt_tls_message *message)
{
    struct mxt_tls_server_hello hello;
    struct mxt_tls_ssl2_server_hello ssl2;
    switch (message->type) {
    case MXT_TLS_SERVER_HELLO:
        if (message->body != NULL && !tls->progress.has_server_hello && mxt_tls_server_hello_read(&hello, message->body, message->length))
            take_server_hello(tls, &hello);
        else if (message->body == NULL)
            tls->has_loss[MXT_TOCLIENT] = true;
        return MXT_OK;
    case MXT_TLS_CERTIFICATE:
        see_full_handshake(tls);
        tls->has_certificate_message = true;
        return message->body == NULL ? MXT_OK : take_certificates(tls, message->body, message->length);
    case MXT_TLS_SERVER_KEY_EXCHANGE:
    case MXT_TLS_CERTIFICATE_REQUEST: see_full_handshake(tls); return MXT_OK;
    case MXT_TLS_SERVER_HELLO_DONE: see_server_hello_done(tls); return MXT_OK;
    case MXT_TLS_SSL2_MESSAGE:
        if (message->body != NULL && !tls->progress.has_server_hello &&
            mxt_tls_server_hello_read_ssl2(&ssl2, message->body, message->length))
            return take_ssl2_server_hello(tls, &ssl2);
        return MXT_OK;
    default: return MXT_OK;
    }
}

enum mxt_status mxt_tls_take_message(struct mxt_tls *tls, enum mxt_direction direction, const struct mxt_tls_message *message)
{
    uint32_t failures = tls->arena->failures;
    enum mxt_status status = direction == MXT_TOSERVER ? take_from_client(tls, message) : take_from_server(tls, message);
    return tls->arena->failures != failures ? MXT_ENOMEM : status;
}

void mxt_tls_take_server_change(struct mxt_tls *tls)
{
    uint16_t version = tls->facts->version;
    if (version >= MXT_TLS_SSL3 && !mxt_tls_is_1_3(version) && tls->progress.has_server_hello && !tls->has_loss[MXT_TOCLIENT] &&
        tls->facts->session_resumed == MXT_UNKNOWN)
        set_resumed(tls, MXT_YES);
}
