#include "decoders/ja.h"

#include <string.h>

#include "check.h"

struct bytes {
    uint8_t p[16384];
    size_t n;
};

static void put_u16(struct bytes *b, uint16_t value)
{
    b->p[b->n++] = (uint8_t)(value >> 8);
    b->p[b->n++] = (uint8_t)value;
}

static struct mxt_tls_slice list(struct bytes *b, const uint16_t *values, size_t count)
{
    b->n = 0;
    for (size_t i = 0; i < count; i++)
        put_u16(b, values[i]);
    return (struct mxt_tls_slice){.p = b->p, .n = b->n};
}

/* Extensions of these types, without content. */
static struct mxt_tls_slice extensions(struct bytes *b, const uint16_t *types, size_t count)
{
    b->n = 0;
    for (size_t i = 0; i < count; i++) {
        put_u16(b, types[i]);
        put_u16(b, 0);
    }
    return (struct mxt_tls_slice){.p = b->p, .n = b->n};
}

#define TEXT_SLICE(text) ((struct mxt_tls_slice){.p = (const uint8_t *)(text), .n = sizeof(text) - 1})

static const uint16_t chrome_ciphers[] = {0x1a1a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030,
                                          0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035};
static const uint16_t chrome_extensions[] = {0xaaaa, 0x0000, 0x0017, 0xff01, 0x000a, 0x000b, 0x0023, 0x0010, 0x0005,
                                             0x000d, 0x0012, 0x0033, 0x002d, 0x002b, 0x001b, 0x4469, 0x0015, 0x2a2a};
static const uint16_t chrome_signatures[] = {0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601};

/* The example of FoxIO's description of JA4. */
static void test_ja4_of_its_description(void **state)
{
    (void)state;
    struct bytes a, b, c;
    struct mxt_tls_client_hello hello = {.legacy_version = 0x0303, .max_version = 0x0304, .alpn = TEXT_SLICE("\2h2\10http/1.1")};
    hello.ciphers = list(&a, chrome_ciphers, COUNT(chrome_ciphers));
    hello.extensions = extensions(&b, chrome_extensions, COUNT(chrome_extensions));
    hello.signature_algorithms = list(&c, chrome_signatures, COUNT(chrome_signatures));
    struct mxt_arena arena = {0};
    assert_string_equal(mxt_ja4(&arena, &hello), "t13d1516h2_8daaf6152771_e5627efa2ab1");
    mxt_arena_free(&arena);
}

static void test_ja4_first_part(void **state)
{
    (void)state;
    static const struct {
        uint16_t version;
        struct mxt_tls_slice alpn;
        const char *expected;
    } cases[] = {
        {0x0304, {NULL, 0}, "t13i000000_000000000000_000000000000"},
        {0x0303, {(const uint8_t *)"\1h", 2}, "t12i0000hh_000000000000_000000000000"},
        {0x0302, {(const uint8_t *)"\2\xab\xcd", 3}, "t11i0000ad_000000000000_000000000000"},
        {0x0301, {(const uint8_t *)"\2\x30\xab", 3}, "t10i00003b_000000000000_000000000000"},
        {0x0300, {(const uint8_t *)"\1\xab", 2}, "ts3i0000ab_000000000000_000000000000"},
        {0x0002, {(const uint8_t *)"\0", 1}, "ts2i000000_000000000000_000000000000"},
        {0x0404, {(const uint8_t *)"\7h", 2}, "t00i000000_000000000000_000000000000"},
    };
    struct mxt_arena arena = {0};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct mxt_tls_client_hello hello = {.max_version = cases[i].version, .alpn = cases[i].alpn};
        assert_string_equal(mxt_ja4(&arena, &hello), cases[i].expected);
    }
    mxt_arena_free(&arena);
}

/* The example of JA3's README. */
static void test_ja3_of_its_description(void **state)
{
    (void)state;
    static const uint16_t ciphers[] = {47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4};
    static const uint8_t all[] = {0, 0, 0, 0, 0, 10, 0, 0, 0, 11, 0, 0};
    static const uint16_t groups[] = {23, 24, 25};
    struct bytes a, b;
    struct mxt_tls_client_hello hello = {.legacy_version = 769, .extensions = {all, sizeof all}, .point_formats = TEXT_SLICE("\0")};
    hello.ciphers = list(&a, ciphers, COUNT(ciphers));
    hello.groups = list(&b, groups, COUNT(groups));
    struct mxt_arena arena = {0};
    const char *string = mxt_ja3_string(&arena, &hello);
    assert_string_equal(string, "769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0");
    assert_string_equal(mxt_ja3_hash(&arena, string), "ada70206e40642a3e4461f35503241d5");
    struct mxt_tls_client_hello bare = {.legacy_version = 769};
    static const uint16_t others[] = {4, 5, 10, 9, 100, 98, 3, 6};
    bare.ciphers = list(&a, others, COUNT(others));
    assert_string_equal(mxt_ja3_string(&arena, &bare), "769,4-5-10-9-100-98-3-6,,,");
    mxt_arena_free(&arena);
}

static void test_grease_is_left_out(void **state)
{
    (void)state;
    static const uint16_t values[] = {0x0a0a, 0x1301, 0xfafa, 0x0a1a, 0x1a0a};
    struct bytes a, b, c;
    struct mxt_tls_client_hello hello = {.legacy_version = 771};
    hello.ciphers = list(&a, values, COUNT(values));
    hello.extensions = extensions(&b, values, COUNT(values));
    hello.groups = list(&c, values, COUNT(values));
    struct mxt_arena arena = {0};
    assert_string_equal(mxt_ja3_string(&arena, &hello), "771,4865-2586-6666,4865-2586-6666,4865-2586-6666,");
    assert_int_equal(strncmp(mxt_ja4(&arena, &hello), "t00i0303", 8), 0);
    mxt_arena_free(&arena);
}

static void test_ja3s(void **state)
{
    (void)state;
    static const uint16_t types[] = {65281, 0, 11, 35};
    struct bytes a;
    struct mxt_tls_server_hello hello = {.legacy_version = 769, .cipher = 47};
    hello.extensions = extensions(&a, types, COUNT(types));
    struct mxt_arena arena = {0};
    assert_string_equal(mxt_ja3s_string(&arena, &hello), "769,47,65281-0-11-35");
    mxt_arena_free(&arena);
}

/* No fingerprint rather than one of a part. */
static void test_bounds(void **state)
{
    (void)state;
    struct bytes a = {.n = 0};
    for (unsigned i = 0; i < MXT_JA_VALUES; i++)
        put_u16(&a, (uint16_t)(i + 1));
    struct mxt_tls_client_hello hello = {.max_version = 0x0303, .legacy_version = 0x0303, .ciphers = {a.p, a.n}};
    struct mxt_arena arena = {0};
    assert_int_equal(strncmp(mxt_ja4(&arena, &hello), "t12i9900", 8), 0);
    assert_non_null(mxt_ja3_string(&arena, &hello));
    put_u16(&a, 0xeeee);
    hello.ciphers.n = a.n;
    assert_null(mxt_ja4(&arena, &hello));
    assert_null(mxt_ja3_string(&arena, &hello));
    assert_null(mxt_ja3_hash(&arena, NULL));
    hello.ciphers.n = 2;
    hello.is_ssl2 = true;
    assert_null(mxt_ja3_string(&arena, &hello));
    assert_null(mxt_ja4(&arena, &hello));
    mxt_arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ja4_of_its_description), cmocka_unit_test(test_ja4_first_part), cmocka_unit_test(test_ja3_of_its_description),
        cmocka_unit_test(test_grease_is_left_out),     cmocka_unit_test(test_ja3s),           cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
