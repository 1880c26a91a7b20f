#include "sensor/confine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SENTENCE 500

/* The folder that a file lies in, which may be another than that of its name, where that is a link; NULL: it cannot be told. To be freed. */
static char *folder_of(const char *path)
{
    char *real = realpath(path, NULL);
    char *folder = real != NULL ? real : strdup(path);
    if (folder == NULL)
        return NULL;
    char *slash = strrchr(folder, '/');
    if (slash == NULL) {
        free(folder);
        return strdup(".");
    }
    slash[slash == folder ? 1 : 0] = '\0';
    return folder;
}

static bool is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* A replay opens captures again only where there are several: one is open, and stays so. */
static void add_captures(const struct mxt_options *options, struct mxt_sandbox_config *config)
{
    if (options->interface_count > 0)
        return;
    if (options->capture_count == 1 && !is_folder(options->captures[0]))
        return;
    config->readable = options->captures;
    config->readable_count = options->capture_count;
    config->keeps_reading_all = true;
}

bool mxt_confine(const struct mxt_options *options)
{
    char error[SENTENCE];
    if (options->no_sandbox) {
        if (options->interface_count > 0)
            fputs("mxtap-sensor: no sandbox: for debugging only; whoever sends packets reaches a program with all its privileges\n", stderr);
        return true;
    }
    struct mxt_sandbox_config config = {.user = options->user, .has_publisher = options->redis.url != NULL, .has_metrics = options->interface_count > 0 && options->metrics.port != 0};
    char *knowledge = options->knowledge != NULL && options->redis.url == NULL ? folder_of(options->knowledge) : NULL;
    if (config.user == NULL && options->interface_count > 0)
        config.user = mxt_sandbox_default_user();
    add_captures(options, &config);
    config.folders[0] = knowledge;
    config.folders[1] = options->spool_directory;
    bool has_landlock;
    bool is_confined = mxt_sandbox_enter(&config, &has_landlock, error, sizeof error) == MXT_OK;
    free(knowledge);
    if (!is_confined)
        fprintf(stderr, "mxtap-sensor: %s\n", error);
    else if (!has_landlock && options->interface_count > 0)
        fputs("mxtap-sensor: this kernel has no Landlock: files are protected by the account alone\n", stderr);
    return is_confined;
}

void mxt_confine_thread(const struct mxt_options *options, enum mxt_sandbox_kind kind)
{
    if (options->no_sandbox || mxt_sandbox_narrow(kind) == MXT_OK)
        return;
    fputs("mxtap-sensor: a thread cannot be narrowed to its work; --no-sandbox runs without that, for debugging\n", stderr);
    _exit(1); /* nothing of it may run as it is */
}
