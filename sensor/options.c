#include "sensor/options.h"

#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sensor/config.h"
#include "sensor/config_keys.h"
#include "sensor/networks.h"

#define KEYS_MAX  64  /* keys in the table: those that were given are noted in 64 bits */
#define LONG_ONLY 256 /* getopt's value of the key at i is LONG_ONLY + i */

static void tell(const struct mxt_faults *faults, const char *place, const char *why)
{
    char sentence[MXT_FAULT_TEXT];
    snprintf(sentence, sizeof sentence, "%s%s", place, why);
    faults->tell(faults->context, sentence);
}

static size_t build_getopt(const struct mxt_key *keys, size_t count, struct option *longs, char *shorts)
{
    size_t used = 0, n = 0;
    shorts[n++] = ':'; /* a missing value is told apart from an unknown option */
    for (size_t i = 0; i < count; i++) {
        if ((keys[i].place & MXT_KEY_ON_COMMAND_LINE) == 0)
            continue;
        bool has_value = keys[i].shape != MXT_KEY_ACTION;
        longs[used++] = (struct option){keys[i].name, has_value ? required_argument : no_argument, NULL, LONG_ONLY + (int)i};
        if (keys[i].letter != 0) {
            shorts[n++] = keys[i].letter;
            if (has_value)
                shorts[n++] = ':';
        }
    }
    longs[used] = (struct option){0};
    shorts[n] = '\0';
    return used;
}

/* The key of getopt's answer; `count` where it refused. */
static size_t find_option(const struct mxt_key *keys, size_t count, int answer)
{
    size_t i = 0;
    while (i < count && answer != LONG_ONLY + (int)i && (keys[i].letter == 0 || answer != keys[i].letter))
        i++;
    return i;
}

/* What getopt refused, in words; `argument` is the word it stopped at. */
static void explain_refusal(int answer, const char *argument, const struct mxt_faults *faults)
{
    size_t count;
    const struct mxt_key *keys = mxt_keys(&count);
    char sentence[MXT_KEY_WHY];
    const char *meant = strncmp(argument, "--", 2) == 0 ? mxt_key_nearest(keys, count, MXT_KEY_ON_COMMAND_LINE, argument + 2) : NULL;
    if (answer == ':')
        snprintf(sentence, sizeof sentence, "%.80s needs a value; see mxtap-sensor --help", argument);
    else if (meant != NULL)
        snprintf(sentence, sizeof sentence, "unknown option %.80s; did you mean --%s?", argument, meant);
    else
        snprintf(sentence, sizeof sentence, "unknown option %.80s; see mxtap-sensor --help", argument);
    tell(faults, "", sentence);
}

static enum mxt_status take_option(const struct mxt_key *key, const char *value, struct mxt_options *out, const struct mxt_faults *faults)
{
    char why[MXT_KEY_WHY], place[MXT_KEY_WHY];
    enum mxt_status status = mxt_key_set(key, out, value, why);
    if (status == MXT_EUSAGE) {
        snprintf(place, sizeof place, "--%s %.80s: ", key->name, value);
        tell(faults, place, why);
    }
    return status;
}

/* Words that follow -r FILE are captures too, as a shell's glob gives them. */
static enum mxt_status take_rest(int argc, char **argv, const struct mxt_key *read, struct mxt_options *out, const struct mxt_faults *faults)
{
    for (int i = optind; i < argc; i++) {
        if (out->capture_count == 0) {
            char sentence[MXT_KEY_WHY];
            snprintf(sentence, sizeof sentence, "what is \"%.80s\"? To replay captures write -r FILE...", argv[i]);
            tell(faults, "", sentence);
            return MXT_EUSAGE;
        }
        enum mxt_status status = take_option(read, argv[i], out, faults);
        if (status != MXT_OK)
            return status;
    }
    return MXT_OK;
}

/* *given gets a bit for each key that the command line sets. */
static enum mxt_status take_command_line(int argc, char **argv, struct mxt_options *out, const struct mxt_faults *faults, uint64_t *given)
{
    struct option longs[KEYS_MAX + 1];
    char shorts[2 * KEYS_MAX + 2];
    size_t count;
    const struct mxt_key *keys = mxt_keys(&count);
    enum mxt_status status = MXT_OK;
    int answer;
    build_getopt(keys, count, longs, shorts);
    opterr = 0;
    optind = 1;
    while (status == MXT_OK && (answer = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        size_t i = find_option(keys, count, answer);
        if (i == count) {
            explain_refusal(answer, argv[optind - 1], faults);
            return MXT_EUSAGE;
        }
        *given |= UINT64_C(1) << i;
        status = take_option(&keys[i], optarg == NULL ? "" : optarg, out, faults);
    }
    return status == MXT_OK ? take_rest(argc, argv, &keys[mxt_key_find(keys, count, MXT_KEY_ON_COMMAND_LINE, "read")], out, faults) : status;
}

static enum mxt_status fill_defaults(struct mxt_options *out, uint64_t given)
{
    size_t count;
    const struct mxt_key *keys = mxt_keys(&count);
    enum mxt_status status = MXT_OK;
    char why[MXT_KEY_WHY];
    for (size_t i = 0; i < count && status == MXT_OK; i++)
        if (keys[i].fallback != NULL && (given >> i & 1) == 0)
            status = mxt_key_set(&keys[i], out, keys[i].fallback, why);
    return status;
}

static enum mxt_status check_sense(const struct mxt_options *options, const struct mxt_faults *faults)
{
    const char *fault = NULL;
    if (options->action == MXT_ACTION_REPLAY && options->capture_count == 0)
        fault = "nothing to do: write -r FILE... to replay captures, or --help";
    if (options->action == MXT_ACTION_CHECK_CONFIG && options->config == NULL)
        fault = "--check-config: which file? Write --config FILE too";
    if (fault == NULL)
        return MXT_OK;
    tell(faults, "", fault);
    return MXT_EUSAGE;
}

static bool has_use_for_config(const struct mxt_options *options)
{
    return options->config != NULL && (options->action == MXT_ACTION_REPLAY || options->action == MXT_ACTION_CHECK_CONFIG);
}

enum mxt_status mxt_options_parse(int argc, char **argv, struct mxt_options *out, const struct mxt_faults *faults)
{
    uint64_t given = 0;
    *out = (struct mxt_options){.action = MXT_ACTION_REPLAY};
    mxt_judge_config_init(&out->judge);
    enum mxt_status status = take_command_line(argc, argv, out, faults, &given);
    if (status == MXT_OK && has_use_for_config(out))
        status = mxt_config_read(out->config, out, &given, faults);
    if (status == MXT_OK)
        status = fill_defaults(out, given);
    return status == MXT_OK ? check_sense(out, faults) : status;
}

void mxt_options_free(struct mxt_options *options)
{
    free(options->captures);
    free(options->suppressions);
    mxt_networks_free(&options->home);
    mxt_networks_free(&options->judge.relays);
    mxt_arena_free(&options->texts);
    *options = (struct mxt_options){0};
}

static void print_key(const struct mxt_key *key, const char *dashes, unsigned indent)
{
    char letter[] = "    ", left[64];
    const char *form = key->form == NULL ? "" : key->form, *gap = dashes[0] == '-' ? " " : ": ";
    if (key->letter != 0)
        snprintf(letter, sizeof letter, "-%c, ", key->letter);
    snprintf(left, sizeof left, "%s%s%s%s%s", letter, dashes, key->name, form[0] == '\0' ? "" : gap, form);
    printf("  %*s%-*s  %s", (int)indent, "", (int)(32 - indent), left, key->help);
    if (key->fallback != NULL)
        printf(" (default: %s)", key->fallback);
    putchar('\n');
}

void mxt_options_help(void)
{
    size_t count;
    const struct mxt_key *keys = mxt_keys(&count);
    puts("mxtap-sensor " MXTAP_VERSION ": the security of mail in transit, as seen on the wire\n"
         "\n"
         "  mxtap-sensor -r FILE... [options]\n");
    for (size_t i = 0; i < count; i++)
        if ((keys[i].place & MXT_KEY_ON_COMMAND_LINE) != 0)
            print_key(&keys[i], "--", 0);
    puts("\nThe file of --config knows the same names (read: policies: home-net: ...), and:\n");
    for (size_t i = 0; i < count; i++) {
        if (keys[i].place != MXT_KEY_IN_FILE)
            continue;
        print_key(&keys[i], "", 0);
        for (size_t j = 0; j < keys[i].member_count; j++)
            print_key(&keys[i].members[j], "", 2);
    }
    puts("\nExit status: 0 done, 1 failed (a damaged capture too), 2 wrong usage.");
}
