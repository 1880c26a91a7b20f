/* Records that may have to be judged again. */
#include <stdlib.h>
#include <string.h>

#include "rules/event.h"
#include "rules/knowledge_memory_int.h"

#define BUCKETS    4096u /* a power of two; session ids are digests, so they need no hash */
#define ERROR_TEXT 200   /* bytes for a sentence that nobody reads: what was kept was written here */

struct mxt_kept_record {
    uint64_t session_id;
    struct mxt_kept_record *next;          /* in the bucket */
    struct mxt_kept_record *older, *newer; /* by when they were kept */
    size_t length;
    char text[]; /* JSON, `length` bytes */
};

enum mxt_status mxt_record_table_init(struct mxt_record_table *table, const struct mxt_memory_limits *limits)
{
    *table = (struct mxt_record_table){.limit = limits->records, .bytes_limit = limits->record_bytes, .bucket_count = BUCKETS};
    table->buckets = calloc(BUCKETS, sizeof(struct mxt_kept_record *));
    return table->buckets == NULL ? MXT_ENOMEM : MXT_OK;
}

void mxt_record_table_free(struct mxt_record_table *table)
{
    for (struct mxt_kept_record *kept = table->oldest, *newer; kept != NULL; kept = newer) {
        newer = kept->newer;
        free(kept);
    }
    free(table->buckets);
    mxt_json_free(&table->writer);
    mxt_arena_free(&table->asked);
}

static struct mxt_kept_record **slot(struct mxt_record_table *table, uint64_t session_id)
{
    struct mxt_kept_record **at = &table->buckets[session_id & (table->bucket_count - 1)];
    while (*at != NULL && (*at)->session_id != session_id)
        at = &(*at)->next;
    return at;
}

static void drop(struct mxt_record_table *table, struct mxt_kept_record *kept)
{
    *slot(table, kept->session_id) = kept->next;
    *(kept->older != NULL ? &kept->older->newer : &table->oldest) = kept->newer;
    *(kept->newer != NULL ? &kept->newer->older : &table->newest) = kept->older;
    table->count--;
    table->bytes -= kept->length;
    free(kept);
}

const struct mxt_record *mxt_record_table_find(struct mxt_record_table *table, uint64_t session_id)
{
    const struct mxt_kept_record *kept = *slot(table, session_id);
    struct mxt_record *record = kept == NULL ? NULL : mxt_arena_alloc(&table->asked, sizeof *record);
    char error[ERROR_TEXT];
    if (record == NULL || mxt_event_decode_record(kept->text, kept->length, &table->asked, record, error, sizeof error) != MXT_OK)
        return NULL;
    return record;
}

static struct mxt_kept_record *copy_text(struct mxt_record_table *table, const struct mxt_record *record)
{
    mxt_json_reset(&table->writer);
    if (mxt_event_encode_record(&table->writer, record) != MXT_OK || mxt_json_end(&table->writer) == NULL)
        return NULL;
    struct mxt_kept_record *kept = malloc(sizeof *kept + table->writer.length);
    if (kept == NULL)
        return NULL;
    *kept = (struct mxt_kept_record){.session_id = record->session_id, .length = table->writer.length};
    memcpy(kept->text, table->writer.text, table->writer.length);
    return kept;
}

enum mxt_status mxt_record_table_keep(struct mxt_record_table *table, const struct mxt_record *record)
{
    struct mxt_kept_record *kept = copy_text(table, record);
    if (kept == NULL)
        return MXT_ENOMEM;
    struct mxt_kept_record *old = *slot(table, record->session_id);
    if (old != NULL)
        drop(table, old);
    struct mxt_kept_record **bucket = &table->buckets[kept->session_id & (table->bucket_count - 1)];
    kept->next = *bucket;
    *bucket = kept;
    kept->older = table->newest;
    *(table->newest != NULL ? &table->newest->newer : &table->oldest) = kept;
    table->newest = kept;
    table->count++;
    table->bytes += kept->length;
    while (table->oldest != NULL && (table->count > table->limit || table->bytes > table->bytes_limit)) {
        drop(table, table->oldest); /* NOLINT(clang-analyzer-unix.Malloc): drop moves `oldest` on; the analyzer thinks the oldest could have an older one */
        table->forgotten++;
    }
    return MXT_OK;
}
