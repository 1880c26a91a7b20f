#include "bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PRINT_MAX 512

void mxt_bytes_free(struct mxt_bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct mxt_bytes){0};
}

static bool reserve(struct mxt_bytes *bytes, size_t more)
{
    if (bytes->failed)
        return false;
    if (more <= bytes->size - bytes->length)
        return true;
    size_t size = (bytes->length + more) * 2;
    uint8_t *data = realloc(bytes->data, size);
    if (data == NULL) {
        bytes->failed = true;
        return false;
    }
    bytes->data = data;
    bytes->size = size;
    return true;
}

void mxt_bytes_append(struct mxt_bytes *bytes, const void *data, size_t length)
{
    if (length == 0 || !reserve(bytes, length))
        return;
    memcpy(bytes->data + bytes->length, data, length);
    bytes->length += length;
}

static void store(uint8_t *to, size_t value, unsigned width)
{
    for (unsigned i = 0; i < width; i++)
        to[i] = (uint8_t)(value >> (8 * (width - 1 - i)));
}

void mxt_bytes_number(struct mxt_bytes *bytes, uint32_t value, unsigned width)
{
    uint8_t number[4];
    store(number, value, width);
    mxt_bytes_append(bytes, number, width);
}

void mxt_bytes_print(struct mxt_bytes *bytes, const char *format, ...)
{
    char text[PRINT_MAX];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof text)
        bytes->failed = true;
    else
        mxt_bytes_append(bytes, text, (size_t)length);
}

size_t mxt_bytes_open(struct mxt_bytes *bytes, unsigned width)
{
    size_t at = bytes->length;
    mxt_bytes_number(bytes, 0, width);
    return at;
}

void mxt_bytes_close(struct mxt_bytes *bytes, size_t at, unsigned width)
{
    if (!bytes->failed)
        store(bytes->data + at, bytes->length - at - width, width);
}

struct mxt_slice mxt_bytes_slice(const struct mxt_bytes *bytes)
{
    return (struct mxt_slice){bytes->data, (uint32_t)bytes->length};
}
