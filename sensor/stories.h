/*
 * Stories of sessions, kept as text until the report asks for them: those of the gravest sessions, and of the earlier among equals.
 */
#ifndef MXT_SENSOR_STORIES_H
#define MXT_SENSOR_STORIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rules/rule.h"

#define MXT_STORIES_MAX 1000u /* sessions; nobody reads more, and a flood of alerts ends here */

struct mxt_story {
    uint64_t session_id;
    enum mxt_severity severity;
    char *text; /* owned, ended by a newline */
    bool is_told;
};

/* Zeroed is empty. */
struct mxt_stories {
    struct mxt_story items[MXT_STORIES_MAX];
    size_t count;
};

/* Whether a story of this session would be kept: it has one already, there is room, or a less grave one can go. */
bool mxt_stories_has_room(struct mxt_stories *stories, uint64_t session_id, enum mxt_severity severity);

/* Keeps a story (from malloc, owned from here on, in any case), in place of one of the same session, else of the least grave where there is no room. */
void mxt_stories_keep(struct mxt_stories *stories, uint64_t session_id, enum mxt_severity severity, char *text);

/* The story of a session; NULL: none is kept. Valid until one is kept. */
struct mxt_story *mxt_stories_find(struct mxt_stories *stories, uint64_t session_id);

/* Frees the texts; empty again. */
void mxt_stories_free(struct mxt_stories *stories);

#endif
