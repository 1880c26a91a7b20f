/*
 * The capture that kept packets are written to, by a thread of its own: pcapng, or pcap where the name ends in .pcap (then of one link type, the first). A full disk is told once and
 * counted; the file stays whole. Also the budget of memory that all who keep packets share.
 */
#ifndef MXT_SENSOR_KEEP_FILE_H
#define MXT_SENSOR_KEEP_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decoders/status.h"
#include "sensor/kept_packet.h"
#include "sensor/options.h"

struct mxt_keep_file;

struct mxt_keep_counters {
    uint64_t sessions;    /* written */
    uint64_t no_room;     /* connections given up for the budget */
    uint64_t lost;        /* sessions that could not be written: a full disk, another link type than the file's */
};

/* Makes (or empties) the file at options->keep. NULL: why was told on stderr. */
struct mxt_keep_file *mxt_keep_file_open(const struct mxt_options *options);

/* Starts its thread. MXT_OK, or MXT_ENOMEM: the system gives none. */
enum mxt_status mxt_keep_file_start(struct mxt_keep_file *file) MXT_MUST_CHECK;

/* Waits until all is written. False: something could not be; it was told. Without a thread nothing. */
bool mxt_keep_file_finish(struct mxt_keep_file *file);

/* NULL is accepted. */
void mxt_keep_file_free(struct mxt_keep_file *file);

/* Takes bytes from the budget; any thread. False: there are not as many left. mxt_keep_file_give gives them back. */
bool mxt_keep_file_take(struct mxt_keep_file *file, size_t bytes);
void mxt_keep_file_give(struct mxt_keep_file *file, size_t bytes);

/* A connection was given up for want of room; any thread. */
void mxt_keep_file_no_room(struct mxt_keep_file *file);

/* Hands over the packets of a session; from here on they are the file's, which frees them and gives their bytes back. Any thread. */
void mxt_keep_file_put(struct mxt_keep_file *file, struct mxt_kept_packet *packets);

struct mxt_keep_counters mxt_keep_file_counters(struct mxt_keep_file *file);

#endif
