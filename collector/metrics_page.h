/* A page of metrics as text that grows. */
#ifndef MXT_COLLECTOR_METRICS_PAGE_H
#define MXT_COLLECTOR_METRICS_PAGE_H

#include <stdbool.h>
#include <stdio.h>

#include "collector/metrics.h"

struct mxt_metrics_page {
    FILE *stream; /* over `text` */
    char *text;
    size_t n;
    const struct mxt_metric *metric;
};

/* False: out of memory. */
bool mxt_metrics_page_open(struct mxt_metrics_page *page);

/* The text, `n` bytes, for the caller to free; NULL: out of memory. */
char *mxt_metrics_page_close(struct mxt_metrics_page *page, size_t *n);

#endif
