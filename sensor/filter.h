/* A BPF filter over frames of any link type: compiled once per link type that occurs. */
#ifndef MXT_SENSOR_FILTER_H
#define MXT_SENSOR_FILTER_H

#include <stdbool.h>
#include <stddef.h>

#include "decoders/packet.h"

struct mxt_filter;

/* Checks `expression` (tcpdump's syntax) on Ethernet. NULL on failure, with one sentence in `error`. */
struct mxt_filter *mxt_filter_new(const char *expression, char *error, size_t error_size);

/* NULL is accepted. */
void mxt_filter_free(struct mxt_filter *filter);

/* Whether the frame matches. A link type on which the expression makes no sense matches nothing. */
bool mxt_filter_matches(struct mxt_filter *filter, const struct mxt_frame *frame);

#endif
