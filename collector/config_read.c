#include "collector/config_read.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX (1u << 20) /* bytes of a configuration; larger is another kind of file */

/* Reads the file whole into `text` of FILE_MAX + 1 bytes. The number of bytes, or -1: told. */
static long read_file(const char *path, unsigned char *text, const struct mxt_faults *faults)
{
    char sentence[MXT_FAULT_TEXT];
    FILE *file = fopen(path, "r");
    size_t n = file == NULL ? 0 : fread(text, 1, FILE_MAX + 1, file);
    bool is_read = file != NULL && !ferror(file);
    if (!is_read)
        snprintf(sentence, sizeof sentence, "--config %.400s: %s; name a file that can be read", path, strerror(errno));
    else if (n > FILE_MAX)
        snprintf(sentence, sizeof sentence, "--config %.400s: longer than %u bytes; is it a configuration?", path, FILE_MAX);
    if (file != NULL)
        fclose(file);
    if (is_read && n <= FILE_MAX)
        return (long)n;
    faults->tell(faults->context, sentence);
    return -1;
}

enum mxt_status mxt_config_read(const char *path, const struct mxt_keys *keys, void *options, struct mxt_given *given, const struct mxt_faults *faults)
{
    unsigned char *text = malloc(FILE_MAX + 1);
    if (text == NULL)
        return MXT_ENOMEM;
    long n = read_file(path, text, faults);
    enum mxt_status status = n < 0 ? MXT_EIO : mxt_config_text(path, text, (size_t)n, keys, options, given, faults);
    free(text);
    return status;
}
