/* Where trust anchors come from: a PEM file, a folder, or the system's own. */
#ifndef MXT_SENSOR_TRUST_STORE_H
#define MXT_SENSOR_TRUST_STORE_H

#include <openssl/x509.h>
#include <stddef.h>

/*
 * Every certificate in the PEM file, or in the files of the folder, at `path`. The caller frees it by X509_STORE_free.
 * NULL: unreadable, or no certificate there; `error` then holds a sentence that says so.
 */
X509_STORE *mxt_trust_store_load(const char *path, char *error, size_t error_size);

/*
 * The system's: OpenSSL's default folder, whose certificates it looks up by hash when they are asked for, else its default file; SSL_CERT_FILE and
 * SSL_CERT_DIR are heeded. NULL: the system has none.
 */
X509_STORE *mxt_trust_store_system(void);

#endif
