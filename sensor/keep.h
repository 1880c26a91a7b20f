/*
 * Keeps the packets of connections until it is known whether their session has findings: then they are redacted (sensor/redact.h) and handed to the file. Of each connection the first and the
 * last bytes, all connections with a session together from one budget (keep-memory). What comes before a session's first byte is borne by the flow's own memory, so that a flood of connections
 * which nobody answers takes nothing from those that speak. Belongs to one packet thread.
 */
#ifndef MXT_SENSOR_KEEP_H
#define MXT_SENSOR_KEEP_H

#include <stdbool.h>

#include "sensor/flow.h"
#include "sensor/keep_file.h"
#include "sensor/session.h"

struct mxt_keep;

/* `file` outlives it. NULL: out of memory. */
struct mxt_keep *mxt_keep_new(struct mxt_keep_file *file, bool drop_local_parts);

/* NULL is accepted. */
void mxt_keep_free(struct mxt_keep *keep);

/*
 * A segment of the flow was taken; `is_dropped`: its bytes were not (a bad checksum). Where there is no room the connection is given up, and counted. Returns the bytes that the flow has to
 * bear: all that is kept of it while it has no session, afterwards 0.
 */
size_t mxt_keep_segment(struct mxt_keep *keep, const struct mxt_flow *flow, enum mxt_direction direction, const struct mxt_segment *segment, bool is_dropped);

/* The flow ends. Its packets go to the file where it has a session with findings (`session` then is not NULL), else away. */
void mxt_keep_end(struct mxt_keep *keep, const struct mxt_flow *flow, const struct mxt_session *session, bool has_findings);

#endif
