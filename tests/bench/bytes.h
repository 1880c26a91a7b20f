/* A growing buffer and slices of it, for building messages. */
#ifndef MXT_BENCH_BYTES_H
#define MXT_BENCH_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mxt_slice {
    const uint8_t *bytes;
    uint32_t length;
};

/* Once an append fails for want of memory, `failed` stays set and later appends do nothing. */
struct mxt_bytes {
    uint8_t *data;
    size_t length;
    size_t size;
    bool failed;
};

void mxt_bytes_free(struct mxt_bytes *bytes);
void mxt_bytes_append(struct mxt_bytes *bytes, const void *data, size_t length);
/* Appends a number of `width` bytes, 1 to 4, in network order. */
void mxt_bytes_number(struct mxt_bytes *bytes, uint32_t value, unsigned width);
/* Appends text as printf would write it; at most 511 characters. */
void mxt_bytes_print(struct mxt_bytes *bytes, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Leaves room for a length of `width` bytes; returns where, for mxt_bytes_close. */
size_t mxt_bytes_open(struct mxt_bytes *bytes, unsigned width);
/* Writes the length of what was appended since into the room left at `at`. */
void mxt_bytes_close(struct mxt_bytes *bytes, size_t at, unsigned width);
/* All of it; valid until the next append. */
struct mxt_slice mxt_bytes_slice(const struct mxt_bytes *bytes);

#endif
