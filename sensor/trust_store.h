/* Trust anchors that were named: a PEM file, or a folder. The system's own: sensor/trust_system.h. */
#ifndef MXT_SENSOR_TRUST_STORE_H
#define MXT_SENSOR_TRUST_STORE_H

#include <openssl/x509.h>
#include <stddef.h>

/*
 * Every certificate in the PEM file, or in the files of the folder, at `path`. The caller frees it by X509_STORE_free.
 * NULL: unreadable, or no certificate there; `error` then holds a sentence that says so.
 */
X509_STORE *mxt_trust_store_load(const char *path, char *error, size_t error_size);

#endif
