/* TLS handshakes as plausible bytes: right in form, so that a decoder finds every fact, with random keys and signatures. */
#ifndef MXT_BENCH_HELLO_H
#define MXT_BENCH_HELLO_H

#include <stdbool.h>

#include "bytes.h"
#include "certificates.h"
#include "random.h"

/* Where in a flight that starts with a hello its 32 random bytes are, and how many bytes precede them. */
#define MXT_HELLO_RANDOM_AT   11u
#define MXT_HELLO_RANDOM_SIZE 32u

/* ClientHello with server_name `name`, offering TLS 1.3 or only 1.2. */
void mxt_hello_client(struct mxt_bytes *out, struct mxt_random *random, const char *name, bool offers_tls13);
/* ServerHello, Certificate, ServerKeyExchange, ServerHelloDone of TLS 1.2. Returns false when no certificate can be made. */
bool mxt_hello_server_tls12(struct mxt_bytes *out, struct mxt_random *random, struct mxt_authority *authority, unsigned number, const char *name);
/* ServerHello, ChangeCipherSpec and the encrypted rest of a TLS 1.3 server's first flight. */
void mxt_hello_server_tls13(struct mxt_bytes *out, struct mxt_random *random);
/* ClientKeyExchange, ChangeCipherSpec, Finished of TLS 1.2. */
void mxt_hello_client_finish_tls12(struct mxt_bytes *out, struct mxt_random *random);
/* NewSessionTicket, ChangeCipherSpec, Finished of TLS 1.2. */
void mxt_hello_server_finish_tls12(struct mxt_bytes *out, struct mxt_random *random);
/* ChangeCipherSpec and encrypted Finished of TLS 1.3. */
void mxt_hello_client_finish_tls13(struct mxt_bytes *out, struct mxt_random *random);
/* One record of encrypted application data, `size` bytes without its header. */
void mxt_hello_data(struct mxt_bytes *out, struct mxt_random *random, uint32_t size);

#endif
