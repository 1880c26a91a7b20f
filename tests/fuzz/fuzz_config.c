/* Any bytes as a configuration file: taken without a word, or refused with at least one sentence that fits its buffer. */
#include <stdlib.h>
#include <string.h>

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
    unsigned told = 0;
    struct mxt_keys keys;
    struct mxt_given given = {0};
    struct mxt_options options = {.action = MXT_ACTION_REPLAY};
    const struct mxt_faults faults = {.tell = count, .context = &told};
    mxt_keys_of(&mxt_sensor_program, &keys);
    mxt_judge_config_init(&options.judge);
    enum mxt_status status = mxt_config_text("mxtap.yaml", data, size, &keys, &options, &given, &faults);
    if (status == MXT_OK ? told != 0 : status != MXT_EUSAGE || told == 0)
        abort();
    mxt_options_free(&options);
    return 0;
}
