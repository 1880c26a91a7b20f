/* From frames to segments of mail, with what is counted on the way. Comes before the engine, which may leave it to another thread. */
#ifndef MXT_SENSOR_INTAKE_H
#define MXT_SENSOR_INTAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "decoders/packet.h"
#include "rules/event.h"

#define MXT_INTAKE_TICK_US 1000000 /* other traffic moves the clock so often: idle sessions end although no mail comes */

struct mxt_intake;

/* An intake for segments with a port in `ports` (copied; NULL: any). NULL: out of memory. */
struct mxt_intake *mxt_intake_new(const struct mxt_port_set *ports, const struct mxt_packet_limits *limits);

/* NULL is accepted. */
void mxt_intake_free(struct mxt_intake *intake);

/*
 * Counts a frame and decodes it. True: *out is a segment that may be mail. Its bytes lie in the frame, which it points to; or, mxt_segment_is_in_frame, in a datagram put
 * together from fragments, which lives until the next call.
 */
bool mxt_intake_frame(struct mxt_intake *intake, const struct mxt_frame *frame, struct mxt_segment *out);

/* Fills in what was counted, and the last frame's time. */
void mxt_intake_health(const struct mxt_intake *intake, struct mxt_health *out);

#endif
