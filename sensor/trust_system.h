/*
 * The system's trust anchors, read as bytes at once and parsed when they are asked for: a capture needs few of some 150, which take 60 ms to parse; and when
 * the first is asked for, the sandbox opens no file any more.
 */
#ifndef MXT_SENSOR_TRUST_SYSTEM_H
#define MXT_SENSOR_TRUST_SYSTEM_H

#include <openssl/x509.h>

struct mxt_trust_system;

/*
 * Reads OpenSSL's default folder, whose files are named by the hash of their subject (c_rehash), else its default file; SSL_CERT_FILE and SSL_CERT_DIR are heeded. Nothing
 * there, or nothing readable, is a system without anchors. NULL: out of memory.
 */
struct mxt_trust_system *mxt_trust_system_read(void);

/* Its store, made at the first call; owned by `system`. NULL: the system has no anchor, or memory is out. */
X509_STORE *mxt_trust_system_store(struct mxt_trust_system *system);

/* NULL is accepted. */
void mxt_trust_system_free(struct mxt_trust_system *system);

#endif
