/* Community ID flow hashing, version 1 (https://github.com/corelight/community-id-spec): joins our records with those of other tools. */
#ifndef MXT_SENSOR_COMMUNITY_ID_H
#define MXT_SENSOR_COMMUNITY_ID_H

#include <stdint.h>

#include "decoders/packet.h"

#define MXT_COMMUNITY_ID_TEXT 31 /* "1:" and 28 characters of base64, NUL included */

/* Writes the id of a TCP connection with seed 0 into `text` (MXT_COMMUNITY_ID_TEXT bytes). */
void mxt_community_id(const struct mxt_address *a, uint16_t a_port, const struct mxt_address *b, uint16_t b_port, char *text);

#endif
