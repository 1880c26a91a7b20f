#include "sensor/stories.h"

#include <stdlib.h>

struct mxt_story *mxt_stories_find(struct mxt_stories *stories, uint64_t session_id)
{
    for (size_t i = 0; i < stories->count; i++)
        if (stories->items[i].session_id == session_id)
            return &stories->items[i];
    return NULL;
}

/* The least grave, of those the latest kept. */
static struct mxt_story *least(struct mxt_stories *stories)
{
    struct mxt_story *found = &stories->items[0];
    for (size_t i = 1; i < stories->count; i++)
        if (stories->items[i].severity <= found->severity)
            found = &stories->items[i];
    return found;
}

/* Where the session's story goes; NULL: nowhere. */
static struct mxt_story *place_for(struct mxt_stories *stories, uint64_t session_id, enum mxt_severity severity)
{
    struct mxt_story *story = mxt_stories_find(stories, session_id);
    if (story != NULL)
        return story;
    if (stories->count < MXT_STORIES_MAX)
        return &stories->items[stories->count];
    story = least(stories);
    return story->severity < severity ? story : NULL;
}

bool mxt_stories_has_room(struct mxt_stories *stories, uint64_t session_id, enum mxt_severity severity)
{
    return stories->count < MXT_STORIES_MAX || place_for(stories, session_id, severity) != NULL;
}

void mxt_stories_keep(struct mxt_stories *stories, uint64_t session_id, enum mxt_severity severity, char *text)
{
    struct mxt_story *story = place_for(stories, session_id, severity);
    if (story == NULL || text == NULL) {
        free(text);
        return;
    }
    if (story == &stories->items[stories->count])
        stories->count++;
    else
        free(story->text);
    *story = (struct mxt_story){.session_id = session_id, .severity = severity, .text = text};
}

void mxt_stories_free(struct mxt_stories *stories)
{
    for (size_t i = 0; i < stories->count; i++)
        free(stories->items[i].text);
    stories->count = 0;
}
