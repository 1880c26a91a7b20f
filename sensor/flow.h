/*
 * The table of connections: finds the flow of a segment (either direction), opens and retires flows by capture time.
 *
 * A seeded hash (XXH3) over addresses and ports, whatever the VLAN (a mirror may show a packet in two); cost flat in the number of flows. Flows are kept by
 * state in order of their last packet, so that expiry looks only at those that are due. Which side is the server comes from the SYN, else from what they say,
 * else from the ports. A flow opens with a SYN, a SYN-ACK or, mid-stream, with the first payload; other segments without a flow say nothing.
 */
#ifndef MXT_SENSOR_FLOW_H
#define MXT_SENSOR_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decoders/packet.h"
#include "sensor/tcp.h"

struct mxt_probe;
struct mxt_session;

struct mxt_flow_limits {
    uint64_t memory; /* bytes for flows and what is held of them; default 1 GiB; beyond, holes are given up, then flows as when there are too many */
    uint32_t flows; /* most flows at once, default 1,000,000; beyond, the least worthy is retired: half-open, closed, without content, without both sides' speech,
                      the longest idle of them */
    int64_t half_open_timeout_us; /* no handshake seen; default 30 s */
    int64_t idle_timeout_us;      /* default 10 min (RFC 5321 4.5.3.2 lets a client wait that long) */
    int64_t closed_timeout_us;    /* after FIN both ways or RST; default 5 s (late retransmissions) */
    int64_t rest_timeout_us;      /* quiet for so long: mxt_tcp_rest; default 5 s */
    uint32_t newcomers; /* connections off the mail ports that have said nothing telling, default 100,000 (9 MiB); 0: each has a flow from its first segment on */
    uint32_t passed; /* foreign connections remembered, so that nothing but a look at this memory is spent on them; default 1,000,000 (8 MiB); 0: there are none */
};
#define MXT_FLOW_LIMITS_DEFAULT                                                                                                                                \
    ((struct mxt_flow_limits){                                                                                                                                 \
        .memory = UINT64_C(1) << 30, .flows = 1000000, .half_open_timeout_us = 30000000, .idle_timeout_us = 600000000, .closed_timeout_us = 5000000, .rest_timeout_us = 5000000, .newcomers = 100000, .passed = 1000000})

enum mxt_flow_end { MXT_FLOW_CLOSED, MXT_FLOW_IDLE, MXT_FLOW_HALF_OPEN, MXT_FLOW_REUSED, MXT_FLOW_EVICTED, MXT_FLOW_CAPTURE_END, MXT_FLOW_PASSED };
#define MXT_FLOW_ENDS 7

/*
 * What a connection is taken for. Set by its owner. FOREIGN: it ends after the call that found it out (MXT_FLOW_PASSED), and its packets are passed over until a
 * SYN opens another over the same ports.
 */
enum mxt_flow_standing { MXT_FLOW_NEW, MXT_FLOW_MAIL_PORT, MXT_FLOW_CANDIDATE, MXT_FLOW_MAIL, MXT_FLOW_FOREIGN };

/* A connection. Its owner may read all, and write what is marked as the owner's, zero at first. */
struct mxt_flow {
    struct mxt_address client, server;
    uint16_t client_port, server_port;
    unsigned vlan_count : 2;
    bool is_orientation_certain : 1; /* a SYN told who the client is */
    bool is_settled : 1;             /* `settled` was called: no more data, gap or conflict comes */
    /* the owner's, as what is at the end: */
    unsigned standing : 3; /* enum mxt_flow_standing */
    unsigned spoken : 2;   /* directions that have said something, a bit each */
    bool is_told : 1;      /* its final record */
    bool has_findings : 1; /* of that record */
    uint16_t skipped;     /* bytes towards the server that no session was given; at first those from before there was a flow */
    uint16_t vlan[MXT_VLAN_MAX];
    uint32_t held; /* the owner's: bytes of memory that its session takes, or packets kept until it has one */
    int64_t start_us, last_us;
    const char *interface; /* of its first frame, or NULL */
    struct mxt_tcp *tcp;
    /* the owner's */
    struct mxt_session *session;
    struct mxt_probe *probe;
};

/* What is done with a flow's bytes. `owner` is the table's. None may be NULL but the last three. They must not call this file's functions. */
struct mxt_flow_handler {
    void (*data)(void *owner, struct mxt_flow *flow, enum mxt_direction direction, const uint8_t *p, size_t n, int64_t time_us);
    void (*gap)(void *owner, struct mxt_flow *flow, enum mxt_direction direction, uint64_t missing, int64_t time_us);
    void (*close)(void *owner, struct mxt_flow *flow, enum mxt_direction direction, enum mxt_close how, int64_t time_us);
    void (*conflict)(void *owner, struct mxt_flow *flow, enum mxt_direction direction, uint64_t offset, int64_t time_us);
    /* The flow ends; what it held was delivered before. The handler gives up `session`. Also called for flows without one. */
    void (*end)(void *owner, struct mxt_flow *flow, enum mxt_flow_end why);
    /*
     * Both sides have closed, and all that they said is here and acknowledged (mxt_tcp_is_settled): from now on the flow only swallows what comes again, until it
     * ends. At most once, and never where a RST or a hole leaves something open. May be NULL.
     */
    void (*settled)(void *owner, struct mxt_flow *flow);
    /* A segment was taken, whatever became of its bytes; `is_dropped`: nothing, for its checksum. May be NULL. */
    void (*segment)(void *owner, struct mxt_flow *flow, enum mxt_direction direction, const struct mxt_segment *segment, bool is_dropped);
    /* Asked of the payload that opens a flow without a SYN: YES, its sender is the server; NO, the client. Unknown leaves it to the ports. May be NULL. */
    enum mxt_fact (*is_server_speech)(const uint8_t *p, size_t n);
    /*
     * Asked of what is said in a connection off the mail ports that has no flow yet, behind `skipped` bytes of its client that needed none. CANDIDATE: a flow is
     * opened, as it would be had there been one from the beginning, and is given these bytes; FOREIGN: it is passed over; else it goes on without. NULL: there is
     * a flow from the first segment on; so there is where there are no newcomers, none are passed over, or `segment` wants every one.
     */
    enum mxt_flow_standing (*first_words)(enum mxt_direction direction, const uint8_t *p, size_t n, uint64_t skipped, bool is_midstream);
};

struct mxt_flow_counters {
    uint64_t opened, ended[MXT_FLOW_ENDS]; /* connections, with or without a flow; of those that ended without one, only the passed over and the reused */
    uint64_t active, peak;                 /* flows */
    uint64_t evicted_for_memory;  /* flows given up for want of memory, the closed included */
    uint64_t relieved;            /* flows whose holes were given up for want of memory */
    uint64_t memory, memory_peak; /* bytes for flows and what is held of them */
    uint64_t allocation_failures; /* flows that could not be opened */
    uint64_t passed_segments;     /* of foreign connections */
    uint64_t passed_forgotten;    /* foreign connections forgotten for want of room */
    uint64_t newcomers_forgotten; /* connections forgotten for want of room before they had said anything telling */
};

struct mxt_flow_table;

/* A table. Limits, `handler` and `ports` (the mail ports, which orient a flow without SYN) are copied. `seed` keys the hash. NULL: out of memory. */
struct mxt_flow_table *mxt_flow_table_new(const struct mxt_flow_limits *limits, const struct mxt_tcp_limits *tcp_limits, const struct mxt_port_set *ports,
                                          uint64_t seed, const struct mxt_flow_handler *handler, void *owner);

/* Frees the table; flows still open are freed without a word (call mxt_flow_table_finish first). NULL is accepted. */
void mxt_flow_table_free(struct mxt_flow_table *table);

/* Takes a segment; advances the table's clock to its time (which never goes back). */
void mxt_flow_table_segment(struct mxt_flow_table *table, const struct mxt_segment *segment);

/*
 * Taking segments in batches hides the time that memory takes: announce all, then expect all, then take all. Each step fetches ahead what the next one needs.
 */

/* Begins to fetch what finds the flow. Returns the segment's key for the other two. */
uint64_t mxt_flow_table_announce(const struct mxt_flow_table *table, const struct mxt_segment *segment);

/* Begins to fetch the flow. */
void mxt_flow_table_expect(const struct mxt_flow_table *table, uint64_t key);

/* The session that will read the segment's payload, for its owner to fetch both; NULL: none. No more than a guess. */
const struct mxt_session *mxt_flow_table_reader(const struct mxt_flow_table *table, const struct mxt_segment *segment, uint64_t key);

/* As mxt_flow_table_segment. */
void mxt_flow_table_take(struct mxt_flow_table *table, const struct mxt_segment *segment, uint64_t key);

/* Lets capture time pass without a segment. */
void mxt_flow_table_tick(struct mxt_flow_table *table, int64_t now_us);

/* The capture ends: every flow is finished and ended, the longest idle first. */
void mxt_flow_table_finish(struct mxt_flow_table *table);

const struct mxt_flow_counters *mxt_flow_table_counters(const struct mxt_flow_table *table);

#endif
