#include "sensor/keep.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "sensor/probe.h"
#include "sensor/redact.h"

#define FIRST_BYTES  (32u << 10) /* of a connection's frames, from its beginning */
#define LAST_BYTES   (16u << 10) /* and from its end */
#define BUCKETS_FIRST 1024u      /* a power of two */

struct queue {
    struct mxt_kept_packet *first, **end;
    size_t bytes;
};

/* A connection whose packets are kept. */
struct kept {
    struct kept *chain; /* in its bucket */
    const struct mxt_flow *flow;
    struct queue first, last;
    size_t size;       /* of all this, in memory */
    bool is_paid;      /* from the budget of what is kept; until its session opens a flow bears the size itself */
    bool is_given_up;  /* no room */
    bool is_blind;     /* offsets of decoder and packets do not agree: urgent data leave the stream */
    bool has_left_out; /* packets between first and last */
};

struct bucket {
    struct kept *first;
};

struct mxt_keep {
    struct mxt_keep_file *file;
    bool drop_local_parts;
    struct bucket *buckets;
    size_t bucket_mask, count;
};

struct mxt_keep *mxt_keep_new(struct mxt_keep_file *file, bool drop_local_parts)
{
    struct mxt_keep *keep = calloc(1, sizeof *keep);
    if (keep == NULL || (keep->buckets = calloc(BUCKETS_FIRST, sizeof *keep->buckets)) == NULL) {
        free(keep);
        return NULL;
    }
    keep->bucket_mask = BUCKETS_FIRST - 1;
    keep->file = file;
    keep->drop_local_parts = drop_local_parts;
    return keep;
}

/* Frees a packet that is in no queue any more. */
static void drop_packet(struct mxt_keep *keep, struct kept *kept, struct mxt_kept_packet *packet)
{
    size_t size = mxt_kept_packet_size(packet);
    kept->size -= size;
    if (kept->is_paid)
        mxt_keep_file_give(keep->file, size);
    free(packet);
}

static void drop_queue(struct mxt_keep *keep, struct kept *kept, struct queue *queue)
{
    for (struct mxt_kept_packet *packet = queue->first, *next; packet != NULL; packet = next) {
        next = packet->next;
        drop_packet(keep, kept, packet);
    }
    *queue = (struct queue){.end = &queue->first};
}

static void drop(struct mxt_keep *keep, struct kept *kept)
{
    drop_queue(keep, kept, &kept->first);
    drop_queue(keep, kept, &kept->last);
}

/* Frees what holds no packets any more. */
static void free_kept(struct mxt_keep *keep, struct kept *kept)
{
    if (kept->is_paid)
        mxt_keep_file_give(keep->file, sizeof *kept);
    free(kept);
}

void mxt_keep_free(struct mxt_keep *keep)
{
    if (keep == NULL)
        return;
    for (size_t i = 0; i <= keep->bucket_mask; i++)
        for (struct kept *kept = keep->buckets[i].first, *next; kept != NULL; kept = next) {
            next = kept->chain;
            drop(keep, kept);
            free_kept(keep, kept);
        }
    free(keep->buckets);
    free(keep);
}

static size_t hash_of(const struct mxt_flow *flow)
{
    uint64_t key = (uint64_t)(uintptr_t)flow;
    return (size_t)XXH3_64bits(&key, sizeof key);
}

static struct kept **place_of(struct mxt_keep *keep, const struct mxt_flow *flow)
{
    struct kept **link = &keep->buckets[hash_of(flow) & keep->bucket_mask].first;
    while (*link != NULL && (*link)->flow != flow)
        link = &(*link)->chain;
    return link;
}

/* Doubles the buckets when there are as many connections: a flood of them must not make each packet dear. Short of memory the chains just get longer. */
static void grow_buckets(struct mxt_keep *keep)
{
    size_t count = (keep->bucket_mask + 1) * 2;
    struct bucket *buckets = calloc(count, sizeof *buckets);
    if (buckets == NULL)
        return;
    for (size_t i = 0; i <= keep->bucket_mask; i++)
        for (struct kept *kept = keep->buckets[i].first, *next; kept != NULL; kept = next) {
            struct bucket *bucket = &buckets[hash_of(kept->flow) & (count - 1)];
            next = kept->chain;
            kept->chain = bucket->first;
            bucket->first = kept;
        }
    free(keep->buckets);
    keep->buckets = buckets;
    keep->bucket_mask = count - 1;
}

/* What is kept of a flow from now on. NULL: out of memory. */
static struct kept *open_kept(struct mxt_keep *keep, const struct mxt_flow *flow)
{
    struct kept *kept = calloc(1, sizeof *kept);
    if (kept == NULL)
        return NULL;
    if (keep->count > keep->bucket_mask)
        grow_buckets(keep);
    kept->flow = flow;
    kept->size = sizeof *kept;
    kept->first.end = &kept->first.first;
    kept->last.end = &kept->last.first;
    *place_of(keep, flow) = kept;
    keep->count++;
    return kept;
}

static void give_up(struct mxt_keep *keep, struct kept *kept)
{
    drop(keep, kept);
    kept->is_given_up = true;
    mxt_keep_file_no_room(keep->file);
}

/* The session has opened: what was kept until now comes under the budget of what is kept. False: there is no room, and it was given up. */
static bool pay(struct mxt_keep *keep, struct kept *kept)
{
    kept->is_paid = kept->is_paid || mxt_keep_file_take(keep->file, kept->size);
    if (!kept->is_paid)
        give_up(keep, kept);
    return kept->is_paid;
}

static void append(struct kept *kept, struct queue *queue, struct mxt_kept_packet *packet)
{
    *queue->end = packet;
    queue->end = &packet->next;
    queue->bytes += packet->captured;
    kept->size += mxt_kept_packet_size(packet);
}

static void shorten(struct mxt_keep *keep, struct kept *kept)
{
    while (kept->last.bytes > LAST_BYTES && kept->last.first != NULL && kept->last.first->next != NULL) {
        struct mxt_kept_packet *oldest = kept->last.first;
        kept->last.first = oldest->next;
        kept->last.bytes -= oldest->captured;
        kept->has_left_out = true;
        drop_packet(keep, kept, oldest);
    }
}

/* A copy of the segment's packet, paid for where the rest is. NULL: no room. */
static struct mxt_kept_packet *copy_packet(struct mxt_keep *keep, const struct kept *kept, const struct mxt_segment *segment)
{
    size_t size = mxt_kept_packet_needs(segment);
    if (kept->is_paid && !mxt_keep_file_take(keep->file, size))
        return NULL;
    struct mxt_kept_packet *packet = mxt_kept_packet_new(segment);
    if (packet == NULL && kept->is_paid)
        mxt_keep_file_give(keep->file, size);
    return packet;
}

size_t mxt_keep_segment(struct mxt_keep *keep, const struct mxt_flow *flow, enum mxt_direction direction, const struct mxt_segment *segment, bool is_dropped)
{
    struct kept *kept = *place_of(keep, flow);
    if (kept == NULL && (kept = open_kept(keep, flow)) == NULL)
        return 0;
    if (kept->is_given_up || (flow->session != NULL && !pay(keep, kept)))
        return 0;
    struct mxt_kept_packet *packet = copy_packet(keep, kept, segment);
    if (packet == NULL) {
        give_up(keep, kept);
        return 0;
    }
    packet->direction = (uint8_t)direction;
    packet->is_unplaced = is_dropped || !mxt_tcp_offset(flow->tcp, direction, segment->seq + ((segment->flags & MXT_SYN) != 0 ? 1 : 0), &packet->offset);
    kept->is_blind = kept->is_blind || (segment->flags & MXT_URG) != 0;
    bool is_first = kept->first.bytes + packet->captured <= FIRST_BYTES && kept->last.first == NULL;
    append(kept, is_first ? &kept->first : &kept->last, packet);
    shorten(keep, kept);
    return kept->is_paid ? 0 : kept->size;
}

/* One direction's packets. MXT_ENOMEM: they must not be used. */
static enum mxt_status redact_direction(const struct mxt_keep *keep, const struct kept *kept, const struct mxt_session *session, enum mxt_direction direction,
                                        struct mxt_redact_names *names)
{
    struct mxt_redact_stream stream = {.direction = direction, .drop_local_parts = keep->drop_local_parts, .names = names, .is_foreign = mxt_probe_protocol(kept->flow) != NULL};
    size_t count = 0, i = 0;
    for (const struct mxt_kept_packet *packet = kept->first.first; packet != NULL; packet = packet->next)
        count += packet->direction == direction;
    struct mxt_redact_piece *pieces = calloc(count + 1, sizeof *pieces);
    uint32_t *sums = calloc(count + 1, sizeof *sums);
    enum mxt_status status = pieces == NULL || sums == NULL ? MXT_ENOMEM : MXT_OK;
    if (direction == MXT_TOSERVER && !kept->is_blind)
        stream.spoken = mxt_session_spoken(session, &stream.spoken_count);
    stream.has_tls = mxt_session_tls_start(session, direction, &stream.tls_at);
    for (struct mxt_kept_packet *packet = kept->first.first; packet != NULL && status == MXT_OK; packet = packet->next) {
        if (packet->direction != direction)
            continue;
        uint8_t *payload = packet->bytes + packet->payload_at;
        sums[i] = mxt_kept_packet_sum(packet);
        pieces[i++] = (struct mxt_redact_piece){.offset = packet->offset, .bytes = payload, .n = packet->payload_n, .is_unplaced = packet->is_unplaced || (kept->is_blind && stream.has_tls)};
    }
    if (status == MXT_OK)
        status = mxt_redact(&stream, pieces, count);
    i = 0;
    for (struct mxt_kept_packet *packet = kept->first.first; packet != NULL && status == MXT_OK; packet = packet->next)
        if (packet->direction == direction)
            mxt_kept_packet_mend(packet, sums[i++]);
    free(pieces);
    free(sums);
    return status;
}

/* MXT_ENOMEM: the packets must not be used. */
static enum mxt_status redact(const struct mxt_keep *keep, const struct kept *kept, const struct mxt_session *session)
{
    struct mxt_redact_names *names = NULL;
    if (keep->drop_local_parts && (names = mxt_redact_names_new()) == NULL)
        return MXT_ENOMEM;
    enum mxt_status status = redact_direction(keep, kept, session, MXT_TOSERVER, names);
    if (status == MXT_OK && names != NULL)
        status = mxt_redact_names_finish(names);
    if (status == MXT_OK)
        status = redact_direction(keep, kept, session, MXT_TOCLIENT, names);
    mxt_redact_names_free(names);
    return status;
}

void mxt_keep_end(struct mxt_keep *keep, const struct mxt_flow *flow, const struct mxt_session *session, bool has_findings)
{
    struct kept **link = place_of(keep, flow), *kept = *link;
    if (kept == NULL)
        return;
    *link = kept->chain;
    keep->count--;
    *kept->first.end = kept->last.first; /* one list */
    kept->last = (struct queue){.end = &kept->last.first};
    bool is_wanted = has_findings && !kept->is_given_up && kept->first.first != NULL && pay(keep, kept);
    if (is_wanted && redact(keep, kept, session) != MXT_OK) {
        mxt_keep_file_no_room(keep->file);
        is_wanted = false;
    }
    if (is_wanted)
        mxt_keep_file_put(keep->file, kept->first.first);
    else
        drop(keep, kept);
    free_kept(keep, kept);
}
