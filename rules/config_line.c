#include "rules/config_line.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "rules/nearest.h"

#define LONG_ONLY 256 /* getopt's value of the key at i is LONG_ONLY + i */

void mxt_config_tell(const struct mxt_faults *faults, const char *place, const char *why)
{
    char sentence[MXT_FAULT_TEXT];
    snprintf(sentence, sizeof sentence, "%s%s%s", place, place[0] == '\0' ? "" : ": ", why);
    faults->tell(faults->context, sentence);
}

static bool has_value(const struct mxt_key *key)
{
    return key->shape != MXT_KEY_ACTION && key->shape != MXT_KEY_FLAG;
}

static void build_getopt(const struct mxt_keys *keys, struct option *longs, char *shorts)
{
    size_t used = 0, n = 0;
    shorts[n++] = ':'; /* a missing value is told apart from an unknown option */
    for (size_t i = 0; i < keys->count; i++) {
        const struct mxt_key *key = keys->key[i];
        if ((key->place & MXT_KEY_ON_COMMAND_LINE) == 0)
            continue;
        longs[used++] = (struct option){mxt_key_option(key), has_value(key) ? required_argument : no_argument, NULL, LONG_ONLY + (int)i};
        if (key->letter != 0) {
            shorts[n++] = key->letter;
            if (has_value(key))
                shorts[n++] = ':';
        }
    }
    longs[used] = (struct option){0};
    shorts[n] = '\0';
}

/* The key of getopt's answer; `count` where it refused. */
static size_t find_option(const struct mxt_keys *keys, int answer)
{
    if (answer >= LONG_ONLY)
        return (size_t)(answer - LONG_ONLY);
    return answer == '?' || answer == ':' ? keys->count : mxt_keys_option(keys, "", (char)answer);
}

/* What getopt refused, in words; `argument` is the word it stopped at. */
static void explain_refusal(const struct mxt_keys *keys, int answer, const char *argument, const struct mxt_faults *faults)
{
    char sentence[MXT_KEY_WHY];
    struct mxt_nearest nearest = {.wanted = strncmp(argument, "--", 2) == 0 ? argument + 2 : ""};
    for (size_t i = 0; i < keys->count; i++)
        if ((keys->key[i]->place & MXT_KEY_ON_COMMAND_LINE) != 0)
            mxt_nearest_offer(&nearest, mxt_key_option(keys->key[i]));
    if (answer == ':')
        snprintf(sentence, sizeof sentence, "%.80s needs a value; see %s --help", argument, keys->program->name);
    else if (nearest.word != NULL)
        snprintf(sentence, sizeof sentence, "unknown option %.80s; did you mean --%s?", argument, nearest.word);
    else
        snprintf(sentence, sizeof sentence, "unknown option %.80s; see %s --help", argument, keys->program->name);
    mxt_config_tell(faults, "", sentence);
}

static enum mxt_status take_option(const struct mxt_keys *keys, size_t i, const char *value, void *options, const struct mxt_faults *faults)
{
    char why[MXT_KEY_WHY], place[MXT_KEY_WHY];
    enum mxt_status status = mxt_keys_set(keys, i, options, value, why);
    if (status == MXT_EUSAGE) {
        snprintf(place, sizeof place, "--%s %.80s", mxt_key_option(keys->key[i]), value);
        mxt_config_tell(faults, place, why);
    }
    return status;
}

static enum mxt_status take_rest(const struct mxt_keys *keys, int argc, char **argv, void *options, const struct mxt_given *given,
                                 const struct mxt_faults *faults)
{
    size_t rest = keys->program->rest == NULL ? keys->count : mxt_keys_option(keys, keys->program->rest, 0);
    for (int i = optind; i < argc; i++) {
        if (rest == keys->count || !(given->is_set[rest] || keys->program->has_free_words)) {
            char sentence[MXT_KEY_WHY];
            snprintf(sentence, sizeof sentence, "what is \"%.80s\"? %s", argv[i], keys->program->stray);
            mxt_config_tell(faults, "", sentence);
            return MXT_EUSAGE;
        }
        enum mxt_status status = take_option(keys, rest, argv[i], options, faults);
        if (status != MXT_OK)
            return status;
    }
    return MXT_OK;
}

enum mxt_status mxt_config_line(const struct mxt_keys *keys, int argc, char **argv, void *options, struct mxt_given *given,
                                const struct mxt_faults *faults)
{
    struct option longs[MXT_KEYS_MAX + 1];
    char shorts[2 * MXT_KEYS_MAX + 2];
    enum mxt_status status = MXT_OK;
    int answer;
    build_getopt(keys, longs, shorts);
    opterr = 0;
    optind = 0; /* begins anew, in glibc's way: another command line may have been read before */
    while (status == MXT_OK && (answer = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        size_t i = find_option(keys, answer);
        if (i == keys->count) {
            explain_refusal(keys, answer, argv[optind - 1], faults);
            return MXT_EUSAGE;
        }
        given->is_set[i] = true;
        const char *value = keys->key[i]->shape == MXT_KEY_FLAG ? "yes" : "";
        status = take_option(keys, i, optarg == NULL ? value : optarg, options, faults);
    }
    return status == MXT_OK ? take_rest(keys, argc, argv, options, given, faults) : status;
}

static void print_key(const struct mxt_key *key, const char *name, const char *dashes, unsigned indent)
{
    char letter[] = "    ", left[64];
    const char *form = key->form == NULL ? "" : key->form, *gap = dashes[0] == '-' ? " " : ": ";
    if (key->letter != 0 && dashes[0] == '-')
        snprintf(letter, sizeof letter, "-%c, ", key->letter);
    snprintf(left, sizeof left, "%s%s%s%s%s", letter, dashes, name, form[0] == '\0' ? "" : gap, form);
    printf("  %*s%-*s  %s", (int)indent, "", (int)(32 - indent), left, key->help);
    if (key->fallback != NULL)
        printf(" (default: %s)", key->fallback);
    putchar('\n');
}

static unsigned depth_of(const struct mxt_key *key)
{
    unsigned depth = 0;
    for (const char *p = key->name; *p != '\0'; p++)
        depth += *p == '.';
    return depth;
}

/* Whether the command line does not show the key already, by the same name. */
static bool is_the_files(const struct mxt_key *key)
{
    return key->place == MXT_KEY_IN_FILE || (key->place == MXT_KEY_IN_BOTH && key->option != NULL);
}

void mxt_config_help(const struct mxt_keys *keys)
{
    puts(keys->program->usage);
    for (size_t i = 0; i < keys->count; i++)
        if ((keys->key[i]->place & MXT_KEY_ON_COMMAND_LINE) != 0)
            print_key(keys->key[i], mxt_key_option(keys->key[i]), "--", 0);
    bool has_file = false;
    for (size_t i = 0; i < keys->count; i++)
        if (is_the_files(keys->key[i])) {
            if (!has_file)
                puts("\nThe file of --config knows the same names, and:\n");
            has_file = true;
            print_key(keys->key[i], mxt_key_own_name(keys->key[i]), "", 2 * depth_of(keys->key[i]));
        }
    if (keys->program->notes[0] != '\0')
        printf("\n%s\n", keys->program->notes);
}
