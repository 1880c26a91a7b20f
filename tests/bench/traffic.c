#include "traffic.h"

#include <stdlib.h>
#include <string.h>

/* A receiver acknowledges every second segment (RFC 9293 3.8.6.3). */
enum { SEGMENTS_PER_ACK = 2, DATAGRAM_MAX = 1350, IPV6_PERCENT = 15, MAIL_SLOTS_LEAST = 4 };

/*
 * Packets of a connection come in trains: a window is sent at once, and its acknowledgements come back at once (Jain and Routhier, "Packet trains", 1986).
 * A train goes on with this chance, so that its mean is 4.2 packets.
 */
enum { TRAIN_MOST = 8, TRAIN_GOES_ON_PERCENT = 80 };

/* From this size on a mix has all its mail slots. */
#define FULL_CAPTURE 1000000000u

enum phase { PHASE_SYN, PHASE_SYN_ACK, PHASE_ACK, PHASE_TALK, PHASE_FIN_CLIENT, PHASE_FIN_SERVER, PHASE_LAST_ACK, PHASE_DONE };

struct flow {
    const struct mxt_script *script; /* NULL: the slot is empty */
    enum phase phase;
    struct mxt_ends ends[2]; /* by side that sends */
    uint32_t sequence[2];
    struct mxt_speakers speakers;
    uint8_t step;    /* the next one */
    uint8_t rounds;  /* still to come, this one included */
    uint8_t unacked; /* segments since the listener last answered */
    struct mxt_turn turn;
    uint32_t sent; /* bytes of the turn */
    uint32_t messages;
    uint8_t nonce[MXT_HELLO_RANDOM_SIZE];
};

struct traffic {
    const struct mxt_mix *mix;
    const struct mxt_content *content;
    struct mxt_random *random;
    struct mxt_writer *writer;
    struct mxt_totals *totals;
    uint64_t serial[2]; /* flows begun: other, mail */
};

static const struct mxt_mix mixes[] = {
    {.name = "span",
     .mail_percent = 5,
     .mail_slots = 40,
     .other_slots = 4000,
     .mail = {{&mxt_script_mail_tls13, 45}, {&mxt_script_mail_tls12, 25}, {&mxt_script_mail_plain, 15}, {&mxt_script_mail_pipelined, 15}},
     .other = {{&mxt_script_https, 25}, {&mxt_script_http, 10}, {&mxt_script_ssh, 5}, {&mxt_script_dns, 45}, {&mxt_script_quic, 10}, {&mxt_script_refused, 5}}},
    {.name = "mail",
     .mail_percent = 100,
     .mail_slots = 2000,
     .mail = {{&mxt_script_mail_tls13, 30}, {&mxt_script_mail_tls12, 20}, {&mxt_script_mail_plain, 25}, {&mxt_script_mail_pipelined, 25}}},
    {.name = "idle", .mail_percent = 100, .mail_slots = 2000, .counts_flows = true, .flow_interval_us = 1000, .mail = {{&mxt_script_mail_idle, 1}}},
    {.name = "short",
     .mail_percent = 5,
     .mail_slots = 40,
     .other_slots = 3000,
     .mail = {{&mxt_script_mail_tls13, 45}, {&mxt_script_mail_tls12, 25}, {&mxt_script_mail_plain, 15}, {&mxt_script_mail_pipelined, 15}},
     .other = {{&mxt_script_dns, 50}, {&mxt_script_http_small, 30}, {&mxt_script_refused, 20}}},
    {.name = "short-mail",
     .mail_percent = 30,
     .mail_slots = 1000,
     .other_slots = 3000,
     .mail = {{&mxt_script_mail_brief, 1}},
     .other = {{&mxt_script_dns, 50}, {&mxt_script_http_small, 30}, {&mxt_script_refused, 20}}},
};

const struct mxt_mix *mxt_traffic_mix(const char *name)
{
    for (size_t i = 0; i < sizeof mixes / sizeof *mixes; i++)
        if (strcmp(mixes[i].name, name) == 0)
            return &mixes[i];
    return NULL;
}

static const struct mxt_script *choose(const struct mxt_share *shares, struct mxt_random *random)
{
    unsigned total = 0;
    for (unsigned i = 0; i < MXT_MIX_SCRIPTS; i++)
        total += shares[i].weight;
    unsigned at = mxt_random_below(random, total), i = 0;
    while (at >= shares[i].weight)
        at -= shares[i++].weight;
    return shares[i].script;
}

static void set_address(uint8_t *address, bool is_ipv6, const uint8_t ipv4[4])
{
    static const uint8_t prefix[12] = {0x20, 0x01, 0x0d, 0xb8};
    memcpy(address, prefix, is_ipv6 ? sizeof prefix : 0);
    memcpy(address + (is_ipv6 ? sizeof prefix : 0), ipv4, 4);
}

/* Ends that no other flow has: the client's address and port are made from the flow's number, no two of which give the same. */
static void set_ends(struct flow *flow, uint64_t serial, struct mxt_random *random)
{
    bool is_ipv6 = mxt_random_below(random, 100) < IPV6_PERCENT;
    uint32_t mixed;
    uint8_t client[4] = {10, 1, 0, 0}, server[4] = {203, 0, 113, (uint8_t)flow->speakers.server};
    if (flow->script->is_mail) {
        /* 512 mail hosts, whatever the number of connections */
        mixed = (uint32_t)(serial * 2654435761u) & 0xffffff;
        client[2] = (uint8_t)(mixed >> 23);
        flow->speakers.variant = (uint16_t)((mixed >> 15) % MXT_VARIANTS); /* a host greets with one name */
    } else {
        mixed = (uint32_t)(serial * 2654435761u) & 0x7fffffff;
        client[1] = 2;
        client[2] = (uint8_t)(mixed >> 23);
        server[2] = 114;
    }
    client[3] = (uint8_t)(mixed >> 15);
    struct mxt_ends *out = &flow->ends[MXT_CLIENT], *back = &flow->ends[MXT_SERVER];
    *out = (struct mxt_ends){.source_port = (uint16_t)(0x8000 | (mixed & 0x7fff)), .destination_port = flow->script->port, .is_ipv6 = is_ipv6};
    set_address(out->source, is_ipv6, client);
    set_address(out->destination, is_ipv6, server);
    *back = (struct mxt_ends){.source_port = out->destination_port, .destination_port = out->source_port, .is_ipv6 = is_ipv6};
    memcpy(back->source, out->destination, sizeof back->source);
    memcpy(back->destination, out->source, sizeof back->destination);
}

static void begin_flow(struct traffic *traffic, struct flow *flow, bool is_mail)
{
    struct mxt_random *random = traffic->random;
    const struct mxt_script *script = choose(is_mail ? traffic->mix->mail : traffic->mix->other, random);
    *flow = (struct flow){.script = script, .phase = script->transport == MXT_TRANSPORT_UDP ? PHASE_TALK : PHASE_SYN};
    /* Mail in the clear goes to servers that know no TLS. */
    uint32_t first = script->shows_messages ? MXT_TLS_SERVERS : 0, behind = script->shows_messages ? MXT_SERVERS : MXT_TLS_SERVERS;
    flow->speakers.server = (uint16_t)(first + mxt_random_below(random, behind - first));
    flow->speakers.variant = (uint16_t)mxt_random_below(random, MXT_VARIANTS);
    flow->rounds = script->rounds_most == 0 ? 1 : (uint8_t)(1 + mxt_random_below(random, script->rounds_most));
    flow->messages = script->shows_messages ? flow->rounds : 0;
    flow->sequence[MXT_CLIENT] = (uint32_t)mxt_random_next(random);
    flow->sequence[MXT_SERVER] = (uint32_t)mxt_random_next(random);
    set_ends(flow, traffic->serial[is_mail]++, random);
    mxt_writer_pause(traffic->writer, traffic->mix->flow_interval_us);
}

static void end_flow(struct traffic *traffic, struct flow *flow)
{
    traffic->totals->sessions += flow->script->is_mail;
    traffic->totals->tls_sessions += flow->script->is_tls;
    traffic->totals->messages += flow->messages;
    flow->script = NULL;
}

static enum mxt_side other_side(enum mxt_side side)
{
    return side == MXT_CLIENT ? MXT_SERVER : MXT_CLIENT;
}

/* Sends the parts; SYN and FIN count as one byte more. */
static void send_tcp(struct traffic *traffic, struct flow *flow, enum mxt_side side, unsigned flags, const struct mxt_slice *parts, unsigned count)
{
    uint32_t acknowledgement = flags & MXT_TCP_ACK ? flow->sequence[other_side(side)] : 0;
    mxt_writer_tcp(traffic->writer, &flow->ends[side], flow->sequence[side], acknowledgement, flags, parts, count);
    for (unsigned i = 0; i < count; i++)
        flow->sequence[side] += parts[i].length;
    flow->sequence[side] += (flags & (MXT_TCP_SYN | MXT_TCP_FIN)) != 0;
}

/* Up to `room` bytes of the turn from where it stands; returns the number of parts. */
static unsigned cut(const struct flow *flow, uint32_t room, struct mxt_slice *parts)
{
    uint32_t skip = flow->sent;
    unsigned count = 0;
    for (unsigned i = 0; i < flow->turn.count && room > 0; i++) {
        struct mxt_slice part = flow->turn.parts[i];
        if (skip >= part.length) {
            skip -= part.length;
            continue;
        }
        uint32_t length = part.length - skip;
        if (length > room)
            length = room;
        parts[count++] = (struct mxt_slice){part.bytes + skip, length};
        room -= length;
        skip = 0;
    }
    return count;
}

/* Moves on to the script's next turn; false at its end. */
static bool next_turn(struct traffic *traffic, struct flow *flow)
{
    const struct mxt_script *script = flow->script;
    if (flow->step == script->count)
        return false;
    mxt_random_fill(traffic->random, flow->nonce, sizeof flow->nonce);
    flow->turn = mxt_script_turn(script, flow->step, traffic->content, &flow->speakers, flow->nonce, traffic->random);
    flow->sent = 0;
    if (script->rounds_most != 0 && flow->step == script->loop_last && --flow->rounds > 0)
        flow->step = script->loop_first;
    else
        flow->step++;
    return true;
}

/* One packet of the conversation; false when the script has ended and nothing was sent. */
static bool talk(struct traffic *traffic, struct flow *flow)
{
    bool is_udp = flow->script->transport == MXT_TRANSPORT_UDP, is_said = flow->sent == flow->turn.length;
    enum mxt_side before = flow->turn.side;
    if (!is_udp && (flow->unacked == SEGMENTS_PER_ACK || (is_said && flow->step == flow->script->count && flow->unacked > 0))) {
        send_tcp(traffic, flow, other_side(flow->turn.side), MXT_TCP_ACK, NULL, 0);
        flow->unacked = 0;
        return true;
    }
    if (is_said && !next_turn(traffic, flow))
        return false;
    if (flow->turn.side != before)
        flow->unacked = 0;
    struct mxt_slice parts[MXT_TURN_PARTS] = {{0}};
    if (is_udp) {
        cut(flow, DATAGRAM_MAX, parts);
        mxt_writer_udp(traffic->writer, &flow->ends[flow->turn.side], parts[0]);
        flow->sent += parts[0].length;
        return true;
    }
    unsigned count = cut(flow, flow->ends[0].is_ipv6 ? MXT_SEGMENT_MAX_IPV6 : MXT_SEGMENT_MAX, parts);
    for (unsigned i = 0; i < count; i++)
        flow->sent += parts[i].length;
    bool is_last = flow->sent == flow->turn.length;
    send_tcp(traffic, flow, flow->turn.side, MXT_TCP_ACK | (is_last ? MXT_TCP_PSH : 0), parts, count);
    flow->unacked++;
    return true;
}

/* The flow's next packet, or its end. */
static void step_flow(struct traffic *traffic, struct flow *flow)
{
    bool is_refused = flow->script->transport == MXT_TRANSPORT_REFUSED;
    if (flow->phase == PHASE_TALK && !talk(traffic, flow))
        flow->phase = flow->script->is_left_open || flow->script->transport == MXT_TRANSPORT_UDP ? PHASE_DONE : PHASE_FIN_CLIENT;
    switch (flow->phase) {
    case PHASE_TALK: return;
    case PHASE_SYN: send_tcp(traffic, flow, MXT_CLIENT, MXT_TCP_SYN, NULL, 0); break;
    case PHASE_SYN_ACK:
        if (is_refused) {
            flow->sequence[MXT_SERVER] = 0;
            send_tcp(traffic, flow, MXT_SERVER, MXT_TCP_RST | MXT_TCP_ACK, NULL, 0);
            flow->phase = PHASE_LAST_ACK;
        } else {
            send_tcp(traffic, flow, MXT_SERVER, MXT_TCP_SYN | MXT_TCP_ACK, NULL, 0);
        }
        break;
    case PHASE_ACK: send_tcp(traffic, flow, MXT_CLIENT, MXT_TCP_ACK, NULL, 0); break;
    case PHASE_FIN_CLIENT: send_tcp(traffic, flow, MXT_CLIENT, MXT_TCP_FIN | MXT_TCP_ACK, NULL, 0); break;
    case PHASE_FIN_SERVER: send_tcp(traffic, flow, MXT_SERVER, MXT_TCP_FIN | MXT_TCP_ACK, NULL, 0); break;
    case PHASE_LAST_ACK: send_tcp(traffic, flow, MXT_CLIENT, MXT_TCP_ACK, NULL, 0); break;
    case PHASE_DONE: break;
    }
    if (flow->phase != PHASE_DONE)
        flow->phase++;
    if (flow->phase == PHASE_DONE)
        end_flow(traffic, flow);
}

/* Whether new mail flows may begin. */
static bool has_room(const struct traffic *traffic, uint64_t bytes, uint64_t flows)
{
    return traffic->mix->counts_flows ? traffic->serial[1] < flows : traffic->writer->bytes < bytes;
}

/* One packet of a flow of another kind than mail. */
static void step_other(struct traffic *traffic, struct flow *flow)
{
    if (flow->script == NULL)
        begin_flow(traffic, flow, false);
    step_flow(traffic, flow);
}

/* One packet of a mail flow, which is begun where the slot is empty and more are wanted; false when the slot stays empty. */
static bool step_mail(struct traffic *traffic, struct flow *flow, bool is_wanted)
{
    uint64_t before = traffic->writer->packets;
    if (flow->script == NULL && is_wanted)
        begin_flow(traffic, flow, true);
    if (flow->script != NULL)
        step_flow(traffic, flow);
    traffic->totals->mail_packets += traffic->writer->packets - before;
    return flow->script != NULL || is_wanted;
}

static unsigned train_length(struct mxt_random *random)
{
    unsigned length = 1;
    while (length < TRAIN_MOST && mxt_random_below(random, 100) < TRAIN_GOES_ON_PERCENT)
        length++;
    return length;
}

/* A train of a slot's packets. Where its flow ends within the train, the slot's next one goes on: so each kind keeps its share of the packets. */
static void train_other(struct traffic *traffic, struct flow *flow)
{
    for (unsigned left = train_length(traffic->random); left > 0; left--)
        step_other(traffic, flow);
}

/* The same for mail, while `bytes` and `flows` leave room for new flows; false when the slot stays empty. */
static bool train_mail(struct traffic *traffic, struct flow *flow, uint64_t bytes, uint64_t flows)
{
    for (unsigned left = train_length(traffic->random); left > 0; left--)
        if (!step_mail(traffic, flow, has_room(traffic, bytes, flows)))
            return false;
    return true;
}

/* Mail flows at once: fewer in a small capture, which would else consist of what the last ones still need. */
static unsigned slots_for(const struct mxt_mix *mix, uint64_t bytes)
{
    uint64_t slots = mix->mail_slots * bytes / FULL_CAPTURE;
    if (mix->counts_flows || slots > mix->mail_slots)
        return mix->mail_slots;
    return slots < MAIL_SLOTS_LEAST ? MAIL_SLOTS_LEAST : (unsigned)slots;
}

bool mxt_traffic_write(const struct mxt_mix *mix, uint64_t bytes, uint64_t flows, const struct mxt_content *content, struct mxt_random *random,
                       struct mxt_writer *writer, struct mxt_totals *totals)
{
    *totals = (struct mxt_totals){0};
    struct traffic traffic = {mix, content, random, writer, totals, {0}};
    const unsigned mail_slots = slots_for(mix, bytes);
    struct flow *slots = calloc(mail_slots + mix->other_slots, sizeof *slots);
    /* The mail slots that are in use or may come to be; towards the end they become fewer. */
    unsigned *mail = calloc(mail_slots, sizeof *mail);
    unsigned count = 0;
    while (slots != NULL && mail != NULL && count < mail_slots) {
        mail[count] = count;
        count++;
    }
    while (count > 0 && !writer->failed) {
        if (mxt_random_below(random, 100) >= mix->mail_percent) {
            train_other(&traffic, &slots[mail_slots + mxt_random_below(random, mix->other_slots)]);
            continue;
        }
        unsigned at = mxt_random_below(random, count);
        if (!train_mail(&traffic, &slots[mail[at]], bytes, flows))
            mail[at] = mail[--count];
    }
    totals->flows = traffic.serial[0] + traffic.serial[1];
    bool has_memory = slots != NULL && mail != NULL;
    free(slots);
    free(mail);
    return has_memory;
}
