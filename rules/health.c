/* Healths of a sensor's parts made one. */
#include <string.h>

#include "rules/event.h"
#include "rules/event_fields.h"

static uint64_t add(uint64_t a, uint64_t b)
{
    return a + b;
}

static uint64_t subtract(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

/* NOLINTBEGIN(misc-no-recursion): as deep as the field table, which no input can change. */
static void combine(const struct mxt_field_table *table, struct mxt_health *sum, const struct mxt_health *part, uint64_t (*with)(uint64_t, uint64_t))
{
    for (uint8_t i = 0; i < table->count; i++) {
        const struct mxt_field *field = &table->fields[i];
        if (field->type == MXT_FIELD_GROUP)
            combine(field->as.table, sum, part, with);
        if (field->type != MXT_FIELD_UNSIGNED || field->size != sizeof(uint64_t))
            continue;
        uint64_t a, b;
        memcpy(&a, (const char *)sum + field->offset, sizeof a);
        memcpy(&b, (const char *)part + field->offset, sizeof b);
        a = with(a, b);
        memcpy((char *)sum + field->offset, &a, sizeof a);
    }
}
/* NOLINTEND(misc-no-recursion) */

void mxt_health_add(struct mxt_health *sum, const struct mxt_health *part)
{
    combine(&mxt_health_fields, sum, part, add);
    if (part->timestamp_us > sum->timestamp_us)
        sum->timestamp_us = part->timestamp_us;
}

void mxt_health_subtract(struct mxt_health *health, const struct mxt_health *before)
{
    combine(&mxt_health_fields, health, before, subtract);
}
