/* A capture file of any bytes, alone and merged with itself, which must give each frame twice. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sensor/capture_file.h"

static uint64_t count_frames(const char *const *paths, size_t count)
{
    char error[MXT_CAPTURE_ERROR];
    uint64_t frames = 0, done, total;
    struct mxt_frame frame;
    struct mxt_capture *capture = mxt_capture_open(paths, count, error);
    if (capture == NULL) {
        if (error[0] == '\0')
            abort();
        return 0;
    }
    while (mxt_capture_next(capture, &frame) == MXT_OK) {
        volatile uint8_t last = frame.captured == 0 ? 0 : frame.data[frame.captured - 1];
        (void)last;
        if (frame.wire < frame.captured)
            abort();
        frames++;
    }
    mxt_capture_progress(capture, &done, &total);
    if (done > total)
        abort();
    mxt_capture_free(capture);
    return frames;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    int fd = memfd_create("capture", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    const char *paths[2] = {path, path};
    uint64_t once = count_frames(paths, 1), twice = count_frames(paths, 2);
    if (twice != 2 * once)
        abort();
    close(fd);
    return 0;
}
