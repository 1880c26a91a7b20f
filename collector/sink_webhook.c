/*
 * A POST of each alert's JSON. With a secret, Mxtap-Signature: t=SECONDS,v1=HEX is the HMAC-SHA256 of "SECONDS.BODY": the receiver checks it, and that the time is
 * recent, so that nobody else can send alerts or repeat old ones.
 */
#include <curl/curl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "collector/sink_int.h"

#define SECRET_MAX     4096 /* bytes */
#define SECRET_MIN     16   /* shorter ones can be guessed */
#define RETRY_AFTER_MS INT64_C(3600000) /* the longest that a receiver may ask for */
#define SIGNATURE      128

struct webhook {
    const struct mxt_sink_config *config;
    CURL *curl;
    unsigned char secret[SECRET_MAX + 1];
    size_t secret_length; /* 0: no signature */
    char error[CURL_ERROR_SIZE];
};

static bool read_secret(struct webhook *webhook, char *why)
{
    const char *path = webhook->config->secret_file;
    if (path == NULL)
        return true;
    FILE *file = fopen(path, "re");
    size_t n = file == NULL ? 0 : fread(webhook->secret, 1, sizeof webhook->secret, file);
    bool is_read = file != NULL && !ferror(file);
    if (!is_read)
        snprintf(why, MXT_SINK_WHY, "%.150s: cannot be read; name the file with the webhook's key", path);
    if (file != NULL)
        fclose(file);
    while (n > 0 && (webhook->secret[n - 1] == '\n' || webhook->secret[n - 1] == '\r'))
        n--;
    webhook->secret_length = n;
    if (is_read && (n < SECRET_MIN || n > SECRET_MAX)) {
        snprintf(why, MXT_SINK_WHY, "%.150s: a key of %d to %d bytes is expected, as from: openssl rand -hex 32", path, SECRET_MIN, SECRET_MAX);
        return false;
    }
    return is_read;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): the type is libcurl's */
static size_t swallow(char *p, size_t size, size_t n, void *context)
{
    (void)p, (void)context;
    return size * n;
}

static int look_up(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    (void)a, (void)b, (void)c, (void)d;
    return atomic_load((const atomic_bool *)context); /* not 0: give up */
}

static void webhook_free(void *driver)
{
    struct webhook *webhook = driver;
    if (webhook->curl != NULL)
        curl_easy_cleanup(webhook->curl);
    OPENSSL_cleanse(webhook->secret, sizeof webhook->secret);
    free(webhook);
}

/* Whether curl took every setting that keeps us safe; one that it does not know must not be missed in silence. */
static bool set_up(struct webhook *webhook)
{
    const struct mxt_sink_config *config = webhook->config;
    CURL *curl = webhook->curl;
    return curl_easy_setopt(curl, CURLOPT_URL, config->target) == CURLE_OK && curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK && curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(config->timeout_us / 1000)) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_USERAGENT, "mxtap-collector/" MXTAP_VERSION) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, swallow) == CURLE_OK && curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, look_up) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L) == CURLE_OK && curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, webhook->error) == CURLE_OK &&
           (config->ca_file == NULL || curl_easy_setopt(curl, CURLOPT_CAINFO, config->ca_file) == CURLE_OK);
}

static void *webhook_open(const struct mxt_sink_config *config, char *error)
{
    struct webhook *webhook = calloc(1, sizeof *webhook);
    if (webhook == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        snprintf(error, MXT_SINK_WHY, "out of memory");
        free(webhook);
        return NULL;
    }
    webhook->config = config;
    error[0] = '\0';
    webhook->curl = curl_easy_init();
    if (read_secret(webhook, error) && webhook->curl != NULL && set_up(webhook))
        return webhook;
    if (error[0] == '\0')
        snprintf(error, MXT_SINK_WHY, "%.150s: libcurl does not take this URL or certificate file", config->target);
    webhook_free(webhook);
    return NULL;
}

/* "Mxtap-Signature: t=...,v1=..." False: it cannot be computed. */
static bool sign(const struct webhook *webhook, const struct mxt_sink_alert *alert, char out[SIGNATURE])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    char *text = malloc(alert->n + 32);
    if (text == NULL)
        return false;
    long long now = (long long)time(NULL);
    int used = snprintf(text, 32, "%lld.", now);
    memcpy(text + used, alert->json, alert->n);
    bool is_signed = HMAC(EVP_sha256(), webhook->secret, (int)webhook->secret_length, (const unsigned char *)text, (size_t)used + alert->n, digest, &n) != NULL;
    free(text);
    int at = snprintf(out, SIGNATURE, "Mxtap-Signature: t=%lld,v1=", now);
    for (unsigned i = 0; i < n; i++)
        at += snprintf(out + at, SIGNATURE - (size_t)at, "%02x", digest[i]);
    return is_signed;
}

/* NULL: out of memory. */
static struct curl_slist *build_headers(const struct webhook *webhook, const struct mxt_sink_alert *alert)
{
    char line[SIGNATURE];
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    snprintf(line, sizeof line, "Mxtap-Delivery: %s", alert->id);
    bool is_whole = headers != NULL && curl_slist_append(headers, line) != NULL;
    if (is_whole && webhook->secret_length > 0)
        is_whole = sign(webhook, alert, line) && curl_slist_append(headers, line) != NULL;
    if (is_whole)
        return headers;
    curl_slist_free_all(headers);
    return NULL;
}

static bool is_for_later(long code)
{
    return code >= 500 || code == 408 || code == 425 || code == 429;
}

static void judge_answer(const struct webhook *webhook, CURLcode status, struct mxt_sink_result *result)
{
    long code = 0;
    curl_off_t wait_s = 0;
    const char *url = webhook->config->target;
    if (status != CURLE_OK) {
        mxt_sink_answer(result, MXT_SINK_RETRY, "%.100s: %.140s", url, webhook->error[0] != '\0' ? webhook->error : curl_easy_strerror(status));
        return;
    }
    curl_easy_getinfo(webhook->curl, CURLINFO_RESPONSE_CODE, &code);
    if (code >= 200 && code < 300) {
        mxt_sink_answer(result, MXT_SINK_DELIVERED, "%s", "");
    } else if (is_for_later(code)) {
        mxt_sink_answer(result, MXT_SINK_RETRY, "%.150s answered %ld", url, code);
        curl_easy_getinfo(webhook->curl, CURLINFO_RETRY_AFTER, &wait_s);
        result->wait_ms = wait_s * 1000 > RETRY_AFTER_MS ? RETRY_AFTER_MS : (int64_t)wait_s * 1000;
    } else if (code >= 300 && code < 400) {
        mxt_sink_answer(result, MXT_SINK_REFUSED, "%.150s answered %ld, which is not followed; write the URL that takes alerts", url, code);
    } else {
        mxt_sink_answer(result, MXT_SINK_REFUSED, "%.150s answered %ld", url, code);
    }
}

static void webhook_deliver(void *driver, const struct mxt_sink_alert *alert, unsigned attempt, const atomic_bool *is_stopping, struct mxt_sink_result *result)
{
    struct webhook *webhook = driver;
    struct curl_slist *headers = build_headers(webhook, alert);
    (void)attempt;
    if (headers == NULL) {
        mxt_sink_answer(result, MXT_SINK_RETRY, "out of memory");
        return;
    }
    webhook->error[0] = '\0';
    CURLcode status = curl_easy_setopt(webhook->curl, CURLOPT_HTTPHEADER, headers);
    if (status == CURLE_OK)
        status = curl_easy_setopt(webhook->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)alert->n);
    if (status == CURLE_OK)
        status = curl_easy_setopt(webhook->curl, CURLOPT_POSTFIELDS, alert->json);
    if (status == CURLE_OK)
        status = curl_easy_setopt(webhook->curl, CURLOPT_XFERINFODATA, is_stopping);
    if (status == CURLE_OK)
        status = curl_easy_perform(webhook->curl);
    judge_answer(webhook, status, result);
    curl_easy_setopt(webhook->curl, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(headers);
}

const struct mxt_sink_driver mxt_sink_webhook = {.open = webhook_open, .deliver = webhook_deliver, .free = webhook_free};
