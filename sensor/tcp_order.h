/*
 * Both directions of a connection on their way to the sink, in the order in which they crossed. Private to tcp.c.
 *
 * A held run goes out when its own stream has come to it and the other stream has come as far as the run's segment acknowledged.
 */
#ifndef MXT_SENSOR_TCP_ORDER_H
#define MXT_SENSOR_TCP_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sensor/tcp.h"
#include "sensor/tcp_half.h"

#define MXT_TCP_NEVER INT64_MAX

/*
 * Bytes that count only if the receiver acknowledges them, by direction: those in a SYN (RFC 7413 says when they are taken), and those behind a FIN or a RST, which
 * may have been forged so that this sensor looks away.
 */
struct mxt_tcp_claims {
    struct mxt_tcp_half half[2]; /* only what is held is used */
};

struct mxt_tcp {
    struct mxt_tcp_half half[2]; /* by enum mxt_direction: the sender's */
    struct mxt_tcp_claims *claims; /* or NULL */
    int64_t stuck_us;            /* the last progress since there is a hole to be given up, or MXT_TCP_NEVER */
    uint32_t pending_isn;        /* of a SYN that may open another connection */
    bool has_pending_isn;
    bool is_content_stopped;
    struct mxt_tcp_counters counters;
};

/* What one call works with. */
struct mxt_tcp_run {
    struct mxt_tcp *tcp;
    const struct mxt_tcp_limits *limits;
    const struct mxt_tcp_sink *sink;
    void *context;
    int64_t now_us;
};

/* The next `n` bytes of a stream, which must not reach into what is held. */
void mxt_tcp_deliver(const struct mxt_tcp_run *run, enum mxt_direction direction, const uint8_t *p, size_t n);

/* The next bytes are missing; nothing where `missing` is not positive. */
void mxt_tcp_tell_gap(const struct mxt_tcp_run *run, enum mxt_direction direction, int64_t missing);

/* Told once per direction and way. */
void mxt_tcp_tell_close(const struct mxt_tcp_run *run, enum mxt_direction direction, enum mxt_close how);

/* Nothing where `offset` is negative. */
void mxt_tcp_tell_conflict(const struct mxt_tcp_run *run, enum mxt_direction direction, int64_t offset);

/* How far both streams together have come. */
int64_t mxt_tcp_progress(const struct mxt_tcp *tcp);

/* Holds bytes that count only if they are acknowledged, from the `start` of a stream on; nothing beyond `limit` bytes of memory. */
void mxt_tcp_claim(struct mxt_tcp *tcp, enum mxt_direction direction, int64_t start, const uint8_t *p, size_t n, uint32_t limit);

/*
 * The receiver acknowledges a direction up to `acked`. Claims that this covers join the stream; the end of the stream that they contradict was none.
 */
void mxt_tcp_claims_acknowledged(struct mxt_tcp *tcp, enum mxt_direction direction, int64_t acked);

/* Where the claims end that begin at `start` and have no hole; `start`: there are none. */
int64_t mxt_tcp_claimed_end(const struct mxt_tcp *tcp, enum mxt_direction direction, int64_t start);

/* The end that was believed is none: the stream goes on where it was. */
void mxt_tcp_revoke_end(struct mxt_tcp *tcp, enum mxt_direction direction);

/* Drops the claims of a direction. */
void mxt_tcp_claims_drop(struct mxt_tcp *tcp, enum mxt_direction direction);

/* Delivers what can be, gives up what must be, and sets the clock of what remains. `before`: the progress before this call's segment. */
void mxt_tcp_settle(const struct mxt_tcp_run *run, int64_t before);

/* Delivers all, giving up every hole. */
void mxt_tcp_flush(const struct mxt_tcp_run *run);

/* The distance from the front of the stream to what is held next, `most` at most. */
int64_t mxt_tcp_room(const struct mxt_tcp_half *half, int64_t most);

#endif
