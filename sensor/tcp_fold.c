#include "sensor/tcp_fold.h"

#include "sensor/tcp_half.h"
#include "sensor/tcp_order.h"

static bool is_small(uint64_t count)
{
    return count <= UINT8_MAX;
}

/* Behind the last byte; a FIN that was told is none. */
static int64_t data_end(const struct mxt_tcp_half *half)
{
    return half->next - (half->is_closed ? 1 : 0);
}

static bool fold_half(const struct mxt_tcp_half *half, uint32_t packets, uint64_t bytes, struct mxt_tcp_folded_half *out)
{
    bool is_simple = half->held == NULL && half->history == NULL && half->seen == data_end(half);
    if (!is_simple || half->next > UINT16_MAX || half->acked < 0 || half->acked > UINT16_MAX || packets > UINT16_MAX || bytes > UINT16_MAX)
        return false;
    *out = (struct mxt_tcp_folded_half){.base = half->base,
                                        .stamp = half->stamp,
                                        .traits = half->traits,
                                        .next = (uint16_t)half->next,
                                        .acked = (uint16_t)half->acked,
                                        .packets = (uint16_t)packets,
                                        .bytes = (uint16_t)bytes};
    return true;
}

bool mxt_tcp_fold(const struct mxt_tcp *tcp, struct mxt_tcp_folded *out)
{
    const struct mxt_tcp_counters *counters = &tcp->counters;
    if (tcp->claims != NULL || tcp->stuck_us != MXT_TCP_NEVER || tcp->has_pending_isn || tcp->is_content_stopped)
        return false;
    if ((counters->gap_bytes_toserver | counters->gap_bytes_toclient) != 0 ||
        (counters->conflicting_overlaps | counters->bad_checksums_dropped | counters->allocation_failures | counters->ends_revoked) != 0)
        return false;
    if (!is_small(counters->retransmitted) || !is_small(counters->duplicates) || !is_small(counters->bad_checksums_accepted))
        return false;
    out->retransmitted = (uint8_t)counters->retransmitted;
    out->duplicates = (uint8_t)counters->duplicates;
    out->bad_checksums_accepted = (uint8_t)counters->bad_checksums_accepted;
    return fold_half(&tcp->half[MXT_TOSERVER], counters->packets_toserver, counters->bytes_toserver, &out->half[MXT_TOSERVER]) &&
           fold_half(&tcp->half[MXT_TOCLIENT], counters->packets_toclient, counters->bytes_toclient, &out->half[MXT_TOCLIENT]);
}

static void unfold_half(const struct mxt_tcp_folded_half *folded, struct mxt_tcp_half *out)
{
    *out = (struct mxt_tcp_half){.base = folded->base, .stamp = folded->stamp, .next = folded->next, .acked = folded->acked};
    out->traits = folded->traits;
    out->seen = data_end(out);
    out->is_history_off = true;
}

void mxt_tcp_unfold(const struct mxt_tcp_folded *folded, struct mxt_tcp *out)
{
    const struct mxt_tcp_folded_half *client = &folded->half[MXT_TOSERVER], *server = &folded->half[MXT_TOCLIENT];
    unfold_half(client, &out->half[MXT_TOSERVER]);
    unfold_half(server, &out->half[MXT_TOCLIENT]);
    out->claims = NULL;
    out->stuck_us = MXT_TCP_NEVER;
    out->pending_isn = 0;
    out->has_pending_isn = false;
    out->is_content_stopped = false;
    out->counters = (struct mxt_tcp_counters){.packets_toserver = client->packets,
                                              .packets_toclient = server->packets,
                                              .bytes_toserver = client->bytes,
                                              .bytes_toclient = server->bytes,
                                              .retransmitted = folded->retransmitted,
                                              .duplicates = folded->duplicates,
                                              .bad_checksums_accepted = folded->bad_checksums_accepted};
}

/* ---- without unfolding ---- */

/* Both directions of a folded connection, while it takes a segment. */
struct pair {
    struct mxt_tcp_half sender, receiver;
};

static inline struct pair pair_of(const struct mxt_tcp_folded *folded, enum mxt_direction direction)
{
    struct pair pair;
    unfold_half(&folded->half[direction], &pair.sender);
    unfold_half(&folded->half[mxt_direction_other(direction)], &pair.receiver);
    return pair;
}

/* Folds both again, with the segment counted. False: something is too large, and nothing was changed. */
static bool put_back(struct mxt_tcp_folded *folded, enum mxt_direction direction, const struct pair *pair, const struct mxt_segment *segment)
{
    struct mxt_tcp_folded_half *sender = &folded->half[direction], *receiver = &folded->half[mxt_direction_other(direction)], new_sender, new_receiver;
    if (!fold_half(&pair->sender, sender->packets + 1u, (uint64_t)sender->bytes + segment->frame_bytes, &new_sender) ||
        !fold_half(&pair->receiver, receiver->packets, receiver->bytes, &new_receiver))
        return false;
    *sender = new_sender;
    *receiver = new_receiver;
    return true;
}

/* Whether nothing about its checksums is in doubt. */
static bool is_sound(struct mxt_tcp_half *sender, const struct mxt_segment *segment)
{
    enum mxt_checksum checksum = segment->is_ip_damaged ? MXT_CHECKSUM_BAD : mxt_segment_checksum(segment);
    sender->has_good_ip = sender->has_good_ip || segment->has_good_ip;
    sender->has_good_checksum = sender->has_good_checksum || checksum == MXT_CHECKSUM_GOOD;
    return checksum == MXT_CHECKSUM_GOOD || checksum == MXT_CHECKSUM_UNKNOWN;
}

/* Whether nothing was seen of the half, nor said about it. */
static bool is_blank(const struct mxt_tcp_half *half)
{
    return !half->is_seen && !half->is_started && !half->is_hinted;
}

/* The first SYN, the first answer to it, or its refusal. */
static bool take_handshake(struct pair *pair, enum mxt_direction direction, const struct mxt_segment *segment)
{
    struct mxt_tcp_half *sender = &pair->sender, *receiver = &pair->receiver;
    unsigned flags = segment->flags & (MXT_FIN | MXT_SYN | MXT_RST | MXT_ACK | MXT_URG);
    bool is_answer = direction == MXT_TOCLIENT && receiver->has_syn && !receiver->has_end && segment->ack == mxt_tcp_half_sequence(receiver);
    bool is_usual = flags == MXT_SYN ? direction == MXT_TOSERVER && is_blank(receiver) : is_answer && (flags == (MXT_SYN | MXT_ACK) || flags == (MXT_RST | MXT_ACK));
    if (!is_usual || !is_blank(sender) || segment->payload_length + segment->payload_missing > 0 || !is_sound(sender, segment))
        return false;
    sender->has_sent_ack = (flags & MXT_ACK) != 0;
    if ((flags & MXT_RST) != 0) {
        sender->has_end = sender->has_reset = sender->is_reset = true;
        return true;
    }
    mxt_tcp_half_start(sender, segment->seq + 1);
    mxt_tcp_half_stamp(sender, segment);
    mxt_tcp_half_take_syn(sender, segment);
    if (is_answer)
        mxt_tcp_half_take_window(sender, receiver, segment);
    return true;
}

enum mxt_tcp_folded_step mxt_tcp_folded_take(struct mxt_tcp_folded *folded, enum mxt_direction direction, const struct mxt_segment *segment)
{
    struct pair pair = pair_of(folded, direction);
    if (mxt_tcp_half_is_next(&pair.sender, &pair.receiver, segment)) {
        if (segment->payload_length > 0) {
            if (!is_sound(&pair.sender, segment))
                return MXT_TCP_FOLDED_UNFOLD;
            folded->half[direction].traits = pair.sender.traits;
            return MXT_TCP_FOLDED_WORDS;
        }
        mxt_tcp_half_take_next(&pair.sender, &pair.receiver, segment);
    } else if (!take_handshake(&pair, direction, segment)) {
        return MXT_TCP_FOLDED_UNFOLD;
    }
    pair.sender.is_seen = true;
    return put_back(folded, direction, &pair, segment) ? MXT_TCP_FOLDED_TAKEN : MXT_TCP_FOLDED_UNFOLD;
}

bool mxt_tcp_folded_skip(struct mxt_tcp_folded *folded, enum mxt_direction direction, const struct mxt_segment *segment)
{
    struct pair pair = pair_of(folded, direction);
    struct mxt_tcp_half *sender = &pair.sender;
    mxt_tcp_half_take_next(sender, &pair.receiver, segment);
    mxt_tcp_half_stamp(sender, segment);
    sender->next += segment->payload_length;
    sender->seen = sender->next;
    sender->is_fin_presumed = false;
    sender->is_seen = true;
    return put_back(folded, direction, &pair, segment);
}

uint64_t mxt_tcp_folded_delivered(const struct mxt_tcp_folded *folded, enum mxt_direction direction)
{
    const struct mxt_tcp_half half = {.next = folded->half[direction].next, .traits = folded->half[direction].traits};
    return (uint64_t)data_end(&half);
}

bool mxt_tcp_folded_is_closed(const struct mxt_tcp_folded *folded)
{
    const struct mxt_tcp_half client = {.traits = folded->half[MXT_TOSERVER].traits}, server = {.traits = folded->half[MXT_TOCLIENT].traits};
    return mxt_tcp_half_are_closed(&client, &server);
}

/* ---- unfolded ---- */

uint64_t mxt_tcp_delivered(const struct mxt_tcp *tcp, enum mxt_direction direction)
{
    return (uint64_t)data_end(&tcp->half[direction]);
}

void mxt_tcp_want(struct mxt_tcp *tcp)
{
    tcp->half[MXT_TOSERVER].is_history_off = false;
    tcp->half[MXT_TOCLIENT].is_history_off = false;
}

void mxt_tcp_remember(struct mxt_tcp *tcp, enum mxt_direction direction, const uint8_t *p, size_t n, const struct mxt_tcp_limits *limits)
{
    mxt_tcp_half_remember(&tcp->half[direction], p, n, limits->history);
}
