#include "sensor/trust_store.h"

#include <dirent.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
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
