/* Prints the JSON Schema of all events, as it is kept in rules/schema.json. */
#include <stdio.h>
#include <stdlib.h>

#include "rules/event.h"

int main(void)
{
    struct mxt_json json = {.is_pretty = true};
    if (mxt_event_schema(&json) != MXT_OK || mxt_json_end(&json) == NULL)
        return EXIT_FAILURE;
    int written = puts(json.text);
    mxt_json_free(&json);
    return written == EOF || fflush(stdout) != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
