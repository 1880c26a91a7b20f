/*
 * What a connection speaks, told by its first bytes.
 *
 * Off the mail ports (--any-port) a connection is a candidate until it is SMTP beyond doubt. The server speaks first in SMTP: where its first bytes are no
 * greeting, as for nearly every other protocol, the connection is foreign. A greeting that FTP could have said as well goes to the SMTP decoder and to nDPI, and
 * the first of them that is certain decides. What a candidate said is kept as the decoder's facts, so that nothing is lost when it turns out to be mail; at most
 * MXT_PROBE_BYTES of it are looked at.
 *
 * On a mail port every connection is taken for mail. Where its server does not speak SMTP, nDPI is asked what it speaks.
 */
#ifndef MXT_SENSOR_PROBE_H
#define MXT_SENSOR_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decoders/packet.h"
#include "sensor/flow.h"
#include "sensor/identify.h"
#include "sensor/session.h"

#define MXT_PROBE_BYTES 4096 /* of a candidate, both ways */

struct mxt_probes {
    struct mxt_identify *identify;
    struct mxt_port_set mail_ports;
    uint64_t claimed; /* connections off the mail ports that turned out to be mail */
    uint64_t refused; /* probes that could not be opened */
};

/* Prepares `probes`; `mail_ports` is copied. False: out of memory. Pair with mxt_probes_clear. */
bool mxt_probes_init(struct mxt_probes *probes, const struct mxt_port_set *mail_ports);

/* Frees what it holds; every flow's probe was closed. */
void mxt_probes_clear(struct mxt_probes *probes);

/*
 * What the first words off the mail ports make of a connection that no session follows, behind `skipped` bytes of its client: CANDIDATE, they may be SMTP;
 * FOREIGN, they are not, nor can what follows be; NEW: the client spoke first, which may still be followed by a greeting. Without its beginning a connection shows
 * itself at once or never.
 */
enum mxt_flow_standing mxt_probe_first_words(enum mxt_direction direction, const uint8_t *p, size_t n, uint64_t skipped, bool is_midstream);

/*
 * To be asked of every `n` (at least 1) bytes of a flow that is not settled, before its session reads them. False: the session does not need them. Settles the
 * flow (flow->standing) where they decide. *skipped is set to the bytes towards the server that were passed over before and that a session which begins now must
 * be told of as a gap.
 */
bool mxt_probe_admit(struct mxt_probes *probes, struct mxt_flow *flow, enum mxt_direction direction, const uint8_t *p, size_t n, uint64_t *skipped);

/* To be told after the session read them. Settles the flow where session or nDPI is certain. */
void mxt_probe_look(struct mxt_probes *probes, struct mxt_flow *flow, const struct mxt_session *session, enum mxt_direction direction, const uint8_t *p, size_t n,
                    int64_t time_us);

/* To be told of a gap in a flow that is not settled. */
void mxt_probe_gap(struct mxt_probes *probes, struct mxt_flow *flow, enum mxt_direction direction, uint64_t missing);

/* The name of what a mail port's server speaks that is not SMTP, in lower case; NULL: SMTP, TLS, or not known. Lives as long as `probes`. */
const char *mxt_probe_protocol(const struct mxt_flow *flow);

/* Frees the flow's probe. */
void mxt_probe_close(struct mxt_probes *probes, struct mxt_flow *flow);

#endif
