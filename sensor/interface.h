/*
 * A network interface that is listened to, by libpcap: kernel ring, promiscuous, filtered in the kernel by ports and the user's filter. One belongs to one
 * thread. An interface that goes down is waited for; one that disappears is an error.
 */
#ifndef MXT_SENSOR_INTERFACE_H
#define MXT_SENSOR_INTERFACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decoders/packet.h"
#include "decoders/status.h"

#define MXT_INTERFACE_ERROR      1024   /* bytes that hold any error sentence of this file */
#define MXT_INTERFACE_SNAP       262144 /* bytes kept of a frame: larger than any, offloaded ones too */
#define MXT_INTERFACE_TIMEOUT_MS 10     /* a frame waits at most so long in the kernel */

struct mxt_interface_config {
    const char *name;                 /* outlives the interface; frames carry it */
    const struct mxt_port_set *ports; /* used while opening */
    bool has_any_port;                /* every TCP port, whatever `ports` says */
    const char *filter;               /* the user's, or NULL; used while opening */
    uint64_t buffer_bytes;            /* of the kernel's ring */
    bool counts_own_drops;            /* the interface's own drops are counted by this one: one of those that listen on it */
};

struct mxt_interface;

/*
 * Opens it, not blocking. NULL: a sentence that names the interface, the fault and the mend (which interfaces there are, what right is missing) is in `error`
 * (MXT_INTERFACE_ERROR bytes).
 */
struct mxt_interface *mxt_interface_open(const struct mxt_interface_config *config, char *error);

/* NULL is accepted. */
void mxt_interface_close(struct mxt_interface *interface);

/* The packet socket: readable when there are frames; for options of the socket too. Owned by the interface. */
int mxt_interface_fd(const struct mxt_interface *interface);

/* Frames stamped earlier (microseconds since 1970) are passed over from now on. */
void mxt_interface_begin(struct mxt_interface *interface, int64_t since_us);

/*
 * Hands up to `max` frames that have come to `take`, each valid during the call only. MXT_OK: there was at least one; MXT_MORE: none now; MXT_EIO: the interface
 * is gone, see mxt_interface_error.
 */
enum mxt_status mxt_interface_read(struct mxt_interface *interface, int max, void (*take)(void *context, const struct mxt_frame *frame), void *context) MXT_MUST_CHECK;

/* Why it failed: one sentence, valid as long as the interface. */
const char *mxt_interface_error(const struct mxt_interface *interface);

/* Frames lost since it was opened, by cause. */
struct mxt_interface_counters {
    uint64_t kernel_drops;    /* the ring was full: the sensor was too slow */
    uint64_t interface_drops; /* the card or its driver had no room */
};
struct mxt_interface_counters mxt_interface_counters(struct mxt_interface *interface);

#endif
