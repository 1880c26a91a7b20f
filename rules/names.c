#include "rules/names.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "decoders/certificate.h"
#include "decoders/text.h"

#define COUNTRY_LABEL 2 /* letters of a country's top-level domain */

/* What registries call their own second level below a country: "co.uk", "or.jp", "gob.mx". */
static const char *const registry_labels[] = {"co",  "com",  "org", "net", "ac",  "edu", "gov", "or",  "ne", "go",
                                              "gob", "gouv", "ad",  "mil", "ltd", "plc", "sch", "nhs", "id", "info"};

/* Names that are not of the public DNS (RFC 6762 3 and appendix G, RFC 6761 6.3, RFC 8375), or that installers leave behind. */
static const char *const private_names[] = {"local", "localdomain", "localhost", "lan", "home", "corp", "internal", "intranet", "home.arpa", "invalid"};

bool mxt_names_domain_of(const char *address, char domain[MXT_DOMAIN_TEXT])
{
    const char *at = strrchr(address, '@');
    size_t n = at == NULL ? 0 : strlen(at + 1);
    if (n > 0 && at[n] == '.')
        n--;
    if (n == 0 || n >= MXT_DOMAIN_TEXT || at[1] == '[')
        return false;
    for (size_t i = 0; i < n; i++)
        domain[i] = at[1 + i] >= 'A' && at[1 + i] <= 'Z' ? (char)(at[1 + i] - 'A' + 'a') : at[1 + i];
    domain[n] = '\0';
    return true;
}

/* Where the last `labels` labels of the name begin. */
static const char *last_labels(const char *name, unsigned labels)
{
    const char *at = name + strlen(name);
    while (at > name) {
        if (at[-1] == '.' && --labels == 0)
            break;
        at--;
    }
    return at;
}

const char *mxt_names_organisation(const char *name)
{
    const char *top = last_labels(name, 1);
    const char *second = last_labels(name, 2);
    size_t n = top > second ? (size_t)(top - second) - 1 : 0;
    for (size_t i = 0; strlen(top) == COUNTRY_LABEL && i < sizeof registry_labels / sizeof registry_labels[0]; i++)
        if (strlen(registry_labels[i]) == n && strncasecmp(registry_labels[i], second, n) == 0)
            return last_labels(name, 3);
    return second;
}

bool mxt_names_is_related(const char *a, const char *b)
{
    return a != NULL && b != NULL && mxt_text_is_equal_nocase(mxt_names_organisation(a), mxt_names_organisation(b));
}

bool mxt_names_is_public(const char *name)
{
    if (name == NULL || !mxt_name_is_domain(name))
        return false;
    for (size_t i = 0; i < sizeof private_names / sizeof private_names[0]; i++) {
        size_t n = strlen(name), m = strlen(private_names[i]);
        if (n > m && name[n - m - 1] == '.' && mxt_text_is_equal_nocase(name + n - m, private_names[i]))
            return false;
    }
    return true;
}
