/*
 * Which packet thread owns a connection: a keyed hash of both ends, the same for both directions. The kernel computes it too, as a classic BPF program that deals
 * out an interface's frames, where it sees the ports; fragments and tunnels it deals out by what it sees, and the thread that takes them apart hands the
 * segments on. (The kernel's own hash would do only where nothing has to be handed on: nobody else can compute it.)
 */
#ifndef MXT_SENSOR_FANOUT_H
#define MXT_SENSOR_FANOUT_H

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

#include "decoders/packet.h"
#include "decoders/status.h"

#define MXT_FANOUT_PROGRAM 128 /* at least the program's instructions */

struct mxt_fanout {
    uint32_t workers;
    uint32_t address_factor, port_factor; /* secret, odd */
};

/* `seed` keys it. */
void mxt_fanout_init(struct mxt_fanout *fanout, uint32_t workers, uint64_t seed);

/* The number of the thread that owns the segment's connection. */
uint32_t mxt_fanout_owner(const struct mxt_fanout *fanout, const struct mxt_segment *segment);

/* Writes the program, for at most MXT_FANOUT_PROGRAM instructions. Their number. It yields the hash; the kernel takes the remainder. */
size_t mxt_fanout_program(const struct mxt_fanout *fanout, struct sock_filter *out);

/*
 * Lets the packet socket take part in dealing out its interface's frames. The first of an interface makes a group (*group is -1) whose number is left in *group; the
 * others join it, in the order of the workers' numbers. MXT_OK; MXT_EIO: see errno.
 */
enum mxt_status mxt_fanout_join(const struct mxt_fanout *fanout, int fd, int *group) MXT_MUST_CHECK;

#endif
