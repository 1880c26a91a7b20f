#include "sensor/fanout.h"

#include <linux/if_packet.h>
#include <stdbool.h>
#include <sys/socket.h>

#define MIX          0x9e3779b1u /* spreads the sums over the upper bits (Knuth's multiplicative hash) */
#define MIX_SHIFT    16
#define MAPPED_WORDS 0x1fffeu /* what "::ffff:" adds to the sum, once an end: segments carry IPv4 addresses so */
#define IPV4_PLAIN   0x45 /* no options */
#define IPV4_PORTS   20
#define IPV6_PORTS   40

void mxt_fanout_init(struct mxt_fanout *fanout, uint32_t workers, uint64_t seed)
{
    *fanout = (struct mxt_fanout){.workers = workers, .address_factor = (uint32_t)seed | 1, .port_factor = (uint32_t)(seed >> 32) | 1};
}

static uint32_t sum_words(const struct mxt_address *address)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < sizeof address->bytes; i += 4)
        sum += (uint32_t)address->bytes[i] << 24 | (uint32_t)address->bytes[i + 1] << 16 | (uint32_t)address->bytes[i + 2] << 8 | address->bytes[i + 3];
    return sum;
}

uint32_t mxt_fanout_owner(const struct mxt_fanout *fanout, const struct mxt_segment *segment)
{
    uint32_t hash = (sum_words(&segment->src) + sum_words(&segment->dst)) * fanout->address_factor;
    hash += ((uint32_t)segment->src_port + segment->dst_port) * fanout->port_factor;
    return (hash * MIX >> MIX_SHIFT) % fanout->workers;
}

/* A program being written. Jumps lead to marks that are set later. */
struct writer {
    struct sock_filter *out;
    size_t count;
};

/* A place in the network header, as the kernel wants it written. */
static uint32_t net(uint32_t offset)
{
    return (uint32_t)SKF_NET_OFF + offset;
}

static void put(struct writer *writer, unsigned code, uint32_t k)
{
    writer->out[writer->count++] = (struct sock_filter){.code = (uint16_t)code, .k = k};
}

/* Adds the word at `offset` of the network header to the accumulator. */
static void put_add_word(struct writer *writer, uint32_t offset)
{
    put(writer, BPF_MISC | BPF_TAX, 0);
    put(writer, BPF_LD | BPF_W | BPF_ABS, net(offset));
    put(writer, BPF_ALU | BPF_ADD | BPF_X, 0);
}

static void put_finish(struct writer *writer)
{
    put(writer, BPF_ALU | BPF_MUL | BPF_K, MIX);
    put(writer, BPF_ALU | BPF_RSH | BPF_K, MIX_SHIFT);
    put(writer, BPF_RET | BPF_A, 0);
}

/* Both addresses: their words' sum, times the factor, into M[0]. */
static void put_addresses(struct writer *writer, const struct mxt_fanout *fanout, uint32_t first, uint32_t last, uint32_t addend)
{
    put(writer, BPF_LD | BPF_W | BPF_ABS, net(first));
    for (uint32_t offset = first + 4; offset <= last; offset += 4)
        put_add_word(writer, offset);
    put(writer, BPF_ALU | BPF_ADD | BPF_K, addend); /* NOLINT(misc-redundant-expression): both are 0 */
    put(writer, BPF_ALU | BPF_MUL | BPF_K, fanout->address_factor);
    put(writer, BPF_ST, 0);
}

static void put_ports(struct writer *writer, const struct mxt_fanout *fanout, uint32_t offset)
{
    put(writer, BPF_LD | BPF_H | BPF_ABS, net(offset));
    put(writer, BPF_MISC | BPF_TAX, 0);
    put(writer, BPF_LD | BPF_H | BPF_ABS, net(offset + 2));
    put(writer, BPF_ALU | BPF_ADD | BPF_X, 0);
    put(writer, BPF_ALU | BPF_MUL | BPF_K, fanout->port_factor);
    put(writer, BPF_MISC | BPF_TAX, 0);
    put(writer, BPF_LD | BPF_MEM, 0);
    put(writer, BPF_ALU | BPF_ADD | BPF_X, 0);
    put_finish(writer);
}

/* Goes on behind the next three instructions where the accumulator is `k` (or where a bit of it is set); else ends with the addresses alone. */
static void put_condition(struct writer *writer, unsigned condition, uint32_t k, bool is_wanted)
{
    writer->out[writer->count++] =
        (struct sock_filter){.code = (uint16_t)(BPF_JMP | BPF_K | condition), .jt = is_wanted ? 4 : 0, .jf = is_wanted ? 0 : 4, .k = k};
    put(writer, BPF_LD | BPF_MEM, 0);
    put_finish(writer);
}

static void put_ipv4(struct writer *writer, const struct mxt_fanout *fanout)
{
    put_addresses(writer, fanout, 12, 16, MAPPED_WORDS);
    put(writer, BPF_LD | BPF_B | BPF_ABS, net(0));
    put_condition(writer, BPF_JEQ, IPV4_PLAIN, true);
    put(writer, BPF_LD | BPF_H | BPF_ABS, net(6));
    put_condition(writer, BPF_JSET, 0x3fff, false); /* a fragment: all of a datagram's must meet */
    put(writer, BPF_LD | BPF_B | BPF_ABS, net(9));
    writer->out[writer->count++] = (struct sock_filter){.code = BPF_JMP | BPF_K | BPF_JEQ, .jt = 5, .k = 6}; /* TCP */
    put_condition(writer, BPF_JEQ, 17, true);                                                                /* UDP: VXLAN's source port spreads its flows */
    put_ports(writer, fanout, IPV4_PORTS);
}

static void put_ipv6(struct writer *writer, const struct mxt_fanout *fanout)
{
    put_addresses(writer, fanout, 8, 36, 0);
    put(writer, BPF_LD | BPF_B | BPF_ABS, net(6));
    writer->out[writer->count++] = (struct sock_filter){.code = BPF_JMP | BPF_K | BPF_JEQ, .jt = 5, .k = 6};
    put_condition(writer, BPF_JEQ, 17, true);
    put_ports(writer, fanout, IPV6_PORTS);
}

/*
 * The network header is where the kernel says it is: behind a VLAN tag, whether the frame comes in or goes out. Other protocols (MPLS, PPPoE, a second tag) go by
 * their first word: label, session or tag.
 */
size_t mxt_fanout_program(const struct mxt_fanout *fanout, struct sock_filter *out)
{
    struct writer writer = {.out = out};
    put(&writer, BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL));
    size_t to_ipv4 = writer.count;
    put(&writer, BPF_JMP | BPF_K | BPF_JEQ, 0x0800);
    size_t to_ipv6 = writer.count;
    put(&writer, BPF_JMP | BPF_K | BPF_JEQ, 0x86dd);
    put(&writer, BPF_LD | BPF_W | BPF_ABS, net(0));
    put_finish(&writer);
    out[to_ipv4].jt = (uint8_t)(writer.count - to_ipv4 - 1);
    put_ipv4(&writer, fanout);
    out[to_ipv6].jt = (uint8_t)(writer.count - to_ipv6 - 1);
    put_ipv6(&writer, fanout);
    return writer.count;
}

enum mxt_status mxt_fanout_join(const struct mxt_fanout *fanout, int fd, int *group)
{
    struct sock_filter code[MXT_FANOUT_PROGRAM];
    int number = *group;
    unsigned value = PACKET_FANOUT_CBPF << 16;
    value |= number < 0 ? (unsigned)PACKET_FANOUT_FLAG_UNIQUEID << 16 : (unsigned)number;
    if (setsockopt(fd, SOL_PACKET, PACKET_FANOUT, &value, sizeof value) != 0)
        return MXT_EIO;
    if (number >= 0)
        return MXT_OK;
    socklen_t size = sizeof value;
    struct sock_fprog program = {.len = (unsigned short)mxt_fanout_program(fanout, code), .filter = code};
    if (getsockopt(fd, SOL_PACKET, PACKET_FANOUT, &value, &size) != 0 || setsockopt(fd, SOL_PACKET, PACKET_FANOUT_DATA, &program, sizeof program) != 0)
        return MXT_EIO;
    *group = (int)(value & 0xffff);
    return MXT_OK;
}
