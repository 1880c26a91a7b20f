/*
 * Takes out of kept packets what must never be stored: message content, AUTH responses, whatever else was not understood as a command, and the payload of TLS. Lengths stay, and so do line
 * ends and dots at a line's start, on which findings rest. What is kept is what the decoder has read as a command; when in doubt a byte goes. Pure.
 */
#ifndef MXT_SENSOR_REDACT_H
#define MXT_SENSOR_REDACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decoders/smtp.h"
#include "decoders/status.h"
#include "sensor/redact_names.h"

/* Payload of one packet: where in its stream it stands, and its bytes, which are overwritten in place. */
struct mxt_redact_piece {
    int64_t offset;
    uint8_t *bytes;
    uint32_t n;
    bool is_unplaced; /* the stream does not have it, or nobody knows where: all of it goes */
};

/* What is known of one direction's stream. */
struct mxt_redact_stream {
    enum mxt_direction direction;
    const struct mxt_smtp_span *spoken; /* TOSERVER: where commands stand */
    size_t spoken_count;
    bool has_tls;
    uint64_t tls_at;
    bool drop_local_parts; /* of addresses too */
    struct mxt_redact_names *names; /* TOSERVER: takes what the client names; TOCLIENT: what is to be taken out of replies. NULL: nothing */
    bool is_foreign;       /* another protocol than SMTP is spoken, and was told by its first bytes: so many words of them stay that it can be told again */
};

/*
 * Overwrites the pieces, which are in order of arrival. Where pieces overlap, the first copy of a byte counts; a later one that differs still differs afterwards, though its bytes
 * are gone. MXT_OK; MXT_ENOMEM: nothing may be used of them.
 */
enum mxt_status mxt_redact(const struct mxt_redact_stream *stream, struct mxt_redact_piece *pieces, size_t count) MXT_MUST_CHECK;

#endif
