/*
 * Writing to a file descriptor whose reader may have stopped reading, by those that must not wait for it: what it does not take at once is given up, and counted. The descriptor itself stays as it
 * is: O_NONBLOCK would be set for all programs that share it.
 */
#ifndef MXT_SENSOR_NOWAIT_H
#define MXT_SENSOR_NOWAIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Writes as much as is taken without waiting. False: not all was. May be called in a signal's handler. */
bool mxt_nowait_write(int fd, const char *p, size_t n);

/* A stream of lines to `fd`, which is borrowed: lines that are not taken are dropped, and the next that is taken tells how many. Any thread may write to it. fclose() closes it. NULL: out of memory. */
FILE *mxt_nowait_open(int fd);

#endif
