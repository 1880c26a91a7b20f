#include "sensor/ring.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_LINE 64u

/* Sizes are multiples of its alignment, so that every item is aligned. */
struct item {
    uint32_t size; /* with what follows it; 0: the next item is at the start */
    uint32_t tcp_at, payload_at; /* in the bytes behind it */
    int64_t put_us;
    struct mxt_segment segment;
    struct mxt_frame frame;
};

/* Places count up for ever; the lower bits are where in the memory. */
/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): what the two threads write lies in cache lines of its own */
struct mxt_ring {
    char *memory;
    size_t size;
    alignas(CACHE_LINE) atomic_size_t head; /* the producer's */
    size_t tail_seen;                       /* the producer's last look at the tail */
    alignas(CACHE_LINE) atomic_size_t tail; /* the consumer's */
    size_t taken;                           /* the consumer's: how far it has looked */
};

struct mxt_ring *mxt_ring_new(size_t bytes)
{
    size_t size = CACHE_LINE;
    while (size < bytes)
        size *= 2;
    struct mxt_ring *ring = aligned_alloc(CACHE_LINE, sizeof *ring);
    if (ring == NULL)
        return NULL;
    memset(ring, 0, sizeof *ring);
    atomic_init(&ring->head, 0);
    atomic_init(&ring->tail, 0);
    ring->size = size;
    ring->memory = aligned_alloc(CACHE_LINE, size);
    if (ring->memory != NULL)
        return ring;
    free(ring);
    return NULL;
}

void mxt_ring_free(struct mxt_ring *ring)
{
    if (ring == NULL)
        return;
    free(ring->memory);
    free(ring);
}

static struct item *item_at(const struct mxt_ring *ring, size_t place)
{
    return (struct item *)(void *)(ring->memory + (place & (ring->size - 1)));
}

static size_t bytes_to_end(const struct mxt_ring *ring, size_t place)
{
    return ring->size - (place & (ring->size - 1));
}

static bool has_room(struct mxt_ring *ring, size_t head, size_t size)
{
    if (head + size - ring->tail_seen <= ring->size)
        return true;
    ring->tail_seen = atomic_load_explicit(&ring->tail, memory_order_acquire);
    return head + size - ring->tail_seen <= ring->size;
}

bool mxt_ring_put(struct mxt_ring *ring, const struct mxt_segment *segment, int64_t now_us)
{
    const struct mxt_frame *frame = segment->frame;
    bool is_in_frame = mxt_segment_is_in_frame(segment);
    const uint8_t *from = is_in_frame ? frame->data : segment->tcp;
    size_t bytes = is_in_frame ? frame->captured : (size_t)(segment->payload - segment->tcp) + segment->payload_length;
    size_t size = (sizeof(struct item) + bytes + alignof(struct item) - 1) / alignof(struct item) * alignof(struct item);
    size_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    size_t rest = bytes_to_end(ring, head), skipped = rest < size ? rest : 0;
    if (size > ring->size / 2 || !has_room(ring, head, skipped + size))
        return false;
    if (skipped > 0)
        item_at(ring, head)->size = 0;
    struct item *item = item_at(ring, head + skipped);
    item->size = (uint32_t)size;
    item->tcp_at = (uint32_t)(segment->tcp - from);
    item->payload_at = (uint32_t)(segment->payload - from);
    item->put_us = now_us;
    item->segment = *segment;
    item->frame = frame != NULL ? *frame : (struct mxt_frame){.time_us = segment->time_us};
    item->frame.data = NULL;
    item->frame.captured = is_in_frame ? frame->captured : 0;
    memcpy(item + 1, from, bytes);
    atomic_store_explicit(&ring->head, head + skipped + size, memory_order_release);
    return true;
}

size_t mxt_ring_take(struct mxt_ring *ring, struct mxt_segment *out, size_t max, int64_t until_us)
{
    size_t head = atomic_load_explicit(&ring->head, memory_order_acquire), count = 0;
    while (count < max && ring->taken != head) {
        struct item *item = item_at(ring, ring->taken);
        if (item->size == 0) {
            ring->taken += bytes_to_end(ring, ring->taken);
            continue;
        }
        if (item->put_us > until_us)
            break;
        const uint8_t *bytes = (const uint8_t *)(item + 1);
        if (item->frame.captured > 0)
            item->frame.data = bytes;
        out[count] = item->segment;
        out[count].tcp = bytes + item->tcp_at;
        out[count].payload = bytes + item->payload_at;
        out[count].frame = &item->frame;
        ring->taken += item->size;
        count++;
    }
    return count;
}

void mxt_ring_release(struct mxt_ring *ring)
{
    atomic_store_explicit(&ring->tail, ring->taken, memory_order_release);
}

bool mxt_ring_is_empty(const struct mxt_ring *ring)
{
    return atomic_load_explicit(&ring->head, memory_order_acquire) == atomic_load_explicit(&ring->tail, memory_order_relaxed);
}
