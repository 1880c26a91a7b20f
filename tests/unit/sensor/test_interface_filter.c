/* What passes the kernel's filter: compiled by libpcap, tried on frames. */
#include "check.h"

#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include "sensor/interface_filter.h"

#define FRAME_MAX 128

struct frame {
    uint8_t bytes[FRAME_MAX];
    uint32_t length;
};

static void put16(struct frame *frame, uint32_t at, unsigned value)
{
    frame->bytes[at] = (uint8_t)(value >> 8);
    frame->bytes[at + 1] = (uint8_t)value;
}

/* Ethernet with `type`, and zeros. */
static struct frame ethernet(unsigned type)
{
    struct frame frame = {.length = FRAME_MAX};
    put16(&frame, 12, type);
    return frame;
}

/* IPv4 from 192.0.2.1 to 192.0.2.2, with ports behind its header. */
static struct frame ipv4(unsigned protocol, unsigned fragment, unsigned src_port, unsigned dst_port)
{
    struct frame frame = ethernet(0x0800);
    memcpy(frame.bytes + 26, (const uint8_t[]){192, 0, 2, 1, 192, 0, 2, 2}, 8);
    frame.bytes[14] = 0x45;
    frame.bytes[23] = (uint8_t)protocol;
    put16(&frame, 20, fragment);
    put16(&frame, 34, src_port);
    put16(&frame, 36, dst_port);
    return frame;
}

static struct frame ipv6(unsigned next, unsigned src_port, unsigned dst_port)
{
    struct frame frame = ethernet(0x86dd);
    frame.bytes[14] = 0x60;
    frame.bytes[20] = (uint8_t)next;
    put16(&frame, 54, src_port);
    put16(&frame, 56, dst_port);
    return frame;
}

static bool passes(const char *expression, const struct frame *frame)
{
    pcap_t *handle = pcap_open_dead(DLT_EN10MB, 262144);
    struct bpf_program program;
    assert_int_equal(pcap_compile(handle, &program, expression, 1, PCAP_NETMASK_UNKNOWN), 0);
    bool is_match = bpf_filter(program.bf_insns, frame->bytes, frame->length, frame->length) != 0;
    pcap_freecode(&program);
    pcap_close(handle);
    return is_match;
}

static void test_mail_and_what_may_hide_it_pass(void **state)
{
    (void)state;
    struct mxt_port_set ports = {0};
    mxt_port_set_add(&ports, 25);
    mxt_port_set_add(&ports, 465);
    mxt_port_set_add(&ports, 466);
    const struct {
        const char *what;
        struct frame frame;
        bool passes, passes_user; /* without a user's filter; with "not host 192.0.2.1" */
    } cases[] = {
        {"to port 25", ipv4(6, 0, 40000, 25), true, false},
        {"from port 466", ipv4(6, 0, 466, 40000), true, false},
        {"another port", ipv4(6, 0, 40000, 80), false, false},
        {"UDP 25", ipv4(17, 0, 40000, 25), false, false},
        {"IPv6 to port 25", ipv6(6, 40000, 25), true, true},
        {"IPv6, another port", ipv6(6, 40000, 80), false, false},
        {"IPv4's first fragment", ipv4(6, 0x2000, 40000, 80), true, true},
        {"IPv4's last fragment", ipv4(6, 0x0010, 0, 0), true, true},
        {"do not fragment is none", ipv4(6, 0x4000, 40000, 80), false, false},
        {"IPv6 fragment", ipv6(44, 0, 0), true, true},
        {"IPv6 hop by hop", ipv6(0, 0, 0), true, true},
        {"GRE", ipv4(47, 0, 0, 0), true, true},
        {"IP in IP", ipv4(4, 0, 0, 0), true, true},
        {"6in4", ipv4(41, 0, 0, 0), true, true},
        {"VXLAN", ipv4(17, 0, 50000, 4789), true, true},
        {"VXLAN, Linux's own port", ipv4(17, 0, 50000, 8472), true, true},
        {"from 4789", ipv4(17, 0, 4789, 50000), false, false},
        {"a second VLAN tag", ethernet(0x8100), true, true},
        {"MPLS", ethernet(0x8847), true, true},
        {"PPPoE", ethernet(0x8864), true, true},
        {"ARP", ethernet(0x0806), false, false},
    };
    char *plain = mxt_interface_filter(&ports, false, NULL), *limited = mxt_interface_filter(&ports, false, "not host 192.0.2.1");
    assert_non_null(plain);
    assert_non_null(limited);
    for (size_t i = 0; i < COUNT(cases); i++)
        if (passes(plain, &cases[i].frame) != cases[i].passes || passes(limited, &cases[i].frame) != cases[i].passes_user)
            fail_msg("%s", cases[i].what);
    free(plain);
    free(limited);
}

static void test_any_port_and_too_many_ranges_ask_for_all_tcp(void **state)
{
    (void)state;
    struct mxt_port_set few = {0}, many = {0};
    mxt_port_set_add(&few, 25);
    for (unsigned port = 1; port < 4000; port += 2)
        mxt_port_set_add(&many, (uint16_t)port);
    const struct frame web = ipv4(6, 0, 40000, 80), name = ipv4(17, 0, 40000, 53);
    char *any = mxt_interface_filter(&few, true, NULL), *wide = mxt_interface_filter(&many, false, NULL);
    assert_non_null(any);
    assert_non_null(wide);
    assert_true(passes(any, &web));
    assert_true(passes(wide, &web));
    assert_false(passes(any, &name));
    free(any);
    free(wide);
}

/* "vlan" in a filter moves what follows it: nothing of ours may. */
static void test_user_filter_with_vlan_leaves_the_rest_in_its_place(void **state)
{
    (void)state;
    struct mxt_port_set ports = {0};
    mxt_port_set_add(&ports, 25);
    const struct frame fragment = ipv4(6, 0x2000, 40000, 80);
    char *text = mxt_interface_filter(&ports, false, "vlan 12");
    assert_non_null(text);
    assert_true(passes(text, &fragment));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mail_and_what_may_hide_it_pass),
        cmocka_unit_test(test_any_port_and_too_many_ranges_ask_for_all_tcp),
        cmocka_unit_test(test_user_filter_with_vlan_leaves_the_rest_in_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
