/* Healths of a sensor's parts made one. */
#include <string.h>

#include "rules/event.h"
#include "rules/event_fields.h"

static void add_counters(const struct mxt_field_table *table, struct mxt_health *sum, const struct mxt_health *part)
{
    for (uint8_t i = 0; i < table->count; i++) {
        const struct mxt_field *field = &table->fields[i];
        if (field->type == MXT_FIELD_GROUP)
            add_counters(field->as.table, sum, part);
        if (field->type != MXT_FIELD_UNSIGNED || field->size != sizeof(uint64_t))
            continue;
        uint64_t a, b;
        memcpy(&a, (const char *)sum + field->offset, sizeof a);
        memcpy(&b, (const char *)part + field->offset, sizeof b);
        a += b;
        memcpy((char *)sum + field->offset, &a, sizeof a);
    }
}

void mxt_health_add(struct mxt_health *sum, const struct mxt_health *part)
{
    add_counters(&mxt_health_fields, sum, part);
    if (part->timestamp_us > sum->timestamp_us)
        sum->timestamp_us = part->timestamp_us;
}
