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
    uint32_t held_bytes;     /* memory for early data per direction, default 256 KiB; beyond, the hole is given up */
    uint32_t gap_timeout_us; /* an acknowledged hole is given up after this much capture time without progress, default 500 ms */
    uint16_t history; /* bytes of delivered data kept to compare retransmissions with, per direction, rounded down to a power of two; default 1024; 0: none */
};
#define MXT_TCP_LIMITS_DEFAULT ((struct mxt_tcp_limits){.held_bytes = 262144, .gap_timeout_us = 500000, .history = 1024})

/*
 * Where the streams go; none may be NULL. Called during mxt_tcp_segment, mxt_tcp_tick and mxt_tcp_finish; of this file's functions only mxt_tcp_stop_content,
 * mxt_tcp_keep_history and the questions may be called on the connection from within. `time_us` is the time at which the bytes became deliverable; it does not
 * go back if the segments' times do not.
 */
struct mxt_tcp_sink {
    /* The next bytes of a direction, `n` at least 1, valid during the call. */
    void (*data)(void *context, enum mxt_direction direction, const uint8_t *p, size_t n, int64_t time_us);
    /* `missing` bytes of a direction were not captured (at least 1). One hole may be told in parts. */
    void (*gap)(void *context, enum mxt_direction direction, uint64_t missing, int64_t time_us);
    /* The sender of this direction has closed it: FIN once all its data was delivered, or an acceptable RST. Once per direction and way;
     * again where the first turned out to be forged, as more was acknowledged: then data follow it. */
    void (*close)(void *context, enum mxt_direction direction, enum mxt_close how, int64_t time_us);
    /* Bytes of the direction arrived again and differ, the first of them at stream offset `offset` (delivered, or still held). Once per segment. */
    void (*conflict)(void *context, enum mxt_direction direction, uint64_t offset, int64_t time_us);
};

struct mxt_tcp_counters {
    uint32_t packets_toserver, packets_toclient;
    uint64_t bytes_toserver, bytes_toclient; /* frames on the wire */
    uint64_t gap_bytes_toserver, gap_bytes_toclient;
    uint32_t conflicting_overlaps, retransmitted, bad_checksums_dropped, bad_checksums_accepted;
    uint32_t duplicates;          /* segments seen twice with the same TCP content at the same time (a mirror that sends both); not in `retransmitted` */
    uint16_t allocation_failures; /* early segments that could not be held: they become gaps unless they come again */
    uint16_t ends_revoked;        /* FINs and RSTs that were none: the connection went on behind them */
};

/* State of a connection, private to tcp.c; small, as one is embedded in every flow. */
struct mxt_tcp;

/* Bytes to allocate for a struct mxt_tcp. */
size_t mxt_tcp_size(void);

/* Prepares `tcp` (mxt_tcp_size() bytes). Nothing is seen yet. */
void mxt_tcp_init(struct mxt_tcp *tcp);

/* Releases what it holds, without telling the sink. */
void mxt_tcp_clear(struct mxt_tcp *tcp);

/*
 * Takes a segment of the connection, sent in `direction`. Delivers what has become deliverable. Segments with a bad checksum are dropped in a direction that
 * otherwise shows good ones. A RST counts when its sequence number is plausible (RFC 5961 3), a SYN when it opens this connection.
 */
void mxt_tcp_segment(struct mxt_tcp *tcp, enum mxt_direction direction, const struct mxt_segment *segment, const struct mxt_tcp_limits *limits,
                     const struct mxt_tcp_sink *sink, void *context);

/* When mxt_tcp_tick will have a hole to give up, in capture time; INT64_MAX: nothing to wait for. Rises or stays, until it is INT64_MAX. */
int64_t mxt_tcp_due(const struct mxt_tcp *tcp, const struct mxt_tcp_limits *limits);

/* Lets capture time pass: gives up holes that are due. Cheap when nothing is. */
void mxt_tcp_tick(struct mxt_tcp *tcp, int64_t now_us, const struct mxt_tcp_limits *limits, const struct mxt_tcp_sink *sink, void *context);

/*
 * The end of the flow, or of its claim to memory: everything held is delivered, holes told as gaps; also bytes that were acknowledged and never seen. The connection
 * may go on.
 */
void mxt_tcp_finish(struct mxt_tcp *tcp, int64_t now_us, const struct mxt_tcp_limits *limits, const struct mxt_tcp_sink *sink, void *context);

/* Nothing more of the content is wanted (TLS established): from now on segments are only counted and FIN/RST told; held data is freed. */
void mxt_tcp_stop_content(struct mxt_tcp *tcp);

/* Whether it was not stopped. */
bool mxt_tcp_wants_content(const struct mxt_tcp *tcp);

/* Whether delivered bytes of this direction are kept to compare retransmissions with (commands, replies, handshakes: yes, the default; bodies: no). */
void mxt_tcp_keep_history(struct mxt_tcp *tcp, enum mxt_direction direction, bool is_kept);

/* Frees what an idle connection does not need (history). Called when it has been quiet for some seconds. */
void mxt_tcp_rest(struct mxt_tcp *tcp);

/*
 * Whether a segment with SYN opens another connection over the same ports. Sure when this one is closed, has shown nothing but SYNs, or is seen from one side
 * only; otherwise a SYN alone proves nothing (anyone can send one), and is remembered until the server's SYN-ACK takes it up.
 */
bool mxt_tcp_is_reuse(struct mxt_tcp *tcp, enum mxt_direction direction, const struct mxt_segment *segment);

/* Bytes of memory that it holds beside its own: early data, history. */
uint32_t mxt_tcp_memory(const struct mxt_tcp *tcp);

/* Whether data is held that mxt_tcp_finish would give up. */
bool mxt_tcp_has_held(const struct mxt_tcp *tcp);

const struct mxt_tcp_counters *mxt_tcp_counters(const struct mxt_tcp *tcp);

/* The beginning (a SYN) of the connection was not seen. */
bool mxt_tcp_is_midstream(const struct mxt_tcp *tcp);

/* Segments of one direction alone were seen, and they answer the other. */
bool mxt_tcp_is_one_sided(const struct mxt_tcp *tcp);

/* Both sides closed, or one reset. */
bool mxt_tcp_is_closed(const struct mxt_tcp *tcp);

/*
 * Both sides closed by FIN and each has acknowledged the other's: whatever comes now is a repetition, to the receivers as to us (RFC 9293 3.10.7.4: behind a FIN
 * no text is taken). A RST settles nothing: it may be forged.
 */
bool mxt_tcp_is_settled(const struct mxt_tcp *tcp);

/* How it ended so far: "fin" (both sides closed), "rst", "half_closed" or NULL (open). */
const char *mxt_tcp_ended(const struct mxt_tcp *tcp);

/* Where in its direction's stream a sequence number lies, told by where the stream stands now. False: nobody knows, no byte of that direction was taken yet. */
bool mxt_tcp_offset(const struct mxt_tcp *tcp, enum mxt_direction direction, uint32_t sequence, int64_t *offset);

/* The client's initial sequence number; MXT_NO in *is_known (and 0) where no SYN was seen, and it is not to be had from a SYN-ACK's acknowledgement. */
uint32_t mxt_tcp_client_isn(const struct mxt_tcp *tcp, enum mxt_fact *is_known);

#endif
