/* Any bytes as an MTA-STS policy: read or refused with a fault, and what was read holds what RFC 8461 3.2 promises. */
#include <stdlib.h>
#include <string.h>

#include "rules/knowledge.h"

#define FAULT 200

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mxt_arena arena = {0};
    struct mxt_policy policy;
    char fault[FAULT] = "";
    enum mxt_status status = mxt_policy_read(&arena, "example.net", (const char *)data, size, &policy, fault, sizeof fault);
    if (status == MXT_OK) {
        if (policy.max_age > MXT_POLICY_MAX_AGE_MAX || (policy.mode != MXT_POLICY_NONE && policy.mx.count == 0))
            abort();
        for (uint16_t i = 0; i < policy.mx.count; i++)
            if (policy.mx.items[i][0] != '*' && !mxt_policy_matches(&policy, policy.mx.items[i]))
                abort();
    } else if (status != MXT_EMALFORMED || fault[0] == '\0' || memchr(fault, '\0', sizeof fault) == NULL)
        abort();

    struct mxt_memory *memory = mxt_memory_new();
    if (memory != NULL && mxt_memory_add_policy(memory, "example.net", (const char *)data, size, fault, sizeof fault) != status)
        abort();
    struct mxt_knowledge knowledge = mxt_memory_knowledge(memory);
    const struct mxt_policy *found[1];
    if (memory != NULL && status == MXT_OK && policy.mode != MXT_POLICY_NONE && policy.mx.items[0][0] != '*' &&
        knowledge.policies_of_mx(memory, policy.mx.items[0], 0, found, 1) != 1)
        abort();
    mxt_memory_free(memory);
    mxt_arena_free(&arena);
    return 0;
}
