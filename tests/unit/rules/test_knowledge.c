/* The knowledge store in memory. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "rules/knowledge.h"

#define NOW INT64_C(1700000000000000)

static enum mxt_status add(struct mxt_memory *memory, const char *domain, const char *mode, const char *mx)
{
    char text[400];
    char fault[200];
    int n = snprintf(text, sizeof text, "version: STSv1\nmode: %s\n%s\nmax_age: 86400\n", mode, mx);
    return mxt_memory_add_policy(memory, domain, text, (size_t)n, fault, sizeof fault);
}

static const struct mxt_policy *policy_of(struct mxt_memory *memory, const char *domain)
{
    struct mxt_knowledge knowledge = mxt_memory_knowledge(memory);
    return knowledge.policy(knowledge.store, domain, NOW);
}

static size_t of_mx(struct mxt_memory *memory, const char *mx, const struct mxt_policy **out, size_t max)
{
    struct mxt_knowledge knowledge = mxt_memory_knowledge(memory);
    return knowledge.policies_of_mx(knowledge.store, mx, NOW, out, max);
}

static void an_empty_store_knows_nothing(void **state)
{
    (void)state;
    struct mxt_memory *memory = mxt_memory_new();
    const struct mxt_policy *out[2];
    assert_null(policy_of(memory, "example.net"));
    assert_int_equal(of_mx(memory, "mx.example.net", out, 2), 0);
    assert_int_equal(mxt_memory_policies(memory), 0);
    mxt_memory_free(memory);
    mxt_memory_free(NULL);
}

static void policies_are_found_by_their_exact_domain(void **state)
{
    (void)state;
    struct mxt_memory *memory = mxt_memory_new();
    assert_int_equal(add(memory, "Example.NET", "enforce", "mx: a.example"), MXT_OK);
    assert_int_equal(add(memory, "none.example", "none", "mx: a.example"), MXT_OK);
    assert_int_equal(policy_of(memory, "example.net")->mode, MXT_POLICY_ENFORCE);
    assert_int_equal(policy_of(memory, "none.example")->mode, MXT_POLICY_NONE);
    assert_null(policy_of(memory, "sub.example.net"));
    assert_null(policy_of(memory, "net"));
    assert_null(policy_of(memory, ""));
    assert_int_equal(mxt_memory_policies(memory), 2);
    mxt_memory_free(memory);
}

static void a_bad_policy_changes_nothing(void **state)
{
    (void)state;
    struct mxt_memory *memory = mxt_memory_new();
    assert_int_equal(add(memory, "example.net", "enforce", "mx: a.example"), MXT_OK);
    assert_int_equal(add(memory, "example.net", "nonsense", "mx: a.example"), MXT_EMALFORMED);
    assert_int_equal(policy_of(memory, "example.net")->mode, MXT_POLICY_ENFORCE);
    assert_int_equal(mxt_memory_policies(memory), 1);
    mxt_memory_free(memory);
}

static void a_policy_replaces_the_one_before(void **state)
{
    (void)state;
    struct mxt_memory *memory = mxt_memory_new();
    const struct mxt_policy *out[4];
    assert_int_equal(add(memory, "example.net", "enforce", "mx: old.example\nmx: both.example"), MXT_OK);
    assert_int_equal(add(memory, "other.example", "enforce", "mx: both.example"), MXT_OK);
    assert_int_equal(add(memory, "example.net", "testing", "mx: both.example\nmx: new.example"), MXT_OK);
    assert_int_equal(mxt_memory_policies(memory), 2);
    assert_int_equal(policy_of(memory, "example.net")->mode, MXT_POLICY_TESTING);
    assert_int_equal(of_mx(memory, "old.example", out, 4), 0);
    assert_int_equal(of_mx(memory, "new.example", out, 4), 1);
    assert_int_equal(of_mx(memory, "both.example", out, 4), 2);
    assert_string_equal(out[0]->domain, "other.example");
    assert_string_equal(out[1]->domain, "example.net");
    assert_int_equal(add(memory, "example.net", "enforce", "mx: both.example"), MXT_OK); /* the last of its chain */
    assert_int_equal(of_mx(memory, "both.example", out, 4), 2);
    assert_int_equal(out[1]->mode, MXT_POLICY_ENFORCE);
    mxt_memory_free(memory);
}

static void policies_are_found_by_their_mx(void **state)
{
    (void)state;
    struct mxt_memory *memory = mxt_memory_new();
    const struct mxt_policy *out[4];
    assert_int_equal(add(memory, "wild.example", "testing", "mx: *.example.net"), MXT_OK);
    assert_int_equal(add(memory, "exact.example", "enforce", "mx: mx.example.net\nmx: mx.example.net"), MXT_OK);
    assert_int_equal(add(memory, "both.example", "enforce", "mx: *.example.net\nmx: mx.example.net"), MXT_OK);
    assert_int_equal(add(memory, "none.example", "none", "mx: mx.example.net"), MXT_OK);
    assert_int_equal(of_mx(memory, "mx.example.net", out, 4), 3);
    assert_string_equal(out[0]->domain, "exact.example");
    assert_string_equal(out[1]->domain, "both.example");
    assert_string_equal(out[2]->domain, "wild.example");
    assert_int_equal(of_mx(memory, "mx.example.net", out, 2), 2);
    assert_int_equal(of_mx(memory, "other.example.net", out, 4), 2);
    assert_int_equal(of_mx(memory, "a.b.example.net", out, 4), 0);
    assert_int_equal(of_mx(memory, "example.net", out, 4), 0);
    assert_int_equal(of_mx(memory, ".example.net", out, 4), 0);
    assert_int_equal(of_mx(memory, "", out, 4), 0);
    mxt_memory_free(memory);
}

/* The two ways to ask agree: whatever the index finds by a host name matches that name, and nothing that matches is left out. */
static void many_policies_stay_findable(void **state)
{
    (void)state;
    enum { MANY = 1000 };
    static const struct mxt_policy *out[MANY + 1];
    struct mxt_memory *memory = mxt_memory_new();
    char domain[40];
    char mx[80];
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(domain, sizeof domain, "d%u.example", i);
        snprintf(mx, sizeof mx, "mx: shared.provider.example\nmx: mx%u.example", i);
        assert_int_equal(add(memory, domain, "enforce", mx), MXT_OK);
    }
    assert_int_equal(mxt_memory_policies(memory), MANY);
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(domain, sizeof domain, "d%u.example", i);
        const struct mxt_policy *policy = policy_of(memory, domain);
        assert_non_null(policy);
        snprintf(mx, sizeof mx, "mx%u.example", i);
        assert_int_equal(of_mx(memory, mx, out, 2), 1);
        assert_ptr_equal(out[0], policy);
    }
    assert_int_equal(of_mx(memory, "shared.provider.example", out, MANY + 1), MANY);
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(domain, sizeof domain, "d%u.example", i);
        assert_string_equal(out[i]->domain, domain);
    }
    for (unsigned i = 0; i < MANY; i += 2) {
        snprintf(domain, sizeof domain, "d%u.example", i);
        assert_int_equal(add(memory, domain, "none", ""), MXT_OK);
    }
    assert_int_equal(mxt_memory_policies(memory), MANY);
    assert_int_equal(of_mx(memory, "shared.provider.example", out, MANY + 1), MANY / 2);
    mxt_memory_free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_store_knows_nothing),   cmocka_unit_test(policies_are_found_by_their_exact_domain),
        cmocka_unit_test(a_bad_policy_changes_nothing),   cmocka_unit_test(a_policy_replaces_the_one_before),
        cmocka_unit_test(policies_are_found_by_their_mx), cmocka_unit_test(many_policies_stay_findable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
