/* Questions to Redis that have one good kind of answer: everything else becomes a sentence. */
#ifndef MXT_COLLECTOR_ASK_H
#define MXT_COLLECTOR_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/link.h"

/* Sends a command (NUL-terminated words) and waits. NULL: broken or refused, told in `error` (MXT_LINK_ERROR bytes). Else the reply, the caller's. */
redisReply *mxt_ask(struct mxt_link *link, char *error, size_t argc, const char *const *argv);

/* As mxt_ask, for a text: *out is the caller's (free), or NULL where there is none. MXT_OK; MXT_EIO: told in `error`; MXT_ENOMEM. */
enum mxt_status mxt_ask_text(struct mxt_link *link, char *error, size_t argc, const char *const *argv, char **out) MXT_MUST_CHECK;

/* The value behind a name in a reply that is a list of names and values in turn, or NULL. */
const redisReply *mxt_reply_field(const redisReply *reply, const char *name);

/* Whether the reply is a text, equal to `text` where that is not NULL. */
bool mxt_reply_is_text(const redisReply *reply, const char *text);

#endif
