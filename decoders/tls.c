/* The session's course: bytes to records, records to messages, alerts and the outcome. What messages say is read in tls_messages.c. */
#include "decoders/tls.h"

#include <stdio.h>
#include <stdlib.h>

#include "decoders/cursor.h"
#include "decoders/tls_int.h"
#include "decoders/tls_names.h"

struct mxt_tls *mxt_tls_new(struct mxt_arena *arena, const struct mxt_tls_limits *limits)
{
    struct mxt_tls *tls = calloc(1, sizeof *tls);
    if (tls == NULL)
        return NULL;
    tls->facts = mxt_arena_alloc(arena, sizeof *tls->facts);
    if (tls->facts == NULL) {
        free(tls);
        return NULL;
    }
    tls->arena = arena;
    tls->limits = *limits;
    tls->joiner[MXT_TOSERVER].wanted = MXT_TLS_MESSAGE_BIT(MXT_TLS_CLIENT_HELLO) | MXT_TLS_MESSAGE_BIT(MXT_TLS_SSL2_MESSAGE);
    tls->joiner[MXT_TOCLIENT].wanted =
        MXT_TLS_MESSAGE_BIT(MXT_TLS_SERVER_HELLO) | MXT_TLS_MESSAGE_BIT(MXT_TLS_CERTIFICATE) | MXT_TLS_MESSAGE_BIT(MXT_TLS_SSL2_MESSAGE);
    for (int direction = MXT_TOSERVER; direction <= MXT_TOCLIENT; direction++)
        tls->joiner[direction].limit = limits->handshake;
    return tls;
}

void mxt_tls_free(struct mxt_tls *tls)
{
    if (tls == NULL)
        return;
    mxt_tls_joiner_clear(&tls->joiner[MXT_TOSERVER]);
    mxt_tls_joiner_clear(&tls->joiner[MXT_TOCLIENT]);
    free(tls->chain_bytes);
    free(tls->chain);
    free(tls);
}

/* Once the outcome is known the handshake is over or given up: nothing in the clear follows. */
static void settle(struct mxt_tls *tls)
{
    if (tls->status != MXT_OK || tls->facts->outcome == MXT_TLS_OUTCOME_UNKNOWN)
        return;
    tls->status = MXT_DONE;
    mxt_tls_joiner_clear(&tls->joiner[MXT_TOSERVER]);
    mxt_tls_joiner_clear(&tls->joiner[MXT_TOCLIENT]);
}

static void name_alert(struct mxt_tls *tls, uint8_t description)
{
    tls->facts->alert = mxt_tls_alert_name(description);
    if (tls->facts->alert != NULL)
        return;
    char number[16];
    int n = snprintf(number, sizeof number, "alert_%u", (unsigned)description);
    tls->facts->alert = mxt_arena_copy(tls->arena, number, (size_t)n);
    if (tls->facts->alert == NULL)
        tls->status = MXT_ENOMEM;
}

static void read_alerts(struct mxt_tls *tls, enum mxt_direction direction, struct mxt_cursor in)
{
    uint8_t *alert = tls->alert[direction];
    while (mxt_cursor_left(&in) > 0 && tls->status == MXT_OK) {
        alert[tls->alert_have[direction]++] = mxt_cursor_u8(&in);
        if (tls->alert_have[direction] < 2)
            continue;
        tls->alert_have[direction] = 0;
        if (mxt_tls_outcome_alert(&tls->progress, tls->facts, direction, alert[0], alert[1])) {
            name_alert(tls, alert[1]);
            return;
        }
    }
}

static void read_handshake(struct mxt_tls *tls, enum mxt_direction direction, struct mxt_cursor in)
{
    struct mxt_tls_joiner *joiner = &tls->joiner[direction];
    while (tls->status == MXT_OK) {
        struct mxt_tls_message message;
        enum mxt_status status = mxt_tls_joiner_next(joiner, &in, &message);
        if (status == MXT_MORE)
            return;
        if (status == MXT_OK)
            status = mxt_tls_take_message(tls, direction, &message);
        if (status != MXT_OK)
            tls->status = status;
    }
}

/* A new record: what it means for the outcome, and whether its payload is read. */
static void begin_record(struct mxt_tls *tls, enum mxt_direction direction)
{
    struct mxt_tls_reader *reader = &tls->reader[direction];
    enum mxt_tls_record_type type = (enum mxt_tls_record_type)reader->type;
    if (type == MXT_TLS_CHANGE_CIPHER_SPEC && direction == MXT_TOCLIENT)
        mxt_tls_take_server_change(tls);
    mxt_tls_outcome_record(&tls->progress, tls->facts, direction, type, reader->length);
    switch (type) {
    case MXT_TLS_ALERT:
        tls->alert_have[direction] = 0;
        reader->is_skipped = !mxt_tls_outcome_is_plain_alert(&tls->progress, tls->facts, direction, reader->length);
        break;
    case MXT_TLS_HANDSHAKE:
    case MXT_TLS_SSL2_RECORD:
        reader->is_skipped = mxt_tls_outcome_is_encrypted(&tls->progress, tls->facts, direction, type);
        if (!reader->is_skipped)
            mxt_tls_joiner_record(&tls->joiner[direction], type == MXT_TLS_SSL2_RECORD, reader->length);
        break;
    default: reader->is_skipped = true; break;
    }
}

static void lose_messages(struct mxt_tls *tls, enum mxt_direction direction, uint64_t missing)
{
    tls->has_loss[direction] = true;
    mxt_tls_joiner_gap(&tls->joiner[direction], missing);
}

static void lose_border(struct mxt_tls *tls, enum mxt_direction direction)
{
    tls->progress.is_hidden = true;
    lose_messages(tls, direction, UINT64_MAX);
}

static void take_piece(struct mxt_tls *tls, enum mxt_direction direction, const struct mxt_tls_piece *piece)
{
    switch (piece->kind) {
    case MXT_TLS_PIECE_BEGIN: begin_record(tls, direction); break;
    case MXT_TLS_PIECE_BROKEN: lose_border(tls, direction); break;
    case MXT_TLS_PIECE_PAYLOAD:
        if (tls->reader[direction].type == MXT_TLS_ALERT)
            read_alerts(tls, direction, mxt_cursor_over(piece->p, piece->n));
        else
            read_handshake(tls, direction, mxt_cursor_over(piece->p, piece->n));
        break;
    }
    settle(tls);
}

enum mxt_status mxt_tls_feed(struct mxt_tls *tls, enum mxt_direction direction, const uint8_t *p, size_t n)
{
    if (n == 0)
        return tls->status;
    tls->progress.side[direction].has_sent = true;
    struct mxt_cursor in = mxt_cursor_over(p, n);
    struct mxt_tls_piece piece;
    while (tls->status == MXT_OK && mxt_tls_reader_next(&tls->reader[direction], &in, &piece))
        take_piece(tls, direction, &piece);
    return tls->status;
}

void mxt_tls_gap(struct mxt_tls *tls, enum mxt_direction direction, uint64_t missing)
{
    if (tls->status != MXT_OK || missing == 0)
        return;
    struct mxt_tls_reader *reader = &tls->reader[direction];
    bool is_read = reader->state == MXT_TLS_READER_PAYLOAD && !reader->is_skipped;
    tls->progress.side[direction].has_sent = true;
    tls->alert_have[direction] = 0;
    if (!mxt_tls_reader_gap(reader, missing))
        lose_border(tls, direction);
    else if (is_read && reader->type != MXT_TLS_ALERT)
        lose_messages(tls, direction, missing);
}

void mxt_tls_close(struct mxt_tls *tls, enum mxt_direction direction, enum mxt_close how)
{
    if (tls->status != MXT_OK)
        return;
    mxt_tls_outcome_close(&tls->progress, tls->facts, direction, how);
    const struct mxt_tls_progress *progress = &tls->progress;
    if (tls->facts->outcome == MXT_TLS_FAILED && progress->has_warning && progress->warning_by == direction) {
        name_alert(tls, progress->warning);
        tls->facts->alert_by = tls->facts->ended_by;
    }
    settle(tls);
}

void mxt_tls_finish(struct mxt_tls *tls)
{
    mxt_tls_outcome_finish(&tls->progress, tls->facts);
    settle(tls);
}

struct mxt_tls_facts *mxt_tls_facts(struct mxt_tls *tls)
{
    return tls->facts;
}

const struct mxt_der *mxt_tls_chain(const struct mxt_tls *tls, size_t *count)
{
    *count = tls->chain_count;
    return tls->chain_count > 0 ? tls->chain : NULL;
}

size_t mxt_tls_memory(const struct mxt_tls *tls)
{
    size_t n = sizeof *tls + tls->joiner[MXT_TOSERVER].capacity + tls->joiner[MXT_TOCLIENT].capacity;
    for (size_t i = 0; i < tls->chain_count; i++)
        n += sizeof tls->chain[0] + tls->chain[i].length;
    return n;
}
