#include "sensor/nowait.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "check.h"

#define PIPE_BYTES 8192 /* two pages: one is full with a single byte to whoever asks whether it is ready */

#define LINES 2000

/* A pipe with little room. */
static void make_pipe(int ends[2])
{
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES), PIPE_BYTES);
}

static size_t read_some(int fd, char *to, size_t n)
{
    ssize_t got = read(fd, to, n - 1);
    assert_true(got >= 0);
    to[got] = '\0';
    return (size_t)got;
}

static void test_a_full_pipe_is_not_waited_for(void **state)
{
    (void)state;
    int ends[2];
    char bytes[2 * PIPE_BYTES];
    memset(bytes, 'x', sizeof bytes);
    make_pipe(ends);
    assert_true(mxt_nowait_write(ends[1], bytes, PIPE_BYTES));
    assert_false(mxt_nowait_write(ends[1], bytes, 1));
    assert_int_equal(read_some(ends[0], bytes, sizeof bytes), PIPE_BYTES);
    assert_false(mxt_nowait_write(ends[1], bytes, sizeof bytes)); /* half of it */
    close(ends[0]);
    close(ends[1]);
}

static void test_lost_lines_are_counted_and_told(void **state)
{
    (void)state;
    int ends[2];
    char got[2 * PIPE_BYTES];
    make_pipe(ends);
    FILE *stream = mxt_nowait_open(ends[1]);
    assert_non_null(stream);
    fputs("first\n", stream);
    assert_int_equal(read_some(ends[0], got, sizeof got), 6);
    unsigned written = 0;
    while (written < LINES) {
        fprintf(stream, "line %04u\n", written++);
        assert_false(ferror(stream));
    }
    size_t taken = read_some(ends[0], got, sizeof got) / strlen("line 0000\n");
    assert_in_range(taken, 100, LINES - 1);
    fputs("last\n", stream);
    char expected[PIPE_BYTES];
    snprintf(expected, sizeof expected, "(%zu lines were lost here: nobody had read those before)\nlast\n", written - taken);
    read_some(ends[0], got, sizeof got);
    assert_string_equal(got, expected);
    fclose(stream);
    close(ends[0]);
    close(ends[1]);
}

static void test_a_reader_that_left_is_no_fault(void **state)
{
    (void)state;
    int ends[2];
    make_pipe(ends);
    FILE *stream = mxt_nowait_open(ends[1]);
    assert_non_null(stream);
    close(ends[0]);
    assert_true(fputs("line\n", stream) >= 0);
    assert_false(ferror(stream));
    fclose(stream);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_full_pipe_is_not_waited_for),
        cmocka_unit_test(test_lost_lines_are_counted_and_told),
        cmocka_unit_test(test_a_reader_that_left_is_no_fault),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
