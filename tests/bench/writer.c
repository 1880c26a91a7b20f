#include "writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    BUFFER_SIZE = 4 << 20,
    SNAP_LENGTH = 262144,
    LINKTYPE_ETHERNET = 1,
    ETHERNET_HEADER = 14,
    TCP_HEADER = 20,
    UDP_HEADER = 8,
    TIMESTAMP_OPTION = 12,
    SYN_OPTIONS = 20,
    PROTOCOL_TCP = 6,
    PROTOCOL_UDP = 17,
    /* Record header, the largest frame, and some. */
    RECORD_MAX = 2048,
};

/* 2024-06-01 00:00:00 UTC: within the validity of the certificates made for these captures. */
#define CLOCK_START_NS (1717200000ull * 1000000000ull)
/* A gigabit a second; preamble, gap and checksum take 24 bytes a frame. */
#define NS_PER_BYTE    8u
#define FRAME_OVERHEAD 24u

static void put16(uint8_t *to, uint32_t value)
{
    to[0] = (uint8_t)(value >> 8);
    to[1] = (uint8_t)value;
}

static void put32(uint8_t *to, uint32_t value)
{
    put16(to, value >> 16);
    put16(to + 2, value);
}

/* Sums in the machine's byte order: RFC 1071 2 (B) lets the fold do the rest. */
static uint64_t sum_bytes(uint64_t sum, const uint8_t *bytes, size_t length)
{
    for (; length >= 4; bytes += 4, length -= 4) {
        uint32_t word;
        memcpy(&word, bytes, sizeof word);
        sum += word;
    }
    if (length > 0) {
        uint32_t word = 0;
        memcpy(&word, bytes, length);
        sum += word;
    }
    return sum;
}

static void store_checksum(uint8_t *to, uint64_t sum)
{
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    uint16_t folded = (uint16_t)~sum;
    memcpy(to, &folded, sizeof folded);
}

static void flush(struct mxt_writer *writer)
{
    uint32_t done = 0;
    while (done < writer->used && !writer->failed) {
        ssize_t n = write(writer->file, writer->buffer + done, writer->used - done);
        if (n > 0) {
            done += (uint32_t)n;
        } else if (n == 0 || errno != EINTR) {
            writer->failed = true;
            writer->error = errno;
        }
    }
    writer->used = 0;
}

bool mxt_writer_open(struct mxt_writer *writer, const char *path)
{
    static const uint32_t magic = 0xa1b2c3d4; /* microseconds */
    static const uint16_t version[] = {2, 4};
    static const uint32_t rest[] = {0, 0, SNAP_LENGTH, LINKTYPE_ETHERNET}; /* zone and accuracy are always 0 */
    *writer = (struct mxt_writer){.file = -1, .clock_ns = CLOCK_START_NS};
    writer->buffer = malloc(BUFFER_SIZE);
    if (writer->buffer == NULL)
        return false;
    writer->file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (writer->file < 0) {
        free(writer->buffer);
        return false;
    }
    memcpy(writer->buffer, &magic, sizeof magic);
    memcpy(writer->buffer + 4, version, sizeof version);
    memcpy(writer->buffer + 8, rest, sizeof rest);
    writer->used = 24;
    return true;
}

bool mxt_writer_close(struct mxt_writer *writer)
{
    flush(writer);
    if (close(writer->file) != 0 && !writer->failed) {
        writer->failed = true;
        writer->error = errno;
    }
    free(writer->buffer);
    writer->buffer = NULL;
    return !writer->failed;
}

void mxt_writer_pause(struct mxt_writer *writer, uint32_t microseconds)
{
    writer->clock_ns += (uint64_t)microseconds * 1000;
}

/* Where the next frame goes, behind its record header; there is room for the largest. */
static uint8_t *begin_frame(struct mxt_writer *writer)
{
    if (writer->used + RECORD_MAX > BUFFER_SIZE)
        flush(writer);
    return writer->buffer + writer->used + 16;
}

static void end_frame(struct mxt_writer *writer, uint32_t length)
{
    uint64_t microseconds = writer->clock_ns / 1000;
    uint32_t record[] = {(uint32_t)(microseconds / 1000000), (uint32_t)(microseconds % 1000000), length, length};
    memcpy(writer->buffer + writer->used, record, sizeof record);
    writer->used += (uint32_t)sizeof record + length;
    writer->packets++;
    writer->bytes += length;
    writer->clock_ns += (uint64_t)(length + FRAME_OVERHEAD) * NS_PER_BYTE;
}

/* Ethernet and IP headers; adds the pseudo header to `sum` and returns their length. */
static uint32_t put_headers(uint8_t *frame, const struct mxt_ends *ends, unsigned protocol, uint32_t length, uint64_t *sum)
{
    static const uint8_t stations[12] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};
    const uint32_t address = ends->is_ipv6 ? 16 : 4;
    uint8_t *ip = frame + ETHERNET_HEADER;
    memcpy(frame, stations, sizeof stations);
    put16(frame + 12, ends->is_ipv6 ? 0x86dd : 0x0800);
    if (ends->is_ipv6) {
        put32(ip, 6u << 28);
        put16(ip + 4, length);
        ip[6] = (uint8_t)protocol;
        ip[7] = 64;
        memcpy(ip + 8, ends->source, 16);
        memcpy(ip + 24, ends->destination, 16);
    } else {
        static const uint8_t start[] = {0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 0, 0, 0};
        memcpy(ip, start, sizeof start);
        put16(ip + 2, 20 + length);
        ip[9] = (uint8_t)protocol;
        memcpy(ip + 12, ends->source, 4);
        memcpy(ip + 16, ends->destination, 4);
        store_checksum(ip + 10, sum_bytes(0, ip, 20));
    }
    uint8_t rest[4] = {0, (uint8_t)protocol, (uint8_t)(length >> 8), (uint8_t)length};
    *sum = sum_bytes(0, ends->source, address);
    *sum = sum_bytes(*sum, ends->destination, address);
    *sum = sum_bytes(*sum, rest, sizeof rest);
    return ETHERNET_HEADER + (ends->is_ipv6 ? 40 : 20);
}

static uint32_t put_options(const struct mxt_writer *writer, uint8_t *to, unsigned flags)
{
    uint32_t milliseconds = (uint32_t)(writer->clock_ns / 1000000);
    if (flags & MXT_TCP_SYN) {
        /* maximum segment size 1460, SACK permitted, timestamps, window scale 7 */
        static const uint8_t options[SYN_OPTIONS] = {2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 3, 7};
        memcpy(to, options, sizeof options);
        put32(to + 8, milliseconds);
        return SYN_OPTIONS;
    }
    static const uint8_t options[4] = {1, 1, 8, 10};
    memcpy(to, options, sizeof options);
    put32(to + 4, milliseconds);
    put32(to + 8, milliseconds - 1);
    return TIMESTAMP_OPTION;
}

void mxt_writer_tcp(struct mxt_writer *writer, const struct mxt_ends *ends, uint32_t sequence, uint32_t acknowledgement, unsigned flags,
                    const struct mxt_slice *parts, unsigned count)
{
    uint8_t *frame = begin_frame(writer);
    uint32_t header = TCP_HEADER + (flags & MXT_TCP_SYN ? SYN_OPTIONS : TIMESTAMP_OPTION), payload = 0;
    for (unsigned i = 0; i < count; i++)
        payload += parts[i].length;
    uint64_t sum;
    uint32_t at = put_headers(frame, ends, PROTOCOL_TCP, header + payload, &sum);
    uint8_t *tcp = frame + at;
    put16(tcp, ends->source_port);
    put16(tcp + 2, ends->destination_port);
    put32(tcp + 4, sequence);
    put32(tcp + 8, acknowledgement);
    tcp[12] = (uint8_t)(header / 4 << 4);
    tcp[13] = (uint8_t)flags;
    put16(tcp + 14, 502);
    put32(tcp + 16, 0);
    uint8_t *end = tcp + TCP_HEADER + put_options(writer, tcp + TCP_HEADER, flags);
    for (unsigned i = 0; i < count; i++) {
        memcpy(end, parts[i].bytes, parts[i].length);
        end += parts[i].length;
    }
    store_checksum(tcp + 16, sum_bytes(sum, tcp, header + payload));
    end_frame(writer, at + header + payload);
}

void mxt_writer_udp(struct mxt_writer *writer, const struct mxt_ends *ends, struct mxt_slice payload)
{
    uint8_t *frame = begin_frame(writer);
    uint64_t sum;
    uint32_t length = UDP_HEADER + payload.length, at = put_headers(frame, ends, PROTOCOL_UDP, length, &sum);
    uint8_t *udp = frame + at;
    put16(udp, ends->source_port);
    put16(udp + 2, ends->destination_port);
    put16(udp + 4, length);
    put16(udp + 6, 0);
    memcpy(udp + UDP_HEADER, payload.bytes, payload.length);
    store_checksum(udp + 6, sum_bytes(sum, udp, length));
    /* RFC 768: zero would mean that there is none. */
    if (udp[6] == 0 && udp[7] == 0)
        put16(udp + 6, 0xffff);
    end_frame(writer, at + length);
}
