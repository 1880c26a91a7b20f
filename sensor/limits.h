/* What a packet thread may take of memory and time, as the configuration says it. */
#ifndef MXT_SENSOR_LIMITS_H
#define MXT_SENSOR_LIMITS_H

#include "decoders/packet.h"
#include "decoders/smtp.h"
#include "rules/config_keys.h"
#include "sensor/flow.h"
#include "sensor/tcp.h"

struct mxt_limits {
    struct mxt_packet_limits packet;
    struct mxt_tcp_limits tcp;
    struct mxt_flow_limits flow;
    struct mxt_smtp_limits smtp;
    uint32_t session_bytes; /* of facts that a session keeps beside its messages */
};

/* The keys about a struct mxt_limits. Each has a default. */
extern const struct mxt_key_table mxt_limits_keys;

/* What the keys do not say. */
void mxt_limits_init(struct mxt_limits *limits);

#endif
