/* The sandbox as the options ask for it: who the program becomes, which folders and files it may still use, and what each thread is. */
#ifndef MXT_SENSOR_CONFINE_H
#define MXT_SENSOR_CONFINE_H

#include <stdbool.h>

#include "sensor/options.h"
#include "sensor/sandbox.h"

/*
 * Gives up what is not needed any more; when all is open, before the first thread. A live sensor started by root becomes the user named; a replay stays who it is,
 * since files that it writes are its user's, unless a user is named. Nothing where the options ask for no sandbox, but a word on stderr. False: why was told on stderr.
 */
bool mxt_confine(const struct mxt_options *options);

/* A thread of the program says what it is; the first thing it does. Where it cannot be narrowed the program ends, and says so. */
void mxt_confine_thread(const struct mxt_options *options, enum mxt_sandbox_kind kind);

#endif
