#include "collector/alerts_cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "collector/alerts_options.h"
#include "collector/alerts_print.h"
#include "collector/alerts_store.h"
#include "collector/alerts_tail.h"
#include "collector/ask.h"
#include "rules/config_line.h"

#define LIST_LIMIT 1000u
#define TAIL_LIMIT 10u
#define APPLIED_MS 5000 /* how long to wait for a collector to apply a command */
#define LOOK_MS    100

struct cli {
    struct mxt_alerts_options options;
    const struct mxt_faults *faults;
    struct mxt_alerts_store store;
    char error[MXT_LINK_ERROR];
};

/* What `list` found, to be sorted. */
struct found {
    const struct cli *cli;
    redisReply **items;
    size_t count, capacity;
    bool has_failed;
};

static bool keep_wanted(void *context, redisReply *fields)
{
    struct found *found = context;
    const struct mxt_alerts_options *options = &found->cli->options;
    const char *status = mxt_alert_field(fields, "status");
    bool is_status = options->status == NULL ? strcmp(status, "closed") != 0 : strcmp(options->status, "all") == 0 || strcmp(status, options->status) == 0;
    if (!is_status || strcmp(mxt_alert_field(fields, "count"), "0") == 0 || !mxt_alerts_is_wanted(options, fields)) /* 0: withdrawn by later records */
        return false;
    if (found->count == found->capacity) {
        size_t capacity = found->capacity == 0 ? 64 : found->capacity * 2;
        redisReply **items = realloc(found->items, capacity * sizeof(redisReply *));
        found->has_failed = found->has_failed || items == NULL;
        if (items == NULL)
            return false;
        found->items = items;
        found->capacity = capacity;
    }
    found->items[found->count++] = fields;
    return true;
}

/* The gravest first, then the latest. */
static int compare(const void *a, const void *b)
{
    const redisReply *x = *(redisReply *const *)a, *y = *(redisReply *const *)b;
    int grave_x = (int)mxt_severity_from_name(mxt_alert_field(x, "severity")), grave_y = (int)mxt_severity_from_name(mxt_alert_field(y, "severity"));
    if (grave_x != grave_y)
        return grave_y - grave_x;
    return strcmp(mxt_alert_field(y, "last_seen"), mxt_alert_field(x, "last_seen"));
}

static void print_list(const struct cli *cli, const struct found *found)
{
    const uint32_t limit = cli->options.limit == 0 ? LIST_LIMIT : cli->options.limit;
    const bool is_json = cli->options.is_json;
    if (!is_json && found->count > 0)
        mxt_alert_print_head(stdout);
    for (size_t i = 0; i < found->count && i < limit; i++) {
        const struct mxt_alert_view view = {.fields = found->items[i], .stream = stdout, .has_colour = mxt_alerts_has_colour()};
        if (is_json)
            mxt_alert_print_json(&view);
        else
            mxt_alert_print_line(&view);
    }
    if (!is_json && found->count == 0)
        puts(cli->store.partitions == 0 ? "no alerts: neither a sensor nor a collector has used this Redis yet" : "no such alerts");
    if (!is_json && found->count > limit)
        printf("and %zu more: --limit %zu shows all\n", found->count - limit, found->count);
}

static int list(struct cli *cli)
{
    struct found found = {.cli = cli};
    enum mxt_status status = mxt_alerts_store_each(&cli->store, keep_wanted, &found, cli->error);
    if (found.has_failed)
        status = MXT_ENOMEM;
    if (status == MXT_OK) {
        if (found.count > 0)
            qsort(found.items, found.count, sizeof(redisReply *), compare);
        print_list(cli, &found);
    } else {
        mxt_config_tell(cli->faults, "", status == MXT_ENOMEM ? "out of memory" : cli->error);
    }
    for (size_t i = 0; i < found.count; i++)
        mxt_reply_free(found.items[i]);
    free(found.items);
    return status == MXT_OK ? 0 : 1;
}

/* The alert's hash, the caller's; NULL: told. */
static redisReply *find(struct cli *cli, const char *id, uint32_t *place)
{
    redisReply *fields;
    if (mxt_alerts_store_find(&cli->store, id, &fields, place, cli->error) != MXT_OK) {
        mxt_config_tell(cli->faults, "", cli->error);
        return NULL;
    }
    if (fields == NULL)
        mxt_config_tell(cli->faults, id, "there is no such alert; `mxtap-collector alerts list --status all` shows those that there are");
    return fields;
}

static bool show(struct cli *cli, const char *id)
{
    uint32_t place;
    redisReply *fields = find(cli, id, &place);
    const struct mxt_alert_view view = {.fields = fields, .stream = stdout, .has_colour = mxt_alerts_has_colour()};
    if (fields == NULL)
        return false;
    if (cli->options.is_json)
        mxt_alert_print_json(&view);
    else
        mxt_alert_print_whole(&view);
    mxt_reply_free(fields);
    return true;
}

/* Waits for the collector to have applied it. */
static bool has_status(struct cli *cli, const char *id, const char *status)
{
    const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
    for (int waited = 0; waited < APPLIED_MS; waited += LOOK_MS) {
        redisReply *fields;
        uint32_t place;
        if (mxt_alerts_store_find(&cli->store, id, &fields, &place, cli->error) != MXT_OK)
            return false;
        bool is_so = fields != NULL && strcmp(mxt_alert_field(fields, "status"), status) == 0;
        mxt_reply_free(fields);
        if (is_so)
            return true;
        nanosleep(&pause, NULL);
    }
    return false;
}

static bool change(struct cli *cli, const char *id)
{
    const bool is_close = cli->options.verb == MXT_ALERTS_CLOSE;
    const char *command = is_close ? "close" : "ack", *status = is_close ? "closed" : "acknowledged";
    uint32_t place;
    redisReply *fields = find(cli, id, &place);
    if (fields == NULL)
        return false;
    const char *now = mxt_alert_field(fields, "status");
    bool is_already = strcmp(now, status) == 0, is_too_late = !is_close && strcmp(now, "closed") == 0;
    mxt_reply_free(fields);
    if (is_already) {
        printf("%s: is %s already\n", id, status);
        return true;
    }
    if (is_too_late) {
        mxt_config_tell(cli->faults, id, "is closed; there is nothing to acknowledge any more");
        return false;
    }
    if (mxt_alerts_store_command(&cli->store, place, command, id, cli->options.by, cli->error) != MXT_OK) {
        mxt_config_tell(cli->faults, id, cli->error);
        return false;
    }
    if (has_status(cli, id, status))
        printf("%s: %s\n", id, status);
    else
        printf("%s: noted; it will be %s when a collector works its partition\n", id, status);
    return true;
}

static int for_all(struct cli *cli, bool (*one)(struct cli *cli, const char *id))
{
    bool is_well = true;
    for (size_t i = 0; i < cli->options.id_count; i++)
        is_well = one(cli, cli->options.ids[i]) && is_well;
    return is_well ? 0 : 1;
}

static int tail(struct cli *cli)
{
    if (cli->options.limit == 0)
        cli->options.limit = TAIL_LIMIT;
    if (mxt_alerts_tail(&cli->store, &cli->options, cli->error) == MXT_OK)
        return 0;
    mxt_config_tell(cli->faults, "", cli->error);
    return 1;
}

static int act(struct cli *cli)
{
    if (cli->options.verb == MXT_ALERTS_HELP) {
        mxt_alerts_options_help();
        return 0;
    }
    if (mxt_alerts_store_open(&cli->store, &cli->options.redis, cli->error) != MXT_OK) {
        mxt_config_tell(cli->faults, "", cli->error);
        return 1;
    }
    switch (cli->options.verb) {
    case MXT_ALERTS_LIST: return list(cli);
    case MXT_ALERTS_SHOW: return for_all(cli, show);
    case MXT_ALERTS_ACK:
    case MXT_ALERTS_CLOSE: return for_all(cli, change);
    case MXT_ALERTS_TAIL: return tail(cli);
    case MXT_ALERTS_HELP: break;
    }
    return 0;
}

int mxt_alerts_cli(int argc, char **argv, const struct mxt_faults *faults)
{
    struct cli cli = {.faults = faults};
    int exit_status = 1;
    switch (mxt_alerts_options_parse(argc, argv, &cli.options, faults)) {
    case MXT_OK: exit_status = act(&cli); break;
    case MXT_EUSAGE: exit_status = 2; break;
    case MXT_ENOMEM: mxt_config_tell(faults, "", "out of memory"); break;
    default: break;
    }
    mxt_alerts_store_close(&cli.store);
    mxt_alerts_options_free(&cli.options);
    return exit_status;
}
