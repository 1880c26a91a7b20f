#include "content.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hello.h"

enum {
    TEXT_POOL = 4 << 20,
    RECORD_POOL = 8 << 20,
    SMALL_RECORD_POOL = 1 << 20,
    RECORD_MOST = 16384,
    SMALL_RECORD_LEAST = 40,
    SMALL_RECORD_MOST = 300,
    BASE64_LINE = 76,
    DNS_A = 1,
    DNS_MX = 15,
};

/* Slices are made only once all is appended, as the buffer moves while it grows: until then they hold offsets. */
struct span {
    struct mxt_slice *slice;
    size_t at;
    size_t end;
};

struct builder {
    struct mxt_content *content;
    struct mxt_random *random;
    struct span *spans;
    size_t count;
    size_t size;
    size_t start;
};

static void begin(struct builder *builder)
{
    builder->start = builder->content->said.length;
}

/* What was appended since begin() will be `slice`. */
static void end(struct builder *builder, struct mxt_slice *slice)
{
    if (builder->count == builder->size) {
        size_t size = builder->size == 0 ? 1024 : builder->size * 2;
        struct span *spans = realloc(builder->spans, size * sizeof *spans);
        if (spans == NULL) {
            builder->content->said.failed = true;
            return;
        }
        builder->spans = spans;
        builder->size = size;
    }
    builder->spans[builder->count++] = (struct span){slice, builder->start, builder->content->said.length};
}

/* --- pools --- */

static void mark(struct mxt_pool *pool)
{
    if ((pool->count & (pool->count - 1)) == 0) {
        uint32_t *starts = realloc(pool->starts, (pool->count == 0 ? 1 : (size_t)pool->count * 2) * sizeof *starts);
        if (starts == NULL) {
            pool->bytes.failed = true;
            return;
        }
        pool->starts = starts;
    }
    pool->starts[pool->count++] = (uint32_t)pool->bytes.length;
}

static void append_prose(struct mxt_pool *pool, struct mxt_random *random)
{
    static const char *const words[] = {"the",     "mail",   "server", "was",      "asked",   "again", "to", "deliver", "this",
                                        "letter.", "Please", "find",   "attached", "version", "2.1",   "of", "our",     "report,"};
    static const char *const starts[] = {"", "", "", "> ", "> > ", "..", "... ", "On Monday, "};
    mark(pool);
    mxt_bytes_print(&pool->bytes, "%s", starts[mxt_random_below(random, 8)]);
    for (uint32_t n = 4 + mxt_random_below(random, 9); n > 0; n--)
        mxt_bytes_print(&pool->bytes, "%s ", words[mxt_random_below(random, sizeof words / sizeof *words)]);
    mxt_bytes_print(&pool->bytes, "\r\n");
}

static void append_base64(struct mxt_pool *pool, struct mxt_random *random)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char line[BASE64_LINE + 2];
    for (unsigned i = 0; i < BASE64_LINE; i++)
        line[i] = letters[mxt_random_below(random, 64)];
    line[BASE64_LINE] = '\r';
    line[BASE64_LINE + 1] = '\n';
    mark(pool);
    mxt_bytes_append(&pool->bytes, line, sizeof line);
}

static void build_text(struct mxt_pool *pool, struct mxt_random *random)
{
    while (pool->bytes.length < TEXT_POOL && !pool->bytes.failed) {
        for (uint32_t n = mxt_random_below(random, 60); n > 0; n--)
            append_prose(pool, random);
        mark(pool);
        mxt_bytes_print(&pool->bytes, "--=_boundary.%u\r\n", mxt_random_below(random, 1000000));
        for (uint32_t n = mxt_random_below(random, 80); n > 0; n--)
            append_base64(pool, random);
    }
}

static void build_records(struct mxt_pool *pool, struct mxt_random *random, uint32_t total, uint32_t least, uint32_t most)
{
    while (pool->bytes.length < total && !pool->bytes.failed) {
        mark(pool);
        mxt_hello_data(&pool->bytes, random, least + mxt_random_below(random, most - least + 1));
    }
}

/* The first mark at or behind `offset`. */
static uint32_t first_start(const struct mxt_pool *pool, uint32_t offset)
{
    uint32_t low = 0, high = pool->count - 1;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (pool->starts[middle] < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct mxt_slice mxt_content_take(const struct mxt_pool *pool, struct mxt_random *random, uint32_t size)
{
    uint32_t last = pool->starts[pool->count - 1], room = last > size ? last - size : 0;
    uint32_t start = pool->starts[first_start(pool, mxt_random_below(random, room + 1))];
    uint32_t stop = pool->starts[first_start(pool, start + size)];
    if (stop <= start)
        return (struct mxt_slice){pool->bytes.data + pool->starts[0], pool->starts[1] - pool->starts[0]};
    return (struct mxt_slice){pool->bytes.data + start, stop - start};
}

/* --- what is said --- */

static bool build_tls(struct builder *builder, struct mxt_server *server, unsigned number, struct mxt_authority *authority)
{
    struct mxt_bytes *said = &builder->content->said;
    for (unsigned is_tls13 = 0; is_tls13 < 2; is_tls13++) {
        begin(builder);
        mxt_hello_client(said, builder->random, server->name, is_tls13 == 1);
        end(builder, &server->client_hello[is_tls13]);
        begin(builder);
        if (is_tls13 == 1)
            mxt_hello_server_tls13(said, builder->random);
        else if (!mxt_hello_server_tls12(said, builder->random, authority, number, server->name))
            return false;
        end(builder, &server->flight[is_tls13]);
    }
    return true;
}

static bool build_server(struct builder *builder, unsigned number, struct mxt_authority *authority)
{
    struct mxt_bytes *said = &builder->content->said;
    struct mxt_server *server = &builder->content->servers[number];
    bool offers_tls = number < MXT_TLS_SERVERS;
    snprintf(server->name, sizeof server->name, "mx.example%u.net", number);
    begin(builder);
    mxt_bytes_print(said, "220 %s ESMTP ready\r\n", server->name);
    end(builder, &server->banner);
    begin(builder);
    mxt_bytes_print(said,
                    "250-%s\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n250-VRFY\r\n%s250-ENHANCEDSTATUSCODES\r\n"
                    "250-8BITMIME\r\n250-DSN\r\n250 SMTPUTF8\r\n",
                    server->name, offers_tls ? "250-STARTTLS\r\n" : "");
    end(builder, &server->ehlo_reply);
    begin(builder);
    mxt_bytes_print(said, "RCPT TO:<reader%u@example%u.net>\r\n", number % 10, number);
    end(builder, &server->recipient);
    return !offers_tls || build_tls(builder, server, number, authority);
}

/* A DNS message about a server: its address, or the MX of its domain; the answer's name points at the question's (RFC 1035 4.1.4). */
static void build_dns(struct builder *builder, unsigned variant, bool is_answer)
{
    struct mxt_bytes *said = &builder->content->said;
    unsigned kind = variant % 8 == 0 ? DNS_MX : DNS_A, number = variant % MXT_SERVERS;
    char domain[32];
    int length = snprintf(domain, sizeof domain, "example%u", number);
    begin(builder);
    mxt_bytes_number(said, variant * 7919 + 1, 2);
    mxt_bytes_number(said, is_answer ? 0x8180 : 0x0100, 2);
    mxt_bytes_number(said, 1, 2);
    mxt_bytes_number(said, is_answer ? 1 : 0, 2);
    mxt_bytes_number(said, 0, 4);
    if (kind == DNS_A)
        mxt_bytes_append(said, "\2mx", 3);
    mxt_bytes_number(said, (uint32_t)length, 1);
    mxt_bytes_append(said, domain, (size_t)length);
    mxt_bytes_append(said, "\3net", 5);
    mxt_bytes_number(said, kind << 16 | 1, 4);
    if (is_answer) {
        mxt_bytes_number(said, 0xc00c, 2);
        mxt_bytes_number(said, kind << 16 | 1, 4);
        mxt_bytes_number(said, 3600, 4);
        mxt_bytes_number(said, kind == DNS_A ? 4 : 7, 2);
        if (kind == DNS_A)
            mxt_bytes_number(said, 203u << 24 | 113 << 8 | number, 4);
        else
            mxt_bytes_append(said, "\0\12\2mx\300\14", 7);
    }
    end(builder, is_answer ? &builder->content->answer[variant] : &builder->content->question[variant]);
}

static void build_variant(struct builder *builder, unsigned variant)
{
    struct mxt_bytes *said = &builder->content->said;
    struct mxt_content *content = builder->content;
    begin(builder);
    mxt_bytes_print(said, "EHLO out%u.example.org\r\n", variant);
    end(builder, &content->ehlo[variant]);
    begin(builder);
    mxt_bytes_print(said, "MAIL FROM:<writer%u@example.org> SIZE=%u\r\n", variant, 2000 + variant * 700);
    end(builder, &content->sender[variant]);
    begin(builder);
    mxt_bytes_print(said,
                    "Received: from desk%u.example.org by out.example.org; Sat, 1 Jun 2024 00:00:00 +0000\r\n"
                    "From: writer%u@example.org\r\nSubject: Report %u\r\nMIME-Version: 1.0\r\n"
                    "Content-Type: multipart/mixed; boundary=\"=_boundary.%u\"\r\n\r\n",
                    variant, variant, variant, variant);
    end(builder, &content->header[variant]);
    build_dns(builder, variant, false);
    build_dns(builder, variant, true);
}

static void build_finishes(struct builder *builder)
{
    struct mxt_content *content = builder->content;
    begin(builder);
    mxt_hello_client_finish_tls12(&content->said, builder->random);
    end(builder, &content->client_finish[0]);
    begin(builder);
    mxt_hello_client_finish_tls13(&content->said, builder->random);
    end(builder, &content->client_finish[1]);
    begin(builder);
    mxt_hello_server_finish_tls12(&content->said, builder->random);
    end(builder, &content->server_finish_tls12);
}

bool mxt_content_init(struct mxt_content *content, struct mxt_random *random, struct mxt_authority *authority)
{
    *content = (struct mxt_content){0};
    struct builder builder = {.content = content, .random = random};
    bool is_built = true;
    for (unsigned number = 0; number < MXT_SERVERS && is_built; number++)
        is_built = build_server(&builder, number, authority);
    for (unsigned variant = 0; variant < MXT_VARIANTS; variant++)
        build_variant(&builder, variant);
    build_finishes(&builder);
    is_built = is_built && !content->said.failed;
    for (size_t i = 0; i < builder.count && is_built; i++) {
        const struct span *span = &builder.spans[i];
        *span->slice = (struct mxt_slice){content->said.data + span->at, (uint32_t)(span->end - span->at)};
    }
    free(builder.spans);
    build_text(&content->text, random);
    build_records(&content->records, random, RECORD_POOL, RECORD_MOST / 2, RECORD_MOST);
    build_records(&content->small_records, random, SMALL_RECORD_POOL, SMALL_RECORD_LEAST, SMALL_RECORD_MOST);
    return is_built && !content->text.bytes.failed && !content->records.bytes.failed && !content->small_records.bytes.failed;
}

static void pool_free(struct mxt_pool *pool)
{
    mxt_bytes_free(&pool->bytes);
    free(pool->starts);
}

void mxt_content_free(struct mxt_content *content)
{
    mxt_bytes_free(&content->said);
    pool_free(&content->text);
    pool_free(&content->records);
    pool_free(&content->small_records);
}
