#include "sensor/trust_context.h"

#include <openssl/core_dispatch.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <stdbool.h>
#include <string.h>

#define ALGORITHMS_MAX 16 /* of an operation, with the empty one behind the last: more than there are kinds of keys here */

/*
 * What the provider answers. OpenSSL passes a provider's functions no pointer of its maker's, so this stands in one place; it is written once and read afterwards.
 * It has what OpenSSL's default provider has, by that provider's own functions.
 */
static struct {
    CRYPTO_ONCE once;
    OSSL_PROVIDER *whole;
    OSSL_ALGORITHM decoders[ALGORITHMS_MAX], keys[ALGORITHMS_MAX];
} shared = {.once = CRYPTO_ONCE_STATIC_INIT};

/* Whether one of an algorithm's names ("RSA:rsaEncryption:1.2.840...") is among those whose keys stand in certificates of servers. */
static bool is_wanted_key(const char *names)
{
    static const char *const wanted[] = {"RSA", "RSA-PSS", "EC", "DSA", "ED25519", "ED448"};
    size_t n = strcspn(names, ":");
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        if (strlen(wanted[i]) == n && strncmp(names, wanted[i], n) == 0)
            return true;
    return false;
}

static bool is_wanted_decoder(const OSSL_ALGORITHM *algorithm)
{
    const char *properties = algorithm->property_definition;
    return is_wanted_key(algorithm->algorithm_names) && strstr(properties, "input=der") != NULL && strstr(properties, "structure=SubjectPublicKeyInfo") != NULL;
}

static void choose(int operation, bool (*is_wanted)(const OSSL_ALGORITHM *algorithm), OSSL_ALGORITHM *out)
{
    int is_uncached = 0;
    size_t count = 0;
    const OSSL_ALGORITHM *algorithm = OSSL_PROVIDER_query_operation(shared.whole, operation, &is_uncached);
    for (; algorithm != NULL && algorithm->algorithm_names != NULL && count + 1 < ALGORITHMS_MAX; algorithm++)
        if (is_wanted(algorithm))
            out[count++] = *algorithm;
}

static bool is_wanted_algorithm(const OSSL_ALGORITHM *algorithm)
{
    return is_wanted_key(algorithm->algorithm_names);
}

static void prepare(void)
{
    shared.whole = OSSL_PROVIDER_load(NULL, "default");
    if (shared.whole == NULL)
        return;
    choose(OSSL_OP_DECODER, is_wanted_decoder, shared.decoders);
    choose(OSSL_OP_KEYMGMT, is_wanted_algorithm, shared.keys);
}

static const OSSL_ALGORITHM *query(void *context, int operation, int *is_uncached)
{
    (void)context;
    *is_uncached = 0;
    switch (operation) {
    case OSSL_OP_DECODER: return shared.decoders;
    case OSSL_OP_KEYMGMT: return shared.keys;
    case OSSL_OP_ENCODER:
    case OSSL_OP_STORE: return NULL;
    default: return OSSL_PROVIDER_query_operation(shared.whole, operation, is_uncached);
    }
}

/* The provider's entry, as OpenSSL calls it (provider-base(7)). */
static int enter(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *core, const OSSL_DISPATCH **functions, void **context)
{
    static const OSSL_DISPATCH answers[] = {{OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query}, {0, NULL}};
    (void)handle, (void)core;
    *functions = answers;
    *context = OSSL_PROVIDER_get0_provider_ctx(shared.whole);
    return 1;
}

struct mxt_trust_context mxt_trust_context_new(void)
{
    static const char name[] = "certificates";
    struct mxt_trust_context context = {.library = NULL};
    if (CRYPTO_THREAD_run_once(&shared.once, prepare) != 1 || shared.whole == NULL || (context.library = OSSL_LIB_CTX_new()) == NULL)
        return context;
    if (OSSL_PROVIDER_add_builtin(context.library, name, enter) == 1)
        context.provider = OSSL_PROVIDER_load(context.library, name);
    if (context.provider == NULL)
        mxt_trust_context_free(&context);
    ERR_clear_error();
    return context;
}

void mxt_trust_context_free(struct mxt_trust_context *context)
{
    if (context->provider != NULL)
        OSSL_PROVIDER_unload(context->provider);
    OSSL_LIB_CTX_free(context->library);
    *context = (struct mxt_trust_context){.library = NULL};
}
