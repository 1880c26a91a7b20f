#include "decoders/fragment.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define BUCKETS        1024u  /* of the hash table, a power of two */
#define DATAGRAMS_MAX  8192u  /* unfinished at once; bounds the length of a chain whatever the addresses */
#define PIECES_MAX     512u   /* of one datagram, so that a flood of tiny ones does not make each search long (RFC 791's least MTU makes 1365) */
#define DATAGRAM_MAX   65535u /* bytes; both versions count the length in 16 bits */
#define LENGTH_UNKNOWN UINT32_MAX

struct piece {
    struct piece *next; /* in order of offset, not overlapping */
    uint32_t offset, length;
    uint8_t bytes[];
};

enum datagram_state {
    COLLECTING,
    UNWANTED, /* its first fragment shows that nothing in it matters; a later first fragment under the same number may revive it */
    CONDEMNED /* its fragments contradict each other */
};

struct datagram {
    struct datagram *chain;           /* in its bucket */
    struct datagram *older, *younger; /* in order of the first fragment's arrival */
    struct mxt_fragment_key key;
    enum datagram_state state;
    int64_t start_us;
    struct piece *pieces;
    uint32_t piece_count;
    uint32_t fragments; /* taken so far; an overlap can make several pieces of one, or none */
    uint32_t bytes;     /* in pieces */
    uint32_t length;    /* of the whole, once the last fragment is here */
    uint8_t protocol;
};

struct mxt_fragments {
    struct datagram *buckets[BUCKETS];
    struct datagram *oldest, *youngest;
    uint32_t count;
    uint32_t held; /* bytes of datagrams and pieces, structs included */
    struct mxt_packet_limits limits;
    int64_t now_us;    /* never goes back */
    bool has_good;     /* fragments with a right checksum came: those with a wrong one are no work of an offload, and nobody takes them */
    uint8_t *whole;    /* DATAGRAM_MAX bytes, allocated when first needed */
    uint64_t *dropped; /* the caller's counter, during a call */
};

struct mxt_fragments *mxt_fragments_new(const struct mxt_packet_limits *limits)
{
    struct mxt_fragments *table = calloc(1, sizeof *table);
    if (table == NULL)
        return NULL;
    table->limits = *limits;
    table->now_us = INT64_MIN;
    return table;
}

static uint32_t bucket_of(const struct mxt_fragments *table, const struct mxt_fragment_key *key)
{
    return (uint32_t)XXH3_64bits_withSeed(key, sizeof *key, table->limits.seed) & (BUCKETS - 1);
}

static void free_pieces(struct mxt_fragments *table, struct datagram *datagram)
{
    for (struct piece *piece = datagram->pieces, *next; piece != NULL; piece = next) {
        next = piece->next;
        table->held -= (uint32_t)sizeof *piece + piece->length;
        free(piece);
    }
    datagram->pieces = NULL;
    datagram->piece_count = 0;
    datagram->fragments = 0;
    datagram->bytes = 0;
}

static void remove_datagram(struct mxt_fragments *table, struct datagram *datagram)
{
    struct datagram **link = &table->buckets[bucket_of(table, &datagram->key)];
    while (*link != datagram)
        link = &(*link)->chain;
    *link = datagram->chain;
    if (datagram == table->oldest)
        table->oldest = datagram->younger;
    else
        datagram->older->younger = datagram->younger;
    if (datagram == table->youngest)
        table->youngest = datagram->older;
    else
        datagram->younger->older = datagram->older;
    free_pieces(table, datagram);
    table->held -= (uint32_t)sizeof *datagram;
    table->count--;
    free(datagram);
}

void mxt_fragments_free(struct mxt_fragments *table)
{
    if (table == NULL)
        return;
    while (table->oldest != NULL)
        remove_datagram(table, table->oldest);
    free(table->whole);
    free(table);
}

static void drop(struct mxt_fragments *table, struct datagram *datagram)
{
    *table->dropped += datagram->fragments;
    remove_datagram(table, datagram);
}

/* The datagram cannot be trusted. It stays as a mark, so that what is still to come does not begin it anew. */
static void condemn(struct mxt_fragments *table, struct datagram *datagram)
{
    *table->dropped += datagram->fragments + 1u;
    free_pieces(table, datagram);
    datagram->state = CONDEMNED;
}

/* Makes room for `size` bytes by giving up the oldest, though never `spared`. False where that does not help. */
static bool make_room(struct mxt_fragments *table, uint32_t size, const struct datagram *spared)
{
    while (table->held + (uint64_t)size > table->limits.fragment_bytes) {
        struct datagram *victim = table->oldest == spared && spared != NULL ? spared->younger : table->oldest;
        if (victim == NULL)
            return false;
        drop(table, victim);
    }
    return true;
}

static void expire(struct mxt_fragments *table, int64_t time_us)
{
    if (time_us > table->now_us)
        table->now_us = time_us;
    /* Subtracted unsigned: the times are anything a damaged capture says. */
    while (table->oldest != NULL && (uint64_t)table->now_us - (uint64_t)table->oldest->start_us >= table->limits.fragment_timeout_us)
        drop(table, table->oldest);
}

/* The datagram of a key, opened where there is none; NULL where there is no room. */
static struct datagram *find(struct mxt_fragments *table, const struct mxt_fragment_key *key)
{
    struct datagram **bucket = &table->buckets[bucket_of(table, key)];
    for (struct datagram *d = *bucket; d != NULL; d = d->chain)
        if (memcmp(&d->key, key, sizeof *key) == 0)
            return d;
    if (table->count >= DATAGRAMS_MAX)
        drop(table, table->oldest);
    if (!make_room(table, (uint32_t)sizeof(struct datagram), NULL))
        return NULL;
    struct datagram *datagram = calloc(1, sizeof *datagram);
    if (datagram == NULL)
        return NULL;
    datagram->key = *key;
    datagram->start_us = table->now_us;
    datagram->length = LENGTH_UNKNOWN;
    datagram->chain = *bucket;
    *bucket = datagram;
    datagram->older = table->youngest;
    if (table->youngest == NULL)
        table->oldest = datagram;
    else
        table->youngest->younger = datagram;
    table->youngest = datagram;
    table->held += (uint32_t)sizeof *datagram;
    table->count++;
    return datagram;
}

/* Copies `n` bytes into a new piece in front of *link. */
static bool insert(struct mxt_fragments *table, struct datagram *datagram, struct piece **link, uint32_t offset, const uint8_t *p, uint32_t n)
{
    struct piece *piece = datagram->piece_count < PIECES_MAX ? malloc(sizeof *piece + n) : NULL;
    if (piece == NULL)
        return false;
    piece->offset = offset;
    piece->length = n;
    memcpy(piece->bytes, p, n);
    piece->next = *link;
    *link = piece;
    table->held += (uint32_t)sizeof *piece + n;
    datagram->piece_count++;
    datagram->bytes += n;
    return true;
}

/* Keeps what is new of a fragment. False where it differs from what is held, or there is no room. */
static bool merge(struct mxt_fragments *table, struct datagram *datagram, const struct mxt_fragment *fragment)
{
    uint32_t at = fragment->offset, end = fragment->offset + fragment->length;
    struct piece **link = &datagram->pieces;
    while (at < end) {
        struct piece *piece = *link;
        if (piece != NULL && piece->offset + piece->length <= at) {
            link = &piece->next;
            continue;
        }
        const uint8_t *p = fragment->data + (at - fragment->offset);
        bool is_covered = piece != NULL && piece->offset <= at;
        uint32_t stop = piece == NULL ? end : is_covered ? piece->offset + piece->length : piece->offset;
        uint32_t n = (stop < end ? stop : end) - at;
        if (is_covered ? memcmp(piece->bytes + (at - piece->offset), p, n) != 0 : !insert(table, datagram, link, at, p, n))
            return false;
        at += n;
    }
    return true;
}

/* Takes note of where the datagram ends; false where two fragments disagree about it. */
static bool bound(struct datagram *datagram, const struct mxt_fragment *fragment)
{
    uint32_t end = fragment->offset + fragment->length;
    if (fragment->has_more)
        return datagram->length == LENGTH_UNKNOWN || end <= datagram->length;
    if (datagram->length != LENGTH_UNKNOWN)
        return end == datagram->length;
    datagram->length = end;
    for (const struct piece *piece = datagram->pieces; piece != NULL; piece = piece->next)
        if (piece->offset + piece->length > end)
            return false;
    return true;
}

static enum mxt_fragment_result assemble(struct mxt_fragments *table, struct datagram *datagram, struct mxt_datagram *out)
{
    if (table->whole == NULL)
        table->whole = malloc(DATAGRAM_MAX);
    if (table->whole == NULL) {
        drop(table, datagram);
        return MXT_FRAGMENT_HELD;
    }
    for (const struct piece *piece = datagram->pieces; piece != NULL; piece = piece->next)
        memcpy(table->whole + piece->offset, piece->bytes, piece->length);
    out->data = table->whole;
    out->length = datagram->length;
    out->protocol = datagram->protocol;
    remove_datagram(table, datagram);
    return MXT_FRAGMENT_WHOLE;
}

/* What the first fragment's content, where this is it, makes of the datagram. */
static void classify(struct mxt_fragments *table, struct datagram *datagram, const struct mxt_fragment *fragment)
{
    if (fragment->offset != 0 || datagram->state == CONDEMNED)
        return;
    datagram->protocol = fragment->protocol;
    if (fragment->is_wanted == MXT_NO) {
        free_pieces(table, datagram);
        datagram->state = UNWANTED;
    } else if (datagram->state == UNWANTED) {
        datagram->state = COLLECTING;
        datagram->length = LENGTH_UNKNOWN;
    }
}

enum mxt_fragment_result mxt_fragments_add(struct mxt_fragments *table, const struct mxt_fragment *fragment, struct mxt_datagram *out, uint64_t *dropped)
{
    table->dropped = dropped;
    expire(table, fragment->time_us);
    if (fragment->length == 0 || fragment->offset > DATAGRAM_MAX || fragment->length > DATAGRAM_MAX - fragment->offset ||
        (fragment->has_more && fragment->length % 8 != 0))
        return MXT_FRAGMENT_MALFORMED;
    table->has_good = table->has_good || fragment->is_good;
    if (fragment->is_damaged && table->has_good) {
        ++*dropped;
        return MXT_FRAGMENT_HELD;
    }
    struct datagram *datagram = find(table, fragment->key);
    if (datagram == NULL) {
        ++*dropped;
        return MXT_FRAGMENT_HELD;
    }
    classify(table, datagram, fragment);
    if (datagram->state == UNWANTED)
        return MXT_FRAGMENT_UNWANTED;
    if (datagram->state == CONDEMNED || fragment->captured < fragment->length) {
        ++*dropped;
        return MXT_FRAGMENT_HELD;
    }
    /* An overlap can split a fragment into as many new pieces as there are gaps: their headers are part of the room. */
    uint32_t room = fragment->length + (datagram->piece_count + 1) * (uint32_t)sizeof(struct piece);
    if (!make_room(table, room, datagram) || !bound(datagram, fragment) || !merge(table, datagram, fragment)) {
        condemn(table, datagram);
        return MXT_FRAGMENT_HELD;
    }
    datagram->fragments++;
    return datagram->bytes == datagram->length ? assemble(table, datagram, out) : MXT_FRAGMENT_HELD;
}
