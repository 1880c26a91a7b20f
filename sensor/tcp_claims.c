#include <stdlib.h>

#include "sensor/tcp_order.h"

void mxt_tcp_claim(struct mxt_tcp *tcp, enum mxt_direction direction, int64_t start, const uint8_t *p, size_t n, uint32_t limit)
{
    if (tcp->claims == NULL)
        tcp->claims = calloc(1, sizeof *tcp->claims);
    if (tcp->claims == NULL) {
        tcp->counters.allocation_failures++;
        return;
    }
    struct mxt_tcp_half *claims = &tcp->claims->half[direction];
    if (claims->held_bytes > limit || n > limit - claims->held_bytes)
        return;
    struct mxt_tcp_hold_result result = mxt_tcp_half_hold(claims, start, p, n, MXT_TCP_NEEDS_NOTHING);
    if (result.is_incomplete)
        tcp->counters.allocation_failures++;
}

void mxt_tcp_revoke_end(struct mxt_tcp *tcp, enum mxt_direction direction)
{
    struct mxt_tcp_half *half = &tcp->half[direction];
    tcp->counters.ends_revoked++;
    for (struct mxt_tcp_held **link = &half->held; *link != NULL;) {
        struct mxt_tcp_held *run = *link;
        if (run->mark == MXT_TCP_MARK_NONE) {
            link = &run->next;
            continue;
        }
        *link = run->next;
        half->held_bytes -= (uint32_t)sizeof *run + run->capacity;
        free(run);
    }
    if (half->is_closed)
        half->next--;
    half->seen = half->next > half->acked ? half->next : half->acked;
    for (const struct mxt_tcp_held *run = half->held; run != NULL; run = run->next)
        if (half->seen < run->start + run->length + run->missing)
            half->seen = run->start + run->length + run->missing;
    half->has_end = half->has_reset = half->is_closed = half->is_reset = half->is_fin_presumed = false;
}

int64_t mxt_tcp_claimed_end(const struct mxt_tcp *tcp, enum mxt_direction direction, int64_t start)
{
    int64_t end = start;
    if (tcp->claims == NULL)
        return start;
    for (const struct mxt_tcp_held *run = tcp->claims->half[direction].held; run != NULL && run->start <= end; run = run->next)
        if (run->start + run->length > end)
            end = run->start + run->length;
    return end;
}

void mxt_tcp_claims_acknowledged(struct mxt_tcp *tcp, enum mxt_direction direction, int64_t acked)
{
    if (tcp->claims == NULL)
        return;
    struct mxt_tcp_half *half = &tcp->half[direction], *claims = &tcp->claims->half[direction];
    int64_t from = half->has_end ? half->seen : 0;
    /* One number behind a FIN is the FIN's own. */
    int64_t least = from + (half->has_end && !half->has_reset ? 2 : 1);
    if (claims->held == NULL || acked < least || acked > mxt_tcp_claimed_end(tcp, direction, from))
        return;
    if (half->has_end)
        mxt_tcp_revoke_end(tcp, direction);
    while (claims->held != NULL) {
        struct mxt_tcp_held *run = mxt_tcp_half_pop(claims);
        struct mxt_tcp_hold_result result = mxt_tcp_half_hold(half, run->start, run->bytes, run->length, MXT_TCP_NEEDS_NOTHING);
        if (result.is_incomplete)
            tcp->counters.allocation_failures++;
        if (half->seen < run->start + run->length)
            half->seen = run->start + run->length;
        free(run);
    }
}

void mxt_tcp_claims_drop(struct mxt_tcp *tcp, enum mxt_direction direction)
{
    if (tcp->claims == NULL)
        return;
    mxt_tcp_half_clear(&tcp->claims->half[direction]);
    if (tcp->claims->half[mxt_direction_other(direction)].held != NULL)
        return;
    free(tcp->claims);
    tcp->claims = NULL;
}
