#include "collector/metrics.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "collector/metrics_page.h"

static const int64_t bounds_us[] = MXT_HISTOGRAM_BOUNDS;
#define BOUNDS (sizeof bounds_us / sizeof bounds_us[0])
_Static_assert(BOUNDS + 1 == MXT_HISTOGRAM_BUCKETS, "a bucket for each bound and one beyond");

void mxt_histogram_add(struct mxt_histogram *histogram, int64_t us)
{
    size_t i = 0;
    us = us < 0 ? 0 : us;
    while (i < BOUNDS && us > bounds_us[i])
        i++;
    atomic_fetch_add_explicit(&histogram->buckets[i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&histogram->sum_us, (uint64_t)us, memory_order_relaxed);
}

bool mxt_metrics_page_open(struct mxt_metrics_page *page)
{
    *page = (struct mxt_metrics_page){0};
    page->stream = open_memstream(&page->text, &page->n);
    return page->stream != NULL;
}

char *mxt_metrics_page_close(struct mxt_metrics_page *page, size_t *n)
{
    bool is_whole = !ferror(page->stream);
    if (fclose(page->stream) == 0 && is_whole) {
        *n = page->n;
        return page->text;
    }
    free(page->text);
    return NULL;
}

void mxt_metrics_begin(struct mxt_metrics_page *page, const struct mxt_metric *metric)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    page->metric = metric;
    fprintf(page->stream, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help, metric->name, kinds[metric->kind]);
}

static void write_label(FILE *stream, const char *name, const char *value)
{
    fprintf(stream, "{%s=\"", name);
    for (const char *p = value; *p != '\0'; p++) {
        if (*p == '\n')
            fputs("\\n", stream);
        else if (*p == '"' || *p == '\\')
            fprintf(stream, "\\%c", *p);
        else
            fputc(*p, stream);
    }
    fputs("\"}", stream);
}

void mxt_metrics_sample(struct mxt_metrics_page *page, const char *label, double value)
{
    fputs(page->metric->name, page->stream);
    if (page->metric->label != NULL)
        write_label(page->stream, page->metric->label, label == NULL ? "" : label);
    fprintf(page->stream, " %.15g\n", value);
}

void mxt_metrics_one(struct mxt_metrics_page *page, const struct mxt_metric *metric, double value)
{
    mxt_metrics_begin(page, metric);
    mxt_metrics_sample(page, NULL, value);
}

void mxt_metrics_times(struct mxt_metrics_page *page, const struct mxt_metric *metric, const struct mxt_histogram *histogram)
{
    uint64_t total = 0;
    mxt_metrics_begin(page, metric);
    for (size_t i = 0; i < MXT_HISTOGRAM_BUCKETS; i++) {
        total += atomic_load_explicit(&histogram->buckets[i], memory_order_relaxed);
        if (i < BOUNDS)
            fprintf(page->stream, "%s_bucket{le=\"%g\"} %" PRIu64 "\n", metric->name, (double)bounds_us[i] / 1e6, total);
        else
            fprintf(page->stream, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", metric->name, total);
    }
    fprintf(page->stream, "%s_sum %.15g\n%s_count %" PRIu64 "\n", metric->name,
            (double)atomic_load_explicit(&histogram->sum_us, memory_order_relaxed) / 1e6, metric->name, total);
}
