/*
 * What a connection speaks, by nDPI: the one file that knows it. Its module is made when the first connection is asked about; it takes 25 ms and 4 MiB.
 *
 * nDPI wants packets. It is given the stream's bytes in packets made for it, whose addresses and ports say nothing: what counts is what is said. They are
 * copies in a buffer with zeros behind, since nDPI reads beyond the end of short ones. Pieces too short to be judged by are gathered to a line, until the
 * other side speaks.
 */
#ifndef MXT_SENSOR_IDENTIFY_H
#define MXT_SENSOR_IDENTIFY_H

#include <stddef.h>
#include <stdint.h>

#include "decoders/packet.h"
#include "decoders/status.h"
#include "decoders/tls.h"

#define MXT_IDENTIFY_FLOWS   4096 /* connections asked about at once, some 1 KiB each; beyond, no name is found */
#define MXT_IDENTIFY_PACKETS 8    /* of one connection that are given to nDPI; its decoders for text protocols decide by the fifth */

enum mxt_identified { MXT_IDENTIFIED_NOT_YET, MXT_IDENTIFIED_MAIL, MXT_IDENTIFIED_OTHER, MXT_IDENTIFIED_NEVER };

struct mxt_identify;
struct mxt_identify_flow;

/* Takes no more than a few bytes yet. NULL: out of memory. Free with mxt_identify_free, all flows closed. */
struct mxt_identify *mxt_identify_new(void);

/* NULL is accepted. */
void mxt_identify_free(struct mxt_identify *identify);

/* Opens a connection. NULL: too many are open, or out of memory. */
struct mxt_identify_flow *mxt_identify_open(struct mxt_identify *identify);

/*
 * Gives it the next `n` (at least 1) bytes of a direction. NOT_YET: more may tell. MAIL: SMTP. OTHER: another protocol, whose name in lower case *name is set to,
 * which lives as long as `identify`. NEVER: nDPI does not know it.
 */
enum mxt_identified mxt_identify_feed(struct mxt_identify *identify, struct mxt_identify_flow *flow, enum mxt_direction direction, const uint8_t *p, size_t n,
                                      int64_t time_us, const char **name);

/* Frees the connection. NULL is accepted. */
void mxt_identify_close(struct mxt_identify *identify, struct mxt_identify_flow *flow);

#endif
