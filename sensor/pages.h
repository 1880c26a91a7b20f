/*
 * Memory for a table that each packet looks at somewhere else: on large pages where the system has them. On pages of 4 KiB finding out where a table's memory lies
 * costs more than reading it, the more so in a virtual machine.
 */
#ifndef MXT_SENSOR_PAGES_H
#define MXT_SENSOR_PAGES_H

#include <stddef.h>

/* `size` bytes (at least 1), zero, aligned to a page, taken up as they are used. NULL: out of memory. Free with mxt_pages_free. */
void *mxt_pages_new(size_t size);

/* Frees what mxt_pages_new gave for `size`. NULL is accepted. */
void mxt_pages_free(void *pages, size_t size);

#endif
