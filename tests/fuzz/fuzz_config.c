/* Any bytes as a configuration file: taken without a word, or refused with at least one sentence that fits its buffer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "rules/config_file.h"
#include "sensor/options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void count(void *context, const char *sentence)
{
    unsigned *told = context;
    if (sentence[0] == '\0' || strlen(sentence) >= MXT_FAULT_TEXT || strpbrk(sentence, "\n\033") != NULL)
        abort();
    (*told)++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    unsigned told = 0;
    struct mxt_keys keys;
    struct mxt_given given = {0};
    struct mxt_options options = {.action = MXT_ACTION_REPLAY};
    const struct mxt_faults faults = {.tell = count, .context = &told};
    int file = memfd_create("config", MFD_CLOEXEC);
    if (file < 0 || write(file, data, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    mxt_keys_of(&mxt_sensor_program, &keys);
    mxt_judge_config_init(&options.judge);
    enum mxt_status status = mxt_config_read(path, &keys, &options, &given, &faults);
    if (status == MXT_OK ? told != 0 : status != MXT_EUSAGE || told == 0)
        abort();
    mxt_options_free(&options);
    close(file);
    return 0;
}
