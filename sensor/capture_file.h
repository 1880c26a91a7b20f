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
struct mxt_chunk;

/* Opens the captures named. NULL on failure, with one sentence in `error` (MXT_CAPTURE_ERROR bytes) that names file, fault and mend; opening fails whole. */
struct mxt_capture *mxt_capture_open(const char *const *paths, size_t count, char *error);

/* NULL is accepted. */
void mxt_capture_free(struct mxt_capture *capture);

/*
 * The next frame in time order. MXT_OK: *out is filled, its bytes valid until the next call, or longer (mxt_capture_take_left). MXT_DONE: all files are at their end;
 * mxt_capture_error tells whether one of them was damaged. MXT_MORE: a pipe has nothing to be read; wait, and call again, or leave. A damaged or truncated file is used
 * up to the damage and then left; the others go on.
 */
enum mxt_status mxt_capture_next(struct mxt_capture *capture, struct mxt_frame *out) MXT_MUST_CHECK;

/* After MXT_MORE: waits until there is something, a signal comes, or a twentieth of a second has passed. */
void mxt_capture_wait(const struct mxt_capture *capture);

/*
 * Memory that frames lie in. The capture takes it back in mxt_capture_next, when the frames in it were given. Who takes it away before that keeps those frames valid, all but
 * the one given last, which lies in later memory; until it gives the memory back, before it frees the capture. NULL: nothing was left since.
 */
struct mxt_chunk *mxt_capture_take_left(struct mxt_capture *capture);
void mxt_capture_give_back(struct mxt_capture *capture, struct mxt_chunk *list);

/* The faults met so far, one sentence a line with file and packet number ("mail.pcap: packet 1234: cut off after 60 of 1514 bytes; ..."), or NULL. Valid until
 * the next call or free. */
const char *mxt_capture_error(const struct mxt_capture *capture);

/* What is worth telling and no fault, one sentence a line (captures without packets), or NULL. Valid until the next call or free. */
const char *mxt_capture_remarks(const struct mxt_capture *capture);

/* Bytes read and bytes in all (of the files, compressed as they are; 0: unknown, a pipe), for a progress bar. Costs one step a file. */
void mxt_capture_progress(const struct mxt_capture *capture, uint64_t *done, uint64_t *total);

#endif
