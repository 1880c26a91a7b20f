/* Any bytes as a line of knowledge: refused with a fault, or read, and then what is written of it reads back as the same. */
#include <stdlib.h>
#include <string.h>

#include "rules/baseline_json.h"

#define FAULT 200

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mxt_arena arena = {0};
    struct mxt_json first = {0}, second = {0};
    struct mxt_baseline baseline, again;
    char fault[FAULT] = "";
    enum mxt_status status = mxt_baseline_decode((const char *)data, size, &arena, &baseline, fault, sizeof fault);
    if (status == MXT_OK) {
        if (mxt_baseline_encode(&first, &baseline) != MXT_OK || mxt_baseline_decode(first.text, first.length, &arena, &again, fault, sizeof fault) != MXT_OK)
            abort();
        if (mxt_baseline_encode(&second, &again) != MXT_OK || first.length != second.length || memcmp(first.text, second.text, first.length) != 0)
            abort();
    } else if (status != MXT_EMALFORMED || fault[0] == '\0') {
        abort();
    }
    mxt_json_free(&first);
    mxt_json_free(&second);
    mxt_arena_free(&arena);
    return 0;
}
