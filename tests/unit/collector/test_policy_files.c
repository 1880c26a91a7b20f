#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/policy_files.h"

#define GOOD "version: STSv1\r\nmode: enforce\r\nmx: mx.example.net\r\nmax_age: 86400\r\n"

static char folder[64];
static char reports[4096];

static void report(void *context, const char *sentence)
{
    (void)context;
    strncat(reports, sentence, sizeof reports - strlen(reports) - 2);
    strcat(reports, "\n");
}

static void write_file(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/mxtap-policies-XXXXXX");
    reports[0] = '\0';
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    char command[96];
    (void)state;
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

static void test_valid_files_are_used_and_faults_named(void **state)
{
    (void)state;
    struct mxt_memory *memory = mxt_memory_new();
    const struct mxt_faults faults = {.tell = report};
    char deep[128];
    write_file("example.net.txt", GOOD);
    write_file("EXAMPLE.com", GOOD);
    write_file("broken.example.txt", "version: STSv2\n");
    write_file(".hidden", "not looked at");
    snprintf(deep, sizeof deep, "%s/a-folder", folder);
    assert_int_equal(mkdir(deep, 0700), 0);
    char *large = malloc(MXT_POLICY_MAX + 2);
    assert_non_null(large);
    memset(large, 'x', MXT_POLICY_MAX + 1);
    large[MXT_POLICY_MAX + 1] = '\0';
    write_file("large.example.txt", large);
    free(large);

    assert_int_equal(mxt_policy_files_read(memory, folder, &faults), MXT_OK);
    assert_int_equal(mxt_memory_policies(memory), 2);
    struct mxt_knowledge knowledge = mxt_memory_knowledge(memory);
    assert_non_null(knowledge.policy(knowledge.store, "example.net", 0));
    assert_non_null(knowledge.policy(knowledge.store, "example.com", 0));
    assert_null(knowledge.policy(knowledge.store, "broken.example", 0));
    assert_non_null(strstr(reports, "broken.example.txt"));
    assert_non_null(strstr(reports, "a-folder"));
    assert_non_null(strstr(reports, "large.example.txt"));
    assert_null(strstr(reports, "hidden"));
    mxt_memory_free(memory);
}

static void test_a_missing_folder_is_an_error(void **state)
{
    (void)state;
    struct mxt_memory *memory = mxt_memory_new();
    const struct mxt_faults faults = {.tell = report};
    assert_int_equal(mxt_policy_files_read(memory, "/nonexistent/policies", &faults), MXT_EIO);
    assert_non_null(strstr(reports, "/nonexistent/policies"));
    mxt_memory_free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_valid_files_are_used_and_faults_named, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_a_missing_folder_is_an_error, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
