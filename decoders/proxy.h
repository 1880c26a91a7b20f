/*
 * The PROXY protocol, versions 1 (text) and 2 (binary): a header in which a load balancer tells the server who the client is
 * (haproxy's doc/proxy-protocol.txt, sections 2.1 and 2.2). A pure parser: no state, no allocation.
 */
#ifndef MXT_DECODERS_PROXY_H
#define MXT_DECODERS_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decoders/status.h"

#define MXT_PROXY_HEAD_MAX 107u /* bytes that always suffice to decide: the longest version 1 line with its CRLF (section 2.1) */
#define MXT_PROXY_ADDRESS 46    /* bytes that hold any address as text, NUL included */

struct mxt_proxy {
    char src_ip[MXT_PROXY_ADDRESS]; /* the true client; "" where the header names none (UNKNOWN, LOCAL, a UNIX socket) */
    uint16_t src_port;              /* 0 where none is named */
    size_t length;                  /* bytes of the whole header; version 2's may reach beyond the input (its TLVs are not looked at) */
};

/*
 * Looks for a header at the beginning of `n` bytes. MXT_OK: *out is filled. MXT_MORE: a header may begin so; never with MXT_PROXY_HEAD_MAX bytes or more.
 * MXT_EMALFORMED: no header; *out is unchanged in the last two cases.
 */
enum mxt_status mxt_proxy_parse(const uint8_t *p, size_t n, struct mxt_proxy *out) MXT_MUST_CHECK;

#endif
