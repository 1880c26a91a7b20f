#include "sensor/capture_build.h"

/* Times in every resolution, in both byte orders. */
static const struct {
    int resolution;
    uint64_t ticks;
    int64_t offset, time_us;
} clocks[] = {
    {-1, UINT64_C(1700000000123456), 0, INT64_C(1700000000123456)},
    {6, UINT64_C(1700000000123456), 0, INT64_C(1700000000123456)},
    {9, UINT64_C(1700000000123456789), 0, INT64_C(1700000000123456)},
    {3, UINT64_C(1700000000123), 0, INT64_C(1700000000123000)},
    {0, 1700000000, 0, INT64_C(1700000000000000)},
    {12, UINT64_C(1700000000123456), 0, INT64_C(1700000000)},
    {127, UINT64_MAX, 0, 1},
    {0x80 | 10, UINT64_C(1700000000) << 10 | 512, 0, INT64_C(1700000000500000)},
    {0x80 | 30, UINT64_C(1700000000) << 30 | UINT64_C(1) << 28, 0, INT64_C(1700000000250000)},
    {0x80 | 63, UINT64_C(1) << 62, 0, 500000},
    {0x80 | 0, 1700000000, 0, INT64_C(1700000000000000)},
    {0x80 | 127, UINT64_C(1) << 63, 0, 1000000},
    {6, 500000, 1700000000, INT64_C(1700000000500000)},
    {9, UINT64_C(1700000000123456789), -700000000, INT64_C(1000000000123456)},
    {0, UINT64_MAX, 0, INT64_MAX}, /* stops at the border */
    {0x80 | 0, UINT64_MAX, 0, INT64_MAX},
    {6, 1, INT64_MAX, 1}, /* an offset that cannot be is none */
    {6, UINT64_MAX, 1, INT64_MAX},
};

static void test_clocks(void **state)
{
    (void)state;
    struct folder folder = folder_new();
    for (int is_swapped = 0; is_swapped < 2; is_swapped++) {
        char path[128];
        struct mxt_frame frame;
        struct file file = file_new(is_swapped == 1);
        ng_section(&file);
        for (size_t i = 0; i < COUNT(clocks); i++)
            ng_interface(&file, 1, 0, NULL, clocks[i].resolution, clocks[i].offset);
        for (uint32_t i = 0; i < COUNT(clocks); i++)
            ng_packet(&file, 6, i, clocks[i].ticks, 4, 4, 1);
        folder_write(&folder, "a", file.bytes, file.length, path);
        struct mxt_capture *capture = open_one(path);
        for (size_t i = 0; i < COUNT(clocks); i++) {
            assert_int_equal(next_frame(capture, &frame), MXT_OK);
            assert_int_equal(frame.time_us, clocks[i].time_us);
        }
        assert_int_equal(next_frame(capture, &frame), MXT_DONE);
        assert_null(mxt_capture_error(capture));
        mxt_capture_free(capture);
        free(file.bytes);
    }
    folder_free(&folder);
}

/* Two sections in different byte orders, interfaces of different kinds, every packet block, and blocks that nobody knows. */
static struct file full_file(size_t *ends)
{
    struct file file = file_new(true), unknown = file_new(true);
    put(&unknown, "a block that is passed over", 27);
    ng_section(&file);
    ng_block(&file, 0x0bad, &unknown);
    ng_interface(&file, 1, 0, "eth\x1b[2J0", 9, 0);
    ng_interface(&file, 113, 30, "any", -1, 0);
    ends[0] = file.length;
    ng_packet(&file, 6, 0, 1000000000, 61, 1514, 'a');
    ends[1] = file.length;
    ng_packet(&file, 2, 1, 2000000, 20, 20, 'b');
    ends[2] = file.length;
    ng_block(&file, 5, &unknown); /* statistics */
    file.is_swapped = false;
    ng_section(&file);
    ng_interface(&file, 276, 30, NULL, -1, 0);
    ends[3] = file.length;
    ng_simple(&file, 30, 100, 'c');
    ends[4] = file.length;
    ng_packet(&file, 6, 0, 3000000, 0, 0, 'd');
    ends[5] = file.length;
    free(unknown.bytes);
    return file;
}

/* Whole, and cut at every length: what is whole comes, and a cut within a block is told. */
static void test_blocks(void **state)
{
    (void)state;
    static const struct {
        int64_t time_us;
        uint32_t captured, wire;
        int link_type;
        const char *interface;
        uint8_t fill;
    } expected[] = {
        {1000000, 61, 1514, 1, "eth\\x1b[2J0", 'a'},
        {2000000, 20, 20, 113, "any", 'b'},
        {2000000, 30, 100, 276, NULL, 'c'}, /* without a time: the latest known */
        {3000000, 0, 0, 276, NULL, 0},
    };
    struct folder folder = folder_new();
    size_t ends[6];
    struct file file = full_file(ends);
    const size_t whole_at[4] = {ends[1], ends[2], ends[4], ends[5]};
    for (size_t n = 28; n <= file.length; n++) {
        char path[128];
        struct mxt_frame frame;
        folder_write(&folder, "a", file.bytes, n, path);
        struct mxt_capture *capture = open_one(path);
        for (size_t i = 0; i < COUNT(expected) && whole_at[i] <= n; i++) {
            assert_int_equal(next_frame(capture, &frame), MXT_OK);
            assert_int_equal(frame.time_us, expected[i].time_us);
            assert_int_equal(frame.captured, expected[i].captured);
            assert_int_equal(frame.wire, expected[i].wire);
            assert_int_equal(frame.link_type, expected[i].link_type);
            if (expected[i].interface == NULL)
                assert_null(frame.interface);
            else
                assert_string_equal(frame.interface, expected[i].interface);
            for (size_t k = 0; k < frame.captured; k++)
                assert_int_equal(frame.data[k], expected[i].fill);
        }
        assert_int_equal(next_frame(capture, &frame), MXT_DONE);
        bool is_between = n == 28;
        for (size_t at = 0; at < n;) { /* blocks end where their lengths say; the second half is in this machine's order */
            uint32_t length;
            memcpy(&length, file.bytes + at + 4, sizeof length);
            at += at < ends[2] + 40 ? __builtin_bswap32(length) : length;
            is_between = at == n;
        }
        assert_int_equal(mxt_capture_error(capture) == NULL, is_between);
        mxt_capture_free(capture);
    }
    free(file.bytes);
    folder_free(&folder);
}

/* A change in one place of a sound file, and what is said of it. */
static void test_damaged(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t block; /* 0: the interface, 1: the packet */
        size_t at;    /* bytes into the block; from its end where `is_from_end` */
        bool is_from_end;
        uint32_t value;
        const char *expected;
    } cases[] = {
        {"length not of 4", 1, 4, false, 45, "a block of impossible length"},       {"length too small", 1, 4, false, 8, "a block of impossible length"},
        {"length huge", 1, 4, false, 0xfffffffc, "a block longer than any packet"}, {"lengths differ", 1, 4, true, 40, "a block whose two lengths differ"},
        {"unknown interface", 1, 8, false, 1, "its interface is not described"},    {"more data than block", 1, 20, false, 13, "it is longer than its block"},
        {"interface length", 0, 4, false, 16, "a block whose two lengths differ"},  {"unknown block over the end", 1, 0, false, 77, NULL},
    };
    struct folder folder = folder_new();
    for (size_t i = 0; i < COUNT(cases); i++) {
        char path[128];
        struct mxt_frame frame;
        struct file file = file_new(false);
        print_message("%s\n", cases[i].name);
        ng_section(&file);
        size_t starts[3] = {file.length, 0, 0};
        ng_interface(&file, 1, 0, NULL, -1, 0);
        starts[1] = file.length;
        ng_packet(&file, 6, 0, 5, 12, 12, 1);
        starts[2] = file.length;
        size_t at = cases[i].is_from_end ? starts[cases[i].block + 1] - cases[i].at : starts[cases[i].block] + cases[i].at;
        memcpy(file.bytes + at, &cases[i].value, 4);
        folder_write(&folder, "a", file.bytes, file.length, path);
        struct mxt_capture *capture = open_one(path);
        assert_int_equal(next_frame(capture, &frame), MXT_DONE);
        if (cases[i].expected == NULL)
            assert_null(mxt_capture_error(capture));
        else
            assert_non_null(strstr(mxt_capture_error(capture), cases[i].expected));
        mxt_capture_free(capture);
        free(file.bytes);
    }
    folder_free(&folder);
}

/* A block of no use may be longer than any buffer; a file that ends within it is cut. */
static void test_long_unknown_block(void **state)
{
    (void)state;
    for (int is_cut = 0; is_cut < 2; is_cut++) {
        struct folder folder = folder_new();
        char path[128];
        struct mxt_frame frame;
        struct file file = file_new(false), body = file_new(false);
        body.length = 700000;
        memset(body.bytes, 0x55, body.length);
        ng_section(&file);
        ng_interface(&file, 1, 0, NULL, -1, 0);
        ng_block(&file, 0x40000bad, &body);
        if (is_cut == 0)
            ng_packet(&file, 6, 0, 5, 12, 12, 1);
        folder_write(&folder, "a", file.bytes, file.length - (is_cut == 1 ? 4 : 0), path);
        struct mxt_capture *capture = open_one(path);
        assert_int_equal(next_frame(capture, &frame), is_cut == 0 ? MXT_OK : MXT_DONE);
        assert_int_equal(next_frame(capture, &frame), MXT_DONE);
        assert_int_equal(mxt_capture_error(capture) != NULL, is_cut == 1);
        mxt_capture_free(capture);
        free(file.bytes);
        free(body.bytes);
        folder_free(&folder);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_clocks), cmocka_unit_test(test_blocks), cmocka_unit_test(test_damaged),
                                       cmocka_unit_test(test_long_unknown_block)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
