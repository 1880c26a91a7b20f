#include "sensor/trust_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ANCHORS_MAX 4096u       /* files of a folder; Debian's has 150 */
#define BYTES_MAX   (32u << 20) /* of all files together */
#define HASH_DIGITS 8

/* A file as it is. */
struct anchor {
    unsigned long hash; /* of the subject, by its name; 0 in a file that holds many */
    char *pem;
    size_t length;
    bool is_parsed;
};

struct mxt_trust_system {
    struct anchor *anchors;
    size_t count, bytes;
    bool is_folder;
    X509_LOOKUP_METHOD *method; /* NULL: the anchors are one file */
    X509_STORE *store;
    bool is_made;
};

/* ---- reading ---- */

static bool read_bytes(int descriptor, char *to, size_t n)
{
    for (size_t at = 0; at < n;) {
        ssize_t got = read(descriptor, to + at, n - at);
        if (got <= 0)
            return false;
        at += (size_t)got;
    }
    return true;
}

/* Adds a file; one that cannot be read, or for which there is no room, is passed over. */
static void add_anchor(struct mxt_trust_system *system, int folder, const char *name, unsigned long hash)
{
    struct stat info;
    int descriptor = openat(folder, name, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return;
    bool is_wanted = fstat(descriptor, &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0 && (uint64_t)info.st_size <= BYTES_MAX - system->bytes;
    struct anchor *grown = is_wanted ? realloc(system->anchors, (system->count + 1) * sizeof *grown) : NULL;
    if (grown != NULL) {
        size_t length = (size_t)info.st_size;
        char *pem = malloc(length);
        system->anchors = grown;
        if (pem != NULL && read_bytes(descriptor, pem, length)) {
            system->anchors[system->count++] = (struct anchor){.hash = hash, .pem = pem, .length = length};
            system->bytes += length;
        } else {
            free(pem);
        }
    }
    close(descriptor);
}

/* "0a1b2c3d.0": the hash that OpenSSL looks a subject up by, and a number among those of one hash. */
static bool is_hashed_name(const char *name, unsigned long *hash)
{
    if (strspn(name, "0123456789abcdef") != HASH_DIGITS || name[HASH_DIGITS] != '.' || strspn(name + HASH_DIGITS + 1, "0123456789") == 0)
        return false;
    *hash = strtoul(name, NULL, 16);
    return true;
}

static void read_folder(struct mxt_trust_system *system, const char *path)
{
    DIR *folder = opendir(path);
    if (folder == NULL)
        return;
    const struct dirent *entry;
    unsigned long hash;
    while (system->count < ANCHORS_MAX && (entry = readdir(folder)) != NULL)
        if (is_hashed_name(entry->d_name, &hash))
            add_anchor(system, dirfd(folder), entry->d_name, hash);
    closedir(folder);
    system->is_folder = system->count > 0;
}

/* The environment's answer, where it gives one. Not secure_getenv: with capabilities on the file it would silently answer otherwise. */
static const char *from_environment(const char *variable, const char *otherwise)
{
    const char *value = getenv(variable);
    return value != NULL && value[0] != '\0' ? value : otherwise;
}

struct mxt_trust_system *mxt_trust_system_read(void)
{
    struct mxt_trust_system *system = calloc(1, sizeof *system);
    if (system == NULL)
        return NULL;
    const char *chosen_file = from_environment(X509_get_default_cert_file_env(), NULL);
    if (chosen_file == NULL)
        read_folder(system, from_environment(X509_get_default_cert_dir_env(), X509_get_default_cert_dir()));
    if (system->count == 0)
        add_anchor(system, AT_FDCWD, chosen_file != NULL ? chosen_file : X509_get_default_cert_file(), 0);
    return system;
}

/* ---- the store ---- */

/* Adds the certificates of a file to the store; their number. What is no certificate ends the reading. */
static int parse(struct anchor *anchor, X509_STORE *store)
{
    BIO *bio = anchor->length <= INT_MAX ? BIO_new_mem_buf(anchor->pem, (int)anchor->length) : NULL;
    int count = 0;
    X509 *x509;
    anchor->is_parsed = true;
    while (bio != NULL && (x509 = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL)) != NULL) {
        count += X509_STORE_add_cert(store, x509) == 1;
        X509_free(x509);
    }
    BIO_free(bio);
    ERR_clear_error();
    return count;
}

/* OpenSSL asks for a subject that is not in the store: parses what has its hash, and answers from the store. */
static int find_by_subject(X509_LOOKUP *lookup, X509_LOOKUP_TYPE type, const X509_NAME *name, X509_OBJECT *found)
{
    struct mxt_trust_system *system = X509_LOOKUP_get_method_data(lookup);
    int is_hashed;
    unsigned long hash = type == X509_LU_X509 ? X509_NAME_hash_ex(name, NULL, NULL, &is_hashed) : 0;
    if (type != X509_LU_X509 || !is_hashed)
        return 0;
    X509_STORE *store = X509_LOOKUP_get_store(lookup);
    int added = 0;
    for (size_t i = 0; i < system->count; i++)
        if (system->anchors[i].hash == hash && !system->anchors[i].is_parsed)
            added += parse(&system->anchors[i], store);
    if (added == 0) /* what was added before, OpenSSL has found itself */
        return 0;
    X509_OBJECT *object = X509_OBJECT_retrieve_by_subject(X509_STORE_get0_objects(store), X509_LU_X509, name);
    X509 *x509 = object == NULL ? NULL : X509_OBJECT_get0_X509(object);
    if (x509 == NULL || X509_OBJECT_set1_X509(found, x509) != 1)
        return 0;
    X509_free(x509); /* the caller takes a reference too, so one is too many (X509_LOOKUP_meth_new(3)) */
    return 1;
}

static bool add_lookup(struct mxt_trust_system *system, X509_STORE *store)
{
    system->method = X509_LOOKUP_meth_new("anchors in memory");
    if (system->method == NULL || X509_LOOKUP_meth_set_get_by_subject(system->method, find_by_subject) != 1)
        return false;
    X509_LOOKUP *lookup = X509_STORE_add_lookup(store, system->method);
    return lookup != NULL && X509_LOOKUP_set_method_data(lookup, system) == 1;
}

X509_STORE *mxt_trust_system_store(struct mxt_trust_system *system)
{
    if (system->is_made)
        return system->store;
    system->is_made = true;
    X509_STORE *store = system->count == 0 ? NULL : X509_STORE_new();
    if (store == NULL)
        return NULL;
    if (system->is_folder ? add_lookup(system, store) : parse(&system->anchors[0], store) > 0)
        system->store = store;
    else
        X509_STORE_free(store);
    return system->store;
}

void mxt_trust_system_free(struct mxt_trust_system *system)
{
    if (system == NULL)
        return;
    X509_STORE_free(system->store);
    X509_LOOKUP_meth_free(system->method);
    for (size_t i = 0; i < system->count; i++)
        free(system->anchors[i].pem);
    free(system->anchors);
    free(system);
}
