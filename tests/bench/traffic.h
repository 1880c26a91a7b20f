/* Thousands of flows at once, each a short train of packets at a time. */
#ifndef MXT_BENCH_TRAFFIC_H
#define MXT_BENCH_TRAFFIC_H

#include <stdbool.h>
#include <stdint.h>

#include "content.h"
#include "random.h"
#include "script.h"
#include "writer.h"

enum { MXT_MIX_SCRIPTS = 8 };

struct mxt_share {
    const struct mxt_script *script;
    unsigned weight;
};

/* What a kind of traffic consists of. */
struct mxt_mix {
    const char *name;
    unsigned mail_percent; /* of all packets */
    unsigned mail_slots;   /* mail flows at once, in a capture of a gigabyte */
    unsigned other_slots;
    bool counts_flows; /* ends after a number of mail flows, not of bytes */
    unsigned flow_interval_us; /* the wire is silent so long before a flow begins */
    struct mxt_share mail[MXT_MIX_SCRIPTS];
    struct mxt_share other[MXT_MIX_SCRIPTS];
};

/* The mix of a name, or NULL. */
const struct mxt_mix *mxt_traffic_mix(const char *name);

/* What was written, exactly. */
struct mxt_totals {
    uint64_t flows;        /* of TCP and UDP, mail included */
    uint64_t sessions;     /* SMTP connections */
    uint64_t tls_sessions; /* those that went on in TLS */
    uint64_t messages;     /* delivered in the clear */
    uint64_t mail_packets;
};

/* Writes the mix until `bytes` of frames (or `flows` mail flows) are written and every mail flow has come to its end.
 * Returns false when memory fails; whether writing failed the writer knows. */
bool mxt_traffic_write(const struct mxt_mix *mix, uint64_t bytes, uint64_t flows, const struct mxt_content *content, struct mxt_random *random,
                       struct mxt_writer *writer, struct mxt_totals *totals);

#endif
