#include "check.h"

#include <string.h>

#include "decoders/arena.h"
#include "decoders/digest.h"
#include "decoders/hex.h"

/* RFC 1321 A.5, FIPS 180-4's examples. */
static void test_known_answers(void **state)
{
    (void)state;
    struct mxt_arena arena = {0};
    uint8_t out[MXT_SHA256_BYTES];
    mxt_md5("abc", 3, out);
    assert_string_equal(mxt_hex_keep(&arena, out, MXT_MD5_BYTES), "900150983cd24fb0d6963f7d28e17f72");
    mxt_sha1("abc", 3, out);
    assert_string_equal(mxt_hex_keep(&arena, out, MXT_SHA1_BYTES), "a9993e364706816aba3e25717850c26c9cd0d89d");
    mxt_sha256("abc", 3, out);
    assert_string_equal(mxt_hex_keep(&arena, out, MXT_SHA256_BYTES), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    mxt_sha256("", 0, out);
    assert_string_equal(mxt_hex_keep(&arena, out, MXT_SHA256_BYTES), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    mxt_arena_free(&arena);
}

static void test_pieces_give_the_same(void **state)
{
    (void)state;
    static const char text[] = "a text that is longer than one block of sixty-four bytes, so that the pieces cross its border somewhere";
    uint8_t whole[MXT_SHA256_BYTES], pieces[MXT_SHA256_BYTES];
    mxt_sha256(text, sizeof text, whole);
    for (size_t cut = 0; cut <= sizeof text; cut++) {
        struct mxt_sha256 digest;
        mxt_sha256_begin(&digest);
        mxt_sha256_add(&digest, text, cut);
        mxt_sha256_add(&digest, text + cut, sizeof text - cut);
        mxt_sha256_end(&digest, pieces);
        assert_memory_equal(whole, pieces, sizeof whole);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answers),
        cmocka_unit_test(test_pieces_give_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
