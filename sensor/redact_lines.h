/* What of a line is kept; private to redact.c. */
#ifndef MXT_SENSOR_REDACT_LINES_H
#define MXT_SENSOR_REDACT_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MXT_REDACT_FILL  '-' /* what takes a byte's place: no verb, no marks of overwriting (XXXX, ****) come of it */
#define MXT_REDACT_OTHER '_' /* the same where it must differ */

/* Overwrites bytes but CR, LF and dots behind them. `is_start`: they begin a line. */
void mxt_redact_content(uint8_t *p, size_t n, bool is_start);

/* Overwrites what a client's command, a line with its line end, carries beyond what it says of the transport. */
void mxt_redact_command(uint8_t *p, size_t n, bool drop_local_parts);

/* The first line of a stream, or the PROXY header in its place. */
size_t mxt_redact_head_length(const uint8_t *p, size_t n);

/* A line of the server: keeps replies, without what they repeat of the client's or ask for. */
void mxt_redact_reply(uint8_t *p, size_t n, bool drop_local_parts);

/* The first bytes of a stream that another protocol is spoken in: words by which protocols are told stay. Of binary ones nothing does. */
void mxt_redact_foreign(uint8_t *p, size_t n, bool is_server);

/* The verb (RFC 5321) that stands at p stays; bytes of it, 0: none. For what follows a look-alike of a message's end, or waits in front of TLS. */
size_t mxt_redact_verb(const uint8_t *p, size_t n);

#endif
