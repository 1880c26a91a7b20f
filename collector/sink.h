/*
 * Sinks: where alerts go besides the stream `alerts`. Each is a thread with its own link, reading the stream behind its own place in Redis (key `sink:NAME`), so
 * that a dead one holds nothing up, and a restart loses nothing short of the stream's trimming, which is counted. A sink delivers at least once: after a crash the
 * last alerts come again, byte for byte the same.
 */
#ifndef MXT_COLLECTOR_SINK_H
#define MXT_COLLECTOR_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/link.h"
#include "collector/sink_keys.h"
#include "decoders/status.h"
#include "rules/faults.h"

struct mxt_sinks;

/*
 * Opens the sinks and forks the helpers of commands, which hold nothing of what other threads have. The structs are copied, what they point to outlives the sinks;
 * `faults` is told from their threads, once a change of state. NULL: told (out of memory, too).
 */
struct mxt_sinks *mxt_sinks_new(const struct mxt_sinks_config *config, const struct mxt_link_config *redis, const struct mxt_faults *faults);

/* Starts the threads. MXT_OK; MXT_EIO: told. */
enum mxt_status mxt_sinks_start(struct mxt_sinks *sinks) MXT_MUST_CHECK;

/*
 * The alerts of the partition whose keys begin with `prefix` ("mxtap:", "mxtap:{3}:") are ours to deliver from now on, or no longer: whoever works a partition
 * holds it. Any thread. MXT_OK; MXT_ENOMEM.
 */
enum mxt_status mxt_sinks_hold(struct mxt_sinks *sinks, const char *prefix, bool is_held) MXT_MUST_CHECK;

/* Waits until every sink has delivered what its streams hold now, at most `timeout_ms`. Whether all have. */
bool mxt_sinks_drain(struct mxt_sinks *sinks, int timeout_ms);

/* Stops the threads (a delivery on its way gets a second), ends the helpers and frees. NULL is accepted. */
void mxt_sinks_free(struct mxt_sinks *sinks);

/* How a sink fares. Any thread. */
struct mxt_sink_state {
    const char *name;
    enum mxt_sink_type type;
    bool is_failing;
    uint64_t delivered;
    uint64_t refused; /* alerts that the receiver will not have: told, not tried again */
    uint64_t retries;
    uint64_t lost;    /* trimmed off the stream before they were read */
    uint64_t behind;  /* entries of the streams not read yet, about */
};
size_t mxt_sinks_count(const struct mxt_sinks *sinks);
struct mxt_sink_state mxt_sinks_state(struct mxt_sinks *sinks, size_t i);

#endif
