/* Text of any bytes: what is kept must be safe, and keeping it again must not change it. The first byte is the bound. */
#include <stdlib.h>
#include <string.h>

#include "decoders/text.h"

static void check_safe(const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++)
        if (*p < 0x20 || *p == 0x7F || (*p == 0xC2 && p[1] < 0xA0))
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct mxt_arena arena;
    mxt_arena_init(&arena, 0);
    uint8_t *exact = malloc(size);
    if (exact == NULL)
        abort();
    memcpy(exact, data + 1, size - 1);
    const char *text = mxt_text_keep(&arena, exact, size - 1, data[0]);
    if (text == NULL || strlen(text) > (size_t)data[0] * 4 + 3)
        abort();
    check_safe(text);
    const char *again = mxt_text_keep(&arena, (const uint8_t *)text, strlen(text), SIZE_MAX);
    if (again == NULL || strcmp(text, again) != 0)
        abort();
    free(exact);
    mxt_arena_free(&arena);
    return 0;
}
