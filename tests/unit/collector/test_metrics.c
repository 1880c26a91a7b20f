#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <unistd.h>

#include "collector/metrics_page.h"
#include "collector/metrics_server.h"

static const struct mxt_metric packets = {"mxtap_packets_total", MXT_METRIC_COUNTER, NULL, "frames seen"};
static const struct mxt_metric drops = {"mxtap_drops_total", MXT_METRIC_COUNTER, "cause", "frames lost"};
static const struct mxt_metric latency = {"mxtap_latency_seconds", MXT_METRIC_HISTOGRAM, NULL, "how long it took"};

static void test_the_text(void **state)
{
    (void)state;
    struct mxt_metrics_page page;
    struct mxt_histogram histogram = {0};
    size_t n;
    mxt_histogram_add(&histogram, -5);
    mxt_histogram_add(&histogram, 1000);
    mxt_histogram_add(&histogram, 1001);
    mxt_histogram_add(&histogram, INT64_C(3600000000));
    assert_true(mxt_metrics_page_open(&page));
    mxt_metrics_one(&page, &packets, 18446744073709.0);
    mxt_metrics_begin(&page, &drops);
    mxt_metrics_sample(&page, "kernel", 3);
    mxt_metrics_sample(&page, "a\"b\\c\nd", 0.5);
    mxt_metrics_times(&page, &latency, &histogram);
    char *text = mxt_metrics_page_close(&page, &n);
    assert_non_null(text);
    assert_int_equal(strlen(text), n);
    assert_non_null(strstr(text, "# HELP mxtap_packets_total frames seen\n# TYPE mxtap_packets_total counter\nmxtap_packets_total 18446744073709\n"));
    assert_non_null(strstr(text, "mxtap_drops_total{cause=\"kernel\"} 3\nmxtap_drops_total{cause=\"a\\\"b\\\\c\\nd\"} 0.5\n"));
    assert_non_null(strstr(text, "mxtap_latency_seconds_bucket{le=\"0.001\"} 2\nmxtap_latency_seconds_bucket{le=\"0.0025\"} 3\n"));
    assert_non_null(strstr(text, "mxtap_latency_seconds_bucket{le=\"60\"} 3\nmxtap_latency_seconds_bucket{le=\"+Inf\"} 4\n"));
    assert_non_null(strstr(text, "mxtap_latency_seconds_sum 3600.002001\nmxtap_latency_seconds_count 4\n"));
    free(text);
}

static void collect(void *context, struct mxt_metrics_page *page)
{
    mxt_metrics_one(page, &packets, *(const int *)context);
}

static bool is_well(void *context, char *why)
{
    snprintf(why, MXT_METRICS_WHY, "Redis is away");
    return *(const int *)context > 1;
}

/* A server at some free port of the loopback. */
static struct mxt_metrics_server *open_somewhere(struct mxt_metrics_config *config)
{
    char error[MXT_METRICS_WHY];
    assert_int_equal(mxt_address_parse("127.0.0.1", &config->address), MXT_OK);
    for (config->port = 20000; config->port < 60000; config->port = (uint16_t)(config->port + 7)) {
        struct mxt_metrics_server *server = mxt_metrics_open(config, error);
        if (server != NULL)
            return server;
    }
    fail_msg("%s", error);
    return NULL;
}

/* The whole answer to a request. */
static const char *ask(const struct mxt_metrics_config *config, const char *request)
{
    static char text[65536];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(config->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    size_t n = 0;
    ssize_t got;
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    while ((got = read(fd, text + n, sizeof text - 1 - n)) > 0)
        n += (size_t)got;
    text[n] = '\0';
    close(fd);
    return text;
}

static void test_over_http(void **state)
{
    (void)state;
    struct mxt_metrics_config config;
    struct mxt_metrics_server *server = open_somewhere(&config);
    char error[MXT_METRICS_WHY];
    int value = 1;
    const struct mxt_metrics_source source = {.collect = collect, .is_well = is_well, .context = &value};
    assert_null(mxt_metrics_open(&config, error));
    assert_non_null(strstr(error, "another program listens there"));
    assert_int_equal(mxt_metrics_start(server, &source), MXT_OK);
    const char *text = ask(&config, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_non_null(strstr(text, "HTTP/1.1 200"));
    assert_non_null(strstr(text, "Content-Type: text/plain; version=0.0.4"));
    assert_non_null(strstr(text, "\nmxtap_packets_total 1\n"));
    text = ask(&config, "GET /healthz HTTP/1.0\r\n\r\n");
    assert_true(strstr(text, " 503 ") != NULL && strstr(text, "Redis is away\n") != NULL);
    assert_non_null(strstr(ask(&config, "GET / HTTP/1.0\r\n\r\n"), " 404 "));
    assert_non_null(strstr(ask(&config, "DELETE /metrics HTTP/1.0\r\n\r\n"), " 405 "));
    assert_null(strstr(ask(&config, "\x16\x03\x01 nonsense\r\n\r\n"), " 200 "));
    mxt_metrics_close(server);
    assert_non_null(server = mxt_metrics_open(&config, error)); /* the port is free again, and a server that never started is closed */
    mxt_metrics_close(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_the_text), cmocka_unit_test(test_over_http)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
