#include "check.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sensor/spool.h"

#define LIMIT (64u << 20)

struct folder {
    char path[64];
    char told[2048]; /* all that the spool has said */
    struct mxt_faults faults;
};

static void keep(void *context, const char *sentence)
{
    struct folder *folder = context;
    size_t n = strlen(folder->told);
    snprintf(folder->told + n, sizeof folder->told - n, "%s\n", sentence);
}

static int make_folder(void **state)
{
    struct folder *folder = calloc(1, sizeof *folder);
    assert_non_null(folder);
    snprintf(folder->path, sizeof folder->path, "/tmp/mxt-spool-XXXXXX");
    assert_non_null(mkdtemp(folder->path));
    folder->faults = (struct mxt_faults){keep, folder};
    *state = folder;
    return 0;
}

static int remove_folder(void **state)
{
    struct folder *folder = *state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder->path);
    assert_int_equal(system(command), 0);
    free(folder);
    return 0;
}

static struct mxt_spool *open_spool(struct folder *folder, uint64_t limit)
{
    struct mxt_spool *spool = mxt_spool_open(folder->path, limit, &folder->faults);
    if (spool == NULL)
        fail_msg("%s", folder->told);
    return spool;
}

static enum mxt_status put(struct mxt_spool *spool, unsigned number, size_t padding)
{
    char *text = calloc(1, padding + 1);
    assert_non_null(text);
    memset(text, 'x', padding);
    enum mxt_status status = mxt_spool_append(spool, &number, sizeof number, text, padding);
    free(text);
    return status;
}

/* The next record's number; -1: none. */
static int get(struct mxt_spool *spool, struct mxt_spool_place *place)
{
    const char *record;
    size_t n;
    unsigned number;
    enum mxt_status status = mxt_spool_next(spool, &record, &n, place);
    if (status == MXT_DONE)
        return -1;
    assert_int_equal(status, MXT_OK);
    assert_true(n >= sizeof number);
    memcpy(&number, record, sizeof number);
    for (size_t i = sizeof number; i < n; i++)
        assert_int_equal(record[i], 'x');
    return (int)number;
}

/* Files that hold records, newest last. */
static unsigned count_files(const struct folder *folder, char *last)
{
    unsigned count = 0;
    DIR *open = opendir(folder->path);
    assert_non_null(open);
    *last = '\0';
    for (const struct dirent *entry; (entry = readdir(open)) != NULL;)
        if (strstr(entry->d_name, ".spool") != NULL) {
            count++;
            if (strcmp(entry->d_name, last) > 0)
                strcpy(last, entry->d_name);
        }
    closedir(open);
    return count;
}

static void test_first_in_first_out_over_files_and_restarts(void **state)
{
    struct folder *folder = *state;
    struct mxt_spool_place place = {0};
    char last[256];
    struct mxt_spool *spool = open_spool(folder, LIMIT);
    for (unsigned i = 0; i < 300; i++)
        assert_int_equal(put(spool, i, 50000), MXT_OK);
    assert_true(count_files(folder, last) > 2);
    for (int i = 0; i < 100; i++)
        assert_int_equal(get(spool, &place), i);
    mxt_spool_close(spool);
    spool = open_spool(folder, LIMIT); /* nothing was acknowledged: all of it is there again */
    assert_int_equal(mxt_spool_counters(spool).records, 300);
    assert_int_equal(put(spool, 300, 1), MXT_OK);
    for (int i = 0; i <= 300; i++) {
        assert_int_equal(get(spool, &place), i);
        mxt_spool_acknowledge(spool, place);
    }
    assert_int_equal(get(spool, &place), -1);
    assert_int_equal(mxt_spool_counters(spool).records, 0);
    assert_int_equal(mxt_spool_counters(spool).bytes, 0);
    assert_int_equal(count_files(folder, last), 0);
    assert_int_equal(put(spool, 7, 1), MXT_OK); /* it goes on after it was empty */
    assert_int_equal(get(spool, &place), 7);
    mxt_spool_close(spool);
    assert_string_equal(folder->told, "");
}

static void test_rewind_repeats_what_was_not_acknowledged(void **state)
{
    struct folder *folder = *state;
    struct mxt_spool_place place = {0}, kept = {0};
    struct mxt_spool *spool = open_spool(folder, LIMIT);
    for (unsigned i = 0; i < 200; i++)
        assert_int_equal(put(spool, i, 50000), MXT_OK);
    for (int i = 0; i < 150; i++) {
        assert_int_equal(get(spool, &place), i);
        if (i == 120)
            kept = place;
    }
    for (int i = 0; i <= 120; i++) /* each acknowledgement counts one; the last names the place */
        mxt_spool_acknowledge(spool, kept);
    mxt_spool_rewind(spool);
    assert_int_equal(mxt_spool_counters(spool).unread, 79);
    assert_int_equal(put(spool, 200, 1), MXT_OK);
    for (int i = 121; i <= 200; i++)
        assert_int_equal(get(spool, &place), i);
    assert_int_equal(get(spool, &place), -1);
    assert_int_equal(mxt_spool_counters(spool).unread, 0);
    assert_int_equal(mxt_spool_counters(spool).records, 80);
    mxt_spool_close(spool);
}

static void test_the_limit_holds_and_room_comes_back(void **state)
{
    struct folder *folder = *state;
    struct mxt_spool_place place;
    struct mxt_spool *spool = open_spool(folder, 6u << 20);
    unsigned count = 0;
    while (put(spool, count, 100000) == MXT_OK)
        count++;
    assert_in_range(count, 55, 63);
    assert_int_equal(put(spool, count, 100000), MXT_ELIMIT);
    assert_true(mxt_spool_counters(spool).bytes <= 6u << 20);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(get(spool, &place), i);
        mxt_spool_acknowledge(spool, place);
    }
    assert_int_equal(put(spool, 0, 100000), MXT_OK);
    assert_int_equal(put(spool, 0, MXT_SPOOL_RECORD_MAX), MXT_ELIMIT);
    mxt_spool_close(spool);
}

/* A bound on a file's size refuses as a full disk does: the last write fits in part. */
static void test_a_full_disk_is_told_and_costs_nothing_that_was_in(void **state)
{
    struct folder *folder = *state;
    struct mxt_spool_place place;
    struct mxt_spool *spool = open_spool(folder, LIMIT);
    struct rlimit before, full = {.rlim_cur = 1000000};
    unsigned count = 0;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    full.rlim_max = before.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
    enum mxt_status status;
    while ((status = put(spool, count, 3000)) == MXT_OK)
        count++;
    assert_int_equal(status, MXT_EIO);
    assert_string_not_equal(mxt_spool_error(spool), "");
    assert_int_equal(put(spool, count, 3000), MXT_EIO);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_in_range(count, 300, 340);
    assert_int_equal(put(spool, count, 3000), MXT_OK); /* there is room again */
    mxt_spool_close(spool);
    spool = open_spool(folder, LIMIT);
    for (unsigned i = 0; i <= count; i++)
        assert_int_equal(get(spool, &place), i);
    assert_int_equal(get(spool, &place), -1);
    mxt_spool_close(spool);
    assert_string_equal(folder->told, "");
}

/* Cut at every length of the last record: as a kill in the middle of a write leaves it. */
static void test_a_torn_tail_is_passed_over(void **state)
{
    struct folder *folder = *state;
    char last[256], path[400];
    struct mxt_spool *spool = open_spool(folder, LIMIT);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(put(spool, i, 20), MXT_OK);
    mxt_spool_close(spool);
    assert_int_equal(count_files(folder, last), 1);
    snprintf(path, sizeof path, "%s/%s", folder->path, last);
    for (int cut = 1; cut <= 40; cut++) {
        struct mxt_spool_place place;
        assert_int_equal(truncate(path, 3 * 40 - cut), 0);
        *folder->told = '\0';
        spool = open_spool(folder, LIMIT);
        assert_int_equal(mxt_spool_counters(spool).records, 2);
        assert_int_equal(get(spool, &place), 0);
        assert_int_equal(get(spool, &place), 1);
        assert_int_equal(get(spool, &place), -1);
        assert_true((strstr(folder->told, "not a whole record") != NULL) == (cut < 40));
        mxt_spool_close(spool);
    }
}

/* Any bit of any byte: what is read is what was written, or less of it, and the rest is told. */
static void test_spoilt_bytes_are_recognised(void **state)
{
    struct folder *folder = *state;
    char last[256], path[400], good[120];
    struct mxt_spool *spool = open_spool(folder, LIMIT);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(put(spool, i, 20), MXT_OK);
    mxt_spool_close(spool);
    assert_int_equal(count_files(folder, last), 1);
    snprintf(path, sizeof path, "%s/%s", folder->path, last);
    int fd = open(path, O_RDWR);
    assert_int_equal(read(fd, good, sizeof good), sizeof good);
    for (unsigned at = 0; at < sizeof good; at++) {
        const char bad = (char)(good[at] ^ (1 << at % 8));
        struct mxt_spool_place place;
        int number = -1, count = 0;
        assert_int_equal(pwrite(fd, &bad, 1, at), 1);
        *folder->told = '\0';
        spool = open_spool(folder, LIMIT);
        uint64_t found = mxt_spool_counters(spool).records;
        for (; (number = get(spool, &place)) >= 0; count++)
            assert_int_equal(number, count);
        assert_int_equal(count, at / 40); /* those before the spoilt one */
        assert_int_equal(mxt_spool_counters(spool).lost, found - (uint64_t)count);
        assert_true(*folder->told != '\0');
        mxt_spool_close(spool);
        int again = open(path, O_RDWR | O_CREAT, 0600); /* a file of which nothing is whole was removed */
        assert_int_equal(pwrite(again, good, sizeof good, 0), sizeof good);
        close(fd);
        fd = again;
    }
    close(fd);
}

static void test_a_damaged_file_among_others_costs_its_rest_alone(void **state)
{
    struct folder *folder = *state;
    struct mxt_spool_place place;
    char path[400];
    struct mxt_spool *spool = open_spool(folder, LIMIT);
    for (unsigned i = 0; i < 12; i++)
        assert_int_equal(put(spool, i, 1u << 20), MXT_OK); /* four to a file */
    mxt_spool_close(spool);
    snprintf(path, sizeof path, "%s/%020d.spool", folder->path, 1);
    int fd = open(path, O_WRONLY), next = 0;
    assert_int_equal(pwrite(fd, "?", 1, (1 << 20) + 1000), 1); /* in the second record of the second file */
    close(fd);
    spool = open_spool(folder, LIMIT);
    for (int number; (number = get(spool, &place)) >= 0; next++) {
        assert_int_equal(number, next < 5 ? next : next + 3);
        mxt_spool_acknowledge(spool, place);
    }
    assert_int_equal(next, 9);
    assert_int_equal(mxt_spool_counters(spool).lost, 3);
    assert_int_equal(mxt_spool_counters(spool).records, 0);
    assert_int_equal(mxt_spool_counters(spool).bytes, 0);
    mxt_spool_close(spool);
}

/* That no descriptor can be had for a moment is not the file's fault. */
static void test_no_descriptor_for_a_moment_costs_nothing(void **state)
{
    struct folder *folder = *state;
    struct mxt_spool *spool = open_spool(folder, LIMIT);
    struct mxt_spool_place place;
    const char *record;
    size_t n;
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(put(spool, i, 100), MXT_OK);
    struct rlimit before, none = {.rlim_cur = 0};
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none.rlim_max = before.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    enum mxt_status status = mxt_spool_next(spool, &record, &n, &place);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(status, MXT_ENOMEM);
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(get(spool, &place), i);
    assert_int_equal(mxt_spool_counters(spool).lost, 0);
    mxt_spool_close(spool);
    assert_string_equal(folder->told, "");
}

static void test_one_spool_has_one_user(void **state)
{
    struct folder *folder = *state;
    struct mxt_spool *spool = open_spool(folder, LIMIT);
    assert_null(mxt_spool_open(folder->path, LIMIT, &folder->faults));
    assert_non_null(strstr(folder->told, "another mxtap-sensor uses it"));
    mxt_spool_close(spool);
    spool = open_spool(folder, LIMIT);
    mxt_spool_close(spool);
    assert_null(mxt_spool_open("/nowhere/spool", LIMIT, &folder->faults));
    assert_non_null(strstr(folder->told, "spool /nowhere/spool: No such file or directory"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_first_in_first_out_over_files_and_restarts, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_rewind_repeats_what_was_not_acknowledged, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_the_limit_holds_and_room_comes_back, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_a_full_disk_is_told_and_costs_nothing_that_was_in, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_a_torn_tail_is_passed_over, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_spoilt_bytes_are_recognised, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_a_damaged_file_among_others_costs_its_rest_alone, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_no_descriptor_for_a_moment_costs_nothing, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_one_spool_has_one_user, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
