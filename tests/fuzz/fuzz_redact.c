/* Packets of any bytes, overlapping and with holes: redaction keeps their lengths, and of a stream in which nothing was read as a command no byte but marks and verbs. */
#include <stdlib.h>
#include <string.h>

#include "sensor/redact.h"

#define PIECES 32

static void check_silent(const struct mxt_redact_piece *piece)
{
    for (uint32_t i = 0; i < piece->n; i++) {
        uint8_t byte = piece->bytes[i];
        bool is_verb = (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || byte == '5' || byte == '0'; /* XEXCH50 */
        if (!is_verb && strchr("\r\n.-_* ", byte) == NULL)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mxt_redact_piece pieces[PIECES];
    size_t count = 0;
    if (size < 4)
        return 0;
    const struct mxt_smtp_span spans[] = {{0, data[1]}, {(uint64_t)data[1] + data[2] % 8, (uint64_t)data[1] + data[2]}};
    struct mxt_redact_names *names = (data[0] & 32) != 0 ? mxt_redact_names_new() : NULL;
    static const uint8_t named[] = "RCPT TO:<aa+b.a@example.net>\r\n";
    if (names != NULL)
        mxt_redact_names_command(names, named, sizeof named - 1);
    if (names != NULL && data[0] % 2 != 0 && mxt_redact_names_finish(names) != MXT_OK)
        abort();
    const struct mxt_redact_stream stream = {.direction = data[0] % 2 == 0 ? MXT_TOSERVER : MXT_TOCLIENT,
                                             .spoken = spans,
                                             .spoken_count = data[0] / 2 % 3,
                                             .has_tls = (data[0] & 8) != 0,
                                             .tls_at = data[3],
                                             .drop_local_parts = (data[0] & 16) != 0,
                                             .names = names};
    for (size_t at = 4; at + 2 <= size && count < PIECES; count++) {
        size_t n = data[at + 1] < size - at - 2 ? data[at + 1] : size - at - 2;
        uint8_t *copy = malloc(n == 0 ? 1 : n);
        if (copy == NULL)
            abort();
        memcpy(copy, data + at + 2, n);
        pieces[count] = (struct mxt_redact_piece){.offset = (int64_t)data[at] - 4, .bytes = copy, .n = (uint32_t)n, .is_unplaced = data[at] == 255};
        at += 2 + n;
    }
    if (mxt_redact(&stream, pieces, count) != MXT_OK)
        abort();
    for (size_t i = 0; i < count; i++) {
        if (stream.direction == MXT_TOSERVER && stream.spoken_count == 0 && !stream.has_tls)
            check_silent(&pieces[i]);
        free(pieces[i].bytes);
    }
    mxt_redact_names_free(names);
    return 0;
}
