#include "sensor/redact.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sensor/redact_lines.h"

#define RECORD_HEADER   5
#define RECORD_FIRST    20 /* change_cipher_spec, alert, handshake, application data */
#define RECORD_PAYLOAD  23
#define RECORD_LAST     24
#define SSL2_BIT        0x80
#define SSL2_HEADER     2
#define VERSION_MAJOR   3
#define REPLY_CODE      4 /* and what stands behind it */
#define FOREIGN_BYTES   256 /* of a stream's beginning, by which another protocol is told */

/* Bytes of the stream that were kept, without a hole. */
struct run {
    int64_t start, end;
    uint8_t *bytes, *clean; /* as they were, and as they may be stored */
};

struct image {
    struct run *runs;
    size_t count;
    uint8_t *memory; /* of all runs */
    bool *has;       /* which bytes have come; in the order of the runs' bytes */
    size_t size;
};

static int by_start(const void *a, const void *b)
{
    const struct run *x = a, *y = b;
    return x->start < y->start ? -1 : x->start > y->start;
}

/* A keep-alive's byte may lie in front of the stream. */
static bool has_place(const struct mxt_redact_piece *piece)
{
    return !piece->is_unplaced && piece->n > 0 && piece->offset >= 0;
}

/* The union of the pieces' places. */
static enum mxt_status make_runs(struct image *image, const struct mxt_redact_piece *pieces, size_t count)
{
    image->runs = calloc(count, sizeof *image->runs);
    if (image->runs == NULL)
        return MXT_ENOMEM;
    for (size_t i = 0; i < count; i++)
        if (has_place(&pieces[i]))
            image->runs[image->count++] = (struct run){.start = pieces[i].offset, .end = pieces[i].offset + pieces[i].n};
    qsort(image->runs, image->count, sizeof *image->runs, by_start);
    size_t used = 0;
    for (size_t i = 0; i < image->count; i++) {
        struct run *last = used > 0 ? &image->runs[used - 1] : NULL;
        if (last != NULL && image->runs[i].start <= last->end)
            last->end = image->runs[i].end > last->end ? image->runs[i].end : last->end;
        else
            image->runs[used++] = image->runs[i];
    }
    image->count = used;
    for (size_t i = 0; i < used; i++)
        image->size += (size_t)(image->runs[i].end - image->runs[i].start);
    image->memory = malloc(image->size * 2 + 1);
    image->has = calloc(image->size + 1, sizeof *image->has);
    if (image->memory == NULL || image->has == NULL)
        return MXT_ENOMEM;
    uint8_t *at = image->memory;
    for (size_t i = 0; i < used; i++) {
        image->runs[i].bytes = at;
        image->runs[i].clean = at + image->size;
        at += image->runs[i].end - image->runs[i].start;
    }
    return MXT_OK;
}

static const struct run *find_run(const struct image *image, int64_t offset)
{
    size_t low = 0, high = image->count;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (image->runs[middle].start <= offset)
            low = middle;
        else
            high = middle;
    }
    return &image->runs[low];
}

static void fill_image(struct image *image, const struct mxt_redact_piece *pieces, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!has_place(&pieces[i]))
            continue;
        const struct run *run = find_run(image, pieces[i].offset);
        uint8_t *to = run->bytes + (pieces[i].offset - run->start);
        bool *has = image->has + (to - image->memory);
        for (uint32_t k = 0; k < pieces[i].n; k++) {
            if (!has[k])
                to[k] = pieces[i].bytes[k];
            has[k] = true;
        }
    }
}

/* The span that holds `offset`, else the next one; `count` where there is none. They ascend but where lines were read anew, which does not matter: a span missed costs bytes. */
static size_t find_span(const struct mxt_redact_stream *stream, uint64_t offset)
{
    size_t i = 0;
    while (i < stream->spoken_count && stream->spoken[i].end <= offset)
        i++;
    return i;
}

static size_t line_length(const uint8_t *p, size_t n)
{
    const uint8_t *lf = memchr(p, '\n', n);
    return lf == NULL ? n : (size_t)(lf - p) + 1;
}

/* Whether a lone dot stands in front of `at`, so that what follows may be a smuggled command. */
static bool is_behind_mark(const uint8_t *p, size_t at)
{
    while (at > 0 && (p[at - 1] == '\r' || p[at - 1] == '\n'))
        at--;
    return at > 0 && p[at - 1] == '.' && (at == 1 || p[at - 2] == '\r' || p[at - 2] == '\n');
}

/* Content from `at` on, n bytes: the verbs that findings name stay. */
static void clean_content(const struct run *run, size_t at, size_t n, bool is_waiting)
{
    mxt_redact_content(run->clean + at, n, at == 0 ? run->start == 0 : run->bytes[at - 1] == '\n' || run->bytes[at - 1] == '\r');
    for (size_t i = at; i < at + n; i++) {
        bool is_start = i == 0 ? run->start == 0 : run->bytes[i - 1] == '\n' || run->bytes[i - 1] == '\r';
        if (!is_start || !(is_waiting || is_behind_mark(run->bytes, i)))
            continue;
        size_t verb = mxt_redact_verb(run->bytes + i, at + n - i);
        bool has_blank = verb > 0 && i + verb < at + n && run->bytes[i + verb] == ' ';
        memcpy(run->clean + i, run->bytes + i, verb + (has_blank ? 1 : 0));
    }
    if (n >= 2 && n <= 3 && run->bytes[at] == '*' && (run->bytes[at + 1] == '\r' || run->bytes[at + 1] == '\n'))
        run->clean[at] = '*'; /* RFC 4954 4: AUTH is given up */
}

/* The names in a line of the client: in a command, or where a command asks for answers (AUTH) in those. */
static void take_names(const struct mxt_redact_stream *stream, const uint8_t *p, size_t n, bool is_command, bool *has_answers)
{
    if (stream->names == NULL)
        return;
    if (is_command) {
        mxt_redact_names_command(stream->names, p, n);
        *has_answers = n > 4 && strncasecmp((const char *)p, "AUTH", 4) == 0;
    } else if (*has_answers) {
        mxt_redact_names_answer(stream->names, p, n);
    }
}

static void clean_client(const struct mxt_redact_stream *stream, const struct run *run, size_t n)
{
    bool has_answers = false;
    for (size_t at = 0; at < n;) {
        uint64_t offset = (uint64_t)run->start + at;
        size_t span = find_span(stream, offset);
        bool is_known = span < stream->spoken_count, is_spoken = is_known && stream->spoken[span].start <= offset;
        uint64_t border = !is_known ? UINT64_MAX : is_spoken ? stream->spoken[span].end : stream->spoken[span].start;
        size_t length = border - offset < n - at ? (size_t)(border - offset) : n - at;
        /* A PROXY header may hold any byte, also line ends. */
        length = is_spoken && offset == 0 ? mxt_redact_head_length(run->bytes, length) : line_length(run->bytes + at, length);
        bool is_first = at == 0 ? offset == 0 : run->bytes[at - 1] == '\n' || run->bytes[at - 1] == '\r';
        bool is_line_start = is_first || (is_spoken && stream->spoken[span].start == offset);
        take_names(stream, run->bytes + at, length, is_spoken && is_line_start, &has_answers);
        if (is_spoken && is_line_start)
            mxt_redact_command(run->clean + at, length, stream->drop_local_parts);
        else
            clean_content(run, at, length, stream->has_tls && !is_known);
        at += length;
    }
}

static void clean_reply(const struct mxt_redact_stream *stream, uint8_t *p, size_t n)
{
    mxt_redact_reply(p, n, stream->drop_local_parts);
    if (stream->names != NULL && n > REPLY_CODE)
        mxt_redact_names_fill(stream->names, p + REPLY_CODE, n - REPLY_CODE);
}

static void clean_server(const struct mxt_redact_stream *stream, const struct run *run, size_t n)
{
    bool is_start = run->start == 0;
    for (size_t at = 0; at < n;) {
        size_t length = line_length(run->bytes + at, n - at);
        if (is_start)
            clean_reply(stream, run->clean + at, length);
        else
            mxt_redact_content(run->clean + at, length, false);
        at += length;
        is_start = true;
    }
}

/* Handshakes stay, of other records the header; where no record begins, nothing. */
static void clean_tls(uint8_t *p, size_t n)
{
    size_t at = 0;
    if (n > SSL2_HEADER && (p[0] & SSL2_BIT) != 0)
        at = SSL2_HEADER + ((size_t)(p[0] & ~SSL2_BIT) << 8 | p[1]);
    while (at < n && n - at >= RECORD_HEADER && p[at] >= RECORD_FIRST && p[at] <= RECORD_LAST && p[at + 1] == VERSION_MAJOR) {
        size_t length = (size_t)p[at + 3] << 8 | p[at + 4], body = at + RECORD_HEADER, end = length < n - body ? body + length : n;
        if (p[at] >= RECORD_PAYLOAD)
            memset(p + body, 0, end - body);
        at = end;
    }
    if (at < n)
        memset(p + at, 0, n - at);
}

/* Puts back what tells another protocol, where it was taken out. */
static void show_foreign(const struct run *run, size_t n, bool is_server)
{
    uint8_t shown[FOREIGN_BYTES];
    n = n < sizeof shown ? n : sizeof shown;
    memcpy(shown, run->bytes, n);
    mxt_redact_foreign(shown, n, is_server);
    for (size_t i = 0; i < n; i++)
        if (run->clean[i] == MXT_REDACT_FILL)
            run->clean[i] = shown[i];
}

static void clean_run(const struct mxt_redact_stream *stream, const struct run *run)
{
    size_t n = (size_t)(run->end - run->start), plain = n;
    memcpy(run->clean, run->bytes, n);
    if (stream->has_tls && stream->tls_at < (uint64_t)run->end)
        plain = stream->tls_at > (uint64_t)run->start ? (size_t)(stream->tls_at - (uint64_t)run->start) : 0;
    if (stream->direction == MXT_TOSERVER)
        clean_client(stream, run, plain);
    else
        clean_server(stream, run, plain);
    if (stream->is_foreign && run->start == 0)
        show_foreign(run, plain, stream->direction == MXT_TOCLIENT);
    if (plain == n)
        return;
    if ((uint64_t)run->start <= stream->tls_at)
        clean_tls(run->clean + plain, n - plain);
    else
        memset(run->clean, 0, n);
}

static void overwrite(const struct image *image, struct mxt_redact_piece *piece)
{
    if (!has_place(piece)) {
        memset(piece->bytes, MXT_REDACT_FILL, piece->n);
        return;
    }
    const struct run *run = find_run(image, piece->offset);
    const uint8_t *first = run->bytes + (piece->offset - run->start), *clean = run->clean + (piece->offset - run->start);
    for (uint32_t i = 0; i < piece->n; i++) {
        bool is_same = piece->bytes[i] == first[i];
        uint8_t other = clean[i] == MXT_REDACT_OTHER ? MXT_REDACT_FILL : MXT_REDACT_OTHER;
        piece->bytes[i] = is_same ? clean[i] : other;
    }
}

enum mxt_status mxt_redact(const struct mxt_redact_stream *stream, struct mxt_redact_piece *pieces, size_t count)
{
    struct image image = {0};
    if (count == 0)
        return MXT_OK;
    enum mxt_status status = make_runs(&image, pieces, count);
    if (status == MXT_OK) {
        fill_image(&image, pieces, count);
        for (size_t i = 0; i < image.count; i++)
            clean_run(stream, &image.runs[i]);
        for (size_t i = 0; i < count; i++)
            overwrite(&image, &pieces[i]);
    }
    free(image.runs);
    free(image.memory);
    free(image.has);
    return status;
}
