/* mxtap-bench-generate: writes a capture of which it is known exactly what is in it, and says so as JSON. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "certificates.h"
#include "content.h"
#include "random.h"
#include "traffic.h"
#include "writer.h"

enum { DEFAULT_SIZE_MB = 1000, DEFAULT_FLOWS = 200000, DEFAULT_SEED = 1 };

struct options {
    const struct mxt_mix *mix;
    const char *out;
    const char *root; /* where to write the root certificate; NULL: nowhere */
    uint64_t megabytes;
    uint64_t flows;
    uint64_t seed;
};

static int usage(void)
{
    fputs("usage: mxtap-bench-generate span|mail|idle|short|short-mail OUT [--size MB] [--flows N] [--seed N] [--ca FILE]\n"
          "  --size MB   bytes of frames to write, but for what the last mail flows still need (all but idle; default 1000)\n"
          "  --flows N   number of flows (idle; default 200000)\n"
          "  --seed N    another number, other traffic (default 1)\n"
          "  --ca FILE   also write the root certificate of the servers, as PEM\n",
          stderr);
    return 2;
}

static bool parse_number(const char *text, uint64_t *number)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || text[0] == '-')
        return false;
    *number = value;
    return true;
}

static bool parse(int argc, char **argv, struct options *options)
{
    *options = (struct options){.megabytes = DEFAULT_SIZE_MB, .flows = DEFAULT_FLOWS, .seed = DEFAULT_SEED};
    if (argc < 3 || argc % 2 == 0)
        return false;
    options->mix = mxt_traffic_mix(argv[1]);
    options->out = argv[2];
    for (int i = 3; i < argc; i += 2) {
        const char *name = argv[i], *value = argv[i + 1];
        bool is_known = true;
        if (strcmp(name, "--size") == 0)
            is_known = parse_number(value, &options->megabytes) && options->megabytes > 0 && options->megabytes < 1u << 24;
        else if (strcmp(name, "--flows") == 0)
            is_known = parse_number(value, &options->flows) && options->flows > 0;
        else if (strcmp(name, "--seed") == 0)
            is_known = parse_number(value, &options->seed);
        else if (strcmp(name, "--ca") == 0)
            options->root = value;
        else
            is_known = false;
        if (!is_known)
            return false;
    }
    return options->mix != NULL;
}

static int fail(const char *what, int error)
{
    fprintf(stderr, "mxtap-bench-generate: %s%s%s\n", what, error == 0 ? "" : ": ", error == 0 ? "" : strerror(error));
    return 1;
}

static void print_totals(const struct options *options, const struct mxt_writer *writer, const struct mxt_totals *totals)
{
    printf("{\"kind\": \"%s\", \"seed\": %" PRIu64 ", \"packets\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"flows\": %" PRIu64 ", \"mail_packets\": %" PRIu64
           ", \"sessions\": %" PRIu64 ", \"tls_sessions\": %" PRIu64 ", \"messages\": %" PRIu64 "}\n",
           options->mix->name, options->seed, writer->packets, writer->bytes, totals->flows, totals->mail_packets, totals->sessions, totals->tls_sessions,
           totals->messages);
}

static int generate(const struct options *options, const struct mxt_content *content, struct mxt_random *random)
{
    struct mxt_writer writer;
    struct mxt_totals totals;
    if (!mxt_writer_open(&writer, options->out))
        return fail(options->out, errno);
    bool has_memory = mxt_traffic_write(options->mix, options->megabytes * 1000000, options->flows, content, random, &writer, &totals);
    if (!mxt_writer_close(&writer))
        return fail(options->out, writer.error);
    if (!has_memory)
        return fail("out of memory", 0);
    print_totals(options, &writer, &totals);
    return 0;
}

int main(int argc, char **argv)
{
    struct options options;
    if (!parse(argc, argv, &options))
        return usage();
    struct mxt_random random = {options.seed};
    struct mxt_authority *authority = mxt_authority_new();
    struct mxt_content *content = calloc(1, sizeof *content);
    int status = 1;
    if (authority == NULL || content == NULL)
        fail("cannot make certificates", 0);
    else if (options.root != NULL && !mxt_authority_write_root(authority, options.root))
        fail(options.root, errno);
    else if (!mxt_content_init(content, &random, authority))
        fail("cannot build what is to be said", 0);
    else
        status = generate(&options, content, &random);
    if (content != NULL)
        mxt_content_free(content);
    free(content);
    mxt_authority_free(authority);
    return status;
}
