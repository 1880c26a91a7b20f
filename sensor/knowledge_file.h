/*
 * Knowledge that outlives the program: what servers and clients normally do, as JSON lines:
 *
 *     {"mxtap_knowledge":1}
 *     {"kind":"server","key":"192.0.2.25:25","marks":{...},"sightings":[...]}     a baseline a line (rules/baseline_json.h)
 *     {"baselines":1}                                                             so that a file cut short is noticed
 *
 * It is replaced whole or not at all. What a sensor believes comes from here, so a file that was not read whole is never written over.
 */
#ifndef MXT_SENSOR_KNOWLEDGE_FILE_H
#define MXT_SENSOR_KNOWLEDGE_FILE_H

#include <stdint.h>

#include "decoders/status.h"
#include "rules/knowledge.h"
#include "rules/faults.h"

#define MXT_KNOWLEDGE_INTERVAL_S 3600 /* between two writings in a long run */

struct mxt_knowledge_file;

/*
 * Reads the file at `path` into `memory`; both and `faults` outlive the object. A file that does not exist yet, or is empty, is one that knows nothing. Lines
 * that are damaged are told by number and passed over; the file is then left alone. `now_s` is the wall clock. MXT_OK, also with damaged lines; MXT_EIO, told:
 * it cannot be read, is no knowledge file, is a newer version's, or its folder cannot be written to; MXT_ENOMEM. *out is NULL on failure.
 */
enum mxt_status mxt_knowledge_file_open(const char *path, struct mxt_memory *memory, int64_t now_s, const struct mxt_faults *faults,
                                        struct mxt_knowledge_file **out) MXT_MUST_CHECK;

/* Writes if an interval has passed since it was read or written. Cheap; failure is told and tried again an interval later. */
void mxt_knowledge_file_tick(struct mxt_knowledge_file *file, int64_t now_s);

/* Writes what the memory holds: a new file beside the old, synced, then renamed over it. MXT_OK; MXT_EIO, told, with the old file as it was; MXT_EUSAGE: it was
 * not read whole and is left alone; MXT_ENOMEM, told. */
enum mxt_status mxt_knowledge_file_write(struct mxt_knowledge_file *file) MXT_MUST_CHECK;

/* Writes nothing. NULL is accepted. */
void mxt_knowledge_file_free(struct mxt_knowledge_file *file);

#endif
