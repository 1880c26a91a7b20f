/*
 * Captures as a sequence of frames: pcap and pcapng (micro- and nanoseconds, both byte orders, several interfaces, link types and snap lengths), plain, .gz,
 * .zst (known by content, not by name), from files, pipes and stdin ("-", also one that never ends). Several files are merged in time order, a folder stands
 * for the captures in it.
 */
#ifndef MXT_SENSOR_CAPTURE_FILE_H
#define MXT_SENSOR_CAPTURE_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "decoders/packet.h"
#include "decoders/status.h"

#define MXT_CAPTURE_ERROR 512 /* bytes that hold any message of this file */

struct mxt_capture;

/* Opens the captures named. NULL on failure, with one sentence in `error` (MXT_CAPTURE_ERROR bytes) that names file, fault and mend; opening fails whole. */
struct mxt_capture *mxt_capture_open(const char *const *paths, size_t count, char *error);

/* NULL is accepted. */
void mxt_capture_free(struct mxt_capture *capture);

/*
 * From here on a thread reads ahead of the frames asked for, and decompresses, where there is one capture. Several are read as their frames are wanted: they may
 * be thousands. To be called once at most, when threads may be started. `began` (or NULL) is called first thing in the thread.
 */
void mxt_capture_read_ahead(struct mxt_capture *capture, void (*began)(void *context), void *context);

/*
 * The next frame in time order. MXT_OK: *out is filled, its bytes valid until the next call. MXT_DONE: all files are at their end; mxt_capture_error tells
 * whether one of them was damaged. MXT_MORE: a signal came while a pipe had nothing to read, or some time passed; call again, or leave. A damaged or truncated file is used up to
 * the damage and then left; the others go on.
 */
enum mxt_status mxt_capture_next(struct mxt_capture *capture, struct mxt_frame *out) MXT_MUST_CHECK;

/*
 * Up to `max` further frames that are at hand behind the one given last: nothing is read for them. They, and that one, stay valid until mxt_capture_next is called.
 * How many there are; none where files are merged.
 */
size_t mxt_capture_more(struct mxt_capture *capture, struct mxt_frame *out, size_t max);

/* The faults met so far, one sentence a line with file and packet number ("mail.pcap: packet 1234: cut off after 60 of 1514 bytes; ..."), or NULL. Valid until
 * the next call or free. */
const char *mxt_capture_error(const struct mxt_capture *capture);

/* What is worth telling and no fault, one sentence a line (captures without packets), or NULL. Valid until the next call or free. */
const char *mxt_capture_remarks(const struct mxt_capture *capture);

/* Bytes read and bytes in all (of the files, compressed as they are; 0: unknown, a pipe), for a progress bar. Costs one step a file. */
void mxt_capture_progress(const struct mxt_capture *capture, uint64_t *done, uint64_t *total);

#endif
