#include "collector/link_keys.h"

#include <stddef.h>

#include "collector/link.h"

/* clang-format off */
#define TEXT_AT(member) .text_at = offsetof(struct mxt_link_config, member)
#define FILE_ONLY       MXT_KEY_IN_FILE

static const struct mxt_key keys[] = {
    {"redis", NULL, 0, FILE_ONLY, MXT_KEY_MAP, "...", NULL, "a mapping", "where Redis is and who we are there", .set = NULL},
    {"redis.url", "redis", 0, MXT_KEY_IN_BOTH, MXT_KEY_ONE, "URL", NULL, "a URL such as redis://user@host:6379/0, rediss://host or unix:/path", "Redis: redis://[USER@]HOST[:PORT][/DB], rediss://... (TLS) or unix:/PATH; its password comes from redis.password_file or MXTAP_REDIS_PASSWORD", TEXT_AT(url)},
    {"redis.password_file", NULL, 0, FILE_ONLY, MXT_KEY_ONE, "FILE", NULL, "a path", "a file that holds the password alone", TEXT_AT(password_file)},
    {"redis.ca", NULL, 0, FILE_ONLY, MXT_KEY_ONE, "FILE", NULL, "a path", "rediss: certificates to trust, PEM (default: the system's)", TEXT_AT(ca_file)},
    {"redis.certificate", NULL, 0, FILE_ONLY, MXT_KEY_ONE, "FILE", NULL, "a path", "rediss: our own certificate, PEM", TEXT_AT(certificate_file)},
    {"redis.key", NULL, 0, FILE_ONLY, MXT_KEY_ONE, "FILE", NULL, "a path", "rediss: its key, PEM", TEXT_AT(key_file)},
};
/* clang-format on */

const struct mxt_key_table mxt_link_keys = {.keys = keys, .count = sizeof keys / sizeof keys[0]};
