/*
 * One TCP connection: both byte streams rebuilt from segments in any order (RFC 9293).
 *
 * In-order data goes straight through to the sink without a copy; only what is early is held, within a limit. The first copy of a byte wins; a later one that
 * differs is counted as a conflict. Causality is kept across the two directions: a segment that acknowledges bytes of the other direction which have not been
 * seen yet is held like one that is early, so that a reply is never fed before the command it answers, whatever the order of capture. A hole is given up
 * (the sink is told of a gap) when its receiver has acknowledged it and time or further data show that it will not come (limits), or at the end.
 *
 *        delivered                 hole            held (sorted, not overlapping)
 *   |======================|................|#########|.....|####|
 *                          ^ next
 */
#ifndef MXT_SENSOR_TCP_H
#define MXT_SENSOR_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decoders/packet.h"
#include "decoders/status.h"
#include "decoders/tls.h"

struct mxt_tcp_limits {
    uint32_t held_bytes;     /* of early data per direction, default 256 KiB; beyond, the hole is given up */
    uint32_t gap_timeout_us; /* an acknowledged hole is given up after this much capture time, default 500 ms */
    uint16_t history;        /* bytes of delivered data kept to compare retransmissions with, per direction, default 1024; 0: none */
};
#define MXT_TCP_LIMITS_DEFAULT ((struct mxt_tcp_limits){.held_bytes = 262144, .gap_timeout_us = 500000, .history = 1024})

/* Where the streams go. Called during mxt_tcp_segment and the other calls below; it must not call back into this connection. */
struct mxt_tcp_sink {
    /* The next bytes of a direction, `n` at least 1, valid during the call. */
    void (*data)(void *context, enum mxt_direction direction, const uint8_t *p, size_t n, int64_t time_us);
    /* `missing` bytes of a direction were not captured (at least 1). */
    void (*gap)(void *context, enum mxt_direction direction, uint64_t missing, int64_t time_us);
    /* The sender of this direction has closed it: FIN once all its data was delivered, or an acceptable RST. At most once per direction and way. */
    void (*close)(void *context, enum mxt_direction direction, enum mxt_close how, int64_t time_us);
    /* Bytes from delivered stream offset `offset` arrived again and differ. */
    void (*conflict)(void *context, enum mxt_direction direction, uint64_t offset, int64_t time_us);
};

struct mxt_tcp_counters {
    uint32_t packets_toserver, packets_toclient;
    uint64_t bytes_toserver, bytes_toclient;         /* frames on the wire */
    uint64_t gap_bytes_toserver, gap_bytes_toclient;
    uint32_t conflicting_overlaps, retransmitted, bad_checksums_dropped, bad_checksums_accepted;
    uint32_t duplicates; /* segments seen twice with the same IP and TCP content (a mirror that sends both) */
};

/*
 * State of a connection; embedded in the flow, so small. Private to tcp.c but for the fields said otherwise.
 */
struct mxt_tcp;

/* Bytes to allocate for a struct mxt_tcp. */
size_t mxt_tcp_size(void);

/* Prepares `tcp` (mxt_tcp_size() bytes). Nothing is seen yet. */
void mxt_tcp_init(struct mxt_tcp *tcp);

/* Releases what it holds, without telling the sink. */
void mxt_tcp_clear(struct mxt_tcp *tcp);

/* Takes a segment of the connection, sent in `direction`. Delivers what has become deliverable. Segments with a bad checksum are dropped in a direction that otherwise shows good ones. */
void mxt_tcp_segment(struct mxt_tcp *tcp, enum mxt_direction direction, const struct mxt_segment *segment,
                     const struct mxt_tcp_limits *limits, const struct mxt_tcp_sink *sink, void *context);

/* Lets capture time pass: gives up holes that are due. Cheap when nothing is held. */
void mxt_tcp_tick(struct mxt_tcp *tcp, int64_t now_us, const struct mxt_tcp_limits *limits, const struct mxt_tcp_sink *sink, void *context);

/* The end of the flow: everything held is delivered, holes told as gaps; also bytes that were acknowledged and never seen. */
void mxt_tcp_finish(struct mxt_tcp *tcp, int64_t now_us, const struct mxt_tcp_sink *sink, void *context);

/* Nothing more of the content is wanted (TLS established): from now on segments are only counted and FIN/RST told; held data is freed. */
void mxt_tcp_stop_content(struct mxt_tcp *tcp);

/* Whether delivered bytes of this direction are kept to compare retransmissions with (commands, replies, handshakes: yes, the default; bodies: no). */
void mxt_tcp_keep_history(struct mxt_tcp *tcp, enum mxt_direction direction, bool is_kept);

/* Frees what an idle connection does not need (history). Called when it has been quiet for some seconds. */
void mxt_tcp_rest(struct mxt_tcp *tcp);

const struct mxt_tcp_counters *mxt_tcp_counters(const struct mxt_tcp *tcp);

/* The beginning (a SYN) of the connection was not seen. */
bool mxt_tcp_is_midstream(const struct mxt_tcp *tcp);

/* Data or SYN of one direction alone was seen while the other side must have sent something. */
bool mxt_tcp_is_one_sided(const struct mxt_tcp *tcp);

/* How it ended so far: "fin" (both sides closed), "rst", "half_closed" or NULL (open). */
const char *mxt_tcp_ended(const struct mxt_tcp *tcp);

/* The client's initial sequence number; MXT_NO in *is_known (and 0) where no SYN was seen, and it is not to be had from a SYN-ACK's acknowledgement. */
uint32_t mxt_tcp_client_isn(const struct mxt_tcp *tcp, enum mxt_fact *is_known);

/* Swaps the two directions: the server turned out to be the side taken for the client. Only before anything was delivered. */
void mxt_tcp_swap(struct mxt_tcp *tcp);

#endif
