#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "decoders/proxy.h"

#define V2 "\r\n\r\n\0\r\nQUIT\n"

struct proxy_case {
    const char *in;
    size_t n;
    enum mxt_status status;
    const char *src_ip;
    uint16_t src_port;
    size_t length;
};

#define YES(in, ip, port, length) {in, sizeof(in) - 1, MXT_OK, ip, port, length}
#define NO(in, status) {in, sizeof(in) - 1, status, "", 0, 0}

static const struct proxy_case cases[] = {
    YES("PROXY TCP4 192.0.2.1 198.51.100.2 40000 25\r\nEHLO x\r\n", "192.0.2.1", 40000, 44),
    YES("PROXY TCP6 2001:DB8::1 2001:db8::2 1 65535\r\n", "2001:db8::1", 1, 44),
    YES("PROXY UNKNOWN\r\n", "", 0, 15),
    YES("PROXY UNKNOWN whatever it says\r\n", "", 0, 32),
    NO("PROXY TCP4 192.0.2.1 198.51.100.2 40000 65536\r\n", MXT_EMALFORMED),
    NO("PROXY TCP4 192.0.2.1 198.51.100.2 040 25\r\n", MXT_EMALFORMED),
    NO("PROXY TCP4 192.0.2.1 198.51.100.2 40\r\n", MXT_EMALFORMED),
    NO("PROXY TCP4 192.0.2.1 198.51.100.2 40 25 1\r\n", MXT_EMALFORMED),
    NO("PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n", MXT_EMALFORMED),
    NO("PROXY TCP4 192.0.2.1 198.51.100.2 40000 25\n", MXT_EMALFORMED),
    NO("PROXY TCP5 1 2 3 4\r\n", MXT_EMALFORMED),
    NO("PROXY \r\n", MXT_EMALFORMED),
    NO("PROXX", MXT_EMALFORMED),
    NO("EHLO x\r\n", MXT_EMALFORMED),
    NO("PROXY UNKNOWN 0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\r\n", MXT_EMALFORMED),
    NO("PROXY TCP4 192", MXT_MORE),
    NO("P", MXT_MORE),
    NO("", MXT_MORE),
    YES(V2 "\x21\x11\0\x0c\xc0\0\2\1\xc6\x33\x64\2\x9c\x40\0\x19" "EHLO", "192.0.2.1", 40000, 28),
    YES(V2 "\x21\x21\0\x24\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2\0\1\0\x19", "2001:db8::1", 1, 52),
    YES(V2 "\x21\x11\x10\0\xc0\0\2\1\xc6\x33\x64\2\x9c\x40\0\x19", "192.0.2.1", 40000, 4112), /* its TLVs are still to come */
    YES(V2 "\x20\0\0\0", "", 0, 16),                                                          /* LOCAL */
    YES(V2 "\x20\x11\0\x0c", "", 0, 28),
    YES(V2 "\x21\x31\0\xd8", "", 0, 232),                                                     /* UNIX sockets */
    NO(V2 "\x21\x11\0\x0b\xc0\0\2\1\xc6\x33\x64\2\x9c\x40\0", MXT_EMALFORMED),               /* shorter than its addresses */
    NO(V2 "\x31", MXT_EMALFORMED),
    NO(V2 "\x21\x11\0\x0c\xc0\0\2", MXT_MORE),
    NO("\r\n\r\n", MXT_MORE),
    NO("\r\n\r\nx", MXT_EMALFORMED),
};

static void test_parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (size_t n = 0; n <= cases[i].n; n++) {
            uint8_t *exact = malloc(n == 0 ? 1 : n);
            assert_non_null(exact);
            memcpy(exact, cases[i].in, n);
            struct mxt_proxy proxy = {.src_port = 7};
            enum mxt_status status = mxt_proxy_parse(exact, n, &proxy);
            free(exact);
            if (status == MXT_OK) {
                assert_int_equal(cases[i].status, MXT_OK);
                assert_string_equal(proxy.src_ip, cases[i].src_ip);
                assert_int_equal(proxy.src_port, cases[i].src_port);
                assert_int_equal(proxy.length, cases[i].length);
            } else {
                assert_int_equal(proxy.src_port, 7);
                assert_true(status == MXT_MORE || cases[i].status == MXT_EMALFORMED);
                assert_true(status == MXT_EMALFORMED || n < MXT_PROXY_HEAD_MAX);
            }
            if (n == cases[i].n)
                assert_int_equal(status, cases[i].status);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_parse)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
