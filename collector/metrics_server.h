/* Metrics over HTTP: GET /metrics and /healthz, from a thread of its own. */
#ifndef MXT_COLLECTOR_METRICS_SERVER_H
#define MXT_COLLECTOR_METRICS_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#include "collector/metrics.h"
#include "collector/metrics_keys.h"
#include "decoders/status.h"

#define MXT_METRICS_WHY 256 /* bytes that hold why a program is not well, or why nothing is served */

/* What is asked, in the server's thread; the context outlives the server. */
struct mxt_metrics_source {
    bool (*began)(void *context); /* first in the thread: it may give up rights; false: it must not go on. NULL: nothing */
    void (*collect)(void *context, struct mxt_metrics_page *page);
    bool (*is_well)(void *context, char *why); /* false: a sentence is in `why` (MXT_METRICS_WHY bytes). NULL: whoever answers is well */
    void *context;
};

struct mxt_metrics_server;

/* Listens; nothing is answered yet. NULL: a sentence that names the fault and the mend is in `error` (MXT_METRICS_WHY bytes). */
struct mxt_metrics_server *mxt_metrics_open(const struct mxt_metrics_config *config, char *error);

/* Starts the thread. MXT_OK; MXT_ENOMEM: the system gives no thread. */
enum mxt_status mxt_metrics_start(struct mxt_metrics_server *server, const struct mxt_metrics_source *source) MXT_MUST_CHECK;

/* Stops it and frees. NULL is accepted. */
void mxt_metrics_close(struct mxt_metrics_server *server);

#endif
