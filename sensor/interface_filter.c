#include "sensor/interface_filter.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define RANGES_MAX 64 /* of ports that are spelt out: programs in the kernel have 4096 instructions; beyond, all TCP is asked for */

/*
 * Fragments (but IPv6's first, its header is among the next); IP in IP, GRE, AH; the extension headers of IPv6. 802.1Q is told by the kernel beside the frame, so
 * that a single tag hides nothing; further ones do.
 */
static const char ip_passages[] = "(ip[6:2] & 0x3fff != 0) or (ip[9] = 4) or (ip[9] = 41) or (ip[9] = 47) or (ip[9] = 51)"
                                  " or (ip6[6] = 0) or (ip6[6] = 4) or (ip6[6] = 41) or (ip6[6] = 43) or (ip6[6] = 44) or (ip6[6] = 47) or (ip6[6] = 51)"
                                  " or (ip6[6] = 60) or (ip6[6] = 135) or (ip6[6] = 139) or (ip6[6] = 140)"
                                  " or (udp dst port 4789) or (udp dst port 8472)";

/* VLAN tags of all kinds, MPLS, PPPoE, bridged Ethernet, and LLC, which may have IP behind a SNAP header. */
static const char link_passages[] = "(ether proto 0x8100) or (ether proto 0x88a8) or (ether proto 0x9100) or (ether proto 0x9200) or (ether proto 0x8847)"
                                    " or (ether proto 0x8848) or (ether proto 0x8864) or (ether proto 0x6558) or (ether[12:2] < 0x600)";

static uint32_t range_end(const struct mxt_port_set *ports, uint32_t first)
{
    uint32_t last = first;
    while (last < UINT16_MAX && mxt_port_set_has(ports, (uint16_t)(last + 1)))
        last++;
    return last;
}

static size_t count_ranges(const struct mxt_port_set *ports)
{
    size_t count = 0;
    for (uint32_t port = 0; port <= UINT16_MAX; port++) {
        if (mxt_port_set_has(ports, (uint16_t)port)) {
            port = range_end(ports, port);
            count++;
        }
    }
    return count;
}

static void put_ports(FILE *out, const struct mxt_port_set *ports)
{
    const char *separator = " and (";
    for (uint32_t port = 0; port <= UINT16_MAX; port++) {
        if (!mxt_port_set_has(ports, (uint16_t)port))
            continue;
        uint32_t last = range_end(ports, port);
        fprintf(out, last == port ? "%sport %u" : "%sportrange %u-%u", separator, port, last);
        separator = " or ";
        port = last;
    }
    fputc(')', out);
}

char *mxt_interface_filter(const struct mxt_port_set *ports, bool has_any_port, const char *user)
{
    char *text = NULL;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    if (out == NULL)
        return NULL;
    fprintf(out, "%s or %s or (tcp", link_passages, ip_passages);
    size_t ranges = has_any_port ? 0 : count_ranges(ports);
    if (ranges > 0 && ranges <= RANGES_MAX)
        put_ports(out, ports);
    if (user != NULL) /* last: "vlan" in it moves all that follows */
        fprintf(out, " and (%s)", user);
    fputc(')', out);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}
