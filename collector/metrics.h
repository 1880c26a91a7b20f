/*
 * Metrics for Prometheus (text format 0.0.4). A program has one table of what it measures; when somebody asks, its `collect` writes the page from counters that it
 * has anyway.
 */
#ifndef MXT_COLLECTOR_METRICS_H
#define MXT_COLLECTOR_METRICS_H

#include <stdatomic.h>
#include <stdint.h>

enum mxt_metric_kind { MXT_METRIC_COUNTER, MXT_METRIC_GAUGE, MXT_METRIC_HISTOGRAM };

/* What is measured: a line of a program's table. */
struct mxt_metric {
    const char *name; /* mxtap_..., in base units, counters end in _total */
    enum mxt_metric_kind kind;
    const char *label; /* what tells its samples apart, or NULL: there is one */
    const char *help;  /* one line */
};

/* The upper bounds of a histogram's buckets, in microseconds; one more is for what lies beyond. */
#define MXT_HISTOGRAM_BOUNDS {1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000, 60000000}
#define MXT_HISTOGRAM_BUCKETS 15

/* Times, counted by how long they were. Zeroed is empty; any thread may add. */
struct mxt_histogram {
    atomic_uint_fast64_t buckets[MXT_HISTOGRAM_BUCKETS];
    atomic_uint_fast64_t sum_us;
};

/* Counts one time; a negative one (clocks differ) as 0. */
void mxt_histogram_add(struct mxt_histogram *histogram, int64_t us);

/* A page being written. */
struct mxt_metrics_page;

/* Begins what belongs to a metric; each is begun once on a page. */
void mxt_metrics_begin(struct mxt_metrics_page *page, const struct mxt_metric *metric);

/* A sample of the metric that was begun; `label` is the value of its label, NULL where it has none. Any bytes are escaped. */
void mxt_metrics_sample(struct mxt_metrics_page *page, const char *label, double value);

/* A metric with one sample, begun and told. */
void mxt_metrics_one(struct mxt_metrics_page *page, const struct mxt_metric *metric, double value);

/* A histogram in seconds, begun and told. */
void mxt_metrics_times(struct mxt_metrics_page *page, const struct mxt_metric *metric, const struct mxt_histogram *histogram);

#endif
