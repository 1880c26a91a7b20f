#include "sensor/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_PORTS "25,465,587,2525"
#define DEFAULT_SENSOR "mxtap"

/* One option: its setter reads `value` and answers MXT_OK, or MXT_EUSAGE with a sentence in `error`. */
struct option_info {
    const char *name;  /* long name */
    char letter;       /* short name or 0 */
    const char *value; /* what stands for its value in the help, NULL: takes none */
    const char *help;
    enum mxt_status (*set)(struct mxt_options *options, const char *value, char *error);
};

static enum mxt_status add_capture(struct mxt_options *options, const char *value, char *error)
{
    const char **captures = realloc(options->captures, (options->capture_count + 1) * sizeof *captures);
    (void)error;
    if (captures == NULL)
        return MXT_ENOMEM;
    captures[options->capture_count++] = value;
    options->captures = captures;
    return MXT_OK;
}

static enum mxt_status set_policies(struct mxt_options *options, const char *value, char *error)
{
    (void)error;
    options->policies = value;
    return MXT_OK;
}

static enum mxt_status set_trust(struct mxt_options *options, const char *value, char *error)
{
    (void)error;
    options->trust = value;
    return MXT_OK;
}

static enum mxt_status set_filter(struct mxt_options *options, const char *value, char *error)
{
    (void)error;
    options->filter = value;
    return MXT_OK;
}

/* The name travels in every record: letters, digits and the usual joints only. */
static enum mxt_status set_sensor(struct mxt_options *options, const char *value, char *error)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_";
    size_t n = strlen(value);
    if (n == 0 || n > 64 || strspn(value, allowed) != n) {
        snprintf(error, MXT_OPTIONS_ERROR, "--sensor %.80s: a name of 1 to 64 letters, digits, '.', '-' and '_' is expected", value);
        return MXT_EUSAGE;
    }
    options->sensor = value;
    return MXT_OK;
}

static enum mxt_status add_home(struct mxt_options *options, const char *value, char *error)
{
    char why[160];
    enum mxt_status status = mxt_networks_add(&options->home, value, why, sizeof why);
    if (status == MXT_EUSAGE)
        snprintf(error, MXT_OPTIONS_ERROR, "--home-net: %s", why);
    return status;
}

static enum mxt_status set_ports(struct mxt_options *options, const char *value, char *error)
{
    struct mxt_port_set ports = {0};
    const char *p = value;
    do {
        char *end;
        unsigned long port = strtoul(p, &end, 10);
        if (*p < '0' || *p > '9' || port == 0 || port > 65535 || (*end != ',' && *end != '\0')) {
            snprintf(error, MXT_OPTIONS_ERROR, "--ports %.80s: \"%.20s\" is no port; write numbers from 1 to 65535 separated by commas", value, p);
            return MXT_EUSAGE;
        }
        mxt_port_set_add(&ports, (uint16_t)port);
        p = end;
    } while (*p++ == ',');
    options->ports = ports;
    return MXT_OK;
}

static enum mxt_status set_output(struct mxt_options *options, const char *value, char *error)
{
    if (strcmp(value, "text") == 0)
        options->output = MXT_OUTPUT_TEXT;
    else if (strcmp(value, "json") == 0)
        options->output = MXT_OUTPUT_JSON;
    else {
        snprintf(error, MXT_OPTIONS_ERROR, "--output %.80s: write text or json", value);
        return MXT_EUSAGE;
    }
    return MXT_OK;
}

static enum mxt_status set_privacy(struct mxt_options *options, const char *value, char *error)
{
    if (strcmp(value, "domains") != 0) {
        snprintf(error, MXT_OPTIONS_ERROR, "--privacy %.80s: write domains (keeps local parts out of every output)", value);
        return MXT_EUSAGE;
    }
    options->domains_only = true;
    return MXT_OK;
}

static enum mxt_status ask_rules(struct mxt_options *options, const char *value, char *error)
{
    (void)value, (void)error;
    options->action = MXT_ACTION_RULES;
    return MXT_OK;
}

static enum mxt_status ask_version(struct mxt_options *options, const char *value, char *error)
{
    (void)value, (void)error;
    options->action = MXT_ACTION_VERSION;
    return MXT_OK;
}

static enum mxt_status ask_help(struct mxt_options *options, const char *value, char *error)
{
    (void)value, (void)error;
    options->action = MXT_ACTION_HELP;
    return MXT_OK;
}

static const struct option_info table[] = {
    {"read", 'r', "FILE...", "replay captures: pcap or pcapng, also .gz and .zst, a folder, or - for stdin; several are merged by time", add_capture},
    {"policies", 0, "DIR", "MTA-STS policies to judge by: files named DOMAIN or DOMAIN.txt, as served", set_policies},
    {"trust", 0, "FILE|DIR", "trust store for certificates, PEM (default: the system's)", set_trust},
    {"home-net", 0, "CIDR,...", "networks that are ours (default: private, link-local and loopback addresses)", add_home},
    {"ports", 0, "LIST", "mail ports (default: " DEFAULT_PORTS ")", set_ports},
    {"output", 'o', "text|json", "for people (default), or one JSON event a line on stdout", set_output},
    {"sensor", 0, "NAME", "this sensor's name in records (default: " DEFAULT_SENSOR ")", set_sensor},
    {"filter", 0, "BPF", "look only at frames that match, in tcpdump's syntax", set_filter},
    {"privacy", 0, "domains", "keep local parts of addresses out of every output", set_privacy},
    {"rules", 0, NULL, "list the rules and leave", ask_rules},
    {"version", 0, NULL, "print the version and leave", ask_version},
    {"help", 'h', NULL, "print this text and leave", ask_help},
};
#define OPTIONS (sizeof table / sizeof table[0])
#define LONG_ONLY 256 /* getopt's value of option i is LONG_ONLY + i */

static void build_getopt(struct option *longs, char *shorts)
{
    size_t n = 0;
    shorts[n++] = ':'; /* a missing value is told apart from an unknown option */
    for (size_t i = 0; i < OPTIONS; i++) {
        longs[i] = (struct option){table[i].name, table[i].value != NULL ? required_argument : no_argument, NULL, LONG_ONLY + (int)i};
        if (table[i].letter != 0) {
            shorts[n++] = table[i].letter;
            if (table[i].value != NULL)
                shorts[n++] = ':';
        }
    }
    longs[OPTIONS] = (struct option){0};
    shorts[n] = '\0';
}

static const struct option_info *find_option(int value)
{
    for (size_t i = 0; i < OPTIONS; i++)
        if (value == LONG_ONLY + (int)i || (table[i].letter != 0 && value == table[i].letter))
            return &table[i];
    return NULL;
}

/* What getopt refused, in words; `argument` is the word it stopped at. */
static void explain_refusal(int answer, const char *argument, char *error)
{
    if (answer == ':')
        snprintf(error, MXT_OPTIONS_ERROR, "%.80s needs a value; see mxtap-sensor --help", argument);
    else
        snprintf(error, MXT_OPTIONS_ERROR, "unknown option %.80s; see mxtap-sensor --help", argument);
}

/* Words that follow -r FILE are captures too, as a shell's glob gives them. */
static enum mxt_status take_rest(int argc, char **argv, struct mxt_options *out, char *error)
{
    for (int i = optind; i < argc; i++) {
        if (out->capture_count == 0) {
            snprintf(error, MXT_OPTIONS_ERROR, "what is \"%.80s\"? To replay captures write -r FILE...", argv[i]);
            return MXT_EUSAGE;
        }
        if (add_capture(out, argv[i], error) != MXT_OK)
            return MXT_ENOMEM;
    }
    return MXT_OK;
}

static enum mxt_status fill_defaults(struct mxt_options *out, char *error)
{
    if (out->home.count == 0 && mxt_networks_add_private(&out->home) != MXT_OK)
        return MXT_ENOMEM;
    if (out->action == MXT_ACTION_REPLAY && out->capture_count == 0) {
        snprintf(error, MXT_OPTIONS_ERROR, "nothing to do: write -r FILE... to replay captures, or --help");
        return MXT_EUSAGE;
    }
    return MXT_OK;
}

enum mxt_status mxt_options_parse(int argc, char **argv, struct mxt_options *out, char *error)
{
    struct option longs[OPTIONS + 1];
    char shorts[2 * OPTIONS + 2];
    build_getopt(longs, shorts);
    *out = (struct mxt_options){.sensor = DEFAULT_SENSOR};
    snprintf(error, MXT_OPTIONS_ERROR, "out of memory");
    enum mxt_status status = set_ports(out, DEFAULT_PORTS, error);
    int answer;
    opterr = 0;
    optind = 1;
    while (status == MXT_OK && (answer = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        const struct option_info *option = find_option(answer);
        if (option != NULL) {
            status = option->set(out, optarg, error);
        } else {
            explain_refusal(answer, argv[optind - 1], error);
            status = MXT_EUSAGE;
        }
    }
    if (status == MXT_OK)
        status = take_rest(argc, argv, out, error);
    return status == MXT_OK ? fill_defaults(out, error) : status;
}

void mxt_options_free(struct mxt_options *options)
{
    free(options->captures);
    mxt_networks_free(&options->home);
    *options = (struct mxt_options){0};
}

void mxt_options_help(void)
{
    puts("mxtap-sensor " MXTAP_VERSION ": the security of mail in transit, as seen on the wire\n"
         "\n"
         "  mxtap-sensor -r FILE... [options]\n");
    for (size_t i = 0; i < OPTIONS; i++) {
        char left[40];
        snprintf(left, sizeof left, "%c%c%s--%s%s%s", table[i].letter != 0 ? '-' : ' ', table[i].letter != 0 ? table[i].letter : ' ',
                 table[i].letter != 0 ? ", " : "  ", table[i].name, table[i].value != NULL ? " " : "", table[i].value != NULL ? table[i].value : "");
        printf("  %-26s %s\n", left, table[i].help);
    }
    puts("\nExit status: 0 done, 1 failed (a damaged capture too), 2 wrong usage.");
}
