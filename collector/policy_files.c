#include "collector/policy_files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SENTENCE MXT_FAULT_TEXT

/* The domain that a file name stands for: the name without ".txt". `domain` holds NAME_MAX + 1 bytes. */
static void domain_of(const char *name, char *domain)
{
    size_t n = strlen(name);
    if (n > 4 && strcmp(name + n - 4, ".txt") == 0)
        n -= 4;
    memcpy(domain, name, n);
    domain[n] = '\0';
}

/* Reads at most MXT_POLICY_MAX + 1 bytes of a regular file. -1 with errno set. */
static long read_file(const char *path, char *text)
{
    struct stat status;
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return -1;
    long n = -1;
    if (fstat(fileno(file), &status) == 0) {
        if (S_ISREG(status.st_mode)) {
            n = (long)fread(text, 1, MXT_POLICY_MAX + 1, file);
            if (ferror(file))
                n = -1;
        } else {
            errno = EINVAL;
        }
    }
    int saved = errno;
    fclose(file);
    errno = saved;
    return n;
}

static enum mxt_status add_file(struct mxt_memory *memory, const char *folder, const char *name, char *text, const struct mxt_faults *faults)
{
    char path[SENTENCE], sentence[3 * SENTENCE], why[SENTENCE], domain[NAME_MAX + 1];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    long n = read_file(path, text);
    if (n < 0) {
        snprintf(sentence, sizeof sentence, "%s: cannot be read as a policy: %s; the file is passed over", path, strerror(errno));
        faults->tell(faults->context, sentence);
        return MXT_OK;
    }
    if (n > MXT_POLICY_MAX) {
        snprintf(sentence, sizeof sentence, "%s: longer than the %d bytes a policy may have; the file is passed over", path, MXT_POLICY_MAX);
        faults->tell(faults->context, sentence);
        return MXT_OK;
    }
    domain_of(name, domain);
    enum mxt_status status = mxt_memory_add_policy(memory, domain, text, (size_t)n, why, sizeof why);
    if (status == MXT_EMALFORMED) {
        snprintf(sentence, sizeof sentence, "%s: %s; the file is passed over", path, why);
        faults->tell(faults->context, sentence);
        return MXT_OK;
    }
    return status;
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

enum mxt_status mxt_policy_files_read(struct mxt_memory *memory, const char *folder, const struct mxt_faults *faults)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, is_visible, alphasort);
    if (count < 0) {
        char sentence[SENTENCE];
        snprintf(sentence, sizeof sentence, "--policies %.800s: %s; name a folder of policy files", folder, strerror(errno));
        faults->tell(faults->context, sentence);
        return MXT_EIO;
    }
    char *text = malloc(MXT_POLICY_MAX + 1);
    enum mxt_status status = text == NULL ? MXT_ENOMEM : MXT_OK;
    for (int i = 0; i < count; i++) {
        if (status == MXT_OK)
            status = add_file(memory, folder, entries[i]->d_name, text, faults);
        free(entries[i]);
    }
    free(entries);
    free(text);
    return status;
}
