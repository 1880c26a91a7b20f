#include "sensor/mirror.h"

#include <string.h>

#include "check.h"

/* A healthy minute, whatever is said of it must come from what a case changes. */
#define HEALTHY .packets = 100000, .segments = 5000, .sessions = 100, .one_sided = 1, .gapped = 1, .duplicates = 20, .midstream = 2

struct advised {
    size_t count;
    const char *sentences[MXT_MIRROR_ADVICE];
};

static struct advised advise(struct mxt_health interval, bool is_live)
{
    struct advised advised;
    advised.count = mxt_mirror_advise(&interval, is_live, advised.sentences);
    return advised;
}

static void test_a_healthy_mirror_gets_no_advice(void **state)
{
    (void)state;
    assert_int_equal(advise((struct mxt_health){HEALTHY}, true).count, 0);
    assert_int_equal(advise((struct mxt_health){HEALTHY}, false).count, 0);
}

static void test_each_fault_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *says, *mend;
        struct mxt_health seen;
        bool is_live;
    } cases[] = {
        {"No packet came", "mirror session is active", {.packets = 0}, true},
        {"no mail", "--ports", {.packets = 100000}, false},
        {"not understood", "strip its header", {.packets = 100000, .unsupported = 60000}, false},
        {"one side only", "mirror both directions", {.packets = 100000, .segments = 5000, .sessions = 100, .one_sided = 50}, false},
        {"does not keep up", "larger buffer", {.packets = 100000, .segments = 5000, .sessions = 100, .kernel_drops = 200}, true},
        {"card drops", "ethtool -G", {.packets = 100000, .segments = 5000, .sessions = 100, .interface_drops = 200}, true},
        {"missing within sessions", "overloaded", {.packets = 100000, .segments = 5000, .sessions = 100, .gapped = 20}, false},
        {"fragments never", "paths", {.packets = 100000, .segments = 5000, .sessions = 100, .fragments_dropped = 2000}, false},
        {"snap length", "-s 262144", {.packets = 100000, .segments = 5000, .sessions = 100, .snapped = 3000}, false},
        {"come twice", "one direction of all ports", {.packets = 100000, .segments = 5000, .sessions = 100, .duplicates = 2400}, false},
        {"bad checksums", "error counters", {.packets = 100000, .segments = 5000, .sessions = 100, .bad_checksums_dropped = 100}, false},
        {"offload", "at the switch", {.packets = 100000, .segments = 5000, .sessions = 100, .bad_checksums_accepted = 2500}, false},
        {"clock went back", "chrony", {.packets = 100000, .segments = 5000, .sessions = 100, .clock_jumps = 1}, false},
        {"before the capture", "longer", {.packets = 100000, .segments = 5000, .sessions = 100, .midstream = 90}, false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct advised advised = advise(cases[i].seen, cases[i].is_live);
        assert_int_equal(advised.count, 1);
        assert_non_null(strstr(advised.sentences[0], cases[i].says));
        assert_non_null(strstr(advised.sentences[0], cases[i].mend));
    }
}

static void test_too_little_traffic_says_nothing(void **state)
{
    (void)state;
    assert_int_equal(advise((struct mxt_health){.packets = 30, .segments = 30, .sessions = 2, .one_sided = 2, .gapped = 2, .midstream = 2, .duplicates = 20}, true).count, 0);
    assert_int_equal(advise((struct mxt_health){.packets = 500}, true).count, 0);
    assert_int_equal(advise((struct mxt_health){.packets = 0}, false).count, 0); /* an empty capture is told elsewhere */
}

static void test_losses_of_our_own_are_not_blamed_on_the_mirror(void **state)
{
    (void)state;
    struct advised advised = advise((struct mxt_health){.packets = 100000, .segments = 5000, .sessions = 100, .gapped = 50, .kernel_drops = 5000}, true);
    assert_int_equal(advised.count, 1);
    assert_non_null(strstr(advised.sentences[0], "does not keep up"));
}

static void test_all_faults_at_once_are_bounded(void **state)
{
    (void)state;
    struct mxt_health all;
    memset(&all, 0, sizeof all);
    all.packets = all.segments = all.sessions = all.one_sided = all.kernel_drops = all.interface_drops = all.gapped = all.fragments_dropped = UINT64_MAX;
    all.snapped = all.duplicates = all.bad_checksums_dropped = all.bad_checksums_accepted = all.clock_jumps = all.midstream = UINT64_MAX;
    struct advised advised = advise(all, false);
    assert_in_range(advised.count, 9, MXT_MIRROR_ADVICE);
    assert_non_null(strstr(advised.sentences[0], "one side only"));
}

static void test_counters_of_an_interval(void **state)
{
    (void)state;
    struct mxt_health now = {.packets = 100, .sessions = 5, .advice = "x"}, before = {.packets = 60, .sessions = 7};
    mxt_health_subtract(&now, &before);
    assert_int_equal(now.packets, 40);
    assert_int_equal(now.sessions, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_healthy_mirror_gets_no_advice), cmocka_unit_test(test_each_fault_is_named),
        cmocka_unit_test(test_too_little_traffic_says_nothing), cmocka_unit_test(test_losses_of_our_own_are_not_blamed_on_the_mirror),
        cmocka_unit_test(test_all_faults_at_once_are_bounded),  cmocka_unit_test(test_counters_of_an_interval),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
