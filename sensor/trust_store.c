#include "sensor/trust_store.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PATH_LENGTH 4096

/* Adds the certificates of a PEM file. Returns their number, -1 where it cannot be opened. A file's end, or what is no certificate, ends the reading. */
static int add_file(X509_STORE *store, const char *path)
{
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return -1;
    int count = 0;
    X509 *x509;
    while ((x509 = PEM_read_X509_AUX(file, NULL, NULL, NULL)) != NULL) {
        if (X509_STORE_add_cert(store, x509) == 1)
            count++;
        X509_free(x509);
    }
    fclose(file);
    ERR_clear_error();
    return count;
}

/* Adds the certificates of every file in a folder; what holds none is passed over. Returns their number, -1 where the folder cannot be opened. */
static int add_folder(X509_STORE *store, const char *path)
{
    DIR *folder = opendir(path);
    if (folder == NULL)
        return -1;
    int count = 0;
    const struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        char file[PATH_LENGTH];
        struct stat status;
        int n = snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        if (n < 0 || (size_t)n >= sizeof file || stat(file, &status) != 0 || !S_ISREG(status.st_mode))
            continue;
        int added = add_file(store, file);
        if (added > 0)
            count += added;
    }
    closedir(folder);
    return count;
}

X509_STORE *mxt_trust_store_load(const char *path, char *error, size_t error_size)
{
    struct stat status;
    if (stat(path, &status) != 0) {
        snprintf(error, error_size, "trust store %s: %s; name a PEM file of trusted certificates, or a folder of such files", path, strerror(errno));
        return NULL;
    }
    X509_STORE *store = X509_STORE_new();
    if (store == NULL) {
        snprintf(error, error_size, "trust store %s: out of memory", path);
        return NULL;
    }
    int count = S_ISDIR(status.st_mode) ? add_folder(store, path) : add_file(store, path);
    if (count > 0)
        return store;
    if (count < 0)
        snprintf(error, error_size, "trust store %s: %s; give mxtap leave to read it", path, strerror(errno));
    else
        snprintf(error, error_size, "trust store %s: no certificate in it; it must be PEM (\"-----BEGIN CERTIFICATE-----\")", path);
    X509_STORE_free(store);
    return NULL;
}

/* "0a1b2c3d.0": a name that OpenSSL looks a certificate up by. */
static bool is_hashed_name(const char *name)
{
    size_t digits = strspn(name, "0123456789abcdef");
    return digits == 8 && name[8] == '.' && isdigit((unsigned char)name[9]);
}

static bool has_hashed_names(const char *path)
{
    DIR *folder = opendir(path);
    if (folder == NULL)
        return false;
    bool has_found = false;
    const struct dirent *entry;
    while (!has_found && (entry = readdir(folder)) != NULL)
        has_found = is_hashed_name(entry->d_name);
    closedir(folder);
    return has_found;
}

/* The environment's answer, where it gives one. Not secure_getenv: with capabilities on the file it would silently answer otherwise. */
static const char *from_environment(const char *variable, const char *otherwise)
{
    const char *value = getenv(variable);
    return value != NULL && value[0] != '\0' ? value : otherwise;
}

X509_STORE *mxt_trust_store_system(void)
{
    X509_STORE *store = X509_STORE_new();
    if (store == NULL)
        return NULL;
    const char *folder = from_environment(X509_get_default_cert_dir_env(), X509_get_default_cert_dir());
    const char *chosen_file = from_environment(X509_get_default_cert_file_env(), NULL);
    /* The folder first: reading the whole file takes 60 ms for 144 certificates, of which a capture needs a few. */
    if (chosen_file == NULL && has_hashed_names(folder) && X509_STORE_load_path(store, folder) == 1)
        return store;
    if (add_file(store, chosen_file != NULL ? chosen_file : X509_get_default_cert_file()) > 0)
        return store;
    ERR_clear_error();
    X509_STORE_free(store);
    return NULL;
}
