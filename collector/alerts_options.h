/* What `mxtap-collector alerts` was asked. */
#ifndef MXT_COLLECTOR_ALERTS_OPTIONS_H
#define MXT_COLLECTOR_ALERTS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/link.h"
#include "collector/options.h"
#include "decoders/arena.h"
#include "decoders/status.h"
#include "rules/faults.h"
#include "rules/rule.h"

#define MXT_ALERTS_IDS  256 /* ids of one command */
#define MXT_ALERTS_NAME 64  /* bytes of who does it */

enum mxt_alerts_verb { MXT_ALERTS_LIST, MXT_ALERTS_SHOW, MXT_ALERTS_ACK, MXT_ALERTS_CLOSE, MXT_ALERTS_TAIL, MXT_ALERTS_HELP };

struct mxt_alerts_options {
    enum mxt_alerts_verb verb;
    struct mxt_link_config redis;
    const char *config;           /* a collector's file, for where Redis is; or NULL */
    const char *ids[MXT_ALERTS_IDS];
    size_t id_count;
    enum mxt_rule rule;           /* NONE: all */
    enum mxt_severity severity;   /* the least grave; NONE: all */
    const char *domain, *server;  /* NULL: all */
    const char *status;           /* open, acknowledged, closed or all; NULL: all but closed */
    uint32_t limit;               /* lines */
    bool is_json;
    const char *by;               /* who does it */
    struct mxt_arena texts;
    struct mxt_collector_options file; /* what the file said: owns texts of `redis` */
};

/*
 * Reads the words behind "alerts". MXT_OK; MXT_EUSAGE: told; MXT_EIO: the file cannot be read (told); MXT_ENOMEM. *out is to be freed in every case.
 */
enum mxt_status mxt_alerts_options_parse(int argc, char **argv, struct mxt_alerts_options *out, const struct mxt_faults *faults) MXT_MUST_CHECK;

void mxt_alerts_options_free(struct mxt_alerts_options *options);

/* Prints the help text on stdout. */
void mxt_alerts_options_help(void);

#endif
