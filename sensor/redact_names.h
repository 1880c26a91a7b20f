/*
 * Local parts that a client named in a session, so that they can be taken out of what the server says where no @ shows them ("550 5.1.1 User joe unknown"). What was named in bytes that were not
 * captured is not known, and stays. Private to redact.c and its caller.
 */
#ifndef MXT_SENSOR_REDACT_NAMES_H
#define MXT_SENSOR_REDACT_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include "decoders/status.h"

struct mxt_redact_names;

/* None yet. NULL: out of memory. */
struct mxt_redact_names *mxt_redact_names_new(void);

/* NULL is accepted. */
void mxt_redact_names_free(struct mxt_redact_names *names);

/* Takes what a client's command names: the paths of MAIL and RCPT, what VRFY and EXPN ask for, the initial response of AUTH. */
void mxt_redact_names_command(struct mxt_redact_names *names, const uint8_t *p, size_t n);

/* Takes the words of an answer to AUTH's challenge, in base64 (RFC 4954 4). */
void mxt_redact_names_answer(struct mxt_redact_names *names, const uint8_t *p, size_t n);

/* All were taken; to be called once, before the first mxt_redact_names_fill. MXT_OK; MXT_ENOMEM: some are missing. */
enum mxt_status mxt_redact_names_finish(struct mxt_redact_names *names) MXT_MUST_CHECK;

/* Overwrites the words of a text that were named, case-blind; verbs of SMTP stay, on which findings rest. */
void mxt_redact_names_fill(const struct mxt_redact_names *names, uint8_t *p, size_t n);

#endif
