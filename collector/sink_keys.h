/* Sinks as keys of a configuration: where alerts go besides the stream. */
#ifndef MXT_COLLECTOR_SINK_KEYS_H
#define MXT_COLLECTOR_SINK_KEYS_H

#include <stddef.h>
#include <stdint.h>

#include "rules/config_keys.h"
#include "rules/rule.h"

#define MXT_SINKS_MAX     16 /* each takes a thread and a link */
#define MXT_SINK_NAME_MAX 32 /* bytes: the name stands in Redis and in metrics */
#define MXT_SINK_WORDS    32 /* of a command */

enum mxt_sink_type { MXT_SINK_NONE, MXT_SINK_FILE, MXT_SINK_SYSLOG, MXT_SINK_WEBHOOK, MXT_SINK_COMMAND };

struct mxt_sink_config {
    const char *name;
    enum mxt_sink_type type;
    const char *target;                   /* file: path; syslog: unix:/path, udp://host:port or tcp://host:port; webhook: URL */
    const char *command[MXT_SINK_WORDS + 1]; /* the program and its arguments, then NULL */
    size_t words;
    enum mxt_severity severity;           /* the least grave that it is told */
    const char *secret_file, *ca_file;    /* webhook; NULL: no signature; the system's */
    unsigned facility;                    /* syslog, RFC 5424 6.2.1 */
    int64_t timeout_us;                   /* for one delivery */
};

struct mxt_sinks_config {
    struct mxt_sink_config *items; /* owned */
    size_t count;
};

/* The keys about a struct mxt_sinks_config; mxt_sinks_config_free frees what they give it. */
extern const struct mxt_key_table mxt_sink_keys;

/* Zeroed ones are accepted. */
void mxt_sinks_config_free(struct mxt_sinks_config *config);

/* "file", "syslog", "webhook" or "command". */
const char *mxt_sink_type_name(enum mxt_sink_type type);

#endif
