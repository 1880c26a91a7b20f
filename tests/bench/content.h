/* Everything that is said in the generated traffic, built once: flows send slices of it. */
#ifndef MXT_BENCH_CONTENT_H
#define MXT_BENCH_CONTENT_H

#include <stdbool.h>
#include <stdint.h>

#include "bytes.h"
#include "certificates.h"
#include "random.h"

enum {
    /* Mail servers; those below MXT_TLS_SERVERS offer STARTTLS. */
    MXT_SERVERS = 256,
    MXT_TLS_SERVERS = 192,
    /* Different senders, greetings, questions. */
    MXT_VARIANTS = 256,
    /* A message, RFC 5321's end mark aside. */
    MXT_BODY_LEAST = 2 << 10,
    MXT_BODY_MOST = 200 << 10,
    /* What a web server sends in one go. */
    MXT_BULK_MOST = 2 << 20,
};

struct mxt_server {
    char name[32];
    struct mxt_slice banner;
    struct mxt_slice ehlo_reply;
    struct mxt_slice recipient; /* RCPT TO with an address of this server's domain */
    /* Only servers that offer STARTTLS have these. */
    struct mxt_slice client_hello[2]; /* [0] offers up to TLS 1.2, [1] TLS 1.3 */
    struct mxt_slice flight[2];
};

struct mxt_pool {
    struct mxt_bytes bytes;
    uint32_t *starts; /* where a line, or a record, begins */
    uint32_t count;
};

struct mxt_content {
    struct mxt_bytes said; /* what the slices below point into */
    struct mxt_server servers[MXT_SERVERS];
    struct mxt_slice ehlo[MXT_VARIANTS];
    struct mxt_slice sender[MXT_VARIANTS];
    struct mxt_slice header[MXT_VARIANTS];   /* of a message */
    struct mxt_slice question[MXT_VARIANTS]; /* DNS */
    struct mxt_slice answer[MXT_VARIANTS];
    struct mxt_slice client_finish[2]; /* [0] TLS 1.2, [1] TLS 1.3 */
    struct mxt_slice server_finish_tls12;
    struct mxt_pool text;    /* lines of messages, dots stuffed */
    struct mxt_pool records; /* TLS application data of bulk size */
    struct mxt_pool small_records;
};

/* Fills the content. Returns false when memory or OpenSSL fails; mxt_content_free is due either way. */
bool mxt_content_init(struct mxt_content *content, struct mxt_random *random, struct mxt_authority *authority);
void mxt_content_free(struct mxt_content *content);
/* Whole lines or records from anywhere in the pool, `size` bytes or a little more; `size` at most MXT_BULK_MOST. */
struct mxt_slice mxt_content_take(const struct mxt_pool *pool, struct mxt_random *random, uint32_t size);

#endif
