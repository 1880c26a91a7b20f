#include "sensor/trust_verify.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <time.h>

static int64_t seconds(const ASN1_TIME *time)
{
    struct tm tm = {0};
    return ASN1_TIME_to_tm(time, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

/* Narrows the judgement's time to the part in which this certificate is as valid, or as invalid, as it is now. */
static void narrow(struct mxt_trust_judgement *judgement, const X509 *x509, int64_t now)
{
    int64_t begin = seconds(X509_get0_notBefore(x509));
    int64_t end = seconds(X509_get0_notAfter(x509));
    int64_t borders[2] = {begin - 1, end}; /* the last second before, the last second within */
    for (int i = 0; i < 2; i++) {
        if (now <= borders[i] && borders[i] < judgement->until)
            judgement->until = borders[i];
        if (now > borders[i] && borders[i] + 1 > judgement->from)
            judgement->from = borders[i] + 1;
    }
}

static void narrow_to_issuers(struct mxt_trust_judgement *judgement, const STACK_OF(X509) *chain, const X509 *leaf, int64_t now)
{
    for (int i = 0; i < sk_X509_num(chain); i++) {
        if (X509_cmp(sk_X509_value(chain, i), leaf) != 0)
            narrow(judgement, sk_X509_value(chain, i), now);
    }
}

static int forgive_leaf_times(int is_good, X509_STORE_CTX *context)
{
    int error = X509_STORE_CTX_get_error(context);
    bool is_time = error == X509_V_ERR_CERT_HAS_EXPIRED || error == X509_V_ERR_CERT_NOT_YET_VALID;
    return is_good || (is_time && X509_STORE_CTX_get_error_depth(context) == 0);
}

static enum mxt_trust_verdict verdict_of(X509_STORE_CTX *context, X509 *leaf)
{
    if (X509_self_signed(leaf, 1) == 1)
        return MXT_TRUST_SELF_SIGNED;
    switch (X509_STORE_CTX_get_error(context)) {
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        return sk_X509_num(X509_STORE_CTX_get0_chain(context)) <= 1 ? MXT_TRUST_INCOMPLETE : MXT_TRUST_UNKNOWN_ISSUER;
    case X509_V_ERR_OUT_OF_MEM: return MXT_TRUST_UNCHECKED;
    default: return MXT_TRUST_UNKNOWN_ISSUER;
    }
}

struct mxt_trust_judgement mxt_trust_verify(X509_STORE *store, X509 *leaf, STACK_OF(X509) *others, int64_t time)
{
    /* What no memory was left for holds at no time. */
    static const struct mxt_trust_judgement none = {.verdict = MXT_TRUST_UNCHECKED, .from = INT64_MAX, .until = INT64_MIN};
    struct mxt_trust_judgement judgement = {.verdict = MXT_TRUST_UNCHECKED, .from = INT64_MIN, .until = INT64_MAX};
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    if (context == NULL || X509_STORE_CTX_init(context, store, leaf, others) != 1) {
        X509_STORE_CTX_free(context);
        return none;
    }
    X509_VERIFY_PARAM *parameters = X509_STORE_CTX_get0_param(context);
    X509_VERIFY_PARAM_set_time(parameters, (time_t)time);
    X509_VERIFY_PARAM_set_purpose(parameters, X509_PURPOSE_SSL_SERVER);
    X509_VERIFY_PARAM_set_auth_level(parameters, 0);
    X509_STORE_CTX_set_verify_cb(context, forgive_leaf_times);
    judgement.verdict = X509_verify_cert(context) == 1 ? MXT_TRUST_TRUSTED : verdict_of(context, leaf);
    narrow_to_issuers(&judgement, X509_STORE_CTX_get0_chain(context), leaf, time);
    narrow_to_issuers(&judgement, others, leaf, time);
    X509_STORE_CTX_free(context);
    ERR_clear_error();
    return judgement.verdict == MXT_TRUST_UNCHECKED ? none : judgement;
}
