/*
 * Windows into files. A mapped file that is cut off while it is read would kill the program: the first touch of a page that is gone raises SIGBUS. A handler puts a page
 * of zeros in its place and marks the window, for its reader to find.
 *
 * A handler reaches nothing but what is static: hence the table, which is as good as local to this file, and of atomics, since windows come and go in one thread while
 * another one's fault is handled.
 */
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sensor/capture_file_int.h"

#define WINDOWS 64 /* at once, in the process: one for each open capture, and those that batches under way lie in; further captures are read */

struct mxt_window {
    atomic_bool is_taken;
    atomic_bool is_lost;
    atomic_uintptr_t start, end; /* addresses; 0 where nothing is mapped */
};

static struct mxt_window windows[WINDOWS];
static struct sigaction action_before; /* written before the handler can run */

/* Whatever else it was is not for us: the action before comes back, and the instruction that failed runs again. */
static void on_bus_error(int number, siginfo_t *info, void *context)
{
    (void)context;
    uintptr_t at = (uintptr_t)info->si_addr, page = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (size_t i = 0; i < WINDOWS; i++) {
        struct mxt_window *window = &windows[i];
        if (at < atomic_load(&window->start) || at >= atomic_load(&window->end))
            continue;
        void *place = (char *)info->si_addr - at % page;
        if (mmap(place, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
            break;
        atomic_store(&window->is_lost, true);
        return;
    }
    sigaction(number, &action_before, NULL);
}

void mxt_window_guard(void)
{
    struct sigaction action = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO}, before;
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGBUS, &action, &before) == 0 && ((before.sa_flags & SA_SIGINFO) == 0 || before.sa_sigaction != on_bus_error))
        action_before = before;
}

static struct mxt_window *take_window(void)
{
    for (size_t i = 0; i < WINDOWS; i++)
        if (!atomic_exchange(&windows[i].is_taken, true))
            return &windows[i];
    return NULL;
}

struct mxt_window *mxt_window_open(int fd, uint64_t offset, size_t size, const uint8_t **bytes)
{
    struct mxt_window *window = take_window();
    if (window == NULL)
        return NULL;
    void *start = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, (off_t)offset);
    if (start == MAP_FAILED) {
        atomic_store(&window->is_taken, false);
        return NULL;
    }
    atomic_store(&window->is_lost, false);
    atomic_store(&window->start, (uintptr_t)start);
    atomic_store(&window->end, (uintptr_t)start + size);
    (void)madvise(start, size, MADV_SEQUENTIAL); /* hints both: twice the read-ahead, and all pages at once in place of a fault for every 16 */
    (void)madvise(start, size, MADV_POPULATE_READ);
    *bytes = start;
    return window;
}

bool mxt_window_is_lost(const struct mxt_window *window)
{
    return atomic_load(&window->is_lost);
}

void mxt_window_close(struct mxt_window *window)
{
    uintptr_t start = atomic_load(&window->start), end = atomic_load(&window->end);
    atomic_store(&window->end, 0); /* before the start, as it is set behind it: what a handler sees in between is empty */
    atomic_store(&window->start, 0);
    munmap((void *)start, end - start); /* NOLINT(performance-no-int-to-ptr): only whole numbers are atomic everywhere */
    atomic_store(&window->is_taken, false);
}
