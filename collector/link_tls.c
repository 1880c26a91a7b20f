/* TLS for rediss: OpenSSL over the link's own socket. Whoever uses rediss ignores SIGPIPE: OpenSSL writes with write(2). */
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "collector/link_int.h"

/* OpenSSL's reason for what just failed. */
static const char *reason(void)
{
    const char *text = ERR_reason_error_string(ERR_peek_last_error());
    return text != NULL ? text : "unknown reason";
}

static bool load_files(SSL_CTX *context, const struct mxt_link_config *config, char *error)
{
    const char *file = config->ca_file, *key = config->key_file != NULL ? config->key_file : config->certificate_file;
    if ((file != NULL ? SSL_CTX_load_verify_locations(context, file, NULL) : SSL_CTX_set_default_verify_paths(context)) != 1) {
        snprintf(error, MXT_LINK_ERROR, "redis.ca: %s: %s: a PEM file of CA certificates is wanted", file != NULL ? file : "the system's", reason());
        return false;
    }
    if (config->certificate_file == NULL) {
        if (config->key_file != NULL)
            snprintf(error, MXT_LINK_ERROR, "redis.key is given, but no redis.certificate that it belongs to");
        return config->key_file == NULL;
    }
    if (SSL_CTX_use_certificate_chain_file(context, config->certificate_file) != 1) {
        snprintf(error, MXT_LINK_ERROR, "redis.certificate: %s: %s: a PEM file of the client's certificate is wanted", config->certificate_file, reason());
        return false;
    }
    if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1 || SSL_CTX_check_private_key(context) != 1) {
        snprintf(error, MXT_LINK_ERROR, "redis.key: %s: %s: the PEM file of the certificate's private key is wanted, without a passphrase", key, reason());
        return false;
    }
    return true;
}

/* Nobody is there to type a passphrase. */
static int no_passphrase(char *buffer, int size, int is_writing, void *context)
{
    (void)is_writing, (void)context;
    if (size > 0)
        *buffer = '\0';
    return 0;
}

SSL_CTX *mxt_link_tls_context(const struct mxt_link_config *config, char *error)
{
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (context == NULL) {
        snprintf(error, MXT_LINK_ERROR, "OpenSSL: %s", reason());
        return NULL;
    }
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_default_passwd_cb(context, no_passphrase);
    if (!load_files(context, config, error)) {
        SSL_CTX_free(context);
        return NULL;
    }
    return context;
}

/* The name that the server's certificate must carry. */
static bool expect_host(SSL *ssl, const char *host)
{
    struct in6_addr any;
    if (inet_pton(AF_INET, host, &any) == 1 || inet_pton(AF_INET6, host, &any) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
    return SSL_set_tlsext_host_name(ssl, host) == 1 && SSL_set1_host(ssl, host) == 1;
}

/* Says why the handshake failed, or what came instead of data. */
static enum mxt_status tell_failure(struct mxt_link *link)
{
    long verdict = SSL_get_verify_result(link->ssl);
    unsigned long code = ERR_peek_last_error();
    if (verdict != X509_V_OK)
        return mxt_link_break(link, "its certificate is not accepted (%s): redis.ca names whom to trust, the URL the name that the certificate carries",
                              X509_verify_cert_error_string(verdict));
    if (code == 0)
        return mxt_link_break(link, "the TLS connection was closed: does Redis speak TLS on this port (tls-port), and does it want a client's certificate (redis.certificate)?");
    switch (ERR_GET_REASON(code)) {
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
        return mxt_link_break(link, "TLS: %s: it may want a client certificate: redis.certificate and redis.key", reason());
    case SSL_R_WRONG_VERSION_NUMBER: return mxt_link_break(link, "TLS: %s: does Redis speak TLS on this port (tls-port)?", reason());
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
        return mxt_link_break(link, "TLS: %s: Redis does not accept redis.certificate: is its CA in tls-ca-cert-file?", reason());
    default: return mxt_link_break(link, "TLS: %s", reason());
    }
}

enum mxt_status mxt_link_tls_open(struct mxt_link *link, int64_t deadline_ms)
{
    ERR_clear_error();
    link->ssl = SSL_new(link->tls);
    if (link->ssl == NULL || !expect_host(link->ssl, link->target.host) || SSL_set_fd(link->ssl, link->fd) != 1)
        return mxt_link_break(link, "OpenSSL: %s", reason());
    for (;;) {
        ERR_clear_error();
        int done = SSL_connect(link->ssl);
        if (done == 1)
            return MXT_OK;
        int wanted = SSL_get_error(link->ssl, done);
        if (wanted != SSL_ERROR_WANT_READ && wanted != SSL_ERROR_WANT_WRITE)
            return tell_failure(link);
        enum mxt_status status = mxt_link_await(link, wanted == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, deadline_ms);
        if (status != MXT_OK)
            return status;
    }
}

void mxt_link_tls_close(struct mxt_link *link)
{
    SSL_free(link->ssl);
    link->ssl = NULL;
}

/* What a read or write that moved nothing means. 0: wait; -1: broken. */
static ssize_t judge_stall(struct mxt_link *link, int result)
{
    switch (SSL_get_error(link->ssl, result)) {
    case SSL_ERROR_WANT_READ: return 0;
    case SSL_ERROR_WANT_WRITE: link->wants_write = true; return 0;
    default: (void)tell_failure(link); return -1;
    }
}

ssize_t mxt_link_tls_write(struct mxt_link *link, const char *bytes, size_t n)
{
    size_t moved;
    ERR_clear_error();
    int result = SSL_write_ex(link->ssl, bytes, n, &moved);
    return result == 1 ? (ssize_t)moved : judge_stall(link, result);
}

ssize_t mxt_link_tls_read(struct mxt_link *link, char *bytes, size_t n)
{
    size_t moved;
    ERR_clear_error();
    int result = SSL_read_ex(link->ssl, bytes, n, &moved);
    return result == 1 ? (ssize_t)moved : judge_stall(link, result);
}
