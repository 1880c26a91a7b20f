#include "check.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rules/json.h"
#include "sensor/knowledge_file.h"

#define TOLD_MAX 8192
#define TEXT_MAX 65536
#define NOW_S    1000000

/* A folder of its own for each test, with one file; what was told, a sentence a line. */
struct scene {
    char folder[64], path[96];
    char told[TOLD_MAX];
    struct mxt_faults faults;
    struct mxt_memory *memory;
    struct mxt_knowledge_file *file;
};

static void keep(void *context, const char *sentence)
{
    char *told = context;
    size_t used = strlen(told);
    snprintf(told + used, TOLD_MAX - used, "%s\n", sentence);
}

static void begin(struct scene *scene)
{
    *scene = (struct scene){.folder = "/tmp/mxtap-knowledge-XXXXXX"};
    assert_non_null(mkdtemp(scene->folder));
    snprintf(scene->path, sizeof scene->path, "%s/knowledge", scene->folder);
    scene->faults = (struct mxt_faults){.tell = keep, .context = scene->told};
    scene->memory = mxt_memory_new();
    assert_non_null(scene->memory);
}

static void end(struct scene *scene)
{
    mxt_knowledge_file_free(scene->file);
    mxt_memory_free(scene->memory);
    unlink(scene->path);
    assert_int_equal(rmdir(scene->folder), 0); /* nothing else was left behind */
}

static enum mxt_status open_file(struct scene *scene)
{
    mxt_knowledge_file_free(scene->file);
    return mxt_knowledge_file_open(scene->path, scene->memory, NOW_S, &scene->faults, &scene->file);
}

/* Forgets everything and reads the file anew. */
static enum mxt_status reopen(struct scene *scene)
{
    mxt_memory_free(scene->memory);
    scene->memory = mxt_memory_new();
    assert_non_null(scene->memory);
    return open_file(scene);
}

static void put(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static size_t get(const char *path, char *text)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t n = fread(text, 1, TEXT_MAX - 1, file);
    text[n] = '\0';
    fclose(file);
    return n;
}

static const struct mxt_baseline *known(struct scene *scene, enum mxt_subject_kind kind, const char *key)
{
    struct mxt_knowledge knowledge = mxt_memory_knowledge(scene->memory);
    struct mxt_subject subject = {.kind = kind};
    snprintf(subject.key, sizeof subject.key, "%s", key);
    return knowledge.baseline(knowledge.store, &subject);
}

static const struct mxt_sighting full = {
    .time_us = INT64_C(1700000000123456),
    .session = UINT64_C(0xfedcba9876543210),
    .client = 1,
    .domain = 2,
    .certificate_key = UINT64_MAX,
    .certificate_issuer = 3,
    .certificate_sni = 4,
    .not_before_us = -5,
    .not_after_us = MXT_JSON_TIME_MAX_US,
    .offered = MXT_NO,
    .attempt = MXT_ATTEMPT_ABORTED,
    .is_ehlo_refused = true,
    .is_exposed = true,
    .is_key_rsa = true,
    .is_trusted = true,
};

static void load(struct scene *scene, enum mxt_subject_kind kind, const char *key, const struct mxt_sighting *sightings, size_t count)
{
    struct mxt_baseline baseline = {.subject = {.kind = kind}, .sightings = sightings, .count = count};
    snprintf(baseline.subject.key, sizeof baseline.subject.key, "%s", key);
    baseline.marks = (struct mxt_marks){
        .known_since_us = 1, .last_offer_us = 2, .broken_since_us = 3, .mixed_since_us = 4, .mixed_told_us = 5, .recent = 0xD, .recent_count = 5};
    assert_int_equal(mxt_memory_load_baseline(scene->memory, &baseline), MXT_OK);
}

static bool is_same_sighting(const struct mxt_sighting *a, const struct mxt_sighting *b)
{
    return a->time_us == b->time_us && a->session == b->session && a->client == b->client && a->domain == b->domain &&
           a->certificate_key == b->certificate_key && a->certificate_issuer == b->certificate_issuer && a->certificate_sni == b->certificate_sni &&
           a->not_before_us == b->not_before_us && a->not_after_us == b->not_after_us && a->offered == b->offered && a->attempt == b->attempt &&
           a->is_ehlo_refused == b->is_ehlo_refused && a->is_exposed == b->is_exposed && a->is_key_rsa == b->is_key_rsa && a->is_trusted == b->is_trusted;
}

static void test_a_file_that_is_not_there_knows_nothing_and_is_made(void **state)
{
    (void)state;
    struct scene scene;
    struct stat status;
    char text[TEXT_MAX];
    begin(&scene);
    assert_int_equal(open_file(&scene), MXT_OK);
    assert_int_equal(stat(scene.path, &status), -1); /* not before something is to be kept */
    assert_int_equal(mxt_knowledge_file_write(scene.file), MXT_OK);
    get(scene.path, text);
    assert_string_equal(text, "{\"mxtap_knowledge\":1}\n{\"baselines\":0}\n");
    assert_int_equal(stat(scene.path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_string_equal(scene.told, "");
    end(&scene);
}

static void test_everything_comes_back(void **state)
{
    (void)state;
    struct scene scene;
    char first[TEXT_MAX], second[TEXT_MAX];
    static struct mxt_sighting many[MXT_SIGHTINGS_MAX];
    for (size_t i = 0; i < MXT_SIGHTINGS_MAX; i++)
        many[i] =
            (struct mxt_sighting){.time_us = (int64_t)i / 2, .session = i, .offered = i % 3 == 0 ? MXT_UNKNOWN : MXT_YES, .attempt = MXT_ATTEMPT_ESTABLISHED};
    begin(&scene);
    assert_int_equal(open_file(&scene), MXT_OK);
    load(&scene, MXT_SUBJECT_SERVER, "192.0.2.25:25", &full, 1);
    load(&scene, MXT_SUBJECT_GREETING, "mx.\"example\".net\\", many, MXT_SIGHTINGS_MAX);
    load(&scene, MXT_SUBJECT_MX, "mx.example.net", &full, 1);
    load(&scene, MXT_SUBJECT_CLIENT_SERVER, "10.1.0.25 192.0.2.25:25", &full, 1);
    load(&scene, MXT_SUBJECT_HELO_DOMAIN, "example.org example.net", &full, 1);
    assert_int_equal(mxt_knowledge_file_write(scene.file), MXT_OK);
    get(scene.path, first);
    assert_int_equal(reopen(&scene), MXT_OK);
    const struct mxt_baseline *server = known(&scene, MXT_SUBJECT_SERVER, "192.0.2.25:25"),
                              *greeting = known(&scene, MXT_SUBJECT_GREETING, "mx.\"example\".net\\");
    assert_true(server != NULL && greeting != NULL && known(&scene, MXT_SUBJECT_MX, "mx.example.net") != NULL);
    assert_true(known(&scene, MXT_SUBJECT_CLIENT_SERVER, "10.1.0.25 192.0.2.25:25") != NULL &&
                known(&scene, MXT_SUBJECT_HELO_DOMAIN, "example.org example.net") != NULL);
    assert_null(known(&scene, MXT_SUBJECT_GREETING, "mx.example.net"));
    assert_int_equal(server->count, 1);
    assert_true(is_same_sighting(&server->sightings[0], &full));
    const struct mxt_marks *marks = &server->marks;
    assert_true(marks->known_since_us == 1 && marks->last_offer_us == 2 && marks->broken_since_us == 3 && marks->mixed_since_us == 4 &&
                marks->mixed_told_us == 5);
    assert_true(marks->recent == 0xD && marks->recent_count == 5);
    assert_int_equal(greeting->count, MXT_SIGHTINGS_MAX);
    for (size_t i = 0; i < MXT_SIGHTINGS_MAX; i++)
        assert_true(is_same_sighting(&greeting->sightings[i], &many[i]));
    assert_int_equal(mxt_knowledge_file_write(scene.file), MXT_OK);
    get(scene.path, second);
    assert_string_equal(first, second);
    assert_string_equal(scene.told, "");
    end(&scene);
}

static const char server_line[] = "{\"kind\":\"server\",\"key\":\"192.0.2.1:25\",\"marks\":{},\"sightings\":[]}\n";
static const char other_line[] =
    "{\"kind\":\"server\",\"key\":\"192.0.2.2:25\",\"marks\":{},\"sightings\":[{\"time_us\":1,\"session\":\"0000000000000001\",\"offered\":true}]}\n";

static void test_damaged_lines_are_named_and_the_file_is_left_alone(void **state)
{
    (void)state;
    static const struct {
        const char *line, *told;
    } cases[] = {
        {"hello\n", ":3: object expected at byte 0; the line is passed over"},
        {"{\"kind\":\"server\"}\n", ":3: kind and key expected"},
        {"{\"key\":\"a\"}\n", ":3: kind and key expected"},
        {"{\"kind\":\"planet\",\"key\":\"a\"}\n", ":3: a kind of subject that is known expected"},
        {"{\"kind\":\"mx\",\"key\":\"\"}\n", ":3: a key of 1 to 319 bytes expected"},
        {"{\"kind\":\"mx\",\"key\":\"a\",\"marks\":{\"recent\":\"012\"}}\n", ":3: at most 20 replies"},
        {"{\"kind\":\"mx\",\"key\":\"a\",\"marks\":{\"recent\":\"111111111111111111111\"}}\n", ":3: at most 20 replies"},
        {"{\"kind\":\"mx\",\"key\":\"a\",\"sightings\":[{\"client\":\"1\"}]}\n", ":3: 16 lower-case hex digits expected"},
        {"{\"kind\":\"mx\",\"key\":\"a\",\"sightings\":[{\"attempt\":\"maybe\"}]}\n", ":3: none, refused, aborted or established expected"},
        {"{\"kind\":\"mx\",\"key\":\"a\",\"sightings\":[{\"time_us\":2},{\"time_us\":1}]}\n", ":3: a sighting later than the one before expected"},
        {"{\"kind\":\"mx\",\"key\":\"a\",\"sightings\":[{\"time_us\":1},{\"time_us\":1}]}\n", ":3: a sighting later than the one before expected"},
        {"{\"kind\":\"mx\",\"key\":\"a\",\"sightings\":[{\"time_us\":1.5}]}\n", ":3: "},
        {"{\"kind\":\"mx\",\"key\":\"a\"\n", ":3: "},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct scene scene;
        char text[TEXT_MAX], after[TEXT_MAX];
        begin(&scene);
        snprintf(text, sizeof text, "{\"mxtap_knowledge\":1}\n%s%s%s{\"baselines\":3}\n", server_line, cases[i].line, other_line);
        put(scene.path, text);
        assert_int_equal(open_file(&scene), MXT_OK);
        if (strstr(scene.told, cases[i].told) == NULL || strstr(scene.told, "will not be written over") == NULL)
            fail_msg("%s-> %s is not: %s", cases[i].line, scene.told, cases[i].told);
        assert_non_null(known(&scene, MXT_SUBJECT_SERVER, "192.0.2.1:25"));
        assert_non_null(known(&scene, MXT_SUBJECT_SERVER, "192.0.2.2:25"));
        assert_null(known(&scene, MXT_SUBJECT_MX, "a"));
        assert_int_equal(mxt_knowledge_file_write(scene.file), MXT_EUSAGE);
        mxt_knowledge_file_tick(scene.file, NOW_S + 2 * MXT_KNOWLEDGE_INTERVAL_S);
        get(scene.path, after);
        assert_string_equal(after, text);
        end(&scene);
    }
}

static void test_a_file_cut_anywhere_is_noticed(void **state)
{
    (void)state;
    char whole[TEXT_MAX], text[TEXT_MAX];
    size_t n = (size_t)snprintf(whole, sizeof whole, "{\"mxtap_knowledge\":1}\n%s%s{\"baselines\":2}\n", server_line, other_line);
    for (size_t cut = 1; cut < n - 1; cut++) {
        struct scene scene;
        begin(&scene);
        memcpy(text, whole, cut);
        text[cut] = '\0';
        put(scene.path, text);
        enum mxt_status status = open_file(&scene);
        assert_true(status == MXT_EIO || (status == MXT_OK && mxt_knowledge_file_write(scene.file) == MXT_EUSAGE));
        assert_true(scene.told[0] != '\0');
        end(&scene);
    }
}

static void test_lines_that_are_too_few_too_many_or_too_long(void **state)
{
    (void)state;
    struct scene scene;
    char *text = malloc(300000);
    assert_non_null(text);
    begin(&scene);
    snprintf(text, 300000, "{\"mxtap_knowledge\":1}\n%s{\"baselines\":2}\n", server_line);
    put(scene.path, text);
    assert_int_equal(open_file(&scene), MXT_OK);
    assert_non_null(strstr(scene.told, ":3: lines are missing or were added"));
    assert_int_equal(mxt_knowledge_file_write(scene.file), MXT_EUSAGE);
    snprintf(text, 300000, "{\"mxtap_knowledge\":1}\n%s{\"baselines\":1}\n%s", server_line, other_line);
    put(scene.path, text);
    assert_int_equal(reopen(&scene), MXT_OK);
    assert_non_null(strstr(scene.told, ":4: something follows the last line"));
    snprintf(text, 300000, "{\"mxtap_knowledge\":1}\n%*s\n%s{\"baselines\":1}\n", 200000, "", server_line);
    put(scene.path, text);
    assert_int_equal(reopen(&scene), MXT_OK);
    assert_non_null(strstr(scene.told, ":2: longer than any line"));
    assert_non_null(known(&scene, MXT_SUBJECT_SERVER, "192.0.2.1:25"));
    free(text);
    end(&scene);
}

static void test_unknown_members_are_passed_over(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene);
    put(scene.path,
        "{\"mxtap_knowledge\":1,\"written_by\":\"mxtap\"}\n"
        "{\"kind\":\"mx\",\"new\":{\"a\":[1,2]},\"key\":\"a\",\"marks\":{\"new\":1},\"sightings\":[{\"new\":null}]}\n{\"baselines\":1,\"new\":1}\n");
    assert_int_equal(open_file(&scene), MXT_OK);
    assert_string_equal(scene.told, "");
    assert_non_null(known(&scene, MXT_SUBJECT_MX, "a"));
    assert_int_equal(mxt_knowledge_file_write(scene.file), MXT_OK);
    end(&scene);
}

static void test_what_is_no_knowledge_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *told;
    } cases[] = {
        {"version: STSv1\n", ":1: this is no knowledge file"},
        {"{}\n", ":1: this is no knowledge file"},
        {"\n", ":1: this is no knowledge file"},
        {"{\"mxtap_knowledge\":2}\n", ":1: this knowledge has another version's form"},
        {"{\"mxtap_knowledge\":\"1\"}\n", ":1: this is no knowledge file"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct scene scene;
        begin(&scene);
        put(scene.path, cases[i].text);
        assert_int_equal(open_file(&scene), MXT_EIO);
        assert_null(scene.file);
        if (strstr(scene.told, cases[i].told) == NULL)
            fail_msg("%s-> %s is not: %s", cases[i].text, scene.told, cases[i].told);
        end(&scene);
    }
}

static void test_an_empty_file_knows_nothing(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene);
    put(scene.path, "");
    assert_int_equal(open_file(&scene), MXT_OK);
    assert_int_equal(mxt_knowledge_file_write(scene.file), MXT_OK);
    assert_int_equal(reopen(&scene), MXT_OK);
    assert_string_equal(scene.told, "");
    end(&scene);
}

static void test_places_that_cannot_serve(void **state)
{
    (void)state;
    static const char *const paths[] = {"/nonexistent/folder/knowledge", "/dev/null", "/tmp"};
    for (size_t i = 0; i < COUNT(paths); i++) {
        struct scene scene;
        begin(&scene);
        assert_int_equal(mxt_knowledge_file_open(paths[i], scene.memory, NOW_S, &scene.faults, &scene.file), MXT_EIO);
        assert_null(scene.file);
        assert_non_null(strstr(scene.told, paths[i]));
        end(&scene);
    }
}

static void test_it_is_written_each_interval(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene);
    assert_int_equal(open_file(&scene), MXT_OK);
    mxt_knowledge_file_tick(scene.file, NOW_S + MXT_KNOWLEDGE_INTERVAL_S - 1);
    assert_int_equal(access(scene.path, F_OK), -1);
    mxt_knowledge_file_tick(scene.file, NOW_S + MXT_KNOWLEDGE_INTERVAL_S);
    assert_int_equal(access(scene.path, F_OK), 0);
    unlink(scene.path);
    mxt_knowledge_file_tick(scene.file, NOW_S + 2 * MXT_KNOWLEDGE_INTERVAL_S - 1);
    assert_int_equal(access(scene.path, F_OK), -1);
    mxt_knowledge_file_tick(scene.file, NOW_S - 7 * MXT_KNOWLEDGE_INTERVAL_S); /* the clock was set back: the interval begins anew */
    assert_int_equal(access(scene.path, F_OK), 0);
    end(&scene);
}

static void test_what_cannot_be_written_leaves_the_old_file(void **state)
{
    (void)state;
    struct scene scene;
    struct stat status;
    char text[TEXT_MAX], blocker[128];
    begin(&scene);
    assert_int_equal(open_file(&scene), MXT_OK);
    assert_int_equal(mxt_knowledge_file_write(scene.file), MXT_OK);
    /* A folder where the file shall stand refuses the renaming, root's too. */
    unlink(scene.path);
    assert_int_equal(mkdir(scene.path, 0700), 0);
    snprintf(blocker, sizeof blocker, "%s/x", scene.path);
    put(blocker, "");
    load(&scene, MXT_SUBJECT_MX, "a", &full, 1);
    assert_int_equal(mxt_knowledge_file_write(scene.file), MXT_EIO);
    assert_non_null(strstr(scene.told, "is not written: "));
    unlink(blocker);
    assert_int_equal(rmdir(scene.path), 0);
    /* A mode that was given to the file stays, and so does a link to it. */
    put(scene.path, "");
    assert_int_equal(chmod(scene.path, 0640), 0);
    snprintf(blocker, sizeof blocker, "%s/link", scene.folder);
    assert_int_equal(symlink(scene.path, blocker), 0);
    mxt_knowledge_file_free(scene.file);
    assert_int_equal(mxt_knowledge_file_open(blocker, scene.memory, NOW_S, &scene.faults, &scene.file), MXT_OK);
    assert_int_equal(mxt_knowledge_file_write(scene.file), MXT_OK);
    assert_int_equal(lstat(blocker, &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    assert_int_equal(stat(scene.path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0640);
    assert_true(get(scene.path, text) > 0);
    unlink(blocker);
    end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_file_that_is_not_there_knows_nothing_and_is_made),
        cmocka_unit_test(test_everything_comes_back),
        cmocka_unit_test(test_damaged_lines_are_named_and_the_file_is_left_alone),
        cmocka_unit_test(test_a_file_cut_anywhere_is_noticed),
        cmocka_unit_test(test_lines_that_are_too_few_too_many_or_too_long),
        cmocka_unit_test(test_unknown_members_are_passed_over),
        cmocka_unit_test(test_what_is_no_knowledge_is_refused),
        cmocka_unit_test(test_an_empty_file_knows_nothing),
        cmocka_unit_test(test_places_that_cannot_serve),
        cmocka_unit_test(test_it_is_written_each_interval),
        cmocka_unit_test(test_what_cannot_be_written_leaves_the_old_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
