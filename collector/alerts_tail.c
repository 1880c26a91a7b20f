#include "collector/alerts_tail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "collector/alerts_print.h"
#include "collector/ask.h"
#include "collector/sink_int.h"

#define BLOCK "1000" /* ms that a read waits */

struct place {
    char key[MXT_PARTITION_KEY];
    char id[MXT_SINK_STREAM_ID]; /* the last that was printed */
};

bool mxt_alerts_has_colour(void)
{
    return isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;
}

static bool is_equal(const char *wanted, const char *value)
{
    return wanted == NULL || strcasecmp(wanted, value) == 0;
}

bool mxt_alerts_is_wanted(const struct mxt_alerts_options *options, const redisReply *fields)
{
    const char *rule = options->rule == MXT_RULE_NONE ? NULL : mxt_rule_info(options->rule)->name;
    return is_equal(rule, mxt_alert_field(fields, "rule")) && mxt_severity_from_name(mxt_alert_field(fields, "severity")) >= options->severity &&
           is_equal(options->domain, mxt_alert_field(fields, "domain")) && is_equal(options->server, mxt_alert_field(fields, "server"));
}

/* Prints an entry where it is wanted, and moves the place on. */
static void print_entry(const struct mxt_alerts_options *options, struct place *place, const redisReply *entry)
{
    if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2 || !mxt_reply_is_text(entry->element[0], NULL) || entry->element[0]->len >= sizeof place->id)
        return;
    snprintf(place->id, sizeof place->id, "%s", entry->element[0]->str);
    const struct mxt_alert_view view = {.fields = entry->element[1], .stream = stdout, .has_colour = mxt_alerts_has_colour()};
    if (entry->element[1]->type != REDIS_REPLY_ARRAY || !mxt_alerts_is_wanted(options, entry->element[1]))
        return;
    if (options->is_json)
        mxt_alert_print_json(&view);
    else
        mxt_alert_print_told(&view);
}

/* The last entries of a stream, oldest first. */
static enum mxt_status begin(struct mxt_alerts_store *store, const struct mxt_alerts_options *options, struct place *place, char *error)
{
    char count[16];
    snprintf(count, sizeof count, "%u", options->limit);
    snprintf(place->id, sizeof place->id, "0-0");
    redisReply *reply = mxt_ask(store->link, error, 6, (const char *const[]){"XREVRANGE", place->key, "+", "-", "COUNT", count});
    if (reply == NULL)
        return MXT_EIO;
    for (size_t i = reply->type == REDIS_REPLY_ARRAY ? reply->elements : 0; i > 0; i--)
        print_entry(options, place, reply->element[i - 1]);
    mxt_reply_free(reply);
    return MXT_OK;
}

/* Waits for entries behind the places and prints them. */
static enum mxt_status follow(struct mxt_alerts_store *store, const struct mxt_alerts_options *options, struct place *places, uint32_t n, const char **words,
                              char *error)
{
    const size_t fixed = 6;
    memcpy(words, (const char *const[]){"XREAD", "COUNT", "100", "BLOCK", BLOCK, "STREAMS"}, fixed * sizeof *words);
    for (uint32_t i = 0; i < n; i++) {
        words[fixed + i] = places[i].key;
        words[fixed + n + i] = places[i].id;
    }
    redisReply *reply = mxt_ask(store->link, error, fixed + 2 * (size_t)n, words);
    if (reply == NULL)
        return MXT_EIO;
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++) {
        const redisReply *stream = reply->element[i];
        if (stream->type != REDIS_REPLY_ARRAY || stream->elements != 2 || stream->element[1]->type != REDIS_REPLY_ARRAY)
            continue;
        for (uint32_t j = 0; j < n; j++)
            if (mxt_reply_is_text(stream->element[0], places[j].key))
                for (size_t k = 0; k < stream->element[1]->elements; k++)
                    print_entry(options, &places[j], stream->element[1]->element[k]);
    }
    mxt_reply_free(reply);
    return MXT_OK;
}

enum mxt_status mxt_alerts_tail(struct mxt_alerts_store *store, const struct mxt_alerts_options *options, char *error)
{
    uint32_t n = mxt_alerts_store_count(store);
    enum mxt_status status = MXT_OK;
    if (n == 0) {
        snprintf(error, MXT_LINK_ERROR, "%.150s: neither a sensor nor a collector has used this Redis yet; start one first", mxt_link_name(store->link));
        return MXT_EIO;
    }
    struct place *places = calloc(n, sizeof *places);
    const char **words = calloc(6 + 2 * (size_t)n, sizeof *words);
    snprintf(error, MXT_LINK_ERROR, "out of memory");
    if (places == NULL || words == NULL)
        status = MXT_ENOMEM;
    for (uint32_t i = 0; i < n && status == MXT_OK; i++) {
        mxt_alerts_store_key(store, i, "alerts", places[i].key);
        status = begin(store, options, &places[i], error);
    }
    while (status == MXT_OK && fflush(stdout) == 0)
        status = follow(store, options, places, n, words, error);
    free(words);
    free(places);
    return status;
}
