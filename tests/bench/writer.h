/* Writes Ethernet frames with right checksums into a pcap file, faster than the programs under test read them. */
#ifndef MXT_BENCH_WRITER_H
#define MXT_BENCH_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "bytes.h"

#define MXT_TCP_FIN 0x01u
#define MXT_TCP_SYN 0x02u
#define MXT_TCP_RST 0x04u
#define MXT_TCP_PSH 0x08u
#define MXT_TCP_ACK 0x10u

/* What one packet can carry: 1500 bytes less the headers of IPv6 and of TCP with timestamps. */
#define MXT_SEGMENT_MAX      1448u
#define MXT_SEGMENT_MAX_IPV6 1428u

/* One direction of a flow. */
struct mxt_ends {
    uint8_t source[16]; /* an IPv4 address fills the first four */
    uint8_t destination[16];
    uint16_t source_port;
    uint16_t destination_port;
    bool is_ipv6;
};

struct mxt_writer {
    int file;
    uint8_t *buffer;
    uint32_t used;
    uint64_t clock_ns;
    uint64_t packets;
    uint64_t bytes; /* of frames, without the file's own headers */
    bool failed;    /* a write failed; errno of that write in `error` */
    int error;
};

/* Creates the file. Returns false, with errno set, when that fails. Pair with mxt_writer_close. */
bool mxt_writer_open(struct mxt_writer *writer, const char *path);
/* Writes what is left; false when any write has failed. */
bool mxt_writer_close(struct mxt_writer *writer);
/* Lets capture time pass without a frame. */
void mxt_writer_pause(struct mxt_writer *writer, uint32_t microseconds);
/* A TCP segment; its payload are `count` slices, together at most MXT_SEGMENT_MAX. */
void mxt_writer_tcp(struct mxt_writer *writer, const struct mxt_ends *ends, uint32_t sequence, uint32_t acknowledgement, unsigned flags,
                    const struct mxt_slice *parts, unsigned count);
/* A UDP datagram of one slice. */
void mxt_writer_udp(struct mxt_writer *writer, const struct mxt_ends *ends, struct mxt_slice payload);

#endif
